"""Claiming a member who is there already by a one-time code, and letting go of one."""

from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from shared import clock
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import ANYBODY, PASSWORD, Town, consents, new_phone


def token_for(town: Town, member_id: UUID, by: Principal | None = None) -> str:
    made = town.post(f"/members/{member_id}/claim-codes", by or town.official(Role.ORGANIZER))
    assert made.status_code == 201, made.text
    return str(made.json["url"]).rpartition("/c/")[2]


def claim(town: Town, who: Principal, token: str, relation: str = "parent", **more: Any) -> Any:
    return town.post("/claims", who, {"code": token, "relation": relation, **more})


def join(town: Town, token: str, *, login_id: UUID | None = None, phone: str | None = None, **more: Any) -> Any:
    content = {
        "id": str(login_id or new_id()),
        "code": token,
        "phone": phone or new_phone(),
        "password": PASSWORD,
        "consents": consents(),
        **more,
    }
    return town.post("/claims/logins", ANYBODY, content)


def again(town: Town, who: Principal) -> Principal:
    """The same login as the gateway would sign it now."""
    assert who.login_id is not None
    assert who.own_member_id is not None
    return town.caller(who.login_id, who.own_member_id)


def links(town: Town, member_id: UUID) -> list[tuple[UUID, str]]:
    rows = town.sql("SELECT login_id, relation FROM login_member WHERE member_id = :id ORDER BY relation", id=member_id)
    return [(row[0], row[1]) for row in rows]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_who_registers_with_a_code_becomes_the_member_who_is_there(town: Town) -> None:
    member_id, phone = town.add("王秀英"), new_phone()
    members = town.sql("SELECT count(*) FROM member")[0][0]
    token = token_for(town, member_id)
    joined = join(town, token, phone=phone)
    assert joined.status_code == 201, joined.text
    assert joined.json["member_id"] == str(member_id)
    assert town.sql("SELECT count(*) FROM member")[0][0] == members, "nobody new"
    opened = town.post("/sessions", ANYBODY, {"phone": phone, "password": PASSWORD})
    assert opened.status_code == 200
    me = town.get("/me", town.caller(UUID(joined.json["login_id"]), member_id)).json
    assert (me["own_member_id"], me["members"][0]["name"]) == (str(member_id), "王秀英")
    assert {one["kind"] for one in me["members"][0]["consents"] if one["given"]} == {"terms", "privacy"}
    assert me["members"][0]["has_phone"], "the station can call them"
    (entry,) = town.audited("login.claim")
    assert (entry.subject_id, entry.detail) == (member_id, {"relation": "self"})


def test_a_login_takes_in_family_and_shares_a_household_with_them(town: Town) -> None:
    daughter, mother = town.register("李芳"), town.add("王秀英")
    answer = claim(town, daughter, token_for(town, mother))
    assert (answer.status_code, answer.json) == (201, {"member_id": str(mother), "relation": "parent"})
    me = town.get("/me", again(town, daughter)).json
    assert [(one["name"], one["relation"]) for one in me["members"]] == [("李芳", "self"), ("王秀英", "parent")]
    assert me["members"][1]["acting"] == [{"login_id": str(daughter.login_id), "name": "李芳", "relation": "parent"}]
    assert len({one["household_id"] for one in me["members"]} - {None}) == 1
    told = {event["member_id"]: event["household_id"] for event in town.events("MemberChanged")}
    assert told[str(mother)] == told[str(daughter.own_member_id)] is not None


def test_nobody_is_moved_out_of_a_household_by_a_claim(town: Town) -> None:
    home, other = new_id(), new_id()
    mother = town.add("王秀英", household_id=home)
    daughter = town.register("李芳")
    town.sql("UPDATE member SET household_id = :home WHERE id = :id", home=other, id=daughter.own_member_id)
    assert claim(town, daughter, token_for(town, mother)).status_code == 201
    assert town.sql("SELECT household_id FROM member WHERE id = :id", id=mother)[0][0] == home


