"""Members' books: opened and locked before a batch, written down after it.

Order of locks, the same for every command: stations' accounts are opened first (no lock stays), then
members' accounts in order of id, then standings. A member's points account is the lock for everything
of the member: lots, caps, debt, outcomes, answers.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.domain.booking import Book, Journal, Leg
from services.points.domain.ledger import (
    Account,
    AccountKind,
    Allocation,
    Lot,
    Transfer,
    TransferKind,
    Unit,
    account_id,
    member_accounts,
)
from services.points.domain.seal import SALT_BYTES, digest_of
from services.points.store.rows import copy_in, execute

_OPEN = """
    INSERT INTO account (id, chain_id, unit, kind, owner_id, limited, salt, digest)
    SELECT * FROM unnest(%(id)s::uuid[], %(chain)s::uuid[], %(unit)s::text[], %(kind)s::text[], %(owner)s::uuid[],
                         %(limited)s::boolean[], %(salt)s::bytea[], %(digest)s::bytea[])
    ON CONFLICT DO NOTHING
"""
_LOCK = """
    SELECT owner_id, chain_id, credits - debits AS points, merged_into FROM account
    WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_DEBTS = """
    SELECT owner_id, debits - credits AS owed FROM account
    WHERE id = ANY(%(ids)s::uuid[]) AND debits > credits
"""
_HOMES = """
    SELECT member_id, station_id FROM member_card WHERE member_id = ANY(%(ids)s::uuid[]) AND station_id IS NOT NULL
"""
_CARDS = """
    SELECT member_id, version, confirmed AND status = 'active' AS may_redeem, status = 'left' AS has_left, merged_into
    FROM member_card WHERE member_id = ANY(%(ids)s::uuid[])
"""
_OWNERS = "SELECT id, owner_id FROM account WHERE id = ANY(%(ids)s::uuid[]) AND kind = 'member'"
# As many of the oldest-expiring lots as make up what is needed, and all that have expired.
_LOTS = """
    SELECT id, account_id, original, remaining, expires_at, origin_id FROM (
        SELECT lot.*, coalesce(sum(remaining) FILTER (WHERE expires_at IS NULL OR expires_at > %(at)s) OVER (
            PARTITION BY account_id ORDER BY expires_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS before
        FROM lot WHERE account_id = ANY(%(accounts)s::uuid[]) AND remaining > 0
    ) AS open JOIN unnest(%(accounts)s::uuid[], %(needed)s::bigint[]) AS want (account_id, needed) USING (account_id)
    WHERE before < needed OR expires_at <= %(at)s
"""
_LOTS_BY_ID = """
    SELECT id, account_id, original, remaining, expires_at, origin_id FROM lot
    WHERE id = ANY(%(ids)s::uuid[]) OR origin_id = ANY(%(ids)s::uuid[])
"""
_MOVE = """
    UPDATE account SET credits = credits + moved.credit, debits = debits + moved.debit
    FROM unnest(%(id)s::uuid[], %(credit)s::bigint[], %(debit)s::bigint[]) AS moved (id, credit, debit)
    WHERE account.id = moved.id
"""
_KEEP_LOTS = """
    UPDATE lot SET remaining = kept.remaining, expires_at = kept.expires_at
    FROM unnest(%(id)s::uuid[], %(remaining)s::bigint[], %(expires)s::timestamptz[]) AS kept (id, remaining, expires_at)
    WHERE lot.id = kept.id
"""


_DROP_SALTS = """
    WITH RECURSIVE up (member_id, merged_into, status) AS (
        SELECT member_id, merged_into, status FROM member_card WHERE member_id = ANY(%(ids)s::uuid[])
        UNION SELECT card.member_id, card.merged_into, card.status
        FROM up JOIN member_card card ON card.member_id = up.merged_into
    ), erased (member_id) AS (
        SELECT member_id FROM up WHERE status = 'erased'
        UNION SELECT card.member_id FROM erased JOIN member_card card ON card.merged_into = erased.member_id
    )
    UPDATE account SET salt = NULL FROM erased
    WHERE owner_id = erased.member_id AND kind IN ('member', 'debt') AND salt IS NOT NULL
"""
_LEGS = """
    SELECT id, chain_id, unit, debit_id, amount, source_id FROM transfer
    JOIN unnest(%(ids)s::uuid[], %(versions)s::integer[]) AS wanted (source_id, source_version)
        USING (source_id, source_version)
    WHERE kind = %(kind)s ORDER BY source_id, line
"""
_EXPIRED = """
    SELECT coalesce(lot.origin_id, lot.id) AS lot_id, sum(allocation.amount)::bigint AS amount
    FROM lot JOIN allocation ON allocation.lot_id = lot.id JOIN transfer ON transfer.id = allocation.transfer_id
    WHERE (lot.id = ANY(%(ids)s::uuid[]) OR lot.origin_id = ANY(%(ids)s::uuid[])) AND transfer.kind = %(kind)s
    GROUP BY 1
"""
_TAKEN = """
    SELECT transfer_id, lot_id, amount FROM allocation
    WHERE transfer_id = ANY(%(ids)s::uuid[]) ORDER BY transfer_id, lot_id
"""


