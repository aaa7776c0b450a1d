"""Confirming, entering and looking into what was refused, in front of the real services."""

import re
from datetime import timedelta
from typing import Any

from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, arrival_code, publish, scan
from tests.gateway.real import Town, form_fields, town

__all__ = ["town"]


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


def test_every_reason_of_a_refusal_has_words_for_the_organizer(town: Town) -> None:
    from gateway.pages.refused import why_shown
    from services.checkin.domain.admission import Outcome, Why

    with town.gateway.test_request_context("/"):
        for outcome in Outcome:
            for why in [*Why, None]:
                if why is not None or outcome in (Outcome.EXPIRED_CODE, Outcome.ANNULLED):
                    assert why_shown({"why": why, "outcome": outcome, "detail": "?"}) != "?"


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


def test_the_records_of_several_sites_say_where(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    one = publish(organizer, title="义诊", site_name_0="南门")
    several = publish(organizer, confirm_each="1", site_name_0="东门", site_name_1="西门")
    with town.at(START):
        for page in (one, several):
            scan(organizer, volunteer, page, "arrival")
        assert "点位" not in organizer.get(f"{one}/confirm").text
        assert re.search(r'data-head="点位">东门<', organizer.get(f"{several}/confirm").text)
        organizer.post(f"{several}/leave-all", f"{several}/leave-all", site_id="all")
        assert re.search(r'class="button main"[^>]*>.*一键确认全部', organizer.get(f"{several}/confirm").text)


def test_whom_one_tap_would_give_no_points_is_named_before_it(town: Town) -> None:
    organizer, other = town.person("李组织", Role.ORGANIZER), town.person("周组织", Role.ORGANIZER)
    short, long = town.person("王秀英"), town.person("陈芳")
    page = publish(organizer, confirm_each="1")
    with town.at(START):
        for who in (short, long):
            scan(other, who, page, "arrival")
    with town.at(START + timedelta(minutes=85)):
        scan(other, short, page, "departure")
    with town.at(START + timedelta(minutes=95)):
        scan(other, long, page, "departure")
        shown = organizer.get(f"{page}/confirm").text
        assert "1 人参加不足活动 2 小时 30 分钟的 60%，不计积分" in shown
        warning = shown[shown.index("不计积分") : shown.index(f'action="{page}/confirm-all"')]
        assert "王秀英" in warning
        assert re.search(r"1 小时 2[45] 分钟", warning)
        assert "陈芳" not in warning
        assert "已确认 2 条" in organizer.post(f"{page}/confirm", f"{page}/confirm-all").text
        assert "不计积分" not in organizer.get(f"{page}/confirm").text
        town.deliver()
        ids = [one["id"] for one in short.api("GET", f"/checkin/attendances?member_id={short.member_id}")]
        [award] = short.api("GET", f"/points/awards?attendance_ids={ids[0]}")
        assert award["state"] == "no_points"
        assert "不足活动 2 小时 30 分钟的 60%" in award["reason"]


def test_all_leave_at_the_site_that_is_chosen_and_its_records_are_shown_alone(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    page = publish(organizer, confirm_each="1", site_name_0="东门", site_name_1="西门")
    activity_id, leave = page.rpartition("/")[2], f"{page}/leave-all"
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    people = {name: town.person(name) for name in ("王秀英", "陈芳", "赵志远")}
    with town.at(START):
        for name, site_id in (("王秀英", east), ("陈芳", west), ("赵志远", west)):
            content = {"id": str(new_id()), "member_id": people[name].member_id, "site_id": site_id}
            organizer.api("POST", f"/checkin/activities/{activity_id}/newcomers", content)
    with town.at(START + timedelta(minutes=30)):
        shown = organizer.get(f"{page}/confirm?site={west}").text
        assert [name in shown for name in people] == [False, True, True]
        assert f'href="{page}/confirm?state=open&amp;site={west}"' in shown
        assert f'href="{leave}?site={west}"' in shown
        assert "请选择点位" in organizer.post(leave, leave, status=422).text
        assert "还在场 3 人" in organizer.get(f"{page}/confirm").text
        asked = form_fields(organizer.get(f"{leave}?site={west}").text, leave)
        assert asked["site_id"] == west
        done = organizer.client.post(leave, data=asked).text
        assert "已为 2 人签退" in done
        assert "点位：西门" in done
        assert "还在场 1 人" in done
        assert "已为 1 人签退" in organizer.post(leave, leave, site_id="all").text
    one = publish(organizer, title="义诊")
    assert "点位" not in organizer.get(f"{one}/leave-all").text


def test_who_scanned_late_is_seen_and_nodded_to_while_the_activity_goes_on(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here, away = town.person("王秀英"), town.person("陈芳")
    page = publish(organizer)
    with town.at(START):
        code = arrival_code(organizer, page)
    with town.at(START + timedelta(minutes=10)):
        for who in (here, away):
            who.client.get(f"/s/{code}")
            who.post("/scan", "/scan")
        assert "已收到，等负责人确认" in here.get("/").text
        assert "2 条待确认" in organizer.get("/organize").text
        roll = organizer.get(f"{page}/roll").text
        assert "2 人扫得晚，等着点头" in roll
        shown = organizer.get(f"{page}/confirm").text
        assert "2 人扫得晚，等您点头" in shown
        rows = dict(re.findall(rf'<a href="({page}/attendances/[^"]+)">([^<]+)</a>', shown))
        stays, goes = (next(href for href, name in rows.items() if name == who) for who in ("王秀英", "陈芳"))
        assert f'href="{stays}">扫得晚，等您点头' in roll
        organizer.post(f"{page}/confirm", stays, action="confirm")
        assert "1 人扫得晚，等您点头" in organizer.get(f"{page}/confirm").text
        organizer.post(goes, goes, action="reject", reason="不在现场")
        assert "扫得晚，等" not in organizer.get(f"{page}/confirm").text
        assert "您已签到" in here.get("/").text
