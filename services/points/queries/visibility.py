"""Whose points a caller may see: those of the own members, and of members whose home station a role reaches."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import copies
from shared.copies import member_card, station
from shared.errors import Forbidden
from shared.principal import Principal, Role

_READERS = (Role.STAFF, Role.AUDITOR)


def require_may_read(tx: Session, caller: Principal, member_ids: Collection[UUID]) -> None:
    """Raise Forbidden unless the caller may see the points of every one of these members."""
    others = {member_id for member_id in member_ids if not caller.acts_for(member_id)}
    if not others:
        return
    # What somebody did who was merged is told to who stays.
    others -= {member_id for member_id, stays in copies.who_stays(tx, others).items() if caller.acts_for(stays)}
    if not others:
        return
    if not any(caller.has(role) for role in _READERS):
        raise Forbidden
    homes = tx.execute(
        select(member_card.c.member_id, station.c.path)
        .join(station, station.c.node_id == member_card.c.station_id)
        .where(member_card.c.member_id.in_(others))
    )
    readable = {member_id for member_id, path in homes if may_read_at(caller, path, _READERS)}
    if others - readable:
        raise Forbidden


def is_at_home(tx: Session, caller: Principal, member_id: UUID) -> bool:
    """Whether the member's home station lies below a node where the caller is staff or auditor."""
    if not any(caller.has(role) for role in _READERS):
        return False
    path = tx.scalar(
        select(station.c.path)
        .join(member_card, member_card.c.station_id == station.c.node_id)
        .where(member_card.c.member_id == member_id)
    )
    return path is not None and may_read_at(caller, path, _READERS)


def may_read_at(caller: Principal, path: str, roles: Iterable[Any] = (Role.ORGANIZER, *_READERS)) -> bool:
    """Whether a role of the caller reaches the node with this path."""
    return any(caller.may(role, path) for role in roles)
