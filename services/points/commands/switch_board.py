"""Switch the boards of a node on or off."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.points.store import standings
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import NotFound
from shared.principal import Principal, Role


@transactional
def switch_board(tx: Session, caller: Principal, *, node_id: UUID, on: bool) -> None:
    """A board that is off shows nobody; what it counts is counted all the same."""
    node = copies.find_station(tx, node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require(Role.STAFF, node.path)
    changed = standings.switch_on(tx, node_id) if on else standings.switch_off(tx, node_id, clock.now())
    if changed:
        audit.add(tx, caller, f"board.switch_{'on' if on else 'off'}", "node", node_id, path=node.path)
