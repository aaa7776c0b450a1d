"""Tables to take away open in an office as they were written, and start nothing there."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime

import python_calamine

from gateway import exports
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
