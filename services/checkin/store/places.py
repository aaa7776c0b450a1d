"""Where stations lay and what they were called, by day, beside the copies of what is so now."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from services.checkin.store.tables import station_past
from shared import copies
from shared.events import Answer, Spell, StationChanged


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Handler of StationChanged: the copy, and the past of those whose copy is of this very version."""
    answers = copies.take_stations(tx, facts)
    ids = [fact.node_id for fact in facts]
    station = copies.station
    rows = tx.execute(select(station.c.node_id, station.c.version).where(station.c.node_id == func.any(ids)))
    stands = {row.node_id: row.version for row in rows}
    newest: dict[UUID, StationChanged] = {
        fact.node_id: fact for fact in facts if fact.version == stands.get(fact.node_id)
    }
    tx.execute(delete(station_past).where(station_past.c.node_id == func.any(list(newest))))
    if spells := [row for fact in newest.values() for row in _rows(fact)]:
        tx.execute(insert(station_past).values(spells))
    return answers


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
