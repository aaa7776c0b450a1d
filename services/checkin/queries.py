"""What can be seen of check-in, and by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import ColumnElement, Row
from sqlalchemy.orm import Session

from services.checkin.domain import activities, admission, attendances, codes, outside, reports, roll, sheets, sign_ups
from services.checkin.domain.attendances import NoSuchAttendance, NotYours
from services.checkin.domain.codes import Direction, PlaceCode
from services.checkin.domain.outside import NoSuchBatch
from services.checkin.domain.schedule import service_day
from services.checkin.store import Activity, ExportBatch, files
from services.checkin.store import activities as store
from services.checkin.store import attendances as attendance_store
from services.checkin.store import day as day_store
from services.checkin.store import outside as outside_store
from services.checkin.store import reports as report_store
from services.checkin.store import roll as roll_store
from services.checkin.store import scans as scan_store
from services.checkin.store import sheets as sheet_store
from services.checkin.store import sign_ups as sign_up_store
from services.checkin.store.activities import NoSuchActivity
from services.checkin.store.switches import CONFIRM_EACH, REVIEW
from shared import clock, copies
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role
from shared.settings import Keyring, ServiceSettings

_READERS = (Role.ORGANIZER, Role.AUDITOR)
_REPORTERS = (Role.STAFF, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Code:
    step: int
    url: str
    shown_from: datetime
    shown_until: datetime


@dataclass(frozen=True, slots=True)
class Codes:
    """What the organizer's screen shows, one code a step; it keeps time by `server_now`."""

    server_now: datetime
    step_s: int
    codes: list[Code]


@dataclass(frozen=True, slots=True)
class Presence:
    """Members, but `waiting` and `late`, which count attendances: those who left, and those who are there by a late
    scan that nobody has nodded to. `surplus` is how many came beyond the capacity; `state` is the activity's, so that a
    screen of codes hears of its end.
    """

    activity_id: UUID
    state: str
    present: int
    arrived: int
    left: int
    waiting: int
    surplus: int
    late: int = 0


def get_activity(caller: Principal, *, activity_id: UUID) -> Activity:
    """An activity. What was never published is there only for those who may organize at the station."""
    activity = store.get_activity(session(), activity_id)
    if activity.published_at is None and not caller.may(Role.ORGANIZER, activity.path):
        raise NoSuchActivity
    return activity


def get_announcement(*, activity_id: UUID) -> Activity:
    """What everybody may know of an activity, logged in or not, from when it was published: also that it was called
    off since.
    """
    activity = store.get_activity(session(), activity_id)
    if activity.published_at is None:
        raise NoSuchActivity
    return activity


def list_activities(
    caller: Principal,
    *,
    limit: int,
    station_id: UUID | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    state: Sequence[str] | None = None,
    order: str = "oldest",
    after: UUID | None = None,
) -> list[Activity]:
    """Activities by start, oldest or newest first: those in any of these states that end after `from_` and start before
    `to`.
    """
    return store.list_activities(
        session(),
        limit=limit,
        visible=store.public_or_below(caller.paths(Role.ORGANIZER)),
        station_id=station_id,
        from_=from_,
        to=to,
        state=state,
        newest_first=order == "newest",
        after=after,
    )


