"""The boards' page, when the present period is empty."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from shared import clock
from shared.db import transactional
from tests.gateway.real import Browser, Town, town

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["town"]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def book(town: Town, who: Browser, day: date) -> None:
    """An hour served at the station on this day."""
    from services.points.store import standings
    from services.points.store.standings import Delta

    @transactional
    def add(tx: "Session") -> None:
        standings.add(tx, [Delta(UUID(town.station_id), day, UUID(who.member_id), 100, 60, 1)])

    with town.apps["points"].app_context():
        add()


@pytest.fixture
def ranked(town: Town) -> Browser:
    who = town.person("陈芳")
    town.administrator.api("POST", f"/members/members/{who.member_id}/confirm")
    who.post("/me", "/me/consents", ranked="1", named="1")
    town.deliver()
    return who


def test_on_the_first_days_of_a_period_the_newest_board_is_shown_and_the_page_says_so(
    town: Town, ranked: Browser
) -> None:
    year = clock.today().year - 1  # a session goes back with the clock, and not far ahead
    tuesday, wednesday = (date.fromisocalendar(year, 37, weekday) for weekday in (2, 3))  # in September in every year
    book(town, ranked, tuesday)
    shown = {
        "week": (date(year, 9, 24), "本周还没有人上榜，下面是9月"),
        "month": (date(year, 10, 1), f"本月还没有人上榜，下面是{year}年9月的。"),
        "quarter": (date(year, 10, 1), f"本季还没有人上榜，下面是{year} 年第 3 季度的。"),
        "year": (date(year + 1, 1, 1), f"今年还没有人上榜，下面是{year} 年的。"),
    }
    for period, (day, sentence) in shown.items():
        with town.at(noon(wednesday)):
            now = ranked.get(f"/boards?period={period}").text
            assert "还没有人上榜" not in now
            assert "陈芳（我）" in now
        with town.at(noon(day)):
            later = ranked.get(f"/boards?period={period}").text
            assert sentence in later
            assert "陈芳（我）" in later
            assert "第 1 名" in later
            assert "还没有人上榜" not in ranked.get("/boards?period=all").text


def test_a_station_where_nobody_ever_served_has_an_empty_board_and_nothing_instead(town: Town, ranked: Browser) -> None:
    shown = ranked.get("/boards").text
    assert "这段时间还没有记录" in shown
    assert "还没有人上榜" not in shown
