"""The audit log in words, in front of the real services."""

import re
from datetime import timedelta
from typing import Any

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.acts import recorded_acts, recorded_details
from tests.gateway.organizing import START, offer, publish
from tests.gateway.real import Town, town

__all__ = ["town"]


def test_the_audit_log_of_all_services_is_one_list(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    offer(staff)
    shown = town.administrator.get("/staff/audit").text
    assert "上架礼品" in shown
    assert "授予角色" in shown
    assert "周站长" in shown
    assert "没有登录的人" in shown  # who became the first administrator
    table = shown.partition("<table")[2].partition("</table>")[0]
    for raw in ("login:", "grant.add", "gift.create", "{'", "T0", "None"):
        assert raw not in re.sub(r"<[^>]*>", " ", table), raw
    assert re.search(r"授权 周站长", table)
    [gift] = set(re.findall(r'href="(/staff/gifts/[^"]*)"', table))
    assert "香皂" in town.administrator.get(gift).text
    chosen = town.administrator.get("/staff/audit?action=gift.create").text.partition("<table")[2]
    assert "上架礼品" in chosen
    assert "授予角色" not in chosen


def test_every_act_that_is_recorded_has_words_and_no_words_are_left_over(town: Town) -> None:
    from gateway.pages.acts import act_names

    acts, begun = recorded_acts()
    assert {"attendance.confirm", "activity.cancel", "redemption.undo", "member.confirm"} <= acts
    assert begun == {"board.switch_", "confirm_each.switch_", "import.", "review.switch_", "stock."}
    with town.gateway.test_request_context("/"):
        named = set(act_names())
    assert acts - named == set()
    assert {act for act in named - acts if not act.startswith(tuple(begun))} == set()


def test_everything_that_acts_record_has_words(town: Town) -> None:
    from gateway.pages.acts import detail_names, field_names
    from services.checkin.schemas.activities import ChangedActivitySchema
    from services.members.schemas.people import MemberChangeSchema
    from services.rewards.schemas import GiftChangeSchema

    recorded = recorded_details() | set(GiftChangeSchema().fields)
    assert {"title", "before", "minutes", "by", "evidence", "quantity", "to", "with_member_id"} <= recorded
    changed = {*ChangedActivitySchema().fields, *MemberChangeSchema().fields} - {"version"}
    with town.gateway.test_request_context("/"):
        assert recorded - set(detail_names()) == set()
        assert changed - set(field_names()) == set()


def test_the_audit_log_says_in_words_what_was_done(town: Town) -> None:
    organizer, staff = town.person("李组长", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    activity = publish(organizer)
    moved: dict[str, Any] = {"day": START.date().isoformat(), "start": "14:00", "end": "16:00"}
    organizer.post(activity, f"{activity}/postpone", **moved)
    offer(staff)
    text = re.sub(r"<[^>]*>", "", town.administrator.get("/staff/audit").text)
    assert "志愿活动 楼道大扫除" in text
    assert re.search(r"原来：[^<]*09:00–11:30\s*现在：[^<]*14:00–16:00", text), text
    assert not re.search(r"[a-z_]+：", text)
    in_english = town.administrator
    in_english.client.set_cookie("huzhu_language", "en")
    assert "：" not in in_english.get("/staff/audit").text


def test_who_tried_to_act_for_themselves_is_found_in_all_services_by_one_choice(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    activity_id = publish(staff).rpartition("/")[2]
    offer(staff)
    newcomer = {"id": str(new_id()), "member_id": staff.member_id}
    site_id = staff.api("GET", f"/checkin/activities/{activity_id}")["sites"][0]["id"]
    line = {"gift_id": str(new_id()), "quantity": 1, "points": 150}
    order = {"id": str(new_id()), "member_id": staff.member_id, "station_id": town.station_id, "lines": [line]}
    for path, content in (
        (f"/checkin/activities/{activity_id}/newcomers", newcomer | {"site_id": site_id}),
        ("/rewards/desk-orders", order),
        (f"/members/members/{staff.member_id}/reset-codes", None),
    ):
        assert staff.refused("POST", path, content)["code"] == "own_case"
    auditor = town.person("何审计", Role.AUDITOR)
    page = auditor.get("/staff/audit?action=.refuse_own").text
    assert re.search(r'<option value=".refuse_own" selected>为自己或家人办理，被拒绝的', page)
    table = re.sub(r"<[^>]*>", " ", page.partition("<table")[2])
    for words in (
        "登记、确认或更正自己或家人的签到，被拒绝", "想办的是：登记签到", "活动名称：楼道大扫除", "志愿者 周站长",
        "给自己或家人兑换，被拒绝", "想办的是：现场兑换",
        "给自己或家人生成验证码或认领码，被拒绝", "想办的是：生成验证码",
    ):  # fmt: skip
        assert words in table, words
    for other in ("上架礼品", "发布活动", "授予角色", "refuse_own", "attendance."):
        assert other not in table, other
    alone = auditor.get("/staff/audit?action=desk.refuse_own").text.partition("<table")[2]
    assert "给自己或家人兑换，被拒绝" in alone
    assert "生成验证码" not in alone


def test_the_audit_log_is_asked_for_a_person_a_place_and_days(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    offer(staff)

    def table(query: str) -> str:
        return town.administrator.get(f"/staff/audit?{query}").text.partition("<table")[2]

    assert "上架礼品" in table("who=周站长")
    assert "添加地方" not in table("who=周站长")
    assert "上架礼品" in table("place=南昌路")
    assert "上架礼品" not in table("place=岔路口")
    today = clock.today()
    assert "上架礼品" in table(f"from_day={today}&to_day={today}")
    assert table(f"to_day={today - timedelta(days=1)}") == ""
    nobody = town.administrator.get("/staff/audit?who=无此人").text
    assert "没有找到“无此人”" in nobody
    assert "<table" not in nobody
