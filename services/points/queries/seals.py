"""How far the ledger is sealed."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from services.points.store.ledger import SealHead, Transfer, Unsealed
from shared.db import session
from shared.errors import NotFound


def get_seal(*, station_id: UUID) -> dict[str, Any]:
    """The end of a station's chain, to be written down outside; NotFound before its first seal."""
    tx = session()
    head = tx.get(SealHead, station_id)
    if head is None:
        raise NotFound
    waiting = select(exists().where(Unsealed.transfer_id == Transfer.id, Transfer.chain_id == station_id))
    return {
        "station_id": head.chain_id,
        "seq": head.seq,
        "hash": head.hash.hex(),
        "sealed_through": head.sealed_through,
        "is_complete": not tx.scalar(waiting),
    }
