"""One building under the names that offices give it."""

import pytest

from services.members.domain.buildings import designation, meant


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
