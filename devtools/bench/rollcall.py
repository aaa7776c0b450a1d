"""`./dev bench rollcall`: the roll of an activity with 1,000 people, and one tick after the other, by two organizers.

The page is asked for by one browser, whole: everybody's names, homes and where they stand. Ticks go the way the
page's script sends them, by two kept-open connections at once, and are of somebody else each time. By turns with
both go their floors: the same roll as check-in's bare JSON, and one INSERT and COMMIT of a bare Flask service behind
the same gateway (`./dev bench checkin`).

The last line is one JSON object, medians of the rounds: `page_p95_ms`, `page_floor_p95_ms`, `page_kb`, `p95_ms`
(of a tick), `floor_p95_ms`, `ratio` (floor by tick), and `statements` of a tick and of the roll in check-in's
database, without BEGIN and COMMIT.
"""

import argparse
import http.client
import json
import os
import re
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from devtools.bench._client import Clients, Run, ask, gather, request, running_system
from devtools.bench._floor import start_floor
from devtools.crowd import PASSWORD, Crowd
from devtools.seed.setting import acting_for
from devtools.servers import admin_connection
from devtools.supervisor import System
from gateway.credentials import SESSION_COOKIE
from shared.principal import Grant, Role

PEOPLE = 1000
ROUNDS = 5
PAGES = 20
TICKS = 150
SIGN_UPS_AT_ONCE = 500
ORGANIZERS = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pages", type=int, default=PAGES, help="a round")
    parser.add_argument("--ticks", type=int, default=TICKS, help="a round; all rounds and one more take as many people")
    chosen = parser.parse_args()
    if (chosen.rounds + 1) * chosen.ticks >= chosen.people:
        parser.error("every tick is of somebody else")
    # One organizer asks here as many do.
    with running_system("rollcall", ("HUZHU_REQUESTS_PER_MINUTE", "1000000")) as system:
        floor_port = start_floor(system)
        crowd = gather(system, members=chosen.people)
        _sign_up(system, crowd)
        result = _measure(system, floor_port, crowd, chosen)
    print(json.dumps(result))
    return 0


def _sign_up(system: System, crowd: Crowd) -> None:
    path = f"/checkin/activities/{crowd.activity_id}/sign-ups"
    people = [member["member_id"] for member in crowd.members]
    for at in range(0, len(people), SIGN_UPS_AT_ONCE):
        content = {"id": str(uuid4()), "member_ids": people[at : at + SIGN_UPS_AT_ONCE]}
        ask(system, crowd.organizer["token"], "POST", path, content)


def _measure(system: System, floor_port: int, crowd: Crowd, chosen: argparse.Namespace) -> dict[str, Any]:
    cookie = _log_in(system, crowd)
    path = f"/organize/activities/{crowd.activity_id}/roll"
    page, token = _page(system, cookie, path)
    pages = [_browsing("GET", path, cookie)] * chosen.pages
    lists = [request(crowd.organizer["token"], "GET", f"/checkin/activities/{crowd.activity_id}/roll")] * chosen.pages
    runs: dict[str, list[Run]] = {name: [] for name in ("page", "page floor", "tick", "floor")}
    for number in range(chosen.rounds + 1):
        people = crowd.members[number * chosen.ticks : (number + 1) * chosen.ticks]
        ticks = [_browsing("POST", f"{path}.json", cookie, _form(token, crowd, member)) for member in people]
        bare = [request(crowd.organizer["token"], "POST", "/checkin/scans", {"code": "x"}) for _ in people]
        one, two = Clients(system.ports["gateway"], 1), Clients(system.ports["gateway"], ORGANIZERS)
        with_floor = Clients(floor_port, ORGANIZERS)
        found = {
            "page floor": one.run(lists, b" 200 "),
            "page": one.run(pages, b'class="rows roll"'),
            "floor": with_floor.run(bare, b'"ok"'),
            "tick": two.run(ticks, b'"open"'),
        }
        for clients in (one, two, with_floor):
            clients.close()
        print(f"round {number}: " + ", ".join(f"{name} p95 {run.p95_ms:.1f} ms" for name, run in found.items()))
        for name, run in found.items() if number else ():  # round 0 warms up
            runs[name].append(run)
    p95 = {name: statistics.median(run.p95_ms for run in each) for name, each in runs.items()}
    return {
        "page_p95_ms": round(p95["page"], 1),
        "page_floor_p95_ms": round(p95["page floor"], 1),
        "page_kb": round(len(page) / 1024),
        "p95_ms": round(p95["tick"], 1),
        "floor_p95_ms": round(p95["floor"], 1),
        "ratio": round(p95["floor"] / p95["tick"], 3),
        "statements": _statements(system, crowd),
    }


# --- As a browser ---------------------------------------------------------------------------------------


def _log_in(system: System, crowd: Crowd) -> str:
    """The organizer's session, as the cookie that a browser sends."""
    content = {"phone": crowd.organizer["phone"], "password": PASSWORD}
    connection = http.client.HTTPConnection("127.0.0.1", system.ports["gateway"], timeout=30)
    connection.request("POST", "/api/v1/members/sessions", json.dumps(content), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"no login: {answer.status} {body.decode()}")
    return f"{SESSION_COOKIE}={json.loads(body)['token']}"


def _page(system: System, cookie: str, path: str) -> tuple[bytes, str]:
    """The page once, and the CSRF token that its form carries."""
    connection = http.client.HTTPConnection("127.0.0.1", system.ports["gateway"], timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie})
    page = connection.getresponse().read()
    connection.close()
    token = re.search(rb'name="csrf_token" value="([^"]+)"', page)
    if token is None:
        raise RuntimeError(page.decode(errors="replace")[:2000])
    return page, token[1].decode()


def _form(token: str, crowd: Crowd, member: dict[str, str]) -> bytes:
    tick = f"arrived.{member['member_id']}..{crowd.site_id}"
    return urlencode({"csrf_token": token, "id": str(uuid4()), "tick": tick}).encode()


def _browsing(method: str, path: str, cookie: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n"
    if body:
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


# --- What check-in asks its database --------------------------------------------------------------------


def _statements(system: System, crowd: Crowd) -> dict[str, int]:
    """Of a tick of the last one, whom no round has reached, and of the roll."""
    os.environ.update(system.installation.everything())
    from services.checkin.app import create_app
    from services.checkin.commands import roll
    from services.checkin.domain.roll import Tick, Wanted
    from services.checkin.queries import rolls as queries

    place = system.installation
    with admin_connection(place.admin_url, place.database("checkin")) as connection:
        found = connection.execute("SELECT path FROM station WHERE node_id = %s", [crowd.station_id]).fetchone()
    assert found is not None
    organizer = acting_for(UUID(crowd.organizer["member_id"]), Grant(Role.ORGANIZER, found[0]))
    activity_id, last = UUID(crowd.activity_id), UUID(crowd.members[-1]["member_id"])
    ticks = [Tick(uuid4(), last, Wanted.ARRIVED, None, UUID(crowd.site_id))]
    acts: dict[str, Callable[[], Any]] = {
        "tick": partial(roll.tick, organizer, activity_id=activity_id, ticks=ticks),
        "roll": partial(queries.list_roll, organizer, activity_id=activity_id, limit=PEOPLE),
    }
    app, counted = create_app(), {}
    for name, act in acts.items():
        with app.app_context():
            counted[name] = _count_statements(act)
    return counted


def _count_statements(act: Callable[[], Any]) -> int:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        act()
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    return len(seen)


if __name__ == "__main__":
    raise SystemExit(main())
