"""The roll call on the pages, in front of the real services."""

import html
import re
from datetime import timedelta
from typing import Any

from gateway.pages.roll_lines import Line, matches
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, publish, scan
from tests.gateway.real import Browser, Town, form_fields, token_of, town

__all__ = ["town"]


def rows(page: str) -> dict[str, str]:
    """By name the row of everybody on the page."""
    found = re.findall(r'<li class="row tick.*?</li>', page, re.DOTALL)
    return {re.search(r"<strong>([^<]*)", row)[1]: row for row in found}  # type: ignore[index]


def offered(row: str) -> list[str]:
    return re.findall(r"<button[^>]*>([^<]*)</button>", row)


def counts(page: str) -> tuple[int, int, int]:
    shown = re.search(r'<p class="counts".*?</p>', page, re.DOTALL)
    assert shown is not None
    arrived, signed_up, there = (int(number) for number in re.findall(r">(\d+)<", shown[0]))
    return arrived, signed_up, there


def value(page: str, name: str, text: str) -> str:
    """What the button with this word sends, on somebody's row."""
    found = re.search(rf'value="([^"]*)"[^>]*>{text}</button>', rows(page)[name])
    assert found is not None, rows(page)[name]
    return found[1]


def press(organizer: Browser, here: str, name: str, text: str) -> str:
    """Open the roll and press a button on somebody's row, as without scripts; the page that comes."""
    return send(organizer, here, value(organizer.get(here).text, name, text))


def send(organizer: Browser, here: str, tick: str) -> str:
    form = form_fields(html.unescape(organizer.get(here).text), here)
    return organizer.client.post(here, data=form | {"tick": tick}).text


def by_script(organizer: Browser, here: str, tick: str, id_: str) -> Any:
    content = {"csrf_token": token_of(organizer.client), "id": id_, "tick": tick}
    return organizer.client.post(f"{here}.json", data=content)


