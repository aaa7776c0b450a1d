"""`./dev bench settle`: 100,000 confirmed attendances become awards, at command level, and are sealed.

The floor (`_by_hand.py`) is the same settlement with COPY and unnest, for exactly this case, on the same
server: rule, caps, idempotency, transfers, lots, balances, boards' standings and hash chain,
but no corrections, no debts, no expiry, no second look. Both leave the same balances, which is checked.

The last line is one JSON object: `transfers_per_s` and `floor_per_s` (medians of interleaved rounds),
`ratio` (median of the rounds' ratios), `growth` of the time per attendance from a tenth of the
attendances to all of them, and `drain_s`, the seconds that a tenth of them take through the whole road
(`_drain.py`). Each time it is the same town, whose members have served once before the clock starts:
with fewer members a batch holds more of each, which are netted, and that is no matter of growth.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from devtools.bench import _by_hand
from devtools.bench._drain import drain_s
from devtools.bench._place import servers
from devtools.servers import admin_connection, remove

if TYPE_CHECKING:
    import psycopg
    from flask import Flask

    from shared.events import AttendanceSettled

ROUNDS = 5
ATTENDANCES = 100_000
ATTENDANCES_A_MEMBER = 20
BATCH = 500
"""As many as the worker delivers at once."""
STATIONS = [UUID(int=number) for number in range(1, 5)]
FIRST_DAY = date(2026, 8, 1)
_TABLES = (
    "account",
    "transfer",
    "lot",
    "allocation",
    "unsealed",
    "seal",
    "seal_head",
    "outcome",
    "cap_used",
    "standing",
    "board_dirty",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--attendances", type=int, default=ATTENDANCES)
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="huzhu-settle-"))
    try:
        with servers(root / "servers", "points", durable=True) as installation:
            os.environ.update(installation.everything())
            with admin_connection(installation.admin_url, installation.database("points")) as connection:
                result = _measure(connection, chosen.rounds, chosen.attendances)
    finally:
        remove(root)
    print(json.dumps(result | {"drain_s": drain_s(chosen.attendances // 10)}))
    return 0


def _measure(admin: "psycopg.Connection[Any]", rounds: int, attendances: int) -> dict[str, Any]:
    from services.points.app import create_app
    from shared import settings

    app = create_app()
    url = settings.get("HUZHU_POINTS_DATABASE_URL").replace("+psycopg", "")
    members = max(1, attendances // ATTENDANCES_A_MEMBER)
    first, facts = _first_facts(members), _facts(attendances, members)
    tenth = facts[: attendances // 10]
    ours: list[float] = []
    floors: list[float] = []
    growths: list[float] = []
    for number in range(1, rounds + 1):
        _begin(admin, app, first)
        small_s = _timed(lambda: _settle(app, tenth))
        before = _begin(admin, app, first)
        ours_s = _timed(lambda: _settle(app, facts))
        transfers, sums = _summary(admin)
        _begin(admin, app, first)
        floor_s = _timed(lambda: _by_hand.settle(url, _batches(facts), STATIONS))
        assert (transfers, sums) == _summary(admin), "the floor does not do the same work"
        ours.append((transfers - before) / ours_s)
        floors.append((transfers - before) / floor_s)
        growths.append((ours_s / len(facts)) / (small_s / len(tenth)))
        print(
            f"round {number}: {ours[-1]:,.0f} transfers/s, floor {floors[-1]:,.0f}/s, "
            f"ratio {ours[-1] / floors[-1]:.2f}, growth {growths[-1]:.2f}",
            flush=True,
        )
    return {
        "transfers_per_s": round(statistics.median(ours)),
        "floor_per_s": round(statistics.median(floors)),
        "ratio": round(statistics.median(one / floor for one, floor in zip(ours, floors, strict=True)), 3),
        "growth": round(statistics.median(growths), 3),
        "attendances": attendances,
    }


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _first_facts(members: int) -> "list[AttendanceSettled]":
    """One attendance of each member, which opens the accounts at the home station."""
    return [_fact(number, number, FIRST_DAY - timedelta(days=1), 60, 0) for number in range(members)]


def _facts(count: int, members: int) -> "list[AttendanceSettled]":
    """Attendances of two months in order; one in five away from the member's home station."""
    chance = random.Random(20261122)
    facts = []
    for number in range(count):
        day = FIRST_DAY + timedelta(days=number * 60 // count)
        away = chance.random() < 0.2
        facts.append(_fact(members + number, chance.randrange(members), day, chance.randrange(20, 200), away))
    return facts


def _fact(number: int, whose: int, day: date, minutes: int, away: int) -> "AttendanceSettled":
    from shared import clock
    from shared.events import AttendanceSettled, Evidence

    chance = random.Random(number)
    started_at = clock.day_starts(day) + timedelta(minutes=480 + chance.randrange(600))
    return AttendanceSettled(
        attendance_id=UUID(int=chance.getrandbits(128)),
        version=1,
        state="confirmed",
        member_id=_scattered(whose),
        activity_id=UUID(int=number // 50),
        activity_title="周六楼道大扫除",
        category="stairwell",
        station_id=STATIONS[(whose + away) % len(STATIONS)],
        service_day=day,
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=minutes),
        minutes=minutes,
        minutes_together=minutes,
        activity_minutes=minutes + chance.randrange(60),
        evidence=Evidence.OWN_SCAN,
    )


def _scattered(number: int) -> UUID:
    """An id that says nothing of its number, as ids of members do."""
    return uuid5(UUID(int=0), str(number))


def _batches(facts: "list[AttendanceSettled]") -> "Iterator[list[AttendanceSettled]]":
    for start in range(0, len(facts), BATCH):
        yield facts[start : start + BATCH]


def _begin(admin: "psycopg.Connection[Any]", app: "Flask", first: "list[AttendanceSettled]") -> int:
    """An empty ledger in which each member has served once; the number of transfers of that."""
    admin.execute("SET session_replication_role = replica")
    admin.execute(f"TRUNCATE {', '.join(_TABLES)}")
    _settle(app, first)
    # As autovacuum does within a minute: plans that were kept from the last round read empty tables from end to end.
    admin.execute(f"ANALYZE {', '.join(_TABLES)}")
    admin.execute("CHECKPOINT")
    transfers, _sums = _summary(admin)
    return transfers


def _summary(admin: "psycopg.Connection[Any]") -> tuple[int, list[Any]]:
    """Number of transfers, and everything that must have come out the same."""
    sums = [
        admin.execute(statement).fetchall()
        for statement in (
            "SELECT id, chain_id, credits, debits FROM account WHERE credits + debits > 0 ORDER BY id",
            "SELECT account_id, sum(original), count(*) FROM lot GROUP BY 1 ORDER BY 1",
            "SELECT * FROM cap_used ORDER BY 1, 2, 3",
            "SELECT * FROM standing ORDER BY 1, 2, 3",
            "SELECT chain_id, seq FROM seal_head ORDER BY 1",
            "SELECT attendance_id, points, reason, cap_before FROM outcome ORDER BY 1",
        )
    ]
    (transfers,) = admin.execute("SELECT count(*) FROM seal").fetchone() or (0,)
    return transfers, sums


# --- Ours ---------------------------------------------------------------------------------------------


def _settle(app: "Flask", facts: "list[AttendanceSettled]") -> None:
    from services.points.commands.book_attendances import book_attendances
    from services.points.commands.seal_transfers import seal_all
    from shared.db import transactional

    book = transactional(book_attendances)
    with app.app_context():
        for batch in _batches(facts):
            book(batch)
        seal_all()


if __name__ == "__main__":
    raise SystemExit(main())
