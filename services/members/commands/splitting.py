"""A station is split: some of its compounds become those of a new one, and the people who live there follow."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.commands import merging
from services.members.domain import places
from services.members.domain.places import Level
from services.members.store import creations, splitting, tree
from services.members.store.models import Node
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal, Role


@transactional
def split_node(
    tx: Session,
    caller: Principal,
    *,
    node_id: UUID,
    new_id: UUID,
    name: str,
    compound_ids: Sequence[UUID],
    from_day: date | None = None,
    keep_grants: bool = False,
) -> dict[str, Any]:
    """Open a station beside another one with some of its compounds, from a day on. A repetition returns it as it is
    now. `keep_grants`: who acts at the old one acts at both. Stock, gifts and teams stay where they are.
    """
    tree.lock_tree(tx)
    node = tree.get_node(tx, node_id)
    caller.require(Role.ADMINISTRATOR, tree.path_of(tx, node.parent_id))
    wanted = sorted(set(compound_ids))
    content = {
        "node_id": node_id,
        "name": name,
        "compound_ids": wanted,
        "from_day": from_day,
        "keep_grants": keep_grants,
    }
    if creations.is_new(tx, Node, new_id, "split", content):
        compounds = _compounds_to_move(tx, node, wanted)
        day = from_day or clock.today()
        places.check_day(day, max(node.opened_on, splitting.last_moved(tx, wanted)), clock.today())
        part = _open_beside(tx, caller, node, new_id, name, day)
        told = [part.id]
        for compound in compounds:
            told += _move(tx, caller, compound, part, day)
        detail = {
            "split_off": str(part.id),
            "day": str(day),
            "places": len(compounds),
            "grants": _give_grants_at_both(tx, node, part) if keep_grants else 0,
        }
        audit.add(tx, caller, "node.split", "node", node.id, path=node.path, detail=detail)
        tree.tell(tx, told)
    return tree.show_node(tx, new_id)


def _compounds_to_move(tx: Session, node: Node, wanted: Sequence[UUID]) -> list[Node]:
    if node.closed_on is not None:
        raise places.NodeClosed
    if node.level != Level.STATION:
        raise places.WrongLevel
    compounds = splitting.open_compounds(tx, node.id, wanted)
    if len(compounds) != len(wanted):
        raise places.NotItsCompounds
    return compounds


def _open_beside(tx: Session, caller: Principal, node: Node, new_id: UUID, name: str, day: date) -> Node:
    path = places.path_below(tree.path_of(tx, node.parent_id), new_id)
    part = Node(
        id=new_id,
        level=node.level,
        name=name,
        path=path,
        parent_id=node.parent_id,
        successor_id=None,
        split_from_id=node.id,
        opened_on=day,
        closed_on=None,
        version=0,
    )
    tree.add_node(tx, part)
    audit.add(tx, caller, "node.add", "node", new_id, path=path, detail={"name": name, "level": node.level})
    return part


def _move(tx: Session, caller: Principal, compound: Node, part: Node, day: date) -> list[UUID]:
    detail = {"from": str(compound.parent_id), "to": str(part.id), "day": str(day)}
    old_path = compound.path
    moved = tree.move(tx, compound, part.id, places.path_below(part.path, compound.id), day)
    merging.note_moved(tx, compound, old_path)
    audit.add(tx, caller, "node.move", "node", compound.id, path=compound.path, detail=detail)
    return moved


def _give_grants_at_both(tx: Session, node: Node, part: Node) -> int:
    """That roles are kept is no act of the caller's, who may hold one of them."""
    begun = splitting.copy_grants(tx, node.id, part.id, clock.now(), merging.ITSELF.who)
    for grant in begun:
        detail = {"member_id": str(grant.member_id), "role": grant.role, "node_id": str(part.id)}
        audit.add(tx, merging.ITSELF, "grant.add", "grant", grant.id, path=part.path, detail=detail)
    return len(begun)
