"""`./dev bench redeem`: redemptions through the gateway, eight clients, each another member's.

Every one takes the whole road within its request: stock is reserved, points are asked through the
internal listener, and the answer is final. The last line is one JSON object, medians of the rounds:
`per_s`, `p95_ms`, and `cpu_ms` that a redemption takes of each process (Linux).
"""

import argparse
import json
import statistics
from typing import Any
from uuid import uuid4

from devtools.bench._client import Clients, Run, clock_ticks, gather, request, running_system
from devtools.crowd import Crowd
from devtools.supervisor import System

ROUNDS = 5
REDEMPTIONS = 150
_PARTS = ("gateway", "rewards", "internal", "points", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--redemptions", type=int, default=REDEMPTIONS, help="a round")
    chosen = parser.parse_args()
    wanted = (chosen.rounds + 1) * chosen.redemptions
    with running_system("redeem") as system:
        crowd = gather(system, members=wanted, stock=wanted, served="confirmed")
        result = _measure(system, crowd, chosen.rounds, chosen.redemptions)
    print(json.dumps(result))
    return 0


def _measure(system: System, crowd: Crowd, rounds: int, redemptions: int) -> dict[str, Any]:
    runs: list[Run] = []
    cpu: list[dict[str, float]] = []
    for number in range(rounds + 1):
        members = crowd.members[number * redemptions : (number + 1) * redemptions]
        clients = Clients(system.ports["gateway"])
        clients.run([request(member["token"], "GET", "/members/me") for member in members], b" 200 ")
        before = clock_ticks(system, *_PARTS)
        run = clients.run([_redemption(crowd, member) for member in members], b'"state":"confirmed"')
        after = clock_ticks(system, *_PARTS)
        clients.close()
        print(f"round {number}: {run.per_s:,.0f}/s, p95 {run.p95_ms:.1f} ms", flush=True)
        if number:  # round 0 warms up
            runs.append(run)
            cpu.append({name: (after[name] - before[name]) / redemptions * 1000 for name in before})
    return {
        "per_s": round(statistics.median(run.per_s for run in runs)),
        "p95_ms": round(statistics.median(run.p95_ms for run in runs), 1),
        "cpu_ms": {name: round(statistics.median(each[name] for each in cpu), 2) for name in cpu[0]},
    }


def _redemption(crowd: Crowd, member: dict[str, str]) -> bytes:
    content = {
        "id": str(uuid4()),
        "gift_id": crowd.gift_id,
        "station_id": crowd.station_id,
        "member_id": member["member_id"],
        "quantity": 1,
    }
    return request(member["token"], "POST", "/rewards/redemptions", content)


if __name__ == "__main__":
    raise SystemExit(main())
