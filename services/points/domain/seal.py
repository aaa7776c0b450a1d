"""The seal: a hash chain over each station's transfers, so that a changed, cut or swapped one is found."""

import hashlib
from uuid import UUID

from services.points.domain.ledger import Transfer

ENCODING = b"huzhu.transfer.1"
GENESIS = bytes(32)


def encode(chain_id: UUID, seq: int, transfer: Transfer) -> bytes:
    """A transfer in its place, every field preceded by its length; no two of them look alike."""
    pieces = [ENCODING, chain_id.bytes, str(seq).encode()]
    for value in transfer:
        if value is None:
            pieces.append(b"")
        elif isinstance(value, UUID):
            pieces.append(value.bytes)
        elif isinstance(value, int | str):
            pieces.append(str(value).encode())
        else:
            pieces.append(value.isoformat().encode())
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)


def link(previous: bytes, chain_id: UUID, seq: int, transfer: Transfer) -> bytes:
    """The hash that stands for a transfer and everything before it."""
    return hashlib.sha256(previous + encode(chain_id, seq, transfer)).digest()
