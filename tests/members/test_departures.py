"""Members who are gone, and who come back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.members.commands.erasures import erase_due
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.members.test_claims import claim, refusal, token_for
from tests.members.town import Town


def leave(town: Town, who: Any, member_id: UUID | None, **fields: Any) -> Any:
    content = {"kind": "stopped", "day": "2026-11-01", "reason": "身体原因", **fields}
    return town.post(f"/members/{member_id}/leave", who, content)


def come_back(town: Town, who: Any, member_id: UUID | None) -> Any:
    return town.post(f"/members/{member_id}/return", who, {"reason": "回来了"})


def test_who_is_gone_is_told_to_all_and_may_come_back(town: Town) -> None:
    staff, chen = town.official(Role.STAFF), town.register("陈芳")
    assert leave(town, staff, chen.own_member_id).json["status"] == "left"
    assert leave(town, staff, chen.own_member_id).status_code == 200
    assert town.get("/me", chen).json["members"] == [], "nobody acts for who is gone"
    (entry,) = town.audited("member.leave")
    assert entry.detail == {"departure": "stopped", "day": "2026-11-01", "reason": "身体原因"}
    assert town.events("MemberChanged")[-1]["status"] == "left"
    assert come_back(town, staff, chen.own_member_id).json["status"] == "active"
    assert come_back(town, staff, chen.own_member_id).status_code == 200
    assert len(town.audited("member.come_back")) == 1
    assert len(town.get("/me", chen).json["members"]) == 1
    assert leave(town, staff, chen.own_member_id, kind="moved_away").json["status"] == "left"


@pytest.mark.parametrize(("kind", "status"), [("deceased", 422), ("stopped", 200)])
def test_a_death_is_taken_back_within_a_day(town: Town, kind: str, status: int) -> None:
    staff, chen = town.official(Role.STAFF), town.add()
    leave(town, staff, chen, kind=kind)
    with clock.travel(clock.now() + timedelta(days=1)):
        assert come_back(town, staff, chen).status_code == status


def test_who_left_with_an_import_that_was_taken_back_may_come_back(town: Town) -> None:
    staff, chen = town.official(Role.STAFF), town.add()
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=chen)
    assert come_back(town, staff, chen).json["status"] == "active"


def test_who_may_not(town: Town) -> None:
    staff, chen = town.official(Role.STAFF), town.add(confirmed=True)
    assert leave(town, town.official(Role.ORGANIZER), chen).status_code == 403
    assert leave(town, town.official(Role.STAFF, "岔路口站"), chen).status_code == 404
    assert leave(town, town.official(Role.STAFF, member_id=chen), chen).json["code"] == "own_case"
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    assert leave(town, staff, chen, day=tomorrow).json["code"] == "day_ahead"
    above = town.official(Role.ADMINISTRATOR, "咸安区中心")
    grant = {"id": str(new_id()), "member_id": str(chen), "role": "organizer", "node_id": str(town.nodes["南昌路站"])}
    assert town.post("/grants", above, grant).status_code == 201
    assert leave(town, staff, chen).json["code"] == "has_roles"


@pytest.mark.parametrize("kind", ["deceased", "moved_away"])
def test_who_is_gone_is_forgotten_at_the_wish_of_the_family_without_coming_back(town: Town, kind: str) -> None:
    staff, chen = town.official(Role.STAFF), town.register("陈芳", birth_date="1940-03-08")
    assert leave(town, staff, chen.own_member_id, kind=kind, reason="家属来说的").status_code == 200
    asked = {"id": str(new_id())}
    path = f"/members/{chen.own_member_id}/erasures"
    assert town.post(path, town.official(Role.STAFF, "岔路口站"), asked).status_code == 404
    assert town.post(path, town.official(Role.ORGANIZER), asked).status_code == 403
    assert town.post(path, staff, asked).status_code == 201
    confirm = f"/erasures/{asked['id']}/confirm"
    if kind == "deceased":
        answer = town.post(confirm, staff)
        assert (answer.status_code, answer.json["code"]) == (422, "death_too_fresh"), "it may have been a mistake"
    with clock.travel(clock.now() + timedelta(days=1)):
        assert town.post(confirm, staff).status_code == 204
    row = town.sql("SELECT * FROM member WHERE id = :id", id=chen.own_member_id)[0]
    assert (row.status, row.birth_date, row.phone_hash) == ("erased", None, None)
    (departure,) = town.sql("SELECT * FROM departure")
    assert (departure.kind, departure.reason) == (kind, "")
    assert town.sql("SELECT count(*) FROM login WHERE id = :id", id=chen.login_id)[0][0] == 0
    assert town.events("MemberChanged")[-1]["status"] == "erased"
    assert [len(town.audited(f"member.{act}")) for act in ("ask_erasure", "erase", "come_back")] == [1, 1, 0]
    assert come_back(town, staff, chen.own_member_id).status_code == 404


def test_a_week_after_the_family_asked_who_is_gone_is_forgotten_by_itself(town: Town) -> None:
    staff, chen = town.official(Role.STAFF), town.add("陈芳")
    leave(town, staff, chen, kind="deceased")
    assert town.post(f"/members/{chen}/erasures", staff, {"id": str(new_id())}).status_code == 201
    assert [one["member_id"] for one in town.get("/erasures", staff).json] == [str(chen)]
    with clock.travel(clock.now() + timedelta(days=7, minutes=1)):
        assert town.do(erase_due) == 1
    assert town.sql("SELECT status FROM member WHERE id = :id", id=chen)[0][0] == "erased"


def test_a_child_is_not_left_without_anybody(town: Town) -> None:
    staff = town.official(Role.STAFF)
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    mother, father, aunt = (town.register(name) for name in ("李芳", "李强", "李红"))
    claim(town, mother, token_for(town, child), "child")
    assert refusal(leave(town, staff, mother.own_member_id, kind="deceased")) == (422, "child_left_alone")
    claim(town, father, token_for(town, child), "child")
    assert leave(town, staff, mother.own_member_id, kind="deceased").json["status"] == "left"
    guardian = "SELECT guardian_id FROM member WHERE id = :id"
    assert town.sql(guardian, id=child)[0][0] == father.own_member_id
    assert refusal(leave(town, staff, father.own_member_id)) == (422, "child_left_alone"), "the mother is gone"
    claim(town, aunt, token_for(town, child), "child")
    assert leave(town, staff, father.own_member_id).json["status"] == "left"
    assert town.sql(guardian, id=child)[0][0] == aunt.own_member_id


def test_a_family_leaves_with_the_child_first(town: Town) -> None:
    staff = town.official(Role.STAFF)
    child = town.add("李小宝", birth_date=clock.today().replace(year=clock.today().year - 8, day=1))
    mother = town.register("李芳")
    claim(town, mother, token_for(town, child), "child")
    assert leave(town, staff, child, kind="moved_away").json["status"] == "left"
    assert leave(town, staff, mother.own_member_id, kind="moved_away").json["status"] == "left"
