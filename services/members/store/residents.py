"""Statements on how many live at places: counts by day, and what was merged, split off or lay elsewhere."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.members.domain import residents
from services.members.domain.residents import Place, Tree

_PARTS_NOW = text("SELECT id, parent_id FROM node WHERE parent_id = ANY(:ids) AND closed_on IS NULL")
# The first parent is also that of all days before: service may be entered for them, too (ADR 141).
_PARTS_THEN = text("""
    SELECT id, lay.parent_id FROM node JOIN LATERAL (
        SELECT parent_id FROM node_parent WHERE node_id = node.id
        ORDER BY from_day > :day, abs(from_day - :day) LIMIT 1
    ) lay ON lay.parent_id = ANY(:ids)
    WHERE id IN (SELECT node_id FROM node_parent WHERE parent_id = ANY(:ids))
        AND (closed_on IS NULL OR closed_on > :day)
""")
_PLACES = text("""
    WITH RECURSIVE meant (id) AS (
        SELECT unnest(CAST(:ids AS uuid[]))
        UNION SELECT node.id FROM node JOIN meant ON node.successor_id = meant.id
    )
    SELECT id, opened_on, closed_on, successor_id, split_from_id,
        (SELECT jsonb_object_agg(from_day, residents) FROM node_residents WHERE node_id = id) AS counts
    FROM node JOIN meant USING (id)
""")


def count(tx: Session, node_ids: Sequence[UUID], day: date, tree: Tree) -> dict[UUID, int | None]:
    """Residents of these nodes, by two statements."""
    ids = list(node_ids)
    found = tx.execute(_PARTS_NOW if tree is Tree.NOW else _PARTS_THEN, {"ids": ids, "day": day}).all()
    parts: dict[UUID, list[UUID]] = {}
    for row in found:
        parts.setdefault(row.parent_id, []).append(row.id)
    rows = tx.execute(_PLACES, {"ids": [*ids, *(row.id for row in found)]})
    places = [
        Place(
            id=row.id,
            opened_on=row.opened_on,
            closed_on=row.closed_on,
            successor_id=row.successor_id,
            split_from_id=row.split_from_id,
            counts={date.fromisoformat(each): counted for each, counted in (row.counts or {}).items()},
            parts=tuple(parts.get(row.id, ())),
        )
        for row in rows
    ]
    return residents.count(places, ids, day, tree)
