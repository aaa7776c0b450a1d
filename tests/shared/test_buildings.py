"""One building under the names that offices give it."""

import pytest

from shared.buildings import beginning, designation, is_sought, meant


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("3栋", "3号楼", "3 号楼", "三号楼", "3幢", "3#", "3#楼", "第三栋", "03栋", "3号栋", "3"), "3"),
        (("10栋", "十号楼"), "10"),
        (("12栋", "十二栋"), "12"),
        (("20幢", "二十号楼"), "20"),
        (("23栋", "二十三栋"), "23"),
        (("A栋", "a座", "A"), "A"),
        (("A3栋", "a3"), "A3"),
    ],
)
def test_names_of_one_building_say_the_same(names: tuple[str, ...], said: str) -> None:
    assert {designation(name) for name in names} == {said}


@pytest.mark.parametrize("name", ["3栋2单元", "3单元", "3楼", "3号", "幸福楼", "十三十栋", "栋", "", "1234栋"])
def test_what_says_more_or_something_else_is_no_building_by_number(name: str) -> None:
    assert designation(name) is None


def test_the_very_name_goes_before_what_sounds_like_it() -> None:
    assert meant("3号楼", ["3栋", "3号楼", "4栋"]) == ["3号楼"]
    assert meant("三幢", ["3栋", "3号楼", "4栋"]) == ["3栋", "3号楼"]
    assert meant("幸福楼", ["3栋", "幸福楼"]) == ["幸福楼"]
    assert meant("平安楼", ["3栋", "幸福楼"]) == []


@pytest.mark.parametrize("building", ["6 栋", "6栋", "6号楼", "六号楼", "6幢", "6#", "６栋"])
def test_who_looks_for_a_building_finds_it_under_every_name(building: str) -> None:
    for alone in ("6 栋", "6栋", "6号楼", "六号楼", "6幢", "6#", "６号楼", "第六栋"):
        for written in (alone, f"和谐小区{alone}", f"和谐 小区 {alone}"):
            assert is_sought(written, "和谐小区", building), written
        assert not is_sought(f"东兴小区{alone}", "和谐小区", building)
    for other in ("16栋", "十六号楼", "5号楼", "六单元", "栋", "和", "6", "王六", ""):
        assert not is_sought(other, "和谐小区", building), other


def test_who_looks_for_a_place_finds_what_begins_so_where_it_says_a_number() -> None:
    for written, compound, building in (
        ("3-2", "和谐小区", "3-2 栋"),
        ("a3", "和谐小区", "A3栋"),
        ("3栋", "和谐小区", "3栋2单元"),
        ("和谐小区3", "和谐小区", "3栋"),
        ("一号院", "一号院", None),
        ("和谐小区", "和谐 小区", "3栋"),
    ):
        assert is_sought(written, compound, building), written
    assert not is_sought("和谐", "和谐小区", "3栋")
    assert not is_sought("3栋", None, None)


@pytest.mark.parametrize(
    ("home", "names", "found"),
    [
        ("3号楼2单元401室", ["3栋", "13栋"], ["3栋"]),
        ("13栋", ["3栋"], []),
        ("西塔东座2单元", ["西塔", "西塔东座"], ["西塔东座"]),
        ("3栋2单元", ["3栋", "3 栋", "3号楼"], ["3栋", "3 栋"]),
        ("三栋2单元", ["3栋", "3 栋", "3号楼"], ["3栋", "3 栋", "3号楼"]),
        ("3201室", ["3", "3栋"], None),
        ("2单元401室", ["2栋"], None),
        ("", ["3栋"], None),
    ],
)
def test_a_home_begins_with_the_building_of_the_longest_name_or_of_that_number(
    home: str, names: list[str], found: list[str] | None
) -> None:
    assert beginning(home, names) == found
