"""Statements on the nodes at and below which every attendance is confirmed by somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.checkin.store.activities import NO_STATIONS
from services.checkin.store.tables import ConfirmEachOn

FROM_ABOVE = """EXISTS (
    SELECT FROM confirm_each_on switched JOIN station node ON node.node_id = switched.node_id
    WHERE starts_with(place.path, node.path){others}
)"""
"""Whether a station, `place`, or a node above it says so; `others` may leave some out."""

_SWITCH = f"""switch.node_id IS NOT NULL AS is_on,
        {FROM_ABOVE.format(others=" AND node.node_id <> place.node_id")} AS is_on_above
    FROM station place LEFT JOIN confirm_each_on switch ON switch.node_id = place.node_id"""

_read = text(f"""
    SELECT place.node_id, {_SWITCH} WHERE place.node_id = ANY(:node_ids) ORDER BY place.node_id
""")

_read_below = text(f"""
    SELECT place.node_id, place.name, place.level, parent.name AS parent_name, {_SWITCH}
    LEFT JOIN station parent ON parent.node_id = place.parent_id
    WHERE EXISTS (SELECT FROM unnest(CAST(:paths AS text[])) top WHERE starts_with(place.path, top))
      AND place.level <> ALL(:no_stations) AND NOT place.closed
      AND place.path > coalesce((SELECT path FROM station WHERE node_id = :after), '')
    ORDER BY place.path LIMIT :limit
""")  # noqa: S608 - our own text


def switch_on(tx: Session, node_id: UUID, at: datetime) -> bool:
    """False when it is on."""
    statement = insert(ConfirmEachOn).values(node_id=node_id, at=at).on_conflict_do_nothing()
    return tx.execute(statement.returning(ConfirmEachOn.node_id)).first() is not None


def switch_off(tx: Session, node_id: UUID) -> bool:
    """False when it is off."""
    statement = delete(ConfirmEachOn).where(ConfirmEachOn.node_id == node_id)
    return tx.execute(statement.returning(ConfirmEachOn.node_id)).first() is not None


def list_switches(tx: Session, node_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Of the nodes that are known here: whether each is on itself, and whether one above it is."""
    return tx.execute(_read, {"node_ids": list(node_ids)}).all()


def list_below(tx: Session, paths: Sequence[str], *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """The same of the open nodes at and below these paths that may have activities, each after the one above it."""
    values = {"paths": list(paths), "no_stations": list(NO_STATIONS), "after": after, "limit": limit}
    return tx.execute(_read_below, values).all()
