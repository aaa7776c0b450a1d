"""`./dev bench board`: top 100 and own rank with 10,000, 100,000 and 1,000,000 members.

Requests go through the points service's routes, with the caller's principal, its schemas and its
database; the floor is the commands they send to Redis, raw. The last line is one JSON object:
`p95_ms` and `floor_ms` (95th percentile at 1,000,000), `growth` of p95 from the smallest to the
largest, and all of it `by_members`; `database_ms` is what SQL takes when Redis is gone (median).
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from devtools.bench._place import servers
from devtools.environment import Installation
from devtools.servers import admin_connection, remove

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 5
REQUESTS = 300
SERVICE = "points"

_LOAD = (
    """
    INSERT INTO station (node_id, version, level, name, path, closed)
    VALUES (%(node)s, 1, 'station', %(name)s, %(path)s, false)
    """,
    """
    INSERT INTO member_card (
        member_id, version, status, confirmed, volunteer_number, name_masked, name_public, ranked, team_ids, birth_date
    )
    SELECT CAST(md5(%(name)s || n) AS uuid), 1, 'active', true, CAST(n AS text), '陈*', '陈' || n, true, '{}',
        '1980-01-01'
    FROM generate_series(1, %(members)s) AS n
    """,
    # A tenth as many values as members, so that ties are everywhere.
    """
    INSERT INTO standing (member_id, period, station_id, points, minutes, attendances)
    SELECT CAST(md5(%(name)s || n) AS uuid), %(period)s, %(node)s, 100 + n %% (%(members)s / 10),
        60 + n %% (%(members)s / 10), 1 + n %% 50
    FROM generate_series(1, %(members)s) AS n
    """,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="a round and size")
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="huzhu-board-"))
    try:
        with servers(root, SERVICE, durable=False) as installation:
            os.environ.update(installation.everything())
            result = _measure(installation, chosen.rounds, chosen.requests)
    finally:
        remove(root)
    print(json.dumps(result))
    return 0


def _measure(installation: Installation, rounds: int, requests: int) -> dict[str, Any]:
    from services.points.app import create_app
    from services.points.domain.boards import Period, key_of
    from shared import clock

    period = key_of(Period.MONTH, clock.today())
    nodes = {members: UUID(int=members) for members in SIZES}
    with admin_connection(installation.admin_url, installation.database(SERVICE)) as connection:
        for members, node in nodes.items():
            print(f"loading {members:,} members …", flush=True)
            place = {"node": node, "name": str(members), "path": f"/{node.hex}/", "members": members, "period": period}
            for statement in _LOAD:
                connection.execute(statement, place)
        connection.execute("VACUUM ANALYZE")
    app = create_app()
    database_ms = {members: _by_database(app, node, members) for members, node in nodes.items()}
    with app.app_context():
        from services.points.commands.refresh_boards import refresh

        print("building the boards …", flush=True)
        began = time.perf_counter()
        refresh()
        print(f"built in {time.perf_counter() - began:.1f} s", flush=True)
    p95: dict[int, list[float]] = {members: [] for members in SIZES}
    floor: dict[int, list[float]] = {members: [] for members in SIZES}
    asks = {members: _requests(app, node, members, "cache") for members, node in nodes.items()}
    commands = {members: _commands(node, period, members) for members, node in nodes.items()}
    for number in range(rounds + 1):
        found_asks, found_commands = _round(asks, requests), _round(commands, requests)
        for members in SIZES if number else ():  # round 0 warms up
            p95[members].append(found_asks[members])
            floor[members].append(found_commands[members])
        print(f"round {number}: " + ", ".join(f"{m:,}: {found_asks[m]:.2f} ms" for m in SIZES), flush=True)
    found = {m: (statistics.median(p95[m]), statistics.median(floor[m])) for m in SIZES}
    smallest, largest = SIZES[0], SIZES[-1]
    return {
        "p95_ms": round(found[largest][0], 2),
        "floor_ms": round(found[largest][1], 2),
        "growth": round(found[largest][0] / found[smallest][0], 2),
        "by_members": {
            str(m): {"p95_ms": round(p, 2), "floor_ms": round(f, 2), "database_ms": round(database_ms[m], 1)}
            for m, (p, f) in found.items()
        },
    }


def _round(requests: Mapping[int, Callable[[], None]], times: int) -> dict[int, float]:
    """The 95th percentile of each size, in milliseconds; one request of each by turns, so that whatever
    else the machine does meets all sizes alike."""
    taken: dict[int, list[float]] = {members: [] for members in requests}
    for _ in range(times):
        for members, request in requests.items():
            began = time.perf_counter()
            request()
            taken[members].append((time.perf_counter() - began) * 1000)
    return {members: statistics.quantiles(values, n=20)[-1] for members, values in taken.items()}


def _by_database(app: "Flask", node: UUID, members: int) -> float:
    request = _requests(app, node, members, "database")
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        request()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _requests(app: "Flask", node: UUID, members: int, source: str) -> Callable[[], None]:
    """Asks for the top and a random member's own rank, as that member."""
    client: FlaskClient = app.test_client()

    def request() -> None:
        member_id = _random_member(members)
        answer = client.get(
            f"/api/v1/points/boards?node_id={node}&period=month&metric=hours&member_id={member_id}",
            headers=_headers(member_id),
        )
        body = answer.get_json()
        if answer.status_code != 200 or body["source"] != source or len(body["rows"]) != 100 or body["own"] is None:
            raise RuntimeError(f"not the board that was asked for: {answer.status_code} {body}")

    return request


def _random_member(members: int) -> UUID:
    import hashlib

    return UUID(hashlib.md5(f"{members}{random.randint(1, members)}".encode()).hexdigest())  # noqa: S324


def _headers(member_id: UUID) -> dict[str, str]:
    from shared import principal, settings

    caller = principal.Principal(
        kind=principal.Kind.LOGIN, audience=SERVICE, login_id=member_id, member_id=member_id, member_ids=(member_id,)
    )
    return {principal.HEADER: principal.sign(caller, settings.secret("HUZHU_GATEWAY_SIGNING_KEY"))}


def _commands(node: UUID, period: str, members: int) -> Callable[[], None]:
    """What a board asks of Redis, and nothing else."""
    from redis import Redis

    client: Any = Redis.from_url(os.environ["REDIS_URL"])
    key, name = f"board:{node.hex}:{period}:hours", f"{node.hex}:{period}"

    def request() -> None:
        member_id = _random_member(members)
        pipeline = client.pipeline(transaction=False)
        pipeline.hmget("boards:state", "epoch", "generation", "as_of")
        pipeline.zmscore(key, [b"", member_id.bytes])
        pipeline.zrange(key, 0, 99, desc=True, withscores=True)
        pipeline.hset("boards:asked", name, "2026-01-01")
        value = pipeline.execute()[1][1]
        client.zcount(key, f"({value}", "+inf")

    return request


if __name__ == "__main__":
    raise SystemExit(main())
