"""The floor of `./dev bench settle`: a full settlement by COPY and unnest, for exactly its case and no other."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from services.points.domain.boards import keys_of
from services.points.domain.ledger import account_id
from services.points.domain.rating import duration, hundredths
from shared import clock
from shared.events import AttendanceSettled
from shared.ids import new_id

Heads = dict[UUID, tuple[int, bytes]]
"""Number and hash of each chain's last transfer."""


def settle(url: str, batches: Iterable[Sequence[AttendanceSettled]], stations: Sequence[UUID]) -> None:
    # Else the first statement begins a transaction that all batches are in, and dead rows stay until its end.
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        (rule_id,) = connection.execute("SELECT id FROM rule WHERE category = 'stairwell'").fetchone() or (None,)
        ends = connection.execute("SELECT chain_id, seq, hash FROM seal_head")
        heads: Heads = {chain_id: (seq, hashed) for chain_id, seq, hashed in ends}
        for batch in batches:
            with connection.transaction():
                _book(connection, batch, stations, rule_id, heads)


def _book(
    connection: "psycopg.Connection[Any]",
    facts: Sequence[AttendanceSettled],
    stations: Sequence[UUID],
    rule_id: Any,
    heads: Heads,
) -> None:
    homes = _open_accounts(connection, facts, stations)
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
    rows = _Rows(rule_id, heads, homes, accounts, caps)
    for fact in sorted(facts, key=lambda fact: (fact.ended_at, fact.attendance_id, fact.version)):
        if fact.attendance_id not in known:
            rows.add(fact)
    rows.write(connection)


