"""Statements on the nodes at and below which every attendance is confirmed by somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.checkin.store.tables import ConfirmEachOn

FROM_ABOVE = """EXISTS (
    SELECT FROM confirm_each_on switched JOIN station node ON node.node_id = switched.node_id
    WHERE starts_with(place.path, node.path){others}
)"""
"""Whether a station, `place`, or a node above it says so; `others` may leave some out."""

_read = text(f"""
    SELECT place.node_id, switch.node_id IS NOT NULL AS is_on,
        {FROM_ABOVE.format(others=" AND node.node_id <> place.node_id")} AS is_on_above
    FROM station place LEFT JOIN confirm_each_on switch ON switch.node_id = place.node_id
    WHERE place.node_id = ANY(:node_ids) ORDER BY place.node_id
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
