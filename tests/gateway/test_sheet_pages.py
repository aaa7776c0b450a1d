"""The sign-in sheet on paper and typed in later, in front of the real services."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.pages import sheets
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, publish, scan
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

AFTERWARDS = START + timedelta(hours=4)


@pytest.fixture
def organizer(town: Town) -> Browser:
    return town.person("李组织", Role.ORGANIZER)


def sign_up(who: Browser, here: str) -> None:
    page = f"/activities/{here.rpartition('/')[2]}"
    who.post(page, f"{page}/sign-up")


def site_of(organizer: Browser, here: str) -> str:
    activity = organizer.api("GET", f"/checkin/activities/{here.rpartition('/')[2]}")
    return str(activity["sites"][0]["id"])


def attendances(organizer: Browser, here: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = organizer.api("GET", f"/checkin/activities/{here.rpartition('/')[2]}/attendances")
    return found


def typing(organizer: Browser, here: str, query: str = "now=1") -> dict[str, str]:
    """The form of the sheet as it stands there at first."""
    page = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}&{query}").text
    return form_fields(page, f"{here}/sheet/enter")


def send(organizer: Browser, here: str, form: dict[str, str], action: str, status: int = 200) -> str:
    answer = organizer.client.post(f"{here}/sheet/enter", data=form | {"action": action})
    assert answer.status_code == status, answer.text[-3000:]
    return answer.text


def comes_to(page: str) -> list[tuple[str, str]]:
    """Each line of the outcome with its word."""
    found = re.findall(r"<strong>(\d+\. [^<]*)</strong>\s*<div><span class=\"badge[^>]*>([^<]*)<", page)
    return [(who.partition(" · ")[0], word) for who, word in found]


def on_paper(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr><td class=\"number\">.*?</tr>", page)
    return [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in rows]


def test_the_printed_sheet_lists_who_is_signed_up_and_has_room_for_more(town: Town, organizer: Browser) -> None:
    chen, wang = town.person("陈芳"), town.person("王秀英")
    here = publish(organizer)
    for who in (wang, chen):
        sign_up(who, here)
    address = f"{here}/sheet?site={site_of(organizer, here)}"
    assert f'href="{address}"' in organizer.get(here).text
    with town.at(START - timedelta(minutes=30)):
        page = organizer.get(address).text
        again = organizer.get(f"{address}&number=1-{START:%y%m%d}-083000").text
    lines = on_paper(page)
    assert [line[:2] for line in lines[:3]] == [["1", "王秀英"], ["2", "陈芳"], ["3", ""]]
    assert len(lines) == 20
    assert re.fullmatch(r"\d{4}", lines[0][2])
    for words in ("签到时间", "签退时间", "签名", "李组织", "楼道大扫除", f"1-{START:%y%m%d}-0830"):
        assert words in page
    assert on_paper(again) == lines


def test_hands_write_names_homes_and_times_as_they_like(town: Town, organizer: Browser) -> None:
    uyghur, hu, spread = (town.person(name) for name in ("古丽娜尔·买买提", "胡建国", "萧爱民"))
    town.person("赵红梅")
    here = publish(organizer)
    phone = organizer.api("GET", f"/members/members/{spread.member_id}/phone")["phone"]
    with town.at(AFTERWARDS):
        form = typing(organizer, here)
        form |= {"name_1": "古丽娜尔·买买提", "from_1": "９：１５", "to_1": "１０：２５"}
        form |= {"name_2": "胡建国和老伴", "name_3": "萧 爱 民", "name_4": phone, "name_5": "赵红梅 取消"}
        checked = send(organizer, here, form, "check")
        assert comes_to(checked) == [
            ("1. 古丽娜尔·买买提", "可以录入"),
            ("2. 胡建国", "可以录入"),
            ("3. 萧爱民", "可以录入"),
            ("4. 萧爱民", "上面已有这个人"),
            ("5. 赵红梅 取消", "这一行写着不来，没有录入"),
        ]
        assert "这一行还写着：和老伴。还有别人来了，请另写一行姓名。" in checked
        send(organizer, here, form_fields(checked, f"{here}/sheet/enter"), "enter")
    assert {one["member_id"] for one in attendances(organizer, here)} == {who.member_id for who in (uyghur, hu, spread)}
    [record] = [one for one in attendances(organizer, here) if one["member_id"] == uyghur.member_id]
    assert "T01:15:00" in record["arrived_at"]


def test_who_types_and_lives_elsewhere_is_refused_by_name_not_registered_once_more(town: Town) -> None:
    elsewhere = replace(town, station_id=town.nodes["岔路口社区实践站"])
    typist = elsewhere.person("程建军", Role.ORGANIZER, at=town.station_id)
    here = publish(typist)
    with town.at(AFTERWARDS):
        done = send(typist, here, typing(typist, here) | {"name_1": "程建军"}, "enter")
        assert "您自己或家人的，请另一位负责人录入" in done
        assert "现场登记" not in done
    with town.at(START):
        called = typist.get(f"{here}/roll?q=程建军").text
        assert "本人或家人，请别的负责人点" in called
        assert "没有找到" not in called
    assert "sheet.refuse_own" in str(town.administrator.api("GET", "/checkin/audit?action=sheet.refuse_own"))


def test_a_paper_typed_in_again_asks_no_more_which_of_two_was_meant(town: Town, organizer: Browser) -> None:
    namesakes = [town.person("罗丽华") for _ in range(2)]
    here = publish(organizer)
    number = f"number=1-{START:%y%m%d}-083000"
    with town.at(AFTERWARDS):
        form = typing(organizer, here, number) | {"name_3": "罗丽华"}
        asked = form_fields(send(organizer, here, form, "check"), f"{here}/sheet/enter")
        assert comes_to(send(organizer, here, form, "check")) == [("3. 罗丽华", "请选是哪一位")]
        send(organizer, here, asked | {"chosen_3": namesakes[1].member_id}, "enter")
        again = send(
            organizer, here, typing(organizer, here, number) | {"name_3": "罗丽华", "name_4": "罗丽华"}, "check"
        )
        assert comes_to(again) == [("3. 罗丽华", "已有记录，保留原来的"), ("4. 罗丽华", "请选是哪一位")]
        assert "原来的记录" in again
        assert [one["member_id"] for one in attendances(organizer, here)] == [namesakes[1].member_id]


def test_who_chose_no_site_stands_apart_on_every_sheet_and_is_ticked_with_nobody(
    town: Town, organizer: Browser
) -> None:
    chen = town.person("陈芳")
    here = publish(organizer, site_name_0="东门", site_name_1="西门")
    activity = organizer.api("GET", f"/checkin/activities/{here.rpartition('/')[2]}")
    page = f"/activities/{here.rpartition('/')[2]}"
    chen.api("POST", f"/checkin{page}/sign-ups", {"id": str(new_id()), "member_ids": [chen.member_id]})
    for site in activity["sites"]:
        with town.at(START - timedelta(minutes=30)):
            paper = organizer.get(f"{here}/sheet?site={site['id']}").text
        assert paper.index("以下的人没有选点位") < paper.index("陈芳")
        assert len(on_paper(paper)) == 19  # the line that says so takes the place of one
    with town.at(AFTERWARDS):
        everybody = send(organizer, here, typing(organizer, here), "all")
        assert "从第 1 行起没有选点位" in everybody
        assert not re.search(r'name="came_1"[^>]* checked', everybody)


@pytest.mark.parametrize(("printed", "lines"), [(0, 20), (16, 20), (17, 48), (44, 48), (45, 76), (300, 328)])
def test_a_sheet_has_a_few_empty_lines_at_least_and_fills_its_pages(printed: int, lines: int) -> None:
    assert printed + sheets.blank_lines(printed) == lines


def test_a_sheet_is_typed_in_checked_and_taken_in(town: Town, organizer: Browser) -> None:
    chen, wang, walk_in, scanned = (town.person(name) for name in ("陈芳", "王秀英", "赵志远", "杨静"))
    namesakes = [town.person("刘国强") for _ in range(2)]
    here = publish(organizer)
    for who in (wang, chen, scanned):
        sign_up(who, here)
    with town.at(START + timedelta(minutes=5)):
        scan(organizer, scanned, here, "arrival")
    with town.at(AFTERWARDS):
        form = typing(organizer, here)
        assert (form["from_1"], form["to_1"], form["from_9"]) == ("09:00", "11:30", "09:00")
        form |= {"came_1": wang.member_id, "to_1": "10.30", "came_3": scanned.member_id}
        form |= {"name_4": "赵志远", "name_5": "刘国强", "name_6": "没登记", "name_7": "👍", "name_8": "王秀英"}
        checked = send(organizer, here, form, "check")
        assert comes_to(checked) == [
            ("1. 王秀英", "可以录入"),
            ("3. 杨静", "已有记录，保留原来的"),
            ("4. 赵志远", "可以录入"),
            ("5. 刘国强", "请选是哪一位"),
            ("6. 没登记", "本站没有这个人"),
            ("7. 👍", "没有看懂"),
            ("8. 王秀英", "上面已有这个人"),
        ]
        assert "时间不同" in checked
        assert "现在录入算“负责人确认”" in checked
        assert len(attendances(organizer, here)) == 1
        form = form_fields(checked, f"{here}/sheet/enter") | {"chosen_5": namesakes[1].member_id}
        done = send(organizer, here, form, "enter")
        assert "录入了 3 人" in done
        assert "1 人已有记录，没有重复记" in done
        entered = {one["member_id"]: one for one in attendances(organizer, here) if one["state"] == "left"}
        assert set(entered) == {wang.member_id, walk_in.member_id, namesakes[1].member_id}
        assert entered[wang.member_id]["minutes"] == 90
        assert {one["evidence"] for one in entered.values()} == {"organizer"}
        # What was not understood is still there, and so is everything that was: sent again it is one.
        left = form_fields(done, f"{here}/sheet/enter")
        assert (left["name_6"], left["name_7"]) == ("没登记", "👍")
        assert "录入了 3 人" in send(organizer, here, form, "enter")
        assert len(attendances(organizer, here)) == 4


def test_a_sheet_typed_in_by_two_is_not_doubled_and_both_are_told(town: Town, organizer: Browser) -> None:
    other, chen = town.person("周组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer)
    sign_up(chen, here)
    with town.at(AFTERWARDS):
        assert "录入了 1 人" in send(organizer, here, typing(organizer, here) | {"came_1": chen.member_id}, "enter")
        shown = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}&now=1").text
        assert "负责人确认 09:00–11:30" in shown
        again = send(other, here, typing(other, here) | {"came_1": chen.member_id, "to_1": "11:00"}, "enter")
        assert "录入了 0 人" in again
        assert "已有记录，保留原来的" in again
        assert "时间不同" in again
        assert len(attendances(organizer, here)) == 1


def test_the_typing_page_has_the_lines_of_the_paper_whoever_signed_up_since(town: Town, organizer: Browser) -> None:
    first, later = town.person("陈芳"), town.person("王秀英")
    here = publish(organizer)
    sign_up(first, here)
    with town.at(START - timedelta(minutes=30)):
        paper = organizer.get(f"{here}/sheet?site={site_of(organizer, here)}").text
    number = re.search(r"1-\d{6}-\d{6}", paper)
    assert number is not None
    asked = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}").text
    assert "签到表编号" in asked
    with town.at(START):
        sign_up(later, here)
    with town.at(AFTERWARDS):
        page = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}&number={number[0]}").text
        assert "1. 陈芳" in page
        assert "王秀英" not in page
        now = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}&now=1").text
        assert "2. 王秀英" in now
        wrong = organizer.get(f"{here}/sheet/enter?site={site_of(organizer, here)}&number=2-1", 422).text
        assert "签到表编号不对" in wrong


def test_all_are_ticked_and_lines_added_without_a_script_and_nothing_typed_is_lost(
    town: Town, organizer: Browser
) -> None:
    chen, wang = town.person("陈芳"), town.person("王秀英")
    here = publish(organizer)
    for who in (chen, wang):
        sign_up(who, here)
    with town.at(AFTERWARDS):
        form = typing(organizer, here) | {"name_5": "赵大爷", "to_2": "10:00"}
        more = form_fields(send(organizer, here, form, "more"), f"{here}/sheet/enter")
        assert (more["name_5"], more["to_2"], "name_40" in more, "name_41" in more) == ("赵大爷", "10:00", True, False)
        ticked = form_fields(send(organizer, here, more, "all"), f"{here}/sheet/enter")
        assert (ticked["came_1"], ticked["came_2"], ticked["name_5"]) == (chen.member_id, wang.member_id, "赵大爷")
        checked = send(organizer, here, ticked, "check")
        back = form_fields(
            send(organizer, here, form_fields(checked, f"{here}/sheet/enter"), "back"), f"{here}/sheet/enter"
        )
        assert (back["came_2"], back["to_2"], back["name_5"]) == (wang.member_id, "10:00", "赵大爷")
        nothing = send(organizer, here, typing(organizer, here), "check", 422)
        assert "还没有勾选谁来了" in nothing


def test_times_that_cannot_be_are_said_at_their_line_and_the_others_go_through(town: Town, organizer: Browser) -> None:
    people = [town.person(name) for name in ("陈芳", "王秀英", "赵志远")]
    here = publish(organizer)
    for who in people:
        sign_up(who, here)
    with town.at(AFTERWARDS):
        form = typing(organizer, here) | {f"came_{number}": who.member_id for number, who in enumerate(people, 1)}
        form |= {"to_1": "8:30", "from_2": "九点"}
        done = send(organizer, here, form, "enter")
        assert comes_to(done) == [
            ("1. 陈芳", "签退时间比签到时间早"),
            ("2. 王秀英", "时间请写成 09:30 这样"),
            ("3. 赵志远", "已录入"),
        ]
        rest = form_fields(done, f"{here}/sheet/enter") | {"to_1": "11:30", "from_2": "9:00"}
        assert "came_3" not in rest
        assert "录入了 2 人" in send(organizer, here, rest, "enter")
    assert len(attendances(organizer, here)) == 3


def test_who_was_chosen_for_one_name_is_not_meant_by_another(town: Town, organizer: Browser) -> None:
    chen, wang = town.person("陈芳"), town.person("王秀英")
    here = publish(organizer)
    with town.at(AFTERWARDS):
        form = typing(organizer, here) | {"name_1": "王秀英", "chosen_1": chen.member_id, "of_1": "陈芳"}
        send(organizer, here, form, "enter")
        assert [one["member_id"] for one in attendances(organizer, here)] == [wang.member_id]


def test_the_typists_own_line_is_left_to_another(town: Town, organizer: Browser) -> None:
    chen = town.person("陈芳")
    here = publish(organizer)
    for who in (organizer, chen):
        sign_up(who, here)
    with town.at(AFTERWARDS):
        form = typing(organizer, here) | {"came_1": organizer.member_id, "came_2": chen.member_id}
        done = send(organizer, here, form, "enter")
        assert comes_to(done) == [("1. 李组织", "您自己或家人的，请另一位负责人录入"), ("2. 陈芳", "已录入")]
        acts = town.administrator.get("/staff/audit").text
    assert "签到表上本人或家人的行没有录入" in acts
    assert "录入签到表" in acts


def test_who_leads_a_site_types_in_its_sheet_until_the_end_of_the_next_day(town: Town, organizer: Browser) -> None:
    leader, chen, zhao = town.person("王秀英"), town.person("陈小芳"), town.person("赵志远")
    here = publish(organizer, site_name_0="东门", site_name_1="西门", site_leader_0="王秀英")
    page, sheet = f"/activities/{here.rpartition('/')[2]}", f"{here}/sheet/enter"
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin{page}")["sites"])
    for who, site_id in ((chen, east), (leader, east), (zhao, west)):
        who.post(page, f"{page}/sign-up", site_id=site_id)
    assert f'href="{sheet}"' not in leader.get(page).text
    chen.get(sheet, 403)
    with town.at(AFTERWARDS):
        for place in (page, f"{here}/roll"):
            assert f'href="{sheet}"' in leader.get(place).text
        assert f'href="{sheet}"' not in chen.get(page).text
        asked = leader.get(sheet).text
        assert west not in asked
        leader.get(f"{sheet}?site={west}&now=1", 403)
        shown = leader.get(f"{sheet}?site={east}&now=1").text
        assert "1. 陈小芳" in shown
        assert "赵志远" not in shown
        assert "name_3" not in shown
        form = form_fields(shown, sheet) | {"came_1": chen.member_id, "came_2": leader.member_id}
        checked = form_fields(send(leader, here, form, "check"), sheet)
        done = send(leader, here, checked, "enter")
        assert comes_to(done) == [("1. 陈小芳", "已录入"), ("2. 王秀英", "您自己或家人的，请另一位负责人录入")]
        assert "等活动负责人确认时长" in done
        assert f"{here}/confirm" not in done
        [record] = attendances(organizer, here)
        assert (record["member_id"], record["site_id"]) == (chen.member_id, east)
        assert (record["evidence"], record["state"]) == ("organizer", "left")
        assert "点位负责人，没有别的角色" in town.administrator.get("/staff/audit").text
    with town.at(START + timedelta(days=2)):
        assert f'href="{sheet}"' not in leader.get(page).text
        late = leader.get(f"{sheet}?site={east}&now=1", 422).text
        assert "以后请活动负责人补录" in late
        assert "陈小芳" not in late


def test_whom_nobody_knows_is_registered_from_the_sheet_which_says_when_they_came(
    town: Town, organizer: Browser
) -> None:
    here = publish(organizer)
    newcomer = f"{here}/newcomer"
    with town.at(AFTERWARDS):
        form = typing(organizer, here) | {"name_1": "赵大爷 和谐小区", "name_2": "👍", "to_1": "10:30"}
        checked = send(organizer, here, form, "check")
        assert comes_to(checked) == [("1. 赵大爷 和谐小区", "本站没有这个人"), ("2. 👍", "没有看懂")]
        [link] = re.findall(rf'href="({newcomer}[^"]*)" target="_blank"', checked)
        page = html.unescape(link)
        assert form_fields(organizer.get(page).text, newcomer)["name"] == "赵大爷"
        registered = organizer.post(page, newcomer, agreed="1").text
        assert "“赵大爷”已登记" in registered
        assert form_fields(registered, newcomer)["sheet"] == "1"
        assert attendances(organizer, here) == []
        asked = organizer.post(page, newcomer, 422, agreed="1").text
        [known] = re.findall(r'name="is" value="([^"]*)"', asked)
        meant = organizer.client.post(newcomer, data=form_fields(asked, newcomer) | {"is": known}).location
        assert "“赵大爷”已登记" in organizer.get(meant or "").text
        assert attendances(organizer, here) == []
        town.deliver()
        done = send(organizer, here, form_fields(checked, f"{here}/sheet/enter") | {"name_1": "赵大爷"}, "enter")
        assert comes_to(done)[0] == ("1. 赵大爷", "已录入")
        [record] = attendances(organizer, here)
        assert (record["member_id"], record["minutes"]) == (known, 90)


def test_a_sheet_that_is_typed_in_before_the_activity_is_told_that_it_has_not_begun(
    town: Town, organizer: Browser
) -> None:
    wang = town.person("王秀英")
    here = publish(organizer)
    sign_up(wang, here)
    with town.at(START - timedelta(hours=2)):
        form = typing(organizer, here) | {"came_1": wang.member_id}
        for action in ("check", "enter"):
            [(_who, word)] = comes_to(send(organizer, here, form, action))
            assert word.startswith("活动还没有开始，")
            assert "08:00" in word
    with town.at(START - timedelta(minutes=30)):
        assert comes_to(send(organizer, here, form, "check")) == [("1. 王秀英", "时间不对：要在签到开放之后、现在之前")]
    assert attendances(organizer, here) == []
