"""Whom the lines of a pasted list mean: judged here, by all that the service knows of homes and phones."""

from typing import Any
from uuid import UUID

import pytest

from services.members.commands import tree
from services.members.commands.operator import OPERATOR
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import Town, new_phone


def building(town: Town, name: str) -> UUID:
    node_id = new_id()
    parent_id = town.nodes["和谐小区"]
    town.do(tree.add_node, OPERATOR, node_id=node_id, level="building", name=name, parent_id=parent_id)
    return node_id


def look_up(town: Town, caller: Principal, *lines: dict[str, str], at: str = "南昌路站") -> list[tuple[str, list[str]]]:
    """What each line comes to, and who is meant or may be."""
    answer = town.post("/look-ups", caller, {"station_id": str(town.nodes[at]), "people": list(lines)})
    assert answer.status_code == 200, answer.text
    return [(one["comes_to"], [member["id"] for member in one["members"]]) for one in answer.json]


@pytest.mark.parametrize(
    ("place", "comes_to"),
    [
        ("", "one"),
        ("和谐小区", "one"),
        ("和谐小区3号楼", "one"),
        ("三幢2单元401室", "one"),
        ("和谐小区13栋", "choose"),
        ("13栋", "choose"),
        ("东兴小区", "choose"),
    ],
)
def test_who_lives_in_another_building_than_the_line_says_is_not_taken(town: Town, place: str, comes_to: str) -> None:
    building(town, "13栋")
    member_id = town.add("王芳", compound_id=town.nodes["和谐小区"], building_id=town.nodes["3栋"])
    line = {"name": "王芳", "place": place}
    assert look_up(town, town.official(Role.ORGANIZER), line) == [(comes_to, [str(member_id)])]


def test_where_a_compound_has_two_such_buildings_the_very_name_says_which(town: Town) -> None:
    other = building(town, "3号楼")
    here, there = (
        town.add("王芳", compound_id=town.nodes["和谐小区"], building_id=one) for one in (town.nodes["3栋"], other)
    )
    lines = [{"name": "王芳", "place": place} for place in ("3栋", "3号楼", "三幢")]
    assert look_up(town, town.official(Role.ORGANIZER), *lines) == [
        ("one", [str(here)]),
        ("one", [str(there)]),
        ("choose", [str(here), str(there)]),
    ]


def test_of_other_stations_of_the_caller_phone_or_home_says_who_it_is_and_strangers_are_unknown(town: Town) -> None:
    phone = new_phone()
    member_id = town.add("王芳", "岔路口站", compound_id=town.nodes["金叶小区"], phone=phone)
    lines: list[dict[str, Any]] = [
        {"name": "王芳"},
        {"name": "王芳", "place": "金叶小区"},
        {"name": "王芳", "phone": phone},
        {"name": "李梅"},
    ]
    both = town.official(Role.ORGANIZER, "咸安区中心")
    found = [str(member_id)]
    assert look_up(town, both, *lines) == [("choose", found), ("one", found), ("one", found), ("unknown", [])]
    assert look_up(town, town.official(Role.ORGANIZER), *lines) == [("unknown", [])] * 4


def test_a_long_list_is_looked_up_in_as_many_statements_as_a_short_one(town: Town) -> None:
    organizer = town.official(Role.ORGANIZER)
    for name in ("王芳", "李梅", "陈强"):
        town.add(name, compound_id=town.nodes["和谐小区"], building_id=town.nodes["3栋"])
    counts = []
    for names in (["王芳"], ["王芳", "李梅", "陈强"]):
        with town.statements() as sent:
            look_up(town, organizer, *({"name": name, "place": "3栋"} for name in names))
        counts.append(len(sent))
    assert counts[0] == counts[1]
