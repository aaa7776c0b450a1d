"""Statements on what goes from one member to another: whose is what, how much, and where it went."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.points.domain import moving
from services.points.domain.booking import Book
from services.points.domain.ledger import TransferKind
from services.points.domain.moving import Hours, Served
from services.points.store.database import Model
from services.points.store.rows import copy_in, execute
from shared.copies import station
from shared.db import APPEND_ONLY


class Move(Model):
    """That something went from one member to another. Its transfers name it, and it names the members."""

    __tablename__ = "move"
    __table_args__ = (
        Index("ix_move_from_member_id", "from_member_id"),
        Index("ix_move_to_member_id", "to_member_id"),
        CheckConstraint("(to_member_id IS NULL) <> (to_station_id IS NULL)", name="one_taker"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    from_member_id: Mapped[UUID]
    to_member_id: Mapped[UUID | None]
    points: Mapped[int] = mapped_column(BigInteger)
    minutes: Mapped[int] = mapped_column(BigInteger)
    debt: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    to_station_id: Mapped[UUID | None]
    """Whose pool it went to, where it went to no member."""


class LeaverRule(Model):
    """What may become of the points of members who are gone, at a node and below it."""

    __tablename__ = "leaver_rule"

    node_id: Mapped[UUID] = mapped_column(primary_key=True)
    family_days: Mapped[int | None]
    """For how many days after the departure was marked they may go to the household; None: they may not."""
    donate: Mapped[bool]
    at: Mapped[datetime]


class Gone(Model):
    """Since when it is known here that a member is gone."""

    __tablename__ = "gone"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime]


HOLDERS = """
    holder AS (
        SELECT owner_id AS member_id, owner_id AS holder_id FROM account
        WHERE kind = 'member' AND unit = 'PTS' AND merged_into IS NULL
        UNION ALL
        SELECT account.owner_id, holder.holder_id FROM account JOIN holder ON account.merged_into = holder.member_id
        WHERE account.kind = 'member' AND account.unit = 'PTS'
    )
"""
"""Of every member with accounts who holds what the member has; for a WITH RECURSIVE."""

_UNLIKE_CARDS = """
    SELECT card.member_id, CASE WHEN card.status = 'merged' THEN card.merged_into END AS target
    FROM member_card card
    LEFT JOIN account ON account.owner_id = card.member_id AND account.kind = 'member' AND account.unit = 'PTS'
    WHERE card.member_id = ANY(%(ids)s::uuid[])
        AND CASE WHEN card.status = 'merged' THEN card.merged_into END IS DISTINCT FROM account.merged_into
    ORDER BY card.member_id
"""
_POINT_TO = "UPDATE account SET merged_into = %(target)s WHERE id = %(account)s"
_LINE = """
    WITH RECURSIVE line AS (
        SELECT CAST(%(member)s AS uuid) AS member_id
        UNION SELECT account.owner_id FROM account JOIN line ON account.merged_into = line.member_id
    ) SELECT member_id FROM line
"""
_BY_MONTH = """
    GROUP BY from_paper, CASE WHEN NOT from_paper THEN date_trunc('month', service_day) END
    HAVING sum(change) > 0 ORDER BY 1, 3
"""
_HOURS = "SELECT max(service_day) AS day, CAST(sum(change) AS bigint) AS minutes, from_paper FROM"
_MINUTES = f"""
    {_HOURS} (
        SELECT service_day, amount AS change, 'opening' IN (source_type, kind) AS from_paper
        FROM transfer WHERE credit_id = %(account)s
        UNION ALL SELECT service_day, -amount, 'opening' IN (source_type, kind)
        FROM transfer WHERE debit_id = %(account)s
    ) entry {_BY_MONTH}
"""  # noqa: S608 - a statement of ours
_NEWEST = """
    SELECT DISTINCT ON (attendance_id) station_id, service_day, category, points, minutes_booked, award_version
    FROM outcome WHERE member_id = ANY(%(members)s::uuid[]) ORDER BY attendance_id, version DESC
