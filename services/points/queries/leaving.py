"""The rule by which points of members who are gone are dealt with."""

from typing import Any
from uuid import UUID

from services.points.store import moves
from shared import copies
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role


def get_rule(caller: Principal, *, station_id: UUID) -> dict[str, Any]:
    """What holds at a station of the caller's; without a rule nothing may be done."""
    tx = session()
    node = copies.find_station(tx, station_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require(Role.STAFF, node.path)
    rule = moves.find_rule(tx, station_id)
    if rule is None:
        return {"node_id": None, "family_days": None, "donate": False}
    return {"node_id": rule.node_id, "family_days": rule.family_days, "donate": rule.donate}
