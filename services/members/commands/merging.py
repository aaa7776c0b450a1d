"""A place is merged into another: all that is below it and all that belongs to it goes over, and its people follow."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.domain import places, residents
from services.members.store import merging, people, tree
from services.members.store.models import MovedHome, Node
from shared import audit, clock
from shared.db import session, transactional
from shared.principal import Kind, Principal

PEOPLE_AT_ONCE_MAX = 200
ITSELF = Principal(kind=Kind.SERVICE, audience="members", issuer="members")
FOLLOWS_FOR = timedelta(minutes=10)
"""So long who came in by a request that began before the move is looked for."""


def hand_over(tx: Session, caller: Principal, node: Node, heir: Node, day: date) -> tuple[list[UUID], dict[str, Any]]:
    """Give everything of a place, which is closed already, to its heir; what to tell of, and what to record.

    The place itself comes to lie below its heir, so that whoever acts there acts for what is still under way here:
    open activities, redemptions that wait at the desk, records to be confirmed.
    """
    places.check_day(day, tree.present_parent(tx, node.id).from_day, clock.today())
    told: list[UUID] = []
    children = merging.open_children(tx, node.id)
    try:
        for child in children:
            came = tree.present_parent(tx, child.id).from_day
            told += _move(tx, caller, child, heir, max(day, came))
        told += _move(tx, caller, node, heir, day)
    except places.NameTaken as taken:
        raise places.NameTakenThere from taken
    detail = {
        "grants": _pass_grants_on(tx, node, heir),
        "teams": merging.hand_over_teams(tx, node, heir.id),
        "places": len(children),
    }
    merging.note_moved(tx, node.id, node.id, clock.now())
    _count_together(tx, node, heir, day)
    return list(dict.fromkeys(told)), detail


def _count_together(tx: Session, node: Node, heir: Node, day: date) -> None:
    """From the merge on as many live at the heir as at both, until somebody counts anew. What was counted of either
    since the day of the merge was counted before anybody knew of it, of one of them alone.
    """
    for since, count in residents.together(_counted(tx, node), _counted(tx, heir), day).items():
        tree.count_residents(tx, heir.id, since, count)
        detail = {"residents": count, "day": str(since)}
        audit.add(tx, ITSELF, "node.count", "node", heir.id, path=heir.path, detail=detail)


def _counted(tx: Session, node: Node) -> residents.Place:
    counts = tree.counts_of(tx, node.id)
    return residents.Place(node.id, node.opened_on, split_from_id=node.split_from_id, counts=counts)


def _move(tx: Session, caller: Principal, node: Node, heir: Node, day: date) -> list[UUID]:
    detail = {"from": str(node.parent_id), "to": str(heir.id), "day": str(day)}
    moved = tree.move(tx, node, heir.id, places.path_below(heir.path, node.id), day)
    audit.add(tx, caller, "node.move", "node", node.id, path=node.path, detail=detail)
    return moved


def _pass_grants_on(tx: Session, node: Node, heir: Node) -> int:
    """End the roles at a node and give them at its heir; returns how many. The merge was somebody's act; that roles
    follow is none of theirs, who may hold one of them.
    """
    passed_on = merging.hand_over_grants(tx, node.id, heir.id, clock.now(), ITSELF.who)
    for one in passed_on:
        detail = {"member_id": str(one.member_id), "role": one.role}
        ended = detail | {"node_id": str(node.id)}
        audit.add(tx, ITSELF, "grant.revoke", "grant", one.ended_id, path=node.path, detail=ended)
        if one.begun_id is not None:
            begun = detail | {"node_id": str(heir.id)}
            audit.add(tx, ITSELF, "grant.add", "grant", one.begun_id, path=heir.path, detail=begun)
    return len(passed_on)


def note_moved(tx: Session, node: Node, old_path: str) -> None:
    """Have the people of a place that was moved follow to the station in which it lies now."""
    before = merging.home_in(tx, old_path)
    if before is not None and before != merging.home_in(tx, node.path):
        merging.note_moved(tx, node.id, before[0], clock.now())


def follow_all() -> int:
    """Have all people of moved and merged places follow, a batch a transaction; returns how many did."""
    followed = 0
    for moved in merging.list_moved(session()):
        while count := _follow(moved):
            followed += count
    _forget()
    return followed


@transactional
def _follow(tx: Session, moved: MovedHome) -> int:
    """The next batch of a place's people."""
    home = merging.home_in(tx, tree.get_node(tx, moved.node_id).path)
    if home is None:
        return 0
    ids = merging.lock_people_of(tx, moved, home[0], PEOPLE_AT_ONCE_MAX)
    if ids:
        merging.give_home(tx, ids, home)
        people.tell(tx, ids)
    return len(ids)


@transactional
def _forget(tx: Session) -> None:
    merging.forget_moved(tx, clock.now() - FOLLOWS_FOR)
