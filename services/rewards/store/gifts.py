"""Statements on gifts and stock."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Executable, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.rewards.store.tables import FRESH, Gift, Stock, StockMovement, stock_table


def find_gift(tx: Session, gift_id: UUID) -> Gift | None:
    return tx.scalars(select(Gift).where(Gift.id == gift_id), execution_options=FRESH).first()


def add_gift(tx: Session, values: dict[str, Any]) -> Gift | None:
    """None when there is a gift of this id already."""
    statement = insert(Gift).values(values).on_conflict_do_nothing().returning(Gift)
    return tx.scalars(statement, execution_options=FRESH).first()


def lock_gift(tx: Session, gift_id: UUID) -> Gift | None:
    statement = select(Gift).where(Gift.id == gift_id).with_for_update(key_share=True)
    return tx.scalars(statement, execution_options=FRESH).first()


def change_gift(tx: Session, gift_id: UUID, changes: dict[str, Any]) -> Gift:
    statement = update(Gift).where(Gift.id == gift_id).values(changes).returning(Gift)
    return tx.scalars(statement, execution_options=FRESH).one()


def lock_stock(tx: Session, gift_id: UUID, station_id: UUID) -> Stock:
    """The stock of a gift at a station, made empty when there is none, for this transaction alone."""
    nothing = dict.fromkeys(("received", "written_off", "on_hand", "reserved", "issued"), 0)
    tx.execute(insert(Stock).values(gift_id=gift_id, station_id=station_id, **nothing).on_conflict_do_nothing())
    statement = select(Stock).where(Stock.gift_id == gift_id, Stock.station_id == station_id)
    return tx.scalars(statement.with_for_update(key_share=True), execution_options=FRESH).one()


def find_movement(tx: Session, movement_id: UUID) -> StockMovement | None:
    return tx.scalars(select(StockMovement).where(StockMovement.id == movement_id), execution_options=FRESH).first()


def add_movement(tx: Session, values: dict[str, Any]) -> bool:
    """False when there is a movement of this id already."""
    statement = insert(StockMovement).values(values).on_conflict_do_nothing().returning(StockMovement.id)
    return tx.execute(statement).first() is not None


def move_stock(tx: Session, gift_id: UUID, station_id: UUID, **by: int) -> bool:
    """Add to the counters of a stock row, e.g. `on_hand=-2, reserved=2`; False when one would be negative."""
    statement = _moving_stock(*by)
    given = {f"by_{name}": amount for name, amount in by.items()}
    return tx.execute(statement, {"of_gift": gift_id, "at_station": station_id, **given}).first() is not None


# Statements of the hot path are built once: building one anew costs more than PostgreSQL takes to run it.
@cache
def _moving_stock(*counters: str) -> Executable:
    columns = stock_table.c
    new = {name: columns[name] + bindparam(f"by_{name}", type_=BigInteger) for name in counters}
    return (
        update(stock_table)
        .where(columns.gift_id == bindparam("of_gift"), columns.station_id == bindparam("at_station"))
        .where(*(value >= 0 for value in new.values()))
        .values(new)
        .returning(columns.gift_id)
    )
