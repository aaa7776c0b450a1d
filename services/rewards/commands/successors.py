"""What a merged station had goes to the station that followed it."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.store import successors
from shared import audit, clock
from shared.db import session, transactional
from shared.ids import new_id
from shared.principal import Kind, Principal

ROWS_AT_ONCE_MAX = 500
_ITSELF = Principal(kind=Kind.SERVICE, audience="rewards", issuer="rewards")


def follow() -> int:
    """Hand gifts over, and what is on hand of them; returns how many stocks were moved.

    What is reserved stays where it was redeemed, and is handed over there; should it come to nothing, it follows then.
    """
    _hand_over_gifts()
    left = successors.list_left_stock(session(), ROWS_AT_ONCE_MAX)
    return sum(_move(row.gift_id, row.station_id, row.heir_id, row.name, row.path) for row in left)


@transactional
def _hand_over_gifts(tx: Session) -> None:
    successors.hand_over_gifts(tx)


@transactional
def _move(tx: Session, gift_id: UUID, from_id: UUID, to_id: UUID, from_name: str, path: str) -> bool:
    """Write off all that is on hand at one station and receive it at the other; False when nothing is left."""
    stocks = {station_id: store.lock_stock(tx, gift_id, station_id) for station_id in sorted((from_id, to_id))}
    quantity = stocks[from_id].on_hand
    if quantity == 0:
        return False
    for station_id, kind, by in (
        (from_id, "write_off", {"written_off": quantity, "on_hand": -quantity}),
        (to_id, "receive", {"received": quantity, "on_hand": quantity}),
    ):
        movement = {
            "id": new_id(),
            "gift_id": gift_id,
            "station_id": station_id,
            "kind": kind,
            "quantity": quantity,
            "reason": f"{from_name}合并转入" if kind == "receive" else f"{from_name}合并转出",
            "refusal": None,
            "at": clock.now(),
            "login_id": None,
        }
        added = store.add_movement(tx, movement)
        moved = store.move_stock(tx, gift_id, station_id, **by)
        assert added, "the id is new"
        assert moved, "the row is locked"
        detail = {"quantity": quantity, "reason": movement["reason"], "station_id": str(station_id)}
        audit.add(tx, _ITSELF, f"stock.{kind}", "gift", gift_id, path=path, detail=detail)
    return True
