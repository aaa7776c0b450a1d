"""Taking over a roster: good rows, bad cells, and spreadsheets that are none."""

import contextlib
import io
import random
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.members.commands import roster
from services.members.commands.operator import OPERATOR
from shared import read_spreadsheet, spreadsheets
from shared.errors import Forbidden, NotFound
from shared.ids import new_id
from shared.principal import Role
from shared.spreadsheets import SpreadsheetRefused
from tests.members.town import Town

DATA = Path(__file__).parents[1] / "data"
TITLES = ["姓名", "手机", "小区", "楼栋", "出生日期", "队伍", "单位", "技能"]
ROWS: list[list[Any]] = [
    ["陈 芳", 13712345678, "和谐小区", "3栋", date(1956, 3, 21), "夜巡队、楼道队", "市一中", "医生"],
    ["李建国", "13712345678", "和谐小区", "", "1950-01-01", "夜巡队", "", ""],
    ["王秀英", "", "和谐小区", "3栋", "1948/8/8", "", "", ""],
    ["王秀英", "0715-8123456", "和谐小区", "3栋", "1955.5.5", "", "", ""],
]


def workbook(rows: list[list[Any]], *, titles: list[str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "南昌路社区志愿者名册")
        for number, row in enumerate([titles or TITLES, *rows], 2):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell)
    return buffer.getvalue()


def table(content: bytes) -> list[list[str]]:
    """The only sheet of a file."""
    (sheet,) = spreadsheets.read(content)
    return sheet.rows


def run(
    town: Town, rows: list[list[Any]], *, dry_run: bool = False, station: str | None = "南昌路站", **more: Any
) -> Any:
    return town.do(
        roster.import_roster, OPERATOR, spreadsheets.read(workbook(rows, **more)), station=station, dry_run=dry_run
    )


def count(town: Town) -> int:
    return len(town.sql("SELECT id FROM member"))


# --- Good rows ----------------------------------------------------------------------------------------


def test_good_rows_come_in_confirmed_with_teams_and_employers_and_are_told(town: Town) -> None:
    report = run(town, ROWS)
    assert (report.rows, report.added, report.known, report.problems) == (4, 4, 0, [])
    assert report.teams_added == ["夜巡队", "楼道队"]
    assert report.employers_added == ["市一中"]
    facts = {fact["name_masked"]: fact for fact in town.events("MemberChanged")}
    assert len(town.events("MemberChanged")) == 4
    assert facts["陈*"]["confirmed"] is True
    assert facts["陈*"]["birth_date"] == "1956-03-21"
    assert facts["陈*"]["building_id"] == str(town.nodes["3栋"])
    assert len(facts["陈*"]["team_ids"]) == 2
    found = town.get("/members?q=5678", town.official(Role.ORGANIZER)).json
    assert sorted(entry["name"] for entry in found) == ["李建国", "陈芳"]
    assert len(town.audited("member.confirm")) == 4
    assert len(town.audited("roster.import")) == 1


def test_the_same_file_twice_adds_nobody(town: Town) -> None:
    run(town, ROWS)
    report = run(town, ROWS)
    assert (report.added, report.known, report.teams_added, report.problems) == (0, 4, [], [])
    assert count(town) == 4
    assert len(town.events("MemberChanged")) == 4


def test_a_dry_run_names_what_it_would_do_and_changes_nothing(town: Town) -> None:
    report = run(town, ROWS, dry_run=True)
    assert (report.added, report.teams_added) == (4, ["夜巡队", "楼道队"])
    assert count(town) == 0
    assert town.sql("SELECT id FROM team UNION SELECT id FROM employer") == []


