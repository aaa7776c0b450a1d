"""What boards count, in which periods, and whom they may list."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

AGE_MIN = 14
"""Nobody younger is on a board, whatever was consented to."""

ROWS_MAX = 100

LOOKED_BACK_MAX = 12
"""How many periods before an empty one are looked through for the newest board with somebody on it."""

NODE_LEVELS = ("city", "centre", "sub_centre", "station")
"""Where boards are: service is counted by station, so that compounds and buildings have none."""


class Period(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


class Metric(StrEnum):
    HOURS = "hours"
    """Counted in minutes."""
    POINTS = "points"
    """Counted in hundredths."""
    ATTENDANCES = "attendances"


@dataclass(frozen=True, slots=True, order=True)
class Board:
    """The standings of everyone who served below a node in one period."""

    node_id: UUID
    period: str
    """A key as `key_of` makes them."""


def key_of(period: Period, day: date) -> str:
    """The period that holds a service day: 2026-W48, 2026-11, 2026-Q4, 2026 or all.

    Weeks are ISO weeks, Monday to Sunday, and belong to the year that has their Thursday.
    """
    match period:
        case Period.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year:04}-W{week:02}"
        case Period.MONTH:
            return f"{day.year:04}-{day.month:02}"
        case Period.QUARTER:
            return f"{day.year:04}-Q{(day.month + 2) // 3}"
        case Period.YEAR:
            return f"{day.year:04}"
        case Period.ALL:
            return "all"


@lru_cache(maxsize=1024)
def keys_of(day: date) -> tuple[str, ...]:
    """All periods that hold a service day."""
    return tuple(key_of(period, day) for period in Period)


def span_of(period: Period, day: date) -> tuple[date, date] | None:
    """First and last day of the period that holds a day; None for all."""
    match period:
        case Period.WEEK:
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=6)
        case Period.MONTH:
            return _months(day.year, day.month, day.month)
        case Period.QUARTER:
            first = (day.month - 1) // 3 * 3 + 1
            return _months(day.year, first, first + 2)
        case Period.YEAR:
            return _months(day.year, 1, 12)
        case Period.ALL:
            return None


def _months(year: int, first: int, last: int) -> tuple[date, date]:
    return date(year, first, 1), date(year, last, monthrange(year, last)[1])


def days_before(period: Period, day: date) -> list[date]:
    """A day of each of the periods before the one that holds `day`, the newest first."""
    found: list[date] = []
    span = span_of(period, day)
    while span is not None and len(found) < LOOKED_BACK_MAX:
        found.append(span[0] - timedelta(days=1))
        span = span_of(period, found[-1])
    return found


def latest_birth_date(today: date) -> date:
    """Who was born on this day or before it is old enough to be listed today.

    One born on 29 February is so from 1 March on in years without that day.
    """
    try:
        return today.replace(year=today.year - AGE_MIN)
    except ValueError:  # today is 29 February, and there was none fourteen years ago
        return date(today.year - AGE_MIN, 2, 28)


def ranks(values: Iterable[int]) -> list[int]:
    """Ranks of values that descend: equals share one, and the next is as many further on (1, 2, 2, 4)."""
    found: list[int] = []
    last: int | None = None
    for place, value in enumerate(values, start=1):
        found.append(found[-1] if value == last else place)
        last = value
    return found


@lru_cache(maxsize=4096)
def nodes_of(path: str) -> tuple[UUID, ...]:
    """The node with this path and everything above it, from the root down."""
    return tuple(UUID(part) for part in path.strip("/").split("/"))


def surname_alone(name_masked: str) -> str:
    """陈* of 陈*芳: a public notice shows the last character too, so that a neighbour can object; a board need not."""
    return name_masked.partition("*")[0] + "*"
