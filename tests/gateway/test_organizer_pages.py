"""The pages on which an organizer makes, publishes, moves and ends an activity, in front of the real services."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from shared import clock
from shared.db import session
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import ACTIVITY, START, arrival_code, offer, publish, scan
from tests.gateway.real import Town, form_fields, town

__all__ = ["town"]


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
    assert "已改时间，请通知报过名的人" in moved.text
    assert f"{page}/calls" in moved.text
    assert f"{page}/calls" in organizer.get(page).text
    notice = organizer.get(f"{page}/notice").text
    for words in ("【改期】楼道革命", "原来的时间：", "新的时间：", "14:00–16:00", "报过名的不用重新报"):
        assert words in notice
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
    ("end", "08:00", "结束时间要比开始晚"),
    ("end", "09:00", "结束时间要比开始晚"),
    ("day", "2099-03-08", "日期离现在一年多，请核对年份"),
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


def test_a_shift_over_midnight_and_a_far_year_are_published_for_who_says_so(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer, start="22:00", end="02:00", overnight="1", day="2099-03-08", far="1")
    told = organizer.api("GET", f"/checkin{here.removeprefix('/organize')}")
    assert (told["starts_at"], told["ends_at"]) == ("2099-03-08T14:00:00+00:00", "2099-03-08T18:00:00+00:00")
    saved = organizer.post(f"{here}/edit", f"{here}/edit", title="夜间巡查").text
    assert "夜间巡查" in saved
    assert "22:00" in saved
    whole_day = {**ACTIVITY, "title": "值班", "end": "11:00", "overnight": "1"}
    refused = organizer.post("/organize/activities/new", "/organize/activities/new", status=422, **whole_day).text
    assert "最长 24 小时" in refused


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
    offer(staff)
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
        assert "1.5 积分" in volunteer.get("/redemptions").text
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


def test_each_site_has_the_leader_that_was_chosen(town: Town) -> None:
    organizer, chosen = town.person("李组织", Role.ORGANIZER), town.person("赵磊")
    namesakes = [town.person("王秀英") for _ in range(2)]
    new = "/organize/activities/new"
    typed = ACTIVITY | {"action": "publish", "site_name_0": "东门", "site_name_1": "西门", "site_leader_1": "赵磊"}
    refused = organizer.post(new, new, status=422, **typed, site_leader_0="没有这个人").text
    assert "没有找到“没有这个人”：按姓名只找得到在您负责的站登记的人" in refused
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


def test_who_organizes_here_and_lives_elsewhere_leads_a_site_by_the_own_name(town: Town) -> None:
    elsewhere = replace(town, station_id=town.nodes["岔路口社区实践站"])
    organizer = elsewhere.person("程建军", Role.ORGANIZER, at=town.station_id)
    page = publish(organizer, site_name_0="东门", site_leader_0="程建军")
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    assert [site["leader_member_id"] for site in activity["sites"]] == [organizer.member_id]
    # With a namesake who lives here, it is asked which of both.
    namesake, new = town.person("程建军"), "/organize/activities/new"
    typed = ACTIVITY | {"action": "publish", "title": "夜巡", "site_name_0": "东门", "site_leader_0": "程建军"}
    asked = organizer.post(new, new, status=422, **typed).text
    assert "不止一位“程建军”" in asked
    assert f'value="{namesake.member_id}"' in asked
    assert "程建军（我）" in asked
    # Somebody else from elsewhere is not found by a name, as before.
    elsewhere.person("罗外站")
    assert "没有找到“罗外站”" in organizer.post(new, new, status=422, **typed | {"site_leader_0": "罗外站"}).text


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
    assert ("site_name_2" in empty, "site_name_3" in empty) == (True, False)
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


def test_an_activity_has_three_lines_for_its_sites_and_one_more_for_each_press_of_a_button(town: Town) -> None:
    organizer, new = town.person("李组织", Role.ORGANIZER), "/organize/activities/new"
    empty = organizer.get(new).text
    assert sites_offered(empty) == 3
    # Enter presses the first button, which is not the one for a line.
    assert 'value="publish"' in re.findall(r"<button[^>]*>", empty.partition(f'action="{new}"')[2])[0]
    names = {f"site_name_{number}": name for number, name in enumerate(("东门", "西门", "南门"))}
    page = organizer.post(new, new, action="site", **(ACTIVITY | names))
    again = organizer.client.post(new, data=form_fields(page.text, new) | {"action": "site"})
    assert [sites_offered(shown.text) for shown in (page, again)] == [4, 5]
    kept = form_fields(again.text, new)
    assert {name: kept[name] for name in ("title", "place", *names)} == {
        name: (ACTIVITY | names)[name] for name in ("title", "place", *names)
    }
    assert "有 1 处需要修改" not in again.text
    made = organizer.client.post(
        new, data=kept | {"action": "draft", "site_name_4": "北门"}, follow_redirects=True
    ).request.path
    assert "东门、西门、南门、北门" in organizer.get(made).text
    assert sites_offered(organizer.get(f"{made}/edit").text) == 4
    more = organizer.post(f"{made}/edit", f"{made}/edit", action="site").text
    assert (sites_offered(more), form_fields(more, f"{made}/edit")["site_name_3"]) == (5, "北门")


def sites_offered(page: str) -> int:
    return len(re.findall(r'<input id="site_name_', page))
