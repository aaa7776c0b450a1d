"""How often each page asks the services, and what is left of it when one of them is away. Every page, by the table
of routes: a new one is tried too, and fails here when it asks in too many rounds (ADR 68).
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from gateway import backend, routes
from gateway.upstreams import Upstreams
from shared import clock
from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Role
from shared.settings import SERVICES
from tests.gateway.real import Browser, Town, token_of, town

__all__ = ["town"]

ROUNDS_MAX = 2
"""First what the page is about, then, with ids all together, what belongs to it."""
CALLS_MAX = 2
"""To one service, in both rounds together."""

ACTIVITY = "/organize/activities/<uuid:activity_id>"
MORE_ROUNDS = {
    f"{ACTIVITY}/code": 3,  # opened once a morning; then its script polls one thing
    # A form that is seldom opened: the activity, its leaders beside the stations, and what is confirmed at those.
    f"{ACTIVITY}/edit": 3,
    # With a search, a few times a year: grants, who was found, places; each is waited for as long as it takes.
    "/staff/grants": 3,
    # A file that is taken away once a month: the batch, its records, and then the full names of those.
    "/staff/batches/<uuid:batch_id>/records.<form>": 3,
    # Forms that are opened now and then. The member, then all choices but the teams, which hang on the places above.
    "/staff/members/<uuid:member_id>/edit": 3,
    # The place, the station above it, and then what may be its parent or its heir.
    "/staff/nodes/<uuid:node_id>": 3,
}
"""Pages that ask in more rounds, each with its reason (ADR 68)."""
MORE_CALLS = {
    "/": 4,  # records, coming activities, what one leads, sign-ups: side by side, each a list of its own
    # Past days, yesterday, today and tomorrow each by itself, so that none crowds out another; who waits at them, and
    # what waits to be reviewed.
    "/organize": 6,
    "/desk/serve": 3,  # the stations, as above, beside who is meant
    "/desk/close": 3,  # once a day: what merged stations left open, then the shelf and the closes before
    "/desk/paper": 4,  # the stations, as above; then the homes and the teams of one
    "/records/passbook": 3,  # balance and both statements, side by side
    "/staff/members/<uuid:member_id>/passbook": 3,  # likewise
    f"{ACTIVITY}/code": 3,  # activity, codes of the site that it names first, presence: none holds another
    f"{ACTIVITY}/confirm": 5,  # activity, attendances, presence, refused scans, whom one tap confirms: side by side
    f"{ACTIVITY}/edit": 3,  # the leaders, and the stations: those below one's nodes, and the nodes themselves
    f"{ACTIVITY}/refused": 3,  # activity, refused scans, and attendances, to tell who has a record all the same
    "/records/points": 3,  # balance, lines, months: side by side, and only the lines come in pages
    "/staff": 3,  # who waits to be confirmed, files to be approved, what people report: side by side
    "/staff/audit": 3,  # its own acts, then the people and the places named in everybody's
    "/staff/grants": 8,  # grants, their holders, the search, and the tree, which members gives a level at a time
    "/staff/imports": 3,  # the files, and the stations to bring one for, as below
    "/staff/imports/<uuid:import_id>": 3,  # the file, and side by side its first bad rows and a page of the good ones
    "/staff/members": 3,  # the people, and the stations to narrow by, as above
    # The member, who looks alike, who was merged into the member, and whether the member asked to be forgotten.
    "/staff/members/<uuid:member_id>": 4,
    "/staff/members/<uuid:member_id>/merge": 3,  # both entries, then who acts for each: each has its own list
    "/staff/members/take-in": 3,  # who has the number, then the stations to choose from, as above
    "/staff/members/new": 3,  # the stations, as above, then the homes of the only one
    # The member; stations, homes, employers, guardian and the places above, side by side; the teams of each place.
    "/staff/members/<uuid:member_id>/edit": 8,
    # Names and residents of the places in the report, the places above it, and residents of all places below it.
    **{f"/staff/reports{part}": 3 for part in ("", "/print", ".xlsx", ".csv")},
    "/staff/nodes/<uuid:node_id>": 7,  # the place, what is above it, and what it may hang under, a question a level
}
"""Pages that ask one service more often, each with its reason (ADR 68)."""
NEEDED = {
    *(
        (f"{ACTIVITY}{part}", "checkin")
        for part in ("", "/code", "/codes.json", "/presence.json", "/standing.json", "/confirm")
    ),
    *((f"{ACTIVITY}{part}", "checkin") for part in ("/leave-all", "/add", "/edit", "/close", "/refused")),
    (f"{ACTIVITY}/attendances/<uuid:attendance_id>", "checkin"),
    ("/activities/<uuid:activity_id>", "checkin"),
    *((f"{ACTIVITY}{part}", "checkin") for part in ("/sign-ups", "/notice", "/poster", "/calls")),
    (f"{ACTIVITY}/roll", "checkin"),
    (f"{ACTIVITY}/add", "members"),
    (f"{ACTIVITY}/edit", "members"),
    ("/organize/activities/new", "members"),
    *(("/concerns/<uuid:concern_id>", "members"), ("/staff/concerns/<uuid:concern_id>", "members")),
    *(("/staff/concerns", "members"), ("/staff/members/<uuid:member_id>/concern", "members")),
    *((f"/staff/batches{part}", "checkin") for part in ("", "/<uuid:batch_id>", "/<uuid:batch_id>/records.<form>")),
    ("/staff/batches", "members"),
    ("/staff/batches/<uuid:batch_id>/records.<form>", "members"),  # no platform takes masked names
    ("/staff/outside", "members"),
    ("/staff/outside/<kind>/<uuid:subject_id>", "checkin"),
    ("/desk/<uuid:redemption_id>", "rewards"),
    ("/desk/serve/<uuid:member_id>", "rewards"),
    ("/desk/orders/<uuid:order_id>", "rewards"),
    ("/desk/orders/<uuid:order_id>/slip", "rewards"),
    ("/desk/slips", "rewards"),
    ("/desk/slips", "members"),  # to be signed beside the whole name
    ("/desk/badges", "members"),
    *(("/desk/list", service) for service in ("members", "points", "rewards")),
    ("/desk/paper", "members"),
    ("/desk/typed", "members"),
    ("/desk/typed", "rewards"),
    *(
        (f"{of}/passbook", service)
        for of in ("/records", "/staff/members/<uuid:member_id>")
        for service in ("members", "points")
    ),
    ("/staff/members/<uuid:member_id>/badge", "members"),
    ("/desk/close", "members"),
    ("/desk/close", "rewards"),
    ("/desk/closes/<uuid:close_id>", "rewards"),
    ("/gifts/<uuid:gift_id>/confirm", "rewards"),
    ("/first", "members"),
    ("/me/edit", "members"),
    ("/staff/imports", "members"),
    *((f"/staff/imports/<uuid:import_id>{part}", "members") for part in ("", "/undo", "/errors.xlsx", "/file")),
    ("/me/tokens", "members"),
    ("/redemptions/<uuid:redemption_id>/cancel", "rewards"),
    ("/register", "members"),
    ("/staff/boards/<uuid:node_id>", "members"),
    ("/staff/gifts", "members"),
    ("/staff/gifts", "rewards"),
    ("/staff/gifts/<uuid:gift_id>", "rewards"),
    ("/staff/gifts/<uuid:gift_id>/withdraw", "rewards"),
    ("/staff/gifts/new", "members"),
    ("/staff/grants", "members"),
    ("/staff/grants/<uuid:grant_id>/revoke", "members"),
    ("/staff/members", "members"),
    ("/staff/members/<uuid:member_id>", "members"),
    ("/staff/members/new", "members"),
    ("/staff/members/<uuid:member_id>/edit", "members"),
    ("/staff/members/<uuid:member_id>/household", "members"),
    *(
        (f"/staff/members/<uuid:member_id>/{part}", "members")
        for part in ("merge", "unmerge", "leave", "return", "points")
    ),
    ("/staff/members/take-in", "members"),
    ("/staff/nodes", "members"),
    *((f"/staff/nodes/<uuid:node_id>{part}", "members") for part in ("", "/move", "/close", "/split")),
    # Reports and files; what goes to paper or is taken away is whole, or not at all.
    *((f"{ACTIVITY}{part}", "checkin") for part in ("/file", "/summary")),
    ("/staff/files", "checkin"),
    *((f"/staff/reports{part}", "checkin") for part in ("", "/print", ".xlsx", ".csv")),
    *((f"/staff/reports{part}", "members") for part in ("/print", ".xlsx", ".csv")),
    ("/vouchers/<uuid:redemption_id>", "rewards"),
    ("/claim", "members"),
    ("/me/erase", "members"),
    ("/staff/erasures", "members"),
    ("/staff/members/<uuid:member_id>/erasure", "members"),
    ("/me/family/<uuid:member_id>/release", "members"),
    *((f"{ACTIVITY}/{page}", service) for page in ("newcomer", "sheet") for service in ("checkin", "members")),
    (f"{ACTIVITY}/sheet/enter", "checkin"),  # and members, as soon as somebody is signed up
    ("/organize/claims", "members"),
    ("/organize/members/<uuid:member_id>/claim", "members"),
}
"""Pages that are about what one service knows, or forms that cannot be filled in without it: they say 系统忙."""
SILENT = {
    "/activities/<uuid:activity_id>",  # who leads it
    f"{ACTIVITY}/notice",  # likewise
    f"{ACTIVITY}/poster",  # likewise, and what it earns
    "/desk/<uuid:redemption_id>",  # the masked name stands in for the whole one
    "/organize/activities/new",  # hints that the station confirms everything, or reviews first
    "/desk/orders/<uuid:order_id>",  # likewise
    "/desk/orders/<uuid:order_id>/slip",  # likewise
    "/staff",  # links, one with a count
}
"""What is left out there is missed by nobody."""


@dataclass
class Asked:
    """What a page asked: how many times it waited, and how many questions went to each service."""

    rounds: int = 0
    calls: Counter[str] = field(default_factory=Counter)


@dataclass
class Pages:
    """Every page that can be opened, as somebody who has something on each."""

    town: Town
    volunteer: Browser
    administrator: Browser
    values: dict[str, str]

    def paths(self) -> dict[str, str]:
        """Address by rule, of all pages; those in QUERIES with what makes them ask most."""
        found: dict[str, str] = {}
        for rule in self.town.gateway.url_map.iter_rules():
            if "GET" not in (rule.methods or ()) or rule.rule.startswith(("/api/", "/health/", "/static/")):
                continue
            path = rule.rule
            for name in rule.arguments:
                path = re.sub(rf"<(?:\w+:)?{name}>", self.values[name], path)
            query = QUERIES.get(rule.rule)
            found[rule.rule] = path + (f"?{query.format(**self.values)}" if query else "")
        return found

    def open(self, path: str) -> Any:
        who = self.administrator if path.startswith(("/organize", "/desk", "/staff")) else self.volunteer
        return who.client.get(path)


QUERIES = {
    f"{ACTIVITY}/sheet": "site={site_id}",
    f"{ACTIVITY}/sheet/enter": "site={site_id}&now=1",
    "/desk/serve": "q=没有&station_id={node_id}",
    "/desk/serve/<uuid:member_id>": "station_id={node_id}",
    "/desk/slips": "station_id={node_id}",
    "/desk/badges": "node_id={node_id}",
    "/desk/list": "station_id={node_id}",
    "/desk/paper": "station_id={node_id}",
    "/desk/typed": "station_id={node_id}",
    "/desk/close": "station_id={node_id}",
    "/organize/activities/<uuid:activity_id>/add": "q=陈",
    "/organize/activities/<uuid:activity_id>/codes.json": "site_id={site_id}&direction=arrival&minutes=1",
    "/organize/activities/<uuid:activity_id>/roll": "q=陈",
    "/organize/claims": "q=陈",
    "/register": "station_id={node_id}",
    "/staff/gifts/<uuid:gift_id>": "station_id={node_id}",
    "/staff/gifts/<uuid:gift_id>/withdraw": "station_id={node_id}",
    "/staff/grants": "q=陈",
    "/staff/members/<uuid:member_id>/merge": "with={other_id}",
    "/staff/members/take-in": "number={number}",
    "/staff/nodes": "parent_id={node_id}",
    "/staff/files": "node_id={node_id}",
    **{f"/staff/reports{part}": "node_id={node_id}" for part in ("", "/print", ".xlsx", ".csv")},
    "/staff/nodes/<uuid:node_id>/move": "parent_id={parent_id}",
}


@pytest.fixture
def pages(town: Town) -> Iterator[Pages]:
    administrator, volunteer = town.person("罗管理", Role.ADMINISTRATOR), town.person("陈芳")
    town.administrator.api("POST", f"/members/members/{volunteer.member_id}/confirm")
    town.deliver()
    values = _activity(administrator, town.station_id) | {
        "member_id": volunteer.member_id,
        "node_id": town.station_id,
        "parent_id": administrator.api("GET", f"/members/nodes/{town.station_id}")["parent_id"],
        "token": "V1.x",
    }
    _scan(administrator, volunteer, values, "arrival")
    other = town.person("王秀英")
    values["other_id"] = other.member_id
    values["number"] = administrator.api("GET", f"/members/members/{other.member_id}")["volunteer_number"]
    _scan(administrator, other, values, "departure", outcome="not_qualified")
    with town.at(clock.now() + timedelta(hours=2)):
        _scan(administrator, volunteer, values, "departure")
        town.deliver()
        values |= _gift(administrator, volunteer, town.station_id)
        values["attendance_id"] = volunteer.api("GET", f"/checkin/attendances?member_id={volunteer.member_id}")[0]["id"]
        values["concern_id"] = str(new_id())
        concern = {"id": values["concern_id"], "member_id": volunteer.member_id, "words": "少了一次积分"}
        volunteer.api("POST", "/members/concerns", concern)
        values |= _export(administrator, volunteer, town.station_id)
        values["import_id"] = bring_roster(administrator, town.station_id)
        values["grant_id"] = administrator.api("GET", "/members/grants")[0]["id"]
        yield Pages(town, volunteer, administrator, values)


def _activity(organizer: Browser, station_id: str) -> dict[str, str]:
    begins = clock.now() - timedelta(minutes=5)
    site_id, activity_id = str(new_id()), str(new_id())
    content = {
        "id": activity_id,
        "title": "楼道大扫除",
        "category": "stairwell",
        "station_id": station_id,
        "place": "东门",
        "starts_at": begins.isoformat(),
        "ends_at": (begins + timedelta(hours=2, minutes=30)).isoformat(),
        "sites": [{"id": site_id, "name": "东门", "place": "东门岗亭", "leader_member_id": organizer.member_id}],
    }
    organizer.api("POST", "/checkin/activities", content)
    organizer.api("POST", f"/checkin/activities/{activity_id}/publish")
    return {"activity_id": activity_id, "site_id": site_id}


def _scan(
    organizer: Browser, volunteer: Browser, values: dict[str, str], direction: str, *, outcome: str = "ok"
) -> None:
    query = f"site_id={values['site_id']}&direction={direction}&minutes=1"
    codes = organizer.api("GET", f"/checkin/activities/{values['activity_id']}/codes?{query}")
    content = {"code": codes["codes"][0]["url"], "member_ids": [volunteer.member_id]}
    headers = {"Huzhu-Csrf": token_of(volunteer.client)}
    answer = volunteer.client.post("/api/v1/checkin/scans", json=content, headers=headers).json
    assert answer is not None
    assert (answer.get("errors") or answer)["outcomes"][0]["outcome"] == outcome


def bring_roster(staff: Browser, station_id: str) -> str:
    content = {
        "id": str(new_id()),
        "kind": "roster",
        "station_id": station_id,
        "file_name": "名册.csv",
        "content": base64.b64encode("姓名\n赵一鸣\n".encode()).decode(),
    }
    return str(staff.api("POST", "/members/imports", content)["id"])


def _gift(staff: Browser, volunteer: Browser, station_id: str) -> dict[str, str]:
    """A gift in stock, and one piece of it redeemed."""
    gift_id, redemption_id = str(new_id()), str(new_id())
    gift = {"id": gift_id, "node_id": station_id, "name": "香皂", "points": 50, "limit_per_quarter": 3}
    staff.api("POST", "/rewards/gifts", gift)
    stock = {"id": str(new_id()), "station_id": station_id, "kind": "receive", "quantity": 10, "reason": "采购"}
    staff.api("POST", f"/rewards/gifts/{gift_id}/stock", stock)
    order = {"id": redemption_id, "gift_id": gift_id, "station_id": station_id, "member_id": volunteer.member_id}
    assert volunteer.api("POST", "/rewards/redemptions", order)["state"] == "confirmed"
    return {"gift_id": gift_id, "redemption_id": redemption_id, **_desk(staff, volunteer, station_id, gift_id)}


def _desk(staff: Browser, volunteer: Browser, station_id: str, gift_id: str) -> dict[str, str]:
    """A close of the desk, and a piece of a gift handed over since."""
    close_id, order_id = str(new_id()), str(new_id())
    count = {"gift_id": gift_id, "pieces": 0, "expected": 10, "counted": 10}
    staff.api("POST", "/rewards/desk-closes", {"id": close_id, "station_id": station_id, "counts": [count]})
    line = {"gift_id": gift_id, "quantity": 1, "points": 50}
    order = {"id": order_id, "station_id": station_id, "member_id": volunteer.member_id, "lines": [line]}
    staff.api("POST", "/rewards/desk-orders", order)
    return {"close_id": close_id, "order_id": order_id}


def _export(staff: Browser, volunteer: Browser, station_id: str) -> dict[str, str]:
    """A batch with the volunteer's record."""
    about = {"kind": "member", "subject_id": volunteer.member_id}
    staff.api("PUT", "/checkin/outside-numbers", {**about, "platform": "izhiyuan", "number": "A-16"})
    first = (clock.today() - timedelta(days=1)).isoformat()
    span = {"platform": "izhiyuan", "from_day": first, "to_day": clock.today().isoformat()}
    batch = {"id": str(new_id()), "node_id": station_id, **span}
    staff.api("POST", "/checkin/batches", batch)
    return {"batch_id": str(batch["id"]), "form": "csv", **about}