def test_good_rows_come_in_beside_bad_ones_each_named_by_row_and_cell(town: Town) -> None:
    bad: list[list[Any]] = [
        ["", "13712345678", "", "", "", "", "", ""],
        ["赵六", "12345", "", "", "1999-13-01", "", "", ""],
        ["钱七", "", "没有的小区", "", "", "", "", ""],
        ["孙八", "", "和谐小区", "9栋", "", "", "", ""],
        ["陈芳", "137 1234 5678", "", "", "", "", "", ""],
        [None] * 8,
        ["周九", "", "", "", "2016-01-01", "", "", ""],
    ]
    report = run(town, [*ROWS, *bad])
    assert report.added == 4
    assert [str(problem) for problem in report.problems] == [
        "第 8 行 姓名：没有填姓名",
        "第 9 行 手机“12345”：不是有效的电话号码",
        "第 9 行 出生日期“1999-13-01”：不是有效的日期，请写成 1956-03-21 这样",
        "第 10 行 小区“没有的小区”：本站没有这个小区，请先在“实践站和小区”里添加",
        "第 11 行 楼栋“9栋”：这个小区没有这栋楼，请先在“实践站和小区”里添加",
        "第 12 行：与第 4 行像是同一人；如果是两个人，请补上手机和出生日期",
        "第 14 行 出生日期“2016-01-01”：未满14周岁，请由监护人登录后代为登记",
    ]


def test_a_bad_date_hides_no_bad_place(town: Town) -> None:
    rows: list[list[Any]] = [
        ["钱七", "12345", "没有的小区", "", "1999-13-01"],
        ["孙八", "", "和谐小区", "9栋", "1999-13-01"],
        ["周九", "", "", "9栋", "1999-13-01"],
    ]
    assert [(problem.row, problem.title) for problem in run(town, rows).problems] == [
        *((4, "手机"), (4, "出生日期"), (4, "小区")),
        *((5, "出生日期"), (5, "楼栋")),
        *((6, "出生日期"), (6, "楼栋")),
    ]


@pytest.mark.parametrize("written", ["和谐 小区", "和　谐 小 区", "和谐小区 "])
def test_a_compound_is_known_with_whatever_spaces(town: Town, written: str) -> None:
    assert run(town, [["陈芳", "", written, "3栋"]]).problems == []
    assert [row.building_id for row in town.sql("SELECT building_id FROM member")] == [town.nodes["3栋"]]


def test_a_compound_called_with_full_width_digits_is_known_by_narrow_ones(town: Town) -> None:
    node = {"id": str(new_id()), "level": "compound", "name": "和谐 ２期", "parent_id": str(town.nodes["南昌路站"])}
    assert town.post("/nodes", town.official(Role.ADMINISTRATOR), node).status_code == 201
    assert run(town, [["陈芳", "", "和谐2期", ""]]).problems == []
    assert [str(row.compound_id) for row in town.sql("SELECT compound_id FROM member")] == [node["id"]]


@pytest.mark.parametrize("written", ["3栋", "3号楼", "3 号楼", "三号楼", "3幢", "3#楼", "３栋", "3"])
def test_a_building_is_known_by_whatever_offices_call_it(town: Town, written: str) -> None:
    assert run(town, [["陈芳", "", "和谐小区", written]]).problems == []
    assert [row.building_id for row in town.sql("SELECT building_id FROM member")] == [town.nodes["3栋"]]


def test_a_building_that_may_be_one_of_two_is_asked_for(town: Town) -> None:
    node = {"id": str(new_id()), "level": "building", "name": "3号楼", "parent_id": str(town.nodes["和谐小区"])}
    assert town.post("/nodes", town.official(Role.ADMINISTRATOR), node).status_code == 201
    report = run(town, [["陈芳", "", "和谐小区", "3幢"], ["李建国", "", "和谐小区", "3号楼"]])
    assert [str(problem) for problem in report.problems] == ["第 4 行 楼栋“3幢”：可能是3号楼、3栋，请写成其中一个"]
    assert [str(row.building_id) for row in town.sql("SELECT building_id FROM member")] == [node["id"]]


