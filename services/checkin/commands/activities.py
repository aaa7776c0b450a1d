"""An organizer makes an activity, publishes it or asks for that, changes, postpones, cancels and closes it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.checkin.domain import activities, attendances, roll
from services.checkin.domain.activities import FixedOnceMade, State, TimesInUse
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.roll import AS_SITE_LEADER
from services.checkin.domain.schedule import PostponedToThePast, Schedule
from services.checkin.store import Activity, Site
from services.checkin.store import activities as store
from services.checkin.store import attendances as attendance_store
from services.checkin.store.activities import SiteDraft
from services.checkin.store.switches import REVIEW
from shared import audit, clock, copies, outbox, tokens
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal, Role

_POSTPONED, _CANCELLED = "活动延期", "活动取消"


@transactional
def create_activity(
    tx: Session,
    caller: Principal,
    *,
    activity_id: UUID,
    title: str,
    category: str,
    station_id: UUID,
    place: str,
    starts_at: datetime,
    ends_at: datetime,
    sites: Sequence[SiteDraft],
    window_before_minutes: int = 60,
    capacity: int | None = None,
    confirm_each: bool = False,
) -> Activity:
    """Make a draft. The same id with the same content again is the same activity."""
    path = store.open_station_path(tx, station_id)
    caller.require(Role.ORGANIZER, path)
    values: dict[str, Any] = {
        "title": title,
        "category": category,
        "station_id": station_id,
        "place": place,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "window_before_minutes": window_before_minutes,
        "capacity": capacity,
        "confirm_each": confirm_each,
    }
    digest = tokens.digest(msgspec.json.encode([values, sites], order="sorted").decode())
    if (known := store.find_activity(tx, activity_id)) is not None:
        return _same(known, digest)
    Schedule(starts_at, ends_at, window_before_minutes).require_within_reach(clock.now())
    _require_leaders(tx, caller, sites, [])
    added = store.add_activity(
        tx,
        {
            **values,
            "id": activity_id,
            "state": State.DRAFT.value,
            "digest": digest,
            "created_by": caller.own_member_id,
            "created_at": clock.now(),
        },
        sites,
    )
    activity = store.get_activity(tx, activity_id)
    if not added:
        return _same(activity, digest)
    audit.add(tx, caller, "activity.create", "activity", activity_id, path=path, detail={"title": title})
    return activity


def _require_leaders(tx: Session, caller: Principal, drafts: Sequence[SiteDraft], stored: Sequence[Site]) -> None:
    """Raise NoSuchLeader unless who is named anew is active. The caller's own cards may still be on their way."""
    known = {site.leader_member_id for site in stored} | {*caller.member_ids}
    named = {leader for draft in drafts if (leader := draft.leader_member_id) is not None and leader not in known}
    cards = copies.find_cards(tx, named) if named else {}
    if any(member_id not in cards or cards[member_id].status != "active" for member_id in named):
        raise activities.NoSuchLeader


def _same(known: Activity, digest: bytes) -> Activity:
    if known.digest != digest:
        raise Conflict
    return known


@transactional
def change_activity(
    tx: Session,
    caller: Principal,
    *,
    activity_id: UUID,
    changes: Mapping[str, Any],
    sites: Sequence[SiteDraft] | None = None,
) -> Activity:
    """Change the named fields, called as in `create_activity`; `sites`, when given, is the whole list.

    What ratings rest on is fixed step by step: category and station once published, the times once
    somebody's minutes depend on them. One that waits to be reviewed is a draft again: nobody approves what
    they have not seen.
    """
    activity, path = _hold(tx, caller, activity_id)
    if activity.stands in (State.CANCELLED, State.CLOSED):
        raise activities.ActivityInWrongState("活动已经结束或取消，不能再改")
    changed = {name: value for name, value in changes.items() if getattr(activity, name) != value}
    if activity.published_at is not None:
        gone = sites is not None and {site.id for site in activity.sites} - {draft.id for draft in sites}
        if gone or changed.keys() & {"category", "station_id"}:
            raise FixedOnceMade
    if "station_id" in changed:
        caller.require(Role.ORGANIZER, store.open_station_path(tx, changed["station_id"]))
    if changed.keys() & {"starts_at", "ends_at"}:
        _refuse_times_in_use(attendance_store.lock_pairs_at(tx, activity_id))
    for name, value in changed.items():
        setattr(activity, name, value)
    schedule = activity.schedule  # BadTimes before the database says so
    if "starts_at" in changed:
        schedule.require_within_reach(clock.now())
    if sites is not None:
        _require_leaders(tx, caller, sites, activity.sites)
        store.set_sites(tx, activity, sites)
    if activity.stands is State.IN_REVIEW and (changed or sites is not None):
        activity.state = changed["state"] = State.DRAFT.value
    tx.flush()
    tx.refresh(activity)
    if changed or sites is not None:
        detail = {"title": activity.title, "fields": sorted(changed) or ["sites"]}
        audit.add(tx, caller, "activity.change", "activity", activity_id, path=path, detail=detail)
    return activity


