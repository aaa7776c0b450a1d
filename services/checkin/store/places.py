"""Where stations lay and what they were called, by day, beside the copies of what is so now."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from services.checkin.store.switches import CONFIRM_EACH, REVIEW
from services.checkin.store.tables import station_past
from shared import audit, clock, copies
from shared.events import Answer, Spell, StationChanged
from shared.principal import Kind, Principal

ITSELF = Principal(kind=Kind.SERVICE, audience="checkin", issuer="checkin")


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Handler of StationChanged: the copy, and the past of those whose copy is of this very version. A station that was
    split off and is new here begins with the rules that are switched on at the one of which it was a part.
    """
    ids = [fact.node_id for fact in facts]
    station = copies.station
    known = set(tx.scalars(select(station.c.node_id).where(station.c.node_id == func.any(ids))))
    answers = copies.take_stations(tx, facts)
    for fact in {fact.node_id: fact for fact in facts if fact.node_id not in known}.values():
        if fact.split_from_id is not None:
            _begin_alike(tx, fact, fact.split_from_id)
    rows = tx.execute(select(station.c.node_id, station.c.version).where(station.c.node_id == func.any(ids)))
    stands = {row.node_id: row.version for row in rows}
    newest: dict[UUID, StationChanged] = {
        fact.node_id: fact for fact in facts if fact.version == stands.get(fact.node_id)
    }
    tx.execute(delete(station_past).where(station_past.c.node_id == func.any(list(newest))))
    if spells := [row for fact in newest.values() for row in _rows(fact)]:
        tx.execute(insert(station_past).values(spells))
    return answers


def _begin_alike(tx: Session, part: StationChanged, whole_id: UUID) -> None:
    for name, switches in (("confirm_each", CONFIRM_EACH), ("review", REVIEW)):
        if switches.is_on(tx, whole_id) and switches.switch_on(tx, part.node_id, clock.now()):
            detail = {"split_off": str(part.node_id)}
            audit.add(tx, ITSELF, f"{name}.switch_on", "node", part.node_id, path=part.path, detail=detail)


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
