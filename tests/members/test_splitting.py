"""A station is split: some of its compounds and their people become those of a new one, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import clock
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.test_merging import follow, homes
from tests.members.test_tree import change, node
from tests.members.town import Town


def content(town: Town, *compounds: str, **fields: Any) -> dict[str, Any]:
    ids = [str(town.nodes[name]) for name in compounds or ("和谐小区",)]
    return {"id": str(new_id()), "name": "新站", "compound_ids": ids, **fields}


def split(town: Town, body: dict[str, Any], caller: Principal | None = None, station: str = "南昌路站") -> Any:
    answer = town.post(
        f"/nodes/{town.nodes[station]}/split", caller or town.official(Role.ADMINISTRATOR, "咸安区中心"), body
    )
    if answer.status_code == 201:
        town.nodes[body["name"]] = UUID(body["id"])
    return answer


def test_compounds_with_their_buildings_lie_below_a_new_station_from_a_day_on(town: Town) -> None:
    opened = clock.today()
    with clock.travel(clock.now() + timedelta(days=30)):
        day = opened + timedelta(days=20)
        body = content(town, from_day=str(day))
        answers = [split(town, body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
        assert answers[0].json == answers[1].json, "once more is once"
    made = answers[0].json
    assert (made["name"], made["level"], made["opened_on"]) == ("新站", "station", str(day))
    assert made["split_from"] == {"id": str(town.nodes["南昌路站"]), "name": "南昌路站", "opened_on": str(opened)}
    old = town.get(f"/nodes/{town.nodes['南昌路站']}", town.official(Role.ADMINISTRATOR, None)).json
    assert old["split_off"] == [{"id": body["id"], "name": "新站", "opened_on": str(day)}]
    assert (old["closed_on"], old["split_from"]) == (None, None)
    assert town.path("新站") == f"{town.path('咸安区中心')}{town.nodes['新站'].hex}/"
    assert town.path("3栋").startswith(town.path("和谐小区"))
    assert town.path("和谐小区").startswith(town.path("新站"))
    assert town.path("东兴小区").startswith(town.path("南昌路站"))
    told = {fact["node_id"]: fact for fact in town.events("StationChanged")}
    for name in ("新站", "和谐小区", "3栋"):
        assert told[str(town.nodes[name])]["path"] == town.path(name)
    assert [spell["from_day"] for spell in told[str(town.nodes["和谐小区"])]["past"]] == [str(opened), str(day)]
    (act,) = town.audited("node.split")
    assert act.detail == {"split_off": body["id"], "day": str(day), "places": 1, "grants": 0}
    assert town.audited("node.add")[-1].subject_id == town.nodes["新站"]
    (moved,) = town.audited("node.move")
    assert (moved.subject_id, moved.detail["to"]) == (town.nodes["和谐小区"], body["id"])


def test_who_lives_there_follows_and_everybody_else_stays(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, "咸安区中心")
    inside: dict[str, Any] = {"compound_id": town.nodes["和谐小区"], "building_id": town.nodes["3栋"]}
    goes, stays, only_station = (
        town.add("陈芳", **inside), town.add("王秀英", compound_id=town.nodes["东兴小区"]), town.add("赵云"),
    )  # fmt: skip
    plan = town.get(f"/nodes/{town.nodes['南昌路站']}/split", admin).json
    assert [(one["name"], one["people"]) for one in plan["compounds"]] == [("和谐小区", 1), ("东兴小区", 1)]
    assert (plan["people"], plan["grants"]) == (3, 0)
    assert split(town, content(town), admin).status_code == 201
    assert follow(town) == 1
    assert (homes(town, goes), homes(town, stays, only_station)) == ({"新站"}, {"南昌路站"})
    fact = {fact["member_id"]: fact for fact in town.events("MemberChanged")}[str(goes)]
    assert fact["station_id"] == str(town.nodes["新站"])
    plan = town.get(f"/nodes/{town.nodes['新站']}/split", admin).json
    assert [(one["name"], one["people"]) for one in plan["compounds"]] == [("和谐小区", 1)]


@pytest.mark.parametrize("keep", [True, False])
def test_roles_are_held_at_both_when_that_is_said(town: Town, *, keep: bool) -> None:
    admin, members = town.official(Role.ADMINISTRATOR, None), [town.add("陈芳"), town.add("王秀英")]
    town.sql("UPDATE member SET confirmed_at = :now", now=clock.now())
    for member_id, role in zip(members, ("organizer", "staff"), strict=True):
        grant = {"id": str(new_id()), "member_id": str(member_id), "role": role}
        assert town.post("/grants", admin, grant | {"node_id": str(town.nodes["南昌路站"])}).status_code == 201
    ended = {"id": str(new_id()), "member_id": str(members[0]), "role": "auditor"}
    town.post("/grants", admin, ended | {"node_id": str(town.nodes["南昌路站"])})
    town.ask("DELETE", f"/grants/{ended['id']}", admin)
    body = content(town, keep_grants=keep)
    for _ in range(2):
        assert split(town, body).status_code == 201
    held = town.sql("SELECT member_id, role, node_id, granted_by FROM role_grant WHERE revoked_at IS NULL")
    at_new = {(row.member_id, row.role) for row in held if row.node_id == UUID(body["id"])}
    assert at_new == ({(members[0], "organizer"), (members[1], "staff")} if keep else set())
    assert len(held) == 2 + len(at_new), "those at the old station stay"
    assert len(town.audited("grant.add")) == 3 + len(at_new)
    assert {entry.who for entry in town.audited("grant.add")[3:]} == ({"service:members"} if keep else set())


@pytest.mark.parametrize(
    ("role", "at", "status"),
    [
        (Role.ADMINISTRATOR, None, 201),
        (Role.ADMINISTRATOR, "咸安区中心", 201),
        (Role.ADMINISTRATOR, "南昌路站", 403),
        (Role.ADMINISTRATOR, "岔路口站", 403),
        (Role.STAFF, "咸安区中心", 403),
        (Role.AUDITOR, None, 403),
    ],
)
def test_only_who_is_above_the_station_splits_it(town: Town, role: Role, at: str | None, status: int) -> None:
    caller = town.official(role, at)
    assert split(town, content(town), caller).status_code == status
    planned = town.get(f"/nodes/{town.nodes['南昌路站']}/split", caller)
    may_read = role is Role.ADMINISTRATOR and at != "岔路口站"
    assert planned.status_code == (200 if may_read else 403)
    assert planned.json.get("may_split") == ((status == 201) if may_read else None)


def test_what_cannot_be_split_off_is_said_and_nothing_has_moved(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    tomorrow, before = clock.today() + timedelta(days=1), clock.today() - timedelta(days=1)
    wrong = [
        (content(town, "金叶小区"), "南昌路站", "not_its_compounds"),
        (content(town, "和谐小区", "金叶小区"), "南昌路站", "not_its_compounds"),
        (content(town, "3栋"), "南昌路站", "not_its_compounds"),
        (content(town), "咸安区中心", "wrong_level"),
        (content(town, "3栋"), "和谐小区", "wrong_level"),
        (content(town, name="岔路口站"), "南昌路站", "name_taken"),
        (content(town, from_day=str(tomorrow)), "南昌路站", "wrong_day"),
        (content(town, from_day=str(before)), "南昌路站", "wrong_day"),
        (content(town, compound_ids=[]), "南昌路站", "invalid"),
        (content(town, unknown=1), "南昌路站", "invalid"),
    ]
    for body, station, code in wrong:
        answer = split(town, body, admin, station)
        assert answer.json["code"] == code, (body, answer.text)
    change(town, "东兴小区", admin, closed_on=str(clock.today()))
    assert split(town, content(town, "东兴小区"), admin).json["code"] == "not_its_compounds"
    assert town.path("和谐小区").startswith(town.path("南昌路站"))
    assert town.audited("node.split") == town.audited("node.move") == []
    assert town.sql("SELECT FROM moved_home") == []
    taken = content(town)
    assert split(town, taken, admin).status_code == 201
    assert split(town, taken | {"name": "别的站"}, admin).json["code"] == "id_taken"


def test_no_compound_is_split_off_from_before_the_day_on_which_it_came(town: Town) -> None:
    admin, opened = town.official(Role.ADMINISTRATOR, None), clock.today()
    with clock.travel(clock.now() + timedelta(days=30)):
        came_on, station = opened + timedelta(days=20), str(town.nodes["南昌路站"])
        change(town, "金叶小区", admin, parent_id=station, from_day=str(came_on))
        early = content(town, "金叶小区", from_day=str(came_on - timedelta(days=1)))
        assert split(town, early, admin).json["code"] == "wrong_day"
        assert town.path("金叶小区").startswith(town.path("南昌路站"))
        assert split(town, early | {"from_day": str(came_on)}, admin).status_code == 201


COMPOUNDS = ("和谐小区", "东兴小区", "桂花小区", "银杏小区")


@st.composite
def divisions(draw: st.DrawFn) -> tuple[list[str | None], list[str]]:
    """Where each of some people lives, if anywhere, and which compounds are split off."""
    lives = draw(st.lists(st.sampled_from([None, *COMPOUNDS]), max_size=12))
    return lives, draw(st.lists(st.sampled_from(COMPOUNDS), min_size=1, unique=True))


def test_whatever_is_split_off_nobody_is_lost_and_the_opposite_brings_everybody_back(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    for name in COMPOUNDS[2:]:
        form = node(name, "compound", town.nodes["南昌路站"])
        assert town.post("/nodes", admin, form).status_code == 201
        town.nodes[name] = UUID(form["id"])

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(divisions(), st.booleans())
    def check(division: tuple[list[str | None], list[str]], by_merging: bool) -> None:
        lives, parts = division
        people = [town.add(f"陈{number}", compound_id=name and town.nodes[name]) for number, name in enumerate(lives)]
        body = content(town, *parts, name=f"新站{new_id()}")
        assert split(town, body, admin).status_code == 201
        follow(town)
        rows = town.sql("SELECT id, station_id FROM member WHERE id = ANY(:ids)", ids=people)
        at = {row.id: row.station_id for row in rows}
        for member_id, name in zip(people, lives, strict=True):
            assert at[member_id] == (UUID(body["id"]) if name in parts else town.nodes["南昌路站"])
        if by_merging:
            heir = str(town.nodes["南昌路站"])
            assert change(town, body["name"], admin, closed_on=str(clock.today()), successor_id=heir).status_code == 200
        else:
            for name in parts:
                assert change(town, name, admin, parent_id=str(town.nodes["南昌路站"])).status_code == 200
        follow(town)
        assert homes(town, *people) <= {"南昌路站"}
        assert {town.path(name) for name in COMPOUNDS} == {
            f"{town.path('南昌路站')}{town.nodes[name].hex}/" for name in COMPOUNDS
        }

    check()


def test_two_who_split_at_once_do_not_both_get_a_compound(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    bodies = [content(town, name=name) for name in ("东站", "西站")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda body: split(town, body, admin), bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert len(town.audited("node.split")) == 1
