"""A station is split on its page: compounds, people and what they saved go along, and the books are right."""

import re
from datetime import timedelta
from typing import Any

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, publish, scan
from tests.gateway.real import Browser, Town, form_fields, town
from tests.gateway.test_merging_stations import follow, offer, redeem, report, serve

__all__ = ["town"]

OLD = "南昌路社区实践站"


def lives_in(town: Town, who: Browser, compound: str) -> None:
    home = {"station_id": town.station_id, "compound_id": town.nodes[compound]}
    town.administrator.api("PATCH", f"/members/members/{who.member_id}", home)


def ask(town: Town, **typed: Any) -> Any:
    """The page before it is done, with the compound ticked."""
    here = f"/staff/nodes/{town.station_id}/split"
    filled = {"id": str(new_id()), "name": "和谐社区实践站", "compound_ids": town.nodes["和谐小区"], **typed}
    return town.administrator.client.get(here, query_string=filled)


def test_a_station_is_split_and_everybody_keeps_what_they_have(town: Town) -> None:
    admin, here = town.administrator, f"/staff/nodes/{town.station_id}/split"
    organizer, goes, stays = town.person("李组织", Role.ORGANIZER), town.person("陈芳"), town.person("王秀英")
    for who in (goes, stays):
        admin.api("POST", f"/members/members/{who.member_id}/confirm")
    lives_in(town, goes, "和谐小区")
    town.deliver()
    before, under_way = publish(organizer), publish(organizer, title="义诊", day=f"{START.date() + timedelta(days=1)}")
    serve(town, organizer, goes, before)
    next_day = START + timedelta(days=1)
    with town.at(next_day - timedelta(minutes=5)):
        assert f'href="{here}"' in admin.get(f"/staff/nodes/{town.station_id}").text
        shown = admin.get(here).text
        assert "1 位志愿者" in shown
        assert "原站的角色在新站也保留" in shown
        asked = ask(town, keep_grants="1").text
        for words in ("和谐小区", "住在里面的 1 位志愿者", "在两边都有角色", "要反悔"):
            assert words in asked
        assert "node.split" not in str(admin.api("GET", "/members/audit")), "asking splits nothing"
        filled = form_fields(asked, here)
        done = [admin.client.post(here, data=filled) for _ in range(2)]
        assert [answer.status_code for answer in done] == [303, 303], done[0].text
        assert done[0].headers["Location"] == done[1].headers["Location"]
        new_page = done[0].headers["Location"].partition("?")[0]
        # Both are to be counted anew, and say so until they are.
        old_page, to_count = f"/staff/nodes/{town.station_id}", "两边的居民人数都要重新登记"
        assert to_count in admin.get(done[0].headers["Location"]).text
        assert f'href="{new_page}#residents"' in admin.get(old_page).text
        for page in (new_page, old_page):
            admin.post(page, page, action="count", residents="1200", from_day=f"{clock.today()}")
            assert to_count not in admin.get(page).text
        part_id = new_page.rpartition("/")[2]
        follow(town)
        assert admin.api("GET", f"/members/members/{goes.member_id}")["station_name"] == "和谐社区实践站"
        assert admin.api("GET", f"/members/members/{stays.member_id}")["station_name"] == OLD
        # The list of the group names people of both stations.
        pasted = f"{under_way}/sign-ups"
        listed = organizer.post(pasted, f"{pasted}/read", list="1. 王秀英\n2. 陈芳 和谐小区\n3. 陈芳\n4. 李小明").text
        assert re.findall(r"可以报名|请选是哪一位|上面已有这个人|本站没有这个人", listed)[:1] == ["可以报名"]
        for words, count in (("本站没有这个人", 1), ("可以报名", 2)):
            assert listed.count(f">{words}<") == count, words
        assert "从那里分出来" in admin.get(new_page).text
        assert "从这里分出去" in admin.get(f"/staff/nodes/{town.station_id}").text
        assert "拆分站点" in admin.get("/staff/audit").text
        (balance,) = admin.api("GET", f"/points/balances?member_ids={goes.member_id}")
        assert balance["minutes_total"] == 150
        assert balance["points_available"] > 0
        # What is under way goes on, at the old station; the organizer acts at both.
        gift: dict[str, Any] = {
            "id": str(new_id()),
            "node_id": part_id,
            "name": "香皂",
            "points": 50,
            "limit_per_quarter": 5,
        }
        admin.api("POST", "/rewards/gifts", gift)
        stock = {"id": str(new_id()), "station_id": part_id, "kind": "receive", "quantity": 3, "reason": "采购"}
        admin.api("POST", f"/rewards/gifts/{gift['id']}/stock", stock)
        assert redeem(goes, gift["id"], part_id)["state"] == "confirmed"
    serve_next(town, organizer, goes, under_way)
    with town.at(next_day + timedelta(hours=3)):
        now, then = report(town, "now"), report(town, "then")
        broken = {name: list(find()) for _, name, find in all_checks(Databases(town.apps))}
    assert {name: faults for name, faults in broken.items() if faults} == {}
    assert now == then | {"tree": "now"}
    assert {one["name"]: one["visits"] for one in now["nodes"]} == {OLD: 2}


