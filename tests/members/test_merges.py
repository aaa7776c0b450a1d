"""Two entries of one person made one by staff, and taken back within a day."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.members.test_claims import claim, links, refusal, token_for
from tests.members.test_concerns import complaint, official, report, seen
from tests.members.town import Town


@pytest.fixture
def staff(town: Town) -> Any:
    return town.official(Role.STAFF)


def merge(town: Town, who: Any, stays: UUID, goes: UUID, **fields: Any) -> Any:
    content = {"id": str(new_id()), "merged_id": str(goes), "reason": "同一人登记两次", **fields}
    return town.post(f"/members/{stays}/merge", who, content)


def undo(town: Town, who: Any, goes: UUID) -> Any:
    return town.post(f"/members/{goes}/unmerge", who, {"reason": "不是同一个人"})


def state(town: Town, member_id: UUID) -> tuple[Any, ...]:
    """Everything of a member but the version."""
    rows = town.sql("SELECT * FROM member WHERE id = :id", id=member_id)
    teams = town.sql("SELECT team_id FROM member_team WHERE member_id = :id ORDER BY 1", id=member_id)
    acting = "SELECT login_id, relation, since FROM login_member WHERE member_id = :id ORDER BY 1"
    logins = town.sql(acting, id=member_id)
    unsealed = {"version": None, "phone_encrypted": None}
    return ({**rows[0]._mapping, **unsealed}, teams, logins)


def test_the_one_goes_and_the_other_learns_what_only_that_one_knew(town: Town, staff: Any) -> None:
    stays = town.add(skills=("理发",))
    team_id = str(new_id())
    town.post("/teams", staff, {"id": team_id, "station_id": str(town.nodes["南昌路站"]), "name": "楼道队"})
    goes = town.add(
        phone="13812345678",
        birth_date=date(1956, 3, 21),
        compound_id=town.nodes["和谐小区"],
        team_ids=(UUID(team_id),),
        skills=("维修", "理发"),
    )
    answer = merge(town, staff, stays, goes)
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert (found["birth_date"], found["compound_name"], found["skills"]) == (
        "1956-03-21",
        "和谐小区",
        ["理发", "维修"],
    )
    assert [team["name"] for team in found["teams"]] == ["楼道队"]
    assert town.get(f"/members/{stays}/phone", staff).json["phone"] == "13812345678"
    gone = town.get(f"/members/{goes}", staff).json
    assert (gone["status"], gone["merged_into"]) == ("merged", str(stays))
    told = {fact["member_id"]: fact for fact in town.events("MemberChanged")}
    assert (told[str(goes)]["status"], told[str(goes)]["merged_into"]) == ("merged", str(stays))
    assert told[str(goes)]["household_id"] == told[str(stays)]["household_id"] is not None
    (entry,) = town.audited("member.merge")
    assert (entry.subject_id, entry.detail) == (goes, {"into_member_id": str(stays), "reason": "同一人登记两次"})
    (listed,) = town.get(f"/members/{stays}/merges", staff).json
    assert (listed["member_id"], listed["reason"]) == (str(goes), "同一人登记两次")


def test_everything_is_as_it_was_after_the_undo(town: Town, staff: Any) -> None:
    stays = town.add()
    owner = town.register("陈小芳", "13812345678", compound_id=str(town.nodes["和谐小区"]))
    goes = owner.own_member_id
    assert goes is not None
    child = town.add("陈小妹", guardian_id=goes)
    town.sql("UPDATE login_member SET since = '2026-01-02' WHERE member_id = :id", id=goes)
    before = [state(town, member_id) for member_id in (stays, goes, child)]
    merge(town, staff, stays, goes)
    assert state(town, child)[0]["guardian_id"] == stays
    ((_login_id, relation, since),) = state(town, stays)[2]
    assert (relation, since > clock.now() - timedelta(minutes=5)) == ("self", True), "it is not said to have been there"
    assert undo(town, staff, goes).status_code == 200
    assert [state(town, member_id) for member_id in (stays, goes, child)] == before
    assert undo(town, staff, goes).status_code == 200
    assert len(town.audited("member.unmerge")) == 1
    told = [fact for fact in town.events("MemberChanged") if fact["member_id"] == str(goes)]
    assert [fact["status"] for fact in told][-2:] == ["merged", "active"]
    assert told[-1]["version"] > told[-2]["version"]
    assert town.get(f"/members/{stays}/merges", staff).json == []


def test_what_the_other_entry_reported_and_handles_is_who_stays_own(town: Town, staff: Any) -> None:
    chen, twin = town.register("陈芳"), town.register("陈芳")
    stays, goes = chen.own_member_id, twin.own_member_id
    assert stays is not None
    assert goes is not None
    made, own = report(town, twin), report(town, chen)
    town.sql("UPDATE concern SET handler_member_id = :id WHERE id = :concern", id=goes, concern=own["id"])
    assert merge(town, staff, stays, goes).status_code == 200
    listed = town.get(f"/concerns?member_id={stays}", chen).json
    assert {one["id"] for one in listed} == {made["id"], own["id"]}
    assert seen(town, official(town), made)["member_id"] == str(stays)
    assert town.sql("SELECT handler_member_id FROM concern WHERE id = :id", id=own["id"])[0][0] == stays
    later = report(town, chen)
    assert undo(town, staff, goes).status_code == 200
    assert [one["id"] for one in town.get(f"/concerns?member_id={goes}", twin).json] == [made["id"]]
    assert {one["id"] for one in town.get(f"/concerns?member_id={stays}", chen).json} == {own["id"], later["id"]}
    assert town.sql("SELECT handler_member_id FROM concern WHERE id = :id", id=own["id"])[0][0] == goes
    assert town.sql("SELECT kept FROM merge")[0][0] == {}, "what was needed for it is not needed any more"


def test_an_entry_that_was_merged_complains_no_more(town: Town, staff: Any) -> None:
    chen, twin = town.register("陈芳"), town.register("陈芳")
    assert merge(town, staff, UUID(str(chen.own_member_id)), UUID(str(twin.own_member_id))).status_code == 200
    answer = town.post("/complaints", twin, complaint(town, member_id=str(twin.own_member_id)))
    assert answer.status_code == 404


def test_the_number_of_a_merged_entry_finds_who_stays(town: Town, staff: Any) -> None:
    first, second, third = town.add("陈芳"), town.add("陈芳"), town.add("陈小芳")
    number = town.get(f"/members/{first}", staff).json["volunteer_number"]
    merge(town, staff, second, first)
    merge(town, staff, third, second)
    assert [one["id"] for one in town.get(f"/members?number={number}", staff).json] == [str(third)]
    undo(town, staff, second)
    assert [one["id"] for one in town.get(f"/members?number={number}", staff).json] == [str(second)]


def test_a_second_login_goes_on_acting_for_who_stays_without_the_roles(town: Town) -> None:
    above = town.official(Role.ADMINISTRATOR, "咸安区中心")
    chen, twin = town.register("陈芳"), town.register("陈芳")
    stays, goes = chen.own_member_id, twin.own_member_id
    assert stays is not None
    assert goes is not None
    town.post(f"/members/{stays}/confirm", above)
    grant = {"id": str(new_id()), "member_id": str(stays), "role": "organizer", "node_id": str(town.nodes["南昌路站"])}
    assert town.post("/grants", above, grant).status_code == 201
    assert merge(town, town.official(Role.STAFF), stays, goes).status_code == 403
    assert merge(town, above, goes, stays).json["code"] == "roles_stay"
    assert merge(town, above, stays, goes).status_code == 200
    assert [row[:2] for row in state(town, stays)[2]] == sorted([(chen.login_id, "self"), (twin.login_id, "other")])
    assert undo(town, above, goes).status_code == 200
    assert state(town, stays)[2] == [(chen.login_id, "self", None)]
    assert state(town, goes)[2] == [(twin.login_id, "self", None)]


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_login_that_has_become_somebody_elses_own_meanwhile_acts_for_the_entry_as_for_others(
    town: Town, staff: Any, forgotten: bool
) -> None:
    """With who stays it is nobody's own: so it may claim somebody, and the undo finds it taken, or not at all."""
    stays, owner, other = town.register("陈芳").own_member_id, town.register("陈芳"), town.add("赵大爷")
    goes = owner.own_member_id
    assert stays is not None
    assert goes is not None
    assert merge(town, staff, stays, goes).status_code == 200
    assert claim(town, owner, token_for(town, other), "self").status_code == 201
    if forgotten:
        town.sql("DELETE FROM login_member WHERE login_id = :id", id=owner.login_id)
        town.sql("DELETE FROM login WHERE id = :id", id=owner.login_id)
    assert undo(town, staff, goes).json["status"] == "active"
    assert links(town, goes) == ([] if forgotten else [(owner.login_id, "other")])
    assert links(town, other) == ([] if forgotten else [(owner.login_id, "self")])


