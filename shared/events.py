"""The facts that services tell each other, and how they look on the wire.

An event says what happened, never what to do. Each class names the services that want it; the
outbox writes one row per event and destination. Receivers ignore fields they do not know, so a
field may be added with a default; anything else needs a new class with a new name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from shared.errors import Invalid


class Event:
    """Base of all events; subclasses are frozen dataclasses."""

    destinations: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class MemberChanged(Event):
    """All that other services may know of a member, as of `version`."""

    destinations: ClassVar[tuple[str, ...]] = ("checkin", "points", "rewards")

    member_id: UUID
    version: int
    status: str
    """active, merged, left or erased."""
    confirmed: bool
    """Staff has seen who this is; before that nothing can be redeemed."""
    merged_into: UUID | None = None
    volunteer_number: str
    name_masked: str
    """陈*芳: what may be shown without consent."""
    name_public: str | None = None
    """The full name, only with the consent to be named."""
    ranked: bool = False
    """Consent to be listed on boards."""
    station_id: UUID | None = None
    compound_id: UUID | None = None
    building_id: UUID | None = None
    household_id: UUID | None = None
    team_ids: tuple[UUID, ...] = ()
    employer_id: UUID | None = None
    birth_date: date | None = None


@dataclass(frozen=True, kw_only=True)
class Spell:
    """From which day on a node was called so and lay there, until the next spell begins."""

    from_day: date
    name: str
    parent_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class StationChanged(Event):
    """A node of the station tree, as of `version`."""

    destinations: ClassVar[tuple[str, ...]] = ("checkin", "points", "rewards")

    node_id: UUID
    version: int
    level: str
    """city, centre, sub_centre, station, compound or building."""
    name: str
    path: str
    """`/<id>/<id>/` with the ids of all ancestors and its own, as 32 hex digits."""
    parent_id: UUID | None = None
    successor_id: UUID | None = None
    closed: bool = False
    past: tuple[Spell, ...] = ()
    """Its own names and parents, oldest first; the last one is the present."""
    split_from_id: UUID | None = None
    """The station of which it was a part until it opened."""


class Evidence(StrEnum):
    """How a record is known; shown in words, never as letters."""

    OWN_SCAN = "own_scan"
    ORGANIZER = "organizer"
    ENTERED_LATER = "entered_later"


@dataclass(frozen=True, kw_only=True)
class AttendanceSettled(Event):
    """An attendance was confirmed, corrected or annulled; `version` counts these from 1.

    Times are clipped to the activity's; minutes are whole. The award's key is attendance and
    version: a higher version reverses the award of every lower one, and books anew unless annulled.
    """

    destinations: ClassVar[tuple[str, ...]] = ("points",)

    attendance_id: UUID
    version: int
    state: str
    """confirmed, corrected or annulled."""
    member_id: UUID
    activity_id: UUID
    activity_title: str
    category: str
    station_id: UUID
    """Where the service took place; boards count it there."""
    service_day: date
    """Shanghai date of arrival; rule and caps of this day apply."""
    started_at: datetime
    ended_at: datetime
    minutes: int
    """Minutes served in this pair."""
    minutes_together: int
    """Minutes of all confirmed pairs of this member at this activity, for the minimum share."""
    activity_minutes: int
    evidence: Evidence
    reason: str | None = None
    """Why it was corrected or annulled, in words for the member."""
    carries_visit: bool = True
    """Whether the member's visit of the activity is counted with this pair; of all pairs there, with one at most."""


@dataclass(frozen=True, kw_only=True)
class OpeningApproved(Event):
    """期初结转: what a member had on paper was approved by a second person. Key: the opening."""

    destinations: ClassVar[tuple[str, ...]] = ("points",)

    opening_id: UUID
    import_id: UUID
    member_id: UUID
    station_id: UUID
    """Whose paper it is."""
    points: int
    """Hundredths of a point."""
    minutes: int
    description: str
    """Where it is from, as it stands with the booking: the name of a file, which no statement shows."""


@dataclass(frozen=True, kw_only=True)
class OpeningUndone(Event):
    """An opening balance is taken back: reverse it, or refuse the one that is still to come."""

    destinations: ClassVar[tuple[str, ...]] = ("points",)

    opening_id: UUID
    member_id: UUID
    station_id: UUID


