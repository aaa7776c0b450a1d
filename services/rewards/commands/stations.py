"""What news of stations mean for rewards: the handler of StationChanged."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.rewards.store.splits import note_splits
from shared import copies
from shared.events import Answer, StationChanged


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Keep the copies, and of which station another one was a part."""
    answers = copies.take_stations(tx, facts)
    if parts := {fact.node_id: fact.split_from_id for fact in facts if fact.split_from_id is not None}:
        note_splits(tx, parts)
    return answers
