"""Statements on codes that hand a member over, and on whom logins act for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, literal, select
from sqlalchemy.orm import Session, aliased

from services.members.domain.places import ROOT
from services.members.store.keys import keys
from services.members.store.models import Login, LoginMember, Member, Node, OneTimeCode
from shared import clock

CLAIM = "claim"


def find_code(tx: Session, token: str, *, lock: bool = False) -> OneTimeCode | None:
    """The code of this token, whatever became of it."""
    found = select(OneTimeCode).where(OneTimeCode.purpose == CLAIM, OneTimeCode.code_hash == keys().code_hash(token))
    return tx.scalars((found.with_for_update() if lock else found).execution_options(populate_existing=True)).first()


def is_live(code: OneTimeCode) -> bool:
    return code.ended_at is None and code.expires_at > clock.now()


def lock_login(tx: Session, login_id: UUID) -> None:
    """One act after another that changes whom a login acts for."""
    tx.scalars(select(Login.id).where(Login.id == login_id).with_for_update()).first()


def relation_of(tx: Session, login_id: UUID, member_id: UUID) -> str | None:
    """As what a login acts for a member; None when it does not."""
    return tx.scalar(
        select(LoginMember.relation).where(LoginMember.login_id == login_id, LoginMember.member_id == member_id)
    )


def count_members(tx: Session, login_id: UUID) -> int:
    return tx.scalar(select(func.count()).where(LoginMember.login_id == login_id)) or 0


def others_acting(tx: Session, member_id: UUID, login_id: UUID | None) -> Sequence[UUID]:
    """The persons behind the other logins that act for a member, who are not gone; without one behind all."""
    there = select(LoginMember.login_id, LoginMember.member_id).join(Member, Member.id == LoginMember.member_id)
    person = there.where(LoginMember.relation == "self", Member.status == "active").subquery()
    return tx.scalars(
        select(person.c.member_id)
        .join(LoginMember, LoginMember.login_id == person.c.login_id)
        .where(LoginMember.member_id == member_id, LoginMember.login_id.is_distinct_from(login_id))
        .order_by(person.c.member_id)
    ).all()


def let_go(tx: Session, member_id: UUID, *, login_id: UUID | None = None, but: UUID | None = None) -> int:
    """End that a login acts for a member; without one all logins, `but` one. How many did."""
    gone = delete(LoginMember).where(LoginMember.member_id == member_id)
    if login_id is not None:
        gone = gone.where(LoginMember.login_id == login_id)
    if but is not None:
        gone = gone.where(LoginMember.login_id != but)
    return len(tx.execute(gone.returning(LoginMember.login_id)).all())


def list_acting(tx: Session, member_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """By member, who acts for them besides themselves: the login, its person's name and the relation."""
    person = select(LoginMember.login_id, Member.name).join(Member, Member.id == LoginMember.member_id)
    person_of = person.where(LoginMember.relation == "self").subquery()
    rows = tx.execute(
        select(LoginMember.member_id, LoginMember.login_id, LoginMember.relation, person_of.c.name)
        .outerjoin(person_of, person_of.c.login_id == LoginMember.login_id)
        .where(LoginMember.member_id == func.any(list(member_ids)), LoginMember.relation != "self")
        .order_by(LoginMember.member_id, LoginMember.login_id)
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append(
            {"login_id": row.login_id, "name": row.name, "relation": row.relation}
        )
    return found


def list_relatives(tx: Session, member_ids: Sequence[UUID]) -> dict[UUID, tuple[Member, str]]:
    """By member, who in the family can be called for them, with the path as in `people.path_of`: the guardian, else the
    person of a login that acts for them; of those who have a phone.
    """
    asked, person = func.any(list(member_ids)), aliased(LoginMember)
    guardians = select(
        Member.id.label("for_id"), Member.guardian_id.label("person_id"), literal(0).label("rank")
    ).where(Member.id == asked, Member.guardian_id.is_not(None))
    acting = (
        select(LoginMember.member_id, person.member_id, literal(1))
        .join(person, person.login_id == LoginMember.login_id)
        .where(LoginMember.member_id == asked, LoginMember.relation != "self", person.relation == "self")
    )
    relative = guardians.union_all(acting).subquery().c
    rows = tx.execute(
        select(relative.for_id, Member, func.coalesce(Node.path, ROOT))
        .join(Member, Member.id == relative.person_id)
        .outerjoin(Node, Node.id == Member.station_id)
        .where(Member.status == "active", Member.phone_hash.is_not(None))
        .order_by(relative.for_id, relative.rank, Member.id)
    )
    found: dict[UUID, tuple[Member, str]] = {}
    for for_id, member, path in rows:
        found.setdefault(for_id, (member, path))
    return found
