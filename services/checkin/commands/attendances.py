"""An organizer adds, confirms, rejects, corrects and annuls; the sweep signs out who forgot to."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.checkin.commands.activities import sign_out
from services.checkin.domain import attendances, entering
from services.checkin.domain.attendances import Attendance, Mark, State
from services.checkin.domain.entering import Entry
from services.checkin.domain.schedule import DEPARTURE_OPEN_MINUTES, service_day
from services.checkin.store import Activity, doubled
from services.checkin.store import activities as activity_store
from services.checkin.store import attendances as store
from shared import audit, clock, copies, outbox, tokens
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal, Role, Tried

SWEEP_PAIRS_MAX = 1000
_SWEEP_LOCK = 0x63686563  # "chec"


@dataclass(frozen=True, slots=True)
class LeftOut:
    attendance_id: UUID
    member_id: UUID
    reason: str
    """open, own_case, overlapping or unknown: somebody whose card has not come yet."""


@dataclass(frozen=True, slots=True)
class ConfirmedAll:
    confirmed: int
    left_out: list[LeftOut]


@transactional
def add_attendance(
    tx: Session,
    caller: Principal,
    *,
    attendance_id: UUID,
    activity_id: UUID,
    member_id: UUID,
    site_id: UUID,
    arrived_at: datetime,
    left_at: datetime | None = None,
) -> Attendance:
    """Enter an attendance for a member (补签, 补录). It waits to be confirmed; without `left_at` it stays open.

    Until the end of the day after the activity it is the organizer's word, later it was entered later.
    """
    activity = activity_store.hold_activity(tx, activity_id)
    tried = Tried("attendance.add", activity.path, told={"title": activity.title})
    path = _require(tx, caller, activity, tried, member_id)
    digest = digest_of(activity_id, member_id, site_id, arrived_at, left_at)
    if (known := store.find_made(tx, attendance_id)) is not None:
        if known[1] != digest:
            raise Conflict
        return known[0]
    pair = _new_pair(tx, activity, Entry(attendance_id, activity_id, site_id, member_id, arrived_at, left_at))
    if not store.add(tx, pair, digest):
        raise Conflict
    if left_at is not None:
        store.mark_overlapping(tx, [attendance_id])
    detail = {"title": activity.title, **as_added(pair)}
    audit.add(tx, caller, "attendance.add", "attendance", attendance_id, path=path, detail=detail)
    return _reread(tx, attendance_id)


def _new_pair(tx: Session, activity: Activity, entry: Entry) -> Attendance:
    now, schedule = clock.now(), activity.schedule
    card = copies.find_card(tx, entry.member_id)
    if card is None or card.status != "active":
        raise attendances.NoSuchMember
    activity_store.get_site(activity, entry.site_id)
    entering.require_possible(entry, activity.stands, schedule, now)
    others = store.list_pairs(tx, entry.site_id, entry.member_id)
    pairs_of_day = store.count_pairs_of_day(tx, entry.member_id, service_day(entry.arrived_at))
    return entering.enter(entry, schedule, now, others=others, pairs_of_day=pairs_of_day)


@transactional
def leave_attendance(tx: Session, caller: Principal, *, attendance_id: UUID) -> Attendance:
    """Sign one member out now. One who has left stays as it is."""
    _pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.leave")
    if pair.state is not State.OPEN:
        return pair
    sign_out(tx, activity, [pair], clock.now())
    detail = {"title": activity.title, "member_id": str(pair.member_id)}
    audit.add(tx, caller, "attendance.leave", "attendance", attendance_id, path=path, detail=detail)
    return _reread(tx, attendance_id)


@transactional
def confirm_attendance(tx: Session, caller: Principal, *, attendance_id: UUID) -> Attendance:
    """Nod to one that waits, or to an arrival that was scanned late while it is open. One that is confirmed, or was
    nodded to, stays as it is.
    """
    pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.confirm", must_be_known=True)
    if pair.state in attendances.SETTLED:
        return pair
    if pair.state is State.OPEN and Mark.LATE_SCAN in pair.marks:
        if not attendances.awaits_nod(pair):
            return pair
        return _change(tx, caller, activity, path, pairs, attendances.nod(pair), "attendance.confirm")
    return _change(tx, caller, activity, path, pairs, attendances.confirm(pair), "attendance.confirm")


@transactional
def reject_attendance(tx: Session, caller: Principal, *, attendance_id: UUID, reason: str) -> Attendance:
    """Refuse one that waits; it never counts. Who came by a late scan and is there by nothing else is signed out with
    it.
    """
    pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.reject")
    if pair.state is State.REJECTED:
        return pair
    if attendances.awaits_nod(pair):
        [pair] = sign_out(tx, activity, [pair], clock.now())
        pairs = [pair if each.id == pair.id else each for each in pairs]
        detail = {"title": activity.title, "member_id": str(pair.member_id)}
        audit.add(tx, caller, "attendance.leave", "attendance", attendance_id, path=path, detail=detail)
    return _change(tx, caller, activity, path, pairs, attendances.reject(pair, reason), "attendance.reject")


@transactional
def annul_attendance(tx: Session, caller: Principal, *, attendance_id: UUID, reason: str) -> Attendance:
    """Take a confirmed one back: its award is reversed."""
    pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.annul")
    if pair.state is State.ANNULLED:
        return pair
    return _change(tx, caller, activity, path, pairs, attendances.annul(pair, reason), "attendance.annul")


@transactional
def annul_doubled(tx: Session, caller: Principal, *, attendance_id: UUID) -> Attendance:
    """Take back one of two stays that one person had at the same hours under two entries that were merged since. It
    counts again when the merge is undone (`commands.doubled`).
    """
    if (found := store.find_made(tx, attendance_id)) is None:
        raise attendances.NoSuchAttendance
    # One after the other, so that two who take one of them each leave one.
    doubled.take_turn(tx, [found[0].member_id])
    pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.annul")
    if pair.state is State.ANNULLED and pair.reason == attendances.DOUBLED:
        return pair
    if pair.state not in attendances.SETTLED or not doubled.list_doubled_among(tx, [attendance_id]):
        raise attendances.NotDoubled
    annulled = attendances.annul(pair, attendances.DOUBLED)
    return _change(tx, caller, activity, path, pairs, annulled, "attendance.annul")


@transactional
def correct_attendance(
    tx: Session,
    caller: Principal,
    *,
    attendance_id: UUID,
    version: int,
    arrived_at: datetime,
    left_at: datetime,
    reason: str,
) -> Attendance:
    """Put right the times of the version that the organizer saw: reversed and booked anew."""
    pairs, pair, activity, path = _hold(tx, caller, attendance_id, "attendance.correct", must_be_known=True)
    if pair.state is State.CORRECTED and (pair.arrived_at, pair.left_at, pair.reason) == (arrived_at, left_at, reason):
        return pair
    if pair.version != version:
        raise attendances.Outdated
    corrected = attendances.correct(pair, activity.schedule, arrived_at, left_at, clock.now(), reason)
    others = [other for other in pairs if other.site_id == pair.site_id and other.id != pair.id]
    if any(other.state in attendances.LIVE and other.meets(arrived_at, left_at) for other in others):
        raise attendances.AlreadyRecorded
    return _change(tx, caller, activity, path, pairs, corrected, "attendance.correct")


@transactional
def confirm_all(tx: Session, caller: Principal, *, activity_id: UUID) -> ConfirmedAll:
    """Nod to all that wait at an activity, in one tap.

    Left out and listed: who is still there, the caller's own and household, which the audit log keeps, and who was in
    two places at once, which somebody must look at.
    """
    pairs = store.lock_pairs_at(tx, activity_id)
    # Read once its rows are ours: it may have been ended while we waited for them.
    activity = activity_store.get_activity(tx, activity_id)
    caller.require(Role.ORGANIZER, activity.path)
    waiting = [pair for pair in pairs if pair.state in (State.OPEN, State.LEFT)]
    cards = copies.find_cards(tx, {pair.member_id for pair in waiting})
    own_cases = copies.own_cases(tx, caller, cards)
    left_out, confirmed = [], {}
    for pair in waiting:
        reason = _left_out_for(pair, cards, own_cases)
        if reason is None:
            confirmed[pair.id] = attendances.confirm(pair)
        else:
            left_out.append(LeftOut(pair.id, pair.member_id, reason))
    if confirmed:
        settle(tx, activity, pairs, confirmed)
        audit.add(
            tx,
            caller,
            "activity.confirm_all",
            "activity",
            activity_id,
            path=activity.path,
            detail={"title": activity.title, "attendance_ids": [str(attendance_id) for attendance_id in confirmed]},
        )
    tried = {"title": activity.title, "tried": "activity.confirm_all"}
    own = {one.member_id: tried for one in left_out if one.reason == "own_case"}
    audit.add_own_cases(tx, caller, "attendance.refuse_own", own, path=activity.path)
    return ConfirmedAll(len(confirmed), left_out)


def _left_out_for(pair: Attendance, known: Container[UUID], own_cases: Container[UUID]) -> str | None:
    if pair.state is State.OPEN:
        return "open"
    if pair.member_id not in known:
        return "unknown"
    if pair.member_id in own_cases:
        return "own_case"
    return "overlapping" if Mark.OVERLAPPING in pair.marks else None


@transactional
def depart_automatically(tx: Session) -> int:
    """Sign out who is still there when departure closes, at the end of the activity; returns how many.

    Also whoever came in while an activity was being cancelled or closed.
    """
    if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SWEEP_LOCK}).scalar_one():
        return 0
    now = clock.now()
    activity_store.close_overdue(tx, now)
    closes_before = now - timedelta(minutes=DEPARTURE_OPEN_MINUTES)
    pairs = store.lock_open_pairs_that_are_over(tx, closes_before, SWEEP_PAIRS_MAX)
    schedules = {
        activity_id: activity_store.get_activity(tx, activity_id).schedule
        for activity_id in {pair.activity_id for pair in pairs}
    }
    left = [
        attendances.leave(
            pair, schedules[pair.activity_id], min(schedules[pair.activity_id].over_at, now), automatic=True
        )
        for pair in pairs
    ]
    store.save(tx, left)
    store.mark_overlapping(tx, [pair.id for pair in left])
    return len(left)


def _hold(
    tx: Session, caller: Principal, attendance_id: UUID, act: str, *, must_be_known: bool = False
) -> tuple[list[Attendance], Attendance, Activity, str]:
    """All the member's pairs at the activity, locked; the one in question; what the caller may change it by."""
    pairs = store.lock_pairs_beside(tx, attendance_id)
    pair = next(pair for pair in pairs if pair.id == attendance_id)
    activity = activity_store.get_activity(tx, pair.activity_id)
    tried = Tried(act, activity.path, "attendance", attendance_id, {"title": activity.title})
    return pairs, pair, activity, _require(tx, caller, activity, tried, pair.member_id, must_be_known=must_be_known)


