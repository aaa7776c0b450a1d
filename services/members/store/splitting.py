"""Statements on what a station is split by: its compounds, who lives in them, and the roles held at it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.members.domain.places import Level
from services.members.store.models import Member, Node, NodeParent, RoleGrant
from shared.ids import new_id


def open_compounds(tx: Session, station_id: UUID, ids: Sequence[UUID]) -> list[Node]:
    """Those of these places that are open compounds directly below the station."""
    statement = select(Node).where(Node.id == func.any(list(ids)), *_its_compounds(station_id))
    return list(tx.scalars(statement.order_by(Node.id)))


def _its_compounds(station_id: UUID) -> tuple[Any, ...]:
    return Node.parent_id == station_id, Node.level == Level.COMPOUND.value, Node.closed_on.is_(None)


def last_moved(tx: Session, ids: Sequence[UUID]) -> date:
    """The day on which the last of these places came to where it lies."""
    last = select(func.max(NodeParent.from_day)).where(
        NodeParent.node_id == func.any(list(ids)), NodeParent.until_day.is_(None)
    )
    return tx.scalars(last).one()


def list_compounds(tx: Session, station_id: UUID) -> list[dict[str, Any]]:
    """The station's compounds, each with how many of its people live there and since when it is the station's."""
    lives_there = (Member.compound_id == Node.id) & _at_home_at(station_id)
    since = select(NodeParent.from_day).where(NodeParent.node_id == Node.id, NodeParent.until_day.is_(None))
    statement = (
        select(Node.id, Node.name, func.count(Member.id).label("people"), since.scalar_subquery().label("since"))
        .outerjoin(Member, lives_there)
        .where(*_its_compounds(station_id))
        .group_by(Node.id)
        .order_by(Node.id)
    )
    return [dict(row._mapping) for row in tx.execute(statement)]


def count_people(tx: Session, station_id: UUID) -> int:
    return tx.scalars(select(func.count()).where(_at_home_at(station_id))).one()


def _at_home_at(station_id: UUID) -> Any:
    return (Member.station_id == station_id) & (Member.status == "active")


def count_grants(tx: Session, station_id: UUID) -> int:
    return tx.scalars(select(func.count()).where(*_held_at(station_id))).one()


def _held_at(station_id: UUID) -> tuple[Any, ...]:
    return RoleGrant.node_id == station_id, RoleGrant.revoked_at.is_(None)


def copy_grants(tx: Session, station_id: UUID, to_id: UUID, at: datetime, by: str) -> Sequence[Any]:
    """Give the roles held at a station at another one, too; the new grants as (id, member_id, role)."""
    held = tx.execute(select(RoleGrant.member_id, RoleGrant.role).where(*_held_at(station_id))).all()
    rows = [{**row._mapping, "id": new_id(), "node_id": to_id, "granted_at": at, "granted_by": by} for row in held]
    if rows:
        tx.execute(insert(RoleGrant), rows)
    return tx.execute(
        select(RoleGrant.id, RoleGrant.member_id, RoleGrant.role).where(*_held_at(to_id)).order_by(RoleGrant.id)
    ).all()
