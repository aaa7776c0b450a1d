"""The sealer: gives transfers their place in their station's chain. Only one works at a time."""

from sqlalchemy.orm import Session

from services.points.domain.seal import ENCODING, GENESIS, link
from services.points.store import seals
from shared import queue
from shared.db import after_commit, transactional

BATCH_TRANSFERS_MAX = 5000


def ring(tx: Session) -> None:
    """Wake the sealer once this transaction stands."""
    after_commit(tx, "seal", lambda: queue.nudge("points", "seal"))


def seal_all() -> int:
    """Seal every transfer that stands; returns how many were sealed."""
    sealed = 0
    while batch := seal_transfers():
        sealed += batch
    return sealed


@transactional
def seal_transfers(tx: Session) -> int:
    """Seal up to 5,000 transfers, and fold them into the stations' accounts. None while another sealer works."""
    if not seals.lock(tx):
        return 0
    claimed = seals.claim(tx, BATCH_TRANSFERS_MAX)
    transfers = [sealable.transfer for sealable in claimed]
    heads = seals.list_heads(tx, {transfer.chain_id for transfer in transfers})
    links = []
    for sealable in claimed:
        transfer = sealable.transfer
        seq, previous = heads.get(transfer.chain_id, (0, GENESIS))
        hashed = link(previous, transfer.chain_id, seq + 1, sealable)
        links.append(seals.Link(transfer.chain_id, seq + 1, transfer.id, previous, hashed, ENCODING))
        heads[transfer.chain_id] = (seq + 1, hashed)
    if claimed:
        seals.add_links(tx, links)
        seals.keep_heads(tx, heads, {transfer.chain_id: transfer.recorded_at for transfer in transfers})
        seals.fold_into_stations(tx, transfers)
    return len(claimed)
