"""The outbox: what a service has yet to tell another, written in the transaction of the fact.

One row per event and destination. A worker leases due rows in batches, posts them and marks them;
whatever dies in between is repeated, and receivers book each fact once. A row that can never be
taken in is a dead letter: it stays, is shown on a page, and can be requeued.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared import clock, events, queue
from shared.db import after_commit, kernel_metadata, planned_anew
from shared.errors import NotFound
from shared.ids import new_id

LEASE_S = 20
KEPT_DAYS = 7
BACKOFF_S_MAX = 300

outbox = Table(
    "outbox",
    kernel_metadata,
    Column("id", Uuid, primary_key=True),
    Column("destination", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", DateTime(timezone=True)),
    Column("dead_at", DateTime(timezone=True)),
    Column("error", Text),
    Index(
        "ix_outbox_waiting",
        "destination",
        "due_at",
        "id",
        postgresql_where=text("delivered_at IS NULL AND dead_at IS NULL"),
    ),
    Index("ix_outbox_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
    Index("ix_outbox_delivered", "delivered_at", postgresql_where=text("delivered_at IS NOT NULL")),
)

_WAITING = and_(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
_STILL_LEASED = and_(outbox.c.id == bindparam("row_id"), outbox.c.attempts == bindparam("attempt"), _WAITING)
"""Every lease counts an attempt: whoever held the row longer than its lease touches nobody else's."""
_INSERT = insert(outbox)


@dataclass(frozen=True, slots=True)
class Row:
    """A leased row: `id` names the event, the same on every repetition."""

    id: UUID
    name: str
    body: dict[str, Any]
    attempts: int


def add(tx: Session, *facts: events.Event, due_in: timedelta = timedelta(0)) -> list[UUID]:
    """Write facts down for each of their destinations, and wake the worker once they stand.

    Returns the rows' ids, for who tries to deliver at once what is due later.
    """
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "destination": destination,
            "name": events.name_of(fact),
            "body": events.dump(fact),
            "created_at": now,
            "due_at": now + due_in,
        }
        for fact in facts
        for destination in fact.destinations
    ]
    if rows:
        tx.execute(_INSERT, rows)
    if rows and not due_in:
        service = current_app.name
        after_commit(tx, "nudge", lambda: queue.nudge(service))
    return [row["id"] for row in rows]


def lease(tx: Session, destination: str, rows_max: int) -> list[Row]:
    """Take due rows for `LEASE_S` seconds, oldest first; other workers skip them meanwhile."""
    now = clock.now()
    due = (
        select(outbox.c.id)
        .where(
            _WAITING,
            outbox.c.destination == destination,
            outbox.c.due_at <= now,
            or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now),
        )
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(rows_max)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    take = (
        update(outbox)
        .where(outbox.c.id == due.c.id)
        .values(leased_until=now + timedelta(seconds=LEASE_S), attempts=outbox.c.attempts + 1)
        .returning(outbox.c.id, outbox.c.name, outbox.c.body, outbox.c.attempts)
    )
    with planned_anew(tx):
        taken = tx.execute(take)
    # RETURNING has no order; time-ordered ids bring the facts back into theirs.
    return sorted((Row(*row) for row in taken), key=lambda row: row.id)


def mark_delivered(tx: Session, ids: Sequence[UUID]) -> None:
    tx.execute(update(outbox).where(outbox.c.id == func.any(list(ids))).values(delivered_at=clock.now(), error=None))


def mark_dead(tx: Session, row_id: UUID, error: str) -> None:
    """No repetition can help; a person must look."""
    tx.execute(update(outbox).where(outbox.c.id == row_id, _WAITING).values(dead_at=clock.now(), error=error[:2000]))


def put_back(tx: Session, rows: Sequence[Row], error: str) -> None:
    """Try again later: 1, 2, 4 … 300 seconds after the first, second, third … attempt.

    A row that somebody else has leased since is theirs.
    """
    now = clock.now()
    tx.execute(
        update(outbox).where(_STILL_LEASED).values(due_at=bindparam("due"), leased_until=None, error=error[:2000]),
        [{"row_id": row.id, "attempt": row.attempts, "due": now + backoff(row.attempts)} for row in rows],
    )


def release(tx: Session, rows: Sequence[Row]) -> None:
    """Give leased rows back as if nobody had taken them, but for those that somebody else has leased since."""
    tx.execute(
        update(outbox).where(_STILL_LEASED).values(leased_until=None, attempts=outbox.c.attempts - 1),
        [{"row_id": row.id, "attempt": row.attempts} for row in rows],
    )


def backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(2.0 ** min(attempts - 1, 16), BACKOFF_S_MAX))


def waiting_destinations(tx: Session) -> list[str]:
    """Destinations with rows due now."""
    now = clock.now()
    return list(
        tx.scalars(
            select(outbox.c.destination)
            .distinct()
            .where(_WAITING, outbox.c.due_at <= now, or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now))
        )
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    waiting: int
    dead: int
    oldest_at: datetime | None


def backlog(tx: Session) -> Backlog:
    """How much is yet to be told, since when, and how much is stuck for good."""
    row = tx.execute(
        select(
            func.count().filter(_WAITING),
            func.count().filter(outbox.c.dead_at.is_not(None)),
            func.min(outbox.c.created_at).filter(_WAITING),
        ).where(outbox.c.delivered_at.is_(None))
    ).one()
    return Backlog(*row)


def list_dead(tx: Session, *, rows_max: int = 200, before: UUID | None = None) -> list[dict[str, Any]]:
    """Dead letters, the newest fact first (ids are ordered by time); `before` need not be one any more."""
    statement = select(outbox).where(outbox.c.dead_at.is_not(None)).order_by(outbox.c.id.desc()).limit(rows_max)
    if before is not None:
        statement = statement.where(outbox.c.id < before)
    return [dict(row._mapping) for row in tx.execute(statement)]


def requeue(tx: Session, row_id: UUID) -> None:
    """Give a dead letter another life; NotFound when there is none of this id."""
    found = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.dead_at.is_not(None))
        .values(dead_at=None, due_at=clock.now(), leased_until=None, attempts=0)
        .returning(outbox.c.id)
    ).first()
    if found is None:
        raise NotFound
    service = current_app.name
    after_commit(tx, "nudge", lambda: queue.nudge(service))


def forget_delivered(tx: Session, rows_max: int = 10_000) -> int:
    """Remove rows delivered more than a week ago; the receiver keeps the fact."""
    old = (
        select(outbox.c.id)
        .where(outbox.c.delivered_at < clock.now() - timedelta(days=KEPT_DAYS))
        .limit(rows_max)
        .scalar_subquery()
    )
    return len(tx.execute(delete(outbox).where(outbox.c.id.in_(old)).returning(outbox.c.id)).all())
