"""Settlement: facts about attendances become outcomes and bookings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from services.points.domain import booking
from services.points.domain.booking import Book, Journal, Leg, Source
from services.points.domain.ledger import SourceType
from services.points.domain.rating import Rating, Rule, Served, rate, rule_of
from shared.events import AttendanceSettled

VERSION_MAX = 100_000
MINUTES_MAX = 100_000


class OutcomeState:
    AWARDED: Final = "awarded"
    NO_POINTS: Final = "no_points"
    ANNULLED: Final = "annulled"
    SUPERSEDED: Final = "superseded"
    """A lower version that came after a higher one; nothing was booked."""


class Outcome(NamedTuple):
    """What a version of an attendance came to, with everything needed to work it out again."""

    attendance_id: UUID
    version: int
    request_hash: bytes
    state: str
    member_id: UUID
    activity_id: UUID
    title: str
    category: str
    station_id: UUID
    service_day: date
    evidence: str
    minutes: int
    minutes_together: int
    activity_minutes: int
    carries_visit: bool | None
    """None where it was rated before a visit was counted once."""
    rule_id: UUID | None
    cap_before: int | None
    category_before: int | None
    points: int
    minutes_booked: int
    reason: str
    note: str | None
    award_version: int | None
    """The version whose transfers are the live award: its own, or an earlier one that came to the same."""
    booked_at: datetime


class Refusal(NamedTuple):
    """Why a fact can never be taken in."""

    code: str
    detail: str


@dataclass(slots=True)
class Award:
    """A live award as far as a reversal must know it."""

    legs: list[Leg]
    expired: int = 0


class Change(NamedTuple):
    """What one booking changed on the boards."""

    station_id: UUID
    service_day: date
    member_id: UUID
    points: int
    minutes: int
    attendances: int


@dataclass(slots=True)
class Desk:
    """All that settling a batch needs and leaves."""

    at: datetime
    rules: Mapping[str, Sequence[Rule]]
    """By category, in order of version."""
    books: Mapping[UUID, Book]
    """By the member a fact is about: of who was merged, the book of who stays."""
    latest: dict[UUID, Outcome]
    """By attendance, the highest version's outcome."""
    awards: dict[UUID, Award]
    """By attendance, where a batch brings a newer version."""
    journal: Journal
    changes: list[Change]


def find_fault(fact: AttendanceSettled) -> Refusal | None:
    """What is wrong with a fact in itself, if anything."""
    minutes = (fact.minutes, fact.minutes_together, fact.activity_minutes)
    if not 1 <= fact.version <= VERSION_MAX or min(minutes) < 0 or max(minutes) > MINUTES_MAX:
        return Refusal("invalid", f"version 1 to {VERSION_MAX}, minutes 0 to {MINUTES_MAX}")
    if "\0" in f"{fact.activity_title}{fact.reason}":
        return Refusal("invalid", "text with a zero byte")
    if fact.state not in ("confirmed", "corrected", "annulled"):
        return Refusal("invalid", f"unknown state {fact.state}")
    if fact.ended_at.tzinfo is None:
        return Refusal("invalid", "time without a zone")
    return None


def refuse(fact: AttendanceSettled, rules: Mapping[str, Sequence[Rule]], latest: Outcome | None) -> Refusal | None:
    """Why a sound fact can never be settled, if so."""
    if latest is not None and latest.member_id != fact.member_id:
        return Refusal("member_changed", "an attendance cannot move to another member")
    if rule_of(rules.get(fact.category, ()), fact.service_day) is None:
        return Refusal("no_rule", f"no rule for {fact.category} on {fact.service_day}")
    return None


def in_order(facts: Iterable[AttendanceSettled]) -> list[AttendanceSettled]:
    """Caps depend on the order: by the end of the service, then by id.

    What only gives up what it had comes first: when a visit passes from one pair to another, the cap that the
    one used is free before the other needs it.
    """
    return sorted(facts, key=lambda fact: (not _gives_up(fact), fact.ended_at, fact.attendance_id, fact.version))


def _gives_up(fact: AttendanceSettled) -> bool:
    return fact.state == "annulled" or (fact.version > 1 and not fact.carries_visit)