def _require(
    tx: Session, caller: Principal, activity: Activity, tried: Tried, member_id: UUID, *, must_be_known: bool = False
) -> str:
    """The activity's path, when the caller may organize there and neither is the member nor lives with them, by who
    they turned out to be.

    Nobody's minutes are confirmed before their card has come, which says with whom they live (ADR 103).
    """
    caller.require(Role.ORGANIZER, activity.path)
    card = copies.find_card(tx, member_id)
    if must_be_known and card is None:
        raise attendances.NoSuchMember
    copies.refuse_own_case(tx, caller, member_id, card, tried)
    return activity.path


def _change(
    tx: Session,
    caller: Principal,
    activity: Activity,
    path: str,
    pairs: Sequence[Attendance],
    changed: Attendance,
    action: str,
) -> Attendance:
    settle(tx, activity, pairs, {changed.id: changed})
    if changed.state is State.CORRECTED:
        store.mark_overlapping(tx, [changed.id])
    before = next(pair for pair in pairs if pair.id == changed.id)
    audit.add(
        tx,
        caller,
        action,
        "attendance",
        changed.id,
        path=path,
        detail={
            "title": activity.title,
            "member_id": str(changed.member_id),
            "reason": changed.reason,
            "before": in_brief(before),
            "after": in_brief(changed),
        },
    )
    return _reread(tx, changed.id)


