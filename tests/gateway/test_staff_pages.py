"""The pages of staff and administrators, in front of the real services."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]


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


def test_staff_is_asked_whether_it_is_the_same_before_somebody_is_registered(town: Town) -> None:
    staff, known = town.person("周站长", Role.STAFF), town.person("陈芳")
    new = "/staff/members/new"

    def called_so() -> list[str]:
        return [one["id"] for one in staff.api("GET", f"/members/members?q={quote('陈芳')}")]

    filled = form_fields(staff.get(new).text, new) | {"name": "陈芳", "agreed": "1"}
    for _ in range(2):  # the main button asks, however often it is tapped
        asked = staff.client.post(new, data=filled)
        assert (asked.status_code, "还没有登记" in asked.text) == (422, True)
        assert f'href="/staff/members/{known.member_id}"' in asked.text
    assert called_so() == [known.member_id]
    other = form_fields(asked.text, new) | {"action": "other"}
    for _ in range(2):  # a second tap finds the one of the first, and is the same person
        made = staff.client.post(new, data=other, follow_redirects=True)
        assert (made.status_code, "陈芳" in made.text) == (200, True)
    assert len(called_so()) == 2
    # Another form has looked at the first alone, and is asked of both.
    stale = staff.client.post(new, data=other | {"id": str(new_id())})
    assert (stale.status_code, stale.text.count('class="row"')) == (422, 2)


def test_the_list_of_members_goes_by_the_reading_of_names_page_by_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.pages import staff as module

    staff = town.person("周站长", Role.STAFF)
    for name in ("王秀英", "陈芳", "安平", "陈芳", "李强"):
        town.person(name)
    assert "按姓名的拼音排列" in staff.get("/staff/members").text
    monkeypatch.setattr(module, "ROWS", 2)
    seen, page = [], "/staff/members"
    while page:
        shown = staff.get(page).text
        seen += re.findall(r'href="/staff/members/[0-9a-f-]{36}"[^>]*>([^<]*)<', shown)
        page = next(iter(re.findall(r'href="(/staff/members\?after=[^"]*)"', shown)), "")
    named = ["安平", "陈芳", "陈芳", "李强", "王秀英", "周站长"]
    assert [name for name in seen if name in named] == named


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
    "/staff/reviews",
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


def test_somebody_without_a_balance_yet_is_no_outage(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = town.person("周站长", Role.STAFF)
    with monkeypatch.context() as undelivered:
        undelivered.setattr(Town, "deliver", lambda _town: None)
        volunteer = town.person("陈芳")
    shown = staff.get(f"/staff/members/{volunteer.member_id}").text
    assert "还没有可以看的积分" in shown
    assert "暂时看不到" not in shown


def test_staff_sees_how_many_wait_to_be_confirmed(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    town.person("陈芳")
    assert re.search(r"待核实的志愿者.*?1 人", staff.get("/staff").text, re.DOTALL)
