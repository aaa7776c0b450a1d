"""Two entries of one person on staff's pages: side by side, made one, taken back; and what the volunteer sees then."""

import re
from datetime import timedelta

import pytest

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from gateway.pages import merging
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, hold_activity
from tests.gateway.real import Browser, Town, town
from tests.gateway.test_merging_stations import offer, redeem

__all__ = ["town"]


def enter(staff: Browser, town: Town, name: str) -> str:
    member_id = str(new_id())
    content = {"id": member_id, "name": name, "station_id": town.station_id, "birth_date": "1950-03-08"}
    staff.api("POST", "/members/members", content)
    return member_id


def test_what_differs_is_marked_and_services_of_all_stations_are_counted(town: Town) -> None:
    chen, organizer = town.person("王秀英"), town.person("李组织", Role.ORGANIZER)
    signer = town.person("钱站长", Role.STAFF)
    with town.at(START + timedelta(hours=3)):
        activity = hold_activity(town, organizer)
        attend(organizer, activity, chen)
        signer.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        town.deliver()
    # Staff of where the entries have moved to sees none of what they did before.
    other = town.nodes["岔路口社区实践站"]
    staff = town.person("周站长", Role.STAFF, at=other)
    twin = enter(town.administrator, town, "王秀瑛")
    for member_id in (twin, chen.member_id):
        town.administrator.api("PATCH", f"/members/members/{member_id}", {"station_id": other})
    town.administrator.api("PATCH", f"/members/members/{chen.member_id}", {"birth_date": "1950-03-08"})
    town.deliver()
    shown = staff.get(f"/staff/members/{twin}/merge?with={chen.member_id}").text
    table = re.findall(r"<tr>(.*?)</tr>", shown.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)
    rows = {cells[0]: cells[1:] for cells in ([*re.findall(r">([^<]*)</t[hd]>", row)] for row in table)}
    assert rows["姓名"] == ["王秀瑛", "王秀英", "不一样"]
    assert rows["出生日期"] == ["1950年3月8日", "1950年3月8日", ""]
    assert rows["记了时长的服务（所有站点）"] == ["0", "1", ""]
    assert rows["签到记录（您负责的站点）"] == ["0", "0", ""]
    assert "两份登记的姓名不一样" in shown


