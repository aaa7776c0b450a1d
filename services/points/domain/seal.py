"""The seal: a hash chain over each station's transfers, so that a changed, cut or swapped one is found.

An account goes into the hash as its salted digest. Its id follows from the member's, so a chain that held
it would name the member for ever; a digest without its salt leads to nobody, and the chain still holds.
"""

import hashlib
from typing import NamedTuple
from uuid import UUID

from services.points.domain.ledger import Transfer

ENCODING_OF_IDS = 1
"""How transfers were sealed at first: accounts by their ids."""
ENCODING = 2
"""How they are sealed now: accounts by their digests."""
GENESIS = bytes(32)
SALT_BYTES = 16


class Sealable(NamedTuple):
    """A transfer, with what stands for its accounts."""

    transfer: Transfer
    debit_digest: bytes
    credit_digest: bytes


def digest_of(salt: bytes, account_id: UUID) -> bytes:
    """What stands for an account in the chain."""
    return hashlib.sha256(salt + account_id.bytes).digest()


def encode(chain_id: UUID, seq: int, sealable: Sealable, encoding: int = ENCODING) -> bytes:
    """A transfer in its place, every field preceded by its length; no two of them look alike."""
    pieces = [b"huzhu.transfer.%d" % encoding, chain_id.bytes, str(seq).encode()]
    digests = {"debit_id": sealable.debit_digest, "credit_id": sealable.credit_digest}
    if encoding == ENCODING_OF_IDS:
        digests = {}
    for name, value in zip(Transfer._fields, sealable.transfer, strict=True):
        if name in digests:
            pieces.append(digests[name])
        elif value is None:
            pieces.append(b"")
        elif isinstance(value, UUID):
            pieces.append(value.bytes)
        elif isinstance(value, int | str):
            pieces.append(str(value).encode())
        else:
            pieces.append(value.isoformat().encode())
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)


def link(previous: bytes, chain_id: UUID, seq: int, sealable: Sealable, encoding: int = ENCODING) -> bytes:
    """The hash that stands for a transfer and everything before it."""
    return hashlib.sha256(previous + encode(chain_id, seq, sealable, encoding)).digest()