def digest_of(*content: Any) -> str:
    """Of what an attendance was entered with: the same id with another content is a conflict."""
    return tokens.digest(msgspec.json.encode(content).decode()).hex()


def as_added(pair: Attendance) -> dict[str, str | None]:
    """What was said of somebody who was entered, for the audit log."""
    return {
        "member_id": str(pair.member_id),
        "evidence": pair.evidence.value,
        "arrived_at": pair.arrived_at.isoformat(),
        "left_at": pair.left_at.isoformat() if pair.left_at else None,
    }


def in_brief(pair: Attendance) -> dict[str, str | int | None]:
    """How it stands, for the audit log."""
    return {
        "state": pair.state.value,
        "arrived_at": pair.arrived_at.isoformat(),
        "left_at": pair.left_at.isoformat() if pair.left_at else None,
        "minutes": pair.minutes,
    }


def settle(tx: Session, activity: Activity, before: Sequence[Attendance], touched: dict[UUID, Attendance]) -> None:
    """Write down what changed, and tell points of all that is confirmed, corrected or annulled by it."""
    changed = attendances.rate_together(before, touched)
    store.save(tx, changed)
    versions = {pair.id: pair.version for pair in before}
    facts = attendances.facts_of(
        (pair for pair in changed if pair.version != versions[pair.id]),
        [touched.get(pair.id, pair) for pair in before],
        activity.schedule,
        title=activity.title,
        category=activity.category,
        station_id=activity.station_id,
        touched=touched,
    )
    outbox.add(tx, *facts)


def _reread(tx: Session, attendance_id: UUID) -> Attendance:
    found = store.find_made(tx, attendance_id)
    assert found is not None
    return found[0]