def told(page: str) -> str:
    found = re.search(r'<div class="told".*?</section>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0])).strip()


def test_who_signed_up_and_who_came_without_is_ticked_on_one_page_and_a_slip_is_taken_back(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    chen, _wang = town.person("陈芳"), town.person("王秀英")
    activity = publish(organizer)
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    chen.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    assert f'href="{here}"' in organizer.get(activity).text
    with town.at(START + timedelta(minutes=5)):
        assert counts(organizer.get(here).text) == (0, 1, 0)
        assert f'href="{activity}/newcomer?' in organizer.get(here).text
        came = press(organizer, here, "陈芳", "到了")
        assert told(came) == "陈芳 到了，09:05 到 撤回"
        assert counts(came) == (1, 1, 1)
        assert offered(rows(came)["陈芳"]) == ["走了", "撤回"]
        undone = send(organizer, here, value(came, "陈芳", "撤回"))
        assert told(undone) == "陈芳 已撤回，没有到"
        assert counts(undone) == (0, 1, 0)
        press(organizer, here, "陈芳", "到了")
        # Who did not sign up is found in the whole station, and stands on the roll from then on.
        searched = organizer.get(f"{here}?q=wxy").text
        assert (list(rows(searched)), counts(searched)) == (["王秀英"], (1, 1, 1))
        walked_in = press(organizer, f"{here}?q=wxy", "王秀英", "到了")
        assert told(walked_in).startswith("王秀英 到了")
        assert counts(organizer.get(here).text) == (2, 1, 2)
    with town.at(START + timedelta(minutes=65)):
        press(organizer, here, "陈芳", "走了")
        stayed = press(organizer, here, "陈芳", "没走")
        assert told(stayed) == "陈芳 已撤回，还在现场"
    with town.at(START + timedelta(minutes=125, seconds=30)):
        went = press(organizer, here, "陈芳", "走了")
        assert "09:05 到，11:05 走" in rows(went)["陈芳"]
        assert counts(went) == (2, 1, 1)
        records = organizer.api("GET", f"/checkin/activities/{activity_id}/attendances?state=left")
        assert [(one["member_id"], one["minutes"]) for one in records] == [(chen.member_id, 120)]


def test_a_tick_by_script_is_answered_with_its_row_and_sent_again_it_is_the_same(town: Town) -> None:
    organizer, chen = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    activity = publish(organizer)
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    chen.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    with town.at(START + timedelta(minutes=5)):
        tick, id_ = value(organizer.get(here).text, "陈芳", "到了"), str(new_id())
        first, again = (by_script(organizer, here, tick, id_).json for _ in range(2))
        assert first == again
        assert (first["kind"], first["state"], first["when"]) == ("ok", "open", "09:05 到")
        assert [text for _value, text, _kind in first["buttons"]] == ["走了", "撤回"]
        assert first["undo"] == first["buttons"][1][0]
        assert len(organizer.api("GET", f"/checkin/activities/{activity_id}/attendances")) == 1
        # Another organizer on an old page is told, and changes nothing.
        other = town.person("赵组织", Role.ORGANIZER)
        stale = by_script(other, here, tick, str(new_id())).json
        assert (stale["kind"], stale["undo"]) == ("plain", None)
        assert stale["words"] == "原来就是这样，没有重复记：09:05 到（李*织 09:05 点的）"
        elsewhere = f"arrived.{tick.split('.')[1]}..{new_id()}"
        assert "· 在别的点位（李*织" in by_script(other, here, elsewhere, str(new_id())).json["words"]
        gone = by_script(organizer, here, first["undo"], str(new_id())).json
        assert (gone["state"], [text for _value, text, _kind in gone["buttons"]]) == ("absent", ["到了"])
        late = by_script(other, here, first["buttons"][0][0], str(new_id())).json
        assert late["words"] == "刚才有人改过，这次没有记。现在是：没有到（李*织 09:05 点的）"
    broken = by_script(organizer, here, "arrived.x", str(new_id()))
    assert (broken.status_code, broken.json["kind"]) == (422, "refused")


def test_who_scans_and_is_ticked_too_has_one_record(town: Town) -> None:
    organizer, chen = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    activity = publish(organizer)
    here = f"{activity}/roll"
    with town.at(START + timedelta(minutes=5)):
        old = organizer.get(f"{here}?q=陈芳").text
        assert "签到成功" in scan(organizer, chen, activity, "arrival")
        assert "原来就是这样" in told(send(organizer, here, value(old, "陈芳", "到了")))
        assert offered(rows(organizer.get(here).text)["陈芳"]) == ["走了"]


def test_nobody_ticks_themselves_or_the_family_and_the_audit_log_says_who_tried(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    activity = publish(organizer)
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    organizer.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    with town.at(START + timedelta(minutes=5)):
        page = organizer.get(here).text
        assert offered(rows(page)["李组织"]) == []
        assert "请别的负责人点" in rows(page)["李组织"]
        site_id = organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"][0]["id"]
        refused = send(organizer, here, f"arrived.{organizer.member_id}..{site_id}")
        assert "不能为自己或家人点名" in told(refused)
        assert organizer.api("GET", f"/checkin/activities/{activity_id}/attendances") == []
        logged = town.administrator.get("/staff/audit").text
        assert "点名点了自己或家人，没有记" in logged


def test_several_sites_are_called_one_by_one(town: Town) -> None:
    organizer, chen = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    activity = publish(organizer, site_name_0="东门", site_name_1="西门")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    chen.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    _east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    with town.at(START + timedelta(minutes=5)):
        page = organizer.get(here).text
        assert "先选您在哪个点位" in page
        assert offered(rows(page)["陈芳"]) == []
        press(organizer, f"{here}?site={west}", "陈芳", "到了")
        [record] = organizer.api("GET", f"/checkin/activities/{activity_id}/attendances")
        assert record["site_id"] == west
        assert "西门" in rows(organizer.get(here).text)["陈芳"]


def test_who_leads_a_site_calls_its_roll_by_name_and_finds_who_is_on_it_while_it_takes_place(town: Town) -> None:
    organizer, leader = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    chen, zhao = town.person("陈小芳"), town.person("赵志远")
    activity = publish(organizer, site_name_0="东门", site_name_1="西门", site_leader_0="王秀英")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    for who, site_id in ((chen, east), (zhao, west)):
        who.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up", site_id=site_id)
    assert f'href="{here}"' in leader.get(f"/activities/{activity_id}").text
    assert f'href="{here}"' not in chen.get(f"/activities/{activity_id}").text
    chen.get(here, status=403)
    for moment in (START - timedelta(minutes=61), START + timedelta(days=2)):
        with town.at(moment):
            shown = leader.get(here).text
            assert list(rows(shown)) == ["陈*芳"]
            assert re.search(r"编号尾号 \d{4}", rows(shown)["陈*芳"])
            assert "陈小芳" not in shown

    def noted() -> list[Any]:
        read: list[Any] = town.administrator.api("GET", "/checkin/audit?action=roll.read_names")
        return [(one["subject_id"], one["member_id"], one["detail"]["as"]) for one in read]

    assert noted() == []
    with town.at(START - timedelta(minutes=59)):
        shown = leader.get(here).text
        assert list(rows(shown)) == ["陈小芳"]
        assert re.search(r"手机尾号 \d{4}", rows(shown)["陈小芳"])
        for wanted in ("小芳", "chenxiao", "cxf"):
            assert list(rows(leader.get(f"{here}?q={wanted}").text)) == ["陈小芳"]
        # Of others nothing is said, be they on the roll of the other site.
        for wanted in ("赵志远", "zzy", "李组织"):
            found = leader.get(f"{here}?q={wanted}").text
            assert not rows(found)
            assert "赵" not in re.sub(r'(value|data-answered)="[^"]*"|“[^”]*”', "", found)
        assert noted() == [(activity_id, leader.member_id, "site_leader")]
    with town.at(START + timedelta(minutes=5)):
        shown = leader.get(here).text
        assert f"{activity}/confirm" not in shown
        assert f"{activity}/newcomer" not in shown
        assert told(press(leader, here, "陈小芳", "到了")).startswith("陈小芳 到了")
        refused = send(leader, here, f"arrived.{zhao.member_id}..{west}")
        assert "只给自己负责的点位点名" in told(refused)
        assert "赵志远" not in refused
        [record] = organizer.api("GET", f"/checkin/activities/{activity_id}/attendances")
        assert (record["member_id"], record["site_id"]) == (chen.member_id, east)
        assert "点位负责人，没有别的角色" in town.administrator.get("/staff/audit").text


def test_the_own_row_says_why_it_has_no_buttons_also_when_one_is_there(town: Town) -> None:
    organizer, other = town.person("李组织", Role.ORGANIZER), town.person("周组织", Role.ORGANIZER)
    activity = publish(organizer)
    here, page = f"{activity}/roll", f"/activities/{activity.rpartition('/')[2]}"
    organizer.post(page, f"{page}/sign-up")
    with town.at(START + timedelta(minutes=5)):
        send(other, here, value(other.get(here).text, "李组织", "到了"))
        shown = rows(organizer.get(here).text)["李组织"]
        assert "09:05 到 · 本人或家人，请别的负责人点" in shown
        assert "<button" not in shown


def test_how_everybody_stands_is_told_again_when_another_has_ticked(town: Town) -> None:
    organizer, other, leader = (
        town.person("李组织", Role.ORGANIZER),
        town.person("周组织", Role.ORGANIZER),
        town.person("王秀英"),
    )
    chen, zhao = town.person("陈芳"), town.person("赵志远")
    activity = publish(organizer, site_name_0="东门", site_name_1="西门", site_leader_0="王秀英")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    for who, site_id in ((chen, east), (zhao, west)):
        who.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up", site_id=site_id)

    def standing(who: Browser, query: str = "") -> Any:
        return who.client.get(f"{activity}/standing.json{query}").json

    with town.at(START + timedelta(minutes=5)):
        first = organizer.client.get(f"{activity}/standing.json")
        same = {"If-None-Match": first.headers["ETag"]}
        assert organizer.client.get(f"{activity}/standing.json", headers=same).status_code == 304
        send(other, here, value(other.get(here).text, "陈芳", "到了"))
        told_now = standing(organizer)
        assert told_now["counts"] == {"arrived": 1, "signed_up": 2, "there": 1, "late": 0}
        row = told_now["rows"][chen.member_id]
        assert (row["state"], row["when"]) == ("open", "09:05 到")
        # What a tick of this page would send by its own row is what is told here.
        assert row["buttons"][0][0] == value(organizer.get(here).text, "陈芳", "走了")
        assert standing(organizer, f"?site={west}")["counts"]["arrived"] == 0
        assert list(standing(leader)["rows"]) == [chen.member_id]
        chen.get(f"{activity}/standing.json", 403)


def test_who_leads_a_site_lets_in_who_shows_a_badge_a_short_code_or_a_number(town: Town) -> None:
    organizer, leader, walks_in = town.person("李组织", Role.ORGANIZER), town.person("王秀英"), town.person("赵志远")
    activity = publish(organizer, site_name_0="东门", site_name_1="西门", site_leader_0="王秀英")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    east = organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"][0]["id"]
    query = f"node_id={town.station_id}&member_id={walks_in.member_id}"
    [badge] = organizer.api("GET", f"/members/badges?{query}")
    codes = (badge["badge"], badge["short_code"].lower(), badge["volunteer_number"])
    with town.at(START - timedelta(minutes=61)):
        assert "赵" not in re.sub(r"“[^”]*”", "", leader.get(f"{here}?q={codes[0]}").text)
    with town.at(START + timedelta(minutes=5)):
        assert not rows(leader.get(f"{here}?q=赵志远").text)
        for code in codes:
            shown = leader.get(f"{here}?q={code}").text
            assert list(rows(shown)) == ["赵志远"], code
        assert "在全站找" not in shown
        assert told(send(leader, here, value(shown, "赵志远", "到了"))).startswith("赵志远 到了")
        [record] = organizer.api("GET", f"/checkin/activities/{activity_id}/attendances")
        assert (record["member_id"], record["site_id"]) == (walks_in.member_id, east)
        town.administrator.api(
            "POST", f"/members/members/{walks_in.member_id}/badge/replace", {"serial": badge["serial"]}
        )
        assert "已经挂失" in leader.get(f"{here}?q={codes[0]}").text
        assert "没有找到" in leader.get(f"{here}?q={'2' * 8}").text


def test_a_search_is_of_the_whole_station_whoever_is_on_the_roll_and_whatever_part_of_it_is_shown(town: Town) -> None:
    organizer, signed_up = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    elsewhere, walks_in, neighbour = town.person("王秀英"), town.person("王秀英"), town.person("陈芳")
    home = {"compound_id": town.nodes["和谐小区"]}
    for who in (signed_up, neighbour):
        town.administrator.api("PATCH", f"/members/members/{who.member_id}", home)
    town.deliver()
    activity = publish(organizer, site_name_0="东门", site_name_1="西门")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    for who, site_id in ((signed_up, east), (elsewhere, west)):
        who.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up", site_id=site_id)
    found = re.compile(r'data-signed data-namesake|data-namesake|class="row tick')
    with town.at(START + timedelta(minutes=5)):
        page = organizer.get(f"{here}?site={east}").text
        assert found.findall(page) == ['class="row tick', "data-signed data-namesake"]
        searched = organizer.get(f"{here}?site={east}&q=王秀英").text
        ticks = re.findall(r'value="arrived\.([^."]*)\.\.([^"]*)"', searched)
        assert ticks == [(who.member_id, east) for who in (signed_up, elsewhere, walks_in)]
        assert len(re.findall(r"<li[^>]* data-namesake", searched)) == 3
        assert 'data-answered="王秀英"' in searched
        assert list(rows(organizer.get(f"{here}?site={east}&q=和谐小区").text)) == ["王秀英", "陈芳"]


def test_who_leads_a_site_shows_its_codes_prints_its_sheet_and_signs_all_out_there(town: Town) -> None:
    organizer, leader = town.person("李组织", Role.ORGANIZER), town.person("王秀英")
    chen, zhao = town.person("陈小芳"), town.person("赵志远")
    activity = publish(organizer, site_name_0="东门", site_name_1="西门", site_leader_0="王秀英")
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    east, west = (site["id"] for site in organizer.api("GET", f"/checkin/activities/{activity_id}")["sites"])
    for who, site_id in ((chen, east), (zhao, west)):
        who.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up", site_id=site_id)
    own = (f"{activity}/code?site_id={east}", f"{activity}/codes.json?site_id={east}&direction=arrival&minutes=2")
    others = (f"{activity}/code?site_id={west}", f"{activity}/codes.json?site_id={west}&direction=arrival&minutes=2")
    everybody = leader.get("/").text
    assert "您负责：楼道大扫除 · 东门 的点位" in everybody
    assert f'href="{here}"' not in everybody
    assert "您负责" not in chen.get("/").text
    too_early = leader.get(own[0], 422).text
    assert "从开始签到到签退关闭为止" in too_early
    assert f'href="/activities/{activity_id}"' in too_early
    with town.at(START - timedelta(minutes=30)):
        assert f'href="{here}"' in leader.get("/").text
        roll = leader.get(here).text
        assert f'href="{own[0]}"' in roll
        assert west not in roll
        screen = leader.get(own[0]).text
        assert "扫码签到" in screen
        assert west not in screen
        leader.get(own[1])
        assert '"arrived":0' in leader.get(f"{activity}/presence.json").text
        for refused in (others[1], *own):
            (chen if refused in own else leader).get(refused, 403)
        leader.get(others[0], 404)
        chen.get(f"{activity}/presence.json", 403)
        sheet = leader.get(f"{activity}/sheet?site={east}").text
        assert "陈小芳" in sheet
        assert west not in sheet
        leader.get(f"{activity}/sheet?site={west}", 403)
        chen.get(f"{activity}/sheet?site={east}", 403)
    with town.at(START + timedelta(minutes=5)):
        press(organizer, f"{here}?site={east}", "陈小芳", "到了")
        press(organizer, f"{here}?site={west}", "赵志远", "到了")
    with town.at(START + timedelta(minutes=90)):
        out = f"{activity}/leave-all"
        assert "东门" in leader.get(out).text
        assert "您的点位上还在场的人都已签退" in leader.post(out, out).text
        states = {
            one["member_id"]: one["state"]
            for one in organizer.api("GET", f"/checkin/activities/{activity_id}/attendances")
        }
        assert states == {chen.member_id: "left", zhao.member_id: "open"}
        path = f"/checkin/activities/{activity_id}/leave-all"
        assert leader.refused("POST", path, {"site_id": west})["status"] == 403
        assert chen.refused("POST", path, {})["status"] == 403
        [act] = town.administrator.api("GET", "/checkin/audit?action=activity.leave_all")
        assert (act["member_id"], act["detail"]["as"]) == (leader.member_id, "site_leader")
        chen.get(out, 403)
    with town.at(START + timedelta(hours=4)):
        assert leader.refused("POST", path, {})["code"] == "leader_outside_times"


def test_the_roll_is_narrowed_by_home_and_by_who_is_missing(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    people = {name: town.person(name) for name in ("陈芳", "王秀英", "赵志远")}
    home = {"compound_id": town.nodes["和谐小区"]}
    for name in ("陈芳", "王秀英"):
        town.administrator.api("PATCH", f"/members/members/{people[name].member_id}", home)
    town.deliver()
    activity = publish(organizer)
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    for who in people.values():
        who.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    assert list(rows(organizer.get(here).text)) == ["陈芳", "王秀英", "赵志远"]
    with town.at(START + timedelta(minutes=5)):
        press(organizer, here, "陈芳", "到了")
        assert list(rows(organizer.get(f"{here}?show=absent").text)) == ["王秀英", "赵志远"]
        assert list(rows(organizer.get(f"{here}?show=there").text)) == ["陈芳"]
        tail = re.search(r'data-digits="\d{12} (\d{4})"', rows(organizer.get(here).text)["王秀英"])
        assert tail is not None
        assert f"手机尾号 {tail[1]}" in rows(organizer.get(here).text)["王秀英"]
        for wanted in ("王秀英", "wangxiu", "wxy", tail[1]):
            assert list(rows(organizer.get(f"{here}?q={wanted}").text)) == ["王秀英"], wanted


def test_somebody_is_found_by_whatever_is_known_of_them() -> None:
    line = Line("1", "王秀英", home="和谐小区 3 栋", letters="wangxiuying wxy", digits="123456784321 0077")
    for text in ("秀英", "Wang Xiu", "wxy", "4321", "0077", "123456784321", "1234 5678 4321", "和谐小区3栋", "3栋"):
        assert matches(line, text), text
    for text in ("xiu", "1234", "陈", "5栋"):
        assert not matches(line, text), text
    assert matches(Line("1", "王秀英", home="和谐小区 3-2 栋"), "3-2栋")
    at_home = Line("1", "王秀英", home="和谐小区 3 栋", compound="和谐小区", building="3 栋")
    for text in ("3号楼", "三幢", "3#", "和谐小区三号楼"):
        assert matches(at_home, text), text
    for text in ("13号楼", "东兴小区3号楼"):
        assert not matches(at_home, text), text


def test_who_leads_a_site_of_another_station_is_told_so_on_the_first_page(town: Town) -> None:
    leader, nobody = town.person("王秀英"), town.person("陈小芳")
    there = town.nodes["岔路口社区实践站"]
    sites = [{"name": "东门", "place": "东门", "leader_member_id": leader.member_id}]
    content = {
        "id": str(new_id()),
        "title": "清扫河岸",
        "category": "environment",
        "station_id": there,
        "place": "河边",
        "starts_at": START.isoformat(),
        "ends_at": (START + timedelta(hours=2)).isoformat(),
        "sites": [{"id": str(new_id()), **site} for site in sites],
    }
    made = town.administrator.api("POST", "/checkin/activities", content)
    assert "您负责" not in leader.get("/").text, "not before it is published"
    town.administrator.api("POST", f"/checkin/activities/{made['id']}/publish")
    assert "您负责：清扫河岸 · 东门 的点位" in leader.get("/").text
    assert "您负责" not in nobody.get("/").text
    assert "清扫河岸" not in nobody.get("/").text


def test_a_badge_finds_whoever_it_means_on_the_roll_or_beside_it_and_a_lost_one_nobody(town: Town) -> None:
    organizer, chen, wang = town.person("李组织", Role.ORGANIZER), town.person("陈芳"), town.person("王秀英")
    activity = publish(organizer)
    here, activity_id = f"{activity}/roll", activity.rpartition("/")[2]
    chen.post(f"/activities/{activity_id}", f"/activities/{activity_id}/sign-up")
    badges = {one["member_id"]: one for one in organizer.api("GET", f"/members/badges?node_id={town.station_id}")}
    signed_up, walks_in = badges[chen.member_id], badges[wang.member_id]
    with town.at(START + timedelta(minutes=5)):
        for typed in (signed_up["badge"], signed_up["badge"].lower(), signed_up["short_code"]):
            page = organizer.get(f"{here}?q={typed}").text
            assert list(rows(page)) == ["陈芳"], typed
            assert f'data-code="{typed.lower()}"' in rows(page)["陈芳"]
        for name, badge in (("陈芳", signed_up), ("王秀英", walks_in)):
            assert told(press(organizer, f"{here}?q={badge['badge']}", name, "到了")).startswith(f"{name} 到了")
        assert counts(organizer.get(here).text) == (2, 1, 2)
        lost = f"/members/members/{chen.member_id}/badge/replace"
        town.administrator.api("POST", lost, {"serial": signed_up["serial"]})
        void = organizer.get(f"{here}?q={signed_up['badge']}").text
        assert (rows(void), "已经挂失" in void) == ({}, True)
        assert list(rows(organizer.get(f"{here}?q={signed_up['short_code']}").text)) == ["陈芳"]
