"""Members who are gone, and who come back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import clock
from shared.ids import new_id
from shared.principal import Role
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
