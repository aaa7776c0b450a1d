"""Use cases on the station tree."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.commands import merging
from services.members.domain import places
from services.members.domain.places import ROOT, Level
from services.members.store import creations, tree
from services.members.store.models import Node
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal, Role


@transactional
def add_node(
    tx: Session,
    caller: Principal,
    *,
    node_id: UUID,
    level: str,
    name: str,
    parent_id: UUID | None = None,
    opened_on: date | None = None,
    residents: int | None = None,
) -> dict[str, Any]:
    """Add a place to the tree. A repetition returns it as it is now."""
    tree.lock_tree(tx)
    content = {"level": level, "name": name, "parent_id": parent_id, "opened_on": opened_on, "residents": residents}
    parent = None if parent_id is None else tree.get_open_node(tx, parent_id)
    caller.require(Role.ADMINISTRATOR, parent.path if parent else ROOT)
    if creations.is_new(tx, Node, node_id, "node", content):
        places.check_below(Level(level), Level(parent.level) if parent else None)
        day = opened_on or clock.today()
        places.check_day(day, parent.opened_on if parent else date.min, clock.today())
        path = places.path_below(parent.path if parent else ROOT, node_id)
        tree.add_node(
            tx,
            Node(
                id=node_id,
                level=level,
                name=name,
                path=path,
                parent_id=parent_id,
                successor_id=None,
                opened_on=day,
                closed_on=None,
                version=0,
            ),
        )
        if residents is not None:
            tree.count_residents(tx, node_id, day, residents)
        audit.add(tx, caller, "node.add", "node", node_id, path=path, detail={"name": name, "level": level})
        tree.tell(tx, [node_id])
    return tree.show_node(tx, node_id)


@transactional
def change_node(tx: Session, caller: Principal, node_id: UUID, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Rename, move, count or close a place; `changes` as `NodeChangeSchema`. Who is called so, lies there or is
    closed already stays as it is; a number of residents is noted and told each time.
    """
    tree.lock_tree(tx)
    node = tree.get_node(tx, node_id)
    caller.require(Role.ADMINISTRATOR, node.path)
    if node.closed_on is not None and changes.keys() - {"closed_on", "successor_id"}:
        raise places.NodeClosed
    if "name" in changes and changes["name"] != node.name:
        _rename(tx, caller, node, changes["name"], changes.get("from_day") or clock.today())
    if "parent_id" in changes and changes["parent_id"] != node.parent_id:
        _move(tx, caller, node, changes["parent_id"], changes.get("from_day") or clock.today())
    if "residents" in changes:
        _count(tx, caller, node, changes["residents"], changes.get("from_day") or clock.today())
    if "closed_on" in changes and node.closed_on is None:
        _close(tx, caller, node, changes["closed_on"], changes.get("successor_id"))
    return tree.show_node(tx, node_id)


def _rename(tx: Session, caller: Principal, node: Node, name: str, day: date) -> None:
    places.check_day(day, tree.named_since(tx, node.id), clock.today())
    detail = {"from": node.name, "to": name, "day": str(day)}
    audit.add(tx, caller, "node.rename", "node", node.id, path=node.path, detail=detail)
    tree.rename(tx, node, name, day)
    tree.tell(tx, [node.id])


def _move(tx: Session, caller: Principal, node: Node, parent_id: UUID | None, day: date) -> None:
    # Who takes a place away or takes it in must be responsible for both sides.
    caller.require(Role.ADMINISTRATOR, tree.path_of(tx, node.parent_id))
    parent = None if parent_id is None else tree.get_open_node(tx, parent_id)
    caller.require(Role.ADMINISTRATOR, parent.path if parent else ROOT)
    places.check_below(Level(node.level), Level(parent.level) if parent else None)
    places.check_day(day, tree.present_parent(tx, node.id).from_day, clock.today())
    path = places.path_below(parent.path if parent else ROOT, node.id)
    detail = {"from": node.parent_id, "to": parent_id, "day": day}
    old_path = node.path
    moved = tree.move(tx, node, parent_id, path, day)
    merging.note_moved(tx, node, old_path)
    audit.add(
        tx,
        caller,
        "node.move",
        "node",
        node.id,
        path=path,
        detail={key: None if value is None else str(value) for key, value in detail.items()},
    )
    tree.tell(tx, moved)


def _count(tx: Session, caller: Principal, node: Node, residents: int, day: date) -> None:
    places.check_day(day, date.min, clock.today())
    tree.count_residents(tx, node.id, day, residents)
    audit.add(
        tx, caller, "node.count", "node", node.id, path=node.path, detail={"residents": residents, "day": str(day)}
    )


def _close(tx: Session, caller: Principal, node: Node, day: date, successor_id: UUID | None) -> None:
    """Close a place. With a successor, a station or whatever lies above stations is merged into it."""
    caller.require(Role.ADMINISTRATOR, tree.path_of(tx, node.parent_id))
    places.check_day(day, node.opened_on, clock.today())
    successor = None if successor_id is None else tree.get_open_node(tx, successor_id)
    if successor is not None:
        caller.require(Role.ADMINISTRATOR, tree.path_of(tx, successor.parent_id))
        if successor.level != node.level or successor.id == node.id:
            raise places.WrongLevel
    merges = successor is not None and places.may_be_home(Level(node.level))
    if not merges and tree.has_open_children(tx, node.id):
        raise places.HasOpenChildren
    node.closed_on, node.successor_id = day, successor_id
    tx.flush()
    detail = {"day": str(day), "successor_id": successor_id and str(successor_id)}
    if successor is None or not merges:
        audit.add(tx, caller, "node.close", "node", node.id, path=node.path, detail=detail)
        tree.tell(tx, [node.id])
        return
    told, handed_over = merging.hand_over(tx, caller, node, successor, day)
    audit.add(tx, caller, "node.merge", "node", node.id, path=node.path, detail={**detail, **handed_over})
    tree.tell(tx, told)
