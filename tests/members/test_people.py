"""Confirming, changing, finding and seeing members; who may, and who may not."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.members.commands import people
from services.members.commands.operator import OPERATOR
from services.members.domain.consents import Consent, Kind
from services.members.domain.people import NewMember
from shared.errors import Forbidden
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import Town, consents


def new_member(town: Town, **fields: Any) -> dict[str, Any]:
    return {"id": str(new_id()), "name": "陈小芳", "station_id": str(town.nodes["南昌路站"]), **fields}


# --- Adding ------------------------------------------------------------------------------------------


def test_staff_adds_a_member_without_a_login(town: Town) -> None:
    staff = town.official(Role.STAFF)
    team = town.post(
        "/teams", staff, {"id": str(new_id()), "station_id": town.nodes["南昌路站"], "name": "夜巡队"}
    ).json
    employer = town.post("/employers", staff, {"id": str(new_id()), "name": "市一中"}).json
    form = new_member(
        town,
        phone="0715-8123456",
        birth_date="1944-02-01",
        compound_id=str(town.nodes["和谐小区"]),
        building_id=str(town.nodes["3栋"]),
        team_ids=[team["id"]],
        employer_id=employer["id"],
        skills=["医生"],
    )
    first, second = (town.post("/members", staff, form) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert first.json == second.json
    shown = first.json
    assert (shown["confirmed"], shown["has_login"], shown["has_phone"], shown["skills"]) == (
        False,
        False,
        True,
        ["医生"],
    )
    assert shown["teams"] == [{"id": team["id"], "name": "夜巡队"}]
    assert (shown["compound_name"], shown["building_name"], shown["employer_name"]) == ("和谐小区", "3栋", "市一中")
    fact = town.events("MemberChanged")[-1]
    assert (fact["team_ids"], fact["employer_id"]) == ([team["id"]], employer["id"])
    assert len(town.audited("member.add")) == 1
    assert town.post("/members", staff, form | {"name": "别人"}).status_code == 409


def test_the_id_of_somebody_who_is_there_is_taken(town: Town) -> None:
    for member_id in (town.add(), town.register().member_id):
        answer = town.post("/members", town.official(Role.STAFF), new_member(town, id=str(member_id)))
        assert (answer.status_code, answer.json["code"]) == (409, "id_taken")
    assert len(town.events("MemberChanged")) == 2


def test_a_child_without_a_guardians_consent_is_not_added_by_staff_either(town: Town) -> None:
    staff, guardian = town.official(Role.STAFF), town.add("李建国")
    form = new_member(town, birth_date="2016-01-01", guardian_id=str(guardian))
    assert town.post("/members", staff, form).json["code"] == "consent_missing"
    form |= {"consents": consents("terms", "privacy", "guardian")}
    assert town.post("/members", staff, form).status_code == 201


@pytest.mark.parametrize("field", ["team_ids", "employer_id", "guardian_id", "compound_id"])
def test_what_does_not_exist_is_not_found(town: Town, field: str) -> None:
    missing: Any = [str(new_id())] if field == "team_ids" else str(new_id())
    answer = town.post("/members", town.official(Role.STAFF), new_member(town, **{field: missing}))
    assert answer.status_code == 404


def test_three_hundred_members_are_added_in_batches(town: Town) -> None:
    joining = (Consent(Kind.TERMS, "1"), Consent(Kind.PRIVACY, "1"), Consent(Kind.RANKED, "1"))
    rows = [
        NewMember(id=new_id(), name="陈小芳", station_id=town.nodes["南昌路站"], consents=joining, confirmed=True)
        for _ in range(300)
    ]
    with town.statements() as sent:
        town.do(people.add_members, OPERATOR, rows)
    assert len(sent) < 320  # one audit row a confirmation; the rest in batches
    town.do(people.add_members, OPERATOR, rows)
    assert len(town.sql("SELECT id FROM member")) == 300
    facts = town.events("MemberChanged")
    assert len(facts) == 300
    assert {(fact["confirmed"], fact["ranked"], fact["version"]) for fact in facts} == {(True, True, 1)}
    assert len({fact["volunteer_number"] for fact in facts}) == 300


def test_staff_of_one_station_adds_nobody_at_another(town: Town) -> None:
    with pytest.raises(Forbidden):
        town.do(
            people.add_members,
            town.official(Role.STAFF, "岔路口站"),
            [NewMember(id=new_id(), name="陈小芳", station_id=town.nodes["南昌路站"])],
        )


# --- Confirming ----------------------------------------------------------------------------------------


def test_staff_confirms_once_and_it_is_recorded(town: Town) -> None:
    caller, staff = town.register(), town.official(Role.STAFF)
    answers = [town.post(f"/members/{caller.member_id}/confirm", staff) for _ in range(2)]
    assert [answer.json["confirmed"] for answer in answers] == [True, True]
    assert town.events("MemberChanged")[-1]["confirmed"] is True
    assert len(town.events("MemberChanged")) == 2
    audited = town.audited("member.confirm")
    assert [(row.subject_id, row.member_id, row.path) for row in audited] == [
        (caller.member_id, staff.own_member_id, town.path("南昌路站"))
    ]


def test_nobody_confirms_themselves_or_the_own_household(town: Town) -> None:
    caller = town.register()
    child = town.post(
        "/me/members",
        caller,
        {
            "id": str(new_id()), "name": "王小明", "birth_date": "2016-06-01", "relation": "child",
            "consents": consents("terms", "privacy", "guardian"),
        },
    ).json  # fmt: skip
    staff = town.official(Role.STAFF, member_id=caller.member_id, household_ids=(UUID(child["household_id"]),))
    for member_id in (caller.member_id, child["id"]):
        answer = town.post(f"/members/{member_id}/confirm", staff)
        assert (answer.status_code, answer.json["code"]) == (403, "own_case")
    assert town.audited("member.confirm") == []


@pytest.mark.parametrize(
    ("role", "at", "status"),
    [
        (Role.STAFF, "岔路口站", 404),
        (Role.ORGANIZER, "南昌路站", 403),
        (Role.AUDITOR, "咸宁市", 403),
        (Role.STAFF, "咸宁市", 200),
        (Role.ADMINISTRATOR, None, 200),
        (Role.STAFF, "和谐小区", 404),
    ],
)
def test_confirming_needs_staffs_role_at_the_members_station_or_above(
    town: Town, role: Role, at: str | None, status: int
) -> None:
    assert town.post(f"/members/{town.add()}/confirm", town.official(role, at)).status_code == status


# --- Changing ------------------------------------------------------------------------------------------


def change(town: Town, member_id: UUID | None, caller: Principal, **changes: Any) -> Any:
    return town.ask("PATCH", f"/members/{member_id}", caller, changes)


def test_staff_changes_a_member_and_the_others_are_told(town: Town) -> None:
    member_id, staff = town.add(), town.official(Role.STAFF, "咸安区中心")
    answer = change(
        town,
        member_id,
        staff,
        name="陈大芳",
        phone="13712345678",
        station_id=str(town.nodes["岔路口站"]),
        birth_date="1990-01-01",
    )
    assert answer.status_code == 200, answer.text
    fact = town.events("MemberChanged")[-1]
    assert (fact["name_masked"], fact["station_id"], fact["version"]) == ("陈*芳", str(town.nodes["岔路口站"]), 2)
    row = town.audited("member.change")[0]
    assert row.detail == {"fields": ["birth_date", "name", "phone", "station_id"]}
    assert "13712345678" not in str(row)


def test_staff_pushes_nobody_into_a_station_of_others(town: Town) -> None:
    member_id, staff = town.add(confirmed=True), town.official(Role.STAFF)
    answer = change(town, member_id, staff, station_id=str(town.nodes["岔路口站"]))
    assert (answer.status_code, answer.json["code"]) == (403, "station_of_others")
    assert change(town, member_id, staff, station_id=str(town.nodes["南昌路站"])).status_code == 200
    assert town.get(f"/members/{member_id}", staff).json["station_name"] == "南昌路站"


def test_members_join_teams_of_their_station_or_above_it_alone(town: Town) -> None:
    above, staff, member_id = town.official(Role.STAFF, "咸宁市"), town.official(Role.STAFF), town.add()
    teams = {}
    for at in ("南昌路站", "岔路口站", "咸安区中心"):
        teams[at] = str(new_id())
        form = {"id": teams[at], "station_id": town.nodes[at], "name": "夜巡队"}
        assert town.post("/teams", above, form).status_code == 201
    far = change(town, member_id, staff, team_ids=[teams["岔路口站"]])
    assert (far.status_code, far.json["code"]) == (422, "team_elsewhere")
    assert town.post("/members", staff, new_member(town, team_ids=[teams["岔路口站"]])).status_code == 422
    near = [teams["南昌路站"], teams["咸安区中心"]]
    assert change(town, member_id, staff, team_ids=near).status_code == 200
    moved = change(town, member_id, above, station_id=str(town.nodes["岔路口站"]), team_ids=[teams["岔路口站"]])
    assert [team["id"] for team in moved.json["teams"]] == [teams["岔路口站"]]


def test_who_moves_leaves_the_teams_of_the_old_station_and_keeps_those_above(town: Town) -> None:
    above, member_id = town.official(Role.STAFF, "咸宁市"), town.add()
    teams = {}
    for at in ("南昌路站", "咸安区中心"):
        teams[at] = str(new_id())
        town.post("/teams", above, {"id": teams[at], "station_id": town.nodes[at], "name": "夜巡队"})
    assert change(town, member_id, above, team_ids=list(teams.values())).status_code == 200
    kept = change(town, member_id, above, station_id=str(town.nodes["岔路口站"]), team_ids=list(teams.values()))
    assert kept.json["code"] == "team_elsewhere"
    stayed = change(town, member_id, above, station_id=str(town.nodes["南昌路站"]))
    assert len(stayed.json["teams"]) == 2
    moved = change(town, member_id, above, station_id=str(town.nodes["岔路口站"]))
    assert [team["id"] for team in moved.json["teams"]] == [teams["咸安区中心"]]
    assert town.events("MemberChanged")[-1]["team_ids"] == [teams["咸安区中心"]]


def test_a_change_of_what_somebody_else_has_changed_since_is_refused(town: Town) -> None:
    member_id, staff = town.add(), town.official(Role.STAFF)
    seen = town.get(f"/members/{member_id}", staff).json["version"]
    assert change(town, member_id, staff, name="陈大芳", version=seen).status_code == 200
    late = change(town, member_id, staff, name="陈二芳", version=seen)
    assert (late.status_code, late.json["code"]) == (409, "changed_meanwhile")
    assert town.get(f"/members/{member_id}", staff).json["name"] == "陈大芳"
    assert town.audited("member.change")[0].detail == {"fields": ["name"]}


def test_people_who_may_be_one_and_the_same_are_found_in_the_own_stations_alone(town: Town) -> None:
    staff = town.official(Role.STAFF)
    home: dict[str, Any] = {"compound_id": town.nodes["和谐小区"]}
    born = date(1950, 3, 8)
    asked = town.add("王秀英", phone="13712345678", birth_date=born, **home)
    alike = {
        town.add("王秀英", phone="13799995678"),
        town.add("王秀英", birth_date=born),
        town.add("王秀英", **home),
    }
    town.add("王秀芳", **home)
    town.add("王秀英", birth_date=date(1950, 3, 9))
    town.add("王秀英", "岔路口站", birth_date=born)
    gone = town.add("王秀英", birth_date=born)
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=gone)
    found = town.get(f"/members/{asked}/look-alikes", staff).json
    assert {UUID(one["id"]) for one in found} == alike
    assert town.get(f"/members/{town.add('王秀英')}/look-alikes", staff).json == []
    assert town.get(f"/members/{asked}/look-alikes", town.official(Role.STAFF, "岔路口站")).status_code == 404


def test_who_lives_together_is_listed_for_organizers_of_the_station(town: Town) -> None:
    household = new_id()
    ours = [town.add(household_id=household), town.add("李建国", household_id=household)]
    town.add("别人")
    town.add("李建军", station="岔路口站", household_id=household)
    found = town.get(f"/members?household_id={household}", town.official(Role.STAFF)).json
    assert [UUID(one["id"]) for one in found] == ours


def test_guardians_are_of_the_own_stations_or_oneself(town: Town) -> None:
    member_id, near, far = town.add(), town.add("李建国"), town.add("李建国", "岔路口站")
    staff = town.official(Role.STAFF)
    answers = [change(town, member_id, staff, guardian_id=str(one)) for one in (far, new_id())]
    assert [(answer.status_code, answer.json["detail"]) for answer in answers] == [(404, "没有找到监护人")] * 2
    assert town.post("/members", staff, new_member(town, guardian_id=str(far))).status_code == 404
    assert change(town, member_id, staff, guardian_id=str(near)).status_code == 200
    own = town.official(Role.STAFF, member_id=far)
    assert change(town, member_id, own, guardian_id=str(far)).status_code == 200
    assert change(town, member_id, staff, guardian_id=str(far)).status_code == 200, "it is so already"


def test_people_change_themselves_less_once_they_are_confirmed(town: Town) -> None:
    caller = town.register()
    assert change(town, caller.member_id, caller, name="王大亮", skills=["理发"]).status_code == 200
    town.post(f"/members/{caller.member_id}/confirm", town.official(Role.STAFF))
    assert change(town, caller.member_id, caller, name="别人").json["code"] == "by_staff_only"
    assert change(town, caller.member_id, caller, compound_id=str(town.nodes["东兴小区"])).status_code == 200
    assert change(town, caller.member_id, caller, compound_id=str(town.nodes["金叶小区"])).json["code"] == "not_below"


def test_staff_changes_nothing_of_the_own_household_by_the_role(town: Town) -> None:
    household = new_id()
    member_id = town.add(household_id=household)
    answer = change(town, member_id, town.official(Role.STAFF, household_ids=(household,)), name="别人")
    assert (answer.status_code, answer.json["code"]) == (403, "own_case")


def test_strangers_learn_nothing_by_trying_to_change(town: Town) -> None:
    member_id, stranger = town.add(), town.register()
    known, unknown = (change(town, one, stranger, name="别人") for one in (member_id, new_id()))
    assert known.status_code == unknown.status_code == 404
    assert change(town, member_id, town.official(Role.STAFF, "岔路口站"), name="别人").status_code == 404
    assert change(town, member_id, town.official(Role.ORGANIZER), name="别人").status_code == 403
    assert len(town.events("MemberChanged")) == 2


def test_teams_are_replaced_as_a_whole(town: Town) -> None:
    staff, member_id = town.official(Role.STAFF), town.add()
    teams = [str(new_id()) for _ in range(2)]
    for number, team in enumerate(teams):
        town.post("/teams", staff, {"id": team, "station_id": town.nodes["南昌路站"], "name": f"第{number}队"})
    assert [team["id"] for team in change(town, member_id, staff, team_ids=teams).json["teams"]] == sorted(teams)
    assert [team["id"] for team in change(town, member_id, staff, team_ids=teams[1:]).json["teams"]] == teams[1:]
    assert town.events("MemberChanged")[-1]["team_ids"] == teams[1:]
    assert change(town, member_id, staff, team_ids=[str(new_id())]).status_code == 404


def test_households_are_joined_and_left_with_staffs_word(town: Town) -> None:
    one, other, staff = town.add("陈小芳"), town.add("李建国"), town.official(Role.STAFF)
    path = f"/members/{one}/household"
    joined = town.ask("PUT", path, staff, {"with_member_id": other}).json
    assert joined["household_id"] == town.get(f"/members/{other}", staff).json["household_id"] is not None
    facts = town.events("MemberChanged")[-2:]
    assert {fact["household_id"] for fact in facts} == {joined["household_id"]}
    assert town.ask("PUT", path, staff, {"with_member_id": None}).json["household_id"] is None


def test_nobody_leaves_the_household_by_the_own_role(town: Town) -> None:
    """Else one would move the family out, and confirm them then."""
    household = new_id()
    member_id = town.add(household_id=household)
    staff = town.official(Role.STAFF, household_ids=(household,))
    answer = town.ask("PUT", f"/members/{member_id}/household", staff, {"with_member_id": None})
    assert answer.json["code"] == "own_case"


def test_who_has_roles_is_brought_together_and_renamed_by_who_stands_above_them_alone(town: Town) -> None:
    """Else staff could make an administrator above them kin, who then may decide nothing for them."""
    admin, staff = town.official(Role.ADMINISTRATOR, at=None), town.official(Role.STAFF)
    above, neighbour = town.add("罗静", confirmed=True), town.add()
    role = {"id": str(new_id()), "member_id": above, "role": "administrator", "node_id": str(town.nodes["咸宁市"])}
    assert town.post("/grants", admin, role).status_code == 201
    for one, other in ((above, neighbour), (neighbour, above)):
        path = f"/members/{one}/household"
        assert town.ask("PUT", path, staff, {"with_member_id": other}).status_code == 403
    assert change(town, above, staff, name="假名").status_code == 403
    assert change(town, above, staff, phone=None).status_code == 403
    assert change(town, above, staff, skills=["理发"]).status_code == 200
    assert change(town, above, admin, name="罗小静").status_code == 200
    assert town.ask("PUT", f"/members/{above}/household", admin, {"with_member_id": neighbour}).status_code == 200


def test_nobody_brings_others_into_the_own_household(town: Town) -> None:
    household = new_id()
    kin, stranger = town.add(household_id=household), town.add()
    staff = town.official(Role.STAFF, household_ids=(household,))
    answer = town.ask("PUT", f"/members/{stranger}/household", staff, {"with_member_id": kin})
    assert (answer.status_code, answer.json["code"]) == (403, "own_case")


def test_who_added_somebody_sees_them_no_more_when_they_have_moved(town: Town) -> None:
    staff, content = town.official(Role.STAFF), {"id": str(new_id()), "name": "陈小芳"}
    content |= {"station_id": str(town.nodes["南昌路站"])}
    assert [town.post("/members", staff, content).status_code for _ in range(2)] == [201, 201]
    everywhere = town.official(Role.STAFF, at=None)
    assert change(town, UUID(content["id"]), everywhere, station_id=str(town.nodes["岔路口站"])).status_code == 200
    assert town.post("/members", staff, content).status_code == 404


# --- Seeing and finding ----------------------------------------------------------------------------------


# --- By what people are found on a roll -----------------------------------------------------------------
