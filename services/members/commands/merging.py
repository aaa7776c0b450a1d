"""A place is merged into another: all that is below it and all that belongs to it goes over, and its people follow."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.domain import places
from services.members.store import merging, people, tree
from services.members.store.models import MovedHome, Node
from shared import clock
from shared.db import session, transactional
from shared.principal import Principal

PEOPLE_AT_ONCE_MAX = 200
FOLLOWS_FOR = timedelta(minutes=10)
"""So long who came in by a request that began before the move is looked for."""


def hand_over(tx: Session, caller: Principal, node: Node, heir: Node, day: date) -> tuple[list[UUID], dict[str, Any]]:
    """Give everything of a place, which is closed already, to its heir; what to tell of, and what to record.

    The place itself comes to lie below its heir, so that whoever acts there acts for what is still under way here:
    open activities, redemptions that wait at the desk, records to be confirmed.
    """
    places.check_day(day, tree.present_parent(tx, node.id).from_day, clock.today())
    moved: list[UUID] = []
    children = merging.open_children(tx, node.id)
    try:
        for child in children:
            came = tree.present_parent(tx, child.id).from_day
            moved += tree.move(tx, child, heir.id, places.path_below(heir.path, child.id), max(day, came))
        moved += tree.move(tx, node, heir.id, places.path_below(heir.path, node.id), day)
    except places.NameTaken as taken:
        raise places.NameTakenThere from taken
    now = clock.now()
    detail = {
        "grants": merging.hand_over_grants(tx, node.id, heir.id, now, caller.who),
        "teams": merging.hand_over_teams(tx, node, heir.id),
        "places": len(children),
    }
    merging.note_moved(tx, node.id, node.id, now)
    return list(dict.fromkeys(moved)), detail


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
