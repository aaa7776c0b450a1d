"""How lines of a list of past services are read, and which of them say the same."""

from datetime import date
from typing import Any

import pytest

from services.members.domain import past
from services.members.domain.imports import Problem
from services.members.domain.past import PastRow, Reading

COLUMNS = {field: column for column, field in enumerate(past.TITLES)}
TODAY = date(2026, 11, 25)
CATEGORIES = {"环境整治": "environment", "平安夜巡": "night_patrol"}


def read(at: int = 5, *, year: int | None = None, **texts: Any) -> Any:
    said = {"name": "王秀英", "day": "2026-3-8", "hours": "2", "title": "清扫楼道", "category": "环境整治"} | texts
    row = [said.get(field, "") for field in past.TITLES]
    return past.read_row(at, row, COLUMNS, Reading(240, year, None, CATEGORIES, TODAY))


def row(at: int = 5, **texts: Any) -> PastRow:
    found = read(at, **texts)
    assert isinstance(found, PastRow), found
    return found


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        ({"day": "3月8日"}, date(2026, 3, 8)),
        ({"day": "2026.3.8"}, date(2026, 3, 8)),
        ({"day": "3.8"}, date(2026, 3, 8)),
        ({"day": "3月8日（周日）"}, date(2026, 3, 8)),
        ({"day": "3月8日上午"}, date(2026, 3, 8)),
        ({"day": "46089"}, date(2026, 3, 8)),
        ({"day": "12月8日"}, date(2025, 12, 8)),
        ({"day": "", "times": "2026年3月8日 9:00-11:30"}, date(2026, 3, 8)),
        ({"day": "", "times": "3月8日9点至11点半"}, date(2026, 3, 8)),
    ],
)
def test_days_are_read_as_offices_write_them_and_without_a_year_are_the_last_such_day(
    texts: dict[str, Any], day: date
) -> None:
    assert row(**texts).day == day


def test_the_year_of_the_file_holds_for_days_without_one_alone() -> None:
    assert read(day="3月8日", year=2024).day == date(2024, 3, 8)
    assert read(day="2026.3.8", year=2024).day == date(2026, 3, 8)
    assert [read(day=text).year_missing for text in ("3月8日", "2026-3-8")] == [True, False]
    assert "今天以前" in read(day="12月8日", year=2026)[0].sentence


@pytest.mark.parametrize(
    ("texts", "begin", "minutes", "timed"),
    [
        ({"hours": "2小时"}, 540, 120, False),
        ({"hours": "2.5"}, 540, 150, False),
        ({"hours": "半天"}, 540, 240, False),
        ({"hours": "下午"}, 840, 240, True),
        ({"hours": "2", "day": "3月8日下午"}, 840, 120, True),
        ({"hours": "9:00-11:30"}, 540, 150, True),
        ({"hours": "", "times": "9：00—11：30"}, 540, 150, True),
        ({"hours": "2", "times": "9:00-11:30"}, 540, 120, True),
        ({"hours": "半天", "times": "9:00-11:30"}, 540, 150, True),
        ({"hours": "", "times": "下午2点-4点半"}, 840, 150, True),
        ({"hours": "", "times": "20:00-次日1:00"}, 1200, 300, True),
        ({"hours": "", "times": "22:00~1:00"}, 1320, 180, True),
        ({"hours": "", "times": "2小时"}, 540, 120, False),
    ],
)
def test_lengths_are_read_with_their_times_where_they_have_any(
    texts: dict[str, Any], begin: int, minutes: int, timed: bool
) -> None:
    found = row(**texts)
    assert (found.begin, found.minutes, found.timed) == (begin, minutes, timed)


