"""Statements on how many live at places: counts by day, and what was merged, split off or lay elsewhere."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.members.domain import residents
from services.members.domain.residents import Place, Tree

# Down to where somebody counted: what lies below that adds nothing to it.
_PARTS_NOW = text("""
    WITH RECURSIVE above (id) AS (
        SELECT unnest(CAST(:ids AS uuid[]))
        UNION SELECT node.id FROM above JOIN node ON node.parent_id = above.id
        WHERE closed_on IS NULL AND NOT EXISTS (SELECT 1 FROM node_residents WHERE node_id = above.id)
    )
    SELECT node.id, node.parent_id FROM above JOIN node ON node.parent_id = above.id
    WHERE closed_on IS NULL AND NOT EXISTS (SELECT 1 FROM node_residents WHERE node_id = above.id)
""")
# The first parent is also that of all days before: service may be entered for them, too (ADR 141).
_PARTS_THEN = text("""
    WITH RECURSIVE part AS MATERIALIZED (
        SELECT DISTINCT node_id AS id, lay.parent_id FROM node_parent lay JOIN node ON node.id = lay.node_id
        WHERE (until_day IS NULL OR until_day > :day) AND (closed_on IS NULL OR closed_on > :day)
            AND (from_day <= :until OR NOT EXISTS (
                SELECT 1 FROM node_parent earlier
                WHERE earlier.node_id = lay.node_id AND earlier.from_day < lay.from_day
            ))
            AND NOT EXISTS (SELECT 1 FROM node_residents WHERE node_residents.node_id = lay.parent_id)
    ), above (id) AS (
        SELECT unnest(CAST(:ids AS uuid[])) UNION SELECT part.id FROM above JOIN part ON part.parent_id = above.id
    )
    SELECT part.id, part.parent_id FROM above JOIN part ON part.parent_id = above.id
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


def count(
    tx: Session, node_ids: Sequence[UUID], day: date, tree: Tree, until: date | None = None
) -> dict[UUID, int | None]:
    """Residents of these nodes, by two statements; by the tree then, of all that lay below on a day up to `until`."""
    ids = list(node_ids)
    statement = _PARTS_NOW if tree is Tree.NOW else _PARTS_THEN
    found = tx.execute(statement, {"ids": ids, "day": day, "until": until or day}).all()
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