def test_two_entries_are_compared_merged_and_taken_apart_again(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    twin = enter(staff, town, "王秀英")
    here = f"/staff/members/{twin}"
    town.deliver()
    offered = staff.get(f"{here}/merge?q=王秀英").text
    assert f'href="{here}/merge?with={chen.member_id}"' in offered
    assert "没有找到“没有这个人”" in staff.get(f"{here}/merge?q=没有这个人").text
    page = f"{here}/merge?with={chen.member_id}"
    for words in ("两份登记", "1950年3月8日", "没领的兑换", "一天以内可以撤销"):
        assert words in staff.get(page).text, words
    told = staff.post(page, f"{here}/merge", status=422).text
    assert "请选保留哪一份登记" in told
    assert "请写明怎么知道是同一个人" in told
    merged = staff.post(page, f"{here}/merge", stays=chen.member_id, reason="本人到场").text
    assert "已合并成一份登记" in merged
    assert "并入这里的登记" in merged
    gone = staff.get(here).text
    assert "已并入另一份登记" in gone
    assert f'href="/staff/members/{chen.member_id}"' in gone
    undo = f"{here}/unmerge"
    assert "合并以后已经用掉的积分不退回" in staff.get(undo).text
    assert "请写明原因" in staff.post(undo, undo, status=422).text
    assert "合并已撤销" in staff.post(undo, undo, reason="不是同一个人").text
    assert "已并入另一份登记" not in staff.get(here).text


def test_until_the_books_have_followed_a_merge_the_page_says_so(town: Town) -> None:
    staff, organizer = town.person("周站长", Role.STAFF), town.person("李组织", Role.ORGANIZER)
    stays, goes = town.person("王秀英"), town.person("王秀英")
    with town.at(START + timedelta(hours=3)):
        activity = hold_activity(town, organizer)
        attend(organizer, activity, goes, 120)
        staff.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        town.deliver()
        here = f"/staff/members/{stays.member_id}"
        merged = staff.post(
            f"{here}/merge?with={goes.member_id}", f"{here}/merge", stays=stays.member_id, reason="本人"
        )
        assert "正在合并两份积分和时长" in merged.text
        town.deliver()
        followed = staff.get(here).text
    assert "正在合并" not in followed
    assert "并入这里的登记" in followed
    assert "<dd>2</dd>" in followed


def test_hours_that_count_twice_after_a_merge_wait_for_staff_and_one_tap_settles_them(town: Town) -> None:
    staff, organizer = town.person("周站长", Role.STAFF), town.person("李组织", Role.ORGANIZER)
    stays, goes = town.person("王秀英"), town.person("王秀英")
    here, listed = f"/staff/members/{stays.member_id}", "/staff/doubled"
    with town.at(START + timedelta(hours=3)):
        activity = hold_activity(town, organizer)
        for who in (stays, goes):
            attend(organizer, activity, who, 120)
        staff.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        town.deliver()
        assert "没有重复计时" in staff.get(listed).text
        assert listed not in staff.get("/staff").text
        staff.post(f"{here}/merge?with={goes.member_id}", f"{here}/merge", stays=stays.member_id, reason="本人")
        town.deliver()
        assert "1 组待处理" in staff.get("/staff").text
        twice = "hours that count twice since entries were merged, 1 times: staff must look"
        assert twice in list(Databases(town.apps).pending())
        assert listed in staff.get(here).text
        shown = staff.get(listed).text
        assert "重叠 2 小时" in shown
        take_back = re.findall(r'action="(/staff/doubled/[^"]+)"', shown)
        assert len(take_back) == 2
        settled = staff.post(listed, take_back[0]).text
        assert "没有重复计时" in settled
        town.deliver()
        for path in ("/staff", here):
            assert listed not in staff.get(path).text
        assert "<dd>2</dd>" in staff.get(here).text
        organizer.get(listed, status=403)
        undo = f"/staff/members/{goes.member_id}/unmerge"
        staff.post(undo, undo, reason="不是同一个人")
        town.deliver()
        query = f"member_ids={stays.member_id},{goes.member_id}"
        found = staff.api("GET", f"/points/balances?{query}")
        assert [(one["points_available"], one["minutes_total"]) for one in found] == [(200, 120)] * 2, "given back"
        assert [line for _, _, find in all_checks(Databases(town.apps)) for line in find()] == []


def test_before_logins_act_for_the_one_that_stays_the_page_says_whose_they_are(town: Town) -> None:
    staff, chen, stranger = town.person("周站长", Role.STAFF), town.person("王秀英"), town.person("李小妹")
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    family = {"id": str(new_id()), "name": "王秀英", "relation": "parent", "consents": consents}
    stranger.api("POST", "/members/me/members", family)
    shown = staff.get(f"/staff/members/{chen.member_id}/merge?with={family['id']}").text
    assert "由谁的账号代管" in shown
    assert "李*妹" in shown


def test_after_a_day_the_page_says_why_not(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    twin = enter(staff, town, "王秀英")
    staff.api(
        "POST",
        f"/members/members/{chen.member_id}/merge",
        {"id": str(new_id()), "merged_id": twin, "reason": "本人到场"},
    )
    undo = f"/staff/members/{twin}/unmerge"
    with town.at(clock.now() + timedelta(days=1, minutes=1)):
        assert "合并已经超过一天" in staff.post(undo, undo, status=422, reason="晚了").text


def test_another_stations_entry_is_not_compared(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    staff.get(f"/staff/members/{chen.member_id}/merge?with={new_id()}", status=404)


def test_who_moved_is_taken_in_by_the_whole_number(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    number = staff.api("GET", f"/members/members/{chen.member_id}")["volunteer_number"]
    page = "/staff/members/take-in"
    assert "请填写完整的 12 位志愿者编号" in staff.get(f"{page}?number=123").text
    shown = f"{page}?number={number[:4]} {number[4:]}"
    assert "以后在新的实践站兑换" in staff.get(shown).text
    assert "请写明原因" in staff.post(shown, page, status=422).text
    assert "已转入本站" in staff.post(shown, page, station_id=town.station_id, reason="搬家").text


def test_who_is_gone_is_marked_found_again_and_let_back(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    here = f"/staff/members/{chen.member_id}"
    page = f"{here}/leave"
    assert "请选离开的原因" in staff.post(page, page, status=422).text
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    assert "日期不能晚于今天" in staff.post(page, page, status=422, kind="stopped", day=tomorrow, reason="病了").text
    assert "已登记离开" in staff.post(page, page, kind="stopped", reason="病了").text
    assert "王秀英" in staff.get("/staff/members?left=1").text
    assert "王秀英" not in staff.get("/staff/members").text
    assert "已恢复" in staff.post(f"{here}/return", f"{here}/return", reason="好了").text


def test_the_points_of_who_is_gone_are_passed_on_by_the_rule(town: Town) -> None:
    staff, chen = town.person("周站长", Role.STAFF), town.person("王秀英")
    here = f"/staff/members/{chen.member_id}"
    town.deliver()
    staff.post(f"{here}/leave", f"{here}/leave", kind="deceased", reason="家人告知")
    town.deliver()
    page = f"{here}/points"
    assert "按现在的规则，积分保留在本人名下" in staff.get(page).text
    saved = staff.post(page, page, action="rule", station_id=town.station_id, family_days="90", donate="1").text
    assert "可以捐入本站的爱心积分池" in saved
    assert "没有可以转出的积分" in saved
    assert 'name="taker"' not in saved


def test_what_waits_for_one_of_the_two_is_counted_however_much_others_redeem(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "COUNTED_MAX", 2)
    staff, organizer = town.person("周站长", Role.STAFF), town.person("李组织", Role.ORGANIZER)
    chen, other = town.person("王秀英"), town.person("陈芳")
    twin = enter(staff, town, "王秀英")
    with town.at(START + timedelta(hours=3)):
        activity = hold_activity(town, organizer)
        for who in (chen, other):
            staff.api("POST", f"/members/members/{who.member_id}/confirm")
            attend(organizer, activity, who, 120)
        staff.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        gift_id = offer(town)
        town.deliver()
        for who in (chen, other, other):
            redeem(who, gift_id, town.station_id)
        town.deliver()
        compared = staff.get(f"/staff/members/{twin}/merge?with={chen.member_id}").text
    row = re.search(r"没领的兑换</t[hd]>(.*?)</tr>", compared, re.DOTALL)
    assert row is not None
    assert re.findall(r">([^<]*)</td>", row[1])[:2] == ["0", "1"]