def open_accounts(tx: Session, accounts: Sequence[Account]) -> None:
    """Open the accounts that are not there yet. In order of id, so that two batches do not wait for each other."""
    ordered = sorted(accounts, key=lambda account: account.id)
    salts = [secrets.token_bytes(SALT_BYTES) for _ in ordered]
    execute(
        tx,
        _OPEN,
        {
            "id": [account.id for account in ordered],
            "chain": [account.chain_id for account in ordered],
            "unit": [account.unit for account in ordered],
            "kind": [account.kind for account in ordered],
            "owner": [account.owner_id for account in ordered],
            "limited": [account.limited for account in ordered],
            "salt": salts,
            "digest": [digest_of(salt, account.id) for salt, account in zip(salts, ordered, strict=True)],
        },
    )


def lock_books(tx: Session, served_at: Mapping[UUID, UUID | None]) -> dict[UUID, Book]:
    """The books of members, locked until the transaction ends; accounts are opened where there are none.

    `served_at` gives for each member a station: a member whose home is not known yet belongs there.
    Without a station no account is opened, and the member has no book. Of a member who was merged it is
    the book of who stays, which may stand there for several.
    """
    books = lock_lines(tx, served_at)
    return {member_id: holder_of(books, member_id) for member_id in served_at if member_id in books}


def lock_lines(tx: Session, served_at: Mapping[UUID, UUID | None]) -> dict[UUID, Book]:
    """Members' own books as `lock_books`, and with them those of everybody they were merged into."""
    books = _lock(tx, served_at)
    missing = {member_id: station for member_id, station in served_at.items() if station and member_id not in books}
    if missing:
        homes = list_homes(tx, missing)
        open_accounts(
            tx,
            [
                account
                for member_id, station in missing.items()
                for account in member_accounts(member_id, homes.get(member_id, station))
            ],
        )
        # Of who was erased before the first minute was booked.
        drop_salts(tx, missing)
        books |= _lock(tx, missing)
    # Who was merged while we waited for the lock says so in the row that we have now.
    while beyond := {book.merged_into for book in books.values() if book.merged_into} - books.keys():
        books |= _lock(tx, beyond)
    # Only a statement after the one that locked sees what was done under the lock before.
    debts = {account_id(AccountKind.DEBT, Unit.PTS, member_id): member_id for member_id in books}
    for row in execute(tx, _DEBTS, {"ids": list(debts)}):
        books[row.owner_id].debt = row.owed
    return books


def drop_salts(tx: Session, member_ids: Iterable[UUID]) -> None:
    """Forget what leads from the digests of the accounts of those of these members who were erased to the accounts,
    and of whoever was merged into one who was.
    """
    execute(tx, _DROP_SALTS, {"ids": list(member_ids)})


