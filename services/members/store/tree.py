"""Statements on the station tree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ScalarSelect,
    Uuid,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from services.members.domain.places import ROOT, Level, NameTaken, NodeClosed, spells
from services.members.store.models import Node, NodeName, NodeParent, NodeResidents
from shared import outbox
from shared.db import violated
from shared.errors import NotFound
from shared.events import Spell, StationChanged

_TREE_LOCK = 0x74726565


def lock_tree(tx: Session) -> None:
    """Paths of a whole subtree follow from one parent, so changes of the tree come one after another. They are rare."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TREE_LOCK})


def get_node(tx: Session, node_id: UUID) -> Node:
    node = tx.get(Node, node_id, populate_existing=True)
    if node is None:
        raise NotFound("没有找到这个站点（小区、楼栋）")
    return node


def get_open_node(tx: Session, node_id: UUID) -> Node:
    node = get_node(tx, node_id)
    if node.closed_on is not None:
        raise NodeClosed
    return node


def get_standing(tx: Session, node_id: UUID) -> Node:
    """The place that is meant by a node now: of one that was merged its heir, at whatever remove; else itself."""
    node = get_node(tx, node_id)
    while node.successor_id is not None:
        node = get_node(tx, node.successor_id)
    return node


_with_merged = text("""
    WITH RECURSIVE meant (id) AS (
        SELECT unnest(CAST(:ids AS uuid[]))
        UNION SELECT node.id FROM node JOIN meant ON node.successor_id = meant.id
    )
    SELECT id FROM meant
""")


def with_merged(tx: Session, node_ids: Iterable[UUID]) -> list[UUID]:
    """These places and those for which they stand: all that were merged into them, at whatever remove. Their people
    are still at home there until the next sweep.
    """
    return list(tx.scalars(_with_merged, {"ids": list(node_ids)}))


_above = aliased(Node)
_ids_in_path = cast(func.string_to_array(func.btrim(Node.path, "/"), "/"), ARRAY(Uuid()))
_lowest_that_stands = (
    select(_above.path)
    .where(_above.id == func.any(_ids_in_path), _above.successor_id.is_(None))
    .order_by(func.length(_above.path).desc())
    .limit(1)
    .correlate(Node)
    .scalar_subquery()
)
standing_path = case((Node.successor_id.is_(None), Node.path), else_=_lowest_that_stands)
"""Of a station the path of what stands for it now, as part of a statement: who is responsible above a merged one is
responsible above its heir, below which it lies.
"""


def path_of(tx: Session, node_id: UUID | None) -> str:
    """The path of a node; the root's without one."""
    return ROOT if node_id is None else get_node(tx, node_id).path


@dataclass(frozen=True, slots=True)
class Place:
    level: Level
    name: str
    path: str
    closed: bool


def places(tx: Session, node_ids: Iterable[UUID | None]) -> dict[UUID, Place]:
    """The nodes of these ids, in one statement; NotFound when one is missing."""
    wanted = {node_id for node_id in node_ids if node_id is not None}
    rows = (
        tx.execute(
            select(Node.id, Node.level, Node.name, Node.path, Node.closed_on).where(Node.id == func.any(list(wanted)))
        )
        if wanted
        else ()
    )
    found = {row.id: Place(Level(row.level), row.name, row.path, row.closed_on is not None) for row in rows}
    if wanted - set(found):
        raise NotFound("没有找到这个站点（小区、楼栋）")
    return found


def add_node(tx: Session, node: Node) -> None:
    tx.add(node)
    flush_names(tx)
    tx.add(NodeParent(node_id=node.id, from_day=node.opened_on, until_day=None, parent_id=node.parent_id))
    tx.add(NodeName(node_id=node.id, from_day=node.opened_on, name=node.name))
    tx.flush()


def flush_names(tx: Session) -> None:
    try:
        tx.flush()
    except IntegrityError as error:
        if violated(error) == "uq_node_name":
            raise NameTaken from error
        raise