@pytest.mark.parametrize("became", ["left", "erased", "merged"])
def test_what_became_of_who_stays_says_why_there_is_no_way_back(town: Town, staff: Any, became: str) -> None:
    stays, goes, third = town.add(), town.add(), town.add()
    merge(town, staff, stays, goes)
    if became == "merged":
        merge(town, staff, third, stays)
    else:
        town.sql("UPDATE member SET status = :status WHERE id = :id", status=became, id=stays)
    codes = {"left": "stays_is_gone", "erased": "stays_is_erased", "merged": "merged_further"}
    assert refusal(undo(town, staff, goes)) == (422, codes[became])


def test_a_daughters_login_that_acts_for_both_acts_for_the_one(town: Town, staff: Any) -> None:
    daughter = town.register("王大明")
    content = {"id": str(new_id()), "name": "王秀英", "relation": "parent", "consents": []}
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    first, second = (
        UUID(town.post("/me/members", daughter, content | {"id": str(new_id()), "consents": consents}).json["id"])
        for _ in range(2)
    )
    assert merge(town, staff, first, second).status_code == 200
    assert [str(one["id"]) for one in town.get("/me", daughter).json["members"]] == [
        str(daughter.own_member_id),
        str(first),
    ]
    assert undo(town, staff, second).status_code == 200
    assert len(town.get("/me", daughter).json["members"]) == 3


