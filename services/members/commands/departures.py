"""Use cases on members who are gone: moved away, no longer serving, dead; and on who comes back."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.members.commands.erasures import list_children
from services.members.domain import departures as rules
from services.members.domain.departures import Kind
from services.members.store import cards, logins, people
from services.members.store.models import Departure, Member
from shared import audit, clock
from shared.db import transactional
from shared.errors import Forbidden
from shared.ids import new_id
from shared.principal import Principal, Role, Tried


@transactional
def leave(tx: Session, caller: Principal, *, member_id: UUID, kind: Kind, day: date, reason: str) -> dict[str, Any]:
    """Mark a member as gone since a day. From now on nothing can be redeemed, and what was not collected is cancelled;
    service done before still counts. No child is left without anybody: of who was its guardian another of those who act
    for the child is it from now on. Doing it again changes nothing.
    """
    member, path = _lock(tx, caller, member_id, "member.leave")
    if member.status == "left":
        return cards.show(tx, member_id)
    if member.status != "active":
        raise people.MemberNotFound
    if day > clock.today():
        raise rules.DayAhead
    if logins.grants_of(tx, [member_id]):
        raise rules.HasRoles
    wards = _hand_over(tx, member)
    logins.end_codes(tx, member_id, "password", "claim")
    member.status = "left"
    tx.add(
        Departure(
            id=new_id(), member_id=member_id, kind=kind, day=day, reason=reason, at=clock.now(), by=caller.who,
            ended_at=None, ended_by=None,
        )
    )  # fmt: skip
    detail = {"departure": kind.value, "day": day.isoformat(), "reason": reason}
    audit.add(tx, caller, "member.leave", "member", member_id, path=path, detail=detail)
    people.tell(tx, [member_id, *wards])
    return cards.show(tx, member_id)


@transactional
def come_back(tx: Session, caller: Principal, *, member_id: UUID, reason: str) -> dict[str, Any]:
    """Who comes back, or was marked by mistake, is there again with all points. A death is taken back within a day."""
    member, path = _lock(tx, caller, member_id, "member.come_back")
    if member.status == "active":
        return cards.show(tx, member_id)
    if member.status != "left":
        raise people.MemberNotFound
    # There is none for who left because an import was taken back.
    found = tx.scalars(select(Departure).where(Departure.member_id == member_id, Departure.ended_at.is_(None))).first()
    if found is not None:
        if found.kind == Kind.DECEASED and clock.now() >= rules.undo_until(found.at):
            raise rules.UndoTooLate
        found.ended_at, found.ended_by = clock.now(), caller.who
    member.status = "active"
    audit.add(tx, caller, "member.come_back", "member", member_id, path=path, detail={"reason": reason})
    people.tell(tx, [member_id])
    return cards.show(tx, member_id)


def _hand_over(tx: Session, member: Member) -> list[UUID]:
    """Give the children whose guardian goes to who else is there for them; which they are."""
    children = list_children(tx, member)
    if any(heir_id is None for _child, heir_id in children):
        raise rules.ChildLeftAlone
    wards = [(child, heir_id) for child, heir_id in children if child.guardian_id == member.id]
    for child, heir_id in wards:
        child.guardian_id = heir_id
    return [child.id for child, _heir_id in wards]


def _lock(tx: Session, caller: Principal, member_id: UUID, act: str) -> tuple[Member, str]:
    """A member of whatever status, locked, for staff of the station and never in the own case."""
    member = tx.get(Member, member_id, populate_existing=True, with_for_update=True)
    if member is None:
        raise people.MemberNotFound
    path = people.path_of(tx, member)
    if not caller.may(Role.STAFF, path):
        raise Forbidden if caller.may(Role.ORGANIZER, path) else people.MemberNotFound
    caller.refuse_own_case(member.id, member.household_id, Tried(act, path))
    return member, path