@pytest.mark.parametrize("alone", [True, False])
def test_a_login_whose_person_was_erased_may_claim_one(town: Town, alone: bool) -> None:
    who, other, member_id = town.register("李芳"), town.register("李强"), town.add("王秀英")
    claim(town, other, token_for(town, member_id))
    town.sql("DELETE FROM login_member WHERE login_id = :id", id=who.login_id)
    assert claim(town, who, token_for(town, member_id), "self", alone=alone).status_code == 201
    kept = [] if alone else [(other.login_id, "parent")]
    assert links(town, member_id) == [*kept, (who.login_id, "self")]


def test_who_takes_in_a_relative_ends_nobody_elses_acting(town: Town) -> None:
    daughter, son, mother = town.register("李芳"), town.register("李强"), town.add("王秀英")
    claim(town, son, token_for(town, mother))
    assert claim(town, daughter, token_for(town, mother), alone=True).status_code == 201
    assert len(links(town, mother)) == 2


def test_staff_sees_who_acts_for_whom(town: Town) -> None:
    daughter, mother = town.register("李小芳"), town.add("王秀英")
    claim(town, daughter, token_for(town, mother))
    shown = town.get(f"/members/{mother}", town.official(Role.STAFF)).json
    assert [(one["name"], one["relation"]) for one in shown["acting"]] == [("李*芳", "parent")]
    assert town.get(f"/members/{mother}", again(town, daughter)).json["acting"][0]["name"] == "李小芳"


def test_a_login_has_one_person_alone(town: Town) -> None:
    who, member_id = town.register("李芳"), town.add("李芳")
    assert refusal(claim(town, who, token_for(town, member_id), "self")) == (422, "somebody_already")
    assert links(town, member_id) == []


def test_the_same_claim_twice_is_one(town: Town) -> None:
    daughter, mother = town.register(), town.add("王秀英")
    token, login_id, phone = token_for(town, mother), new_id(), new_phone()
    first, second = claim(town, daughter, token), claim(town, daughter, token)
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert len(town.audited("login.claim")) == 1
    other = token_for(town, town.add("赵大爷"))
    joined = [join(town, other, login_id=login_id, phone=phone) for _ in range(2)]
    assert joined[0].json == joined[1].json
    assert joined[1].status_code == 201
    assert len(town.audited("login.claim")) == 2


def test_a_code_is_good_once_for_a_day_and_until_the_next_one(town: Town) -> None:
    organizer = town.official(Role.ORGANIZER)
    used = token_for(town, town.add("王秀英"))
    assert claim(town, town.register(), used).status_code == 201
    replaced = token_for(town, father := town.add("王建国"), organizer)
    token_for(town, father, organizer)
    expired = token_for(town, elder := town.add("赵大爷"))
    town.sql("UPDATE one_time_code SET expires_at = :then WHERE member_id = :id", then=clock.now(), id=elder)
    answers = [claim(town, town.register(), token) for token in (used, replaced, expired, "x" * 32)]
    assert {refusal(answer) for answer in answers} == {(422, "wrong_claim_code")}
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert {refusal(join(town, token)) for token in (used, replaced, expired)} == {(422, "wrong_claim_code")}
    assert refusal(town.post("/claims/read", ANYBODY, {"code": expired})) == (422, "wrong_claim_code")


def test_a_code_lasts_no_longer_than_a_day(town: Town) -> None:
    made = town.post(f"/members/{town.add()}/claim-codes", town.official(Role.STAFF)).json
    lasts = town.sql("SELECT expires_at - created_at FROM one_time_code")[0][0]
    assert lasts <= timedelta(hours=24)
    assert made["url"].startswith("http://huzhu.test/c/")


def test_only_a_hash_of_a_code_is_kept(town: Town) -> None:
    token = token_for(town, town.add())
    for table in ("one_time_code", "audit_log", "outbox", "creation"):
        assert not any(token in str(row) for row in town.sql(f"SELECT * FROM {table}"))