"""
# What was taken over from paper for somebody lies on the account of whoever held what that one had at the time.
_MINUTES_OF_MEMBERS = f"""
    WITH RECURSIVE newest AS ({_NEWEST}), held_by AS (
        SELECT unnest(%(members)s::uuid[]) AS member_id
        UNION SELECT to_member_id FROM move JOIN held_by ON from_member_id = held_by.member_id WHERE kind = 'merge'
    ), held AS (
        SELECT id FROM account JOIN held_by ON owner_id = held_by.member_id WHERE kind = 'member' AND unit = 'MIN'
    ), opened AS (
        SELECT source_id, service_day, amount AS change FROM transfer JOIN held ON credit_id = held.id
        WHERE source_type = 'opening'
        UNION ALL SELECT source_id, service_day, -amount FROM transfer JOIN held ON debit_id = held.id
        WHERE source_type = 'opening'
    )
    {_HOURS} (
        SELECT service_day, minutes_booked AS change, false AS from_paper FROM newest WHERE award_version IS NOT NULL
        UNION ALL SELECT service_day, change, true FROM opened JOIN idempotency ON key = 'opening:' || source_id
        WHERE CAST(outcome ->> 'member_id' AS uuid) = ANY(%(members)s::uuid[])
    ) entry {_BY_MONTH}
"""  # noqa: S608 - a statement of ours
_SERVED = f"""
    WITH newest AS ({_NEWEST})
    SELECT station_id, service_day, category, CAST(sum(points) AS bigint) AS points,
        CAST(sum(minutes_booked) AS bigint) AS minutes, count(*) AS attendances
    FROM newest WHERE award_version IS NOT NULL GROUP BY 1, 2, 3
"""  # noqa: S608 - a statement of ours
_ADD_CAPS = """
    INSERT INTO cap_used AS cap (account_id, service_day, category, points)
    SELECT * FROM unnest(%(account)s::uuid[], %(day)s::date[], %(category)s::text[], %(points)s::bigint[])
    ON CONFLICT (account_id, service_day, category) DO UPDATE SET points = cap.points + excluded.points
"""
# A lot is whose service earned it, or for whom it was taken over from paper, also where it was booked to somebody
# else's account since.
_WHOSE = """
    SELECT lot.id FROM lot JOIN lot first ON first.id = coalesce(lot.origin_id, lot.id)
    JOIN account born ON born.id = first.account_id JOIN transfer ON transfer.id = first.id
    LEFT JOIN outcome ON transfer.source_type = 'attendance'
        AND (outcome.attendance_id, outcome.version) = (transfer.source_id, transfer.source_version)
    LEFT JOIN idempotency opening ON transfer.source_type = 'opening' AND opening.key = 'opening:' || transfer.source_id
    WHERE lot.id = ANY(%(lots)s::uuid[]) AND coalesce(
        outcome.member_id, CAST(opening.outcome ->> 'member_id' AS uuid), born.owner_id) = ANY(%(members)s::uuid[])
"""
_PAYMENTS = """
    SELECT transfer.id FROM move JOIN transfer ON transfer.source_id = move.id
    WHERE move.from_member_id = %(giver)s AND move.kind = 'merge' AND transfer.kind = %(payment)s
        AND transfer.debit_id = %(payer)s
        AND NOT EXISTS (SELECT FROM transfer back WHERE back.reverses = transfer.id AND back.kind = %(restored)s)
    ORDER BY transfer.id
"""
_DEBT_MOVED = """
    SELECT CAST(coalesce(sum(CASE WHEN from_member_id = %(giver)s THEN debt ELSE -debt END), 0) AS bigint) AS debt
    FROM move WHERE kind IN ('merge', 'unmerge')
        AND (from_member_id, to_member_id) IN ((%(giver)s, %(taker)s), (%(taker)s, %(giver)s))
"""


_ONCE_MERGED_INTO = """
    WITH RECURSIVE further AS (
        SELECT CAST(%(member)s AS uuid) AS member_id
        UNION SELECT to_member_id FROM move JOIN further ON from_member_id = further.member_id WHERE kind = 'merge'
    ) SELECT member_id FROM further
"""


class Pointer(NamedTuple):
    """A member of whose merge the books do not know yet, or know otherwise than the card."""

    member_id: UUID
    target: UUID | None
    """Into whom the member is merged; None: no longer."""


def list_unlike_cards(tx: Session, member_ids: Collection[UUID]) -> list[Pointer]:
    """Those of these members whose books stand otherwise than their cards say."""
    return [Pointer._make(row) for row in execute(tx, _UNLIKE_CARDS, {"ids": list(member_ids)})]


def point_to(tx: Session, book: Book, target: UUID | None) -> None:
    """Say on a member's account whose accounts take its place."""
    execute(tx, _POINT_TO, {"account": book.points_account, "target": target})
    book.merged_into = target


def list_line(tx: Session, member_id: UUID) -> list[UUID]:
    """A member with all who were merged into the member, at whatever remove."""
    return [row.member_id for row in execute(tx, _LINE, {"member": member_id})]


