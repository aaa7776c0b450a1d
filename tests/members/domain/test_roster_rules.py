"""How the rows of a roster are read, and who is in it twice."""

from datetime import date
from uuid import uuid4

import pytest

from services.members.domain import roster
from services.members.domain.roster import BadRow, Person, RosterRow
from shared.cells import Heads

TODAY = date(2026, 11, 22)
COLUMNS = {field: column for column, field in enumerate(roster.TITLES)}


def read(**texts: str) -> RosterRow | BadRow:
    cells = [{"name": "陈小芳", **texts}.get(field, "") for field in roster.TITLES]
    return roster.read_row(5, cells, COLUMNS, TODAY)


def good(**texts: str) -> RosterRow:
    row = read(**texts)
    assert isinstance(row, RosterRow), row
    return row


def problems(**texts: str) -> list[str]:
    row = read(**texts)
    assert isinstance(row, BadRow)
    return [str(problem) for problem in row.problems]


def test_titles_are_found_below_a_heading_and_under_their_other_names() -> None:
    titles = roster.find_titles([[["南昌路站志愿者名册"], [], ["序号", "姓 名*", "联系电话（必填）", "小区："]]])
    assert titles == Heads(0, 2, {"name": 1, "phone": 2, "compound": 3}, ["序号"], [])


def test_a_table_without_the_title_of_names_is_refused() -> None:
    with pytest.raises(roster.NoTitles):
        roster.find_titles([[["手机", "小区"], ["13800138000", "和谐小区"]]])


def test_a_title_twice_is_refused() -> None:
    with pytest.raises(roster.TitleTwice):
        roster.find_titles([[["姓名", "手机", "电话"]]])


def test_a_whole_row_is_read() -> None:
    row = good(
        name="陈 芳",
        phone="138-0013-8000",
        station="南昌路站",
        compound="和谐小区",
        building="3栋",
        birth_date="1956年3月21日",
        teams="平安夜巡队、楼道队",
        employer="市一中",
        skills="医生，教师",
    )
    assert row == RosterRow(
        number=5,
        name="陈芳",
        phone="13800138000",
        station="南昌路站",
        compound="和谐小区",
        building="3栋",
        birth_date=date(1956, 3, 21),
        teams=("平安夜巡队", "楼道队"),
        employer="市一中",
        skills=("医生", "教师"),
    )


@pytest.mark.parametrize("text", ["1956-03-21", "1956/3/21", "1956.3.21", "1956年3月21日", "19560321"])
def test_dates_are_read_as_people_write_them(text: str) -> None:
    assert good(birth_date=text).birth_date == date(1956, 3, 21)


def test_a_short_row_has_empty_cells() -> None:
    assert roster.read_row(5, ["陈小芳"], COLUMNS, TODAY) == good()


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"name": ""}, "第 5 行 姓名：没有填姓名"),
        ({"name": "123"}, "第 5 行 姓名“123”：不像一个姓名"),
        ({"phone": "1380000"}, "第 5 行 手机“1380000”：不是有效的电话号码"),
        ({"birth_date": "1956-02-30"}, "第 5 行 出生日期“1956-02-30”：不是有效的日期，请写成 1956-03-21 这样"),
        ({"birth_date": "2030-01-01"}, "第 5 行 出生日期“2030-01-01”：不是有效的日期，请写成 1956-03-21 这样"),
        ({"birth_date": "2015-01-01"}, "第 5 行 出生日期“2015-01-01”：未满14周岁，请由监护人登录后代为登记"),
        ({"building": "3栋"}, "第 5 行 楼栋“3栋”：填了楼栋，没有填小区"),
        ({"skills": "很" * 21}, f"第 5 行 技能“{'很' * 21}”：最多 20 项，每项最多 20 个字"),
    ],
)
def test_a_bad_cell_is_named_in_plain_words(texts: dict[str, str], sentence: str) -> None:
    assert problems(**texts) == [sentence]


def test_every_bad_cell_of_a_row_is_named() -> None:
    assert len(problems(name="", phone="x", birth_date="x")) == 3


def test_couples_share_a_phone_and_namesakes_a_building() -> None:
    place = uuid4(), uuid4()
    one = Person("王秀英", b"phone", date(1950, 1, 1), *place)
    assert roster.is_same(one, one)
    assert not roster.is_same(one, Person("李建国", b"phone", date(1950, 1, 1), *place))
    assert not roster.is_same(one, Person("王秀英", b"phone", date(1955, 1, 1), *place))
    assert not roster.is_same(one, Person("王秀英", b"other", None, *place))
    assert roster.is_same(one, Person("王秀英", b"new phone", date(1950, 1, 1), uuid4(), None))
    assert roster.is_same(one, Person("王秀英", None, None, *place))
    assert not roster.is_same(one, Person("王秀英", None, None, place[0], uuid4()))


def test_a_bare_name_is_the_same_as_itself() -> None:
    bare = Person("王秀英", None, None, None, None)
    assert roster.is_same(bare, bare)
