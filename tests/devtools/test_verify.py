"""`./dev verify` finds privileged acts without an entry, and people shown without consent; else nothing."""

from datetime import timedelta

import pytest

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, damaged, found, hold_activity, without
from tests.gateway.real import Browser, Town, town
from tests.support import Settings

__all__ = ["town"]

ACTS = {
    "members": """
        grant.add grant.revoke member.add member.register member.confirm member.household login.make_code
        administrator.make_code token.add token.revoke node.add node.move node.count node.split team.add employer.add
    """,
    "checkin": """
        activity.create activity.publish activity.postpone activity.cancel activity.confirm_all attendance.add
        attendance.leave attendance.confirm attendance.reject attendance.correct attendance.annul
        confirm_each.switch_on activity.ask_review activity.approve activity.send_back review.switch_on
    """,
    "points": "board.switch_off",
    "rewards": "gift.create stock.receive stock.write_off",
}


def test_every_privileged_act_that_lost_its_entry_is_found(town: Town, settings: Settings) -> None:
    act_on_people(town)
    act_on_activities(town, settings)
    act_on_gifts(town)
    town.deliver()
    assert found(town, 7) == []
    missed = []
    for service, actions in ACTS.items():
        for action in actions.split():
            with without(settings, service, action) as lost:
                faults = found(town, 7)
            if not lost or not any(action in fault or action.endswith("confirm_all") for fault in faults):
                missed.append((action, lost, faults))
    assert missed == []
    # As many entries as movements: one of two gone is found.
    with damaged(settings, "rewards", "audit_log", _ONE_RECEIPT):
        assert len(found(town, 7)) == 1
    assert found(town, 7) == []


_ONE_RECEIPT = "DELETE FROM audit_log WHERE id = (SELECT id FROM audit_log WHERE action = 'stock.receive' LIMIT 1)"


def act_on_people(town: Town) -> None:
    admin, staff, volunteer = town.administrator, town.person("周站长", Role.STAFF), town.person("陈芳")
    staff.api("POST", f"/members/members/{volunteer.member_id}/confirm")
    staff.api("POST", f"/members/members/{volunteer.member_id}/reset-codes")
    for token in (str(new_id()), str(new_id())):
        staff.api("POST", "/members/tokens", {"id": token, "name": "报表", "days": 1})
    staff.api("DELETE", f"/members/tokens/{token}")
    added = staff.api("POST", "/members/members", {"id": str(new_id()), "name": "张伟", "station_id": town.station_id})
    agreed = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    newcomer = {"id": str(new_id()), "name": "刘大爷", "station_id": town.station_id, "consents": agreed}
    staff.api("POST", "/members/newcomers", newcomer)
    together = {"with_member_id": volunteer.member_id}
    staff.api("PUT", f"/members/members/{added['id']}/household", together)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    other = town.nodes["岔路口社区实践站"]
    with town.at(START):
        elsewhere = {"parent_id": other, "from_day": tomorrow}
        admin.api("PATCH", f"/members/nodes/{town.nodes['和谐小区']}", elsewhere)
        part = {"id": str(new_id()), "level": "compound", "name": "东兴小区", "parent_id": town.station_id}
        admin.api("POST", "/members/nodes", part)
        split = {"id": str(new_id()), "name": "新站", "compound_ids": [part["id"]]}
        admin.api("POST", f"/members/nodes/{town.station_id}/split", split)
        admin.api("PATCH", f"/members/nodes/{other}", {"residents": 1200, "from_day": tomorrow})
    staff.api("POST", "/members/teams", {"id": str(new_id()), "station_id": town.station_id, "name": "红马甲"})
    staff.api("POST", "/members/employers", {"id": str(new_id()), "name": "第一小学"})
    grant = {"id": str(new_id()), "member_id": volunteer.member_id, "role": "organizer", "node_id": town.station_id}
    admin.api("POST", "/members/grants", grant)
    admin.api("DELETE", f"/members/grants/{grant['id']}")
    staff.api("PUT", f"/points/boards/{town.station_id}/switch", {"on": False})
    staff.api("PUT", f"/checkin/confirm-each/{town.station_id}", {"on": True})


