"""Registering on the spot, in front of the real services: one submit, one person, one attendance."""

import html
import re
from typing import Any
from urllib.parse import quote

import pytest

from gateway import backend
from shared.errors import Unavailable
from shared.principal import Role
from tests.gateway.organizing import START, publish
from tests.gateway.real import Browser, Town, form_fields, token_of, town

__all__ = ["town"]


def members(organizer: Browser, name: str) -> list[str]:
    return [one["id"] for one in organizer.api("GET", f"/members/members?q={quote(name)}")]


def attendances(organizer: Browser, page: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}/attendances")
    return found


def typed(town: Town, **more: str) -> dict[str, Any]:
    return {"name": "王秀英", "place": town.nodes["和谐小区"], "agreed": "1", **more}


def test_a_newcomer_is_registered_and_signed_in_with_one_submit(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer)
    page = f"{here}/newcomer"
    assert f'href="{page}"' in organizer.get(here).text
    with town.at(START):
        done = organizer.post(page, page, **typed(town)).text
        assert "王秀英已签到" in done
        # Whole groups come out of one compound, and the next person is somebody else.
        assert form_fields(done, page)["place"] == town.nodes["和谐小区"]
        assert form_fields(done, page)["name"] == ""
        town.deliver()
        [pair] = attendances(organizer, here)
    [member_id] = members(organizer, "王秀英")
    assert (pair["member_id"], pair["state"], pair["evidence"]) == (member_id, "open", "organizer")
    member = organizer.api("GET", f"/members/members/{member_id}")
    assert (member["compound_name"], member["confirmed"]) == ("和谐小区", False)


