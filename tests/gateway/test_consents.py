"""Who has not agreed yet, or not to the present wording, is asked once, and then goes on."""

import re
from dataclasses import replace
from typing import Any

import pytest

from gateway.pages import texts
from gateway.parts import parts
from services.members.domain.consents import TEXTS, Kind
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import publish
from tests.gateway.real import PASSWORD, Browser, Town, town

__all__ = ["town"]

PHONE = "13811112222"


def test_the_pages_show_the_wording_that_members_take(town: Town) -> None:
    assert {kind.value: text.version for kind, text in TEXTS.items()} == texts.VERSIONS


def claimed(town: Town, **fields: Any) -> Browser:
    """Somebody from a roster, whose login was made by a code, at the login page."""
    content = {"id": str(new_id()), "name": "刘奶奶", "phone": PHONE, "station_id": town.station_id, **fields}
    member = town.administrator.api("POST", "/members/members", content)
    code = town.administrator.api("POST", f"/members/members/{member['id']}/reset-codes")["code"]
    who = town.browser()
    who.member_id = member["id"]
    who.post("/reset", "/reset", phone=PHONE, code=code, password=PASSWORD)
    return who


def given(who: Browser) -> set[str]:
    (mine,) = who.api("GET", "/members/me")["members"]
    return {one["kind"] for one in mine["consents"] if one["given"]}


def test_who_did_not_register_alone_is_asked_after_the_login_and_goes_on(town: Town) -> None:
    who = claimed(town)
    asked = who.post("/login?next=/records", "/login", phone=PHONE, password=PASSWORD)
    assert asked.request.path == "/consents"
    assert "刘奶奶" in asked.text
    for path in ("/", "/records", "/gifts", "/me"):
        assert who.get(path).request.path == "/consents", path
    refused = who.post("/consents?next=/records", "/consents", status=422, terms="1").text
    assert 'id="privacy-fault"' in refused
    assert given(who) == set()
    done = who.post("/consents?next=/records", "/consents", terms="1", privacy="1", named=who.member_id)
    assert done.request.path == "/records"
    assert given(who) == {"terms", "privacy", "named"}
    assert who.get("/consents?next=/me").request.path == "/me"
    assert who.get("/consents?next=//elsewhere.example/").request.path == "/"


def test_a_scanned_code_waits_for_the_consents(town: Town) -> None:
    organizer, who = town.person("李组织", Role.ORGANIZER), claimed(town)
    page = publish(organizer)
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    query = f"site_id={activity['sites'][0]['id']}&direction=arrival&minutes=1"
    url = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")["codes"][0]["url"]
    who.client.get("/s/" + url.rpartition("/s/")[2])
    asked = who.post("/login", "/login", phone=PHONE, password=PASSWORD)
    assert "签到码已经收好" in asked.text
    there = asked.request.full_path
    confirmed = who.post(there, "/consents", terms="1", privacy="1")
    assert confirmed.request.path == "/scan"
    assert "就差一步" in confirmed.text


def test_a_new_wording_is_asked_for_anew_and_the_boards_stay_as_chosen(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = claimed(town)
    who.post("/login", "/login", phone=PHONE, password=PASSWORD)
    who.post("/consents", "/consents", terms="1", privacy="1", ranked=who.member_id)
    assert who.get("/me").request.path == "/me"
    monkeypatch.setitem(TEXTS, Kind.PRIVACY, replace(TEXTS[Kind.PRIVACY], version="2"))
    monkeypatch.setitem(texts.VERSIONS, "privacy", "2")
    asked = _later(town, who)
    assert not re.search(r'name="terms"', asked), "what has not changed is not asked again"
    assert re.search(rf'name="ranked" value="{who.member_id}"[^>]* checked', asked)
    who.post("/consents", "/consents", privacy="1")
    assert given(who) == {"terms", "privacy", "ranked"}
    (mine,) = who.api("GET", "/members/me")["members"]
    assert {one["version"] for one in mine["consents"] if one["kind"] == "privacy"} == {"2"}


def test_officials_are_not_held_up_at_their_work(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    organizer = town.person("李组织", Role.ORGANIZER)
    monkeypatch.setitem(TEXTS, Kind.TERMS, replace(TEXTS[Kind.TERMS], version="2"))
    _later(town, organizer)
    assert organizer.get("/organize").request.path == "/organize"
    assert organizer.get("/me").request.path == "/consents"


def test_a_child_is_asked_about_through_its_guardian_and_never_for_boards(town: Town) -> None:
    mother = town.person("李红梅")
    child = {
        "id": str(new_id()), "name": "李小明", "relation": "child", "birth_date": "2016-06-01",
        "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy", "guardian")],
    }  # fmt: skip
    mother.api("POST", "/members/me/members", child)
    assert mother.get("/me").request.path == "/me"
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(TEXTS, Kind.GUARDIAN, replace(TEXTS[Kind.GUARDIAN], version="2"))
        patched.setitem(texts.VERSIONS, "guardian", "2")
        asked = _later(town, mother)
        assert 'name="guardian"' in asked
        assert 'name="ranked"' not in asked
        assert mother.post("/consents", "/consents", guardian="1").request.path == "/"


def _later(town: Town, who: Browser) -> str:
    """The page of consents once what members said before is believed no longer."""
    with town.gateway.app_context():
        parts().sessions._cached.clear()
    shown = who.get("/me")
    assert shown.request.path == "/consents"
    return str(shown.text)