def list_owners(tx: Session, account_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Whose points accounts these are; those of stations are missing."""
    wanted = list(account_ids)
    return {row.id: row.owner_id for row in execute(tx, _OWNERS, {"ids": wanted})} if wanted else {}


def list_cards(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """What the cards say of who may redeem: version, may_redeem, has_left, merged_into; by member."""
    wanted = list(member_ids)
    return {row.member_id: row for row in execute(tx, _CARDS, {"ids": wanted})} if wanted else {}


def list_homes(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The stations that members' cards name."""
    return {row.member_id: row.station_id for row in execute(tx, _HOMES, {"ids": list(member_ids)})}


def holder_of(books: Mapping[UUID, Book], member_id: UUID) -> Book:
    """The book in which what a member has is kept: the own one, or that of who stays after merges."""
    book = books[member_id]
    while book.merged_into is not None:
        book = books[book.merged_into]
    return book


def _lock(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, Book]:
    ids = [account_id(AccountKind.MEMBER, Unit.PTS, member_id) for member_id in member_ids]
    rows = execute(tx, _LOCK, {"ids": ids})
    return {row.owner_id: Book(row.owner_id, row.chain_id, row.points, 0, row.merged_into) for row in rows}


def load_lots(tx: Session, books: Mapping[UUID, Book], needed: Mapping[UUID, int], at: datetime) -> None:
    """Fill books with the lots that may be taken from: for each member as much as is needed, in points."""
    wanted: dict[UUID, tuple[Book, int]] = {}
    for member_id, amount in needed.items():
        book = books[member_id]
        wanted[book.points_account] = (book, wanted.get(book.points_account, (book, 0))[1] + amount)
    if wanted:
        found = execute(
            tx,
            _LOTS,
            {
                "at": at,
                "accounts": list(wanted),
                "needed": [amount for _, amount in wanted.values()],
            },
        )
        for row in found:
            wanted[row.account_id][0].lots[row.id] = _lot(row)


def load_lots_by_id(tx: Session, books: Iterable[Book], ids: Sequence[UUID]) -> None:
    """Fill books with those of certain lots that are theirs, and of what moved from these; empty ones too."""
    if ids:
        by_account = {book.points_account: book for book in books}
        for row in execute(tx, _LOTS_BY_ID, {"ids": ids}):
            if (book := by_account.get(row.account_id)) is not None:
                book.lots.setdefault(row.id, _lot(row))


def _lot(row: Any) -> Lot:
    return Lot(row.id, row.account_id, row.original, row.remaining, row.expires_at, row.origin_id)


def write(tx: Session, journal: Journal) -> None:
    """Write a journal down: transfers, what is yet to be sealed, lots, allocations, balances."""
    if not journal.transfers:
        return
    copy_in(tx, "transfer", Transfer._fields, journal.transfers)
    copy_in(tx, "unsealed", ("transfer_id",), ((transfer.id,) for transfer in journal.transfers))
    if journal.lots_new:
        copy_in(
            tx,
            "lot",
            ("id", "account_id", "original", "remaining", "expires_at", "origin_id"),
            (
                (lot.id, lot.account_id, lot.original, lot.remaining, lot.expires_at, lot.origin_id)
                for lot in journal.lots_new.values()
            ),
        )
    if journal.lots_changed:
        lots = list(journal.lots_changed.values())
        execute(
            tx,
            _KEEP_LOTS,
            {
                "id": [lot.id for lot in lots],
                "remaining": [lot.remaining for lot in lots],
                "expires": [lot.expires_at for lot in lots],
            },
        )
    if journal.allocations:
        copy_in(tx, "allocation", Allocation._fields, journal.allocations)
    moved = sorted(journal.moved.items())
    execute(
        tx,
        _MOVE,
        {
            "id": [account for account, _ in moved],
            "credit": [credit for _, (credit, _) in moved],
            "debit": [debit for _, (_, debit) in moved],
        },
    )


def list_legs(tx: Session, versions: Mapping[UUID, int], kind: str) -> dict[UUID, list[Leg]]:
    """The transfers of a kind that certain versions of sources booked, by source."""
    legs: dict[UUID, list[Leg]] = {}
    for row in execute(tx, _LEGS, {"ids": list(versions), "versions": list(versions.values()), "kind": kind}):
        legs.setdefault(row.source_id, []).append(Leg(row.id, row.chain_id, row.unit, row.debit_id, row.amount))
    return legs


def list_expired(tx: Session, lot_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How much of certain lots, wherever it had moved, has been ended because it had expired."""
    found = execute(tx, _EXPIRED, {"ids": lot_ids, "kind": TransferKind.EXPIRY})
    return {row.lot_id: row.amount for row in found}


def list_taken(tx: Session, transfer_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, int]]]:
    """What transfers took from which lots."""
    taken: dict[UUID, list[tuple[UUID, int]]] = {}
    for row in execute(tx, _TAKEN, {"ids": transfer_ids}):
        taken.setdefault(row.transfer_id, []).append((row.lot_id, row.amount))
    return taken
