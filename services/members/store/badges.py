"""Statements on badges. A row is there only for who has lost one: everybody's first badge has the serial 1."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from services.members.store import cards, entries
from services.members.store.models import BadgeSerial, Member, MemberTeam

FIRST = 1


def serials_of(tx: Session, member_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """The serial of each member's valid badge."""
    rows = tx.execute(select(BadgeSerial).where(BadgeSerial.member_id == func.any(list(member_ids)))).scalars()
    return dict.fromkeys(member_ids, FIRST) | {row.member_id: row.serial for row in rows}


def set_serials(tx: Session, serials: Mapping[UUID, int], at: datetime) -> None:
    rows = [{"member_id": member_id, "serial": serial, "changed_at": at} for member_id, serial in serials.items()]
    statement = insert(BadgeSerial).values(rows)
    new = {name: statement.excluded[name] for name in ("serial", "changed_at")}
    tx.execute(statement.on_conflict_do_update(index_elements=["member_id"], set_=new))


def list_of_station(
    tx: Session, *which: ColumnElement[bool], team_id: UUID | None = None, limit: int
) -> list[Row[Any]]:
    """Members with their readings, sorted as a phone book is."""
    statement = cards.view().add_columns(Member.pinyin).where(Member.status == "active", *which)
    if team_id is not None:
        statement = statement.join(MemberTeam, MemberTeam.member_id == Member.id).where(MemberTeam.team_id == team_id)
    return list(tx.execute(statement.order_by(Member.pinyin, Member.name, Member.id).limit(limit)))


def find_meant(tx: Session, member_ids: Collection[UUID], numbers: Collection[str]) -> list[Row[Any]]:
    """Who is meant by ids or numbers: `meant_id`, `meant_number` and the card of that member, or of the one that it
    was merged into at last.
    """
    asked = aliased(Member)
    meant = entries.upwards(
        or_(Member.id == func.any(list(member_ids)), Member.volunteer_number == func.any(list(numbers)))
    )
    statement = (
        cards.view()
        .add_columns(asked.id.label("meant_id"), asked.volunteer_number.label("meant_number"))
        .join(meant, meant.c.id == Member.id)
        .join(asked, asked.id == meant.c.wanted_id)
        .where(Member.status == "active")
    )
    return list(tx.execute(statement))
