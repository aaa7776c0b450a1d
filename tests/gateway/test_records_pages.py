"""A member's record over the years."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

from shared import clock
from tests.gateway.real import Browser, Town, town
from tests.points.support import attendance, settle

__all__ = ["town"]


def serve(town: Town, who: Browser, day: date, minutes: int) -> None:
    """Served and booked on one day."""
    with town.at(datetime(day.year, day.month, day.day, 4, tzinfo=UTC)), town.apps["points"].app_context():
        fact = attendance(UUID(who.member_id), minutes, service_day=day, station_id=UUID(town.station_id))
        assert [answer.status for answer in settle([fact])] == ["done"]


def table(page: str) -> list[list[str]]:
    """The rows of the months' table as text."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[hd].*?</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]
    return [[re.sub(r"<[^>]*>|\s+", " ", cell).strip() for cell in row] for row in rows]


def test_points_and_hours_are_shown_by_month_for_every_year_with_any(town: Town) -> None:
    who, year = town.person("陈芳"), clock.today().year
    for day, minutes in (
        (date(year - 2, 3, 7), 60),
        (date(year - 1, 5, 2), 120),
        (date(year - 1, 5, 9), 90),
        (date(year - 1, 8, 1), 30),
    ):
        serve(town, who, day, minutes)
    newest = who.get("/records/points").text
    assert f"{year - 1} 年每月" in newest
    assert table(newest) == [["8月", "0.5", "0", "30 分钟"], ["5月", "3.5", "0", "3 小时 30 分钟"]]
    earlier = who.get(f"/records/points?year={year - 2}").text
    assert table(earlier) == [["3月", "1", "0", "1 小时"]]
    for page in (newest, earlier):
        links = re.findall(r'href="/records/points\?year=(\d+)#months"', page)
        assert links == [str(year - 1), str(year - 2)]
    for nonsense in (str(year), "1999", "x"):
        assert table(who.get(f"/records/points?year={nonsense}").text) == table(newest)


def test_who_has_served_in_one_year_is_offered_no_others(town: Town) -> None:
    who, year = town.person("陈芳"), clock.today().year
    assert "年每月" not in who.get("/records/points").text
    serve(town, who, date(year - 1, 5, 2), 60)
    shown = who.get("/records/points").text
    assert table(shown) == [["5月", "1", "0", "1 小时"]]
    assert "?year=" not in shown
