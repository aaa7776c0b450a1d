"""What people type is text on every page and every sheet of paper, never markup; and a form is sent by its own page."""

from typing import Any
from urllib.parse import urlencode

import pytest

from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START
from tests.gateway.real import Browser, Town, token_of, town
from tests.gateway.test_desk_pages import Desk, _line_of, badge_of

__all__ = ["town"]

EVIL = "<b>\"'&x"
AFTERNOON = START.replace(hour=12)


class EvilDesk(Desk):
    """A desk whose people and gifts have names that are markup."""

    def gift(self, name: str, points: int, limit: int | None = None, stock: int = 10) -> str:
        return super().gift(EVIL + name, points, limit, stock)


@pytest.fixture
def desk(town: Town, monkeypatch: pytest.MonkeyPatch) -> Any:
    person, station_id, compound_id = Town.person, str(new_id()), str(new_id())
    for node_id, level, parent_id in (
        (station_id, "station", town.nodes["咸宁市"]),
        (compound_id, "compound", station_id),
    ):
        node = {"id": node_id, "level": level, "name": EVIL + level, "parent_id": parent_id}
        town.administrator.api("POST", "/members/nodes", node)
    town.station_id = station_id
    town.deliver()

    def evil(self: Town, name: str, role: Role | None = None, at: str | None = None) -> Browser:
        return person(self, EVIL + name, role, at)

    monkeypatch.setattr(Town, "person", evil)
    with town.at(AFTERNOON):
        yield EvilDesk(town)


def things_of(desk: Desk) -> dict[str, str]:
    """Something of everything at the desk, by the names that addresses have for it."""
    order = desk.serve({desk.soap: "1"})
    line: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "gift-1": desk.soap, "pieces-1": "1"}
    desk.organizer.post("/desk/typed", "/desk/typed", **line | {"who-1": badge_of(desk)["short_code"]})
    counted: dict[str, Any] = {f"{name}-{gift}": text for gift in (desk.soap, desk.rice)
               for name, text in (("counted", "1"), ("reason", EVIL))}  # fmt: skip
    closed = desk.staff.post("/desk/close", "/desk/close", **counted)
    return {
        "member_id": desk.volunteer.member_id,
        "order_id": order.request.path.rpartition("/")[2],
        "redemption_id": _line_of(order.text),
        "close_id": closed.request.path.rpartition("/")[2],
        "gift_id": desk.soap,
        "node_id": desk.town.station_id,
        "service": "rewards",
    }


def test_names_and_words_are_text_on_every_page(desk: Desk) -> None:
    things, gateway = things_of(desk), desk.town.gateway
    query = dict.fromkeys(("q", "next", "back", "day", "done", "told", "name", "number"), EVIL)
    here = {"station_id": desk.town.station_id, "node_id": desk.town.station_id}
    shown = 0
    for rule in gateway.url_map.iter_rules():
        # The description of the API is kept by the process, and holds nothing that anybody typed.
        if "GET" not in (rule.methods or ()) or rule.endpoint.startswith("docs."):
            continue
        with gateway.test_request_context("/"):
            known: dict[str, Any] = {name: things.get(name) or str(new_id()) for name in rule.arguments}
            path = gateway.url_for(rule.endpoint, **known)
        asked_by = ((desk.volunteer, here), (desk.organizer, here), (desk.staff, here), (desk.staff, here | query))
        for who, asked in asked_by:
            answer = who.client.get(f"{path}?{urlencode(asked)}", follow_redirects=True)
            assert answer.status_code < 500, path
            if (answer.content_type or "").startswith("text/html"):
                assert "<b>" not in answer.text, path
                shown += "&lt;b&gt;" in answer.text
    assert shown > 50


def test_no_form_is_taken_without_the_token_of_its_own_browser(desk: Desk) -> None:
    gateway, others = desk.town.gateway, token_of(desk.staff.client)
    tried = 0
    for rule in gateway.url_map.iter_rules():
        if "POST" not in (rule.methods or ()):
            continue
        with gateway.test_request_context("/"):
            known: dict[str, Any] = {name: "close" if name == "step" else str(new_id()) for name in rule.arguments}
            path = gateway.url_for(rule.endpoint, **known)
        for given in ({}, {"csrf_token": ""}, {"csrf_token": "é"}, {"csrf_token": others}):
            assert desk.organizer.client.post(path, data=given).status_code == 403, (path, given)
            tried += 1
    assert tried > 200
