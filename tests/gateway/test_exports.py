"""Tables to take away open in an office as they were written, and start nothing there."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime

import pytest
import python_calamine
from flask import Flask

from gateway import exports, i18n
from gateway.exports import Cell

HEADS = ["姓名", "次数", "日期"]
FORMULAS = ("=1+2", "+1", "-1+2", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+2", "＋1", "－1", "＠SUM(1)")
ROWS: list[list[Cell]] = [["陈小芳", 3, date(2026, 3, 8)], ["=HYPERLINK(1)", None, None], ["-2+3", -2, None]]


def test_a_workbook_holds_what_was_typed_as_text_and_numbers_as_numbers() -> None:
    response = exports.workbook("三月:服务", HEADS, ROWS, above=["三月份志愿服务", "单位：次"])
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.get_data()))
    rows = book.get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows[:2]] == ["三月份志愿服务", "单位：次"]
    assert rows[2:] == [HEADS, ["陈小芳", 3.0, date(2026, 3, 8)], ["=HYPERLINK(1)", "", ""], ["-2+3", -2.0, ""]]
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E4%B8%89%E6%9C%88")


def test_a_csv_begins_with_its_mark_and_no_cell_begins_a_formula() -> None:
    content = exports.comma_separated("名单", HEADS, [*ROWS, ["＝1+1", "\n=2", "＋3"]]).get_data()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows == [
        HEADS,
        ["陈小芳", "3", "2026-03-08"],
        ["'=HYPERLINK(1)", "", ""],
        ["'-2+3", "-2", ""],
        ["'＝1+1", "'\n=2", "'＋3"],
    ]


def test_no_cell_of_a_csv_or_of_a_workbook_is_taken_for_a_formula() -> None:
    cells: list[list[Cell]] = [[one] for one in (*FORMULAS, "{=1+2}", "https://evil.example", "internal:A1")]
    content = exports.comma_separated("名单", ["姓名"], cells[: len(FORMULAS)]).get_data().decode("utf-8-sig")
    assert all(row[0].startswith("'") for row in list(csv.reader(io.StringIO(content, newline="")))[1:])
    for response in (
        exports.workbook("名单", ["姓名"], cells),
        exports.workbook("名单", ["姓名"], cells, made_at=datetime(2026, 3, 8, tzinfo=UTC)),
    ):
        sheet = zipfile.ZipFile(io.BytesIO(response.get_data())).read("xl/worksheets/sheet1.xml").decode()
        assert "<f" not in sheet
        assert "hyperlink" not in sheet


def test_a_workbook_that_is_made_again_bears_the_time_of_the_first() -> None:
    made_at = datetime(2026, 3, 8, 1, 2, 3, tzinfo=UTC)
    content = exports.workbook("名单", HEADS, ROWS, made_at=made_at).get_data()
    properties = zipfile.ZipFile(io.BytesIO(content)).read("docProps/core.xml").decode()
    assert properties.count("2026-03-08T01:02:03Z") == 2
    assert exports.workbook("名单", HEADS, ROWS, made_at=made_at).get_data() == content


LONGEST = 32_767
"""As offices have it, in halves of UTF-16."""


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [("字" * LONGEST, True), ("字" * (LONGEST + 1), False), ("😀" * 16_383, True), ("😀" * 16_384, False)],
)
def test_what_is_too_long_for_a_cell_is_cut_where_everybody_sees_it(text: str, *, is_whole: bool) -> None:
    rows: list[list[Cell]] = [["长", text], ["后", "还在"]]
    app = Flask("exports")
    i18n.configure(app)
    with app.test_request_context():
        for response in (
            exports.workbook("记录", ["甲", "乙"], rows, above=[text]),
            exports.sheets("记录", [exports.Sheet("记录", ["甲", "乙"], rows)]),
        ):
            book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.get_data()))
            *above, _heads, (_name, cell), after = book.get_sheet_by_index(0).to_python()
            for found in (cell, *(line[0] for line in above)):
                assert isinstance(found, str)
                assert len(found.encode("utf-16-le")) <= 2 * LONGEST
                assert (found == text) is is_whole
                assert is_whole or (found[:9000] == text[:9000] and found.endswith("（太长，后面的没有写进表格）"))
            assert after == ["后", "还在"]
