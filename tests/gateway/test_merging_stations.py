"""A station is merged while an activity is under way and a gift waits at its desk: nothing lost, nothing doubled."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, publish, scan
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

OLD, HEIR = "南昌路社区实践站", "岔路口社区实践站"


def official_at(town: Town, name: str, role: Role, node: str) -> Browser:
    who = town.person(name)
    town.administrator.api("POST", f"/members/members/{who.member_id}/confirm")
    grant = {"id": str(new_id()), "member_id": who.member_id, "role": role, "node_id": town.nodes[node]}
    town.administrator.api("POST", "/members/grants", grant)
    return who


def offer(town: Town) -> str:
    gift_id = str(new_id())
    gift = {"id": gift_id, "node_id": town.station_id, "name": "香皂", "points": 50, "limit_per_quarter": 5}
    town.administrator.api("POST", "/rewards/gifts", gift)
    stock = {"id": str(new_id()), "station_id": town.station_id, "kind": "receive", "quantity": 10, "reason": "采购"}
    town.administrator.api("POST", f"/rewards/gifts/{gift_id}/stock", stock)
    return gift_id


def redeem(volunteer: Browser, gift_id: str, station_id: str) -> dict[str, Any]:
    order = {"id": str(new_id()), "gift_id": gift_id, "station_id": station_id, "member_id": volunteer.member_id}
    return dict(volunteer.api("POST", "/rewards/redemptions", order))


def follow(town: Town) -> None:
    """What the sweeps do, and everybody is told."""
    from services.members.commands import merging
    from services.rewards.commands import successors

    town.deliver()
    for service, duty in (("members", merging.follow_all), ("rewards", successors.follow)):
        with town.apps[service].app_context():
            duty()
    town.deliver()


def merge(town: Town, day: datetime) -> None:
    """On the page, as an administrator does."""
    here = f"/staff/nodes/{town.station_id}"
    asked = town.administrator.get(f"{here}/close?closed_on={day.date()}&successor_id={town.nodes[HEIR]}")
    assert "志愿者、服务队、角色、礼品和库存都转过去" in asked.text
    assert "已保存" in town.administrator.post(asked.request.full_path, f"{here}/close").text
    follow(town)


def serve(town: Town, organizer: Browser, volunteer: Browser, page: str) -> None:
    with town.at(START - timedelta(minutes=5)):
        scan(organizer, volunteer, page, "arrival")
    with town.at(START + timedelta(hours=2, minutes=35)):
        scan(organizer, volunteer, page, "departure")
        town.deliver()


def report(town: Town, tree: str, node_id: str | None = None) -> dict[str, Any]:
    day = START.date()
    query = f"node_id={node_id or town.nodes['咸宁市']}&from={day}&to={day + timedelta(days=1)}&tree={tree}"
    return dict(town.administrator.api("GET", f"/checkin/report?{query}"))


def test_a_station_is_merged_in_the_middle_of_an_activity(town: Town) -> None:
    admin = town.administrator
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    heirs = official_at(town, "周组织", Role.ORGANIZER, HEIR)
    admin.api("POST", f"/members/members/{volunteer.member_id}/confirm")
    admin.api("PUT", f"/checkin/confirm-each/{town.nodes[HEIR]}", {"on": True})
    gift_id = offer(town)
    first, second = publish(organizer), publish(organizer, title="义诊", day=f"{START.date() + timedelta(days=1)}")
    serve(town, organizer, volunteer, first)
    next_day = START + timedelta(days=1)
    with town.at(next_day - timedelta(minutes=5)):
        waiting = redeem(volunteer, gift_id, town.station_id)
        assert waiting["state"] == "confirmed"
        scan(organizer, volunteer, second, "arrival")
        here = f"/staff/nodes/{town.station_id}"
        asked = admin.get(f"{here}/close?closed_on={next_day.date()}&successor_id={town.nodes[HEIR]}").text
        assert "合并到别的站？" in asked
        assert re.search(rf"转到{HEIR}：\d 位志愿者、没领的兑换 1 份、库存 \d+ 件、没结束的活动 1 场。", asked)
        merge(town, next_day)
        closed = admin.get(here).text
        assert re.search(rf"并入</dt>\s*<dd>{HEIR}", closed)
        assert "上一级</dt>" not in closed
        assert admin.api("GET", f"/members/members/{volunteer.member_id}")["station_name"] == HEIR
    with town.at(next_day + timedelta(hours=2, minutes=35)):
        scan(organizer, volunteer, second, "departure")
        confirmed = heirs.api("POST", f"/checkin/activities/{second.rpartition('/')[2]}/confirm-all")
        assert confirmed["confirmed"] == 1, "by the successor's rule somebody nods, and its organizer may"
        town.deliver()
        (balance,) = admin.api("GET", f"/points/balances?member_ids={volunteer.member_id}")
        assert balance["minutes_total"] == 300, "what was under way is booked"
        issued = heirs.api("POST", f"/rewards/redemptions/{waiting['id']}/issue", {})
        assert issued["state"] == "fulfilled"
        assert redeem(volunteer, gift_id, town.nodes[HEIR])["state"] == "confirmed"
        heirs.get(f"{second}/confirm")
        heirs.get(f"{first}/file")
        now, then = report(town, "now"), report(town, "then")
        broken = {name: list(find()) for _, name, find in all_checks(Databases(town.apps))}
    assert {name: faults for name, faults in broken.items() if faults} == {}
    assert now["total"] == then["total"]
    assert (now["total"]["visits"], now["total"]["persons"], now["total"]["minutes"]) == (2, 1, 300)
    assert {one["name"]: one["visits"] for one in now["nodes"]} == {HEIR: 2}
    assert {one["name"]: one["visits"] for one in then["nodes"]} == {OLD: 1, HEIR: 1}


def test_list_roll_newcomers_and_sheet_of_an_activity_from_before_are_answered_by_the_heir(town: Town) -> None:
    organizer, heirs = town.person("李组织", Role.ORGANIZER), official_at(town, "周组织", Role.ORGANIZER, HEIR)
    before, late = town.person("陈芳"), town.person("王秀英")
    of_heir, writes = (at_home_in(town, name, HEIR) for name in ("赵志远", "刘国强"))
    here = publish(organizer)
    activity_id = here.rpartition("/")[2]
    with town.at(START - timedelta(hours=1)):
        merge(town, START)
        # A pasted list names people of both, and looks for them where they are at home by now.
        page = f"{here}/sign-ups"
        checked = heirs.post(page, f"{page}/read", list="1. 陈芳\n2. 赵志远").text
        assert checked.count(">可以报名<") == 2
        heirs.client.post(f"{page}/list", data=form_fields(checked, f"{page}/list"))
        signed_up = heirs.api("GET", f"/checkin/activities/{activity_id}/sign-ups")
        assert [one["member_id"] for one in signed_up] == [before.member_id, of_heir.member_id]
    with town.at(START):
        # The roll has whole names, and finds who came without signing up; also for who organized there before.
        for who in (heirs, organizer):
            shown = who.get(f"{here}/roll?q=王秀英").text
            assert f"arrived.{late.member_id}." in shown
            shown = who.get(f"{here}/roll").text
            assert "<strong>陈芳</strong>" in shown
            assert "<strong>赵志远</strong>" in shown
        [tick] = re.findall(rf'value="(arrived\.{before.member_id}[^"]*)"', shown)
        assert "到了，09:00 到" in heirs.post(f"{here}/roll", f"{here}/roll", tick=tick).text
        # A newcomer is asked for among the people of both, and is at home at the heir.
        asked = heirs.post(f"{here}/newcomer", f"{here}/newcomer", 422, name="刘国强", agreed="1").text
        assert f'value="{writes.member_id}"' in asked
        done = heirs.post(
            f"{here}/newcomer", f"{here}/newcomer", name="孙大爷", place=town.nodes["和谐小区"], agreed="1"
        )
        assert "孙大爷已签到" in done.text
        town.deliver()
        [newcomer] = heirs.api("GET", f"/members/members?q={quote('孙大爷')}")
        assert (newcomer["station_name"], newcomer["compound_name"]) == (HEIR, "和谐小区")
    with town.at(START + timedelta(hours=4)):
        # The paper has the same lines, and a name by hand is looked for at the heir.
        assert "赵志远" in heirs.get(f"{here}/sheet").text
        sheet = f"{here}/sheet/enter"
        form = form_fields(heirs.get(f"{sheet}?now=1").text, sheet)
        typed = {"action": "enter", "came_2": of_heir.member_id, "name_3": "刘国强"}
        assert "录入了 2 人" in heirs.client.post(sheet, data=form | typed).text
        came = heirs.api("GET", f"/checkin/activities/{activity_id}/attendances")
        broken = {name: list(find()) for _, name, find in all_checks(Databases(town.apps))}
    assert {one["member_id"] for one in came} == {
        before.member_id, of_heir.member_id, writes.member_id, newcomer["id"]
    }  # fmt: skip
    assert {name: faults for name, faults in broken.items() if faults} == {}


def at_home_in(town: Town, name: str, station: str) -> Browser:
    who = town.person(name)
    home = {"station_id": town.nodes[station], "compound_id": None}
    town.administrator.api("PATCH", f"/members/members/{who.member_id}", home)
    town.deliver()
    return who
