"""The pages of one place: renamed, counted, moved and closed; and lists longer than one answer."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from shared import clock
from shared.db import transactional
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import Town, form_fields, town

__all__ = ["town"]

MANY = 250


def node(town: Town, node_id: str) -> dict[str, Any]:
    return dict(town.administrator.api("GET", f"/members/nodes/{node_id}"))


def test_a_place_is_renamed_and_counted(town: Town) -> None:
    admin, here = town.administrator, f"/staff/nodes/{town.station_id}"
    assert "已保存" in admin.post(here, here, action="rename", name="南昌路站").text
    assert "已保存" in admin.post(here, here, action="count", name=None, residents="5200", from_day="2026-01-01").text
    known = node(town, town.station_id)
    assert (known["name"], known["residents"]) == ("南昌路站", 5200)
    assert known["counts"] == [{"residents": 5200, "from_day": "2026-01-01"}]
    taken = admin.post(here, here, status=422, action="rename", name="岔路口社区实践站").text
    assert 'id="name-fault"' in taken
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    assert 'id="from_day-fault"' in _post(town, here, action="count", residents="10", from_day=tomorrow)
    assert 'id="residents-fault"' in _post(town, here, action="count", residents="许多")


def test_a_name_counts_from_a_day_and_the_one_before_it_is_still_known(town: Town) -> None:
    admin, here = town.administrator, f"/staff/nodes/{town.station_id}"
    opened = clock.today()
    with town.at(clock.now() + timedelta(days=20)):
        day = (opened + timedelta(days=10)).isoformat()
        shown = admin.post(here, here, action="rename", name="南昌路站", named_on=day).text
        assert "用过的名称" in shown
        assert "南昌路社区实践站" in shown.partition("用过的名称")[2]
    assert node(town, town.station_id)["names"] == [
        {"name": "南昌路社区实践站", "from_day": str(opened)},
        {"name": "南昌路站", "from_day": day},
    ]


def _post(town: Town, to: str, **typed: str) -> str:
    """What is refused of a form with these fields."""
    token = form_fields(town.administrator.get("/display").text, "/display")["csrf_token"]
    answer = town.administrator.client.post(to, data={"csrf_token": token} | typed)
    assert answer.status_code == 422, answer.text
    return answer.text


def test_moving_a_place_is_asked_about_before_it_is_done(town: Town) -> None:
    admin, compound, to = town.administrator, town.nodes["和谐小区"], town.nodes["岔路口社区实践站"]
    here = f"/staff/nodes/{compound}"
    assert "岔路口社区实践站" in admin.get(here).text
    asked = admin.get(f"{here}/move?parent_id={to}&moved_on={clock.today()}")
    assert "从南昌路社区实践站移到岔路口社区实践站" in asked.text
    assert node(town, compound)["parent_id"] == town.station_id, "asking moves nothing"
    assert "已保存" in admin.post(asked.request.full_path, f"{here}/move").text
    known = node(town, compound)
    assert known["parent_id"] == to
    assert UUID(to).hex in known["path"]
    assert "请选择新的上级" in admin.get(f"{here}/move?parent_id=", status=422).text
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    wrong = _post(town, f"{here}/move", parent_id=town.station_id, moved_on=tomorrow)
    assert "日期不能晚于今天" in wrong
    assert 'id="moved_on-fault"' in wrong


def test_a_wrong_day_is_blamed_in_its_own_form_and_nobody_is_asked_about_an_impossible_one(town: Town) -> None:
    admin, station = town.administrator, f"/staff/nodes/{town.station_id}"
    today = clock.today()
    tomorrow, before = (str(today + timedelta(days=days)) for days in (1, -400))
    renamed = _post(town, station, action="rename", name="南昌路站", named_on=tomorrow)
    assert 'id="named_on-fault"' in renamed
    assert renamed.count(f'value="{tomorrow}"') == 1, "the other forms keep their own day"
    heir, compound = town.nodes["岔路口社区实践站"], town.nodes["和谐小区"]
    for day in (tomorrow, before):
        for asked, field in (
            (f"{station}/close?closed_on={day}&successor_id={heir}", "closed_on"),
            (f"/staff/nodes/{compound}/move?parent_id={heir}&moved_on={day}", "moved_on"),
            (f"{station}/split?id={new_id()}&name=新站&compound_ids={compound}&from_day={day}", "from_day"),
        ):
            assert f'id="{field}-fault"' in admin.get(asked, status=422).text, asked


def test_closing_a_place_is_asked_about_and_names_what_follows_it(town: Town) -> None:
    admin = town.administrator
    other = str(new_id())
    admin.api(
        "POST", "/members/nodes", {"id": other, "name": "东兴小区", "level": "compound", "parent_id": town.station_id}
    )
    here = f"/staff/nodes/{town.nodes['和谐小区']}"
    assert f'<option value="{other}"' in admin.get(here).text
    asked = admin.get(f"{here}/close?closed_on={clock.today()}&successor_id={other}")
    assert "和谐小区，并入东兴小区" in asked.text
    closed = admin.post(asked.request.full_path, f"{here}/close").text
    assert "已撤销" in closed
    assert f'action="{here}"' not in closed, "nothing more is changed of it"
    assert node(town, town.nodes["和谐小区"])["successor_id"] == other
    station = f"/staff/nodes/{town.station_id}"
    asked = admin.get(f"{station}/close")
    refused = admin.post(asked.request.full_path, f"{station}/close", status=422).text
    assert "下面还有未撤销的" in refused


def test_a_desk_opens_at_the_station_that_was_chosen_last(town: Town) -> None:
    admin, other = town.administrator, str(new_id())
    above = admin.api("GET", f"/members/nodes/{town.station_id}")["parent_id"]
    admin.api("POST", "/members/nodes", {"id": other, "name": "新安社区实践站", "level": "station", "parent_id": above})
    town.deliver()
    pages = ("/desk/serve", "/desk/paper", "/desk/typed")

    def opened() -> list[str]:
        found = [re.findall(r'station_id=([^"&]*)" aria-current', admin.get(page).text) for page in pages]
        return [station_id for [station_id] in found]

    [first] = set(opened())
    for station_id in {town.station_id, other} - {first}:
        admin.get(f"/desk/paper?station_id={station_id}")
        assert set(opened()) == {station_id}
    admin.get(f"/desk/serve?station_id={first}")
    assert set(opened()) == {first}


def test_an_administrator_of_a_station_moves_nothing_out_of_it(town: Town) -> None:
    who = town.person("罗静", Role.ADMINISTRATOR)
    here = f"/staff/nodes/{town.nodes['和谐小区']}"
    shown = who.get(here).text
    assert "岔路口社区实践站" not in shown
    asked = f"{here}/move?parent_id={town.nodes['岔路口社区实践站']}"
    assert "错误：" in who.post(asked, f"{here}/move", status=422).text
    assert "已保存" in who.post(here, here, action="rename", name="和谐家园").text


# --- Lists longer than one answer -----------------------------------------------------------------------


def found(town: Town, level: str, parent_id: str, name: str) -> list[str]:
    """Many places at once; the one that comes last, by id, is named last."""
    from services.members.store.models import Node, NodeParent

    ids = sorted(new_id() for _ in range(MANY))
    path, today, number = node(town, parent_id)["path"], clock.today(), count(1)

    def rows() -> Iterator[dict[str, Any]]:
        for node_id in ids:
            yield {
                "id": node_id, "level": level, "name": f"{name}{next(number)}号", "path": f"{path}{node_id.hex}/",
                "parent_id": UUID(parent_id), "opened_on": today, "version": 1,
            }  # fmt: skip

    def add(tx: Any) -> None:
        tx.execute(insert(Node), list(rows()))
        tx.execute(
            insert(NodeParent),
            [{"node_id": node_id, "from_day": today, "parent_id": UUID(parent_id)} for node_id in ids],
        )

    with town.apps["members"].app_context():
        transactional(add)()
    return [str(node_id) for node_id in ids]


def test_every_station_of_a_county_can_be_chosen(town: Town) -> None:
    ids = found(town, "station", town.nodes["咸宁市"], "社区站")
    assert f'href="/register?station_id={ids[-1]}"' in town.browser().get("/register").text
    admin = town.administrator
    volunteer = town.person("陈芳")
    for page in ("/staff/members/new", "/staff/members", "/staff/grants?q=陈芳", "/me/edit"):
        shown = (volunteer if page == "/me/edit" else admin).get(page).text
        for node_id in (ids[0], ids[-1], town.station_id):
            assert f'<option value="{node_id}"' in shown, page
    assert f'<option value="{ids[-1]}"' in admin.get(f"/staff/nodes/{town.nodes['和谐小区']}").text


def test_every_building_of_a_station_can_be_chosen(town: Town) -> None:
    ids = found(town, "building", town.nodes["和谐小区"], "楼")
    last = f'<option value="{town.nodes["和谐小区"]}.{ids[-1]}"'
    assert last in town.browser().get(f"/register?station_id={town.station_id}").text
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    assert last in staff.get("/staff/members/new").text
    assert last in staff.get(f"/staff/members/{volunteer.member_id}/edit").text
    assert last in volunteer.get("/me/edit").text


def test_closed_places_are_offered_to_nobody(town: Town) -> None:
    town.administrator.api("PATCH", f"/members/nodes/{town.nodes['和谐小区']}", {"closed_on": str(clock.today())})
    station = town.nodes["岔路口社区实践站"]
    town.administrator.api("PATCH", f"/members/nodes/{station}", {"closed_on": str(clock.today())})
    assert "和谐小区" not in town.browser().get(f"/register?station_id={town.station_id}").text
    assert station not in town.browser().get("/register").text
