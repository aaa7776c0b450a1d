"""What of a stay counts as service."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checkin.domain.schedule import BadTimes, Schedule, service_day

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SCHEDULE = Schedule(START, START + timedelta(hours=3), 60)

moments = st.datetimes(datetime(2026, 11, 19), datetime(2026, 11, 24), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.timedeltas(timedelta(seconds=1), timedelta(hours=24))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("ended", "length", "served"), [(None, 180, 170), (60, 60, 50), (240, 180, 170), (-30, 1, 0), (0.5, 1, 0)]
)
def test_what_ended_early_was_shorter(ended: float | None, length: int, served: int) -> None:
    schedule = Schedule(START, START + timedelta(hours=3), 60, None if ended is None else at(ended))
    assert schedule.minutes == length
    assert schedule.served(at(10), at(180)).minutes == served


@pytest.mark.parametrize(
    ("arrived", "left", "minutes"),
    [
        (0, 180, 180),
        (-60, 180, 180),
        (-60, 240, 180),
        (0, 239, 180),
        (10, 140, 130),
        (-60, -5, 0),
        (-60, 0, 0),
        (180, 200, 0),
        (0, 0.99, 0),
        (0, 1, 1),
        (0.5, 60, 59),
        (30, 30, 0),
    ],
)
def test_time_is_clipped_to_the_activity_and_counted_in_whole_minutes(
    arrived: float, left: float, minutes: int
) -> None:
    assert SCHEDULE.served(at(arrived), at(left)).minutes == minutes


@given(start=moments, length=lengths, arrived=moments, stay=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_counts_lies_inside_both_the_stay_and_the_activity(
    start: datetime, length: timedelta, arrived: datetime, stay: timedelta
) -> None:
    schedule = Schedule(start, start + length, 60)
    left = arrived + stay
    served = schedule.served(arrived, left)
    assert schedule.starts_at <= served.started_at <= served.ended_at <= schedule.ends_at
    assert 0 <= served.minutes <= schedule.minutes
    assert (
        timedelta(minutes=served.minutes) <= served.ended_at - served.started_at < timedelta(minutes=served.minutes + 1)
    )
    if served.ended_at > served.started_at:
        assert arrived <= served.started_at
        assert served.ended_at <= left
    common = min(left, schedule.ends_at) - max(arrived, schedule.starts_at)
    assert served.minutes == max(common, timedelta(0)) // timedelta(minutes=1)


@given(start=moments, length=lengths, arrived=moments, cuts=st.lists(st.integers(0, 3000), min_size=2, max_size=6))
def test_pairs_one_after_the_other_never_count_more_than_one_long_stay(
    start: datetime, length: timedelta, arrived: datetime, cuts: list[int]
) -> None:
    schedule = Schedule(start, start + length, 0)
    moments_ = [arrived + timedelta(minutes=cut) for cut in sorted(cuts)]
    parts = sum(schedule.served(*pair).minutes for pair in pairwise(moments_))
    assert parts <= schedule.served(moments_[0], moments_[-1]).minutes


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=-1), timedelta(hours=24, seconds=1)])
def test_an_activity_ends_after_it_starts_and_within_a_day(length: timedelta) -> None:
    with pytest.raises(BadTimes):
        Schedule(START, START + length, 60)


def test_the_service_day_is_the_shanghai_date_of_arrival() -> None:
    assert service_day(datetime(2026, 11, 21, 15, 59, tzinfo=UTC)).isoformat() == "2026-11-21"
    assert service_day(datetime(2026, 11, 21, 16, 0, tzinfo=UTC)).isoformat() == "2026-11-22"


@pytest.mark.parametrize(
    ("entered", "in_time"),
    [
        (datetime(2026, 11, 21, 5, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 16, tzinfo=UTC), False),
    ],
)
def test_a_sheet_may_be_typed_in_until_the_end_of_the_next_day_in_shanghai(entered: datetime, in_time: bool) -> None:
    assert SCHEDULE.counts_as_entered_in_time(entered) is in_time


def test_after_a_night_the_next_day_is_the_one_after_the_end() -> None:
    night = Schedule(datetime(2026, 11, 21, 14, tzinfo=UTC), datetime(2026, 11, 21, 18, tzinfo=UTC), 60)
    assert night.counts_as_entered_in_time(datetime(2026, 11, 23, 15, 59, tzinfo=UTC))
    assert not night.counts_as_entered_in_time(datetime(2026, 11, 23, 16, tzinfo=UTC))
