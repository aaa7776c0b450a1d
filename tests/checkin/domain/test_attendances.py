"""The life of an attendance, step by step, and which steps there are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checkin.domain import attendances
from services.checkin.domain.attendances import (
    SETTLED,
    Attendance,
    AttendanceInWrongState,
    ImpossibleTimes,
    Mark,
    State,
    Status,
    TooLateToAdd,
)
from services.checkin.domain.schedule import Schedule
from shared.events import Evidence

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SCHEDULE = Schedule(START, START + timedelta(hours=3), 60)
MONDAY = START + timedelta(days=2)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def attendance(state: State = State.OPEN, **fields: object) -> Attendance:
    is_open = state is State.OPEN
    made = Attendance(
        id=uuid4(),
        activity_id=uuid4(),
        site_id=uuid4(),
        member_id=uuid4(),
        pair=1,
        state=state,
        version=1 if state in (*SETTLED, State.ANNULLED) else 0,
        service_day=date(2026, 11, 21),
        arrived_at=at(0),
        left_at=None if is_open else at(120),
        minutes=None if is_open else 120,
        minutes_in_time=None if is_open else 120,
        evidence=Evidence.OWN_SCAN,
        marks=(),
        automatic_departure=False,
        reason=None,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


STEPS: dict[str, tuple[Callable[[Attendance], Attendance], set[State], State]] = {
    "leave": (lambda it: attendances.leave(it, SCHEDULE, at(150)), {State.OPEN}, State.LEFT),
    "confirm": (attendances.confirm, {State.LEFT}, State.CONFIRMED),
    "reject": (lambda it: attendances.reject(it, "不在现场"), {State.LEFT}, State.REJECTED),
    "annul": (lambda it: attendances.annul(it, "记录不实"), {State.CONFIRMED, State.CORRECTED}, State.ANNULLED),
    "correct": (
        lambda it: attendances.correct(it, SCHEDULE, at(10), at(70), MONDAY, "早退"),
        {State.OPEN, State.LEFT, State.CONFIRMED, State.CORRECTED},
        State.CORRECTED,
    ),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_there_from_its_states_and_no_others(step: str, state: State) -> None:
    take, allowed, target = STEPS[step]
    if state in allowed:
        assert take(attendance(state)).state is target
    else:
        with pytest.raises(AttendanceInWrongState):
            take(attendance(state))


def test_versions_count_what_points_is_told() -> None:
    left = attendances.leave(attendance(), SCHEDULE, at(120))
    confirmed = attendances.confirm(left)
    corrected = attendances.correct(confirmed, SCHEDULE, at(0), at(60), MONDAY, "早退")
    annulled = attendances.annul(corrected, "记录不实")
    assert [it.version for it in (left, confirmed, corrected, annulled)] == [0, 1, 2, 3]
    assert [it.settled_minutes for it in (left, confirmed, corrected, annulled)] == [0, 120, 60, 0]


@pytest.mark.parametrize(
    ("own_scan", "before", "marks", "after"),
    [
        (True, Evidence.OWN_SCAN, (), Evidence.OWN_SCAN),
        (True, Evidence.OWN_SCAN, (Mark.EARLY, Mark.SURPLUS), Evidence.OWN_SCAN),
        (True, Evidence.OWN_SCAN, (Mark.LATE_SCAN,), Evidence.ORGANIZER),
        (False, Evidence.OWN_SCAN, (), Evidence.ORGANIZER),
        (True, Evidence.ORGANIZER, (), Evidence.ORGANIZER),
        (True, Evidence.ENTERED_LATER, (), Evidence.ENTERED_LATER),
        (False, Evidence.ENTERED_LATER, (), Evidence.ENTERED_LATER),
    ],
)
def test_evidence_is_as_good_as_its_weaker_half(
    own_scan: bool, before: Evidence, marks: tuple[Mark, ...], after: Evidence
) -> None:
    left = attendances.leave(attendance(evidence=before), SCHEDULE, at(120), own_scan=own_scan, marks=marks)
    assert left.evidence is after


@pytest.mark.parametrize(
    ("evidence", "marks", "confirm_each", "expected"),
    [
        (Evidence.OWN_SCAN, (), False, True),
        (Evidence.OWN_SCAN, (Mark.EARLY, Mark.SURPLUS), False, True),
        (Evidence.OWN_SCAN, (), True, False),
        (Evidence.OWN_SCAN, (Mark.OVERLAPPING,), False, False),
        (Evidence.OWN_SCAN, (Mark.OWN_CASE,), False, False),
        (Evidence.ORGANIZER, (), False, False),
        (Evidence.ENTERED_LATER, (), False, False),
    ],
)
def test_only_own_scans_in_time_and_in_one_place_confirm_themselves(
    evidence: Evidence, marks: tuple[Mark, ...], confirm_each: bool, expected: bool
) -> None:
    left = attendance(State.LEFT, evidence=evidence, marks=marks)
    assert attendances.confirms_itself(left, confirm_each=confirm_each) is expected


def test_nobody_leaves_before_arriving() -> None:
    left = attendances.leave(attendance(arrived_at=at(30)), SCHEDULE, at(20))
    assert (left.left_at, left.minutes) == (at(30), 0)


def test_a_correction_is_the_organizers_word_and_moves_the_service_day() -> None:
    night = Schedule(datetime(2026, 11, 21, 15, tzinfo=UTC), datetime(2026, 11, 21, 19, tzinfo=UTC), 60)
    before = attendance(State.CONFIRMED, arrived_at=night.starts_at, left_at=night.ends_at, minutes=240)
    after = attendances.correct(
        before, night, datetime(2026, 11, 21, 16, 30, tzinfo=UTC), night.ends_at, MONDAY, "来晚了"
    )
    assert (after.service_day, after.minutes, after.evidence) == (date(2026, 11, 22), 150, Evidence.ORGANIZER)


def test_after_the_time_for_it_a_correction_adds_nothing_but_may_put_back_what_was_counted() -> None:
    in_time = MONDAY - timedelta(hours=10)
    for state in (State.LEFT, State.CONFIRMED):
        before = attendance(state)
        longer = attendances.correct(before, SCHEDULE, at(0), at(150), in_time, "改签退")
        assert (longer.minutes, longer.evidence) == (150, Evidence.ORGANIZER)
        with pytest.raises(TooLateToAdd):
            attendances.correct(before, SCHEDULE, at(0), at(121), MONDAY, "改签退")
        mistyped = attendances.correct(before, SCHEDULE, at(0), at(60), MONDAY, "改签退")
        with pytest.raises(TooLateToAdd):
            attendances.correct(mistyped, SCHEDULE, at(0), at(121), MONDAY, "改签退")
        restored = attendances.correct(mistyped, SCHEDULE, at(0), at(120), MONDAY, "改签退")
        assert (restored.minutes, restored.evidence) == (120, Evidence.ORGANIZER)
        shortened = attendances.correct(before, SCHEDULE, at(0), at(60), in_time, "改签退")
        with pytest.raises(TooLateToAdd):
            attendances.correct(shortened, SCHEDULE, at(0), at(120), MONDAY, "改签退")


def test_what_was_entered_later_may_be_corrected_either_way_and_stays_so() -> None:
    before = attendance(State.CONFIRMED, evidence=Evidence.ENTERED_LATER)
    after = attendances.correct(before, SCHEDULE, at(0), at(150), MONDAY, "改签退")
    assert (after.minutes, after.evidence) == (150, Evidence.ENTERED_LATER)


def test_an_open_pair_is_corrected_and_confirmed_at_once() -> None:
    done = attendances.correct(attendance(), SCHEDULE, at(0), at(60), at(90), "先走了")
    assert (done.state, done.version, done.minutes, done.evidence) == (State.CORRECTED, 1, 60, Evidence.ORGANIZER)
    much_later = attendances.correct(attendance(), SCHEDULE, at(0), at(60), MONDAY, "先走了")
    assert much_later.evidence is Evidence.ENTERED_LATER


@pytest.mark.parametrize(
    ("arrived", "left", "now"),
    [(-61, 60, 4000), (181, 190, 4000), (60, 60, 4000), (60, 30, 4000), (10, 100, 90), (100, 120, 90)],
)
def test_impossible_times_are_refused(arrived: float, left: float, now: float) -> None:
    with pytest.raises(ImpossibleTimes):
        attendances.require_possible(SCHEDULE, at(arrived), at(left), at(now))


@pytest.mark.parametrize(
    ("state", "now", "status"),
    [
        (State.OPEN, 100, Status.SIGNED_IN),
        (State.OPEN, 180, Status.SIGNED_IN),
        (State.OPEN, 181, Status.NOT_SIGNED_OUT),
        (State.LEFT, 100, Status.WAITING),
        (State.CONFIRMED, 100, Status.SETTLING),
        (State.CORRECTED, 100, Status.SETTLING),
        (State.ANNULLED, 100, Status.ANNULLED),
        (State.REJECTED, 100, Status.REJECTED),
    ],
)
def test_the_status_line_says_where_it_stands(state: State, now: float, status: Status) -> None:
    assert attendance(state).status(SCHEDULE.ends_at, at(now)) is status


def pairs_of(member_id: UUID, *minutes: int, state: State = State.CONFIRMED) -> list[Attendance]:
    return [attendance(state, member_id=member_id, minutes=each, pair=number) for number, each in enumerate(minutes, 1)]


def test_a_later_pair_gives_the_earlier_ones_a_new_version() -> None:
    member_id = uuid4()
    [earlier] = pairs_of(member_id, 50)
    later = attendance(State.LEFT, member_id=member_id, pair=2, minutes=70)
    changed = attendances.rate_together([earlier, later], {later.id: attendances.confirm(later)})
    assert {(pair.id, pair.version, pair.state) for pair in changed} == {
        (later.id, 1, State.CONFIRMED),
        (earlier.id, 2, State.CONFIRMED),
    }


def test_a_pair_without_minutes_and_a_rejected_one_re_rate_nothing() -> None:
    member_id = uuid4()
    [earlier] = pairs_of(member_id, 50)
    later = attendance(State.LEFT, member_id=member_id, pair=2, minutes=0)
    for change in (attendances.confirm(later), attendances.reject(later, "不在现场")):
        assert [pair.id for pair in attendances.rate_together([earlier, later], {later.id: change})] == [later.id]


def test_one_pair_carries_the_visit_and_hands_it_on() -> None:
    member_id = uuid4()
    first = attendance(State.CONFIRMED, member_id=member_id, pair=1, arrived_at=at(0), minutes=20)
    second = attendance(State.CONFIRMED, member_id=member_id, pair=2, arrived_at=at(60), minutes=20)
    empty = attendance(State.CONFIRMED, member_id=member_id, pair=3, arrived_at=at(-5), minutes=0)
    waiting = attendance(State.LEFT, member_id=member_id, pair=4, arrived_at=at(-9), minutes=20)
    assert attendances.carriers([second, waiting, empty, first]) == {first.id}
    assert attendances.carriers([empty, waiting]) == set()
    known_better = replace(second, evidence=Evidence.OWN_SCAN)
    assert attendances.carriers([replace(first, evidence=Evidence.ENTERED_LATER), known_better]) == {second.id}


def test_a_pair_that_takes_over_the_visit_gets_a_new_version_though_the_sum_stays() -> None:
    member_id = uuid4()
    first = attendance(State.CONFIRMED, member_id=member_id, pair=1, arrived_at=at(0), left_at=at(20), minutes=20)
    second = attendance(State.CONFIRMED, member_id=member_id, pair=2, arrived_at=at(60), left_at=at(80), minutes=20)
    moved = attendances.correct(first, SCHEDULE, at(100), at(120), MONDAY, "时间有误")
    changed = attendances.rate_together([first, second], {first.id: moved})
    # What was entered by hand is known less well than the other's scans.
    assert {(pair.id, pair.version) for pair in changed} == {(first.id, 2), (second.id, 2)}
    assert attendances.carriers(changed) == {second.id}


def test_who_gives_a_visit_up_is_told_before_who_takes_it_over() -> None:
    member_id = uuid4()
    entered = attendance(State.CONFIRMED, member_id=member_id, pair=1, minutes=20, evidence=Evidence.ORGANIZER)
    scanned = attendance(State.LEFT, member_id=member_id, pair=2, arrived_at=at(60), minutes=20)
    confirmed = attendances.confirm(scanned)
    changed = attendances.rate_together([entered, scanned], {scanned.id: confirmed})
    assert [pair.id for pair in changed] == [scanned.id, entered.id]
    about = {"title": "走访", "category": "door_visit", "station_id": uuid4()}
    facts = attendances.facts_of(changed, changed, SCHEDULE, **about, touched={scanned.id})  # type: ignore[arg-type]
    assert [(fact.attendance_id, fact.carries_visit) for fact in facts] == [(entered.id, False), (scanned.id, True)]
    assert [fact.minutes_together for fact in facts] == [40, 40]


def test_only_settled_pairs_of_who_served_are_rated_again() -> None:
    served, idle = uuid4(), uuid4()
    pairs = [*pairs_of(served, 50, 0), *pairs_of(served, 20, state=State.LEFT), *pairs_of(idle, 0)]
    again = attendances.rate_again(pairs)
    assert [(pair.id, pair.version) for pair in again] == [(pair.id, 2) for pair in pairs[:2]]


_states = st.sampled_from([State.LEFT, State.CONFIRMED, State.CORRECTED, State.ANNULLED, State.REJECTED, State.OPEN])


@given(
    st.lists(st.tuples(st.sampled_from([UUID(int=1), UUID(int=2)]), _states, st.integers(0, 300)), max_size=8),
    st.data(),
)
def test_all_settled_pairs_know_the_sum_and_nobody_elses_moves(
    rows: list[tuple[UUID, State, int]], data: st.DataObject
) -> None:
    """After any change every settled pair whose member's sum moved has a version that points has not seen."""
    before = [
        attendance(state, member_id=member_id, minutes=None if state is State.OPEN else minutes)
        for member_id, state, minutes in rows
    ]
    waiting = [pair for pair in before if pair.state is State.LEFT]
    chosen = data.draw(st.lists(st.sampled_from(waiting), unique=True) if waiting else st.just([]))
    touched = {pair.id: attendances.confirm(pair) for pair in chosen}
    after = {pair.id: pair for pair in before} | {pair.id: pair for pair in attendances.rate_together(before, touched)}
    old, new = attendances.together(before), attendances.together(after.values())
    for pair in before:
        moved = after[pair.id].version - pair.version
        if pair.id in touched:
            assert moved == 1
        elif pair.state in SETTLED:
            assert moved == int(old[pair.member_id] != new[pair.member_id])
        else:
            assert after[pair.id] == pair