def named_since(tx: Session, node_id: UUID) -> date:
    """Since when a node has its present name."""
    return tx.scalars(select(func.max(NodeName.from_day)).where(NodeName.node_id == node_id)).one()


def rename(tx: Session, node: Node, name: str, day: date) -> None:
    """Give a node another name from a day on; a second name of one day takes the first one's place."""
    node.name = name
    flush_names(tx)
    row = insert(NodeName).values(node_id=node.id, from_day=day, name=name)
    tx.execute(row.on_conflict_do_update(index_elements=["node_id", "from_day"], set_={"name": row.excluded.name}))


def has_open_children(tx: Session, node_id: UUID) -> bool:
    return bool(tx.scalar(select(exists().where(Node.parent_id == node_id, Node.closed_on.is_(None)))))


def present_parent(tx: Session, node_id: UUID) -> NodeParent:
    return tx.scalars(select(NodeParent).where(NodeParent.node_id == node_id, NodeParent.until_day.is_(None))).one()


def move(tx: Session, node: Node, parent_id: UUID | None, path: str, day: date) -> list[UUID]:
    """Hang a node elsewhere from a day on; returns the ids of its subtree, whose paths follow."""
    present = present_parent(tx, node.id)
    if present.from_day == day:  # it never lay there for a whole day
        present.parent_id = parent_id
    else:
        present.until_day = day
        tx.flush()
        tx.add(NodeParent(node_id=node.id, from_day=day, until_day=None, parent_id=parent_id))
    old_path = node.path
    node.parent_id = parent_id
    flush_names(tx)
    moved = tx.execute(
        update(Node)
        .where(Node.path.startswith(old_path, autoescape=True))
        .values(path=func.concat(path, func.substr(Node.path, len(old_path) + 1)))
        .returning(Node.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(moved.scalars())
    tx.refresh(node, ["path"])  # what follows in this transaction happens where it lies now
    return ids


def count_residents(tx: Session, node_id: UUID, day: date, residents: int) -> None:
    row = insert(NodeResidents).values(node_id=node_id, from_day=day, residents=residents)
    tx.execute(
        row.on_conflict_do_update(index_elements=["node_id", "from_day"], set_={"residents": row.excluded.residents})
    )


def counts_of(tx: Session, node_id: UUID) -> dict[date, int]:
    """Residents of a node as counted by day."""
    found = select(NodeResidents.from_day, NodeResidents.residents).where(NodeResidents.node_id == node_id)
    return {row.from_day: row.residents for row in tx.execute(found)}


def tell(tx: Session, node_ids: Sequence[UUID]) -> None:
    """Raise the versions of these nodes, and tell the other services what is now true of them."""
    tx.flush()
    rows = tx.execute(
        update(Node)
        .where(Node.id == func.any(list(node_ids)))
        .values(version=Node.version + 1)
        .returning(
            Node.id,
            Node.version,
            Node.level,
            Node.name,
            Node.path,
            Node.parent_id,
            Node.successor_id,
            Node.closed_on,
            Node.split_from_id,
        )
        .execution_options(synchronize_session=False)
    )
    past = _past_of(tx, node_ids)
    outbox.add(
        tx,
        *(
            StationChanged(
                node_id=row.id,
                version=row.version,
                level=row.level,
                name=row.name,
                path=row.path,
                parent_id=row.parent_id,
                successor_id=row.successor_id,
                closed=row.closed_on is not None,
                past=past.get(row.id, ()),
                split_from_id=row.split_from_id,
            )
            for row in rows
        ),
    )


def _past_of(tx: Session, node_ids: Sequence[UUID]) -> dict[UUID, tuple[Spell, ...]]:
    """Names and parents of these nodes by day."""
    ids = list(node_ids)
    named = select(NodeName.node_id, NodeName.from_day, NodeName.name, null().label("parent_id"))
    lay = select(NodeParent.node_id, NodeParent.from_day, null(), NodeParent.parent_id)
    both = union_all(
        named.where(NodeName.node_id == func.any(ids)), lay.where(NodeParent.node_id == func.any(ids))
    ).subquery()
    names: dict[UUID, dict[date, str]] = {}
    parents: dict[UUID, dict[date, UUID | None]] = {}
    for row in tx.execute(select(both)):
        if row.name is None:
            parents.setdefault(row.node_id, {})[row.from_day] = row.parent_id
        else:
            names.setdefault(row.node_id, {})[row.from_day] = row.name
    return {node_id: spells(names[node_id], parents[node_id]) for node_id in names}


_parent = aliased(Node)


_newest_count = (
    select(NodeResidents.residents)
    .where(NodeResidents.node_id == Node.id)
    .order_by(NodeResidents.from_day.desc())
    .limit(1)
    .scalar_subquery()
)


def list_nodes(
    tx: Session,
    *,
    parent_id: UUID | None = None,
    level: str | None = None,
    q: str | None = None,
    ids: Sequence[UUID] | None = None,
    below: str | None = None,
    above: str | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """Nodes as the wire shows them, oldest first."""
    statement = (
        select(
            Node.id,
            Node.level,
            Node.name,
            Node.path,
            Node.parent_id,
            Node.successor_id,
            Node.opened_on,
            Node.closed_on,
            Node.version,
            _parent.name.label("parent_name"),
            _newest_count.label("residents"),
        )
        .outerjoin(_parent, _parent.id == Node.parent_id)
        .order_by(Node.id)
        .limit(limit)
    )
    if parent_id is not None:
        statement = statement.where(Node.parent_id == parent_id)
    if level is not None:
        statement = statement.where(Node.level == level)
    if q is not None:
        statement = statement.where(Node.name.contains(q, autoescape=True))
    if ids is not None:
        statement = statement.where(Node.id == func.any(list(ids)))
    if below is not None:
        statement = statement.where(Node.path.startswith(below, autoescape=True), Node.path != below)
    if above is not None:
        statement = statement.where(Node.id == func.any([UUID(part) for part in above.strip("/").split("/")]))
    if after is not None:
        statement = statement.where(Node.id > after)
    return [dict(row._mapping) for row in tx.execute(statement)]


def show_place(tx: Session, node_id: UUID) -> dict[str, Any]:
    """One node as in `list_nodes`; NotFound when there is none."""
    found = list_nodes(tx, ids=[node_id])
    if not found:
        raise NotFound("没有找到这个站点（小区、楼栋）")
    return found[0]


def _split_from(node_id: UUID) -> ScalarSelect[UUID | None]:
    part = aliased(Node)
    return select(part.split_from_id).where(part.id == node_id).scalar_subquery()


def show_node(tx: Session, node_id: UUID) -> dict[str, Any]:
    """One node with its former names, parents and counts, and what was split off; NotFound when there is none."""
    found = show_place(tx, node_id)
    parents = tx.execute(
        select(NodeParent.parent_id, NodeParent.from_day, NodeParent.until_day)
        .where(NodeParent.node_id == node_id)
        .order_by(NodeParent.from_day)
    )
    counts = tx.execute(
        select(NodeResidents.residents, NodeResidents.from_day)
        .where(NodeResidents.node_id == node_id)
        .order_by(NodeResidents.from_day)
    )
    names = tx.execute(
        select(NodeName.name, NodeName.from_day).where(NodeName.node_id == node_id).order_by(NodeName.from_day)
    )
    beside = tx.execute(
        select(Node.id, Node.name, Node.opened_on, Node.split_from_id)
        .where(or_(Node.split_from_id == node_id, Node.id == _split_from(node_id)))
        .order_by(Node.id)
    ).all()
    return found | {
        "split_from": next((dict(row._mapping) for row in beside if row.split_from_id != node_id), None),
        "split_off": [dict(row._mapping) for row in beside if row.split_from_id == node_id],
        "names": [dict(row._mapping) for row in names],
        "parents": [dict(row._mapping) for row in parents],
        "counts": [dict(row._mapping) for row in counts],
    }