def test_what_is_missing_is_said_and_nothing_typed_is_lost(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    page = f"{publish(organizer)}/newcomer"
    with town.at(START):
        refused = organizer.post(page, page, status=422, **typed(town, agreed="", name="")).text
        assert "请填写姓名" in refused
        assert "请先向本人说明并取得同意" in refused
        refused = organizer.post(page, page, status=422, **typed(town, phone="12")).text
        assert form_fields(refused, page)["name"] == "王秀英"
    assert members(organizer, "王秀英") == []


def test_a_double_tap_and_a_retry_are_one_person_and_one_attendance(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer)
    page = f"{here}/newcomer"
    with town.at(START):
        filled = form_fields(organizer.get(page).text, page) | typed(town)
        for _ in range(3):
            assert "王秀英已签到" in organizer.client.post(page, data=filled, follow_redirects=True).text
        assert len(attendances(organizer, here)) == 1
    assert len(members(organizer, "王秀英")) == 1


def test_a_second_organizer_is_asked_whether_it_is_the_same_and_ticks_the_one_who_is_there(town: Town) -> None:
    first, second = town.person("李组织", Role.ORGANIZER), town.person("周组织", Role.ORGANIZER)
    here = publish(first)
    page = f"{here}/newcomer"
    with town.at(START):
        first.post(page, page, **typed(town))
        [known] = members(first, "王秀英")
        asked = second.post(page, page, status=422, **typed(town)).text
        assert "是不是已经登记过的这位？" in asked
        assert "和谐小区 · 编号尾号" in asked
        assert members(first, "王秀英") == [known]
        filled = form_fields(asked, page)
        same = second.client.post(page, data=filled | {"is": known}, follow_redirects=True).text
        assert "王秀英已签到" in same
        assert [pair["member_id"] for pair in attendances(first, here)] == [known]
        other = second.client.post(page, data=filled | {"action": "other"}, follow_redirects=True).text
        assert "王秀英已签到" in other
        assert len(attendances(first, here)) == 2
    assert len(members(first, "王秀英")) == 2


def main_buttons(page: str, action: str) -> list[str]:
    """Words of the buttons that stand out in the form that goes there."""
    form = page.partition(f'action="{action}"')[2].partition("</form>")[0]
    return re.findall(r'<button class="button main[^>]*>.*?<span>([^<]*)</span></button>', form, re.DOTALL)


def test_who_may_be_meant_is_asked_first_and_another_is_a_step_of_its_own(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    first = town.person("王秀英")
    here = publish(organizer)
    page = f"{here}/newcomer"
    with town.at(START):
        empty = organizer.get(page).text
        assert main_buttons(empty, page) == ["登记并签到"]
        piece = {"csrf_token": token_of(organizer.client), "station_id": town.station_id, "name": "王秀英"}
        suggested = organizer.client.post(f"{page}/alike", data=piece).text
        assert "就是这位" in suggested
        assert 'value="other"' not in suggested, "a button that comes while one taps registers nobody"
        # Two tabs, both opened before; the main button asks in each, however often it is tapped.
        tabs = [form_fields(organizer.get(page).text, page) | typed(town) for _ in range(2)]
        for filled in (*tabs, *tabs):
            answer = organizer.client.post(page, data=filled)
            assert (answer.status_code, "还没有登记" in answer.text) == (422, True)
            assert main_buttons(answer.text, page) == ["就是这位"]
        assert members(organizer, "王秀英") == [first.member_id]
        assert attendances(organizer, here) == []
        asked = form_fields(answer.text, page)
        # Said in one tab that it is another one: the other tab has seen only the first, and is asked of both.
        another = organizer.client.post(page, data=asked | {"action": "other", "id": tabs[0]["id"]})
        assert another.status_code == 303
        stale = organizer.client.post(page, data=asked | {"action": "other"})
        assert (stale.status_code, main_buttons(stale.text, page)) == (422, ["就是这位"] * 2)
        assert len(members(organizer, "王秀英")) == 2


def test_while_typing_the_same_people_are_suggested(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    known = town.person("王秀英")
    page = f"{publish(organizer)}/newcomer"
    assert f'data-newcomer="{page}/alike"' in organizer.get(page).text
    asked = {"csrf_token": token_of(organizer.client), "station_id": town.station_id, "phone": ""}
    piece = organizer.client.post(f"{page}/alike", data=asked | {"name": "王绣英"}).text
    assert f'name="is" value="{known.member_id}"' in piece
    assert "<html" not in piece
    for name in ("王秀", "", "x" * 60):
        assert organizer.client.post(f"{page}/alike", data=asked | {"name": name}).text.strip() == ""


def test_that_members_was_not_heard_is_not_nobody_alike(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    town.person("王秀英")
    page, desk = f"{publish(organizer)}/newcomer", "/staff/members/new"
    call = backend.call

    def without(service: str, method: str, path: str, **given: Any) -> Any:
        if path == "/newcomers/look-alikes":
            raise Unavailable
        return call(service, method, path, **given)

    with town.at(START):
        monkeypatch.setattr(backend, "call", without)
        refused = organizer.post(page, page, status=503, **typed(town)).text
        assert Unavailable.detail in refused
        assert form_fields(refused, page)["name"] == "王秀英"
        piece = {"csrf_token": token_of(organizer.client), "station_id": town.station_id, "name": "王秀英", "phone": ""}
        assert organizer.client.post(f"{page}/alike", data=piece).status_code == 503
        home = {"station_id": town.station_id, **typed(town)}
        assert Unavailable.detail in staff.post(desk, desk, status=422, **home).text
        monkeypatch.undo()
    assert len(members(organizer, "王秀英")) == 1


def test_where_signing_in_fails_the_registration_stands_and_one_button_tries_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer)
    page = f"{here}/newcomer"
    through = backend.call

    def cut(service: str, method: str, path: str, **fields: Any) -> Any:
        if service == "checkin" and method == "POST":
            raise Unavailable
        return through(service, method, path, **fields)

    with town.at(START):
        with monkeypatch.context() as patched:
            patched.setattr(backend, "call", cut)
            stands = organizer.post(page, page, status=503, **typed(town)).text
        assert "王秀英登记好了，还没有签到" in stands
        filled = form_fields(stands, page)
        for _ in range(2):
            assert "王秀英已签到" in organizer.client.post(page, data=filled, follow_redirects=True).text
        assert len(attendances(organizer, here)) == 1
    assert len(members(organizer, "王秀英")) == 1


def test_who_cannot_be_signed_in_now_is_told_why_and_stays_registered(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer)
    page = f"{here}/newcomer"
    early = organizer.post(page, page, status=422, **typed(town)).text
    assert "王秀英登记好了，还没有签到" in early
    assert "签到开放之后" in early
    own = organizer.client.post(page, data=form_fields(early, page) | {"is": organizer.member_id, "registered": ""})
    assert own.status_code == 422
    assert "李组织还没有签到" in own.text
    assert "不能为自己或家人办理" in own.text
    assert attendances(organizer, here) == []


def test_the_way_back_is_to_the_part_of_the_roll_that_one_came_from(town: Town) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    here = publish(organizer, site_name_0="东门", site_name_1="西门")
    west = organizer.api("GET", f"/checkin/activities/{here.rpartition('/')[2]}")["sites"][1]["id"]
    page = f"{here}/newcomer"
    with town.at(START):
        for roll in (f"{here}/roll", f"{here}/roll?site={west}&mode=left"):
            [link] = re.findall(rf'href="({page}\?[^"]*)"', organizer.get(roll).text)
            form = html.unescape(link)
            assert f'href="{html.escape(roll)}"' in organizer.get(form).text
        shown = organizer.post(form, page, **typed(town)).text
        assert "王秀英已签到" in shown
        assert "<h1>再登记一位</h1>" in shown
        assert re.findall(r'href="([^"]*)"[^>]*>(?:<svg.*?</svg>)?<span>回到点名', shown) == [html.escape(roll)]
        again = organizer.post(form, page, status=422, **typed(town, agreed="")).text
        assert f'href="{html.escape(roll)}"' in again
        alone = organizer.get(page).text
        assert f'href="{here}"' in alone
        assert "/roll" not in alone.partition("<main")[2]
