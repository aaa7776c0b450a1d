"""Statements on requests to be forgotten, and the forgetting itself."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, true, update
from sqlalchemy.orm import Session

from services.members.domain.departures import Kind
from services.members.domain.names import ERASED_NAME
from services.members.domain.places import ROOT
from services.members.store import entries, imports, people
from services.members.store.models import (
    Access,
    BadgeSerial,
    Creation,
    Departure,
    Erasure,
    Login,
    LoginMember,
    Member,
    MemberTeam,
    Merge,
    Node,
    OneTimeCode,
    RoleGrant,
)
from shared import outbox

INPUT_HASH_BYTES = 32


# --- Requests -----------------------------------------------------------------------------------------


def find_open(tx: Session, member_id: UUID) -> Erasure | None:
    """The request of a member that is neither done nor withdrawn."""
    return tx.scalars(select(Erasure).where(Erasure.member_id == member_id, Erasure.state == "asked")).first()


def has_open(tx: Session, member_ids: Sequence[UUID]) -> bool:
    """Whether one of these members asked to be forgotten, and is not yet."""
    asked = select(Erasure.id).where(Erasure.member_id.in_(member_ids), Erasure.state == "asked")
    return tx.scalar(asked.limit(1)) is not None


def lock(tx: Session, erasure_id: UUID) -> Erasure | None:
    return tx.get(Erasure, erasure_id, with_for_update=True, populate_existing=True)


def list_due(tx: Session, now: datetime, rows_max: int) -> Sequence[UUID]:
    due = select(Erasure.id).where(Erasure.state == "asked", Erasure.due_at <= now)
    return tx.scalars(due.order_by(Erasure.due_at).limit(rows_max)).all()


def _view() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Erasure.id,
            Erasure.member_id,
            Member.name.label("member_name"),
            Member.volunteer_number,
            Member.station_id,
            Node.name.label("station_name"),
            Erasure.asked_at,
            Erasure.due_at,
            Erasure.state,
            func.coalesce(Node.path, ROOT).label("path"),
        )
        .join(Member, Member.id == Erasure.member_id)
        .outerjoin(Node, Node.id == Member.station_id)
        .where(Erasure.state == "asked")
    )


def show_open(tx: Session, member_id: UUID) -> dict[str, Any] | None:
    row = tx.execute(_view().where(Erasure.member_id == member_id)).first()
    return None if row is None else dict(row._mapping)


def list_open(tx: Session, paths: Sequence[str], *, limit: int, after: UUID | None) -> list[dict[str, Any]]:
    """Of members at and below these paths, the oldest first."""
    below = or_(*(true() if path == ROOT else Node.path.startswith(path, autoescape=True) for path in paths))
    statement = _view().where(below).order_by(Erasure.id).limit(limit)
    if after is not None:
        statement = statement.where(Erasure.id > after)
    return [dict(row._mapping) for row in tx.execute(statement)]


# --- What stands in the way ---------------------------------------------------------------------------


def has_roles(tx: Session, member_id: UUID) -> bool:
    """Whether anything is granted to a member."""
    live = select(RoleGrant.id).where(RoleGrant.member_id == member_id, RoleGrant.revoked_at.is_(None))
    return tx.scalar(live.limit(1)) is not None


def marked_dead_at(tx: Session, member_id: UUID) -> datetime | None:
    """When it was written down that a member has died, unless that was taken back."""
    death = (Departure.member_id == member_id, Departure.kind == Kind.DECEASED, Departure.ended_at.is_(None))
    return tx.scalar(select(Departure.at).where(*death))


def list_children(tx: Session, member_id: UUID, own_login_id: UUID | None, born_after: date) -> Sequence[Member]:
    """Children, born after this day, whose guardian the member is or for whom the member's login acts; locked."""
    in_login = select(LoginMember.member_id).where(LoginMember.login_id == own_login_id)
    return tx.scalars(
        select(Member)
        .where(
            Member.status == "active",
            Member.id != member_id,
            Member.birth_date > born_after,
            or_(Member.guardian_id == member_id, Member.id.in_(in_login)),
        )
        .order_by(Member.id)
        .with_for_update()
    ).all()


# --- Forgetting -----------------------------------------------------------------------------------------


def forget(tx: Session, member_id: UUID) -> list[UUID]:
    """Blank a member, and whoever was merged into the member, in everything that leads to a person; the rows changed.

    Consents stay: what was agreed to when, by an id that leads to nobody.
    """
    ids = entries.lock_line(tx, member_id)
    for one, number in zip(ids, people.new_volunteer_numbers(tx, len(ids)), strict=True):
        tx.execute(
            update(Member)
            .where(Member.id == one)
            .values(_BLANK | {"volunteer_number": number})
            .execution_options(synchronize_session=False)
        )
    tx.execute(update(Member).where(Member.id == member_id).values(status="erased"))
    tx.execute(delete(MemberTeam).where(MemberTeam.member_id.in_(ids)))
    tx.execute(delete(OneTimeCode).where(OneTimeCode.member_id.in_(ids)))
    tx.execute(delete(BadgeSerial).where(BadgeSerial.member_id.in_(ids)))
    # Why somebody was thought to be the same person or has left, and what the other entry knew.
    merged = or_(Merge.member_id.in_(ids), Merge.into_id.in_(ids))
    tx.execute(update(Merge).where(merged).values(reason="", kept={}))
    tx.execute(update(Departure).where(Departure.member_id.in_(ids)).values(reason=""))
    # What was told of them before is told anew, without them: the older words are not to lie about.
    told = outbox.outbox.c
    tx.execute(
        delete(outbox.outbox).where(
            told.name == "MemberChanged", told.body["member_id"].astext.in_([str(one) for one in ids])
        )
    )
    wards = tx.scalars(
        update(Member).where(Member.guardian_id.in_(ids)).values(guardian_id=None).returning(Member.id)
    ).all()
    imports.forget_members(tx, ids)
    _forget_creations(tx, ids)
    return [*ids, *wards]


_BLANK: dict[str, Any] = {
    "name": ERASED_NAME,
    "pinyin": "",
    "initials": "",
    "skills": [],
    **dict.fromkeys(
        (
            "birth_date", "station_id", "compound_id", "building_id", "household_id", "employer_id", "guardian_id",
            "phone_encrypted", "phone_hash", "phone_tail_hash", "confirmed_at",
        )
    ),
}  # fmt: skip


def forget_logins(tx: Session, member_id: UUID) -> None:
    """End that any login acts for the member. The sessions of the own one end; each goes in which nobody is left: the
    own one, and such as were left by merged entries.
    """
    rows = tx.execute(
        delete(LoginMember)
        .where(LoginMember.member_id == member_id)
        .returning(LoginMember.login_id, LoginMember.relation)
    ).all()
    acted = sorted(row.login_id for row in rows)
    left = set(tx.scalars(select(LoginMember.login_id).where(LoginMember.login_id.in_(acted))))
    empty = [login_id for login_id in acted if login_id not in left]
    own = [row.login_id for row in rows if row.relation == "self"]
    tx.execute(delete(Access).where(Access.login_id.in_([*empty, *own])))
    tx.execute(delete(Login).where(Login.id.in_(empty)))
    _forget_creations(tx, empty)


def _forget_creations(tx: Session, ids: Sequence[UUID]) -> None:
    """What was asked for under these ids can no longer be tried out; who repeats it is told that the id is taken."""
    unknown = secrets.token_bytes(INPUT_HASH_BYTES)
    tx.execute(update(Creation).where(Creation.id.in_(ids)).values(input_hash=unknown))
