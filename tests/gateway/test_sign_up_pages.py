"""Signing up on the pages, in front of the real services."""

import html
import re
from datetime import timedelta
from typing import Any

from gateway import qr
from gateway.parts import parts
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import ACTIVITY, START, publish, scan
from tests.gateway.real import PASSWORD, Browser, Town, form_fields, town

__all__ = ["town"]


def test_a_volunteer_finds_an_activity_signs_up_and_calls_off(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    activity_id = publish(organizer).rpartition("/")[2]
    page = f"/activities/{activity_id}"
    assert f'href="{page}"' in volunteer.get("/activities").text
    shown = volunteer.get(page).text
    assert "需要 20 人，已报名 0 人" in shown
    assert "李*织" in shown
    done = volunteer.post(page, f"{page}/sign-up").text
    assert "已报名" in done
    assert "需要 20 人，已报名 1 人" in done
    for place in ("/", "/activities"):
        assert "我报名的" in volunteer.get(place).text
    off = volunteer.post(page, f"{page}/cancel").text
    assert "已取消报名" in off
    assert "已报名 0 人" in off
    assert "我报名的" not in volunteer.get("/").text


def test_who_has_come_is_signed_up_no_more(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer)
    page = f"/activities/{here.rpartition('/')[2]}"
    volunteer.post(page, f"{page}/sign-up")
    with town.at(START):
        assert "我报名的" in volunteer.get("/").text
        scan(organizer, volunteer, here, "arrival")
        for place in ("/", "/activities"):
            shown = volunteer.get(place).text
            assert "我报名的" not in shown
            assert f'href="{page}"' in shown
            assert "已到场" in shown


def test_one_login_signs_up_the_family_and_is_told_who_is_beyond_the_number(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    mother = str(new_id())
    relative = {"id": mother, "name": "王秀英", "relation": "parent", "consents": consents}
    volunteer.api("POST", "/members/me/members", relative)
    town.deliver()
    page = f"/activities/{publish(organizer, capacity='1', site_name_0='东门', site_name_1='西门').rpartition('/')[2]}"
    assert "为谁报名？" in volunteer.get(page).text
    volunteer.post(page, f"{page}/sign-up", member_ids=mother)
    both = volunteer.post(page, f"{page}/sign-up", member_ids=volunteer.member_id).text
    assert "您排在第 2 位，要 1 人" in both
    assert "取消王秀英的报名" in both
    assert "为谁报名？" not in both
    stranger = town.person("外人")
    refused = stranger.post(page, f"{page}/sign-up", status=422, member_ids=mother).text
    assert "请至少选一位" in refused


def test_nobody_signs_up_for_what_is_called_off(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer)
    page = f"/activities/{here.rpartition('/')[2]}"
    organizer.post(here, f"{here}/cancel", reason="下雨")
    shown = volunteer.get(page).text
    assert "原因：下雨" in shown
    assert f"{page}/sign-up" not in shown
    with town.at(START.astimezone(clock.SHANGHAI)):
        assert "已取消" in volunteer.get(page).text


# --- For who is not logged in ---------------------------------------------------------------------------


def test_the_page_that_a_notice_leads_to_is_open_and_names_nobody(town: Town) -> None:
    organizer, leader, volunteer = town.person("李组织", Role.ORGANIZER), town.person("王秀英"), town.person("陈芳")
    here = publish(organizer, site_name_0="东门", site_place_0="岗亭", site_leader_0="王秀英", site_name_1="西门")
    page = f"/activities/{here.rpartition('/')[2]}"
    volunteer.post(page, f"{page}/sign-up")
    shown = town.browser().get(page)
    assert shown.request.path == page, "nobody is led away to log in"
    for words in (
        "<h1>楼道大扫除</h1>",
        "09:00–11:30",
        "和谐小区门口",
        "东门 · 岗亭",
        "需要 20 人，已报名 1 人",
        "登录并报名",
    ):
        assert words in shown.text
    assert shown.text.count('class="button main') == 1
    path = f"/api/v1/checkin/announcement?activity_id={page.rpartition('/')[2]}"
    told = str(town.browser().client.get(path).json)
    assert "楼道大扫除" in told
    for words in ("李", "王", "陈", organizer.member_id, leader.member_id, volunteer.member_id):
        assert words not in told, words
        assert words not in shown.text, words


def test_who_logs_in_or_registers_from_there_comes_back_and_signs_up(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    page = f"/activities/{publish(organizer).rpartition('/')[2]}"
    phone = "13800000002"
    known, fresh = town.browser(), town.browser()
    back = known.post(way_in(known.get(page).text, "/login"), "/login", phone=phone, password=PASSWORD)
    assert back.request.path == page
    assert "已报名" in known.post(page, f"{page}/sign-up").text
    assert signed_up(organizer, page.rpartition("/")[2]) == [volunteer.member_id]
    # By the link of the login page, since that is where many go first; and by way of the choice of the community.
    login = fresh.get(way_in(fresh.get(page).text, "/login")).text
    stations = fresh.get(way_in(login, "/register")).text
    assert next_of_search(stations) == page
    form = way_in(stations, f"/register?station_id={town.station_id}")
    person: dict[str, Any] = {
        "name": "赵志远",
        "phone": "13811112222",
        "password": PASSWORD,
        "terms": "1",
        "privacy": "1",
    }
    wrong = fresh.post(form, "/register", 422, **person | {"name": ""}).text
    assert form_fields(wrong, "/register")["next"] == page
    there = fresh.post(form, "/register", **person)
    assert there.request.path == page
    town.deliver()
    assert "已报名" in fresh.post(page, f"{page}/sign-up").text
    # Whose number is known already logs in, and comes back too.
    again = town.browser().post(form, "/register", **person | {"password": "别的密码 1949"})
    assert form_fields(again.text, "/login")["next"] == page


def way_in(page: str, to: str) -> str:
    """The address of the link that goes to this page, whatever goes along."""
    found = re.search(rf'href="({re.escape(html.escape(to))}[^"]*)"', page)
    assert found is not None, to
    return html.unescape(found[1])


def next_of_search(page: str) -> str:
    found = re.search(r'<form method="get" action="/register".*?name="next" value="([^"]*)"', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_what_is_called_off_says_so_first_and_what_was_never_published_is_not_there(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer)
    page, stranger = f"/activities/{here.rpartition('/')[2]}", town.browser()
    with town.at(START + timedelta(hours=4)):
        over = stranger.get(page).text
        assert "已结束" in over
        assert "登录并报名" not in over
    organizer.post(here, f"{here}/postpone")
    put_off = stranger.get(page).text
    assert put_off.index("已延期") < put_off.index("09:00–11:30")
    assert "登录并报名" not in put_off
    organizer.post(here, f"{here}/cancel", reason="下雨")
    off = stranger.get(page).text
    assert off.index("已取消") < off.index("原因：下雨") < off.index("09:00–11:30")
    assert "登录并报名" not in off
    new = "/organize/activities/new"
    draft = organizer.post(new, new, action="draft", **ACTIVITY | {"title": "还没发布"}).request.path
    stranger.get(f"/activities/{draft.rpartition('/')[2]}", 404)
    organizer.post(draft, f"{draft}/cancel", reason="不办了")
    stranger.get(f"/activities/{draft.rpartition('/')[2]}", 404)
    stranger.get(f"/activities/{new_id()}", 404)


PASTED = """#接龙
周六清扫和谐小区

1. 陈芳
2、李小明 2人
3. 王秀英
4. 没登记
5. 李小明
6. 👍
7. 赵志远 13900000000
"""


def test_a_pasted_list_is_checked_line_by_line_and_signs_up_nobody_twice_or_wrongly(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    chen, li = town.person("陈芳"), town.person("李小明")
    namesakes = [town.person("王秀英") for _ in range(2)]
    other_phone = town.person("赵志远")
    here = publish(organizer)
    activity_id = here.rpartition("/")[2]
    chen.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    page = f"{here}/sign-ups"
    checked = organizer.post(page, f"{page}/read", list=PASTED).text
    comes_to = re.findall(r"<strong>([^<]*)</strong>\s*<div><span class=\"badge[^>]*>([^<]*)<", checked)
    assert comes_to == [
        ("#接龙", "标题，不算"),
        ("周六清扫和谐小区", "标题，不算"),
        ("1. 陈芳", "已经报过名"),
        ("2、李小明 2人", "可以报名"),
        ("3. 王秀英", "请选是哪一位"),
        ("4. 没登记", "本站没有这个人"),
        ("5. 李小明", "上面已有这个人"),
        ("6. 👍", "没有看懂"),
        ("7. 赵志远 13900000000", "请选是哪一位"),
    ]
    assert "还带 1 人没有写姓名" in checked
    assert signed_up(organizer, activity_id) == [chen.member_id]
    form = form_fields(checked, f"{page}/list")
    assert form["chosen_6"] == form["chosen_10"] == ""
    form["chosen_6"] = namesakes[1].member_id
    for _ in range(2):
        shown = organizer.client.post(f"{page}/list", data=form, follow_redirects=True).text
        assert "已报名" in shown
        assert signed_up(organizer, activity_id) == [chen.member_id, li.member_id, namesakes[1].member_id]
    assert other_phone.member_id not in signed_up(organizer, activity_id)
    again = organizer.post(page, f"{page}/read", list="1. \u200b李小明\u2060").text
    assert "已经报过名" in again


def test_nobody_of_a_pasted_list_is_lost_and_what_is_open_stays_to_go_on_with(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    xu, cai, wang = town.person("许志刚"), town.person("蔡强"), [town.person("王秀英") for _ in range(2)]
    here = publish(organizer)
    page, list_page = f"{here}/sign-ups", f"{here}/sign-ups/list"
    pasted = "1. 许志刚、蒋佳琪\n2.蔡强 我和女儿\n3. 王秀英\n4. 王秀英\n5. 👍"
    checked = organizer.post(page, f"{page}/read", list=pasted).text
    comes_to = re.findall(r"<strong>([^<]*)</strong>\s*<div><span class=\"badge[^>]*>([^<]*)<", checked)
    assert comes_to[:3] == [
        ("1. 许志刚、蒋佳琪", "可以报名"),
        ("1. 许志刚、蒋佳琪", "本站没有这个人"),
        ("2.蔡强 我和女儿", "可以报名"),
    ]
    assert "这是：蒋佳琪" in checked
    assert "这一行还写着：我和女儿，没有读懂" in checked
    form = form_fields(checked, list_page) | {"chosen_3": wang[1].member_id}
    shown = organizer.client.post(list_page, data=form).text
    assert "报上了 3 人" in shown
    assert "还有 4 行没有办完" in shown
    assert form_fields(shown, f"{page}/read")["list"] == "蒋佳琪\n2.蔡强 我和女儿\n4. 王秀英\n5. 👍"
    assert signed_up(organizer, here.rpartition("/")[2]) == [xu.member_id, cai.member_id, wang[1].member_id]
    none = organizer.client.post(list_page, data=form | dict.fromkeys(("chosen_1", "chosen_2", "chosen_3"), ""))
    assert none.status_code == 422
    assert form_fields(none.text, f"{page}/read")["list"] == pasted


def test_who_stands_first_on_the_list_has_the_first_place_also_when_it_had_to_be_chosen_who_that_is(
    town: Town,
) -> None:
    organizer, li = town.person("李组织", Role.ORGANIZER), town.person("李小明")
    namesakes = [town.person("王秀英") for _ in range(2)]
    here = publish(organizer, capacity="1")
    page, list_page = f"{here}/sign-ups", f"{here}/sign-ups/list"
    form = form_fields(organizer.post(page, f"{page}/read", list="1. 王秀英\n2. 李小明").text, list_page)
    form["chosen_1"] = namesakes[0].member_id
    assert "已报名" in organizer.client.post(list_page, data=form, follow_redirects=True).text
    shown = organizer.get(page).text
    assert shown.index("1. 王秀英") < shown.index("2. 李小明") < shown.index("在需要的人数之外")
    assert signed_up(organizer, here.rpartition("/")[2]) == [namesakes[0].member_id, li.member_id]
    nobody = organizer.post(page, f"{page}/read", list="1. 李小明").text
    assert "名单上没有可以报名的人" in nobody
    assert f'action="{list_page}"' not in nobody or "<span>报名</span>" not in nobody


def test_a_pasted_list_says_for_which_site_it_is_and_its_lines_know_better(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    ids = [town.person(name).member_id for name in ("陈芳", "李小明", "王秀英")]
    here = publish(organizer, site_name_0="东门", site_name_1="西门")
    page, list_page = f"{here}/sign-ups", f"{here}/sign-ups/list"
    sites = {
        one["name"]: one["id"] for one in organizer.api("GET", f"/checkin{here.removeprefix('/organize')}")["sites"]
    }
    checked = organizer.post(page, f"{page}/read", list="1. 陈芳\n2. 李小明 西门\n3. 王秀英", site=sites["东门"]).text
    assert "这一行还写着" not in checked
    organizer.client.post(list_page, data=form_fields(checked, list_page))
    found = organizer.api("GET", f"/checkin{here.removeprefix('/organize')}/sign-ups")
    assert [(one["member_id"], one["site_id"]) for one in found] == list(
        zip(ids, [sites["东门"], sites["西门"], sites["东门"]], strict=True)
    )


def test_a_line_that_stays_open_keeps_the_site_it_stood_under(town: Town) -> None:
    organizer, chen = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer, site_name_0="东门", site_name_1="西门")
    page, list_page = f"{here}/sign-ups", f"{here}/sign-ups/list"
    checked = organizer.post(page, f"{page}/read", list="西门：\n1. 陈芳\n2. 陌生人\n3. 生面孔 东门").text
    left = organizer.client.post(list_page, data=form_fields(checked, list_page)).text
    assert form_fields(left, f"{page}/read")["list"].splitlines() == ["2. 陌生人 去西门", "3. 生面孔 东门"]
    assert signed_up(organizer, here.rpartition("/")[2]) == [chen.member_id]


def test_who_says_that_they_do_not_come_is_not_signed_up_whatever_stands_above(town: Town) -> None:
    organizer, zhao = town.person("李组织", Role.ORGANIZER), town.person("赵红梅")
    uyghur, wu = town.person("古丽娜尔·买买提"), town.person("吴春生")
    here = publish(organizer)
    page, list_page = f"{here}/sign-ups", f"{here}/sign-ups/list"
    zhao.post(f"/activities/{here.rpartition('/')[2]}", f"/activities/{here.rpartition('/')[2]}/sign-up")
    phone = organizer.api("GET", f"/members/members/{uyghur.member_id}/phone")["phone"]
    pasted = f"1. 吴春生\n2. {phone}\n3. 取消 赵红梅\n4. 吴春生 不去了"
    checked = organizer.post(page, f"{page}/read", list=pasted).text
    assert checked.count("说不来，不报名") == 3
    assert checked.count("报名名单上有，不来的话请在名单上取消") == 1
    assert "古丽娜尔·买买提" in checked
    assert wu.member_id not in checked
    done = organizer.client.post(list_page, data=form_fields(checked, list_page))
    assert "报上了 1 人" in done.text
    assert sorted(signed_up(organizer, here.rpartition("/")[2])) == sorted([zhao.member_id, uyghur.member_id])


def signed_up(organizer: Browser, activity_id: str) -> list[str]:
    found = organizer.api("GET", f"/checkin/activities/{activity_id}/sign-ups")
    return [one["member_id"] for one in found]


def test_the_organizer_sees_who_is_beyond_the_number_and_who_did_not_come(town: Town) -> None:
    organizer, absent, beyond = town.person("李组织", Role.ORGANIZER), town.person("陈芳"), town.person("王秀英")
    here = publish(organizer, capacity="1")
    page = f"/activities/{here.rpartition('/')[2]}"
    for who in (absent, beyond):
        who.post(page, f"{page}/sign-up")
    shown = organizer.get(f"{here}/sign-ups").text
    assert "1. 陈芳" in shown
    assert "在需要的人数之外" in shown.partition("2. 王秀英")[2]
    assert "未到" not in shown
    with town.at(START + timedelta(hours=4)):
        assert organizer.get(f"{here}/sign-ups").text.count("未到") == 2
    off = organizer.post(f"{here}/sign-ups", f"{here}/sign-ups/cancel").text
    assert "已取消报名" in off
    assert "在需要的人数之外" not in off


def test_a_group_is_told_of_an_activity_as_it_stands(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer, site_name_0="东门", site_place_0="岗亭", site_name_1="西门")
    with town.gateway.app_context():
        public_url = parts().settings.public_url
    address = f"{public_url}/activities/{here.rpartition('/')[2]}"
    told = organizer.get(f"{here}/notice").text
    for words in ("【志愿活动】楼道大扫除", "09:00–11:30", "东门 · 岗亭 · 负责人 李组织", f"报名和详情：{address}"):
        assert words in told
    assert "周" in told.partition("时间：")[2][:20]
    poster = organizer.get(f"{here}/poster").text
    for words in ("<h1>楼道大扫除</h1>", 'class="qr"', "服务 1 小时得 1 积分", "负责人：李组织"):
        assert words in poster
    assert qr.svg(address, "活动的二维码") in poster
    organizer.post(here, f"{here}/postpone")
    assert "【延期】楼道大扫除" in organizer.get(f"{here}/notice").text
    organizer.post(here, f"{here}/cancel", reason="下雨")
    off = organizer.get(f"{here}/notice").text
    assert "【取消】楼道大扫除" in off
    assert "原因：下雨" in off


def test_a_group_is_told_the_old_time_beside_the_new_and_no_meeting_place_twice(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer, site_name_0="东门", site_name_1="西门", site_place_1="岗亭")
    later = START + timedelta(days=2)
    organizer.post(here, f"{here}/postpone", day=later.date().isoformat(), start="14:00", end="16:00")
    told = organizer.get(f"{here}/notice").text  # opened whenever, not only from the page that says it was moved
    assert f"原来的时间：{START.month}月{START.day}日" in told
    assert f"新的时间：{later.month}月{later.day}日" in told
    assert told.index("09:00–11:30") < told.index("14:00–16:00")
    assert "东门 · 负责人 李组织" in told
    assert "西门 · 岗亭 · 负责人 李组织" in told
    assert told.count("和谐小区门口") == 1
    poster = organizer.get(f"{here}/poster").text
    assert "点位：东门；西门 · 岗亭" in poster
    assert "联系电话：" in poster
    assert not re.search(r"1380000\d{4}", poster)
    assert f"原来的时间：{START.month}月{START.day}日" in organizer.get(f"{here}/calls").text
    organizer.post(here, f"{here}/cancel", reason="下雨")
    assert "原来的时间" not in organizer.get(f"{here}/calls").text


def test_whoever_signed_up_can_be_called_and_each_phone_read_is_recorded(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer)
    page = f"/activities/{here.rpartition('/')[2]}"
    volunteer.post(page, f"{page}/sign-up")
    organizer.post(here, f"{here}/postpone")
    shown = organizer.get(f"{here}/calls").text
    assert "陈芳" in shown
    assert not re.search(r"1380000\d{4}", shown)
    called = organizer.post(f"{here}/calls", f"{here}/calls").text
    assert re.search(r'<a href="tel:1380000\d{4}">1380000\d{4}</a>', called)
    entries = town.administrator.api("GET", "/members/audit?action=member.read_phone")
    assert [entry["subject_id"] for entry in entries] == [volunteer.member_id]


def test_a_mother_without_a_phone_is_called_by_her_daughters(town: Town) -> None:
    organizer, daughter = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    mother = {"id": str(new_id()), "name": "王秀英", "relation": "parent", "consents": consents}
    daughter.api("POST", "/members/me/members", mother)
    town.deliver()
    here = publish(organizer)
    page = f"/activities/{here.rpartition('/')[2]}"
    daughter.post(page, f"{page}/sign-up", member_ids=mother["id"])
    called = organizer.post(f"{here}/calls", f"{here}/calls").text
    assert re.search(r"王秀英.*家人 陈芳 <a[^>]*>1380000\d{4}", called, re.DOTALL)
    assert "家人" not in organizer.get(f"{here}/calls").text
    alone = {"id": str(new_id()), "name": "周建国", "station_id": town.station_id, "consents": consents}
    organizer.api("POST", "/members/newcomers", alone)
    town.deliver()
    organizer.api("POST", f"/checkin{page}/sign-ups", {"id": str(new_id()), "member_ids": [alone["id"]]})
    called = organizer.post(f"{here}/calls", f"{here}/calls").text
    assert called.count("没有电话，请楼栋长或邻居上门转告") == 1