@contextmanager
def asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """What is asked within the block; who is calling is asked once in ten seconds and not counted."""
    asked = Asked()
    through, call, together = Upstreams.send, backend.call, backend.together

    def send(self: Upstreams, service: str, method: str, target: str, **fields: Any) -> Any:
        if target != routes.RESOLVE:
            asked.calls[service] += 1
        return through(self, service, method, target, **fields)

    def call_counted(*arguments: Any, **fields: Any) -> Any:
        asked.rounds += 1
        return call(*arguments, **fields)

    def together_counted(**calls: Any) -> Any:
        asked.rounds += bool(calls)
        return together(**calls)

    with monkeypatch.context() as patched:
        patched.setattr(Upstreams, "send", send)
        patched.setattr(backend, "call", call_counted)
        patched.setattr(backend, "together", together_counted)
        yield asked


def test_no_page_asks_in_more_than_two_rounds_or_a_service_more_often_than_it_must(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_much: dict[str, str] = {}
    assert {*MORE_ROUNDS, *MORE_CALLS, *QUERIES, *SILENT, *(rule for rule, _ in NEEDED)} <= set(pages.paths())
    for rule, path in pages.paths().items():
        with asking(monkeypatch) as asked:
            answer = pages.open(path)
        assert answer.status_code in (200, 303), (path, answer.status_code)
        rounds_max, calls_max = MORE_ROUNDS.get(rule, ROUNDS_MAX), MORE_CALLS.get(rule, CALLS_MAX)
        if asked.rounds > rounds_max or any(count > calls_max for count in asked.calls.values()):
            too_much[rule] = f"{asked.rounds} rounds, {dict(asked.calls)}"
    assert too_much == {}


def test_when_a_service_is_away_every_page_says_so_and_the_rest_of_it_stands(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in SERVICES:
        with without(service, monkeypatch) as missed:
            for rule, path in pages.paths().items():
                missed.clear()
                answer = pages.open(path)
                if (rule, service) in NEEDED:
                    assert answer.status_code == 503, (service, path, answer.status_code)
                    assert path.partition("?")[0].endswith(".json") or "系统忙" in answer.text, (service, path)
                    continue
                assert answer.status_code in (200, 303), (service, path, answer.status_code)
                assert not missed or rule in SILENT or "暂时看不到" in answer.text, (service, path)


@contextmanager
def without(down: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Within the block a service answers nothing but who is calling; what it was asked."""
    missed: list[str] = []
    through = Upstreams.send

    def send(self: Upstreams, service: str, method: str, target: str, **fields: Any) -> Any:
        if service == down and target != routes.RESOLVE:
            missed.append(target)
            raise Unavailable
        return through(self, service, method, target, **fields)

    with monkeypatch.context() as patched:
        patched.setattr(Upstreams, "send", send)
        yield missed
