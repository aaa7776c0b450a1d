"""The organizer's claim code on screen and paper, and what its reader does with it."""

import re
from typing import Any

import pytest

from gateway import qr
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import found
from tests.gateway.real import PASSWORD, Browser, Town, token_of, town

__all__ = ["town"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the QRs of the pages lead to."""
    found: list[str] = []
    through = qr.svg

    def svg(text: str, label: str) -> str:
        found.append(text)
        return through(text, label)

    monkeypatch.setattr(qr, "svg", svg)
    return found


def add(town: Town, staff: Browser, name: str, **more: Any) -> str:
    content = {"id": str(new_id()), "name": name, "station_id": town.station_id, **more}
    return str(staff.api("POST", "/members/members", content)["id"])


def code_for(organizer: Browser, member_id: str, drawn: list[str]) -> str:
    """The path that the organizer's QR leads to."""
    page = f"/organize/members/{member_id}/claim"
    organizer.post(page, page)
    return drawn[-1].removeprefix("http://huzhu.test")


def test_somebody_registered_on_paper_claims_herself_and_sees_her_history(town: Town, drawn: list[str]) -> None:
    staff, organizer = town.person("周站长", Role.STAFF), town.person("罗负责", Role.ORGANIZER)
    mother = add(town, staff, "王秀英")
    listed = organizer.get("/organize/claims?q=王秀").text
    assert f"/organize/members/{mother}/claim" in listed
    page = f"/organize/members/{mother}/claim"
    slip = organizer.post(page, page).text
    assert "<svg" in slip
    assert "王*英" in slip
    assert "王秀英" not in slip, "a slip that is lost names nobody"
    path = drawn[-1].removeprefix("http://huzhu.test")
    assert path.rpartition("/")[2] not in slip

    phone = town.browser()
    answer = phone.client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/claim")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    shown = phone.get("/claim").text
    assert "王*英" in shown
    assert path.rpartition("/")[2] not in shown
    entered = phone.post(
        "/claim", "/claim/register", phone="13911112222", password=PASSWORD, terms="1", privacy="1", alone=None
    )
    assert "已认领，以前的记录和积分都在" in entered.text
    me = phone.api("GET", "/members/me")
    assert (me["own_member_id"], me["members"][0]["name"]) == (mother, "王秀英")
    assert phone.get(path).request.path == "/me", "whose it is now is led to what it gave"
    stranger = town.browser()
    stranger.client.get(path)
    assert "用过了" in stranger.get("/claim").text
    assert "还没有读到认领码" in stranger.get("/claim").text, "a code that is over is let go of"


def test_who_is_logged_in_adds_the_family_and_acts_for_her_at_once(town: Town, drawn: list[str]) -> None:
    staff, daughter = town.person("周站长", Role.STAFF), town.person("李芳")
    path = code_for(staff, add(town, staff, "王秀英"), drawn)
    daughter.client.get(path)
    assert "请选择这位是谁" in daughter.post("/claim", "/claim", status=422).text
    assert "请确认家人知道" in daughter.post("/claim", "/claim", status=422, relation="parent").text
    done = daughter.post("/claim", "/claim", relation="parent", agreed="1")
    # She agrees for her mother first, who was never asked.
    assert "约定" in done.text
    agreed = daughter.post("/consents?next=/me", "/consents", terms="1", privacy="1").text
    assert "王秀英" in agreed
    assert "父母" in agreed
    assert [one["relation"] for one in daughter.api("GET", "/members/me")["members"]] == ["self", "parent"]
    assert daughter.client.post("/claim", data={"csrf_token": token_of(daughter.client)}).status_code == 303


def test_who_has_to_log_in_first_comes_back_to_the_code(town: Town, drawn: list[str]) -> None:
    staff, daughter = town.person("周站长", Role.STAFF), town.person("李芳")
    phone = daughter.api("GET", f"/members/members/{daughter.member_id}/phone")["phone"]
    path = code_for(staff, add(town, staff, "王秀英"), drawn)
    other = town.browser()
    other.client.get(path)
    other.post("/login", "/login", phone=phone, password=PASSWORD)
    assert "这位是谁？" in other.get("/claim").text


def test_a_phone_with_a_login_is_told_to_log_in_and_keeps_the_code(town: Town, drawn: list[str]) -> None:
    staff, daughter = town.person("周站长", Role.STAFF), town.person("李芳")
    phone = daughter.api("GET", f"/members/members/{daughter.member_id}/phone")["phone"]
    other = town.browser()
    other.client.get(code_for(staff, add(town, staff, "王秀英"), drawn))
    told = other.post("/claim", "/claim/register", phone=phone, password="别的密码 1949", terms="1", privacy="1")
    assert "如果这个手机号已经注册过，请直接登录" in told.text
    assert "王*英" in other.get("/claim").text


def test_a_relative_is_let_go_of_and_the_person_says_who_acts(town: Town, drawn: list[str]) -> None:
    staff, daughter = town.person("周站长", Role.STAFF), town.person("李芳")
    mother = add(town, staff, "王秀英", consents=[{"kind": kind, "version": "1"} for kind in ("terms", "privacy")])
    for who in (daughter, town.person("李强")):
        who.client.get(code_for(staff, mother, drawn))
        who.post("/claim", "/claim", relation="parent", agreed="1")
    assert "也由李强代管" in daughter.get("/me").text
    assert "的账号代管" in staff.get(f"/staff/members/{mother}").text
    page = f"/me/family/{mother}/release"
    assert "已不再代管" in daughter.post(page, page).text
    assert len(daughter.api("GET", "/members/me")["members"]) == 1

    own = town.browser()
    own.client.get(code_for(staff, mother, drawn))
    own.post("/claim", "/claim/register", phone="13911112222", password=PASSWORD, terms="1", privacy="1", alone=None)
    shown = own.get("/me").text
    (leads,) = re.findall(rf'href="({page}\?login_id=[^"]+)"', shown)
    assert "已不再代管" in own.post(leads, page).text
    assert "李强" not in own.get("/me").text
    assert found(town, 7) == [], "all of it is in the audit log, and nobody acted in the own case"


def test_a_code_for_ones_own_family_is_refused_on_its_page(town: Town) -> None:
    organizer = town.person("罗负责", Role.ORGANIZER)
    page = f"/organize/members/{organizer.member_id}/claim"
    assert "不能为自己或家人办理" in organizer.post(page, page, status=422).text
