"""Entries of one person: who was merged is followed up to who stays, and down to all who went into somebody."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from services.members.store.models import Member


def upwards(which: ColumnElement[bool]) -> CTE:
    """Those of whom `which` holds, as `wanted_id`, each with itself and all it was merged into, at whatever remove, as
    `id`. `merged_into` is null of who stays.
    """
    wanted = select(Member.id.label("wanted_id"), Member.id.label("id"), Member.merged_into).where(which)
    line = wanted.cte("upwards", recursive=True)
    above = aliased(Member)
    further = select(line.c.wanted_id, above.id, above.merged_into).join(above, above.id == line.c.merged_into)
    return line.union(further)


def downwards(start: Select[UUID, UUID]) -> CTE:
    """The members that `start` gives as `wanted_id` and `id`, each with all who were merged into it, at whatever
    remove.
    """
    line = start.cte("downwards", recursive=True)
    below = aliased(Member)
    return line.union(select(line.c.wanted_id, below.id).join(below, below.merged_into == line.c.id))


def all_of(member_ids: Iterable[UUID]) -> CTE:
    """Every entry of the persons whose entries these are: up to who stays, and down from there."""
    up = upwards(Member.id == func.any(list(member_ids)))
    return downwards(select(up.c.wanted_id, up.c.id).where(up.c.merged_into.is_(None)))


def line_of(tx: Session, member_id: UUID) -> list[UUID]:
    """The entries that were merged into a member and still are, at whatever remove."""
    line = _down_from(member_id)
    return list(tx.scalars(select(line.c.id).where(line.c.id != member_id).order_by(line.c.id)))


def lock_line(tx: Session, member_id: UUID) -> list[UUID]:
    """A member and the entries that were merged into it, to be changed by us alone."""
    own = select(_down_from(member_id).c.id)
    return list(tx.scalars(select(Member.id).where(Member.id.in_(own)).order_by(Member.id).with_for_update()))


def _down_from(member_id: UUID) -> CTE:
    return downwards(select(Member.id.label("wanted_id"), Member.id.label("id")).where(Member.id == member_id))


def who_stays(tx: Session, member_id: UUID | None) -> UUID | None:
    """Under which entry a person stands now."""
    up = upwards(Member.id == member_id)
    person: UUID | None = tx.scalar(select(up.c.id).where(up.c.merged_into.is_(None)))
    return person


def who_is_there(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Of those of these members who are active, or were merged into somebody who is, that one."""
    up = upwards(Member.id == func.any(list(member_ids)))
    rows = tx.execute(
        select(up.c.wanted_id, up.c.id).join(Member, Member.id == up.c.id).where(Member.status == "active")
    )
    return {row.wanted_id: row.id for row in rows}


def has_number(number: str) -> ColumnElement[bool]:
    """The member with this volunteer number, or who stays of a merged entry that had it: it may stand on a badge."""
    up = upwards(Member.volunteer_number == number)
    return Member.id.in_(select(up.c.id)) & (Member.status == "active")