def list_minutes(tx: Session, book: Book) -> list[Hours]:
    """What is on a minutes account."""
    return [Hours._make(row) for row in execute(tx, _MINUTES, {"account": book.minutes_account})]


def list_minutes_of(tx: Session, member_ids: Sequence[UUID]) -> list[Hours]:
    """What these members served or had on paper, on whichever account it is."""
    return [Hours._make(row) for row in execute(tx, _MINUTES_OF_MEMBERS, {"members": member_ids})]


def list_served(tx: Session, member_ids: Sequence[UUID]) -> list[Served]:
    return [Served._make(row) for row in execute(tx, _SERVED, {"members": member_ids})]


def move_caps(tx: Session, served: Iterable[Served], giver: Book, taker: Book) -> None:
    """Count what was earned by day and category with the taker instead of the giver."""
    sums: dict[tuple[date, str], int] = {}
    for one in served:
        sums[one.service_day, one.category] = sums.get((one.service_day, one.category), 0) + one.points
    rows = [(giver.points_account, *key, -points) for key, points in sorted(sums.items())]
    rows += [(taker.points_account, *key, points) for key, points in sorted(sums.items())]
    if rows:
        account, day, category, points = zip(*rows, strict=True)
        values = {"account": list(account), "day": list(day), "category": list(category), "points": list(points)}
        execute(tx, _ADD_CAPS, values)


def list_lots_of(tx: Session, book: Book, member_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the loaded lots of a book these members earned."""
    return {row.id for row in execute(tx, _WHOSE, {"lots": list(book.lots), "members": member_ids})}


def list_payments(tx: Session, giver: Book, payer: Book) -> list[UUID]:
    """Transfers by which a debt was paid because of the giver's merge, and that were not taken back yet."""
    found = execute(
        tx,
        _PAYMENTS,
        {
            "giver": giver.member_id,
            "payer": payer.points_account,
            "payment": TransferKind.DEBT_PAYMENT,
            "restored": TransferKind.DEBT_RESTORED,
        },
    )
    return [row.id for row in found]


def sum_debt_moved(tx: Session, giver: Book, taker: Book) -> int:
    """How much debt has gone from one to the other, what came back subtracted."""
    row = execute(tx, _DEBT_MOVED, {"giver": giver.member_id, "taker": taker.member_id}).one()
    return int(row.debt)


def list_once_merged_into(tx: Session, member_id: UUID) -> set[UUID]:
    """Everybody who ever stayed in the place of a member, also when the merge was taken back."""
    return {row.member_id for row in execute(tx, _ONCE_MERGED_INTO, {"member": member_id})}


def add_moves(tx: Session, moves: Sequence[moving.Move]) -> None:
    if moves:
        copy_in(tx, "move", moving.Move._fields, moves)


def find_move(tx: Session, move_id: UUID) -> Move | None:
    return tx.scalars(select(Move).where(Move.id == move_id)).first()


# --- Members who are gone -------------------------------------------------------------------------------

_NOTE_GONE = """
    WITH back AS (
        DELETE FROM gone USING member_card card
        WHERE gone.member_id = ANY(%(ids)s::uuid[]) AND card.member_id = gone.member_id AND card.status <> 'left'
    )
    INSERT INTO gone (member_id, since)
    SELECT member_id, %(at)s FROM member_card WHERE member_id = ANY(%(ids)s::uuid[]) AND status = 'left'
    ON CONFLICT DO NOTHING
"""


def note_gone(tx: Session, member_ids: Collection[UUID], at: datetime) -> None:
    """Remember since when these members are gone, or that they are back."""
    execute(tx, _NOTE_GONE, {"ids": sorted(member_ids), "at": at})


def find_gone(tx: Session, member_id: UUID) -> datetime | None:
    return tx.scalar(select(Gone.since).where(Gone.member_id == member_id))


def find_rule(tx: Session, node_id: UUID) -> LeaverRule | None:
    """The rule that holds at a node: its own, or that of the nearest node above it that has one."""
    path = tx.scalar(select(station.c.path).where(station.c.node_id == node_id))
    above = [UUID(hex=node) for node in (path or "").split("/") if node]
    found = {rule.node_id: rule for rule in tx.scalars(select(LeaverRule).where(LeaverRule.node_id.in_(above)))}
    return next((found[node] for node in reversed(above) if node in found), None)


def find_own_rule(tx: Session, node_id: UUID) -> LeaverRule | None:
    """The rule of the node itself."""
    return tx.get(LeaverRule, node_id)


def set_rule(tx: Session, rule: LeaverRule) -> None:
    tx.merge(rule)
