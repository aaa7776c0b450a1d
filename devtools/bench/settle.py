"""`./dev bench settle`: 100,000 confirmed attendances become awards, at command level, and are sealed.

The floor is the same settlement written by hand below with COPY and unnest, for exactly this case, on
the same server: rule, caps, idempotency, transfers, lots, balances, boards' standings and hash chain,
but no corrections, no debts, no expiry, no second look. Both leave the same balances, which is checked.

The last line is one JSON object: `transfers_per_s` and `floor_per_s` (medians of interleaved rounds),
`ratio` (median of the rounds' ratios), `growth` of the time per attendance from a tenth of the
attendances (and members) to all of them, and `drain_s`.
"""

import argparse
import hashlib
import json
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from devtools.bench._place import servers
from devtools.servers import admin_connection
from devtools.supervisor import remove

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
    print(json.dumps(result | {"drain_s": _drain_s()}))
    return 0


def _drain_s() -> float | None:
    """Seconds that 10,000 attendances take through the whole road: outbox, worker, internal listener,
    ledger, board. Needs the running system; until it is measured here, None."""
    return None


def _measure(admin: "psycopg.Connection[Any]", rounds: int, attendances: int) -> dict[str, Any]:
    from services.points.app import create_app
    from shared import settings

    app = create_app()
    url = settings.get("HUZHU_POINTS_DATABASE_URL").replace("+psycopg", "")
    facts, tenth = _facts(attendances), _facts(attendances // 10)
    ours: list[float] = []
    floors: list[float] = []
    growths: list[float] = []
    for number in range(1, rounds + 1):
        _empty(admin)
        small_s = _timed(lambda: _settle(app, tenth))
        _empty(admin)
        ours_s = _timed(lambda: _settle(app, facts))
        transfers, sums = _summary(admin)
        _empty(admin)
        floor_s = _timed(lambda: _settle_by_hand(url, facts))
        assert (transfers, sums) == _summary(admin), "the floor does not do the same work"
        ours.append(transfers / ours_s)
        floors.append(transfers / floor_s)
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


def _facts(count: int) -> "list[AttendanceSettled]":
    """Attendances of two months in order; one in five at another station than the member's first."""
    from shared import clock
    from shared.events import AttendanceSettled, Evidence

    chance = random.Random(20261122)
    members = [UUID(int=chance.getrandbits(128)) for _ in range(max(1, count // ATTENDANCES_A_MEMBER))]
    facts = []
    for number in range(count):
        whose = chance.randrange(len(members))
        day = FIRST_DAY + timedelta(days=number * 60 // count)
        minutes = chance.randrange(20, 200)
        started_at = clock.day_starts(day) + timedelta(minutes=480 + chance.randrange(600))
        # The first attendance opens the accounts, so it decides where a member is at home.
        away = chance.random() < 0.2
        facts.append(
            AttendanceSettled(
                attendance_id=UUID(int=chance.getrandbits(128)),
                version=1,
                state="confirmed",
                member_id=members[whose],
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
        )
    return facts


def _batches(facts: "list[AttendanceSettled]") -> "Iterator[list[AttendanceSettled]]":
    for start in range(0, len(facts), BATCH):
        yield facts[start : start + BATCH]


def _empty(admin: "psycopg.Connection[Any]") -> None:
    admin.execute("SET session_replication_role = replica")
    admin.execute(f"TRUNCATE {', '.join(_TABLES)}")
    admin.execute("CHECKPOINT")


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


# --- The floor: by hand, and for nothing else ---------------------------------------------------------


def _settle_by_hand(url: str, facts: "list[AttendanceSettled]") -> None:
    import psycopg

    settings = "-c timezone=UTC"
    with psycopg.connect(url, options=settings) as connection:
        (rule_id,) = connection.execute("SELECT id FROM rule WHERE category = 'stairwell'").fetchone() or (None,)
        heads: dict[UUID, tuple[int, bytes]] = {}
        for batch in _batches(facts):
            with connection.transaction():
                _book_by_hand(connection, batch, rule_id, heads)


def _book_by_hand(
    connection: "psycopg.Connection[Any]",
    facts: "Sequence[AttendanceSettled]",
    rule_id: Any,
    heads: dict[UUID, tuple[int, bytes]],
) -> None:
    import msgspec

    from services.points.domain.boards import keys_of
    from services.points.domain.ledger import account_id
    from shared import clock
    from shared.ids import new_id

    now = clock.now()
    homes = _open_by_hand(connection, facts)
    facts = sorted(facts, key=lambda fact: (fact.ended_at, fact.attendance_id, fact.version))
    known = {
        row[0]
        for row in connection.execute(
            "SELECT attendance_id FROM outcome WHERE attendance_id = ANY(%s)", [[fact.attendance_id for fact in facts]]
        )
    }
    accounts = {member_id: account_id("member", "PTS", member_id) for member_id in homes}
    caps = {
        (row[0], row[1]): row[2]
        for row in connection.execute(
            "SELECT c.account_id, c.service_day, c.points FROM cap_used c JOIN unnest(%s::uuid[], %s::date[])"
            " AS w (account_id, service_day) USING (account_id, service_day)",
            [[accounts[fact.member_id] for fact in facts], [fact.service_day for fact in facts]],
        )
    }
    transfers: list[tuple[Any, ...]] = []
    lots: list[tuple[Any, ...]] = []
    outcomes: list[tuple[Any, ...]] = []
    seals: list[tuple[Any, ...]] = []
    moved: dict[UUID, list[int]] = defaultdict(lambda: [0, 0])
    counted: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])

    def move(fact: Any, line: int, chain: UUID, unit: str, debit: UUID, credit: UUID, amount: int) -> UUID:
        transfer_id: UUID = new_id()
        transfers.append(
            (
                transfer_id,
                "attendance",
                fact.attendance_id,
                1,
                line,
                chain,
                unit,
                "award",
                debit,
                credit,
                amount,
                fact.service_day,
                now,
                rule_id,
                None,
            )
        )
        moved[debit][1] += amount
        moved[credit][0] += amount
        seq, before = heads.get(chain, (0, bytes(32)))
        text = f"{chain}|{seq + 1}|{transfer_id}|{fact.attendance_id}|1|{line}|{unit}|{debit}|{credit}|{amount}|{now}"
        hashed = hashlib.sha256(before + text.encode()).digest()
        seals.append((chain, seq + 1, transfer_id, before, hashed))
        heads[chain] = (seq + 1, hashed)
        return transfer_id

    for fact in facts:
        if fact.attendance_id in known:
            continue
        request_hash = hashlib.sha256(msgspec.json.encode(fact)).digest()
        account, home, station = accounts[fact.member_id], homes[fact.member_id], fact.station_id
        used = caps.get((account, fact.service_day), 0)
        points, reason = _rate_by_hand(fact, used)
        caps[account, fact.service_day] = used + points
        line = 0
        for unit, amount, target in (
            ("PTS", points, account),
            ("MIN", fact.minutes, account_id("member", "MIN", fact.member_id)),
        ):
            if not amount:
                continue
            origin = account_id("issuance", unit, station)
            if station != home:
                line += 1
                move(fact, line, station, unit, origin, account_id("clearing", unit, station), amount)
                origin = account_id("clearing", unit, home)
            line += 1
            transfer_id = move(fact, line, home, unit, origin, target, amount)
            if unit == "PTS":
                lots.append((transfer_id, account, amount, amount, None))
        outcomes.append(
            (
                fact.attendance_id,
                1,
                request_hash,
                "awarded" if points else "no_points",
                fact.member_id,
                fact.activity_id,
                fact.activity_title,
                fact.category,
                station,
                fact.service_day,
                fact.evidence.value,
                fact.minutes,
                fact.minutes_together,
                fact.activity_minutes,
                rule_id,
                used,
                used,
                points,
                fact.minutes,
                reason,
                None,
                1,
                now,
            )
        )
        for period in keys_of(fact.service_day):
            total = counted[fact.member_id, period, station]
            total[0] += points
            total[1] += fact.minutes
            total[2] += 1
    for table, rows in (("outcome", outcomes), ("transfer", transfers), ("lot", lots), ("seal", seals)):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute(
        "UPDATE account SET credits = credits + m.c, debits = debits + m.d"
        " FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS m (id, c, d) WHERE account.id = m.id",
        [list(moved), [credit for credit, _ in moved.values()], [debit for _, debit in moved.values()]],
    )
    connection.execute(
        "INSERT INTO cap_used SELECT * FROM unnest(%s::uuid[], %s::date[], %s::text[], %s::bigint[])"
        " ON CONFLICT (account_id, service_day, category) DO UPDATE SET points = excluded.points",
        [[account for account, _ in caps], [day for _, day in caps], ["stairwell"] * len(caps), list(caps.values())],
    )
    connection.execute(
        "INSERT INTO standing AS s SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::bigint[],"
        " %s::bigint[], %s::bigint[]) ON CONFLICT (member_id, period, station_id) DO UPDATE SET"
        " points = s.points + excluded.points, minutes = s.minutes + excluded.minutes,"
        " attendances = s.attendances + excluded.attendances",
        [list(column) for column in zip(*(key + tuple(total) for key, total in counted.items()), strict=True)],
    )
    connection.execute("INSERT INTO board_dirty (member_id) SELECT unnest(%s::uuid[])", [list(homes)])
    connection.execute(
        "INSERT INTO seal_head SELECT id, seq, hash, %s FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[])"
        " AS h (id, seq, hash) ON CONFLICT (chain_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        [now, list(heads), [seq for seq, _ in heads.values()], [hashed for _, hashed in heads.values()]],
    )


def _open_by_hand(connection: "psycopg.Connection[Any]", facts: "Sequence[AttendanceSettled]") -> dict[UUID, UUID]:
    """Lock the members' accounts, opened where missing; the home station of each member."""
    from services.points.domain.ledger import account_id

    lock = "SELECT owner_id, chain_id FROM account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    served_at = {fact.member_id: fact.station_id for fact in facts}
    ids = [account_id("member", "PTS", member_id) for member_id in served_at]
    homes: dict[UUID, UUID] = dict(connection.execute(lock, [ids]).fetchall())
    missing = [member_id for member_id in served_at if member_id not in homes]
    wanted = [
        (kind, unit, member_id, served_at[member_id])
        for member_id in missing
        for kind, unit in (("member", "PTS"), ("member", "MIN"), ("debt", "PTS"))
    ] + [
        (kind, unit, station, station)
        for station in STATIONS
        for kind in ("issuance", "clearing")
        for unit in ("PTS", "MIN")
    ]
    kinds, units, owners, chains = zip(*wanted, strict=True)
    connection.execute(
        "INSERT INTO account (id, chain_id, unit, kind, owner_id, limited) SELECT *, false FROM"
        " unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[]) ON CONFLICT DO NOTHING",
        [
            [account_id(kind, unit, owner) for kind, unit, owner, _ in wanted],
            list(chains),
            list(units),
            list(kinds),
            list(owners),
        ],
    )
    return homes | {member_id: served_at[member_id] for member_id in missing}


def _rate_by_hand(fact: Any, used: int) -> tuple[int, str]:
    from services.points.domain.rating import duration, hundredths

    if fact.minutes_together * 100 < fact.activity_minutes * 60:
        stayed, whole = duration(fact.minutes_together), duration(fact.activity_minutes)
        return 0, f"参加 {stayed}，不足活动 {whole}的 60%，只记时长，规则 1"
    earned = (2 * fact.minutes * 100 + 60) // 120
    points = max(0, min(earned, 400 - used))
    words = f"{duration(fact.minutes)} × 1.0 = {hundredths(earned)}"
    if points == earned:
        return points, f"{words}，未到当日上限，规则 1"
    return points, f"{words}，当日上限 4.00 已用 {hundredths(used)}，计 {hundredths(points)}，规则 1"