def test_wrong_codes_slow_down_who_sends_them_and_a_right_one_does_not_wait(town: Town) -> None:
    who, mother = town.register(), town.add("王秀英")
    statuses = [claim(town, who, f"wrong-{number}").status_code for number in range(8)]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert claim(town, town.register(), "wrong").status_code == 422, "others do not wait"
    assert claim(town, who, token_for(town, mother)).status_code == 201


def test_two_phones_at_once_are_one_claim(town: Town) -> None:
    token, answers = token_for(town, mother := town.add("王秀英")), list[Any]()
    people = [town.register("李芳"), town.register("李强")]
    threads = [Thread(target=lambda who=who: answers.append(claim(town, who, token))) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert len(links(town, mother)) == 1


def test_a_code_is_made_at_the_members_station_and_never_in_the_own_case(town: Town) -> None:
    home = new_id()
    mother = town.add("王秀英", household_id=home)
    path = f"/members/{mother}/claim-codes"
    assert town.post(path, town.official(Role.ORGANIZER, "岔路口站")).status_code == 404
    assert town.post(path, town.official(Role.AUDITOR)).status_code == 403
    family = town.official(Role.ORGANIZER, household_ids=(home,))
    assert refusal(town.post(path, family)) == (403, "own_case")
    assert refusal(town.post(path, town.official(Role.ORGANIZER, member_id=mother))) == (403, "own_case")
    assert town.post(path, town.official(Role.ORGANIZER, "咸宁市")).status_code == 201
    assert len(town.audited("login.make_claim")) == 1


def test_who_made_a_code_does_not_use_it(town: Town) -> None:
    who, mother = town.register("李芳"), town.add("王秀英")
    organizer = town.official(Role.ORGANIZER)
    maker = Principal(
        kind=who.kind,
        audience=who.audience,
        login_id=who.login_id,
        own_member_id=who.own_member_id,
        member_ids=who.member_ids,
        grants=organizer.grants,
    )
    assert refusal(claim(town, who, token_for(town, mother, maker))) == (403, "own_claim_code")


def grant(town: Town, member_id: UUID, role: Role, at: str) -> None:
    town.sql("UPDATE member SET confirmed_at = created_at WHERE id = :id", id=member_id)
    content = {"id": str(new_id()), "member_id": str(member_id), "role": role, "node_id": str(town.nodes[at])}
    answer = town.post("/grants", town.official(Role.ADMINISTRATOR, None), content)
    assert answer.status_code == 201, answer.text


def test_an_administrator_is_not_claimed_by_a_code_of_somebody_below(town: Town) -> None:
    member_id = town.add("罗管理")
    before = token_for(town, member_id)
    grant(town, member_id, Role.ADMINISTRATOR, "咸安区中心")
    assert refusal(join(town, before)) == (422, "wrong_claim_code"), "a code from before the role came"
    path = f"/members/{member_id}/claim-codes"
    for role in (Role.ORGANIZER, Role.STAFF, Role.ADMINISTRATOR):
        assert town.post(path, town.official(role)).status_code == 403, role
    above = token_for(town, member_id, town.official(Role.ADMINISTRATOR, "咸安区中心"))
    assert join(town, above).status_code == 201


def test_who_has_a_login_is_not_claimed(town: Town) -> None:
    who = town.register()
    answer = town.post(f"/members/{who.own_member_id}/claim-codes", town.official(Role.ORGANIZER))
    assert refusal(answer) == (422, "has_login")


def test_a_child_is_taken_in_and_is_nobodys_login(town: Town) -> None:
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    parent = town.register("李芳")
    token = token_for(town, child)
    assert town.post("/claims/read", ANYBODY, {"code": token}).json["child"] is True
    assert refusal(join(town, token)) == (422, "guardian_needed")
    assert claim(town, parent, token, "child").status_code == 201
    assert town.sql("SELECT guardian_id FROM member WHERE id = :id", id=child)[0][0] == parent.own_member_id


def test_a_login_claims_no_more_than_ten(town: Town) -> None:
    who = town.register()
    for _ in range(9):
        assert claim(town, who, token_for(town, town.add()), "other").status_code == 201
    assert refusal(claim(town, who, token_for(town, last := town.add()), "other")) == (422, "family_full")
    assert links(town, last) == []


def test_a_phone_that_has_a_login_is_answered_alike_and_makes_nothing(town: Town) -> None:
    town.register(phone=(known := new_phone()))
    token = token_for(town, mother := town.add("王秀英"))
    answer = join(town, token, phone=known)
    assert (answer.status_code, answer.json["member_id"]) == (201, str(mother))
    assert links(town, mother) == []
    assert join(town, token).status_code == 201, "the code is still good"


def test_who_registers_agrees_first(town: Town) -> None:
    token = token_for(town, town.add())
    assert refusal(join(town, token, consents=consents("terms"))) == (422, "consent_missing")


def test_reading_a_code_tells_little_and_uses_nothing_up(town: Town) -> None:
    token = token_for(town, town.add("王秀英"))
    shown = town.post("/claims/read", ANYBODY, {"code": token})
    assert shown.status_code == 200
    assert (shown.json["name_masked"], shown.json["station_name"]) == ("王*英", "南昌路站")
    assert "王秀英" not in shown.text
    assert join(town, token).status_code == 201


# --- Handing over, and letting go -------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [True, False])
def test_a_mother_who_gets_a_phone_says_whether_her_daughter_still_acts_for_her(town: Town, alone: bool) -> None:
    daughter, mother = town.register("李芳"), town.add("王秀英")
    assert claim(town, daughter, token_for(town, mother)).status_code == 201
    token = token_for(town, mother)
    assert town.post("/claims/read", ANYBODY, {"code": token}).json["others_acting"] is True
    assert join(town, token, alone=alone).status_code == 201
    assert [relation for _, relation in links(town, mother)] == (["self"] if alone else ["parent", "self"])


def test_a_login_lets_go_of_somebody_who_stays(town: Town) -> None:
    daughter, mother = town.register("李芳"), town.add("王秀英")
    claim(town, daughter, token_for(town, mother))
    daughter = again(town, daughter)
    answers = [town.ask("DELETE", f"/me/members/{mother}", daughter).status_code for _ in range(2)]
    assert answers == [204, 204]
    assert links(town, mother) == []
    assert town.sql("SELECT status FROM member WHERE id = :id", id=mother)[0][0] == "active"
    assert len(town.audited("login.release")) == 1


def test_nobody_lets_go_of_themselves(town: Town) -> None:
    who = town.register()
    assert refusal(town.ask("DELETE", f"/me/members/{who.own_member_id}", who)) == (422, "not_yourself")


def test_a_child_is_not_left_without_a_guardian(town: Town) -> None:
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    mother, father = town.register("李芳"), town.register("李强")
    claim(town, mother, token_for(town, child), "child")
    path = f"/me/members/{child}"
    assert refusal(town.ask("DELETE", path, again(town, mother))) == (422, "child_needs_somebody")
    claim(town, father, token_for(town, child), "child")
    assert town.ask("DELETE", path, again(town, mother)).status_code == 204
    assert town.sql("SELECT guardian_id FROM member WHERE id = :id", id=child)[0][0] == father.own_member_id


def test_only_the_person_ends_that_others_act_for_them(town: Town) -> None:
    daughter, son, mother_id = town.register("李芳"), town.register("李强"), town.add("王秀英")
    for who in (daughter, son):
        claim(town, who, token_for(town, mother_id))
    path = f"/me/members/{mother_id}/logins/{daughter.login_id}"
    assert town.ask("DELETE", path, again(town, son)).status_code == 403
    assert town.ask("DELETE", path, town.register()).status_code == 403
    joined = join(town, token_for(town, mother_id)).json
    mother = town.caller(UUID(joined["login_id"]), mother_id)
    assert town.ask("DELETE", path, mother).status_code == 204
    assert daughter.login_id not in dict(links(town, mother_id))
