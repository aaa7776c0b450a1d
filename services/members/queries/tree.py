"""The station tree, and what stands to be divided of a station."""

from datetime import date
from typing import Any
from uuid import UUID

from services.members.domain.places import path_above
from services.members.domain.residents import Tree
from services.members.store import residents, splitting
from services.members.store import tree as store
from shared.db import session
from shared.principal import Principal, Role


def list_nodes(
    *,
    below_id: UUID | None = None,
    above_id: UUID | None = None,
    residents_on: date | None = None,
    residents_by: Tree = Tree.NOW,
    residents_until: date | None = None,
    **query: Any,
) -> list[dict[str, Any]]:
    """Nodes, open to all; arguments as `NodeQuerySchema`. What lay below a merged place lies below its heir."""
    tx = session()
    below = None if below_id is None else store.get_standing(tx, below_id).path
    above = None if above_id is None else store.path_of(tx, above_id)
    nodes = store.list_nodes(tx, below=below, above=above, **query)
    if residents_on is None or not nodes:
        return nodes
    counts = residents.count(tx, [node["id"] for node in nodes], residents_on, residents_by, residents_until)
    return [node | {"residents": counts[node["id"]]} for node in nodes]


def show_node(node_id: UUID) -> dict[str, Any]:
    return store.show_node(session(), node_id)


def plan_split(caller: Principal, *, node_id: UUID) -> dict[str, Any]:
    """What stands to be divided when a station is split; `may_split` is who is responsible above it."""
    tx = session()
    node = store.show_place(tx, node_id)
    caller.require(Role.ADMINISTRATOR, node["path"])
    return node | {
        "may_split": caller.may(Role.ADMINISTRATOR, path_above(node["path"])),
        "people": splitting.count_people(tx, node_id),
        "grants": splitting.count_grants(tx, node_id),
        "compounds": splitting.list_compounds(tx, node_id),
    }
