"""What attendances came to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from services.points.domain.settlement import OutcomeState
from services.points.queries.visibility import may_read_at, require_may_read
from services.points.store.settlement import Outcome
from shared.copies import station
from shared.db import session
from shared.principal import Principal

_WIRE_STATES = {OutcomeState.ANNULLED: "reversed"}


def list_awards(caller: Principal, *, attendance_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The newest version's outcome of each attendance that has one.

    The caller must be allowed to see each: an own member's, a member's of a station the caller serves,
    or, as organizer, one that took place there.
    """
    tx = session()
    newest = (
        select(Outcome.attendance_id, Outcome.version)
        .ext(distinct_on(Outcome.attendance_id))
        .where(Outcome.attendance_id.in_(attendance_ids))
        .order_by(Outcome.attendance_id, Outcome.version.desc())
    ).subquery()
    rows = tx.execute(
        select(Outcome, station.c.path)
        .outerjoin(station, station.c.node_id == Outcome.station_id)
        .where(tuple_(Outcome.attendance_id, Outcome.version).in_(select(newest)))
        .order_by(Outcome.attendance_id)
    ).all()
    require_may_read(
        tx, caller, {outcome.member_id for outcome, path in rows if path is None or not may_read_at(caller, path)}
    )
    return [
        {
            "attendance_id": outcome.attendance_id,
            "version": outcome.version,
            "state": _WIRE_STATES.get(outcome.state, outcome.state),
            "points": outcome.points,
            "minutes": outcome.minutes_booked,
            "reason": outcome.reason,
            "booked_at": outcome.booked_at,
        }
        for outcome, _path in rows
    ]
