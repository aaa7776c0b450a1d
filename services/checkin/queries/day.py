"""One person, one day: all that check-in knows of it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.checkin.domain.attendances import NotYours
from services.checkin.queries.activities import READERS
from services.checkin.queries.attendances import as_shown, told
from services.checkin.store import day as day_store
from services.checkin.store import doubled
from shared import clock
from shared.db import session
from shared.principal import Principal, Role

_TOLD_OF_ACTS = ("reason", "before", "after", "evidence", "arrived_at", "left_at")
"""Of an act's detail; the rest is of other people."""


@dataclass(frozen=True, slots=True)
class Day:
    """All that check-in knows of one member on one Shanghai day. `is_whole`: not only what happened where the caller
    has a role.
    """

    member_id: UUID
    day: date
    name_masked: str | None
    station_name: str | None
    is_whole: bool
    scans: list[dict[str, Any]]
    attendances: list[dict[str, Any]]
    acts: list[dict[str, Any]]
    on_their_way: list[dict[str, Any]]
    doubled: list[UUID]
    """Which of the attendances count while another entry of the person, merged since, has the same hours."""


def show_day(caller: Principal, *, member_id: UUID, day: date) -> Day:
    """The whole day of one's own members, and for staff and auditors of those at home below their nodes; for
    organizers and auditors elsewhere what happened there. NotYours when that is nothing.
    """
    tx = session()
    since = clock.day_starts(day)
    until = clock.day_starts(day + timedelta(days=1))
    member = day_store.find_member(tx, member_id)
    home = "" if member is None else member.path or ""
    is_whole = caller.acts_for(member_id) or any(caller.may(role, home) for role in (Role.STAFF, Role.AUDITOR))
    if not is_whole and not any(caller.has(role) for role in READERS):
        raise NotYours

    def is_seen(row: Row[Any]) -> bool:
        return is_whole or any(caller.may(role, row.station_path or "") for role in READERS)

    pairs = [row for row in day_store.list_attendances(tx, member_id, since, until) if is_seen(row)]
    ids = [pair.id for pair in pairs]
    scans = [row for row in day_store.list_scans(tx, member_id, since, until, ids) if is_seen(row)]
    if not is_whole and not pairs and not scans:
        raise NotYours
    return Day(
        member_id=member_id,
        day=day,
        name_masked=None if member is None else member.name_masked,
        station_name=None if member is None else member.station_name,
        is_whole=is_whole,
        scans=[dict(row._mapping) | {"detail": told(row)} for row in scans],
        attendances=[as_shown(row) for row in pairs],
        acts=[
            dict(row._mapping) | {"detail": {name: row.detail[name] for name in _TOLD_OF_ACTS if row.detail.get(name)}}
            for row in day_store.list_acts(tx, pairs)
        ],
        on_their_way=[dict(row._mapping) for row in day_store.list_on_their_way(tx, ids)],
        doubled=doubled.list_doubled_among(tx, ids),
    )
