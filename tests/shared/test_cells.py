"""What offices write into cells, and where the heads of their tables are."""

from datetime import date
from time import process_time

import pytest

from shared import cells
from shared.cells import Duration, Heads, Span

TITLES = {"name": ("姓名",), "phone": ("手机", "电话"), "compound": ("小区",)}


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("13812345678", "13812345678"),
        ("13812345678.0", "13812345678"),
        ("1.3812345678E+10", "13812345678"),
        ("1.381234567e+10", "13812345670"),
        ("1.38E+10", "1.38E+10"),
        ("１３８１２３４５６７８", "13812345678"),
        ("138 1234 5678", "138 1234 5678"),
        ("12.5", "12.5"),
        ("0001", "0001"),
        ("07158123456", "07158123456"),
    ],
)
def test_a_number_taken_for_a_quantity_is_read_when_nothing_of_it_is_lost(cell: str, read: str) -> None:
    assert cells.digits(cell) == read


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-08",
        "2026.3.8",
        "2026/3/8",
        "２０２６．３．８",
        "2026年3月8日",
        "2026 年 3 月 8 日",
        "20260308",
        "46089",
    ],
)
def test_a_day_is_read_as_offices_write_it(cell: str) -> None:
    assert cells.day(cell) == date(2026, 3, 8)


@pytest.mark.parametrize("cell", ["", "3月8日", "2026-02-30", "三月", "12345678901", "2026-3-8-1"])
def test_what_is_no_whole_day_is_none(cell: str) -> None:
    assert cells.day(cell) is None


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("3月8日", (3, 8)),
        ("3 月 8 号", (3, 8)),
        ("3月8", (3, 8)),
        ("3-8", (3, 8)),
        ("３／８", (3, 8)),
        ("3.8", (3, 8)),
        ("3.10", (3, 10)),
        ("3.01", (3, 1)),
        ("3.1", None),
        ("3", None),
        ("2026-3-8", None),
        ("3月8日-10日", None),
    ],
)
def test_a_day_without_its_year_is_read_where_it_can_mean_one_day_alone(
    cell: str, read: tuple[int, int] | None
) -> None:
    assert cells.month_day(cell) == read


@pytest.mark.parametrize(
    ("cell", "begin", "end", "rest"),
    [
        ("9:00-11:30", 540, 690, ""),
        ("9：00—11：30", 540, 690, ""),
        ("09:00:00~11:30:00", 540, 690, ""),
        ("9点至11点半", 540, 690, ""),
        ("上午9点到11点20分", 540, 680, ""),
        ("下午2点-4点", 840, 960, ""),
        ("上午10:00-下午2:00", 600, 840, ""),
        ("20:00-次日1:00", 1200, 1500, ""),
        ("22:00-1:00", 1320, 1500, ""),
        ("2026年3月8日 9:00-11:30", 540, 690, "2026年3月8日"),
    ],
)
def test_from_when_to_when_is_read_wherever_it_stands_in_a_cell(cell: str, begin: int, end: int, rest: str) -> None:
    assert cells.span(cell) == Span(begin, end, rest)


@pytest.mark.parametrize(
    "cell", ["", "9:00", "2小时", "11:30-9:00", "18:00-18:00", "9:00-25:00", "9:60-10:00", "3-8", "3月8日-10日"]
)
def test_what_says_no_times_is_none(cell: str) -> None:
    assert cells.span(cell) is None


@pytest.mark.parametrize(
    ("cell", "minutes"),
    [
        ("2", 120),
        ("2.5", 150),
        ("2.5h", 150),
        ("2小时30分", 150),
        ("2:30", 150),
        ("90分钟", 90),
        ("两个半小时", 150),
        ("三小时", 180),
        ("2小时半", 150),
        ("半小时", 30),
        ("1,200", 72_000),
        ("120小时30分", 7230),
        ("２．５", 150),
        ("2 小时", 120),
    ],
)
def test_a_duration_is_read_in_whole_minutes(cell: str, minutes: int) -> None:
    assert cells.duration(cell, 240) == Duration(minutes)


@pytest.mark.parametrize(
    ("cell", "minutes"), [("半天", 180), ("一上午", 180), ("一天", 360), ("1.5天", 540), ("两天", 720)]
)
def test_half_days_are_as_long_as_one_says(cell: str, minutes: int) -> None:
    assert cells.duration(cell, 180) == Duration(minutes, by_half_days=True)


@pytest.mark.parametrize("cell", ["", "abc", "-2", "2:75", "小时", "分", "很久"])
def test_what_is_no_duration_is_none(cell: str) -> None:
    assert cells.duration(cell, 240) is None


def test_an_amount_is_read_in_its_smallest_unit_and_never_rounded() -> None:
    assert [cells.amount(text, 2) for text in ("86.5", "1,200", "0", "12.345", "-1", "", "12分")] == (
        [8650, 120_000, 0, None, None, None, None]
    )


@pytest.mark.parametrize("cell", ["合计", "合 计", "总计：", "小计12", "制表人：张三", "备注：以上属实"])
def test_lines_that_add_up_or_sign_are_no_people(cell: str) -> None:
    assert cells.is_footer(["", cell, "5"])


def test_a_person_is_no_footer() -> None:
    assert not cells.is_footer(["合计芳", "13812345678"])


def test_the_sheet_with_the_heads_is_found_and_in_it_the_fullest_row() -> None:
    notes = [["填表说明"], ["请填姓名"]]
    people = [["名册"], ["姓名", "电话", "住址"], ["姓名", "电话", "小区"], ["陈芳"]]
    assert cells.find_heads([notes, people], TITLES, ["name"]) == Heads(
        1, 2, {"name": 0, "phone": 1, "compound": 2}, [], []
    )
    assert cells.find_heads([notes], TITLES, ["name"]) is None


def test_the_rows_below_the_heads_come_without_blanks_totals_and_repeated_heads() -> None:
    rows = [["名册"], ["姓名", "电话"], ["陈芳", ""], ["", " "], ["姓 名", "电话"], ["姓名", "电话"], ["合计", "1"]]
    heads = cells.find_heads([rows], TITLES, ["name"])
    assert heads is not None
    assert [number for number, _row in cells.body(rows, heads)] == [3, 5]


@pytest.mark.parametrize("letter", "(（")
def test_titles_of_opened_brackets_hold_up_nobody(letter: str) -> None:
    """As many as the first rows of all sheets may hold."""
    row = [letter * 499] * 100
    since = process_time()
    assert cells.find_heads([[row] * 10] * 5, {"name": ("姓名",)}, ("name",)) is None
    assert process_time() - since < 3
