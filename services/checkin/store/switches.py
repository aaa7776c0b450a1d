"""Statements on rules that staff switches on for a node and all below it: a row a node, since when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.checkin.store.activities import NO_STATIONS
from services.checkin.store.tables import ConfirmEachOn, ReviewOn


class Switches:
    """One such rule; `model` holds the nodes where it is on."""

    def __init__(self, model: type[ConfirmEachOn | ReviewOn]) -> None:
        self._model = model
        table = model.__tablename__
        above = f"""EXISTS (
            SELECT FROM {table} switched JOIN station node ON node.node_id = switched.node_id
            WHERE starts_with(place.path, node.path){{others}}
        )"""
        self.holds = above.format(others="")
        """Whether it is on at a station, `place`, or at a node above it."""
        above = above.format(others=" AND node.node_id <> place.node_id")
        stand = f"""switch.node_id IS NOT NULL AS is_on, {above} AS is_on_above
            FROM station place LEFT JOIN {table} switch ON switch.node_id = place.node_id"""
        self._holds_at = text(f"SELECT {self.holds} FROM station place WHERE place.node_id = :node_id")  # noqa: S608
        self._read = text(f"""
            SELECT place.node_id, {stand} WHERE place.node_id = ANY(:node_ids) ORDER BY place.node_id
        """)
        self._read_below = text(f"""
            SELECT place.node_id, place.name, place.level, parent.name AS parent_name, {stand}
            LEFT JOIN station parent ON parent.node_id = place.parent_id
            WHERE EXISTS (SELECT FROM unnest(CAST(:paths AS text[])) top WHERE starts_with(place.path, top))
              AND place.level <> ALL(:no_stations) AND NOT place.closed
              AND place.path > coalesce((SELECT path FROM station WHERE node_id = :after), '')
            ORDER BY place.path LIMIT :limit
        """)  # noqa: S608

    def switch_on(self, tx: Session, node_id: UUID, at: datetime) -> bool:
        """False when it is on."""
        statement = insert(self._model).values(node_id=node_id, at=at).on_conflict_do_nothing()
        return tx.execute(statement.returning(self._model.node_id)).first() is not None

    def switch_off(self, tx: Session, node_id: UUID) -> bool:
        """False when it is off."""
        statement = delete(self._model).where(self._model.node_id == node_id)
        return tx.execute(statement.returning(self._model.node_id)).first() is not None

    def is_on(self, tx: Session, node_id: UUID) -> bool:
        """Whether it is switched on at a node itself."""
        return tx.get(self._model, node_id, populate_existing=True) is not None

    def holds_at(self, tx: Session, node_id: UUID) -> bool:
        """Whether it is on at a node or above it; nowhere at one that is not known here."""
        return bool(tx.execute(self._holds_at, {"node_id": node_id}).scalar())

    def list_at(self, tx: Session, node_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Of the nodes that are known here: whether each is on itself, and whether one above it is."""
        return tx.execute(self._read, {"node_ids": list(node_ids)}).all()

    def list_below(self, tx: Session, paths: Sequence[str], *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """The same of the open nodes at and below these paths that may have activities, each after the one above it."""
        values = {"paths": list(paths), "no_stations": list(NO_STATIONS), "after": after, "limit": limit}
        return tx.execute(self._read_below, values).all()


CONFIRM_EACH = Switches(ConfirmEachOn)
"""Every attendance is confirmed by somebody."""
REVIEW = Switches(ReviewOn)
"""Activities are reviewed before they are published."""