@transactional
def publish_activity(tx: Session, caller: Principal, *, activity_id: UUID) -> Activity:
    """Open it to scans, or, where activities are reviewed first, ask for that. Its own leader may do so: that alone
    gives nobody anything.
    """
    activity, path = _hold(tx, caller, activity_id)
    if activity.stands is State.PUBLISHED:
        return activity
    if activity.stands is State.POSTPONED:
        raise activities.ActivityInWrongState("活动已延期，请先定下新的时间")
    if REVIEW.holds_at(tx, activity.station_id):
        if activity.stands is State.IN_REVIEW:
            return activity
        activities.require_move(activity.stands, State.IN_REVIEW)
        activity.asked_at, activity.asked_by, activity.reason = clock.now(), caller.own_member_id, None
        return _move(tx, caller, activity, path, State.IN_REVIEW, "activity.ask_review")
    return _move(tx, caller, activity, path, State.PUBLISHED, "activity.publish")


@transactional
def postpone_activity(
    tx: Session,
    caller: Principal,
    *,
    activity_id: UUID,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Activity:
    """Move it to new times, or off the calendar until they are known.

    Who was early and signed in already is signed out again and told so. Once somebody has served,
    it can only be closed or cancelled.
    """
    activity, path = _hold(tx, caller, activity_id)
    target = State.POSTPONED if starts_at is None or ends_at is None else State.PUBLISHED
    same_times = (activity.starts_at, activity.ends_at) == (starts_at, ends_at)
    if activity.stands is target and (target is State.POSTPONED or same_times):
        return activity
    activities.require_announced(activity.stands)
    activities.require_move(activity.stands, target)
    _send_home(tx, activity, _POSTPONED, must_have_served_nothing=True)
    detail: dict[str, Any] = {"from": [activity.starts_at.isoformat(), activity.ends_at.isoformat()], "to": None}
    if starts_at is not None and ends_at is not None:
        if starts_at <= clock.now():
            raise PostponedToThePast
        detail["to"] = [starts_at.isoformat(), ends_at.isoformat()]
        if not same_times:
            activity.was_starts_at, activity.was_ends_at = activity.starts_at, activity.ends_at
        activity.starts_at, activity.ends_at = starts_at, ends_at
        _ = activity.schedule
    return _move(tx, caller, activity, path, target, "activity.postpone", detail)


@transactional
def cancel_activity(tx: Session, caller: Principal, *, activity_id: UUID, reason: str) -> Activity:
    """Call it off. What was served until now stays served and waits to be confirmed."""
    activity, path = _hold(tx, caller, activity_id)
    if activity.stands is State.CANCELLED:
        return activity
    activities.require_move(activity.stands, State.CANCELLED)
    activity.ended_at = clock.now()
    _send_home(tx, activity, f"{_CANCELLED}：{reason}")
    rated_again = _rate_again(tx, activity)
    activity.reason = reason
    detail = {"reason": reason, "rated_again": rated_again}
    return _move(tx, caller, activity, path, State.CANCELLED, "activity.cancel", detail)


@transactional
def close_activity(tx: Session, caller: Principal, *, activity_id: UUID) -> Activity:
    """End it: nobody can scan any more, and who is still there leaves now.

    Ended early, it was shorter: who has left before stayed for more of it, and is rated again.
    """
    activity, path = _hold(tx, caller, activity_id)
    if activity.stands is State.CLOSED:
        return activity
    activities.require_move(activity.stands, State.CLOSED)
    activity.ended_at = clock.now()
    sign_out(tx, activity, attendance_store.lock_pairs_at(tx, activity_id), activity.ended_at)
    detail = {"rated_again": _rate_again(tx, activity)}
    return _move(tx, caller, activity, path, State.CLOSED, "activity.close", detail)


@transactional
def summarize_activity(tx: Session, caller: Principal, *, activity_id: UUID, summary: str) -> Activity:
    """Write what is to be said of it, in two lines, when it is over; who organizes there may write it anew."""
    activity, path = _hold(tx, caller, activity_id)
    if activity.summary == summary:
        return activity
    activities.require_over(activity.stands, activity.ends_at, clock.now())
    detail = {"title": activity.title, "before": activity.summary, "summary": summary}
    activity.summary = summary
    audit.add(tx, caller, "activity.summarize", "activity", activity_id, path=path, detail=detail)
    return activity


@transactional
def leave_all(tx: Session, caller: Principal, *, activity_id: UUID, site_id: UUID | None = None) -> int:
    """Everybody leaves now, at one site or all; returns how many did. They wait to be confirmed. For who leads sites
    all are those, without themselves and their household, and while the activity runs.
    """
    activity = store.hold_activity(tx, activity_id)
    path = activity.path
    led = sites_called(caller, activity)
    site_ids = led if site_id is None else {store.get_site(activity, site_id).id}
    roll.require_running(site_ids or (), led, roll.Running(activity.stands, activity.schedule, clock.now()))
    pairs = [
        pair for pair in attendance_store.lock_pairs_at(tx, activity_id) if site_ids is None or pair.site_id in site_ids
    ]
    if led is not None:
        own = copies.own_cases(tx, caller, copies.find_cards(tx, {pair.member_id for pair in pairs}))
        pairs = [pair for pair in pairs if pair.member_id not in own | set(caller.member_ids)]
    left = sign_out(tx, activity, pairs, clock.now())
    if left:
        detail = {"title": activity.title, "left": len(left)} | ({} if led is None else {"as": AS_SITE_LEADER})
        audit.add(tx, caller, "activity.leave_all", "activity", activity_id, path=path, detail=detail)
    return len(left)


def sites_called(caller: Principal, activity: Activity) -> set[UUID] | None:
    """The sites whose roll the caller calls, since they lead them; None for organizers, who call all. Forbidden for who
    leads none.
    """
    organizes = caller.may(Role.ORGANIZER, activity.path)
    return roll.sites_called(activity.leaders, caller.own_member_id, organizes=organizes)


def sign_out(tx: Session, activity: Activity, pairs: Sequence[Attendance], at: datetime) -> list[Attendance]:
    """Close the open ones of these pairs, which are locked by us."""
    left = [attendances.leave(pair, activity.schedule, at) for pair in pairs if pair.state is attendances.State.OPEN]
    attendance_store.save(tx, left)
    attendance_store.mark_overlapping(tx, [pair.id for pair in left])
    return left


def _rate_again(tx: Session, activity: Activity) -> int:
    """Tell points anew of all that was settled, if the activity ended before its time; returns of how many."""
    if activity.schedule.over_at == activity.ends_at:
        return 0
    pairs = attendance_store.lock_pairs_at(tx, activity.id)
    changed = attendances.rate_again(pairs)
    if not changed:
        return 0
    attendance_store.save_versions(tx, activity.id, changed)
    facts = attendances.facts_of(
        changed,
        pairs,
        activity.schedule,
        title=activity.title,
        category=activity.category,
        station_id=activity.station_id,
        because=attendances.ENDED_EARLY,
    )
    outbox.add(tx, *facts)
    return len(changed)


def _send_home(tx: Session, activity: Activity, reason: str, *, must_have_served_nothing: bool = False) -> None:
    """Sign out who is there; those who have served nothing are rejected, so that nobody need look at them."""
    pairs = attendance_store.lock_pairs_at(tx, activity.id)
    left = sign_out(tx, activity, pairs, clock.now())
    waiting = [*left, *(pair for pair in pairs if pair.state is attendances.State.LEFT)]
    if must_have_served_nothing:
        _refuse_times_in_use([*waiting, *(pair for pair in pairs if pair.state in attendances.SETTLED)])
    attendance_store.save(tx, [attendances.reject(pair, reason) for pair in waiting if not pair.minutes])


def _refuse_times_in_use(pairs: Sequence[Attendance]) -> None:
    if any(pair.minutes and pair.state in attendances.LIVE for pair in pairs):
        raise TimesInUse


def _hold(tx: Session, caller: Principal, activity_id: UUID) -> tuple[Activity, str]:
    activity = store.hold_activity(tx, activity_id)
    caller.require(Role.ORGANIZER, activity.path)
    return activity, activity.path


def _move(
    tx: Session,
    caller: Principal,
    activity: Activity,
    path: str,
    target: State,
    action: str,
    detail: Mapping[str, Any] | None = None,
) -> Activity:
    activities.require_move(activity.stands, target)
    activity.state = target.value
    if target is State.PUBLISHED and activity.published_at is None:
        activity.published_at, activity.reason = clock.now(), None
    named = {"title": activity.title, **(detail or {})}
    audit.add(tx, caller, action, "activity", activity.id, path=path, detail=named)
    return activity
