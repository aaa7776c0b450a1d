"""Statements on merges: the two members, their logins, and what was made one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from services.members.domain import duplicates
from services.members.store.models import LoginMember, Member, Merge
from services.members.store.people import MemberNotFound


def lock_two(tx: Session, one_id: UUID, other_id: UUID) -> tuple[Member, Member]:
    """Both members in the order asked for, whatever their status; locked in the order of ids."""
    rows = tx.scalars(
        select(Member)
        .where(Member.id.in_([one_id, other_id]))
        .order_by(Member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {member.id: member for member in rows}
    if not {one_id, other_id} <= found.keys():
        raise MemberNotFound
    return found[one_id], found[other_id]


def find_live(tx: Session, member_id: UUID) -> Merge | None:
    """The merge by which a member is merged now."""
    return tx.scalars(
        select(Merge)
        .where(Merge.member_id == member_id, Merge.undone_at.is_(None))
        .execution_options(populate_existing=True)
    ).first()


def was_undone(tx: Session, member_id: UUID) -> bool:
    """Whether a merge of this entry into another was taken back."""
    undone = select(Merge.id).where(Merge.member_id == member_id, Merge.undone_at.is_not(None))
    return tx.execute(select(undone.exists())).scalar_one()


def list_into(tx: Session, member_id: UUID) -> list[dict[str, Any]]:
    """Who was merged into a member and still is, newest first."""
    rows = tx.execute(
        select(Merge.id, Merge.member_id, Merge.reason, Merge.at, Member.name, Member.volunteer_number)
        .join(Member, Member.id == Merge.member_id)
        .where(Merge.into_id == member_id, Merge.undone_at.is_(None))
        .order_by(Merge.at.desc(), Merge.id)
    )
    return [dict(row._mapping) | {"undo_until": duplicates.undo_until(row.at)} for row in rows]


class Acting(NamedTuple):
    """That a login acts for a member."""

    login_id: UUID
    relation: str
    since: datetime | None
    """As in `LoginMember`."""


def list_logins(tx: Session, member_id: UUID) -> list[Acting]:
    """The logins that act for a member."""
    columns = (LoginMember.login_id, LoginMember.relation, LoginMember.since)
    statement = select(*columns).where(LoginMember.member_id == member_id).order_by(LoginMember.login_id)
    return [Acting._make(row) for row in tx.execute(statement)]


def add_login_member(tx: Session, member_id: UUID, acting: Acting) -> None:
    tx.execute(insert(LoginMember).values(member_id=member_id, **acting._asdict()))


def remove_login_member(tx: Session, login_id: UUID, member_id: UUID) -> None:
    tx.execute(
        delete(LoginMember)
        .where(LoginMember.login_id == login_id, LoginMember.member_id == member_id)
        .execution_options(synchronize_session=False)
    )


def set_relation(tx: Session, login_id: UUID, member_id: UUID, relation: str) -> None:
    tx.execute(
        update(LoginMember)
        .where(LoginMember.login_id == login_id, LoginMember.member_id == member_id)
        .values(relation=relation)
        .execution_options(synchronize_session=False)
    )


def wards_of(tx: Session, guardian_id: UUID) -> list[UUID]:
    """Those whose guardian a member is."""
    return list(tx.scalars(select(Member.id).where(Member.guardian_id == guardian_id).order_by(Member.id)))


def give_wards(tx: Session, ward_ids: Sequence[UUID], guardian_id: UUID) -> None:
    tx.execute(
        update(Member)
        .where(Member.id.in_(ward_ids), Member.id != guardian_id)
        .values(guardian_id=guardian_id)
        .execution_options(synchronize_session=False)
    )


def add(
    tx: Session,
    merge_id: UUID,
    member_id: UUID,
    into_id: UUID,
    *,
    reason: str,
    kept: dict[str, Any],
    at: datetime,
    by: str,
) -> None:
    tx.add(
        Merge(
            id=merge_id,
            member_id=member_id,
            into_id=into_id,
            reason=reason,
            kept=kept,
            at=at,
            by=by,
            undone_at=None,
            undone_by=None,
        )
    )
    tx.flush()
