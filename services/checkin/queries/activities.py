"""Activities, their codes and who is there, for whoever may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.checkin.domain import activities, codes, roll
from services.checkin.domain.codes import Direction, PlaceCode
from services.checkin.store import Activity
from services.checkin.store import activities as store
from services.checkin.store import attendances as attendance_store
from services.checkin.store.activities import NoSuchActivity
from services.checkin.store.switches import CONFIRM_EACH, REVIEW
from shared import clock
from shared.db import session
from shared.principal import Principal, Role
from shared.settings import Keyring, ServiceSettings

READERS = (Role.ORGANIZER, Role.AUDITOR)


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
    """People, but `waiting` and `late`, which count attendances: those who left, and those who are there by a late
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
    led: bool = False,
    order: str = "oldest",
    after: UUID | None = None,
) -> list[Activity]:
    """Activities by start, oldest or newest first: those in any of these states that end after `from_` and start before
    `to`; with `led` only those of which the caller leads a site.
    """
    if led and caller.own_member_id is None:
        return []
    return store.list_activities(
        session(),
        limit=limit,
        visible=store.public_or_below(caller.paths(Role.ORGANIZER)),
        station_id=station_id,
        from_=from_,
        to=to,
        state=state,
        led_by=caller.own_member_id if led else None,
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
        led_by=None,
        newest_first=False,
        after=after,
    )


def list_codes(caller: Principal, *, activity_id: UUID, site_id: UUID, direction: str, minutes: int) -> Codes:
    """The codes of the coming minutes, the current one first, so that a basement without network can show them."""
    activity = store.get_activity(session(), activity_id)
    led = sites_led(caller, activity)
    store.get_site(activity, site_id)
    activities.require_published(activity.stands)
    roll.require_running({site_id}, led, running(activity))
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
    if not any(caller.may(role, activity.path) for role in READERS):
        sites_led(caller, activity)
    return _presence(activity, attendance_store.count_presence(session(), [activity_id]).get(activity_id))


def list_presence(caller: Principal, *, ids: Sequence[UUID]) -> list[Presence]:
    """How many are at each of these activities; those that are not there, or not the caller's to see, are missing."""
    found = store.list_by_ids(session(), ids)
    seen = [activity for activity in found if any(caller.may(role, activity.path) for role in READERS)]
    counted = attendance_store.count_presence(session(), [activity.id for activity in seen])
    return [_presence(activity, counted.get(activity.id)) for activity in seen]


def _presence(activity: Activity, counted: Row[Any] | None) -> Presence:
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


def running(activity: Activity) -> roll.Running:
    """How the activity stands now, as the roll's rules ask for it."""
    return roll.Running(activity.stands, activity.schedule, clock.now())


def sites_led(caller: Principal, activity: Activity) -> set[UUID] | None:
    """The sites of it that the caller leads; None for organizers, who call all. Forbidden for who leads none."""
    organizes = caller.may(Role.ORGANIZER, activity.path)
    return roll.sites_called(activity.leaders, caller.own_member_id, organizes=organizes)


def readable(tx: Session, caller: Principal, activity_id: UUID) -> Activity:
    """The activity, for who may read everything about it; Forbidden for others."""
    activity = store.get_activity(tx, activity_id)
    caller.require_any(READERS, activity.path)
    return activity
