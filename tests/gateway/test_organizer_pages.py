"""The pages of organizers and staff, in front of the real services."""

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.wrappers import Request, Response

from shared import clock
from shared.db import session
from shared.ids import new_id
from shared.principal import Role
from tests.acts import recorded_acts, recorded_details
from tests.gateway.conftest import StandIn, json_answer
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

START = datetime.combine(clock.today() + timedelta(days=1), datetime.min.time(), clock.SHANGHAI) + timedelta(hours=9)
ACTIVITY: dict[str, Any] = {
    "title": "楼道大扫除",
    "category": "environment",
    "day": START.date().isoformat(),
    "start": "09:00",
    "end": "11:30",
    "place": "和谐小区门口",
    "window_before_minutes": "60",
    "capacity": "20",
}


def publish(organizer: Browser, **typed: str) -> str:
    """Publish an activity by the form; returns its page."""
    shown = organizer.post(
        "/organize/activities/new", "/organize/activities/new", action="publish", **(ACTIVITY | typed)
    )
    assert "已发布" in shown.text
    return shown.request.path


def scan(organizer: Browser, volunteer: Browser, page: str, direction: str) -> str:
    """Read the code off the organizer's screen and use it as the volunteer does; the page that comes."""
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    query = f"site_id={activity['sites'][0]['id']}&direction={direction}&minutes=1"
    codes = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    url = codes["codes"][0]["url"]
    volunteer.client.get("/s/" + url.rpartition("/s/")[2])
    return volunteer.post("/scan", "/scan").text