def settle(desk: Desk, fact: AttendanceSettled, request_hash: bytes) -> Outcome:
    """Book one version of an attendance: reverse what an earlier version brought, unless it comes to the same."""
    latest = desk.latest.get(fact.attendance_id)
    if latest is not None and latest.version > fact.version:
        reason = f"已有第 {latest.version} 版，本版不再入账"
        return _outcome(desk, fact, request_hash, OutcomeState.SUPERSEDED, reason=reason)
    book = desk.books[fact.member_id]
    live = latest if latest is not None and latest.award_version is not None else None
    if fact.state == "annulled":
        if live is not None:
            _reverse(desk, book, fact, live)
        outcome = _outcome(desk, fact, request_hash, OutcomeState.ANNULLED, reason="已撤销，不计时长和积分")
    else:
        outcome = _award(desk, book, fact, request_hash, live)
    desk.latest[fact.attendance_id] = outcome
    return outcome


def _award(desk: Desk, book: Book, fact: AttendanceSettled, request_hash: bytes, live: Outcome | None) -> Outcome:
    rule = rule_of(desk.rules[fact.category], fact.service_day)
    assert rule is not None, "refused before"
    if live is not None:
        book.use_cap(live.service_day, live.category, -live.points)
    cap_before = book.days.get(fact.service_day, 0)
    category_before = book.caps.get((fact.service_day, fact.category), 0)
    served = Served(fact.minutes, fact.minutes_together, fact.activity_minutes, fact.evidence.value, fact.carries_visit)
    rating = rate(rule, served, cap_before, category_before)
    book.use_cap(fact.service_day, fact.category, rating.points)
    if live is not None and _comes_to_the_same(live, fact, rating):
        award_version = live.award_version
    else:
        award_version = fact.version
        if live is not None:
            _undo(desk, book, fact, live)
        _book(desk, book, fact, rule, rating)
    return _outcome(
        desk,
        fact,
        request_hash,
        OutcomeState.AWARDED if rating.points else OutcomeState.NO_POINTS,
        reason=rating.reason,
        rule_id=rule.id,
        cap_before=cap_before,
        category_before=category_before,
        points=rating.points,
        minutes_booked=fact.minutes,
        award_version=award_version,
    )


def _comes_to_the_same(live: Outcome, fact: AttendanceSettled, rating: Rating) -> bool:
    return (live.points, live.minutes_booked, live.service_day, live.station_id) == (
        rating.points,
        fact.minutes,
        fact.service_day,
        fact.station_id,
    )


def _book(desk: Desk, book: Book, fact: AttendanceSettled, rule: Rule, rating: Rating) -> None:
    days = rule.body.points_live_days
    legs = booking.award(
        desk.journal,
        book,
        _source(desk, fact, fact.service_day, rule.id),
        points=rating.points,
        minutes=fact.minutes,
        expires_at=None if days is None else desk.at + timedelta(days=days),
    )
    desk.awards[fact.attendance_id] = Award(legs)
    desk.changes.append(Change(fact.station_id, fact.service_day, book.member_id, rating.points, fact.minutes, 1))


def _reverse(desk: Desk, book: Book, fact: AttendanceSettled, live: Outcome) -> None:
    book.use_cap(live.service_day, live.category, -live.points)
    _undo(desk, book, fact, live)


def _undo(desk: Desk, book: Book, fact: AttendanceSettled, live: Outcome) -> None:
    award = desk.awards.pop(fact.attendance_id)
    booking.reverse_award(
        desk.journal,
        book,
        _source(desk, fact, live.service_day, live.rule_id),
        award.legs,
        station_id=live.station_id,
        expired=award.expired,
    )
    desk.changes.append(
        Change(live.station_id, live.service_day, book.member_id, -live.points, -live.minutes_booked, -1)
    )


def _source(desk: Desk, fact: AttendanceSettled, service_day: date, rule_id: UUID | None) -> Source:
    return Source(
        SourceType.ATTENDANCE, fact.attendance_id, fact.version, fact.station_id, service_day, desk.at, rule_id
    )


def _outcome(
    desk: Desk,
    fact: AttendanceSettled,
    request_hash: bytes,
    state: str,
    *,
    reason: str,
    rule_id: UUID | None = None,
    cap_before: int | None = None,
    category_before: int | None = None,
    points: int = 0,
    minutes_booked: int = 0,
    award_version: int | None = None,
) -> Outcome:
    return Outcome(
        fact.attendance_id,
        fact.version,
        request_hash,
        state,
        fact.member_id,
        fact.activity_id,
        fact.activity_title,
        fact.category,
        fact.station_id,
        fact.service_day,
        fact.evidence.value,
        fact.minutes,
        fact.minutes_together,
        fact.activity_minutes,
        fact.carries_visit,
        rule_id,
        cap_before,
        category_before,
        points,
        minutes_booked,
        reason,
        fact.reason,
        award_version,
        desk.at,
    )
