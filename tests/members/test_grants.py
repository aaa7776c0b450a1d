"""Grants, teams and employers."""

from typing import Any
from uuid import UUID

import pytest

from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import Town


def wanted(town: Town, member_id: UUID | None, role: str = "organizer", at: str | None = "南昌路站") -> dict[str, Any]:
    return {
        "id": str(new_id()), "member_id": str(member_id), "role": role, "node_id": str(town.nodes[at]) if at else None,
    }  # fmt: skip


def test_a_grant_is_given_listed_and_taken_back_and_recorded(town: Town) -> None:
    admin, form = town.official(Role.ADMINISTRATOR), wanted(town, town.add(confirmed=True))
    first, second = (town.post("/grants", admin, form) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert first.json == second.json
    assert (first.json["node_name"], first.json["path"]) == ("南昌路站", town.path("南昌路站"))
    assert [entry["id"] for entry in town.get("/grants", admin).json] == [form["id"]]
    assert [town.ask("DELETE", f"/grants/{form['id']}", admin).status_code for _ in range(2)] == [204, 204]
    assert town.get("/grants", admin).json == []
    assert len(town.audited("grant.add")) == len(town.audited("grant.revoke")) == 1
    assert town.audited("grant.add")[0].detail["role"] == "organizer"
    again = wanted(town, UUID(form["member_id"]))
    assert town.post("/grants", admin, again).status_code == 201


def test_one_role_is_held_once_at_a_node(town: Town) -> None:
    admin, member_id = town.official(Role.ADMINISTRATOR, None), town.add(confirmed=True)
    for at in ("南昌路站", None):
        assert town.post("/grants", admin, wanted(town, member_id, at=at)).status_code == 201
        assert town.post("/grants", admin, wanted(town, member_id, at=at)).json["code"] == "already_granted"
    assert town.post("/grants", admin, wanted(town, member_id, "staff")).status_code == 201


def test_nobody_gives_or_takes_for_themselves_or_the_household(town: Town) -> None:
    household = new_id()
    own = town.add(confirmed=True, household_id=household)
    spouse = town.add("李建国", confirmed=True, household_id=household)
    admin = town.official(Role.ADMINISTRATOR, None, member_id=own, household_ids=(household,))
    other = town.official(Role.ADMINISTRATOR, None)
    for member_id in (own, spouse):
        assert town.post("/grants", admin, wanted(town, member_id)).json["code"] == "own_case"
        form = wanted(town, member_id)
        assert town.post("/grants", other, form).status_code == 201
        assert town.ask("DELETE", f"/grants/{form['id']}", admin).json["code"] == "own_case"


def test_nobody_is_granted_to_who_is_not_of_the_own_stations(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR)
    for stranger in (town.add(station="岔路口站", confirmed=True), town.add(station="岔路口站"), new_id()):
        answer = town.post("/grants", admin, wanted(town, stranger))
        assert (answer.status_code, answer.json["code"]) == (404, "member_not_found")
    above = town.official(Role.ADMINISTRATOR, "咸安区中心")
    assert town.post("/grants", above, wanted(town, town.add(station="岔路口站", confirmed=True))).status_code == 201


def test_only_confirmed_and_present_members_get_a_role(town: Town) -> None:
    admin = town.official(Role.ADMINISTRATOR)
    assert town.post("/grants", admin, wanted(town, town.add())).json["code"] == "not_confirmed"
    assert town.post("/grants", admin, wanted(town, new_id())).status_code == 404
    gone = town.add(confirmed=True)
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=gone)
    assert town.post("/grants", admin, wanted(town, gone)).status_code == 404


@pytest.mark.parametrize(
    ("role", "at", "node", "status"),
    [
        (Role.ADMINISTRATOR, "南昌路站", "南昌路站", 201),
        (Role.ADMINISTRATOR, "咸宁市", "南昌路站", 201),
        (Role.ADMINISTRATOR, "南昌路站", "咸安区中心", 403),
        (Role.ADMINISTRATOR, "岔路口站", "南昌路站", 403),
        (Role.ADMINISTRATOR, "咸宁市", None, 403),
        (Role.STAFF, "咸宁市", "南昌路站", 403),
        (Role.AUDITOR, "咸宁市", "南昌路站", 403),
    ],
)
def test_only_administrators_grant_and_only_at_and_below_their_nodes(
    town: Town, role: Role, at: str, node: str | None, status: int
) -> None:
    form = wanted(town, town.add(confirmed=True), "administrator", node)
    assert town.post("/grants", town.official(role, at), form).status_code == status


def test_grants_above_and_beside_are_neither_seen_nor_revoked(town: Town) -> None:
    top = town.official(Role.ADMINISTRATOR, None)
    forms = [wanted(town, town.add(confirmed=True), at=at) for at in ("南昌路站", "岔路口站", "咸宁市", None)]
    for form in forms:
        assert town.post("/grants", top, form).status_code == 201
    admin = town.official(Role.ADMINISTRATOR)
    assert [entry["id"] for entry in town.get("/grants", admin).json] == [forms[0]["id"]]
    assert len(town.get("/grants", top).json) == 4
    assert len(town.get(f"/grants?member_id={forms[1]['member_id']}", top).json) == 1
    assert len(town.get(f"/grants?node_id={town.nodes['岔路口站']}", top).json) == 1
    answers = [town.ask("DELETE", f"/grants/{form['id']}", admin).status_code for form in forms]
    assert answers == [204, 404, 404, 404]
    assert town.ask("DELETE", f"/grants/{new_id()}", admin).status_code == 404


def test_me_lists_my_own_roles(town: Town) -> None:
    caller = town.register()
    town.post(f"/members/{caller.member_id}/confirm", town.official(Role.STAFF))
    town.post("/grants", town.official(Role.ADMINISTRATOR), wanted(town, caller.member_id))
    grants = town.get("/me", caller).json["grants"]
    assert [(grant["role"], grant["node_name"], grant["path"]) for grant in grants] == [
        ("organizer", "南昌路站", town.path("南昌路站"))
    ]


def add_team(town: Town, caller: Principal, name: str = "夜巡队", at: str = "南昌路站") -> Any:
    return town.post("/teams", caller, {"id": str(new_id()), "station_id": str(town.nodes[at]), "name": name})


def test_teams_belong_to_a_station_and_have_one_name_there(town: Town) -> None:
    staff = town.official(Role.STAFF)
    assert add_team(town, staff).status_code == 201
    assert add_team(town, staff).json["code"] == "name_taken"
    assert add_team(town, staff, at="岔路口站").status_code == 403
    assert add_team(town, town.official(Role.STAFF, "岔路口站"), at="岔路口站").status_code == 201
    assert len(town.get("/teams", staff).json) == 2
    assert len(town.get(f"/teams?station_id={town.nodes['南昌路站']}", town.register()).json) == 1


def test_employers_are_known_to_the_whole_town_by_one_name(town: Town) -> None:
    staff, form = town.official(Role.STAFF), {"id": str(new_id()), "name": "市科协"}
    assert [town.post("/employers", staff, form).status_code for _ in range(2)] == [201, 201]
    assert town.post("/employers", staff, form | {"id": str(new_id())}).status_code == 409
    assert [entry["name"] for entry in town.get("/employers?q=科", town.register()).json] == ["市科协"]
