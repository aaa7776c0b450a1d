"""`./dev bench checkin`: first scans through the gateway, eight clients, each scan another member's.

The floor is the same gateway, with as many workers, in front of a bare Flask service that does one
INSERT and COMMIT on the same PostgreSQL, by turns with ours. Before each measurement the members open
a page, so to say: the gateway knows their sessions, as it does when somebody has come to scan.

The last line is one JSON object, medians of the rounds: `through_gateway_per_s`, `p95_ms`,
`duplicate_per_s` (the same scans again), `floor_per_s`, `ratio` (of the rounds' ratios), `statements`
(of a departure in check-in's database, without BEGIN and COMMIT), `statements_arrival`, and `cpu_ms` that
a first scan takes of gateway, service and PostgreSQL (Linux).
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from devtools.bench._client import (
    Clients,
    Run,
    ask,
    clock_ticks,
    gather,
    request,
    running_system,
)
from devtools.bench._floor import start_floor
from devtools.crowd import Crowd
from devtools.supervisor import System

ROUNDS = 5
SCANS = 1000
_PARTS = ("gateway", "checkin", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--scans", type=int, default=SCANS, help="a round")
    chosen = parser.parse_args()
    with running_system("checkin") as system:
        floor_port = start_floor(system)
        crowd = gather(system, members=(chosen.rounds + 1) * chosen.scans + 1)
        result = _measure(system, floor_port, crowd, chosen.rounds, chosen.scans)
    print(json.dumps(result))
    return 0


def _measure(system: System, floor_port: int, crowd: Crowd, rounds: int, scans: int) -> dict[str, Any]:
    ours: list[Run] = []
    again: list[Run] = []
    floors: list[Run] = []
    cpu: list[dict[str, float]] = []
    for number in range(rounds + 1):
        members = crowd.members[number * scans : (number + 1) * scans]
        code = _code_now(system, crowd, "arrival")
        visits = [request(member["token"], "GET", "/members/me") for member in members]
        posts = [
            request(member["token"], "POST", "/checkin/scans", {"code": code, "member_ids": [member["member_id"]]})
            for member in members
        ]
        with_floor, with_ours = Clients(floor_port), Clients(system.ports["gateway"])
        with_floor.run(visits, b" 200 ")
        floor = with_floor.run(posts, b'"ok"')
        with_ours.run(visits, b" 200 ")
        before = clock_ticks(system, *_PARTS)
        first = with_ours.run(posts, b'"ok"')
        after = clock_ticks(system, *_PARTS)
        repeated = with_ours.run(posts, b'"ok"')
        with_floor.close()
        with_ours.close()
        print(
            f"round {number}: {first.per_s:,.0f}/s, p95 {first.p95_ms:.1f} ms, again {repeated.per_s:,.0f}/s, "
            f"floor {floor.per_s:,.0f}/s, ratio {first.per_s / floor.per_s:.2f}",
            flush=True,
        )
        if number:  # round 0 warms up
            ours.append(first)
            again.append(repeated)
            floors.append(floor)
            cpu.append({name: (after[name] - before[name]) / scans * 1000 for name in before})
    return {
        "through_gateway_per_s": round(statistics.median(run.per_s for run in ours)),
        "p95_ms": round(statistics.median(run.p95_ms for run in ours), 1),
        "duplicate_per_s": round(statistics.median(run.per_s for run in again)),
        "floor_per_s": round(statistics.median(run.per_s for run in floors)),
        "ratio": round(statistics.median(one.per_s / floor.per_s for one, floor in zip(ours, floors, strict=True)), 3),
        **_statements(system, crowd),
        "cpu_ms": {name: round(statistics.median(each[name] for each in cpu), 2) for name in cpu[0]},
    }


def _code_now(system: System, crowd: Crowd, direction: str) -> str:
    """The code that the organizer's screen shows now."""
    path = f"/checkin/activities/{crowd.activity_id}/codes?site_id={crowd.site_id}&direction={direction}&minutes=1"
    shown = ask(system, crowd.organizer["token"], "GET", path)
    now = shown["server_now"]
    return next(str(code["url"]) for code in shown["codes"] if code["shown_from"] <= now < code["shown_until"])


def _statements(system: System, crowd: Crowd) -> dict[str, int]:
    """What the last member's arrival and departure half an hour later say to the database."""
    os.environ.update(system.installation.everything())
    from services.checkin.app import create_app
    from services.checkin.commands.scans import record_scan
    from services.checkin.domain import codes
    from services.checkin.domain.codes import Direction, PlaceCode
    from shared import clock
    from shared.principal import Kind, Principal

    member_id = UUID(crowd.members[-1]["member_id"])
    caller = Principal(kind=Kind.LOGIN, audience="checkin", member_id=member_id, member_ids=(member_id,))
    app = create_app()
    counted: list[int] = []
    for direction, minutes in ((Direction.ARRIVAL, 0), (Direction.DEPARTURE, 30)):
        moment = clock.now() + timedelta(minutes=minutes)
        with clock.travel(moment), app.app_context():
            keyring = app.config["CODE_KEYS"]
            code = PlaceCode(UUID(crowd.activity_id), UUID(crowd.site_id), direction, codes.step_of(moment))
            text = codes.write(code, keyring.current, keyring.keys[keyring.current])
            counted.append(_count_statements(partial(record_scan, caller, code=text, member_id=member_id)))
    arrival, departure = counted
    return {"statements": departure, "statements_arrival": arrival}


def _count_statements(act: Callable[[], Any]) -> int:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        receipt = act()
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    if receipt.outcome.value != "ok":
        raise RuntimeError(f"not accepted: {receipt}")
    return len(seen)


if __name__ == "__main__":
    raise SystemExit(main())