def test_stations_may_stand_in_a_column(town: Town) -> None:
    rows = [["陈芳", "南昌路站"], ["李建国", "岔路口站"], ["赵六", "哪里站"], ["钱七", ""], ["孙八", "和谐小区"]]
    report = run(town, rows, station=None, titles=["姓名", "站点"])
    assert report.added == 2
    assert [str(problem) for problem in report.problems] == [
        "第 6 行 站点“哪里站”：没有这个站点，或者有几个同名的",
        "第 7 行 站点：没有写站点；请加“站点”列，或用 --station 指定",
        "第 8 行 站点“和谐小区”：没有这个站点，或者有几个同名的",
    ]


def test_a_station_is_named_by_id_too_and_must_be_there(town: Town) -> None:
    assert run(town, ROWS[:1], station=str(town.nodes["南昌路站"])).added == 1
    with pytest.raises(NotFound):
        run(town, ROWS, station="哪里站")


def test_who_is_known_elsewhere_by_name_and_phone_is_not_added_again(town: Town) -> None:
    town.add("陈芳", "岔路口站", phone="13712345678")
    report = run(town, ROWS[:2])
    assert (report.added, report.known) == (1, 1)


def test_staff_takes_over_rosters_of_their_stations_alone(town: Town) -> None:
    staff = town.official(Role.STAFF, "岔路口站")
    with pytest.raises(Forbidden):
        town.do(roster.import_roster, staff, spreadsheets.read(workbook(ROWS)), station="南昌路站", dry_run=False)


def test_a_long_roster_comes_in_by_batches(town: Town) -> None:
    rows = [[f"陈{chr(0x4E00 + number)}", f"138{number:08}", "和谐小区", "3栋"] for number in range(1000)]
    with town.statements() as sent:
        assert run(town, rows, titles=TITLES[:4]).added == 1000
    assert len(sent) < 1050  # an audit row for each confirmation


# --- Files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_both_encodings_of_the_country(encoding: str, delimiter: str) -> None:
    text = (
        "\r\n".join(delimiter.join(row) for row in (["姓名", "手机"], ["陈芳", "13712345678"], ["㐂𠮷", ""])) + "\r\n"
    )
    assert table(text.encode(encoding)) == [["姓名", "手机"], ["陈芳", "13712345678"], ["㐂𠮷", ""]]


def test_cells_of_excel_come_as_people_see_them() -> None:
    rows = table(workbook([["陈芳", 13712345678, "", "", date(1956, 3, 21), True, 1.5]]))
    assert rows[0][0] == "南昌路社区志愿者名册"
    assert rows[3][:7] == ["陈芳", "13712345678", "", "", "1956-03-21", "True", "1.5"]