def test_what_is_open_when_a_station_is_split_is_finished_where_it_began(town: Town) -> None:
    admin = town.administrator
    organizer, goes = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    admin.api("POST", f"/members/members/{goes.member_id}/confirm")
    lives_in(town, goes, "和谐小区")
    town.deliver()
    gift_id = offer(town)
    admin.api("PUT", f"/points/boards/{town.station_id}/switch", {"on": False})
    admin.api("PUT", f"/points/leavers/rules/{town.station_id}", {"family_days": 90, "donate": False})
    next_day = START + timedelta(days=1)
    before, under_way = publish(organizer), publish(organizer, title="义诊", day=f"{next_day.date()}")
    later = publish(organizer, title="夜巡", day=f"{next_day.date() + timedelta(days=1)}").rpartition("/")[2]
    serve(town, organizer, goes, before)
    with town.at(next_day - timedelta(minutes=5)):
        signed = {"id": str(new_id()), "member_ids": [goes.member_id]}
        goes.api("POST", f"/checkin/activities/{later}/sign-ups", signed)
        collected, given_up = (redeem(goes, gift_id, town.station_id) for _ in range(2))
        scan(organizer, goes, under_way, "arrival")
        part_id = str(new_id())
        part = {"id": part_id, "name": "和谐社区实践站", "compound_ids": [town.nodes["和谐小区"]]}
        admin.api("POST", f"/members/nodes/{town.station_id}/split", part)
        follow(town)
        assert admin.api("GET", f"/members/members/{goes.member_id}")["station_name"] == "和谐社区实践站"
    with town.at(next_day + timedelta(hours=2, minutes=35)):
        scan(organizer, goes, under_way, "departure")
        issued = organizer.api("POST", f"/rewards/redemptions/{collected['id']}/issue", {})
        assert issued["state"] == "fulfilled", "the desk where it was kept hands it over"
        assert goes.api("POST", f"/rewards/redemptions/{given_up['id']}/cancel")["state"] == "cancelled"
        town.deliver()
        (balance,) = admin.api("GET", f"/points/balances?member_ids={goes.member_id}")
        assert (balance["minutes_total"], balance["points_available"]) == (300, 500 - 50)
        [line] = organizer.api("GET", f"/checkin/activities/{later}/sign-ups")
        assert (line["member_id"], line["place"]) == (goes.member_id, 1), "still signed up at the old station"
        boards = {one["node_id"]: one["on"] for one in admin.api("GET", "/points/boards/switches")}
        assert not boards[town.station_id]
        assert not boards[part_id], "begins as the whole"
        for node_id in (town.nodes["咸宁市"], town.station_id, part_id):
            views = [report(town, tree, node_id) for tree in ("now", "then")]
            assert views[0]["total"] == views[1]["total"]
            assert views[0]["total"]["visits"] == (0 if node_id == part_id else 2), "where the activities were"
        broken = {name: list(find()) for _, name, find in all_checks(Databases(town.apps))}
    assert {name: faults for name, faults in broken.items() if faults} == {}


def serve_next(town: Town, organizer: Browser, volunteer: Browser, page: str) -> None:
    """As `serve`, a day later."""
    for direction, minutes in (("arrival", -5), ("departure", 155)):
        with town.at(START + timedelta(days=1, minutes=minutes)):
            scan(organizer, volunteer, page, direction)
            town.deliver()


def test_what_is_wrong_is_said_at_its_field_and_what_was_chosen_stays(town: Town) -> None:
    admin, here = town.administrator, f"/staff/nodes/{town.station_id}/split"
    wrong = ask(town, name="", compound_ids="")
    assert wrong.status_code == 422
    for field in ("name", "compound_ids"):
        assert f'id="{field}-fault"' in wrong.text
    compound = town.nodes["和谐小区"]
    for typed, field in (
        ({"name": "岔路口社区实践站"}, "name"),
        ({"from_day": str(clock.today() + timedelta(days=1))}, "from_day"),
        ({"compound_ids": town.station_id}, "compound_ids"),
    ):
        # A day, and compounds that are not there, are refused before anybody is asked.
        asked = ask(town, **typed)
        refused = admin.client.post(here, data=form_fields(asked.text, here)) if field == "name" else asked
        assert refused.status_code == 422
        assert f'id="{field}-fault"' in refused.text, field
        if field != "compound_ids":
            assert re.search(rf'value="{compound}"[^>]* checked', refused.text)
    empty = f"/staff/nodes/{town.nodes['和谐小区']}/split"
    assert "没有可以分出去的小区" in admin.get(empty).text


def test_who_administers_the_station_alone_does_not_split_it(town: Town) -> None:
    own = town.person("罗静", Role.ADMINISTRATOR)
    assert "拆分站点由上级的管理员来做" in own.get(f"/staff/nodes/{town.station_id}/split").text
    split = {"id": str(new_id()), "name": "新站", "compound_ids": [town.nodes["和谐小区"]]}
    token = form_fields(own.get("/display").text, "/display")["csrf_token"]
    answer = own.client.post(
        f"/staff/nodes/{town.station_id}/split", data={"csrf_token": token} | split, follow_redirects=True
    )
    assert "您没有权限做这件事" in answer.text
