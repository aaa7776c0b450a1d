"""Staff says that at a node every attendance is confirmed by somebody."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.store import activities
from services.checkin.store.switches import CONFIRM_EACH
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal, Role


@transactional
def switch_confirm_each(tx: Session, caller: Principal, *, node_id: UUID, on: bool) -> None:
    """Switch it on or off for a node and all below it; twice is once. Departures from now on go by it."""
    path = activities.open_station_path(tx, node_id)
    caller.require(Role.STAFF, path)
    changed = CONFIRM_EACH.switch_on(tx, node_id, clock.now()) if on else CONFIRM_EACH.switch_off(tx, node_id)
    if changed:
        audit.add(tx, caller, f"confirm_each.switch_{'on' if on else 'off'}", "node", node_id, path=path)
