"""Statements of the sealer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.domain.ledger import Transfer
from services.points.domain.seal import Sealable
from services.points.store.rows import copy_in, execute
from shared.db import planned_anew

_SEALER = 0x7365616C  # "seal"
_WAITING = "SELECT transfer_id FROM unsealed ORDER BY transfer_id LIMIT %(rows)s"
_TAKE_AWAY = "DELETE FROM unsealed WHERE transfer_id = ANY(%(ids)s::uuid[])"
# Digests one by one: joined, every batch would hash all accounts there are.
_SEALABLE = f"""
    SELECT {", ".join(Transfer._fields)},
        (SELECT digest FROM account WHERE id = debit_id), (SELECT digest FROM account WHERE id = credit_id)
    FROM transfer WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id
"""  # noqa: S608 - column names
_HEADS = "SELECT chain_id, seq, hash FROM seal_head WHERE chain_id = ANY(%(ids)s::uuid[])"
_KEEP_HEADS = """
    INSERT INTO seal_head (chain_id, seq, hash, sealed_through)
    SELECT * FROM unnest(%(id)s::uuid[], %(seq)s::bigint[], %(hash)s::bytea[], %(through)s::timestamptz[])
    ON CONFLICT (chain_id) DO UPDATE SET
        seq = excluded.seq, hash = excluded.hash,
        sealed_through = greatest(seal_head.sealed_through, excluded.sealed_through)
"""
_FOLD = """
    UPDATE account SET credits = credits + moved.credit, debits = debits + moved.debit
    FROM unnest(%(id)s::uuid[], %(credit)s::bigint[], %(debit)s::bigint[]) AS moved (id, credit, debit)
    WHERE account.id = moved.id AND account.kind NOT IN ('member', 'debt')
"""


class Link(NamedTuple):
    chain_id: UUID
    seq: int
    transfer_id: UUID
    prev: bytes
    hash: bytes
    encoding: int


def lock(tx: Session) -> bool:
    """Whether this transaction is now the only sealer."""
    return bool(execute(tx, "SELECT pg_try_advisory_xact_lock(%(key)s)", {"key": _SEALER}).scalar())


def claim(tx: Session, rows_max: int) -> list[Sealable]:
    """Take transfers off the list of what is to be sealed: exactly those that stand, however early their ids."""
    with planned_anew(tx):
        ids = [row.transfer_id for row in execute(tx, _WAITING, {"rows": rows_max})]
        execute(tx, _TAKE_AWAY, {"ids": ids})
        rows: Iterable[Sequence[Any]] = execute(tx, _SEALABLE, {"ids": ids})
    return [Sealable(Transfer._make(row[:-2]), *row[-2:]) for row in rows]


def list_heads(tx: Session, chain_ids: Collection[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """The last place and hash of chains."""
    return {row.chain_id: (row.seq, row.hash) for row in execute(tx, _HEADS, {"ids": list(chain_ids)})}


def add_links(tx: Session, links: Sequence[Link]) -> None:
    copy_in(tx, "seal", Link._fields, links)


def keep_heads(tx: Session, heads: Mapping[UUID, tuple[int, bytes]], through: Mapping[UUID, datetime]) -> None:
    execute(
        tx,
        _KEEP_HEADS,
        {
            "id": list(heads),
            "seq": [seq for seq, _ in heads.values()],
            "hash": [hashed for _, hashed in heads.values()],
            "through": [through[chain_id] for chain_id in heads],
        },
    )


def fold_into_stations(tx: Session, transfers: Sequence[Transfer]) -> None:
    """Add sealed transfers to the sums of the stations' accounts, which hold everything up to the seal."""
    moved: dict[UUID, list[int]] = {}
    for transfer in transfers:
        moved.setdefault(transfer.credit_id, [0, 0])[0] += transfer.amount
        moved.setdefault(transfer.debit_id, [0, 0])[1] += transfer.amount
    execute(
        tx,
        _FOLD,
        {
            "id": sorted(moved),
            "credit": [moved[key][0] for key in sorted(moved)],
            "debit": [moved[key][1] for key in sorted(moved)],
        },
    )