@pytest.mark.parametrize(
    ("texts", "title", "sentence"),
    [
        ({"day": ""}, "日期", "没有写日期"),
        ({"day": "3.1"}, "日期", "不是有效的日期"),
        ({"day": "3月8日-10日"}, "日期", "一行写一天"),
        ({"day": "2026-11-25"}, "日期", "今天以前"),
        ({"day": "1999-3-8"}, "日期", "太早"),
        ({"hours": ""}, "时长", "没有写时长"),
        ({"hours": "很久"}, "时长", "不是有效的时长"),
        ({"hours": "0"}, "时长", "不是有效的时长"),
        ({"hours": "25"}, "时长", "最长 24 小时"),
        ({"hours": "3", "times": "9:00-11:30"}, "时长", "比起止时间还长"),
        ({"hours": "11:30-9:00"}, "时长", "不是有效的时长"),
        ({"title": ""}, "活动", "没有写做了什么"),
        ({"title": "扫" * 81}, "活动", "最多 80 个字"),
        ({"category": ""}, "类别", "没有写类别"),
        ({"category": "打扫"}, "类别", "可以写：环境整治、平安夜巡"),
        ({"phone": "12"}, "手机", "也不是尾号四位"),
        ({"number": "123"}, "志愿者编号", "编号不对"),
        ({"name": ""}, "姓名", "没有填姓名"),
    ],
)
def test_what_cannot_be_read_is_blamed_by_its_cell(texts: dict[str, Any], title: str, sentence: str) -> None:
    found = read(**texts)
    assert isinstance(found, list)
    assert found[0].title == title
    assert sentence in found[0].sentence


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    assert [problem.title for problem in read(name="", day="x", hours="x", title="", category="x")] == [
        "姓名", "日期", "时长", "活动", "类别",
    ]  # fmt: skip


def test_the_category_of_the_file_stands_for_a_missing_one() -> None:
    reading = Reading(240, None, "night_patrol", CATEGORIES, TODAY)
    said = {"name": "王秀英", "day": "2026-3-8", "hours": "2", "content": "巡逻"}
    for category, expected in (("", "night_patrol"), ("环境整治", "environment")):
        cells = [(said | {"category": category}).get(field, "") for field in past.TITLES]
        found = past.read_row(1, cells, COLUMNS, reading)
        assert isinstance(found, PastRow)
        assert (found.title, found.category) == ("巡逻", expected)


def test_four_digits_are_the_end_of_a_phone() -> None:
    found = row(phone="0001")
    assert (found.phone, found.tail) == (None, "0001")
    assert row(phone="13812340001").phone == "13812340001"


def repeated(*rows: PastRow) -> list[int]:
    return [problem.row for problem in past.find_repeated(rows)]


def test_a_line_is_a_repetition_when_times_meet_or_where_there_are_none_by_its_title() -> None:
    morning, noon, evening = (
        row(n, hours=text) for n, text in ((1, "9:00-11:30"), (2, "11:00-12:00"), (3, "19:00-21:00"))
    )
    assert repeated(morning, noon, evening) == [2]
    assert repeated(row(1), row(2, hours="3")) == [2], "other hours of the same activity are no other service"
    assert repeated(row(1), row(2, title="夜巡")) == []
    assert repeated(row(1), row(2, day="2026-3-9")) == []
    assert repeated(row(1), evening) == [3]
    assert repeated(row(1, hours="22:00-次日2:00"), row(2, day="2026-3-9", hours="1:00-3:00")) == [2]


def test_an_activity_reaches_as_far_as_all_its_rows_and_no_longer_than_a_day() -> None:
    spans = ("8:00-9:00", "22:00-次日7:00", "22:00-次日9:00")
    lines = [row(number, hours=span) for number, span in enumerate(spans, 1)]
    rows, problems = past.put_together([*lines, row(4, title="夜巡")])
    assert [(one.number, one.activity_begin, one.activity_end) for one in rows] == [
        (1, 480, 1860),
        (2, 480, 1860),
        (4, 540, 660),
    ]
    assert problems == [Problem(3, "", "", "和同一次活动的其他行相差超过 24 小时，请核对起止时间")]