def act_on_activities(town: Town, settings: Settings) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    first, second, called_off, put_off = (hold_activity(town, organizer) for _ in range(4))
    organizer.api("POST", f"/checkin/activities/{put_off['id']}/postpone", {})
    people = [town.person(name) for name in ("王秀英", "刘国强", "杨静", "赵磊", "黄海燕")]
    with town.at(START + timedelta(hours=1)):
        confirmed, rejected, corrected, annulled, left = (attend(organizer, first, who) for who in people)
        # One who came by a scan and whom the organizer signs out.
        settings.database("checkin").connection.execute(
            "UPDATE attendance SET state = 'open', left_at = NULL, minutes = NULL, digest = NULL,"
            f" evidence = 'own_scan' WHERE id = '{left}'"
        )
        for attendance_id in (confirmed, annulled):
            organizer.api("POST", f"/checkin/attendances/{attendance_id}/confirm")
        organizer.api("POST", f"/checkin/attendances/{rejected}/reject", {"reason": "没有来"})
        organizer.api("POST", f"/checkin/attendances/{annulled}/annul", {"reason": "记错了人"})
        times = {"arrived_at": START.isoformat(), "left_at": (START + timedelta(minutes=30)).isoformat()}
        organizer.api("POST", f"/checkin/attendances/{corrected}/correct", {"version": 0, "reason": "早退"} | times)
        organizer.api("POST", f"/checkin/attendances/{left}/leave")
        for who in people[:2]:
            attend(organizer, second, who)
        organizer.api("POST", f"/checkin/activities/{second['id']}/confirm-all")
        organizer.api("POST", f"/checkin/activities/{called_off['id']}/cancel", {"reason": "下雨"})
    review(town, organizer, town.person("周站长", Role.STAFF))


def review(town: Town, organizer: Browser, staff: Browser) -> None:
    """Where it is switched on, one is approved and one sent back."""
    staff.api("PUT", f"/checkin/reviews/switches/{town.station_id}", {"on": True})
    for step, content in (("approve", {}), ("send-back", {"reason": "地点没有写清"})):
        activity = hold_activity(town, organizer)
        asked = organizer.api("GET", f"/checkin/activities/{activity['id']}")
        assert asked["state"] == "in_review"
        seen = {"asked_at": asked["asked_at"]}
        staff.api("POST", f"/checkin/activities/{activity['id']}/{step}", seen | content)


def act_on_gifts(town: Town) -> None:
    staff = town.person("吴站长", Role.STAFF)
    gift = {"id": str(new_id()), "node_id": town.station_id, "name": "香皂", "description": "", "points": 150}
    staff.api("POST", "/rewards/gifts", gift)
    for kind, quantity in (("receive", 5), ("receive", 5), ("write_off", 1)):
        movement = {"id": str(new_id()), "station_id": town.station_id, "kind": kind, "quantity": quantity}
        staff.api("POST", f"/rewards/gifts/{gift['id']}/stock", movement | {"reason": "爱心商家捐赠"})


@pytest.mark.parametrize(
    ("service", "table", "change"),
    [
        ("checkin", "member_card", "UPDATE member_card SET name_public = '陈小芳' WHERE name_masked = '陈*芳'"),
        ("rewards", "member_card", "UPDATE member_card SET ranked = true WHERE name_masked = '陈*芳'"),
        ("points", "member_card", "UPDATE member_card SET name_masked = '陈小芳' WHERE name_masked = '陈*芳'"),
        ("points", "member_card", "UPDATE member_card SET ranked = true, confirmed = true WHERE name_masked = '陈*芳'"),
        ("members", "consent", "UPDATE consent SET given = false WHERE kind = 'named'"),
        ("members", "consent", "DELETE FROM consent WHERE kind = 'ranked'"),
        ("members", "member", "UPDATE member SET birth_date = current_date - 4000 WHERE name = '王大明'"),
    ],
)
def test_who_is_shown_without_consent_is_found(
    town: Town, settings: Settings, service: str, table: str, change: str
) -> None:
    town.person("陈小芳")
    shown = town.person("王大明")
    given = [{"kind": kind, "version": "1", "given": True} for kind in ("ranked", "named")]
    shown.api("PUT", f"/members/me/members/{shown.member_id}/consents", {"consents": given})
    town.administrator.api("POST", f"/members/members/{shown.member_id}/confirm")
    town.deliver()
    assert found(town, 8) == []
    with damaged(settings, service, table, change):
        faults = found(town, 8)
    assert faults
    if table in ("consent", "member"):
        assert any("boards" in fault for fault in faults), faults
    assert found(town, 8) == []