def test_an_activity_is_published_changed_postponed_and_called_off(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    page = publish(organizer)
    assert "楼道大扫除" in organizer.get("/organize").text
    assert "楼道大扫除" in organizer.get("/organize/activities").text
    changed = organizer.post(f"{page}/edit", f"{page}/edit", title="楼道革命", site_name_1="后门", site_place_1="北门")
    assert "楼道革命" in changed.text
    assert "现场、后门" in changed.text
    assert "已延期" in organizer.post(page, f"{page}/postpone").text
    later = (START + timedelta(days=3)).date()
    moved = organizer.post(page, f"{page}/postpone", day=later.isoformat(), start="14:00", end="16:00")
    assert "已发布" in moved.text
    assert "14:00–16:00" in moved.text
    refused = organizer.post(page, f"{page}/cancel", status=422, reason="")
    assert "请写明取消的原因" in refused.text
    off = organizer.post(page, f"{page}/cancel", reason="下雨")
    assert "已取消" in off.text
    assert "下雨" in off.text


def test_who_meant_to_come_is_told_what_was_called_off_and_why(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    off, later, _stands, done = (publish(organizer, title=title) for title in ("义诊", "剪纸", "清扫", "讲座"))
    reason = "下大雨，" * 40
    code = arrival_code(organizer, off)
    organizer.post(off, f"{off}/cancel", reason=reason)
    organizer.post(later, f"{later}/postpone")
    organizer.post(f"{done}/close", f"{done}/close")
    home = volunteer.get("/").text.partition("近期活动")[2]
    rows = dict(re.findall(r'class="cover" href="/activities/[^"]*">([^<]*)</a>(.*?)</li>', home, re.DOTALL))
    assert rows.keys() == {"义诊", "剪纸", "清扫"}
    assert "已取消" in rows["义诊"]
    assert f"原因：{reason}" in rows["义诊"]
    assert "已延期" in rows["剪纸"]
    assert "badge" not in rows["清扫"]
    volunteer.client.get("/s/" + code)
    told = volunteer.post("/scan", "/scan").text
    assert "原因：下大雨" in told
    assert len(reason) > told.count("雨") > 10  # it has to fit into a cookie


def test_drafts_do_not_crowd_out_what_is_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.pages import home

    monkeypatch.setattr(home, "ACTIVITIES_ASKED", 2)
    organizer, new = town.person("李组织", Role.ORGANIZER), "/organize/activities/new"
    for title in ("剪纸", "义诊"):
        organizer.post(new, new, action="draft", **(ACTIVITY | {"title": title}))
    publish(organizer, start="10:00")
    coming = organizer.get("/").text.partition("近期活动")[2]
    assert "楼道大扫除" in coming
    assert "剪纸" not in coming


def arrival_code(organizer: Browser, page: str) -> str:
    """What stands in the arrival code that the screen shows."""
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    query = f"site_id={activity['sites'][0]['id']}&direction=arrival&minutes=30"
    codes = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    return str(codes["codes"][0]["url"]).rpartition("/s/")[2]


def test_a_form_posted_twice_is_one_activity(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    filled = form_fields(organizer.get("/organize/activities/new").text, "/organize/activities/new") | ACTIVITY
    answers = [organizer.client.post("/organize/activities/new", data=filled) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


WRONG = [
    ("title", "", "请填写活动名称"),
    ("title", "长" * 81, "最多 80 个字"),
    ("day", "明天", "日期不对"),
    ("day", "", "请填写日期"),
    ("start", "九点", "时间请写成"),
    ("end", "25:00", "时间请写成"),
    ("capacity", "很多", "人数应为整数"),
    ("window_before_minutes", "-5", "提前多少分钟"),
    ("station_id", "x", "请选择实践站"),
    ("category", "nonsense", "错误："),
]


def test_what_is_wrong_in_the_form_is_said_and_what_was_typed_stays(town: Town) -> None:
    organizer, new = town.person("李组织", Role.ORGANIZER), "/organize/activities/new"
    for field, typed, words in WRONG:
        shown = organizer.post(new, new, status=422, **(ACTIVITY | {field: typed})).text
        assert "错误：" in shown, field
        assert words in shown, field
        assert ACTIVITY["place"] in shown


def test_the_screen_shows_the_present_code_and_feeds_its_script(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    page = publish(organizer)
    screen = organizer.get(f"{page}/code").text
    assert 'class="qr"' in screen
    assert 'http-equiv="refresh"' in screen
    site_id = re.search(r'data-site="([^"]+)"', screen)
    assert site_id is not None
    fed = organizer.get(f"{page}/codes.json?site_id={site_id[1]}&direction=departure&minutes=30").json
    assert fed is not None
    assert 119 <= len(fed["codes"]) <= 122
    assert {code["until"] - code["from"] for code in fed["codes"]} == {15_000}
    side = fed["codes"][0]["side"]
    assert len(b64decode(fed["codes"][0]["bits"])) == -(-side * side // 8)
    presence = organizer.client.get(f"{page}/presence.json")
    assert presence.json["arrived"] == 0  # type: ignore[index]
    again = organizer.client.get(f"{page}/presence.json", headers={"If-None-Match": presence.headers["ETag"]})
    assert again.status_code == 304
    organizer.get(f"{page}/codes.json?direction=sideways", status=400)
    organizer.get(f"{page}/code?direction=sideways", status=404)


def test_the_main_job_from_the_screen_to_the_gift(town: Town) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    volunteer = town.person("陈芳")
    page = publish(organizer)
    with town.at(START - timedelta(minutes=5)):
        assert "签到成功" in scan(organizer, volunteer, page, "arrival")
    with town.at(START + timedelta(hours=2)):
        assert "签退成功" in scan(organizer, volunteer, page, "departure")
        town.deliver()
        listed = organizer.get(f"{page}/confirm").text
        assert "陈芳" in listed
        assert "已确认" in listed
        assert "本人扫码" in listed
    _offer(staff)
    gifts = f"/staff/gifts?station_id={town.station_id}"
    gift = re.search(r'href="(/staff/gifts/[^"?]+)\?', staff.get(gifts).text)
    assert gift is not None
    member = f"/staff/members/{volunteer.member_id}"
    assert "已核实" in staff.post(member, member, action="confirm").text
    town.deliver()
    with town.at(START + timedelta(hours=3)):
        order = volunteer.api(
            "POST",
            "/rewards/redemptions",
            {
                "id": "01900000-0000-7000-8000-000000000001",
                "gift_id": gift[1].rpartition("/")[2],
                "station_id": town.station_id,
                "member_id": volunteer.member_id,
            },
        )
        assert order["state"] == "confirmed", order
        voucher = volunteer.api("GET", f"/rewards/redemptions/{order['id']}/voucher")
        by_camera = organizer.get("/v/" + voucher["url"].rpartition("/v/")[2])
        assert "可以发放" in by_camera.text
        assert organizer.client.get_cookie("huzhu_voucher") is None
        typed = organizer.post("/desk", "/desk", code=voucher["code"].lower())
        assert "可以发放" in typed.text
        assert "陈芳" in typed.text  # in full, to compare with a card
        desk = f"/desk/{order['id']}"
        assert typed.request.path == desk
        assert "已发放" in organizer.post(desk, f"{desk}/issue").text
        assert "请写明为什么收回" in organizer.post(desk, f"{desk}/undo", status=422).text
        again = organizer.post("/desk", "/desk", status=422, code=voucher["code"]).text
        assert "不能再次领取" in again
        assert f'href="{desk}"' in again.partition("<form")[0]
        undone = organizer.post(desk, f"{desk}/undo", reason="拿错了").text
        assert "已收回" in undone
        assert "可以发放" in undone
        until = presentation_of(voucher["expires_at"])
        assert f"{until} 前领取" in organizer.get("/desk").text
        assert f"{until} 前" in undone
        assert f"{until} 前" in volunteer.get(f"/vouchers/{order['id']}").text
        assert "已发放" in organizer.post(desk, f"{desk}/issue").text
        issues = town.administrator.api("GET", "/rewards/audit?action=redemption.issue")
        assert [entry["detail"]["by"] for entry in issues] == ["list", "voucher"], "a voucher counts once"
        organizer.post(desk, f"{desk}/undo", reason="拿错了")
        assert "没有" in organizer.post("/desk", "/desk", status=422, code="ABCDEFGH2345").text


def presentation_of(moment: str) -> str:
    """As the pages write a time of another year: 2026年12月25日 10:46, or of this one."""
    then = datetime.fromisoformat(moment).astimezone(clock.SHANGHAI)
    weekday = "一二三四五六日"[then.weekday()]
    if then.year == clock.today().year:
        return f"{then.month}月{then.day}日 周{weekday} {then:%H:%M}"
    return f"{then.year}年{then.month}月{then.day}日 {then:%H:%M}"


def _offer(staff: Browser) -> None:
    new = "/staff/gifts/new"
    made = staff.post(new, new, name="香皂", points="1.5", limit_per_quarter="2")
    here = made.request.path
    assert "香皂" in made.text
    stocked = staff.post(
        f"{here}?{made.request.query_string.decode()}",
        f"{here}/stock",
        kind="receive",
        quantity="10",
        reason="爱心商家捐赠",
    )
    assert re.search(r"可兑</dt><dd>10<", stocked.text)
    assert "库存已记账" in stocked.text


def test_exceptions_are_confirmed_one_by_one_and_the_own_case_is_left_to_others(town: Town) -> None:
    organizer, other = town.person("李组织", Role.ORGANIZER), town.person("周组织", Role.ORGANIZER)
    late, present = town.person("王秀英"), town.person("陈芳")
    page = publish(organizer, confirm_each="1")
    with town.at(START):
        for who in (organizer, present):
            scan(other, who, page, "arrival")
    with town.at(START + timedelta(hours=2)):
        assert "已为 2 人签退" in other.post(f"{page}/leave-all", f"{page}/leave-all").text
        assert "不能为自己（或家人）补签" in organizer.get(f"{page}/add?q=李组织").text
        found = organizer.get(f"{page}/add?q=王秀英").text
        assert "王秀英" in found
        filled = form_fields(found, f"{page}/add") | {"member_id": late.member_id, "end": "10:30"}
        added = organizer.client.post(f"{page}/add", data=filled, follow_redirects=True)
        assert added.status_code == 200, added.text
        done = organizer.post(f"{page}/confirm", f"{page}/confirm-all").text
        assert "已确认 2 条" in done
        assert "您自己或家人的" in done
        rows = dict(re.findall(r'<a href="(/organize/activities/[^"]+/attendances/[^"]+)">([^<]+)</a>', done))
        own, corrected = (
            next(href for href, name in rows.items() if name.startswith(who)) for who in ("李组织", "王秀英")
        )
        assert "不能为自己或家人" in organizer.post(own, own, status=422, action="confirm").text
        assert "李组织" in other.post(own, own, action="confirm").text
        assert "请写明原因" in other.post(corrected, corrected, status=422, action="correct", reason="").text
        shown = other.post(corrected, corrected, action="correct", end="10:00", reason="提前走了").text
        assert "已更正" in shown
        assert "已撤销" in other.post(corrected, corrected, action="annul", reason="认错人").text


def test_the_organizer_sees_who_scanned_in_vain_and_why(town: Town) -> None:
    organizer, early, lost = town.person("李组织", Role.ORGANIZER), town.person("王秀英"), town.person("陈芳")
    page = publish(organizer)
    assert "没有被拒绝的扫码" in organizer.get(f"{page}/refused").text
    with town.at(START - timedelta(hours=3)):
        scan(organizer, early, page, "arrival")
    with town.at(START):
        scan(organizer, lost, page, "departure")
        shown = organizer.get(f"{page}/confirm").text
        assert "有 2 人扫了码却没有记上" in shown
        assert f'href="{page}/refused"' in shown
        scan(organizer, early, page, "arrival")
    assert "有 1 人扫了码却没有记上" in organizer.get(f"{page}/confirm").text
    rows = re.findall(r"<tr><th scope.*?</tr>", organizer.get(f"{page}/refused").text)
    words = [re.sub(r"<[^>]*>", " ", row) for row in rows[1:]]
    assert len(words) == 2
    assert all(word in words[0] for word in ("陈芳", "没有签到就扫了签退码", "签退", "09:00"))
    assert all(word in words[1] for word in ("王秀英", "已有记录", "还没到签到时间", "06:00"))
    add = re.search(r'href="([^"]*/add[^"]*)"', rows[1])
    assert add is not None
    assert "陈芳" in organizer.get(add[1]).text
    town.person("别人").get(f"{page}/refused", status=403)


def test_a_code_that_was_passed_on_is_seen_among_the_refused_scans(town: Town) -> None:
    organizer, readers = town.person("李组织", Role.ORGANIZER), [town.person(name) for name in ("陈芳", "王秀英")]
    page = publish(organizer)
    code = arrival_code(organizer, page)
    with town.at(START):
        for reader in readers:
            reader.client.get("/s/" + code)
            assert "二维码已经换了" in reader.post("/scan", "/scan").text
        assert organizer.get(f"{page}/refused").text.count("同一个码有 2 人扫过") == 2


def test_a_volunteer_of_another_station_is_entered_from_a_refused_scan_and_by_the_number(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    town.station_id, home = town.nodes["岔路口社区实践站"], town.station_id
    guest, other = town.person("陈芳"), town.person("王秀英")
    town.station_id = home
    number = next(one for one in other.api("GET", "/members/me")["members"])["volunteer_number"]
    page = publish(organizer)
    with town.at(START):
        scan(organizer, guest, page, "departure")
    with town.at(START + timedelta(hours=1)):
        add = re.search(r'href="([^"]*/add[^"]*)"', organizer.get(f"{page}/refused").text)
        assert add is not None
        filled = form_fields(organizer.get(add[1]).text, f"{page}/add")
        assert filled["member_id"] == guest.member_id
        wrong = organizer.client.post(f"{page}/add", data=filled | {"start": ""})
        assert form_fields(wrong.text, f"{page}/add")["member_id"] == guest.member_id
        assert "已补签" in organizer.client.post(f"{page}/add", data=filled, follow_redirects=True).text
        assert "没有找到" in organizer.get(f"{page}/add?q=王秀英").text
        assert "没有找到" in organizer.get(f"{page}/add?q={number[:-1]}{(int(number[-1]) + 1) % 10}").text
        found = organizer.get(f"{page}/add?q={number[:4]} {number[4:8]} {number[8:]}").text
        assert "王*英" in found
        assert "王秀英" not in found
        filled = form_fields(found, f"{page}/add") | {"member_id": other.member_id}
        assert "已补签" in organizer.client.post(f"{page}/add", data=filled, follow_redirects=True).text


def test_each_site_has_the_leader_that_was_chosen(town: Town) -> None:
    organizer, chosen = town.person("李组织", Role.ORGANIZER), town.person("赵磊")
    namesakes = [town.person("王秀英") for _ in range(2)]
    new = "/organize/activities/new"
    typed = ACTIVITY | {"action": "publish", "site_name_0": "东门", "site_name_1": "西门", "site_leader_1": "赵磊"}
    refused = organizer.post(new, new, status=422, **typed, site_leader_0="没有这个人").text
    assert "没有找到“没有这个人”" in refused
    filled = form_fields(organizer.get(new).text, new) | typed | {"site_leader_0": "王秀英"}
    several = organizer.client.post(new, data=filled)
    assert "不止一位“王秀英”" in several.text
    filled = form_fields(several.text, new) | {"site_leader_id_0": namesakes[1].member_id, "action": "publish"}
    made = organizer.client.post(new, data=filled, follow_redirects=True)
    assert "东门：王秀英；西门：赵磊" in made.text
    page = made.request.path

    def leaders() -> list[str | None]:
        activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
        return [site["leader_member_id"] for site in activity["sites"]]

    assert leaders() == [namesakes[1].member_id, chosen.member_id]
    organizer.post(f"{page}/edit", f"{page}/edit", title="楼道革命")
    assert leaders() == [namesakes[1].member_id, chosen.member_id]
    organizer.post(f"{page}/edit", f"{page}/edit", site_leader_0="zhaolei", site_leader_1="")
    assert leaders() == [chosen.member_id, organizer.member_id]


def test_the_only_place_needs_no_name_to_have_a_leader_and_any_other_does(town: Town) -> None:
    organizer, chosen = town.person("李组织", Role.ORGANIZER), town.person("赵磊")
    page, new = publish(organizer, site_leader_0="赵磊"), "/organize/activities/new"
    (site,) = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")["sites"]
    assert (site["name"], site["leader_member_id"]) == ("现场", chosen.member_id)
    for line, named in ((0, {"site_name_1": "西门", "site_leader_0": "赵磊"}), (1, {"site_leader_1": "赵磊"})):
        refused = organizer.post(new, new, status=422, action="publish", **(ACTIVITY | named)).text
        assert "这一行写了负责人，请填写点位名称" in refused
        assert f'id="site_name_{line}-fault"' in refused
        assert form_fields(refused, new)[f"site_leader_{line}"] == "赵磊"


def test_a_leader_who_has_left_meanwhile_is_refused_at_the_own_line(town: Town) -> None:
    organizer, gone = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    for service, table, key in (("members", "member", "id"), ("checkin", "member_card", "member_id")):
        with town.apps[service].app_context(), session().begin():
            left = text(f"UPDATE {table} SET status = 'left' WHERE {key} = :id")
            session().execute(left, {"id": gone.member_id})
    typed = {"site_name_0": "东门", "site_name_2": "西门", "site_leader_2": "王秀英", "site_leader_of_2": "王秀英"}
    new = "/organize/activities/new"
    refused = organizer.post(new, new, status=422, **(ACTIVITY | typed), site_leader_id_2=gone.member_id).text
    assert 'id="site_leader_2-fault"' in refused
    assert 'id="site_leader_0-fault"' not in refused
    assert "点位负责人要是在册的志愿者" in refused


def test_a_station_that_has_everything_confirmed_says_so_in_the_form(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    here = "/staff/confirming"
    assert here in staff.get("/staff").text
    assert "都要确认" not in staff.get("/organize/activities/new").text
    on = f"{here}/{town.station_id}"
    assert "已保存" in staff.post(here, on, on="1").text
    assert "这些站规定每条都要确认，不用再勾：南昌路社区实践站" in staff.get("/organize/activities/new").text
    page = publish(staff)
    with town.at(START):
        scan(staff, volunteer, page, "arrival")
    with town.at(START + timedelta(hours=1)):
        assert "签退成功" in scan(staff, volunteer, page, "departure")
        assert "1 条待确认" in staff.get("/organize").text
    assert "自动确认" in staff.post(here, on, on="0").text


def test_every_reason_of_a_refusal_has_words_for_the_organizer(town: Town) -> None:
    from gateway.pages.refused import why_shown
    from services.checkin.domain.admission import Outcome, Why

    with town.gateway.test_request_context("/"):
        for outcome in Outcome:
            for why in [*Why, None]:
                if why is not None or outcome in (Outcome.EXPIRED_CODE, Outcome.ANNULLED):
                    assert why_shown({"why": why, "outcome": outcome, "detail": "?"}) != "?"


def test_staff_finds_registers_and_helps_people(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    volunteer = town.person("陈芳")
    assert "陈芳" in staff.get("/staff/members?q=chenfang").text
    assert "陈芳" not in staff.get("/staff/members?q=nobody").text
    new = "/staff/members/new"
    assert "请先向本人说明" in staff.post(new, new, status=422, name="刘奶奶").text
    made = staff.post(new, new, name="刘奶奶", place=town.nodes["和谐小区"], agreed="1")
    assert "刘奶奶" in made.text
    assert "和谐小区" in made.text
    member = f"/staff/members/{volunteer.member_id}"
    assert "一次性验证码" in staff.post(member, member, action="reset").text
    assert "138 0000" in staff.post(member, member, action="phone").text.replace("1380000", "138 0000")
    own = f"/staff/members/{staff.member_id}"
    assert "错误：" in staff.post(own, own, status=422, action="confirm").text


def test_boards_are_switched_off_and_on(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    action = f"/staff/boards/{town.station_id}"
    assert f'action="{action}"' not in staff.get("/staff/boards").text
    assert "已关闭" in staff.post(action, action).text
    assert "已打开" in staff.post("/staff/boards", action, on="1").text


def staff_of_the_city(town: Town) -> Browser:
    """Somebody who is staff eleven seconds from now, when the gateway no longer believes otherwise."""
    of_city = town.person("周主任")
    town.administrator.api("POST", f"/members/members/{of_city.member_id}/confirm")
    grant = {"id": str(new_id()), "member_id": of_city.member_id, "role": "staff", "node_id": town.nodes["咸宁市"]}
    town.administrator.api("POST", "/members/grants", grant)
    town.deliver()
    return of_city


def test_staff_has_everything_confirmed_at_its_node_and_below_page_by_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.pages import confirming

    of_city, of_station, here = staff_of_the_city(town), town.person("周站长", Role.STAFF), "/staff/confirming"
    with town.at(clock.now() + timedelta(seconds=11)):
        on = of_city.post(here, f"{here}/{town.nodes['咸宁市']}", on="1").text
        assert "咸宁市：关闭每条都要确认" in on
        assert "和谐小区" not in on
        assert on.count("上级规定，都要确认") == 2
        own = of_station.get(here).text
        assert "咸宁市：" not in own
        assert "上级规定，都要确认" in own
        assert "这些站规定每条都要确认" in of_station.get("/organize/activities/new").text
        monkeypatch.setattr(confirming, "ROWS", 1)
        seen, page = [], here
        while page:
            text = of_city.get(page).text
            seen += re.findall(r'aria-label="([^"：]*)：', text)
            page = next(iter(re.findall(r'href="(/staff/confirming\?after=[^"]*)"', text)), "")
        assert seen[0] == "咸宁市"
        assert sorted(seen) == sorted(("咸宁市", "南昌路社区实践站", "岔路口社区实践站"))


def test_staff_switches_the_boards_of_its_node_and_of_all_below_it(town: Town) -> None:
    of_city = staff_of_the_city(town)
    volunteer, of_station = town.person("陈芳"), town.person("周站长", Role.STAFF)
    city = f"/staff/boards/{town.nodes['咸宁市']}"
    with town.at(clock.now() + timedelta(seconds=11)):
        listed = of_city.get("/staff/boards").text
        for name in ("咸宁市", "南昌路社区实践站", "岔路口社区实践站"):
            assert f"关闭{name}的光荣榜" in listed
        assert "和谐小区" not in listed
        assert "关闭咸宁市的光荣榜" not in of_station.get("/staff/boards").text
        assert "打开咸宁市的光荣榜" in of_city.post(city, city).text
        assert "这里没有开设光荣榜" in volunteer.get(f"/boards?node_id={town.nodes['咸宁市']}").text
        assert "这里没有开设光荣榜" not in volunteer.get("/boards").text
        assert "关闭咸宁市的光荣榜" in of_city.post("/staff/boards", city, on="1").text


def test_no_log_line_holds_what_was_searched_for(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from gateway.pages import staff as page
    from shared.upstream import NoAnswer, Upstream

    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    search = "/staff/members?q=陈芳"
    assert volunteer.member_id in staff.get(search).text
    with monkeypatch.context() as broken:
        broken.setattr(page, "station_options", lambda _role: 1 / 0)
        staff.get(search, status=500)
    through = Upstream.request

    def silent(self: Upstream, method: str, target: str, **fields: Any) -> Any:
        if "/members?" in target:
            raise NoAnswer("nobody there")
        return through(self, method, target, **fields)

    monkeypatch.setattr(Upstream, "request", silent)
    staff.get(search, status=503)
    logged = caplog.text + "".join(capfd.readouterr())
    assert "ZeroDivisionError" in logged
    assert "no answer" in logged
    assert "陈芳" not in logged
    assert quote("陈芳") not in logged


def test_roles_are_given_and_taken_back(town: Town) -> None:
    volunteer = town.person("陈芳")
    admin = town.administrator
    admin.api("POST", f"/members/members/{volunteer.member_id}/confirm")
    filled = form_fields(admin.get("/staff/grants?q=陈芳").text, "/staff/grants")
    answer = admin.client.post(
        "/staff/grants",
        data=filled | {"member_id": volunteer.member_id, "role": "organizer", "node_id": town.station_id},
        follow_redirects=True,
    )
    assert answer.status_code == 200
    assert "活动负责人" in answer.text
    # The administrator's own comes first.
    revoke = re.findall(r'href="(/staff/grants/[^"]+/revoke)"', answer.text)[-1]
    assert "陈芳" in admin.get(revoke).text
    shown = admin.post(revoke, revoke).text
    assert "已收回" in shown
    assert "陈芳" not in shown


def _bury(town: Town) -> None:
    """A fact about 陈芳 that points refused."""
    from shared import outbox
    from shared.db import transactional
    from shared.events import MemberChanged

    with town.apps["members"].app_context():
        fact = MemberChanged(
            member_id=new_id(), version=1, status="active", confirmed=False, volunteer_number="1", name_masked="陈*"
        )
        transactional(lambda tx: outbox.add(tx, fact))()
        rows = transactional(lambda tx: outbox.lease(tx, "points", 10))()
        transactional(lambda tx: outbox.mark_dead(tx, rows[0].id, "invalid: 看不懂"))()


def test_stuck_facts_are_shown_with_their_reason_and_tried_again(town: Town) -> None:
    _bury(town)
    shown = town.administrator.get("/staff/stuck").text
    assert "invalid: 看不懂" in shown
    assert "陈*" in shown
    action = re.search(r'action="(/staff/stuck/members/[^"]+)"', shown)
    assert action is not None
    assert "没有待人工处理的记录" in town.administrator.post("/staff/stuck", action[1]).text


def test_stuck_facts_show_an_administrator_of_a_node_nothing_of_anybody(town: Town) -> None:
    of_station, of_city = town.person("罗静", Role.ADMINISTRATOR), town.person("周敏")
    town.administrator.api("POST", f"/members/members/{of_city.member_id}/confirm")
    grant = {"id": str(new_id()), "member_id": of_city.member_id, "role": "administrator"}
    town.administrator.api("POST", "/members/grants", grant | {"node_id": town.nodes["咸宁市"]})
    town.deliver()
    _bury(town)
    with town.at(clock.now() + timedelta(seconds=11)):  # what the gateway believes of a session
        for who, may_requeue in ((of_station, False), (of_city, True)):
            shown = who.get("/staff/stuck").text
            assert "MemberChanged" in shown
            assert "invalid" in shown
            assert "看不懂" not in shown
            assert "陈*" not in shown
            assert ('action="/staff/stuck/members/' in shown) is may_requeue
        action = re.search(r'action="(/staff/stuck/members/[^"]+)"', shown)
        assert action is not None
        assert "没有待人工处理的记录" in of_city.post("/staff/stuck", action[1]).text


def test_the_audit_log_of_all_services_is_one_list(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    _offer(staff)
    shown = town.administrator.get("/staff/audit").text
    assert "上架礼品" in shown
    assert "授予角色" in shown
    assert "周站长" in shown
    assert "没有登录的人" in shown  # who became the first administrator
    table = shown.partition("<table")[2].partition("</table>")[0]
    for raw in ("login:", "grant.add", "gift.create", "{'", "T0", "None"):
        assert raw not in re.sub(r"<[^>]*>", " ", table), raw
    chosen = town.administrator.get("/staff/audit?action=gift.create").text.partition("<table")[2]
    assert "上架礼品" in chosen
    assert "授予角色" not in chosen


def test_every_act_that_is_recorded_has_words_and_no_words_are_left_over(town: Town) -> None:
    from gateway.pages.acts import act_names

    acts, begun = recorded_acts()
    assert {"attendance.confirm", "activity.cancel", "redemption.undo", "member.confirm"} <= acts
    assert begun == {"board.switch_", "confirm_each.switch_", "import.", "stock."}
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
    _offer(staff)
    text = re.sub(r"<[^>]*>", "", town.administrator.get("/staff/audit").text)
    assert "志愿活动 楼道大扫除" in text
    assert re.search(r"原来：[^<]*09:00–11:30\s*现在：[^<]*14:00–16:00", text), text
    assert not re.search(r"[a-z_]+：", text)
    in_english = town.administrator
    in_english.client.set_cookie("huzhu_language", "en")
    assert "：" not in in_english.get("/staff/audit").text


def test_the_audit_log_is_asked_for_a_person_a_place_and_days(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    _offer(staff)

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


def test_tokens_are_shown_once_and_revoked(town: Town) -> None:
    volunteer = town.person("陈芳")
    made = volunteer.post("/me/tokens", "/me/tokens", name="备份").text
    token = re.search(r"<code>([^<]{20,})</code>", made)
    assert token is not None
    assert "还没有用过" in made
    program = town.gateway.test_client()
    headers = {"Authorization": f"Bearer {token[1]}"}
    assert program.get("/api/v1/members/me", headers=headers).status_code == 200
    listed = volunteer.get("/me/tokens").text
    assert token[1] not in listed
    assert "最近使用" in listed
    revoke = re.search(r'action="(/me/tokens/[^"]+/revoke)"', listed)
    assert revoke is not None
    assert "还没有令牌" in volunteer.post("/me/tokens", revoke[1]).text
    with town.at(clock.now() + timedelta(seconds=11)):
        assert program.get("/api/v1/members/me", headers=headers).status_code == 401


ORGANIZERS = ["/organize", "/organize/activities", "/organize/activities/new", "/desk"]
STAFFS = [
    "/staff/confirming",
    "/staff/members",
    "/staff/members/new",
    "/staff/gifts",
    "/staff/gifts/new",
    "/staff/boards",
]
ADMINISTRATORS = ["/staff/grants", "/staff/stuck", "/staff/audit"]


def test_a_page_opens_for_its_role_and_for_nobody_below(town: Town) -> None:
    allowed = {
        None: [],
        Role.ORGANIZER: ORGANIZERS,
        Role.STAFF: [*ORGANIZERS, *STAFFS, "/staff"],
        Role.AUDITOR: ["/staff", "/staff/audit"],
        Role.ADMINISTRATOR: [*ORGANIZERS, *STAFFS, *ADMINISTRATORS, "/staff"],
    }
    for role, paths in allowed.items():
        who = town.person("某人", role)
        for path in {*ORGANIZERS, *STAFFS, *ADMINISTRATORS, "/staff"}:
            who.get(path, status=200 if path in paths else 403)


def test_a_page_says_what_is_away_and_stands_otherwise(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.upstreams import Upstreams
    from shared.errors import Unavailable

    admin = town.administrator
    through = Upstreams.send

    def without(down: str) -> None:
        def send(self: Any, service: str, *arguments: Any, **fields: Any) -> Any:
            if service == down:
                raise Unavailable
            return through(self, service, *arguments, **fields)

        monkeypatch.setattr(Upstreams, "send", send)

    without("checkin")
    for path in ("/organize", "/organize/activities", "/staff/stuck", "/staff/audit"):
        assert "暂时看不到" in admin.get(path).text
    without("rewards")
    assert "暂时看不到" in admin.get("/staff/audit").text
    without("points")
    assert "暂时看不到" in admin.get("/staff/boards").text


# --- Many activities ----------------------------------------------------------------------------------


def activity_at(node_id: str, starts_at: datetime, title: str) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "title": title,
        "station_id": node_id,
        "station_name": "南昌路社区实践站",
        "place": "东门",
        "state": "published",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
    }


def listing(activities: list[dict[str, Any]]) -> Callable[[Request], Response]:
    """Answers as check-in does: by start, from where to where and how many as asked."""
    by_start = sorted(activities, key=lambda one: (one["starts_at"], one["id"]))

    def answer(request: Request) -> Response:
        if not request.path.endswith("/activities"):
            return json_answer([])
        asked = request.args
        ordered = by_start[::-1] if asked.get("order") == "newest" else by_start
        after = next((place for place, one in enumerate(ordered, 1) if one["id"] == asked.get("after")), 0)
        found = [
            one
            for one in ordered[after:]
            if one["station_id"] == asked["station_id"]
            and datetime.fromisoformat(one["ends_at"]) >= datetime.fromisoformat(asked["from"])
            and ("to" not in asked or datetime.fromisoformat(one["starts_at"]) < datetime.fromisoformat(asked["to"]))
        ]
        return json_answer(found[: int(asked.get("limit", 50))])

    return answer


NODES = tuple(f"70000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
GRANTS = tuple(("organizer", f"/{node_id}/") for node_id in NODES)


def test_a_full_week_does_not_crowd_out_today(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str]
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12)
    week = [activity_at(NODES[0], noon - timedelta(hours=24 + 0.6 * number), "从前的") for number in range(220)]
    now = [activity_at(NODES[0], noon + timedelta(minutes=number), f"今天{number:03}号") for number in range(120)]
    coming = [activity_at(NODES[1], noon + timedelta(days=1), "明天的")]
    services["checkin"].answering = listing([*week, *now, *coming])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    shown = client.get("/organize").text
    assert [number for number in range(120) if f"今天{number:03}号" not in shown] == []
    assert shown.index("今天119号") < shown.index("明天的") < shown.index("从前的")
    assert "这里没有全部列出" not in shown


def test_the_workbench_says_when_it_does_not_list_everything(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str]
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12)
    services["checkin"].answering = listing([activity_at(NODES[0], noon, "太多了") for _number in range(201)])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    assert "这里没有全部列出" in client.get("/organize").text


@pytest.mark.parametrize(("query", "sign"), [("", 1), ("?when=past", -1)])
def test_turning_the_pages_of_several_nodes_shows_every_activity_once(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str], query: str, sign: int
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12 if sign > 0 else -12)
    minute, day = sign * timedelta(minutes=1), sign * timedelta(days=1)
    crowded = [activity_at(NODES[0], noon + minute * number, f"甲{number:03}号") for number in range(120)]
    sparse = [activity_at(NODES[1], noon + day * number, f"乙{number:03}号") for number in range(60)]
    services["checkin"].answering = listing([*crowded, *sparse])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    titles: list[str] = []
    path: str | None = f"/organize/activities{query}"
    while path and len(titles) < 400:
        shown = client.get(path).text
        titles += re.findall(r"[甲乙]\d{3}号", shown)
        more = re.search(r'href="(/organize/activities\?[^"]*after=[^"]*)"', shown)
        path = more[1].replace("&amp;", "&") if more else None
    # What is nearest to now comes first.
    wanted = sorted([*crowded, *sparse], key=lambda one: (one["starts_at"], one["id"]), reverse=sign < 0)
    assert titles == [one["title"] for one in wanted]


# --- Slips ------------------------------------------------------------------------------------------------


def test_who_is_there_now_is_entered_by_the_defaults(town: Town) -> None:
    organizer, present = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    page = publish(organizer)
    with town.at(START + timedelta(minutes=30)):
        found = organizer.get(f"{page}/add?q=王秀英").text
        filled = form_fields(found, f"{page}/add") | {"member_id": present.member_id}
        assert (filled["start"], filled["end"]) == ("09:00", "")
        added = organizer.client.post(f"{page}/add", data=filled, follow_redirects=True)
        assert added.status_code == 200, added.text
        assert "已补签" in added.text
        assert "未签退" in added.text


def test_who_left_without_a_scan_is_signed_out_at_the_time_the_organizer_knows(town: Town) -> None:
    organizer, gone = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    page = publish(organizer)
    with town.at(START):
        scan(organizer, gone, page, "arrival")
    with town.at(START + timedelta(hours=2)):
        record = re.search(r'href="([^"]+/attendances/[^"]+)"', organizer.get(f"{page}/confirm").text)
        assert record is not None
        version = re.search(r'name="version" value="(\d+)"', organizer.get(record[1]).text)
        assert version is not None
        typed: dict[str, Any] = {"action": "correct", "reason": "接孩子先走了", "version": version[1]}
        typed |= {"day": START.date().isoformat(), "start": "09:00"}
        for end, words in (("", "请填写签退时间"), ("11:10", "签退时间还没到"), ("08:50", "签退时间比签到时间早")):
            assert words in organizer.post(record[1], record[1], status=422, end=end, **typed).text
        too_early = organizer.post(record[1], record[1], status=422, **(typed | {"start": "07:30", "end": "10:00"}))
        assert "签退要晚于签到" in too_early.text
        assert "现在签退" in organizer.get(record[1]).text  # the refused ones changed nothing
        done = organizer.post(record[1], record[1], end="10:00", **typed).text
        assert "时间已更正" in done
        assert re.search(r">10:00<", done)


def test_ending_is_asked_first(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    page = publish(organizer)
    assert f'action="{page}/close"' not in organizer.get(page).text
    assert f'action="{page}/leave-all"' not in organizer.get(f"{page}/confirm").text
    with town.at(START + timedelta(hours=1)):
        assert "重新计算积分" in organizer.get(f"{page}/close").text
        assert "没有可以确认的记录" in organizer.post(f"{page}/confirm", f"{page}/confirm-all").text
        assert "全员签退" in organizer.get(f"{page}/confirm").text
        assert "活动已结束" in organizer.post(f"{page}/close", f"{page}/close").text
        closed = organizer.get(f"{page}/confirm").text
        assert re.search(r"提前结束：[^<]*10:00", closed)
        assert "全员签退" not in closed
        assert re.search(r'class="button second"[^>]*>.*一键确认全部', closed)
        gone = organizer.get(f"{page}/code", status=422).text
        assert "这个活动已经结束" in gone
        assert f'href="{page}"' in gone


def test_the_records_of_several_sites_say_where(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    one = publish(organizer, title="义诊", site_name_0="南门")
    several = publish(organizer, confirm_each="1", site_name_0="东门", site_name_1="西门")
    with town.at(START):
        for page in (one, several):
            scan(organizer, volunteer, page, "arrival")
        assert "点位" not in organizer.get(f"{one}/confirm").text
        assert re.search(r'data-head="点位">东门<', organizer.get(f"{several}/confirm").text)
        organizer.post(f"{several}/leave-all", f"{several}/leave-all")
        assert re.search(r'class="button main"[^>]*>.*一键确认全部', organizer.get(f"{several}/confirm").text)


def test_slips_in_the_form_are_asked_about(town: Town) -> None:
    organizer, new = town.person("李组织", Role.ORGANIZER), "/organize/activities/new"
    publish(organizer)
    again = organizer.post(new, new, status=422, action="publish", **ACTIVITY).text
    assert "已经有一个同名的活动" in again
    past = ACTIVITY | {"day": (START - timedelta(days=3)).date().isoformat(), "action": "publish"}
    assert "已经过去" in organizer.post(new, new, status=422, **past).text
    assert (
        "已发布"
        in organizer.client.post(
            new, data=form_fields(organizer.get(new).text, new) | past | {"past": "1"}, follow_redirects=True
        ).text
    )
    empty = organizer.post(new, new, status=422, **(ACTIVITY | {"start": "", "end": "", "place": ""})).text
    assert "site_name_2" not in empty
    order = [empty.index(words) for words in ("请填写开始时间", "请填写结束时间", "请填写集合地点")]
    assert order == sorted(order)
    too_far = organizer.post(
        new, new, status=422, **(ACTIVITY | {"title": "另一个", "window_before_minutes": "99999"})
    ).text
    assert "240" in too_far
    assert "Must be" not in too_far


def test_an_activity_of_another_station_shows_no_buttons(town: Town) -> None:
    organizer, other = town.person("李组织", Role.ORGANIZER), town.person("周组织")
    town.administrator.api("POST", f"/members/members/{other.member_id}/confirm")
    grant = {"id": str(new_id()), "member_id": other.member_id, "role": "organizer"}
    town.administrator.api("POST", "/members/grants", grant | {"node_id": town.nodes["岔路口社区实践站"]})
    town.deliver()
    page = publish(organizer)
    with town.at(clock.now() + timedelta(seconds=11)):
        shown = other.get(page).text
    assert "别的站的活动" in shown
    assert "/edit" not in shown
    assert "/cancel" not in shown


def test_withdrawing_a_gift_is_asked_first_and_can_be_taken_back(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    _offer(staff)
    gift = re.search(r'href="(/staff/gifts/[^"?]+)\?', staff.get("/staff/gifts").text)
    assert gift is not None
    asked = f"{gift[1]}/withdraw?station_id={town.station_id}"
    assert "香皂" in staff.get(asked).text
    gone = staff.post(asked, gift[1])
    assert "礼品已下架" in gone.text
    here = f"{gift[1]}?station_id={town.station_id}"
    assert asked not in staff.get(here).text


def test_somebody_without_a_balance_yet_is_no_outage(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = town.person("周站长", Role.STAFF)
    with monkeypatch.context() as undelivered:
        undelivered.setattr(Town, "deliver", lambda _town: None)
        volunteer = town.person("陈芳")
    shown = staff.get(f"/staff/members/{volunteer.member_id}").text
    assert "还没有可以看的积分" in shown
    assert "暂时看不到" not in shown


def test_a_refused_movement_of_stock_does_not_lock_its_form(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway import backend
    from shared.errors import Unavailable

    staff = town.person("周站长", Role.STAFF)
    _offer(staff)
    gift = re.search(r'href="(/staff/gifts/[^"?]+)\?', staff.get("/staff/gifts").text)
    assert gift is not None
    here, stock = f"{gift[1]}?station_id={town.station_id}", f"{gift[1]}/stock"
    typed = {"kind": "write_off", "reason": "受潮"}
    refused = staff.post(here, stock, status=422, quantity="1000", **typed).text
    assert "库存不足" in refused
    again = form_fields(refused, stock) | {"quantity": "2"}
    through = backend.call

    def busy(service: str, method: str, *arguments: Any, **fields: Any) -> Any:
        if method == "POST":
            raise Unavailable
        return through(service, method, *arguments, **fields)

    with monkeypatch.context() as away:
        away.setattr(backend, "call", busy)
        kept = staff.client.post(stock, data=again)
    assert kept.status_code == 503
    assert form_fields(kept.text, stock)["id"] == again["id"]
    for _ in range(2):
        assert "库存已记账" in staff.client.post(stock, data=again, follow_redirects=True).text
    assert re.search(r"可兑</dt><dd>8<", staff.get(here).text)


def test_the_price_of_a_gift_is_refused_in_points(town: Town) -> None:
    staff, new = town.person("周站长", Role.STAFF), "/staff/gifts/new"
    for price in ("0", "999999.99"):
        assert "积分应在 0.01 到 10" in staff.post(new, new, status=422, name="香皂", points=price).text
    assert "待核实的志愿者" in staff.get("/organize").text


def test_staff_sees_how_many_wait_to_be_confirmed(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    town.person("陈芳")
    assert re.search(r"待核实的志愿者.*?1 人", staff.get("/staff").text, re.DOTALL)
