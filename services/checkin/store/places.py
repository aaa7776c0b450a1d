"""Where stations lay and what they were called, by day, beside the copies of what is so now."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from services.checkin.store.tables import station_past
from shared import copies
from shared.events import Spell, StationChanged


def list_versions(tx: Session, node_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Of those of these nodes that are known here the version of the copy."""
    station = copies.station.c
    where = station.node_id == func.any(list(node_ids))
    return {row.node_id: row.version for row in tx.execute(select(station.node_id, station.version).where(where))}


def keep_past(tx: Session, newest: Sequence[StationChanged]) -> None:
    """Put what these say of the past of each of their nodes in the place of what was known."""
    ids = [fact.node_id for fact in newest]
    tx.execute(delete(station_past).where(station_past.c.node_id == func.any(ids)))
    if spells := [row for fact in newest for row in _rows(fact)]:
        tx.execute(insert(station_past).values(spells))


def _rows(fact: StationChanged) -> list[dict[str, Any]]:
    """One row a spell. The first one has no beginning: what was served before a place was opened is of that place."""
    past = fact.past or (Spell(from_day=date.min, name=fact.name, parent_id=fact.parent_id),)
    ends = [*(spell.from_day for spell in past[1:]), None]
    return [
        {
            "node_id": fact.node_id,
            "from_day": spell.from_day if number else date.min,
            "until_day": until,
            "name": spell.name,
            "parent_id": spell.parent_id,
        }
        for number, (spell, until) in enumerate(zip(past, ends, strict=True))
    ]