@dataclass(frozen=True, kw_only=True)
class RosterUndoAsked(Event):
    """A roster is to be taken back. The answer says whom of these people check-in has seen since: {"seen": [ids]}."""

    destinations: ClassVar[tuple[str, ...]] = ("checkin",)

    import_id: UUID
    member_ids: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Somebody who answers for an act: the login, and the person whose it is."""

    login_id: UUID
    member_id: UUID


@dataclass(frozen=True, kw_only=True)
class PastService:
    """过往服务记录: what a line of a station's list says that somebody did."""

    record_id: UUID
    """Of the line; the attendance that it becomes has the same."""
    member_id: UUID
    station_id: UUID
    service_day: date
    started_at: datetime
    ended_at: datetime
    timed: bool
    """Whether the list says when it was; else the times stand for how long it took."""
    title: str
    category: str
    activity_starts_at: datetime
    activity_ends_at: datetime
    """Of all lines of the list about the same activity together."""


@dataclass(frozen=True, kw_only=True)
class PastServicesAsked(Event):
    """Which of these would be known already? The answer: {"left_out": {record id: why, in a sentence}}."""

    destinations: ClassVar[tuple[str, ...]] = ("checkin",)

    import_id: UUID
    question_id: UUID
    services: tuple[PastService, ...]


@dataclass(frozen=True, kw_only=True)
class PastServiceApproved(PastService, Event):
    """A past service was approved by a second person. Key: the record; the answer: {"state": "taken" | "left_out",
    "detail": why it was left out}.
    """

    destinations: ClassVar[tuple[str, ...]] = ("checkin",)

    import_id: UUID
    brought_by: Signer
    approved_by: Signer


@dataclass(frozen=True, kw_only=True)
class PastServiceUndone(Event):
    """A past service is taken back: annul its attendance, or refuse the one that is still to come."""

    destinations: ClassVar[tuple[str, ...]] = ("checkin",)

    record_id: UUID
    import_id: UUID
    member_id: UUID
    undone_by: Signer


@dataclass(frozen=True, kw_only=True)
class SpendRequested(Event):
    """A member redeems points. Key: the redemption; the answer is `SpendAnswer`."""

    destinations: ClassVar[tuple[str, ...]] = ("points",)

    redemption_id: UUID
    member_id: UUID
    station_id: UUID
    """The station whose gift it is."""
    points: int
    """Hundredths of a point, > 0."""
    description: str
    """What the member sees on the statement, e.g. 洗衣液 × 1."""
    card_version: int = 0
    """Of the copy by which rewards judged who the member is; who has an older one cannot say no yet."""


@dataclass(frozen=True, kw_only=True)
class RedemptionVoided(Event):
    """A redemption will not happen: reverse its spend, or refuse the spend that is still to come."""

    destinations: ClassVar[tuple[str, ...]] = ("points",)

    redemption_id: UUID
    member_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the receiver made of one event.

    `done`: taken in, now or at an earlier time. `refused`: it can never be taken in (dead letter).
    `later`: what it depends on has not come yet; nothing was decided, it is to be sent again.
    """

    status: str = "done"
    code: str | None = None
    detail: str | None = None
    outcome: Mapping[str, Any] | None = None
    """For events that ask something; `SpendRequested`: {"state": "confirmed" | "declined", "code", "detail"}."""


_CLASSES: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        MemberChanged,
        StationChanged,
        AttendanceSettled,
        OpeningApproved,
        OpeningUndone,
        RosterUndoAsked,
        PastServicesAsked,
        PastServiceApproved,
        PastServiceUndone,
        SpendRequested,
        RedemptionVoided,
    )
}


def name_of(event: Event) -> str:
    return type(event).__name__


def destinations_of_all() -> dict[str, tuple[str, ...]]:
    """Every event's name and its destinations."""
    return {name: cls.destinations for name, cls in _CLASSES.items()}


def dump(event: Event) -> dict[str, Any]:
    """The event as JSON-ready builtins."""
    body: dict[str, Any] = msgspec.to_builtins(event)
    return body


def load(name: str, body: Mapping[str, Any]) -> Event:
    """The event of this name; Invalid for unknown names and wrong bodies."""
    if (cls := _CLASSES.get(name)) is None:
        raise Invalid(f"unknown event {name}")
    try:
        return msgspec.convert(body, cls)
    except msgspec.ValidationError as error:
        raise Invalid(f"{name}: {error}") from error