def list_confirm_each(*, node_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Where every attendance is confirmed by somebody; nodes that are not known here are missing."""
    return CONFIRM_EACH.list_at(session(), node_ids)


def list_switches(caller: Principal, *, limit: int, after: UUID | None = None) -> Sequence[Row[Any]]:
    """The same of every node for which the caller may say so."""
    return CONFIRM_EACH.list_below(session(), caller.paths(Role.STAFF), after=after, limit=limit)


def list_reviewed(*, node_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Where activities are reviewed before they are published; nodes that are not known here are missing."""
    return REVIEW.list_at(session(), node_ids)


def list_review_switches(caller: Principal, *, limit: int, after: UUID | None = None) -> Sequence[Row[Any]]:
    """The same of every node for which the caller may say so."""
    return REVIEW.list_below(session(), caller.paths(Role.STAFF), after=after, limit=limit)


def list_reviews(caller: Principal, *, for_: str, limit: int, after: UUID | None = None) -> list[Activity]:
    """By start, what waits to be reviewed by the caller as `staff`; for an `organizer` what waits where they organize,
    and what was sent back there.
    """
    role = Role(for_)
    return store.list_activities(
        session(),
        limit=limit,
        visible=store.in_review_below(caller.paths(role), sent_back=role is Role.ORGANIZER),
        station_id=None,
        from_=None,
        to=None,
        state=None,
        newest_first=False,
        after=after,
    )


def list_codes(caller: Principal, *, activity_id: UUID, site_id: UUID, direction: str, minutes: int) -> Codes:
    """The codes of the coming minutes, the current one first, so that a basement without network can show them."""
    activity = store.get_activity(session(), activity_id)
    led = _led(caller, activity)
    store.get_site(activity, site_id)
    activities.require_published(activity.stands)
    roll.require_running({site_id}, led, _running(activity))
    settings: ServiceSettings = current_app.config["SETTINGS"]
    keyring: Keyring = current_app.config["CODE_KEYS"]
    now = clock.now()
    key = keyring.keys[keyring.current]

    def code(step: int) -> Code:
        text = codes.write(PlaceCode(activity_id, site_id, Direction(direction), step), keyring.current, key)
        return Code(step, f"{settings.public_url}/s/{text}", codes.shown_from(step), codes.shown_until(step))

    first = codes.step_of(now)
    last = first + minutes * 60 // codes.STEP_S
    return Codes(now, codes.STEP_S, [code(step) for step in range(first, last + 1)])


def count_presence(caller: Principal, *, activity_id: UUID) -> Presence:
    """How many are there now; numbers alone, which who leads a site sees too, below the codes."""
    activity = store.get_activity(session(), activity_id)
    if not any(caller.may(role, activity.path) for role in _READERS):
        _led(caller, activity)
    return _presence(activity, attendance_store.count_presence(session(), [activity_id]).get(activity_id))


def list_presence(caller: Principal, *, ids: Sequence[UUID]) -> list[Presence]:
    """How many are at each of these activities; those that are not there, or not the caller's to see, are missing."""
    found = store.list_by_ids(session(), ids)
    seen = [activity for activity in found if any(caller.may(role, activity.path) for role in _READERS)]
    counted = attendance_store.count_presence(session(), [activity.id for activity in seen])
    return [_presence(activity, counted.get(activity.id)) for activity in seen]


def _presence(activity: Activity, counted: Row[UUID, int, int, int, int] | None) -> Presence:
    present, arrived, waiting = (counted.present, counted.arrived, counted.waiting) if counted else (0, 0, 0)
    return Presence(
        activity_id=activity.id,
        state=activity.state,
        present=present,
        arrived=arrived,
        left=arrived - present,
        waiting=waiting,
        surplus=max(0, arrived - activity.capacity) if activity.capacity is not None else 0,
        late=counted.late if counted else 0,
    )


def list_attendances(
    caller: Principal, *, member_id: UUID, limit: int, before: UUID | None = None, slips: bool = True
) -> list[dict[str, Any]]:
    """A member's attendances, newest first: all of one's own, and for organizers those below their nodes; without
    `slips` none of which the arrival was ticked by a slip and taken back.
    """
    where = [attendance_store.of_member(member_id), *_kept(slips)]
    if not caller.acts_for(member_id):
        paths = [path for role in _READERS for path in caller.paths(role)]
        if not paths:
            raise NotYours
        where.append(attendance_store.below(paths))
    rows = attendance_store.list_views(session(), where, limit=limit, newest_first=True, mark=before)
    return [_view(row) for row in rows]


def get_attendance(caller: Principal, *, attendance_id: UUID) -> dict[str, Any]:
    """One attendance, for whom `list_attendances` would show it."""
    row = attendance_store.find_view(session(), attendance_id)
    if row is None:
        raise NoSuchAttendance
    reads = any(caller.may(role, row.station_path or "") for role in _READERS)
    if not reads and not copies.acts_for(session(), caller, row.member_id):
        raise NotYours
    return _view(row)


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
    _readable(session(), caller, activity_id)
    where = [*attendance_store.at_activity(activity_id, state, site_id), *_kept(slips)]
    rows = attendance_store.list_views(session(), where, limit=limit, newest_first=False, mark=after)
    return [_view(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose service is still to be confirmed and is shorter than the activity, with the minutes they come to at it."""

    service_day: date
    activity_minutes: int
    members: Sequence[Row[UUID, int]]


def list_waiting(caller: Principal, *, activity_id: UUID, limit: int) -> Waiting:
    """What stands before one tap confirms everybody: points holds the minutes of each against those of the activity."""
    activity = _readable(session(), caller, activity_id)
    minutes = activity.schedule.minutes
    members = attendance_store.list_waiting_below(session(), activity_id, below_minutes=minutes, limit=limit)
    return Waiting(service_day(activity.starts_at), minutes, members)


def list_scans(
    caller: Principal, *, activity_id: UUID, limit: int, refused: bool, before: UUID | None = None
) -> list[dict[str, Any]]:
    """An activity's scans, newest first, with the sentence each member was told."""
    _readable(session(), caller, activity_id)
    rows = scan_store.list_scans(session(), activity_id, limit=limit, refused=refused, before=before)
    return [
        dict(row._mapping) | {"detail": _told(row), "code_digest": row.code_digest and row.code_digest.hex()}
        for row in rows
    ]


def list_own_scans(
    caller: Principal, *, member_id: UUID, limit: int, before: UUID | None = None
) -> list[dict[str, Any]]:
    """The scans of a member of this login, refused ones too, newest first."""
    caller.require_acts_for(member_id)
    rows = scan_store.list_scans_of(session(), member_id, limit=limit, before=before)
    return [dict(row._mapping) | {"detail": _told(row)} for row in rows]


def list_signed_up(caller: Principal, *, activity_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Who is signed up for an activity, in order, with who came; then who came without signing up."""
    activity = _readable(session(), caller, activity_id)
    rows = sign_up_store.list_at(session(), activity_id, limit=limit)
    return [_with_place(row, activity.capacity) for row in rows]


def list_roll(caller: Principal, *, activity_id: UUID, limit: int) -> dict[str, Any]:
    """Who is expected at an activity, and who came without signing up, each with where they stand; for who leads a
    site those who are there, or have said of no site that they mean to come to it.
    """
    activity = store.get_activity(session(), activity_id)
    led = _led(caller, activity)
    rows = [
        row
        for row in roll_store.list_lines(session(), activity_id, limit=limit)
        if led is None or row.site_id is None or row.site_id in led
    ]
    lines = [dict(row._mapping) | {"own_case": caller.is_own_case(row.member_id, row.household_id)} for row in rows]
    site_ids = [site.id for site in activity.sites if led is None or site.id in led]
    return {
        "site_ids": site_ids,
        "as_organizer": led is None,
        "may_name": roll.may_name(led, _running(activity)),
        "lines": lines,
    }


def _running(activity: Activity) -> roll.Running:
    return roll.Running(activity.stands, activity.schedule, clock.now())


def _led(caller: Principal, activity: Activity) -> set[UUID] | None:
    organizes = caller.may(Role.ORGANIZER, activity.path)
    return roll.sites_called(activity.leaders, caller.own_member_id, organizes=organizes)


def list_sign_ups(
    caller: Principal, *, member_ids: Sequence[UUID], limit: int, activity_id: UUID | None = None
) -> list[dict[str, Any]]:
    """What one's own members are signed up for and is not over, by start; or at one activity, whenever it was."""
    for member_id in member_ids:
        caller.require_acts_for(member_id)
    rows = sign_up_store.list_of_members(
        session(), member_ids, activity_id=activity_id, ends_from=clock.now(), limit=limit
    )
    return [_with_place(row, row.capacity) for row in rows]


def _with_place(row: Row[Any], capacity: int | None) -> dict[str, Any]:
    return dict(row._mapping) | {"is_beyond": sign_ups.is_beyond(row.place, capacity)}


def get_sheet(caller: Principal, *, activity_id: UUID, site_id: UUID, number: str | None = None) -> dict[str, Any]:
    """The sign-in sheet of a site, as of now or as it was printed under this number; for who leads the site until the
    end of the next day, with the records made there alone.
    """
    activity = store.get_activity(session(), activity_id)
    led = _led(caller, activity)
    site, now = store.get_site(activity, site_id), clock.now()
    sheets.require_called(site_id, led, activity.schedule, now)
    # Whole seconds, since the number holds no more: what it leads to must be what was printed.
    at = now.replace(microsecond=0) if number is None else sheets.read_number(number, site.number, now)
    lines = sheet_store.list_lines(
        session(), activity_id, site_id, as_of=at, limit=sheets.LINES_MAX, only_here=led is not None
    )
    number = sheets.number_of(site.number, at)
    return {
        "number": number,
        "at": at,
        "as_organizer": led is None,
        "may_name": roll.may_name(led, _running(activity)),
        "activity": activity,
        "lines": lines,
    }


def get_file(caller: Principal, *, activity_id: UUID) -> dict[str, Any]:
    """An activity with its whole sign-in sheet."""
    activity = _readable(session(), caller, activity_id)
    return {"activity": activity, "lines": files.list_lines(session(), activity_id, activity.created_at)}


def report(
    caller: Principal,
    *,
    from_: date,
    to: date,
    node_id: UUID | None = None,
    category: str | None = None,
    tree: str = reports.Tree.NOW.value,
) -> reports.Report:
    """What a node and all below it did in a period, for staff and auditors at the node or above it; without a node,
    what all did.
    """
    tx, view_of = session(), reports.Tree(tree)
    reports.require_period(from_, to)
    path = "/" if node_id is None else store.path_of(tx, node_id)
    caller.require_any(_REPORTERS, path)
    rows = report_store.count(
        tx, node_id=node_id, path=path, from_day=from_, to_day=to, tree=view_of, category=category
    )
    return reports.with_months(_as_report(rows, node_id, from_, to, view_of))


def _as_report(
    rows: Sequence[Row[Any]], node_id: UUID | None, from_day: date, to_day: date, tree: reports.Tree
) -> reports.Report:
    def figures(row: Row[Any]) -> dict[str, int]:
        return {name: getattr(row, name) for name in ("activities", "visits", "persons", "minutes", "waiting")}

    cuts: dict[int, list[Row[Any]]] = {}
    for row in rows:
        cuts.setdefault(row.cut, []).append(row)
    total = cuts.get(report_store.TOTAL, [None])[0]
    waits_since = None if total is None else total.waits_since
    by_category, by_month, by_node = (
        cuts.get(cut, []) for cut in (report_store.BY_CATEGORY, report_store.BY_MONTH, report_store.BY_NODE)
    )
    return reports.Report(
        node_id=node_id,
        from_day=from_day,
        to_day=to_day,
        tree=tree,
        complete_until=reports.complete_until(from_day, to_day, clock.today(), waits_since),
        total=reports.Figures() if total is None else reports.Figures(**figures(total)),
        categories=tuple(reports.OfCategory(**figures(row), category=row.category) for row in by_category),
        months=tuple(reports.OfMonth(**figures(row), month=row.month) for row in by_month),
        nodes=tuple(reports.OfNode(**figures(row), node_id=row.node_id, name=row.name) for row in by_node),
    )


def view(attendance_id: UUID) -> dict[str, Any]:
    """An attendance as the API shows it, for whoever has just changed it."""
    row = attendance_store.find_view(session(), attendance_id)
    assert row is not None
    return _view(row)


def _told(row: Row[Any]) -> str:
    record = scan_store.as_record(row)
    return admission.sentence(record.outcome, record.direction, record.why)


def _readable(tx: Session, caller: Principal, activity_id: UUID) -> Activity:
    activity = store.get_activity(tx, activity_id)
    caller.require_any(_READERS, activity.path)
    return activity


def _view(row: Row[Any]) -> dict[str, Any]:
    attendance: attendances.Attendance = attendance_store.read(row)
    return dict(row._mapping) | {"status": attendance.status(row.activity_ends_at, clock.now()).value}


# --- One person, one day --------------------------------------------------------------------------------

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
    if not is_whole and not any(caller.has(role) for role in _READERS):
        raise NotYours

    def is_seen(row: Row[Any]) -> bool:
        return is_whole or any(caller.may(role, row.station_path or "") for role in _READERS)

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
        scans=[dict(row._mapping) | {"detail": _told(row)} for row in scans],
        attendances=[_view(row) for row in pairs],
        acts=[
            dict(row._mapping) | {"detail": {name: row.detail[name] for name in _TOLD_OF_ACTS if row.detail.get(name)}}
            for row in day_store.list_acts(tx, pairs)
        ],
        on_their_way=[dict(row._mapping) for row in day_store.list_on_their_way(tx, ids)],
    )


# --- Records for other platforms ------------------------------------------------------------------------

_EXPORT_READERS = (Role.STAFF, Role.AUDITOR)


def list_outside_numbers(caller: Principal, *, kind: str, subject_id: UUID) -> Sequence[Row[Any]]:
    """Under which numbers other platforms know a member or an activity."""
    caller.require_any(_EXPORT_READERS, outside_store.path_of_subject(session(), kind, subject_id))
    return outside_store.list_numbers(session(), kind, subject_id)


def list_batches(caller: Principal, *, limit: int, after: UUID | None = None) -> list[ExportBatch]:
    """Batches of the caller's nodes, newest first."""
    paths = [path for role in _EXPORT_READERS for path in caller.paths(role)]
    return outside_store.list_batches(session(), paths, limit=limit, after=after)


def get_batch(caller: Principal, *, batch_id: UUID) -> ExportBatch:
    batch = outside_store.find_batch(session(), batch_id)
    if batch is None:
        raise NoSuchBatch
    caller.require_any(_EXPORT_READERS, batch.path)
    return batch


def list_records(caller: Principal, *, batch_id: UUID, limit: int, after: int) -> list[dict[str, Any]]:
    """Records of a batch as they stood when it was made, by line."""
    get_batch(caller, batch_id=batch_id)
    return outside_store.list_records(session(), batch_id, limit=limit, after=after)


def list_waiting_for_numbers(
    caller: Principal, *, platform: str, node_id: UUID, from_day: date, to_day: date
) -> Sequence[Row[Any]]:
    """Whose records of a node and span wait for a number of the platform, before there is a batch of them."""
    node = copies.find_station(session(), node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require_any(_EXPORT_READERS, node.path)
    outside.require_period(from_day, to_day)
    scope = outside_store.Scope(platform, node_id, node.path, from_day, to_day)
    return outside_store.list_left_out(session(), scope)


def list_left_out(caller: Principal, *, batch_id: UUID) -> Sequence[Row[Any]]:
    """Whose records of a batch's node and span wait for a number of the platform, by now."""
    batch = get_batch(caller, batch_id=batch_id)
    scope = outside_store.Scope(batch.platform, batch.node_id, batch.path, batch.from_day, batch.to_day)
    return outside_store.list_left_out(session(), scope)
