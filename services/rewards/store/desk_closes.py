"""Statements of the daily close of a desk. Whoever closes holds the desk alone (`store.desk`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, false, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session

from services.rewards.domain.redemption import State
from services.rewards.store.tables import (
    FRESH,
    DeskClose,
    DeskCount,
    Gift,
    Redemption,
    Stock,
    desk_close_table,
    desk_count_table,
)
from shared.copies import station


@dataclass(frozen=True, slots=True)
class Gone:
    """What of a gift was handed over: pieces, and what they cost in hundredths of a point."""

    name: str
    pieces: int
    points: int


_CLOSE_ALL = text("""
    WITH closed AS (
        UPDATE redemption SET close_id = :close
        WHERE station_id = :station AND state = 'fulfilled' AND close_id IS NULL
        RETURNING gift_id, gift_name, quantity, points
    )
    SELECT gift_id, max(gift_name) AS name, sum(quantity) AS pieces, sum(points) AS points FROM closed GROUP BY gift_id
""")
_UNCLOSED = text("""
    SELECT gift_id, max(gift_name) AS name, sum(quantity) AS pieces, sum(points) AS points FROM redemption
    WHERE station_id = :station AND state = 'fulfilled' AND close_id IS NULL GROUP BY gift_id
""")


def close_all(tx: Session, close_id: UUID, station_id: UUID) -> dict[UUID, Gone]:
    """Put everything that was handed over since the last close into this one; what that was, by gift."""
    return _gone(tx.execute(_CLOSE_ALL, {"close": close_id, "station": station_id}))


def list_unclosed(tx: Session, station_id: UUID) -> dict[UUID, Gone]:
    """What the next close will count, as of now."""
    return _gone(tx.execute(_UNCLOSED, {"station": station_id}))


def _gone(rows: Any) -> dict[UUID, Gone]:
    return {row.gift_id: Gone(row.name, int(row.pieces), int(row.points)) for row in rows}


def list_stocks(tx: Session, station_id: UUID) -> dict[UUID, tuple[Stock, str]]:
    """Everything a station has or had, with the gift's name."""
    statement = select(Stock, Gift.name).join(Gift, Gift.id == Stock.gift_id).where(Stock.station_id == station_id)
    return {stock.gift_id: (stock, name) for stock, name in tx.execute(statement, execution_options=FRESH)}


def names_of(tx: Session, gift_ids: Collection[UUID]) -> dict[UUID, str]:
    rows = tx.execute(select(Gift.id, Gift.name).where(Gift.id == func.any(list(gift_ids))))
    return {row.id: row.name for row in rows}


def add_close(tx: Session, values: Mapping[str, Any]) -> bool:
    """False when there is a close of this id already: at another station, whose desk we do not hold."""
    statement = insert_once(desk_close_table).values(dict(values)).on_conflict_do_nothing()
    return tx.execute(statement.returning(desk_close_table.c.id)).first() is not None


def add_counts(tx: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(desk_count_table), list(rows))


def find_close(tx: Session, close_id: UUID) -> DeskClose | None:
    return tx.scalars(select(DeskClose).where(DeskClose.id == close_id), execution_options=FRESH).first()


def list_closes(tx: Session, station_id: UUID, limit: int) -> list[DeskClose]:
    statement = select(DeskClose).where(DeskClose.station_id == station_id).order_by(DeskClose.at.desc()).limit(limit)
    return list(tx.scalars(statement))


def list_counts(tx: Session, close_ids: Collection[UUID]) -> list[DeskCount]:
    statement = select(DeskCount).where(DeskCount.close_id == func.any(list(close_ids)))
    return list(tx.scalars(statement.order_by(DeskCount.gift_name, DeskCount.gift_id)))


def list_left_open(tx: Session, paths: Collection[str]) -> list[Row[Any]]:
    """Closed stations below these paths that gave out pieces which no close holds: node_id, name, pieces."""
    below = or_(false(), *(station.c.path.startswith(path, autoescape=True) for path in paths))
    statement: Select[*tuple[Any, ...]] = (
        select(station.c.node_id, station.c.name, func.sum(Redemption.quantity).label("pieces"))
        .join(Redemption, Redemption.station_id == station.c.node_id)
        .where(station.c.closed, below, Redemption.state == State.FULFILLED, Redemption.close_id.is_(None))
        .group_by(station.c.node_id, station.c.name)
        .order_by(station.c.name, station.c.node_id)
    )
    return list(tx.execute(statement))
