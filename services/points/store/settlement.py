"""Tables of settlement: rules, outcomes of attendances, caps used, and answers given."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.points.domain import rating, settlement
from services.points.domain.booking import Book
from services.points.store.database import Model
from services.points.store.rows import copy_in, execute
from shared.db import APPEND_ONLY
from shared.errors import Unavailable


class Rule(Model):
    """A version of a category's earning rule, in force from a day on."""

    __tablename__ = "rule"
    __table_args__ = (
        UniqueConstraint("category", "version"),
        CheckConstraint("CAST(body ->> 'points_live_days' AS integer) >= 30", name="points_live_days"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    category: Mapped[str]
    version: Mapped[int]
    from_day: Mapped[date]
    body: Mapped[dict[str, Any]]
    hash: Mapped[bytes]


class Outcome(Model):
    """What a version of an attendance came to; columns in the order of domain/settlement.Outcome."""

    __tablename__ = "outcome"
    __table_args__ = (
        Index("ix_outcome_member_id_service_day", "member_id", "service_day"),
        {"comment": APPEND_ONLY},
    )

    attendance_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    state: Mapped[str]
    member_id: Mapped[UUID]
    activity_id: Mapped[UUID]
    title: Mapped[str]
    category: Mapped[str]
    station_id: Mapped[UUID]
    service_day: Mapped[date]
    evidence: Mapped[str]
    minutes: Mapped[int]
    minutes_together: Mapped[int]
    activity_minutes: Mapped[int]
    carries_visit: Mapped[bool | None]
    rule_id: Mapped[UUID | None]
    cap_before: Mapped[int | None]
    category_before: Mapped[int | None]
    points: Mapped[int]
    minutes_booked: Mapped[int]
    reason: Mapped[str]
    note: Mapped[str | None]
    award_version: Mapped[int | None]
    booked_at: Mapped[datetime]


class CapUsed(Model):
    """Points that a member earned on a service day in a category."""

    __tablename__ = "cap_used"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    service_day: Mapped[date] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)


class Idempotency(Model):
    """What was answered to a key, refusals too. Without a hash the key was refused before it was ever used."""

    __tablename__ = "idempotency"
    __table_args__ = ({"comment": APPEND_ONLY},)

    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes | None]
    outcome: Mapped[dict[str, Any]]
    description: Mapped[str]
    """What the member sees on the statement."""
    recorded_at: Mapped[datetime]


_RULES = "SELECT id, category, version, from_day, body FROM rule ORDER BY category, version"
_OUTCOMES = f"SELECT {', '.join(settlement.Outcome._fields)} FROM outcome WHERE attendance_id = ANY(%(ids)s::uuid[])"  # noqa: S608 - column names
_CAPS = """
    SELECT account_id, service_day, category, points FROM cap_used
    JOIN unnest(%(accounts)s::uuid[], %(days)s::date[]) AS wanted (account_id, service_day)
        USING (account_id, service_day)
"""
_KEEP_CAPS = """
    INSERT INTO cap_used (account_id, service_day, category, points)
    SELECT * FROM unnest(%(account)s::uuid[], %(day)s::date[], %(category)s::text[], %(points)s::bigint[])
    ON CONFLICT (account_id, service_day, category) DO UPDATE SET points = excluded.points
"""
_GIVE = """
    INSERT INTO idempotency (key, request_hash, outcome, description, recorded_at)
    SELECT * FROM unnest(%(keys)s::text[], %(hashes)s::bytea[], %(outcomes)s::text[]::jsonb[], %(descriptions)s::text[],
                         %(at)s::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING key
"""
_ANSWERS = "SELECT key, request_hash, outcome FROM idempotency WHERE key = ANY(%(keys)s::text[])"


def list_rules(tx: Session) -> dict[str, list[rating.Rule]]:
    """All versions of all rules by category, in order of version."""
    rules: dict[str, list[rating.Rule]] = {}
    for row in execute(tx, _RULES):
        body = rating.Body(**row.body | {"evidence": tuple(row.body["evidence"])})
        rules.setdefault(row.category, []).append(rating.Rule(row.id, row.category, row.version, row.from_day, body))
    return rules


def list_outcomes(tx: Session, attendance_ids: Sequence[UUID]) -> dict[tuple[UUID, int], settlement.Outcome]:
    """Every outcome of these attendances, by attendance and version."""
    rows = execute(tx, _OUTCOMES, {"ids": attendance_ids})
    return {(row.attendance_id, row.version): settlement.Outcome._make(row) for row in rows}


def add_outcomes(tx: Session, outcomes: Iterable[settlement.Outcome]) -> None:
    copy_in(tx, "outcome", settlement.Outcome._fields, outcomes)


def load_caps(tx: Session, books: Iterable[Book], wanted: Iterable[tuple[Book, date]]) -> None:
    """Fill books with the points earned on certain service days."""
    pairs = {(book.points_account, day) for book, day in wanted}
    if not pairs:
        return
    by_account = {book.points_account: book for book in books}
    found = execute(tx, _CAPS, {"accounts": [account for account, _ in pairs], "days": [day for _, day in pairs]})
    for row in found:
        by_account[row.account_id].use_cap(row.service_day, row.category, row.points)


def keep_caps(tx: Session, books: Iterable[Book]) -> None:
    """Write the books' caps down; a book may stand there for several members."""
    each = {book.points_account: book for book in books}
    rows = [(account, *key, points) for account, book in each.items() for key, points in book.caps.items()]
    if rows:
        account, day, category, points = zip(*rows, strict=True)
        execute(
            tx,
            _KEEP_CAPS,
            {
                "account": list(account),
                "day": list(day),
                "category": list(category),
                "points": list(points),
            },
        )


class Given(NamedTuple):
    """An answer given to a key."""

    key: str
    request_hash: bytes | None
    outcome: Mapping[str, Any]
    description: str
    recorded_at: datetime


def list_answers(tx: Session, keys: Sequence[str]) -> dict[str, tuple[bytes | None, dict[str, Any]]]:
    """What was answered to these keys: the hash of the request, and the outcome."""
    return {row.key: (row.request_hash, row.outcome) for row in execute(tx, _ANSWERS, {"keys": keys})}


def add_answers(tx: Session, answers: Sequence[Given]) -> None:
    """Remember answers. Unavailable if somebody gave one meanwhile: the repetition will find it."""
    if answers:
        keys, hashes, outcomes, descriptions, at = map(list, zip(*answers, strict=True))
        given = {
            "keys": keys,
            "hashes": hashes,
            "outcomes": [json.dumps(outcome, ensure_ascii=False) for outcome in outcomes],
            "descriptions": descriptions,
            "at": at,
        }
        if len(execute(tx, _GIVE, given).all()) < len(answers):
            raise Unavailable
