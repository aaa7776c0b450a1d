"""How rows of a paper ledger are read, and whose they are."""

from uuid import UUID, uuid4

import pytest

from services.members.domain import matching, openings
from services.members.domain.imports import Problem
from services.members.domain.matching import Candidate
from services.members.domain.openings import OpeningRow

COLUMNS = {field: column for column, field in enumerate(openings.TITLES)}
NUMBER = "234567890121"


def read(**texts: str) -> OpeningRow | list[Problem]:
    cells = [{"name": "王秀英", **texts}.get(field, "") for field in openings.TITLES]
    return openings.read_row(5, cells, COLUMNS, 240)


def row(**fields: str) -> OpeningRow:
    found = read(hours="1", **fields)
    assert isinstance(found, OpeningRow), found
    return found


def one(phone: bytes | None = None, compound: str | None = "和谐小区", building: str | None = None) -> Candidate:
    return Candidate(uuid4(), "王秀英", "123456789012", phone, compound, building)


def who(found: OpeningRow, phone: bytes | None, *candidates: Candidate) -> UUID | str:
    matched = matching.find_member(found, phone, candidates)
    return matched.sentence if isinstance(matched, Problem) else matched.id


@pytest.mark.parametrize(
    ("hours", "points", "minutes", "hundredths"),
    [("120小时30分", "86.5", 7230, 8650), ("半天", "", 240, 0), ("", "1,200分", 0, 120_000), ("2.5h", "0", 150, 0)],
)
def test_hours_and_points_are_read(hours: str, points: str, minutes: int, hundredths: int) -> None:
    found = read(hours=hours, points=points)
    assert isinstance(found, OpeningRow)
    assert (found.minutes, found.points) == (minutes, hundredths)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"hours": "很久"}, "不是有效的时长"),
        ({"points": "12.345"}, "不是有效的积分"),
        ({"points": "-3"}, "不是有效的积分"),
        ({"points": "99999999"}, "不是有效的积分"),
        ({"hours": "0", "points": ""}, "都没有填，或者都是 0"),
        ({"hours": "1", "phone": "12"}, "不是有效的电话号码"),
        ({"hours": "1", "number": "123"}, "志愿者编号不对"),
        ({"hours": "1", "name": ""}, "没有填姓名"),
    ],
)
def test_what_cannot_be_read_is_blamed(texts: dict[str, str], sentence: str) -> None:
    found = read(**texts)
    assert isinstance(found, list)
    assert sentence in found[0].sentence


def test_a_name_and_a_phone_are_one_person() -> None:
    mine, other = one(b"1"), one(b"2")
    assert who(row(), b"1", mine, other) == mine.id


def test_a_name_and_a_home_are_one_person_where_no_phone_says_otherwise() -> None:
    mine, other = one(None, "和谐小区", "3栋"), one(None, "东兴小区")
    assert who(row(compound="和谐小区"), None, mine, other) == mine.id
    assert who(row(compound="和谐小区", building="3栋"), b"9", mine, other) == mine.id
    assert "都对不上" in str(who(row(compound="和谐小区"), b"9", one(b"8")))


def test_two_of_one_name_in_one_building_are_told_apart_by_the_number_alone() -> None:
    first, second = one(None, "和谐小区", "3栋"), one(None, "和谐小区", "3栋")
    assert "有 2 位" in str(who(row(compound="和谐小区", building="3栋"), None, first, second))


def test_a_couple_on_one_phone_has_two_names() -> None:
    mine = one(b"1")
    assert who(row(), b"1", mine) == mine.id


def test_a_name_alone_is_nobody_even_if_there_is_only_one() -> None:
    assert "只有姓名" in str(who(row(), None, one()))


def test_who_is_not_there_is_said_to_be_so() -> None:
    assert "请先登记" in str(who(row(compound="和谐小区"), None))


def test_a_number_of_another_name_is_no_match() -> None:
    found = OpeningRow(5, "陈芳", "123456789012", None, None, None, 1, 1, False)
    assert "对不上" in str(who(found, None, one()))
    assert "没有这个编号" in str(who(found, None))
