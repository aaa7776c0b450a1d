"""Answers that are remembered: the same key and content again gets the first answer, whatever holds by then."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.points.commands.seal_transfers import ring
from services.points.domain.booking import Journal
from services.points.store import books, settlement
from services.points.store.settlement import Given
from shared.events import Answer

Known = Mapping[str, tuple[bytes | None, dict[str, Any]]]
"""By key the hash of what was asked, and the outcome; a key without a hash was used up before it came."""


def replay(known: Known, key: str, request_hash: bytes) -> Answer:
    """The stored answer; refused when the key came before with other content."""
    stored_hash, outcome = known[key]
    if stored_hash not in (None, request_hash):
        return Answer(status="refused", code="other_content", detail=f"{key} came before with other content")
    return Answer(outcome=outcome)


def write(tx: Session, journal: Journal, given: Sequence[Given]) -> None:
    """Keep the answers and what they booked, and wake the sealer if they booked anything."""
    settlement.add_answers(tx, given)
    books.write(tx, journal)
    if journal.transfers:
        ring(tx)
