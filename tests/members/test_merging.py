"""Stations merge and split: what is below them, who acts there, their teams and their people go along."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.members.commands import merging
from services.members.store import merging as store
from services.members.store.candidates import list_candidates
from shared import clock
from shared.db import session
from shared.ids import new_id
from shared.principal import Role
from tests.members.test_tree import change, node
from tests.members.town import Town, consents


def merge(town: Town, *, role: Role = Role.ADMINISTRATOR, at: str | None = "咸安区中心", day: Any = None) -> Any:
    """南昌路站 into 岔路口站."""
    successor = str(town.nodes["岔路口站"])
    return change(
        town, "南昌路站", town.official(role, at), closed_on=str(day or clock.today()), successor_id=successor
    )


def follow(town: Town) -> int:
    return town.do(merging.follow_all)


def homes(town: Town, *member_ids: UUID) -> set[str]:
    names = {node_id: name for name, node_id in town.nodes.items()}
    rows = town.sql("SELECT station_id FROM member WHERE id = ANY(:ids)", ids=list(member_ids))
    return {names[row.station_id] for row in rows}


def test_all_that_is_below_a_station_goes_over_and_it_lies_below_its_successor_itself(town: Town) -> None:
    opened = clock.today()
    with clock.travel(clock.now() + timedelta(days=30)):
        merged_on = clock.today()
        answer = merge(town)
    assert answer.status_code == 200, answer.text
    assert (answer.json["closed_on"], answer.json["successor_id"]) == (str(merged_on), str(town.nodes["岔路口站"]))
    heir = town.path("岔路口站")
    for name in ("南昌路站", "和谐小区", "东兴小区"):
        assert town.path(name) == f"{heir}{town.nodes[name].hex}/"
    assert town.path("3栋").startswith(town.path("和谐小区"))
    told = {fact["node_id"]: fact for fact in town.events("StationChanged")}
    fact = told[str(town.nodes["南昌路站"])]
    assert (fact["closed"], fact["successor_id"]) == (True, str(town.nodes["岔路口站"]))
    assert [spell["from_day"] for spell in fact["past"]] == [str(opened), str(merged_on)]
    assert told[str(town.nodes["3栋"])]["path"] == town.path("3栋")
    (act,) = town.audited("node.merge")
    assert act.detail["places"] == 2
    assert merge(town).status_code == 200, "once more is once"
    assert len(town.audited("node.merge")) == 1


@pytest.mark.parametrize(
    ("role", "at", "status"),
    [
        (Role.ADMINISTRATOR, None, 200),
        (Role.ADMINISTRATOR, "咸安区中心", 200),
        (Role.ADMINISTRATOR, "南昌路站", 403),
        (Role.ADMINISTRATOR, "岔路口站", 403),
        (Role.STAFF, "咸安区中心", 403),
    ],
)
def test_only_who_is_above_both_merges_them(town: Town, role: Role, at: str | None, status: int) -> None:
    assert merge(town, role=role, at=at).status_code == status


def test_a_name_that_stands_below_both_is_said_and_nothing_goes_over(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    assert town.post("/nodes", caller, node("和谐小区", "compound", town.nodes["岔路口站"])).status_code == 201
    answer = merge(town)
    assert (answer.status_code, answer.json["code"]) == (422, "name_taken_there")
    assert town.path("东兴小区").startswith(town.path("南昌路站"))
    assert town.audited("node.merge") == []


def test_roles_hold_at_the_successor_and_what_was_done_before_stays_entitled(town: Town) -> None:
    both, one = town.add("陈芳"), town.add("王秀英")
    confirmed = "UPDATE member SET confirmed_at = :now"
    town.sql(confirmed, now=clock.now())
    admin = town.official(Role.ADMINISTRATOR, None)

    def grant(member_id: UUID, role: str, name: str) -> None:
        content = {"id": str(new_id()), "member_id": str(member_id), "role": role, "node_id": str(town.nodes[name])}
        assert town.post("/grants", admin, content).status_code == 201

    grant(both, "organizer", "南昌路站")
    grant(both, "organizer", "岔路口站")
    grant(one, "staff", "南昌路站")
    merge(town)
    rows = town.sql("SELECT member_id, role, node_id FROM role_grant WHERE revoked_at IS NULL")
    heir = town.nodes["岔路口站"]
    assert {tuple(row) for row in rows} == {(both, "organizer", heir), (one, "staff", heir)}
    assert len(rows) == 2
    assert town.sql("SELECT count(*) FROM role_grant")[0][0] == 4, "what held before is kept, with its end"
    assert town.audited("node.merge")[0].detail["grants"] == 2


def test_teams_go_over_and_one_of_a_taken_name_says_where_it_is_from(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    for station, names in (("南昌路站", ("护河队", "夜巡队")), ("岔路口站", ("夜巡队",))):
        for name in names:
            content = {"id": str(new_id()), "station_id": str(town.nodes[station]), "name": name}
            assert town.post("/teams", admin, content).status_code == 201
    merge(town)
    teams = town.get(f"/teams?station_id={town.nodes['岔路口站']}", admin).json
    assert sorted(team["name"] for team in teams) == ["夜巡队", "夜巡队（南昌路站）", "护河队"]


def test_people_follow_in_batches_wherever_the_work_was_cut_off(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    team = {"id": str(new_id()), "station_id": str(town.nodes["南昌路站"]), "name": "护河队"}
    town.post("/teams", admin, team)
    inside: dict[str, Any] = {"compound_id": town.nodes["和谐小区"], "building_id": town.nodes["3栋"]}
    people = [town.add(f"陈{number}", **inside) for number in range(3)] + [
        town.add(f"王{number}") for number in range(4)
    ]
    town.ask("PATCH", f"/members/{people[0]}", admin, {"team_ids": [team["id"]]})
    stranger = town.add("赵云", station="岔路口站")
    before = town.sql("SELECT version FROM member WHERE id = :id", id=stranger)[0][0]
    merge(town)
    assert homes(town, *people) == {"南昌路站"}
    monkeypatch.setattr(merging, "PEOPLE_AT_ONCE_MAX", 2)
    with town.app.app_context():
        (moved,) = store.list_moved(session())
        assert merging._follow(moved) == 2
    assert homes(town, *people) == {"南昌路站", "岔路口站"}
    assert follow(town) == 5
    assert homes(town, *people) == {"岔路口站"}
    facts = {fact["member_id"]: fact for fact in town.events("MemberChanged")}
    for member_id in people:
        assert facts[str(member_id)]["station_id"] == str(town.nodes["岔路口站"])
    assert facts[str(people[0])]["team_ids"] == [team["id"]], "its team is there, too"
    assert town.sql("SELECT version FROM member WHERE id = :id", id=stranger)[0][0] == before
    assert follow(town) == 0
    assert len(town.sql("SELECT FROM moved_home")) == 1, "for who came in by a request that began before"
    with clock.travel(clock.now() + timedelta(minutes=11)):
        follow(town)
    assert town.sql("SELECT FROM moved_home") == []


def test_who_lives_in_a_compound_follows_it_to_the_station_that_is_split_off(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    form = node("新站", "station", town.nodes["咸安区中心"])
    assert town.post("/nodes", admin, form).status_code == 201
    town.nodes["新站"] = UUID(form["id"])
    goes, stays, only_station = (
        town.add("陈芳", compound_id=town.nodes["和谐小区"]),
        town.add("王秀英", compound_id=town.nodes["东兴小区"]),
        town.add("赵云"),
    )
    assert change(town, "和谐小区", admin, parent_id=form["id"]).status_code == 200
    assert follow(town) == 1
    assert (homes(town, goes), homes(town, stays, only_station)) == ({"新站"}, {"南昌路站"})
    moved_within = change(town, "3栋", admin, parent_id=str(town.nodes["和谐小区"]))
    assert moved_within.status_code == 200
    assert follow(town) == 0


def test_who_lives_in_a_moved_building_is_known_where_it_lies_now_before_they_have_followed(town: Town) -> None:
    admin, organizer = town.official(Role.ADMINISTRATOR, None), town.official(Role.ORGANIZER, "岔路口站")
    lives_there = town.add("陈芳", compound_id=town.nodes["和谐小区"], building_id=town.nodes["3栋"])
    town.add("陈芳", compound_id=town.nodes["和谐小区"])
    assert change(town, "3栋", admin, parent_id=str(town.nodes["金叶小区"])).status_code == 200
    here = str(town.nodes["岔路口站"])
    [listed] = town.post("/look-ups", organizer, {"station_id": here, "people": [{"name": "陈芳"}]}).json
    assert [one["id"] for one in listed["members"]] == [str(lives_there)]
    alike = town.post("/newcomers/look-alikes", organizer, {"station_id": here, "name": "陈芳"}).json
    assert [one["id"] for one in alike] == [str(lives_there)]
    with town.app.app_context():
        known = list_candidates(session(), town.nodes["岔路口站"], town.path("岔路口站"), ["陈芳"], [])
    assert [one.id for one in known] == [lives_there]


def test_a_successor_that_is_merged_in_turn_passes_everybody_on(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    member_id = town.add("陈芳", compound_id=town.nodes["和谐小区"])
    form = node("新站", "station", town.nodes["咸安区中心"])
    town.post("/nodes", admin, form)
    town.nodes["新站"] = UUID(form["id"])
    merge(town)
    change(town, "岔路口站", admin, closed_on=str(clock.today()), successor_id=form["id"])
    assert follow(town) == 1
    assert homes(town, member_id) == {"新站"}
    shown = town.get(f"/members/{member_id}", admin).json
    assert (shown["station_name"], shown["compound_name"]) == ("新站", "和谐小区")


def test_what_an_activity_of_a_merged_station_asks_is_answered_by_the_one_that_took_it_over(town: Town) -> None:
    old = str(town.nodes["南昌路站"])
    member_id = town.add("陈芳", compound_id=town.nodes["和谐小区"])
    assert merge(town).status_code == 200
    follow(town)
    organizer = town.official(Role.ORGANIZER, "岔路口站")
    listed = town.post("/look-ups", organizer, {"station_id": old, "people": [{"name": "陈芳"}]}).json
    assert [[one["id"] for one in each["members"]] for each in listed] == [[str(member_id)]]
    names = town.post("/name-lists", organizer, {"station_id": old, "ids": [str(member_id)]}).json
    assert [one["full"] for one in names] == [True]
    assert [one["id"] for one in town.get(f"/members?station_id={old}&q=陈", organizer).json] == [str(member_id)]
    assert str(town.nodes["和谐小区"]) in {one["id"] for one in town.get(f"/nodes?below_id={old}", organizer).json}
    asked = {"station_id": old, "name": "陈芳"}
    assert [one["id"] for one in town.post("/newcomers/look-alikes", organizer, asked).json] == [str(member_id)]
    here = {"id": str(new_id()), "station_id": old, "compound_id": str(town.nodes["和谐小区"]), "consents": consents()}
    assert town.post("/newcomers", organizer, here | {"name": "陈芳"}).status_code == 409
    made = [town.post("/newcomers", organizer, here | {"name": "王大明"}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert homes(town, UUID(made[0].json["id"])) == {"岔路口站"}
