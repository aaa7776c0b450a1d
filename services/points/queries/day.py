"""What one member's day came to: every version's outcome, and the lines it wrote."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.points.queries.statement import list_lines_of_day
from services.points.queries.visibility import is_at_home, may_read_at
from services.points.store.settlement import Outcome
from shared import clock, copies
from shared.copies import station
from shared.db import session
from shared.errors import Forbidden
from shared.principal import Principal

OUTCOMES_MAX = 200


@dataclass(frozen=True, slots=True)
class Day:
    """`is_whole`: not only what happened where the caller has a role; else there are no lines."""

    member_id: UUID
    day: date
    is_whole: bool
    outcomes: list[dict[str, Any]]
    lines: list[dict[str, Any]]


def show_day(caller: Principal, *, member_id: UUID, day: date) -> Day:
    """The whole day of one's own members and, for staff and auditors, of those at home below their nodes; for others
    with a role the outcomes of their stations. Forbidden when that is nothing. With what became of entries of the same
    person that were merged into this one.
    """
    tx = session()
    theirs = copies.list_merged(tx, member_id)
    is_whole = caller.acts_for(member_id) or is_at_home(tx, caller, member_id)
    rows = tx.execute(
        select(Outcome, station.c.name, station.c.path)
        .outerjoin(station, station.c.node_id == Outcome.station_id)
        .where(Outcome.member_id.in_(theirs), Outcome.service_day == day)
        .order_by(Outcome.booked_at, Outcome.attendance_id, Outcome.version)
        .limit(OUTCOMES_MAX)
    ).all()
    seen = [row for row in rows if is_whole or may_read_at(caller, row.path or "")]
    if not is_whole and not seen:
        raise Forbidden
    since, until = clock.day_starts(day), clock.day_starts(day + timedelta(days=1))
    return Day(
        member_id=member_id,
        day=day,
        is_whole=is_whole,
        outcomes=[_as_told(outcome, name) for outcome, name, _path in seen],
        lines=list_lines_of_day(tx, theirs, day, since, until) if is_whole else [],
    )


def _as_told(outcome: Outcome, station_name: str | None) -> dict[str, Any]:
    return {
        "attendance_id": outcome.attendance_id,
        "version": outcome.version,
        "state": outcome.state,
        "title": outcome.title,
        "station_name": station_name,
        "points": outcome.points,
        "minutes": outcome.minutes_booked,
        "reason": outcome.reason,
        "note": outcome.note,
        "booked_at": outcome.booked_at,
    }
