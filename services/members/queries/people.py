"""Members as they are seen: oneself, one, and those of a place."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func

from services.members.domain.names import mask
from services.members.store import cards, claims, entries, groups, search, tree
from services.members.store import people as store
from services.members.store.models import LoginMember, Member
from shared.db import session
from shared.errors import Forbidden
from shared.principal import Principal, Role


def show_me(caller: Principal) -> dict[str, Any]:
    """The login with everybody it acts for, the person itself first, and who else acts for each."""
    tx = session()
    rows = tx.execute(
        cards.view()
        .add_columns(LoginMember.relation)
        .join(LoginMember, LoginMember.member_id == Member.id)
        .where(LoginMember.login_id == caller.login_id, Member.status == "active")
        .order_by(LoginMember.relation != "self", Member.id)
    )
    members = [cards.as_shown(row) for row in rows]
    acting = claims.list_acting(tx, [member["id"] for member in members])
    for member in members:
        member["acting"] = acting.get(member["id"], [])
    own_id = next((member["id"] for member in members if member["relation"] == "self"), None)
    return {
        "login_id": caller.login_id,
        "own_member_id": own_id,
        "members": members,
        "grants": [] if own_id is None else groups.list_grants(tx, member_id=own_id),
    }


def list_members(
    caller: Principal,
    *,
    limit: int,
    ids: Sequence[UUID] | None = None,
    number: str | None = None,
    station_id: UUID | None = None,
    household_id: UUID | None = None,
    q: str | None = None,
    status: str | None = None,
    confirmed: bool | None = None,
    order: str = "id",
    after: UUID | None = None,
) -> list[dict[str, Any]]:
    """Members by id, masked where the caller has no right to more (who holds a role at the caller's places is named,
    ADR 149); or, for organizers, those below their nodes,
    by the reading of their names where `order` says so.

    By the whole volunteer number an organizer finds an active member of any station, masked likewise: whoever
    helps elsewhere can show the number, and nobody can guess it.
    """
    tx = session()
    if ids is not None:
        return _cards(caller, Member.id == func.any(list(ids)))
    if not caller.has(Role.ORGANIZER) and not caller.has(Role.AUDITOR):
        raise Forbidden
    if number is not None:
        return _cards(caller, entries.has_number(number))
    paths = caller.paths(Role.ORGANIZER) + caller.paths(Role.AUDITOR)
    in_order = search.BY_NAME if order == "name" else (Member.id,)
    statement = cards.view().where(cards.below_any(paths)).order_by(*in_order).limit(limit)
    if station_id is not None:
        statement = statement.where(cards.below_any([tree.get_standing(tx, station_id).path]))
    if household_id is not None:
        statement = statement.where(Member.household_id == household_id)
    if q is not None:
        statement = statement.where(search.matching(tx, q, paths))
    if status is not None:
        statement = statement.where(Member.status == status)
    if confirmed is not None:
        statement = statement.where(Member.confirmed_at.is_not(None) == confirmed)
    if after is not None:
        statement = statement.where(search.comes_after(after) if order == "name" else Member.id > after)
    return [cards.as_shown(row) for row in tx.execute(statement)]


def _cards(caller: Principal, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    paths = caller.paths(Role.ORGANIZER) + caller.paths(Role.AUDITOR)
    rows = session().execute(
        cards.view().add_columns(groups.holds_role_around(paths).label("is_named")).where(which).order_by(Member.id)
    )
    return [
        cards.as_shown(row)
        if may_see(caller, row.id, row.path)
        else cards.as_masked(row) | ({"name": row.name} if row.is_named else {})
        for row in rows
    ]


def show_member(caller: Principal, member_id: UUID) -> dict[str, Any]:
    """One member and who acts for them; MemberNotFound also when the caller has no right to know."""
    found = cards.show(session(), member_id)
    if not may_see(caller, member_id, found["path"]):
        raise store.MemberNotFound
    acting = claims.list_acting(session(), [member_id]).get(member_id, [])
    if not caller.acts_for(member_id):
        acting = [one | {"name": one["name"] and mask(one["name"])} for one in acting]
    return found | {"acting": acting}


def may_see(caller: Principal, member_id: UUID, path: str) -> bool:
    return caller.acts_for(member_id) or caller.may(Role.ORGANIZER, path) or caller.may(Role.AUDITOR, path)
