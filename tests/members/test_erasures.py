"""Being forgotten: who asks, who decides, what stands in the way, and what is left."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.members import jobs
from services.members.commands import erasures as commands
from services.members.domain.names import ERASED_NAME
from shared import clock, delivery
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.test_claims import again, claim, grant, join, refusal, token_for
from tests.members.test_imports import bring, look, people_file, staff, step, work
from tests.members.town import PASSWORD, Town, consents, new_phone

WEEK = timedelta(days=7, minutes=1)


def ask(town: Town, who: Principal, member_id: UUID | None = None, **more: Any) -> Any:
    content = {"id": str(new_id()), "password": PASSWORD, **more}
    return town.post(f"/members/{member_id or who.own_member_id}/erasures", who, content)


def asked(town: Town, who: Principal, member_id: UUID | None = None) -> str:
    answer = ask(town, who, member_id)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def confirm(town: Town, erasure_id: str, by: Principal | None = None) -> Any:
    return town.post(f"/erasures/{erasure_id}/confirm", by or town.official(Role.STAFF))


def status_of(town: Town, member_id: Any) -> str:
    return str(town.sql("SELECT status FROM member WHERE id = :id", id=member_id)[0][0])


def everything(town: Town) -> str:
    """Every row of every table, as text."""
    tables = town.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return "\n".join(str(row[0]) for (table,) in tables for row in town.sql(f"SELECT CAST(t AS text) FROM {table} t"))


def test_nothing_that_leads_to_a_person_is_left(town: Town) -> None:
    phone, guardian = new_phone(), town.register("李芳")
    who = town.register("欧阳绝尘", phone=phone, birth_date="1960-03-08", compound_id=str(town.nodes["和谐小区"]))
    staff = town.official(Role.STAFF)
    town.ask("PATCH", f"/members/{who.own_member_id}", staff, {"skills": ["修理钟表"]})
    number = town.sql("SELECT volunteer_number FROM member WHERE id = :id", id=who.own_member_id)[0][0]
    town.post("/sessions", Principal(kind=who.kind, audience="members"), {"phone": phone, "password": PASSWORD})
    assert town.post(f"/members/{who.own_member_id}/badge/replace", staff, {"serial": 1}).status_code == 200
    query = f"node_id={town.nodes['和谐小区']}&member_id={who.own_member_id}"
    (badge,) = town.get(f"/badges?{query}", staff).json
    assert confirm(town, asked(town, who)).status_code == 204
    codes = [badge["badge"], badge["short_code"], number]
    read = town.post("/badges/read", staff, {"codes": codes}).json
    assert {one["outcome"] for one in read} == {"unknown"}
    assert town.get(f"/badges?{query}", staff).json == []
    assert town.sql("SELECT count(*) FROM badge_serial WHERE member_id = :id", id=who.own_member_id)[0][0] == 0
    left = everything(town)
    for personal in ("欧阳绝尘", "欧阳*尘", "ouyang", "1960-03-08", "修理钟表", number):
        assert personal not in left, personal
    row = town.sql("SELECT * FROM member WHERE id = :id", id=who.own_member_id)[0]
    assert (row.status, row.name, row.phone_hash, row.station_id, row.household_id) == (
        "erased",
        ERASED_NAME,
        None,
        None,
        None,
    )
    assert row.volunteer_number != number
    assert town.sql("SELECT count(*) FROM login WHERE id = :id", id=who.login_id)[0][0] == 0
    assert town.sql("SELECT count(*) FROM access WHERE login_id = :id", id=who.login_id)[0][0] == 0
    told = [event for event in town.events("MemberChanged") if event["member_id"] == str(who.own_member_id)]
    assert len(told) == 1, "what was told before is told no more"
    assert (told[0]["status"], told[0]["name_masked"], told[0]["name_public"]) == ("erased", ERASED_NAME, None)
    assert {told[0][name] for name in ("birth_date", "station_id", "compound_id", "household_id")} == {None}
    assert town.get(f"/members/{guardian.own_member_id}", guardian).status_code == 200
    assert again(town, guardian).member_ids == (guardian.own_member_id,)


def test_the_phone_may_be_registered_again_and_is_somebody_else(town: Town) -> None:
    first = town.register("王大明", phone=(phone := new_phone()))
    assert confirm(town, asked(town, first)).status_code == 204
    second = town.register("王大明", phone=phone)
    assert second.own_member_id != first.own_member_id
    assert status_of(town, second.own_member_id) == "active"


def test_a_week_passes_in_which_one_may_think_again(town: Town) -> None:
    who, other = town.register("王大明"), town.register("李芳")
    erasure_id = asked(town, who)
    asked(town, other)
    assert town.get(f"/members/{who.own_member_id}/erasure", who).json["id"] == erasure_id
    town.do(commands.erase_due)
    assert status_of(town, who.own_member_id) == "active", "not before its time"
    assert [town.post(f"/erasures/{erasure_id}/withdraw", who).status_code for _ in range(2)] == [204, 204]
    assert town.get(f"/members/{who.own_member_id}/erasure", who).status_code == 404
    with clock.travel(clock.now() + WEEK):
        assert town.do(commands.erase_due) == 1
        assert town.do(commands.erase_due) == 0
    assert (status_of(town, who.own_member_id), status_of(town, other.own_member_id)) == ("active", "erased")
    assert [len(town.audited(f"login.{act}_erasure")) for act in ("ask", "withdraw")] == [2, 1]
    assert len(town.audited("member.erase")) == 1


def test_the_sweep_does_what_is_due(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    who = town.register()
    asked(town, who)
    monkeypatch.setattr(delivery, "drain", lambda _on_outcome: 0)
    with clock.travel(clock.now() + WEEK), town.app.app_context():
        jobs.sweep.__wrapped__()  # type: ignore[attr-defined]
    assert status_of(town, who.own_member_id) == "erased"


def test_asking_again_is_asking_once(town: Town) -> None:
    who = town.register()
    assert asked(town, who) == asked(town, who)
    assert len(town.audited("login.ask_erasure")) == 1
    erasure_id = asked(town, who)
    assert [confirm(town, erasure_id).status_code for _ in range(2)] == [204, 204]
    assert len(town.audited("member.erase")) == 1
    assert refusal(town.post(f"/erasures/{erasure_id}/withdraw", who)) == (409, "erasure_over")


def test_the_person_asks_with_the_password_and_staff_for_who_asks_in_person(town: Town) -> None:
    who, elder = town.register(), town.add("赵大爷")
    assert refusal(ask(town, who, password="falsch 1949")) == (422, "wrong_password")
    assert ask(town, who, elder).status_code == 404
    staff = town.official(Role.STAFF)
    assert ask(town, town.official(Role.STAFF, "岔路口站"), elder).status_code == 404
    assert ask(town, town.official(Role.ORGANIZER), elder).status_code == 403
    assert ask(town, staff, elder, password=None).status_code == 201
    assert [entry.who for entry in town.audited("member.ask_erasure")] == [staff.who]


def test_staff_sees_the_requests_of_the_own_stations(town: Town) -> None:
    who, elsewhere = town.register("王大明"), town.register("李芳", station_id=str(town.nodes["岔路口站"]))
    for one in (who, elsewhere):
        asked(town, one)
    (shown,) = town.get("/erasures", town.official(Role.STAFF)).json
    assert (shown["member_id"], shown["member_name"], shown["station_name"]) == (
        str(who.own_member_id),
        "王大明",
        "南昌路站",
    )
    assert len(town.get("/erasures", town.official(Role.STAFF, "咸宁市")).json) == 2
    assert town.get("/erasures", town.official(Role.ORGANIZER)).status_code == 403


def test_nobody_confirms_for_themselves_or_the_own_household(town: Town) -> None:
    home = new_id()
    who = town.register()
    town.sql("UPDATE member SET household_id = :home WHERE id = :id", home=home, id=who.own_member_id)
    erasure_id = asked(town, again(town, who))
    family = town.official(Role.STAFF, household_ids=(home,))
    assert refusal(confirm(town, erasure_id, family)) == (403, "own_case")
    own = town.official(Role.STAFF, member_id=who.own_member_id)
    assert confirm(town, erasure_id, own).status_code == 403
    assert confirm(town, erasure_id, town.official(Role.STAFF, "岔路口站")).status_code == 404
    assert status_of(town, who.own_member_id) == "active"


def test_who_has_roles_loses_them_first(town: Town) -> None:
    who = town.register()
    assert who.own_member_id is not None
    erasure_id = asked(town, who)
    grant(town, who.own_member_id, Role.ORGANIZER, "南昌路站")
    assert refusal(confirm(town, erasure_id)) == (422, "has_roles")
    with clock.travel(clock.now() + WEEK):
        assert town.do(commands.erase_due) == 0
    assert status_of(town, who.own_member_id) == "active"
    town.sql("UPDATE role_grant SET revoked_at = granted_at, revoked_by = 'x'")
    assert confirm(town, erasure_id).status_code == 204


def test_a_child_is_not_left_without_anybody(town: Town) -> None:
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    mother, father = town.register("李芳"), town.register("李强")
    claim(town, mother, token_for(town, child), "child")
    assert refusal(ask(town, again(town, mother))) == (422, "child_left_alone")
    claim(town, father, token_for(town, child), "child")
    assert confirm(town, asked(town, again(town, mother))).status_code == 204
    assert town.sql("SELECT guardian_id, status FROM member WHERE id = :id", id=child)[0] == (
        father.own_member_id,
        "active",
    )


def test_a_login_stays_with_who_is_left_in_it_and_its_sessions_end(town: Town) -> None:
    daughter, mother = town.register("李芳", phone=(phone := new_phone())), town.add("王秀英")
    claim(town, daughter, token_for(town, mother))
    town.post("/sessions", Principal(kind=daughter.kind, audience="members"), {"phone": phone, "password": PASSWORD})
    assert confirm(town, asked(town, again(town, daughter))).status_code == 204
    assert town.sql("SELECT member_id FROM login_member WHERE login_id = :id", id=daughter.login_id)[0][0] == mother
    assert town.sql("SELECT count(*) FROM access WHERE login_id = :id", id=daughter.login_id)[0][0] == 0
    assert status_of(town, mother) == "active"


def test_who_was_merged_into_somebody_is_forgotten_with_them(town: Town) -> None:
    who, double = town.register("欧阳绝尘"), town.add("欧阳绝尘")
    town.sql("UPDATE member SET status = 'merged', merged_into = :to WHERE id = :id", to=who.own_member_id, id=double)
    assert confirm(town, asked(town, who)).status_code == 204
    assert "欧阳绝尘" not in everything(town)
    assert status_of(town, double) == "merged"


@pytest.mark.parametrize("family", [False, True])
def test_the_login_of_a_merged_entry_goes_when_nobody_is_left_in_it(town: Town, family: bool) -> None:
    """A second login of one person bears a phone as the first does, and leads to the person."""
    who, phone = town.register("欧阳绝尘"), new_phone()
    double, mother = town.register("欧阳绝尘", phone=phone), town.add("王秀英")
    if family:
        claim(town, double, token_for(town, mother))
    assert double.own_member_id is not None
    content = {"id": str(new_id()), "merged_id": str(double.own_member_id), "reason": "同一人登记两次"}
    assert town.post(f"/members/{who.own_member_id}/merge", town.official(Role.STAFF), content).status_code == 200
    assert confirm(town, asked(town, again(town, who))).status_code == 204
    assert town.sql("SELECT count(*) FROM login WHERE id = :id", id=who.login_id)[0][0] == 0
    assert town.sql("SELECT count(*) FROM login WHERE id = :id", id=double.login_id)[0][0] == family
    session = {"phone": phone, "password": PASSWORD}
    logged_in = town.post("/sessions", Principal(kind=who.kind, audience="members"), session)
    assert logged_in.status_code == (200 if family else 401)


def test_a_merge_and_a_departure_tell_nothing_of_who_is_forgotten(town: Town) -> None:
    who, double = town.register("欧阳绝尘"), town.add("欧阳绝尘", birth_date=date(1960, 3, 8), skills=("修理钟表",))
    other, staff = town.add("欧阳绝尘"), town.official(Role.STAFF)
    for goes in (double, other):
        content = {"id": str(new_id()), "merged_id": str(goes), "reason": "女儿欧阳小妹说的"}
        assert town.post(f"/members/{who.own_member_id}/merge", staff, content).status_code == 200
    assert town.post(f"/members/{other}/unmerge", staff, {"reason": "不是"}).status_code == 200
    gone = {"kind": "moved_away", "day": "2026-11-01", "reason": "搬到欧阳小妹家"}
    assert town.post(f"/members/{who.own_member_id}/leave", staff, gone).status_code == 200
    assert town.post(f"/members/{who.own_member_id}/return", staff, {"reason": "回来了"}).status_code == 200
    confirm(town, asked(town, again(town, who)))
    kept = town.sql("SELECT CAST(merge AS text) FROM merge UNION ALL SELECT CAST(departure AS text) FROM departure")
    told = "".join(row[0] for row in kept)
    assert not [word for word in ("欧阳小妹", "1960-03-08", "修理钟表", str(who.login_id)) if word in told]
    assert town.post(f"/members/{double}/unmerge", staff, {"reason": "不是"}).status_code == 404


def test_who_asks_to_be_forgotten_is_not_merged_meanwhile(town: Town) -> None:
    who, double = town.register("欧阳绝尘"), town.add("欧阳绝尘")
    erasure_id, staff = asked(town, who), town.official(Role.STAFF)
    for stays, goes in ((who.own_member_id, double), (double, who.own_member_id)):
        content = {"id": str(new_id()), "merged_id": str(goes), "reason": "同一人"}
        assert refusal(town.post(f"/members/{stays}/merge", staff, content)) == (422, "erasure_open")
    assert town.post(f"/erasures/{erasure_id}/withdraw", who).status_code == 204
    content = {"id": str(new_id()), "merged_id": str(double), "reason": "同一人"}
    assert town.post(f"/members/{who.own_member_id}/merge", staff, content).status_code == 200


def test_consents_stay_by_an_id_that_leads_to_nobody(town: Town) -> None:
    who = town.register(consents=consents("terms", "privacy", "ranked"))
    confirm(town, asked(town, who))
    assert town.sql("SELECT count(*) FROM consent WHERE member_id = :id", id=who.own_member_id)[0][0] == 3
    assert not any(event["ranked"] for event in town.events("MemberChanged"))


def test_an_old_form_does_not_bring_back_who_was_forgotten(town: Town) -> None:
    content = {"id": str(new_id()), "name": "孙大圣", "station_id": str(town.nodes["南昌路站"])}
    staff = town.official(Role.STAFF)
    assert town.post("/members", staff, content).status_code == 201
    confirm(town, asked(town, staff, UUID(content["id"])))
    assert town.post("/members", staff, content).status_code == 409
    assert "孙大圣" not in everything(town)


def test_a_daughter_does_not_ask_for_a_mother_who_has_a_login(town: Town) -> None:
    daughter, mother = town.register("李芳"), town.add("王秀英")
    claim(town, daughter, token_for(town, mother))
    assert ask(town, again(town, daughter), mother).status_code == 201, "as long as there is nobody else"
    (erasure_id,) = town.sql("SELECT id FROM erasure")[0]
    assert town.post(f"/erasures/{erasure_id}/withdraw", again(town, daughter)).status_code == 204
    assert join(town, token_for(town, mother)).status_code == 201
    assert refusal(ask(town, again(town, daughter), mother)) == (403, "for_the_person")


def test_a_daughter_does_not_take_back_what_a_mother_who_has_a_login_asked(town: Town) -> None:
    mother, daughter = town.register("李秀英"), town.register("李小妹")
    assert mother.own_member_id is not None
    claim_mother = (
        "INSERT INTO login_member (login_id, member_id, relation, since) VALUES (:login, :member, 'parent', now())"
    )
    town.sql(claim_mother, login=daughter.login_id, member=mother.own_member_id)
    erasure_id = asked(town, mother)
    assert refusal(town.post(f"/erasures/{erasure_id}/withdraw", again(town, daughter))) == (403, "for_the_person")
    assert town.sql("SELECT state FROM erasure")[0][0] == "asked"
    assert town.post(f"/erasures/{erasure_id}/withdraw", mother).status_code == 204


def test_who_was_merged_or_left_meanwhile_is_forgotten_all_the_same(town: Town) -> None:
    double, rest, gone = town.register("欧阳绝尘"), town.add("欧阳绝尘"), town.register("欧阳绝尘")
    for who in (double, gone):
        asked(town, who)
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=gone.own_member_id)
    town.sql("UPDATE member SET status = 'merged', merged_into = :to WHERE id = :id", to=rest, id=double.own_member_id)
    with clock.travel(clock.now() + WEEK):
        assert town.do(commands.erase_due) == 2
        assert town.do(commands.erase_due) == 0
    assert "欧阳绝尘" not in everything(town)
    assert town.sql("SELECT count(*) FROM erasure WHERE state = 'asked'")[0][0] == 0


def test_asking_alone_changes_no_guardian(town: Town) -> None:
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    mother, father = town.register("李芳"), town.register("李强")
    for who in (mother, father):
        claim(town, who, token_for(town, child), "child")
    asked(town, again(town, mother))
    assert town.sql("SELECT guardian_id FROM member WHERE id = :id", id=child)[0][0] == mother.own_member_id


def test_the_rows_of_imports_that_name_the_person_are_forgotten_with_the_rosters_themselves(town: Town) -> None:
    caller, staff_above = staff(town), staff(town, "咸安区中心")
    files = [bring(town, caller, people_file(3), file_name="第一次.csv")]
    work(town)
    step(town, caller, files[0], "start")
    work(town)
    # The same people in another roster are known; and one has hours on paper.
    files.append(bring(town, caller, people_file(3) + b"\n", file_name="第二次.csv"))
    balance = "姓名,手机,积分\n陈一,13800000000,5\n陈丁,13800000001,6\n".encode()
    files.append(bring(town, caller, balance, kind="opening", file_name="台账.csv"))
    work(town)
    step(town, caller, files[2], "start")
    (who,) = (row[0] for row in town.sql("SELECT id FROM member WHERE name = '陈一'"))
    erasure = town.post(f"/members/{who}/erasures", caller, {"id": str(new_id())})
    assert erasure.status_code == 201, erasure.text
    assert confirm(town, erasure.json["id"], caller).status_code == 204

    def named(found: dict[str, Any]) -> list[str]:
        rows = [row for state in ("added", "known", "good", "bad") for row in rows_of(town, caller, found, state)]
        return sorted(row["cells"][0] for row in rows)

    assert [named(found) for found in files] == [["陈丁", "陈丂"], ["陈丁", "陈丂"], ["陈丁"]]
    assert [look(town, caller, found)["has_file"] for found in files] == [False, False, True]
    step(town, caller, files[1], "check", status=409)
    # Whoever approves is told of what is left.
    found = look(town, caller, files[2])["found"]
    assert (found["good"], found["points"]) == (1, 600)
    step(town, staff_above, files[2], "approve")
    work(town)
    assert look(town, caller, files[2])["counts"] == {"added": 1, "known": 1}


def rows_of(town: Town, caller: Principal, found: dict[str, Any], state: str) -> Any:
    return town.get(f"/imports/{found['id']}/rows?state={state}", caller).json
