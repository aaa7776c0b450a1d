"""The catalogue and the stock, kept by station staff."""

from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.domain.redemption import NotOfferedHere, content_digest
from services.rewards.store import Gift, Stock
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict, NotFound, RuleBroken
from shared.principal import Principal, Role

_NO_STATIONS = ("compound", "building")
_REUSED = "这个编号已经用于另一次出入库"


class NotEnoughStock(RuleBroken):
    code = "not_enough_stock"
    detail = "库存不足，不能核销这么多"


@transactional
def create_gift(
    tx: Session,
    caller: Principal,
    *,
    gift_id: UUID,
    node_id: UUID,
    name: str,
    description: str,
    points: int,
    limit_per_quarter: int | None,
) -> Gift:
    """Offer a gift at all stations of a node."""
    path = _require_staff(tx, caller, node_id).path
    digest = content_digest(node_id, name, description, points, limit_per_quarter)
    gift = store.add_gift(
        tx,
        {
            "id": gift_id,
            "node_id": node_id,
            "name": name,
            "description": description,
            "points": points,
            "limit_per_quarter": limit_per_quarter,
            "withdrawn": False,
            "request_digest": digest,
            "created_at": clock.now(),
        },
    )
    if gift is None:
        known = _get_gift(tx, gift_id)
        if known.request_digest != digest:
            raise Conflict("这个编号已经用于另一件礼品")
        return known
    audit.add(
        tx,
        caller,
        "gift.create",
        "gift",
        gift_id,
        path=path,
        detail={"name": name, "points": points, "limit_per_quarter": limit_per_quarter},
    )
    return gift


@transactional
def change_gift(tx: Session, caller: Principal, *, gift_id: UUID, changes: dict[str, Any]) -> Gift:
    """Change what is offered from now on; redemptions keep the name and price they were made at."""
    gift = store.lock_gift(tx, gift_id)
    if gift is None:
        raise NotFound("没有这件礼品")
    path = _require_staff(tx, caller, gift.node_id).path
    old = {name: getattr(gift, name) for name, value in changes.items() if getattr(gift, name) != value}
    if not old:
        return gift
    changed = store.change_gift(tx, gift_id, changes)
    audit.add(
        tx,
        caller,
        "gift.change",
        "gift",
        gift_id,
        path=path,
        detail={"gift": gift.name, **{name: [value, changes[name]] for name, value in old.items()}},
    )
    return changed


@dataclass(frozen=True, slots=True)
class Movement:
    """What is to come in or to be written off, under an id the client made."""

    id: UUID
    gift_id: UUID
    station_id: UUID
    kind: str
    quantity: int
    reason: str


def move_stock(caller: Principal, movement: Movement) -> Stock:
    """Receive gifts, or write off such as nobody has reserved. A refused write-off stays refused."""
    stock, refusal = _move_stock(caller, movement)
    if refusal is not None:
        raise NotEnoughStock(refusal)
    return stock


@transactional
def _move_stock(tx: Session, caller: Principal, movement: Movement) -> tuple[Stock, str | None]:
    node = _require_staff(tx, caller, movement.station_id)
    gift = _get_gift(tx, movement.gift_id)
    if node.level in _NO_STATIONS or gift.node_id.hex not in node.path.split("/"):
        raise NotOfferedHere
    # Held from here on, so that the same movement sent twice at once finds its twin.
    stock = store.lock_stock(tx, movement.gift_id, movement.station_id)
    known = store.find_movement(tx, movement.id)
    if known is not None:
        if Movement(*(getattr(known, field.name) for field in fields(Movement))) != movement:
            raise Conflict(_REUSED)
        return stock, known.refusal
    refusal = None
    if movement.kind == "write_off" and movement.quantity > stock.on_hand:
        refusal = f"库存不足，可核销的只有 {stock.on_hand} 件"
    values = {"refusal": refusal, "at": clock.now(), "login_id": caller.login_id}
    if not store.add_movement(tx, asdict(movement) | values):
        raise Conflict(_REUSED)
    if refusal is None:
        counter, sign = ("received", 1) if movement.kind == "receive" else ("written_off", -1)
        by = {counter: movement.quantity, "on_hand": sign * movement.quantity}
        counted = store.move_stock(tx, movement.gift_id, movement.station_id, **by)
        assert counted, "the row is locked"
        audit.add(
            tx,
            caller,
            f"stock.{movement.kind}",
            "gift",
            movement.gift_id,
            path=node.path,
            detail={"gift": gift.name, "quantity": movement.quantity, "reason": movement.reason},
        )
    return store.lock_stock(tx, movement.gift_id, movement.station_id), refusal


def _require_staff(tx: Session, caller: Principal, node_id: UUID) -> Row[Any]:
    node = copies.find_station(tx, node_id)
    if node is None:
        raise NotFound("没有这个站点")
    caller.require(Role.STAFF, node.path)
    return node


def _get_gift(tx: Session, gift_id: UUID) -> Gift:
    gift = store.find_gift(tx, gift_id)
    if gift is None:
        raise NotFound("没有这件礼品")
    return gift
