"""From an empty system to a station where people can register, by pages alone."""

from typing import Any

import pytest
from sqlalchemy import update

from shared import clock
from shared.db import transactional
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import PASSWORD, Town, form_fields, town

__all__ = ["town"]


def _code_of_an_empty_system(town: Town) -> str:
    from services.members.commands import administrators
    from services.members.store.models import RoleGrant

    with town.apps["members"].app_context():
        transactional(
            lambda tx: tx.execute(update(RoleGrant).values(revoked_at=clock.now(), revoked_by="operator:test"))
        )()
        return administrators.make_first_code().code


def test_the_first_administrator_comes_in_with_the_code_and_adds_places(town: Town) -> None:
    code, who = _code_of_an_empty_system(town), town.browser()
    typed: dict[str, Any] = {"name": "周敏", "phone": "13700000002", "password": PASSWORD, "terms": "1", "privacy": "1"}
    for page in ("/", "/login"):
        assert 'href="/first"' in who.get(page).text
    refused = who.post("/first", "/first", status=422, code="AAAA-BBBB-CCCC", **typed).text
    assert "启动互助的那个窗口" in refused
    assert "站点工作人员" not in refused
    assert 'id="code-fault"' in refused
    assert "周敏" in refused
    shown = who.post("/first", "/first", code=code, **typed)
    assert shown.request.path == "/staff/nodes"
    assert "咸宁市" in shown.text
    stranger = town.browser()
    for page in ("/", "/login"):
        assert 'href="/first"' not in stranger.get(page).text
    assert 'name="code"' not in stranger.get("/first").text, "there is an administrator now"
    assert 'value="compound"' not in who.get("/staff/nodes").text, "compounds never stand alone"
    city = f"/staff/nodes?parent_id={town.nodes['咸宁市']}"
    assert "已添加" in who.post(city, "/staff/nodes", level="station", name="西河桥社区实践站").text
    assert "西河桥社区实践站" in town.browser().get("/register").text
    assert 'id="name-fault"' in who.post(city, "/staff/nodes", status=422, level="station", name="").text


def test_an_administrator_of_a_station_adds_below_it_only(town: Town) -> None:
    who = town.person("罗静", Role.ADMINISTRATOR)
    mine = who.get("/staff/nodes").text
    assert "南昌路社区实践站" in mine
    assert "岔路口社区实践站" not in mine
    station = f"/staff/nodes?parent_id={town.station_id}"
    assert "东园小区" in who.post(station, "/staff/nodes", level="compound", name="东园小区").text
    other = f"/staff/nodes?parent_id={town.nodes['岔路口社区实践站']}"
    filled = form_fields(who.get(other).text, "/staff/nodes") | {"level": "compound", "name": "别处小区"}
    assert who.client.post("/staff/nodes", data=filled).status_code == 422


def test_the_page_of_administration_lists_what_a_new_system_needs(town: Town) -> None:
    steps = town.administrator.get("/staff").text.partition("<ol>")[2].partition("</ol>")[0]
    assert "添加实践站 · 已完成" in steps
    assert 'href="/staff/grants"' in steps
    town.person("陈芳", Role.ORGANIZER)
    steps = town.administrator.get("/staff").text.partition("<ol>")[2].partition("</ol>")[0]
    assert 'href="/staff/grants"' not in steps
    assert 'href="/organize/activities/new"' in steps
    assert "<ol>" not in town.person("罗静", Role.ADMINISTRATOR).get("/staff").text


def test_before_there_is_a_station_the_form_of_an_activity_says_what_comes_first(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'name="title"' in town.administrator.get("/organize/activities/new").text
    monkeypatch.setattr("gateway.pages.activity_form.station_options", lambda _role: [])
    shown = town.administrator.get("/organize/activities/new").text
    assert 'name="title"' not in shown
    assert 'href="/staff/nodes"' in shown


def test_a_role_for_somebody_unconfirmed_leads_to_confirming_them(town: Town) -> None:
    volunteer = town.person("陈芳")
    wanted: dict[str, Any] = {"member_id": volunteer.member_id, "role": "organizer", "node_id": town.station_id}
    refused = town.administrator.post("/staff/grants?q=陈芳", "/staff/grants", 422, **wanted).text
    assert f'href="/staff/members/{volunteer.member_id}"' in refused


def test_nobody_is_offered_to_take_back_the_own_role_and_namesakes_are_told_apart(town: Town) -> None:
    town.person("王秀英", Role.STAFF)
    town.person("陈芳", Role.ORGANIZER)
    listed = town.administrator.get("/staff/grants").text.partition("现有角色")[2]
    assert "收回管理员的管理员" not in listed
    assert listed.count("编号尾号") == 3
    assert listed.index("陈芳") < listed.index("王秀英")


def test_stations_to_choose_from_stand_under_what_they_belong_to(town: Town) -> None:
    def add(name: str, level: str, parent: str) -> str:
        content = {"id": str(new_id()), "name": name, "level": level, "parent_id": parent}
        return str(town.administrator.api("POST", "/members/nodes", content)["id"])

    for centre, station in (("咸安区中心", "青龙站"), ("赤壁市中心", "黄荆岭站")):
        sub_centre = add("城关实践所", "sub_centre", add(centre, "centre", town.nodes["咸宁市"]))
        add(station, "station", sub_centre)
    shown = town.browser().get("/register").text
    assert shown.count("<h2>城关实践所</h2>") == 2, "two places of one name stay two"
    assert shown.index("青龙站") < shown.index("黄荆岭站")
