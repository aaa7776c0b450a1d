"""Periods, ages and ranks."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.domain.boards import (
    LOOKED_BACK_MAX,
    Period,
    days_before,
    key_of,
    keys_of,
    latest_birth_date,
    nodes_of,
    ranks,
    span_of,
)
from services.points.store import board_cache

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2026, 11, 22), "2026-W47"),  # a Sunday
        (date(2026, 11, 23), "2026-W48"),
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 30), "2025-W01"),
    ],
)
def test_a_week_belongs_to_the_year_of_its_thursday(day: date, week: str) -> None:
    assert key_of(Period.WEEK, day) == week


def test_every_day_is_in_one_period_of_each_kind() -> None:
    assert keys_of(date(2026, 11, 22)) == ("2026-W47", "2026-11", "2026-Q4", "2026", "all")


@given(DAYS)
def test_weeks_run_from_monday_to_sunday(day: date) -> None:
    monday = day - timedelta(days=day.weekday())
    assert {key_of(Period.WEEK, monday + timedelta(days=n)) for n in range(7)} == {key_of(Period.WEEK, day)}
    assert key_of(Period.WEEK, monday - timedelta(days=1)) != key_of(Period.WEEK, day)
    assert key_of(Period.WEEK, monday + timedelta(days=7)) != key_of(Period.WEEK, day)


@given(DAYS)
def test_keys_of_different_kinds_never_meet(day: date) -> None:
    assert len(set(keys_of(day))) == len(Period)


@given(DAYS, DAYS)
def test_later_periods_have_later_keys(one: date, other: date) -> None:
    for period in Period:
        if key_of(period, one) < key_of(period, other):
            assert one < other


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), DAYS)
def test_nobody_is_listed_before_the_fourteenth_birthday(born: date, today: date) -> None:
    had_birthday = (today.month, today.day) >= (born.month, born.day)
    age = today.year - born.year - (0 if had_birthday else 1)
    assert (born <= latest_birth_date(today)) == (age >= 14)


@given(st.lists(st.integers(1, 6), max_size=30))
def test_equals_share_a_rank_and_the_next_counts_everyone_before(values: list[int]) -> None:
    ordered = sorted(values, reverse=True)
    assert ranks(ordered) == [1 + sum(other > value for other in ordered) for value in ordered]


def test_ranks_after_a_tie() -> None:
    assert ranks([9, 7, 7, 3]) == [1, 2, 2, 4]


def test_a_path_names_its_nodes_from_the_root() -> None:
    assert nodes_of(f"/{UUID(int=1).hex}/{UUID(int=2).hex}/") == (UUID(int=1), UUID(int=2))


def test_connecting_to_redis_and_reading_from_it_take_no_longer_than_a_third_of_a_second() -> None:
    assert 2 * board_cache.READ_TIMEOUT_S <= 0.3


@given(DAYS, st.sampled_from([period for period in Period if period is not Period.ALL]))
def test_a_period_spans_the_days_of_its_key_and_no_others(day: date, period: Period) -> None:
    span = span_of(period, day)
    assert span is not None
    first, last = span
    assert first <= day <= last
    assert key_of(period, first) == key_of(period, day) == key_of(period, last)
    assert key_of(period, first - timedelta(days=1)) < key_of(period, day) < key_of(period, last + timedelta(days=1))
    earlier = [key_of(period, before) for before in days_before(period, day)]
    assert len(earlier) == LOOKED_BACK_MAX
    assert [key_of(period, day), *earlier] == sorted({key_of(period, day), *earlier}, reverse=True)


def test_nothing_comes_before_all() -> None:
    assert span_of(Period.ALL, date(2026, 11, 22)) is None
    assert days_before(Period.ALL, date(2026, 11, 22)) == []
