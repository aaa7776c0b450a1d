"""Statements on what closed stations still have, and their successors."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# The last of those who followed each other; no stock is moved twice on the way.
_HEIRS = """
    WITH RECURSIVE heir (node_id, heir_id, next_id, step) AS (
        SELECT node_id, node_id, successor_id, 0 FROM station WHERE closed AND successor_id IS NOT NULL
        UNION ALL
        SELECT heir.node_id, station.node_id, station.successor_id, step + 1
        FROM heir JOIN station ON station.node_id = heir.next_id WHERE step < 100
    ), last_heir AS (
        SELECT DISTINCT ON (heir.node_id) heir.node_id, heir.heir_id, station.name, station.path
        FROM heir JOIN station ON station.node_id = heir.node_id
        ORDER BY heir.node_id, step DESC
    )
"""
_list_left_stock = text(f"""{_HEIRS}
    SELECT stock.gift_id, stock.station_id, last_heir.heir_id, last_heir.name, last_heir.path
    FROM last_heir JOIN stock ON stock.station_id = last_heir.node_id
    WHERE stock.on_hand > 0 AND last_heir.heir_id <> last_heir.node_id
    ORDER BY stock.gift_id, stock.station_id LIMIT :rows_max
""")  # noqa: S608 - our own text
_hand_over_gifts = text(f"""{_HEIRS}
    UPDATE gift SET node_id = last_heir.heir_id FROM last_heir
    WHERE gift.node_id = last_heir.node_id AND last_heir.heir_id <> last_heir.node_id
""")  # noqa: S608 - our own text
_list_carried = text("""
    SELECT gift_id,
        sum(CASE WHEN other.node_id = own.node_id THEN -on_hand - reserved ELSE on_hand + reserved END) AS pieces
    FROM station own JOIN station other ON other.closed AND other.successor_id IS NOT NULL
        AND starts_with(other.path, own.path) AND (own.successor_id IS NULL OR other.node_id = own.node_id)
    JOIN stock ON stock.station_id = other.node_id
    WHERE own.node_id = :station AND on_hand + reserved > 0 GROUP BY gift_id
""")


def list_left_stock(tx: Session, rows_max: int) -> Sequence[Row[Any]]:
    """What merged stations have on hand, with the station that followed and name and path of the one that was."""
    return tx.execute(_list_left_stock, {"rows_max": rows_max}).all()


def hand_over_gifts(tx: Session) -> None:
    """Have the gifts of merged stations offered by those that followed."""
    tx.execute(_hand_over_gifts)


def list_merged_into(tx: Session, path: str) -> list[UUID]:
    """The closed places that lie below one; of a station those that were merged into it, and its closed compounds."""
    statement = text("SELECT node_id FROM station WHERE starts_with(path, :path) AND path <> :path AND closed")
    return list(tx.scalars(statement, {"path": path}))


def list_carried(tx: Session, station_id: UUID) -> dict[UUID, int]:
    """By gift, what is on a station's shelf by the books of stations merged into it; of a merged one, below zero, what
    of its own is on its successor's.
    """
    return {row.gift_id: int(row.pieces) for row in tx.execute(_list_carried, {"station": station_id})}
