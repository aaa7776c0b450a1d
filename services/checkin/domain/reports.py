"""What a station reports upward, and for which days that is complete."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from shared.errors import RuleBroken

DAYS_MAX = 3 * 366


class Tree(StrEnum):
    """By which tree places are counted."""

    NOW = "now"
    """As it is: what was moved or merged counts where it belongs today."""
    THEN = "then"
    """As it was: by the parents and names of the day of service."""


class BadPeriod(RuleBroken):
    code = "bad_period"
    detail = "结束日期不能早于开始日期，一次最多统计三年"


@dataclass(frozen=True, slots=True)
class Figures:
    """场次, 人次, 人数 and minutes of what is confirmed; `waiting` counts records that are not."""

    activities: int = 0
    visits: int = 0
    persons: int = 0
    minutes: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class OfCategory(Figures):
    category: str = ""


@dataclass(frozen=True, slots=True)
class OfMonth(Figures):
    month: str = ""
    """As 2026-11."""


@dataclass(frozen=True, slots=True)
class OfNode(Figures):
    node_id: UUID | None = None
    name: str | None = None
    """None for a moment, while a change of the tree is on its way here."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a node for a period; each part has those who served in it, so persons do not add up."""

    node_id: UUID | None
    from_day: date
    to_day: date
    tree: Tree
    complete_until: date | None
    total: Figures = Figures()
    categories: tuple[OfCategory, ...] = ()
    months: tuple[OfMonth, ...] = ()
    nodes: tuple[OfNode, ...] = ()


def require_period(from_day: date, to_day: date) -> None:
    """Raise BadPeriod unless the days are in order and not too many."""
    if not timedelta() <= to_day - from_day < timedelta(days=DAYS_MAX):
        raise BadPeriod


def complete_until(from_day: date, to_day: date, today: date, waits_since: date | None) -> date | None:
    """The last day of the period to which nothing is to be added by confirming; None when that is no day of it.

    Today is not over, and where records wait the days from the oldest of them on may still grow.
    """
    ends = [to_day, today - timedelta(days=1)]
    if waits_since is not None:
        ends.append(waits_since - timedelta(days=1))
    last = min(ends)
    return last if last >= from_day else None


def with_months(report: Report) -> Report:
    """The report with every month of its period, also those in which nothing happened."""
    found = {one.month: one for one in report.months}
    months = []
    year, month = report.from_day.year, report.from_day.month
    while (year, month) <= (report.to_day.year, report.to_day.month):
        key = f"{year:04}-{month:02}"
        months.append(found.get(key, OfMonth(month=key)))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return replace(report, months=tuple(months))
