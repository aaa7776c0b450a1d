"""Every outcome a scan can have, and which refusal comes first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.checkin.domain import activities, attendances
from services.checkin.domain.admission import Outcome, Situation, Verdict, Why, judge, sentence
from services.checkin.domain.attendances import Mark
from services.checkin.domain.codes import Direction, Freshness
from services.checkin.domain.schedule import Schedule

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
USUAL = Situation(
    state=activities.State.PUBLISHED,
    schedule=Schedule(START, START + timedelta(hours=3), 60),
    active=True,
    last=None,
    last_left_at=None,
    pairs_today=0,
    full=False,
    overlapping=False,
    own_case=False,
)
THERE = replace(USUAL, last=attendances.State.OPEN)
ARRIVAL, DEPARTURE = Direction.ARRIVAL, Direction.DEPARTURE


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def arrive(found: Situation = USUAL, minutes: float = 10, freshness: Freshness = Freshness.CURRENT) -> Verdict:
    return judge(ARRIVAL, freshness, at(minutes), found)


def leave(found: Situation = THERE, minutes: float = 100, freshness: Freshness = Freshness.CURRENT) -> Verdict:
    return judge(DEPARTURE, freshness, at(minutes), found)


def test_coming_and_going_in_time_is_ok() -> None:
    assert arrive() == Verdict(Outcome.OK)
    assert leave() == Verdict(Outcome.OK)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-60.01, Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_EARLY)),
        (-60, Verdict(Outcome.OK, (Mark.EARLY,))),
        (-0.01, Verdict(Outcome.OK, (Mark.EARLY,))),
        (0, Verdict(Outcome.OK)),
        (180, Verdict(Outcome.OK)),
        (180.01, Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_LATE)),
    ],
)
def test_one_may_arrive_from_an_hour_before_the_start_to_the_end(minutes: float, expected: Verdict) -> None:
    assert arrive(minutes=minutes) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-30, Verdict(Outcome.OK)),
        (240, Verdict(Outcome.OK)),
        (240.01, Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_LATE)),
    ],
)
def test_one_may_leave_until_an_hour_after_the_end(minutes: float, expected: Verdict) -> None:
    assert leave(minutes=minutes) == expected


def test_people_at_the_door_are_let_in_and_marked() -> None:
    crowded = replace(USUAL, full=True, overlapping=True)
    assert arrive(crowded, -5) == Verdict(Outcome.OK, (Mark.EARLY, Mark.SURPLUS, Mark.OVERLAPPING))


def test_a_late_code_is_accepted_and_waits() -> None:
    assert arrive(freshness=Freshness.LATE) == Verdict(Outcome.LATE_SCAN, (Mark.LATE_SCAN,))
    assert leave(freshness=Freshness.LATE) == Verdict(Outcome.LATE_SCAN, (Mark.LATE_SCAN,))


def test_an_expired_code_and_one_not_yet_shown_are_refused() -> None:
    assert arrive(freshness=Freshness.EXPIRED) == Verdict(Outcome.EXPIRED_CODE)
    assert arrive(freshness=Freshness.NOT_SHOWN_YET) == Verdict(Outcome.INVALID_CODE, why=Why.NOT_SHOWN_YET)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (activities.State.DRAFT, Why.NOT_PUBLISHED),
        (activities.State.IN_REVIEW, Why.NOT_PUBLISHED),
        (activities.State.POSTPONED, Why.POSTPONED),
        (activities.State.CANCELLED, Why.CANCELLED),
        (activities.State.CLOSED, Why.CLOSED),
    ],
)
def test_only_a_published_activity_takes_scans(state: activities.State, why: Why) -> None:
    refused = Verdict(Outcome.ACTIVITY_CLOSED, why=why)
    assert arrive(replace(USUAL, state=state)) == refused
    assert leave(replace(THERE, state=state)) == refused


def test_somebody_whose_membership_ended_is_not_qualified() -> None:
    assert arrive(replace(USUAL, active=False)) == Verdict(Outcome.NOT_QUALIFIED, why=Why.NOT_ACTIVE)


def test_who_is_there_already_has_signed_in_already() -> None:
    assert arrive(THERE) == Verdict(Outcome.DUPLICATE)


@pytest.mark.parametrize("state", [attendances.State.LEFT, attendances.State.CONFIRMED, attendances.State.CORRECTED])
def test_who_has_left_has_left_even_when_the_activity_is_over(state: attendances.State) -> None:
    gone = replace(USUAL, last=state)
    assert leave(gone) == Verdict(Outcome.DUPLICATE)
    assert leave(replace(gone, state=activities.State.CLOSED), 300) == Verdict(Outcome.DUPLICATE)


@pytest.mark.parametrize("state", [attendances.State.REJECTED, attendances.State.ANNULLED])
def test_nobody_leaves_what_was_annulled_but_anybody_may_come_again(state: attendances.State) -> None:
    assert leave(replace(USUAL, last=state)) == Verdict(Outcome.ANNULLED)
    assert arrive(replace(USUAL, last=state)) == Verdict(Outcome.OK)


def test_nobody_leaves_who_never_came() -> None:
    assert leave(USUAL) == Verdict(Outcome.NOT_QUALIFIED, why=Why.NO_ARRIVAL)


def test_the_fourth_pair_of_a_day_is_refused() -> None:
    assert arrive(replace(USUAL, pairs_today=2)).outcome is Outcome.OK
    assert arrive(replace(USUAL, pairs_today=3)) == Verdict(Outcome.NOT_QUALIFIED, why=Why.PAIRS_USED_UP)
    assert leave(replace(THERE, pairs_today=3)).outcome is Outcome.OK


def test_every_outcome_has_a_sentence() -> None:
    """Over every situation there is, so that nobody is ever told nothing."""
    seen = set()
    for direction, freshness, minutes, state, active, last, pairs_today, overlapping in product(
        Direction,
        Freshness,
        (-100, 10, 200, 300),
        activities.State,
        (True, False),
        (None, *attendances.State),
        (0, 3),
        (True, False),
    ):
        found = Situation(state, USUAL.schedule, active, last, None, pairs_today, False, overlapping, False)
        verdict = judge(direction, freshness, at(minutes), found)
        assert sentence(verdict.outcome, direction, verdict.why)
        assert bool(verdict.marks) <= verdict.outcome.accepted
        seen.add(verdict.outcome)
    assert seen == set(Outcome)
    assert sentence(Outcome.INVALID_CODE, None, Why.FORGED)


@pytest.mark.parametrize("state", [attendances.State.LEFT, attendances.State.CONFIRMED, attendances.State.CORRECTED])
def test_an_arrival_read_before_the_last_departure_is_of_that_stay_and_opens_no_other(state: attendances.State) -> None:
    gone = replace(USUAL, last=state, last_left_at=at(60))
    assert arrive(gone, minutes=59).outcome is Outcome.DUPLICATE
    assert arrive(gone, minutes=61).outcome is Outcome.OK
    refused = replace(gone, last=attendances.State.REJECTED)
    assert arrive(refused, minutes=59).outcome is Outcome.OK, "what does not count is in nobody's way"
