"""Attendances and scans: of members for their own login, of activities for their organizers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row

from services.checkin.domain import admission, attendances
from services.checkin.domain.attendances import NoSuchAttendance, NotYours
from services.checkin.domain.schedule import service_day
from services.checkin.queries.activities import READERS, readable
from services.checkin.store import attendances as attendance_store
from services.checkin.store import kept_scans
from services.checkin.store import scans as scan_store
from shared import clock, copies
from shared.db import session
from shared.principal import Principal


def list_attendances(
    caller: Principal, *, member_id: UUID, limit: int, before: UUID | None = None, slips: bool = True
) -> list[dict[str, Any]]:
    """A member's attendances, newest first: all of one's own, and for organizers those below their nodes; without
    `slips` none of which the arrival was ticked by a slip and taken back.
    """
    where = [attendance_store.of_member(member_id), *_kept(slips)]
    if not caller.acts_for(member_id):
        paths = [path for role in READERS for path in caller.paths(role)]
        if not paths:
            raise NotYours
        where.append(attendance_store.below(paths))
    rows = attendance_store.list_views(session(), where, limit=limit, newest_first=True, mark=before)
    return [as_shown(row) for row in rows]


def get_attendance(caller: Principal, *, attendance_id: UUID) -> dict[str, Any]:
    """One attendance, for whom `list_attendances` would show it."""
    row = attendance_store.find_view(session(), attendance_id)
    if row is None:
        raise NoSuchAttendance
    reads = any(caller.may(role, row.station_path or "") for role in READERS)
    if not reads and not copies.acts_for(session(), caller, row.member_id):
        raise NotYours
    return as_shown(row)


def _kept(slips: bool) -> list[ColumnElement[bool]]:
    return [] if slips else [attendance_store.is_no_slip()]


def list_attendances_at(
    caller: Principal,
    *,
    activity_id: UUID,
    limit: int,
    state: str | None = None,
    site_id: UUID | None = None,
    after: UUID | None = None,
    slips: bool = True,
) -> list[dict[str, Any]]:
    """An activity's attendances, or those of one of its sites, in the order of arrival; `slips` as in
    `list_attendances`.
    """
    readable(session(), caller, activity_id)
    where = [*attendance_store.at_activity(activity_id, state, site_id), *_kept(slips)]
    rows = attendance_store.list_views(session(), where, limit=limit, newest_first=False, mark=after)
    return [as_shown(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose service is still to be confirmed and is shorter than the activity, with the minutes they come to at it."""

    service_day: date
    activity_minutes: int
    members: Sequence[Row[UUID, int]]


def list_waiting(caller: Principal, *, activity_id: UUID, limit: int) -> Waiting:
    """What stands before one tap confirms everybody: points holds the minutes of each against those of the activity."""
    activity = readable(session(), caller, activity_id)
    minutes = activity.schedule.minutes
    members = attendance_store.list_waiting_below(session(), activity_id, below_minutes=minutes, limit=limit)
    return Waiting(service_day(activity.starts_at), minutes, members)


def list_scans(
    caller: Principal, *, activity_id: UUID, limit: int, refused: bool, before: UUID | None = None
) -> list[dict[str, Any]]:
    """An activity's scans, newest first, with the sentence each member was told."""
    readable(session(), caller, activity_id)
    rows = kept_scans.list_scans(session(), activity_id, limit=limit, refused=refused, before=before)
    return [
        dict(row._mapping) | {"detail": told(row), "code_digest": row.code_digest and row.code_digest.hex()}
        for row in rows
    ]


def list_own_scans(
    caller: Principal, *, member_id: UUID, limit: int, before: UUID | None = None
) -> list[dict[str, Any]]:
    """The scans of a member of this login, refused ones too, newest first."""
    caller.require_acts_for(member_id)
    rows = kept_scans.list_scans_of(session(), member_id, limit=limit, before=before)
    return [dict(row._mapping) | {"detail": told(row)} for row in rows]


def view(attendance_id: UUID) -> dict[str, Any]:
    """An attendance as the API shows it, for whoever has just changed it."""
    row = attendance_store.find_view(session(), attendance_id)
    assert row is not None
    return as_shown(row)


def told(row: Row[Any]) -> str:
    """What the member was told of a scan."""
    record = scan_store.as_record(row)
    return admission.sentence(record.outcome, record.direction, record.why)


def as_shown(row: Row[Any]) -> dict[str, Any]:
    """A row of `list_views` as the API shows it, with the word for how it stands now."""
    attendance: attendances.Attendance = attendance_store.read(row)
    status = attendance.status(row.activity_ends_at, clock.now()).value
    return dict(row._mapping) | {"status": status, "awaits_nod": attendances.awaits_nod(attendance)}
