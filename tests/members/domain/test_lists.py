"""Who is meant by a line of a list: never somebody of another building, and nobody by doubt."""

from dataclasses import replace

import pytest

from services.members.domain.lists import Asked, Meaning, Namesake, judge
from shared.ids import new_id

BUILDINGS = ("2 栋", "3栋", "12栋", "13栋", "西塔", "西塔东座")


def living(building: str | None, compound: str | None = "和谐小区", name: str = "陈芳", **said: bool) -> Namesake:
    return Namesake(new_id(), name, said.get("has_phone", False), compound, building, BUILDINGS)


@pytest.mark.parametrize(
    ("building", "place"),
    [
        ("2 栋", "2栋"),
        ("2 栋", "2 栋"),
        ("2 栋", "和谐小区"),
        ("2 栋", "和谐小区2栋"),
        ("2 栋", "和谐 小区 ２栋"),
        ("3栋", "3号楼"),
        ("3栋", "和谐小区3号楼"),
        ("3栋", "和谐小区三幢2单元401室"),
        ("3栋", "3栋 2单元 401室"),
        ("3栋", "和谐小区3 201室"),
        ("3栋", "南昌路社区和谐小区3栋"),
        ("3栋", "和谐小区门口"),
        ("13栋", "十三栋"),
        ("西塔", "和谐小区西塔2单元"),
        (None, "和谐小区13栋"),
    ],
)
def test_a_home_on_the_list_may_be_the_members_own(building: str | None, place: str) -> None:
    member = living(building)
    assert judge(Asked("陈芳", place=place), [member]) == (Meaning.ONE, [member.id])


@pytest.mark.parametrize(
    ("building", "place"),
    [
        ("3栋", "和谐小区13栋"),
        ("3栋", "13栋"),
        ("3栋", "和谐小区23栋"),
        ("3栋", "和谐小区十三栋"),
        ("2 栋", "12栋"),
        ("13栋", "和谐小区3栋"),
        ("3栋", "和谐小区3201室"),
        ("3栋", "和谐小区3单元401室"),
        ("3栋", "和谐小区33号楼"),
        ("3栋", "新和谐小区3栋"),
        ("3栋", "和谐小区二期"),
        ("西塔", "和谐小区西塔东座"),
        ("3栋", "东兴小区"),
        (None, "3栋"),
    ],
)
def test_a_home_on_the_list_that_is_not_the_members_is_asked_about(building: str | None, place: str) -> None:
    member = living(building)
    assert judge(Asked("陈芳", place=place), [member]) == (Meaning.CHOOSE, [member.id])


def test_of_two_of_one_name_phone_or_home_says_who_it_is() -> None:
    here, there = living("3栋"), living("13栋")
    assert judge(Asked("陈芳"), [here, there]) == (Meaning.CHOOSE, [here.id, there.id])
    assert judge(Asked("陈芳", place="十三号楼"), [here, there]) == (Meaning.ONE, [there.id])
    both = [replace(here, has_phone=True), there]
    assert judge(Asked("陈芳", "13900000000"), both) == (Meaning.ONE, [here.id])
    assert judge(Asked("陈芳", "13900000000", "13栋"), both) == (Meaning.ONE, [here.id])
    assert judge(Asked("陈芳", "13900000000"), [there]) == (Meaning.CHOOSE, [there.id])


def test_who_has_only_the_phone_is_to_be_chosen_and_nobody_is_unknown() -> None:
    relative = living("3栋", name="李梅", has_phone=True)
    assert judge(Asked("陈芳", "13900000000"), [relative]) == (Meaning.CHOOSE, [relative.id])
    assert judge(Asked("陈芳"), []) == (Meaning.UNKNOWN, [])


@pytest.mark.parametrize(
    ("asked", "comes_to"),
    [
        (Asked("陈芳"), Meaning.CHOOSE),
        (Asked("陈芳", place="和谐小区"), Meaning.ONE),
        (Asked("陈芳", "13900000000"), Meaning.ONE),
    ],
)
def test_a_name_that_only_another_station_knows_is_asked_about(asked: Asked, comes_to: Meaning) -> None:
    member = living("2 栋", has_phone=asked.phone is not None)
    assert judge(asked, [member], elsewhere=True) == (comes_to, [member.id])