def test_consents_are_never_widened(town: Town, staff: Any) -> None:
    stays, twin = town.add(), town.register("陈小芳")
    assert twin.own_member_id is not None
    town.ask(
        "PUT",
        f"/me/members/{twin.own_member_id}/consents",
        twin,
        {"consents": [{"kind": "ranked", "version": "1"}, {"kind": "named", "version": "1"}]},
    )
    merge(town, staff, stays, twin.own_member_id)
    told = {fact["member_id"]: fact for fact in town.events("MemberChanged")}
    for fact in (told[str(stays)], told[str(twin.own_member_id)]):
        assert not fact.get("ranked")
        assert fact.get("name_public") is None


def test_who_may_not(town: Town, staff: Any) -> None:
    stays, goes, elsewhere = town.add(), town.add(), town.add(station="岔路口站")
    assert merge(town, town.official(Role.ORGANIZER), stays, goes).status_code == 403
    assert merge(town, staff, stays, elsewhere).status_code == 404
    assert merge(town, town.official(Role.STAFF, "咸安区中心"), stays, elsewhere).status_code == 200
    own = town.official(Role.STAFF, member_id=stays)
    assert merge(town, own, stays, goes).json["code"] == "own_case"
    assert merge(town, own, goes, stays).json["code"] == "own_case"
    assert merge(town, staff, stays, stays).json["code"] == "same_entry"


def test_the_same_again_and_both_ways_at_once(town: Town, staff: Any) -> None:
    stays, goes = town.add(), town.add()
    content = {"id": str(new_id())}
    first = merge(town, staff, stays, goes, **content)
    assert merge(town, staff, stays, goes, **content).json == first.json
    assert len(town.audited("member.merge")) == 1
    assert merge(town, staff, stays, goes, reason="另一个原因", **content).status_code == 409
    assert merge(town, staff, stays, goes).json["code"] == "already_merged"
    assert merge(town, staff, goes, stays).json["code"] == "already_merged"


def test_who_was_never_merged_into_another_is_not_taken_back(town: Town, staff: Any) -> None:
    stays, goes = town.add(), town.add()
    merge(town, staff, stays, goes)
    assert undo(town, staff, stays).json["code"] == "not_merged"
    assert [undo(town, staff, goes).status_code for _ in range(2)] == [200, 200]


def test_a_line_of_merges_is_taken_back_from_its_end(town: Town, staff: Any) -> None:
    first, second, third = town.add(), town.add(), town.add()
    merge(town, staff, second, first)
    merge(town, staff, third, second)
    assert undo(town, staff, first).json["code"] == "merged_further"
    assert undo(town, staff, second).status_code == 200
    assert undo(town, staff, first).status_code == 200


def test_after_a_day_it_stays(town: Town, staff: Any) -> None:
    stays, goes = town.add(), town.add()
    merge(town, staff, stays, goes)
    with clock.travel(clock.now() + timedelta(days=1)):
        answer = undo(town, staff, goes)
    assert (answer.status_code, answer.json["code"]) == (422, "undo_too_late")