def bomb(*, megabytes: int, name: str = "xl/worksheets/sheet1.xml", content: bytes = b" ") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open(name, "w") as file:
            for _ in range(megabytes):
                file.write(content * (1024 * 1024 // len(content)))
    return buffer.getvalue()


def sheet_with(cells: str) -> bytes:
    """A real workbook whose only sheet is replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(ROWS))) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                content = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'.encode()
            target.writestr(entry.filename, content)
    return buffer.getvalue()


def lying(content: bytes) -> bytes:
    """The same archive, whose directory says that everything is small."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = max(entry.file_size for entry in archive.infolist())
    return content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


WHOLE = workbook(ROWS)
FAR_CELL = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "文件是空的"),
    "blank": (b" \n \n", "文件是空的"),
    "truncated": (WHOLE[: len(WHOLE) // 2], read_spreadsheet.BROKEN),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), read_spreadsheet.UNREADABLE),
    "binary named csv": (b"\x00\x01\x02\x03" * 100, read_spreadsheet.UNREADABLE),
    "no known letters": (b"\xff\xff\xff" * 5, read_spreadsheet.UNKNOWN_LETTERS),
    "a zip of something else": (
        bomb(megabytes=1, name="readme.txt").replace(b"xl/workbook", b"no/workbook"),
        read_spreadsheet.UNREADABLE,
    ),
    "a bomb by size": (bomb(megabytes=150), read_spreadsheet.BOMB),
    "a bomb by ratio": (bomb(megabytes=50), read_spreadsheet.BOMB),
    "a bomb that lies about its size": (lying(bomb(megabytes=150)), read_spreadsheet.BROKEN),
    "a cell far away": (sheet_with(FAR_CELL), read_spreadsheet.TOO_LARGE),
    "a wide sheet": (sheet_with('<row r="1"><c r="ZZ1"><v>1</v></c></row>'), read_spreadsheet.TOO_LARGE),
    "a long sheet": (("姓名\n" + "陈芳\n" * 10_020).encode(), read_spreadsheet.TOO_LARGE),
    "many columns": (("," * 200 + "\n").encode(), read_spreadsheet.TOO_LARGE),
    "a quote that never ends": (b'name\n"' + b"x" * 100, read_spreadsheet.BROKEN),
    "a cell without end": (b"x" * 100_000, read_spreadsheet.BROKEN),
    "broken XML": (sheet_with("<row><c r='A1'><v>1</v>"), read_spreadsheet.BROKEN),
    "a password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        read_spreadsheet.ENCRYPTED,
    ),
    "a broken old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), read_spreadsheet.BROKEN),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_refused_with_a_sentence_that_says_why(kind: str) -> None:
    content, sentence = BAD_FILES[kind]
    with pytest.raises(SpreadsheetRefused) as refused:
        table(content)
    assert refused.value.detail == sentence


@pytest.mark.parametrize("length", [500, 501, 4000])
def test_a_cell_that_is_too_long_is_cut_where_everybody_sees_it(length: int) -> None:
    text = "字" * length
    for content in (f"姓名,备注\n陈芳,{text}\n".encode(), workbook([["姓名", "备注"], ["陈芳", text]])):
        *_above, (_name, cell, *_rest) = table(content)
        assert cell == (text if length == 500 else "字" * 499 + "…")


def test_ten_thousand_people_fit_below_their_title_and_heads() -> None:
    assert len(table(("三月名册\n\n姓名\n" + "陈芳\n" * 10_000 + "合计\n").encode())) == 10_004


def test_fifty_megabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "roster.xlsx"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(SpreadsheetRefused) as refused:
        spreadsheets.read_file(path)
    assert refused.value.detail == "文件太大（50 MB），最多 10 MB"


@pytest.mark.parametrize("name", ["missing.xlsx", ".", "/dev/zero"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpreadsheetRefused):
        spreadsheets.read_file(tmp_path / name)


def test_random_damage_never_does_more_than_refuse() -> None:
    chance = random.Random(7)
    for _ in range(6):
        damaged = bytearray(WHOLE)
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(SpreadsheetRefused):
            assert isinstance(table(bytes(damaged)), list)


def test_a_reader_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "TIMEOUT_S", 0.01)
    with pytest.raises(SpreadsheetRefused, match="超时"):
        table(WHOLE)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_reader_that_takes_too_much_memory_falls_alone(tmp_path: Path) -> None:
    program = "from shared import read_spreadsheet as r; r._give_up_rights(); bytearray(2**31)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"MemoryError" in done.stderr


# --- Files as offices make them ---------------------------------------------------------------------------


def office(town: Town, name: str) -> Any:
    sheets = spreadsheets.read_file(DATA / name)
    return town.do(roster.import_roster, OPERATOR, sheets, station="南昌路站", dry_run=False)


def people_of(town: Town) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in town.sql(
            "SELECT member.name, home.name, building.name, birth_date, phone_hash IS NOT NULL FROM member"
            " LEFT JOIN node home ON home.id = compound_id LEFT JOIN node building ON building.id = building_id"
            " ORDER BY member.id"
        )
    ]


def test_a_workbook_of_an_office_is_read_as_people_see_it(town: Town) -> None:
    report = office(town, "roster.xlsx")
    assert (report.rows, report.added) == (7, 4)
    assert report.unknown_titles == ["序号", "备注"]
    assert people_of(town) == [
        ("王秀英", "和谐小区", "3栋", date(1956, 3, 21), True),
        ("王秀英", "东兴小区", None, date(1957, 3, 1), True),
        ("陈芳", "和谐小区", "3栋", date(1961, 5, 8), True),
        ("李建国", "和谐小区", None, date(1950, 10, 1), True),
    ]
    assert [str(problem) for problem in report.problems] == [
        "第 9 行 手机“1.38E+10”：电话号码被存成了数量，后面几位丢了；请把这一列设为文本再填",
        "第 10 行 出生日期“2020-06-01”：未满14周岁，请由监护人登录后代为登记",
        "第 11 行 小区“没有的小区”：本站没有这个小区，请先在“实践站和小区”里添加",
    ]


def test_a_compound_on_a_line_of_its_own_holds_for_those_below_it(town: Town) -> None:
    report = office(town, "roster.csv")
    assert (report.rows, report.added, report.problems) == (4, 4, [])
    assert [(name, home) for name, home, *_ in people_of(town)] == [
        ("王秀英", "和谐小区"),
        ("王秀英", "东兴小区"),
        ("陈芳", "和谐小区"),
        ("㐂𠮷", "东兴小区"),
    ]


def test_the_old_format_is_read_with_its_merged_cells(town: Town) -> None:
    report = office(town, "roster.xls")
    assert (report.rows, report.added, report.problems) == (3, 3, [])
    assert {(name, home) for name, home, *_ in people_of(town)} == {
        (name, "和谐小区") for name in ("王秀英", "陈芳", "李建国")
    }


# --- The command line --------------------------------------------------------------------------------------


def test_the_command_line_says_in_plain_words_what_happened(town: Town, tmp_path: Path) -> None:
    path = tmp_path / "roster.xlsx"
    path.write_bytes(workbook([*ROWS, ["赵六", "12345"]], titles=[*TITLES, "政治面貌"]))
    runner = town.app.test_cli_runner()
    dry = runner.invoke(args=["import-roster", str(path), "--station", "南昌路站", "--dry-run"])
    assert dry.exit_code == 3, dry.output
    assert dry.output.splitlines() == [
        "第 8 行 手机“12345”：不是有效的电话号码",
        "不认识的列（没有读）：政治面貌",
        "新的志愿服务队：夜巡队、楼道队",
        "新的单位：市一中",
        "共 5 行：可以导入 4 人，已在册 0 人，1 行有问题，不能导入",
    ]
    assert count(town) == 0
    real = runner.invoke(args=["import-roster", str(path), "--station", "南昌路站"])
    assert real.exit_code == 3, real.output
    assert real.output.splitlines()[-1] == "共 5 行：已导入 4 人，已在册 0 人，1 行有问题，没有导入"
    assert count(town) == 4
    path.write_bytes(workbook(ROWS))
    again = runner.invoke(args=["import-roster", str(path), "--station", "南昌路站"])
    assert again.exit_code == 0, again.output
    assert again.output.splitlines() == ["共 4 行：已导入 0 人，已在册 4 人，没有问题行"]
    path.write_bytes(b"PK\x03\x04")
    refused = runner.invoke(args=["import-roster", str(path), "--station", "南昌路站"])
    assert refused.exit_code == 1
    assert read_spreadsheet.BROKEN in refused.output


def test_the_command_line_prints_a_first_administrators_code_until_there_is_one(town: Town) -> None:
    runner = town.app.test_cli_runner()
    first = runner.invoke(args=["first-admin-code"])
    assert first.exit_code == 0
    assert len(first.output.strip()) == 12