@dataclass
class _Rows:
    """What a batch will write."""

    rule_id: Any
    heads: Heads
    homes: dict[UUID, UUID]
    accounts: dict[UUID, UUID]
    caps: dict[tuple[UUID, date], int]
    now: datetime = field(default_factory=clock.now)
    transfers: list[tuple[Any, ...]] = field(default_factory=list)
    lots: list[tuple[Any, ...]] = field(default_factory=list)
    outcomes: list[tuple[Any, ...]] = field(default_factory=list)
    seals: list[tuple[Any, ...]] = field(default_factory=list)
    moved: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    counted: dict[tuple[Any, ...], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def add(self, fact: AttendanceSettled) -> None:
        account, station = self.accounts[fact.member_id], fact.station_id
        used = self.caps.get((account, fact.service_day), 0)
        points, reason = _rate(fact, used)
        self.caps[account, fact.service_day] = used + points
        self._award(fact, points, account)
        self.outcomes.append(
            (
                *(fact.attendance_id, 1, hashlib.sha256(msgspec.json.encode(fact)).digest()),
                *("awarded" if points else "no_points", fact.member_id, fact.activity_id, fact.activity_title),
                *(fact.category, station, fact.service_day, fact.evidence.value, fact.minutes, fact.minutes_together),
                *(fact.activity_minutes, self.rule_id, used, used, points, fact.minutes, reason, None, 1, self.now),
                fact.carries_visit,
            )
        )
        for period in keys_of(fact.service_day):
            total = self.counted[fact.member_id, period, station]
            total[0] += points
            total[1] += fact.minutes
            total[2] += 1

    def _award(self, fact: AttendanceSettled, points: int, account: UUID) -> None:
        """Points and minutes, each through the clearing accounts when the service was done away from home."""
        home, station, line = self.homes[fact.member_id], fact.station_id, 0
        minutes_account = account_id("member", "MIN", fact.member_id)
        for unit, amount, target in (("PTS", points, account), ("MIN", fact.minutes, minutes_account)):
            if not amount:
                continue
            origin = account_id("issuance", unit, station)
            if station != home:
                line += 1
                self._move(fact, line, station, unit, origin, account_id("clearing", unit, station), amount)
                origin = account_id("clearing", unit, home)
            line += 1
            transfer_id = self._move(fact, line, home, unit, origin, target, amount)
            if unit == "PTS":
                self.lots.append((transfer_id, account, amount, amount, None, None))

    def _move(
        self, fact: AttendanceSettled, line: int, chain: UUID, unit: str, debit: UUID, credit: UUID, amount: int
    ) -> UUID:
        transfer_id, now = new_id(), self.now
        self.transfers.append(
            (
                *(transfer_id, "attendance", fact.attendance_id, 1, line, chain, unit, "award", debit, credit, amount),
                *(fact.service_day, now, self.rule_id, None),
            )
        )
        self.moved[debit][1] += amount
        self.moved[credit][0] += amount
        seq, before = self.heads.get(chain, (0, bytes(32)))
        text = f"{chain}|{seq + 1}|{transfer_id}|{fact.attendance_id}|1|{line}|{unit}|{debit}|{credit}|{amount}|{now}"
        hashed = hashlib.sha256(before + text.encode()).digest()
        self.seals.append((chain, seq + 1, transfer_id, before, hashed, 2))
        self.heads[chain] = (seq + 1, hashed)
        return transfer_id

    def write(self, connection: "psycopg.Connection[Any]") -> None:
        for table, rows in (
            ("outcome", self.outcomes),
            ("transfer", self.transfers),
            ("lot", self.lots),
            ("seal", self.seals),
        ):
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute(
            "UPDATE account SET credits = credits + m.c, debits = debits + m.d"
            " FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS m (id, c, d) WHERE account.id = m.id",
            [
                list(self.moved),
                [credit for credit, _ in self.moved.values()],
                [debit for _, debit in self.moved.values()],
            ],
        )
        connection.execute(
            "INSERT INTO cap_used SELECT * FROM unnest(%s::uuid[], %s::date[], %s::text[], %s::bigint[])"
            " ON CONFLICT (account_id, service_day, category) DO UPDATE SET points = excluded.points",
            [
                [account for account, _ in self.caps],
                [day for _, day in self.caps],
                ["stairwell"] * len(self.caps),
                list(self.caps.values()),
            ],
        )
        connection.execute(
            "INSERT INTO standing AS s SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::bigint[],"
            " %s::bigint[], %s::bigint[]) ON CONFLICT (member_id, period, station_id) DO UPDATE SET"
            " points = s.points + excluded.points, minutes = s.minutes + excluded.minutes,"
            " attendances = s.attendances + excluded.attendances",
            [list(column) for column in zip(*(key + tuple(total) for key, total in self.counted.items()), strict=True)],
        )
        connection.execute("INSERT INTO board_dirty (member_id) SELECT unnest(%s::uuid[])", [list(self.homes)])
        connection.execute(
            "INSERT INTO seal_head SELECT id, seq, hash, %s FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[])"
            " AS h (id, seq, hash) ON CONFLICT (chain_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
            [
                self.now,
                list(self.heads),
                [seq for seq, _ in self.heads.values()],
                [hashed for _, hashed in self.heads.values()],
            ],
        )


def _open_accounts(
    connection: "psycopg.Connection[Any]", facts: Sequence[AttendanceSettled], stations: Sequence[UUID]
) -> dict[UUID, UUID]:
    """Lock the members' accounts, opened where missing; the home station of each member."""
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
        for station in stations
        for kind in ("issuance", "clearing")
        for unit in ("PTS", "MIN")
    ]
    kinds, units, owners, chains = zip(*wanted, strict=True)
    connection.execute(
        "INSERT INTO account (id, chain_id, unit, kind, owner_id, limited, salt, digest)"
        " SELECT *, false, sha256(uuid_send(owner)), sha256(uuid_send(id)) FROM"
        " unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[]) AS a (id, chain, unit, kind, owner)"
        " ON CONFLICT DO NOTHING",
        [
            [account_id(kind, unit, owner) for kind, unit, owner, _ in wanted],
            list(chains),
            list(units),
            list(kinds),
            list(owners),
        ],
    )
    return homes | {member_id: served_at[member_id] for member_id in missing}


def _rate(fact: AttendanceSettled, used: int) -> tuple[int, str]:
    if fact.minutes_together * 100 < fact.activity_minutes * 60:
        stayed, whole = duration(fact.minutes_together), duration(fact.activity_minutes)
        return 0, f"参加 {stayed}，不足活动 {whole}的 60%，只记时长，规则 1"
    earned = (2 * fact.minutes * 100 + 60) // 120
    points = max(0, min(earned, 400 - used))
    words = f"{duration(fact.minutes)} × 1.0 = {hundredths(earned)}"
    if points == earned:
        return points, f"{words}，未到当日上限，规则 1"
    return points, f"{words}，当日上限 4 已用 {hundredths(used)}，计 {hundredths(points)}，规则 1"