def test_what_was_changed_since_it_was_seen_is_looked_at_again(town: Town, staff: Any) -> None:
    stays, goes = town.add(), town.add()
    assert merge(town, staff, stays, goes, version=1, merged_version=7).json["code"] == "changed_meanwhile"
    assert merge(town, staff, stays, goes, version=1, merged_version=1).status_code == 200


def test_who_stays_is_the_own_case_of_who_went(town: Town, staff: Any) -> None:
    """Else an organizer could confirm what the own second entry served."""
    chen, goes = town.register("陈芳"), town.add("陈芳")
    assert chen.own_member_id is not None
    assert chen.login_id is not None
    merge(town, staff, chen.own_member_id, goes)
    now = town.caller(chen.login_id, chen.own_member_id)
    (household_id,) = town.sql("SELECT household_id FROM member WHERE id = :id", id=goes)[0]
    assert now.is_own_case(goes, household_id)


def home(town: Town, member_id: UUID) -> Any:
    return state(town, member_id)[0]["household_id"]


def test_entries_of_one_person_share_a_household_whoever_moves_in_and_out(town: Town, staff: Any) -> None:
    stays, goes, wife = town.add("陈芳"), town.add("陈芳"), town.add("王秀英")
    assert merge(town, staff, stays, goes).status_code == 200

    for with_whom in (None, str(wife), None, None):
        versions = [town.sql("SELECT version FROM member WHERE id = :id", id=stays)]
        answer = town.ask("PUT", f"/members/{stays}/household", staff, {"with_member_id": with_whom})
        assert answer.status_code == 200
        assert home(town, stays) == home(town, goes) is not None, "or nobody would see that they decide for themselves"
        assert (home(town, wife) == home(town, stays)) == (with_whom is not None)
        told = {fact["member_id"]: fact["household_id"] for fact in town.events("MemberChanged")}
        assert told[str(goes)] == told[str(stays)] == str(home(town, stays))
        versions.append(town.sql("SELECT version FROM member WHERE id = :id", id=stays))
    assert versions[0] == versions[1], "who lives alone already is not told of again"
    assert undo(town, staff, goes).status_code == 200
    assert home(town, goes) is None, "as before the merge"


def test_whoever_was_merged_before_moves_along_and_back(town: Town, staff: Any) -> None:
    first, second, stays, wife, husband = (town.add(name) for name in ("陈芳", "陈芳", "陈芳", "李明", "王伟"))
    for one, other in ((second, husband), (stays, wife)):
        content = {"with_member_id": str(other)}
        assert town.ask("PUT", f"/members/{one}/household", staff, content).status_code == 200
    assert merge(town, staff, second, first).status_code == 200
    assert home(town, first) == home(town, second) == home(town, husband) != home(town, wife)
    assert merge(town, staff, stays, second).status_code == 200
    assert home(town, first) == home(town, second) == home(town, stays) == home(town, wife) != home(town, husband)

    def told() -> dict[str, Any]:
        return {fact["member_id"]: fact["household_id"] for fact in town.events("MemberChanged")}

    assert {told()[str(one)] for one in (first, second, stays)} == {str(home(town, wife))}
    assert undo(town, staff, second).status_code == 200
    assert home(town, first) == home(town, second) == home(town, husband) != home(town, wife) == home(town, stays)
    assert {told()[str(one)] for one in (first, second)} == {str(home(town, husband))}


def test_who_is_still_merged_lives_with_who_stays_when_another_merge_is_taken_back(town: Town, staff: Any) -> None:
    goes, stays, other, wife = (town.add(name) for name in ("陈芳", "陈芳", "陈芳", "李明"))
    town.ask("PUT", f"/members/{goes}/household", staff, {"with_member_id": str(wife)})
    assert [merge(town, staff, stays, one).status_code for one in (goes, other)] == [200, 200]
    assert undo(town, staff, goes).status_code == 200
    assert home(town, stays) == home(town, other) is not None
    assert home(town, goes) == home(town, wife) != home(town, stays)
    told = {fact["member_id"]: fact["household_id"] for fact in town.events("MemberChanged")}
    assert told[str(stays)] == told[str(other)] == str(home(town, stays))
    assert undo(town, staff, other).status_code == 200
    assert home(town, other) is None


def test_a_child_gets_no_login_by_a_merge(town: Town, staff: Any) -> None:
    child, other = town.add("陈小妹", birth_date=clock.today() - timedelta(days=10 * 365)), town.register("陈小妹")
    assert other.own_member_id is not None
    assert merge(town, staff, child, other.own_member_id).json["code"] == "childs_login"
    assert state(town, child)[2] == []
