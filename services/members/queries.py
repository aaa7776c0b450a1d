"""Reads of the members service."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select

from services.members.domain import newcomers
from services.members.domain.badges import Badge, read_badge, read_number, short_code, write_badge
from services.members.domain.concerns import NEWS_DAYS
from services.members.domain.consents import TEXTS, Text
from services.members.domain.names import mask
from services.members.domain.places import path_above
from services.members.domain.residents import Tree
from services.members.store import (
    badges,
    claims,
    concerns,
    duplicates,
    entries,
    erasures,
    groups,
    homes,
    imports,
    people,
    residents,
    search,
    shown_imports,
    splitting,
    tree,
)
from services.members.store.keys import keys
from services.members.store.models import Access, LoginMember, Member
from shared import clock
from shared.db import session
from shared.errors import Forbidden, NotFound
from shared.principal import Principal, Role

LOOK_ALIKES_MAX = 20
UNSEEN_MAX = 10


def list_consent_texts() -> list[Text]:
    return list(TEXTS.values())


def list_nodes(
    *,
    below_id: UUID | None = None,
    above_id: UUID | None = None,
    residents_on: date | None = None,
    residents_by: Tree = Tree.NOW,
    **query: Any,
) -> list[dict[str, Any]]:
    """Nodes, open to all; arguments as `NodeQuerySchema`. What lay below a merged place lies below its heir."""
    tx = session()
    below = None if below_id is None else tree.get_standing(tx, below_id).path
    above = None if above_id is None else tree.path_of(tx, above_id)
    nodes = tree.list_nodes(tx, below=below, above=above, **query)
    if residents_on is None or not nodes:
        return nodes
    counts = residents.count(tx, [node["id"] for node in nodes], residents_on, residents_by)
    return [node | {"residents": counts[node["id"]]} for node in nodes]


def show_node(node_id: UUID) -> dict[str, Any]:
    return tree.show_node(session(), node_id)


def plan_split(caller: Principal, *, node_id: UUID) -> dict[str, Any]:
    """What stands to be divided when a station is split; `may_split` is who is responsible above it."""
    tx = session()
    node = tree.show_place(tx, node_id)
    caller.require(Role.ADMINISTRATOR, node["path"])
    return node | {
        "may_split": caller.may(Role.ADMINISTRATOR, path_above(node["path"])),
        "people": splitting.count_people(tx, node_id),
        "grants": splitting.count_grants(tx, node_id),
        "compounds": splitting.list_compounds(tx, node_id),
    }


def show_me(caller: Principal) -> dict[str, Any]:
    """The login with everybody it acts for, the person itself first, and who else acts for each."""
    tx = session()
    rows = tx.execute(
        people.view()
        .add_columns(LoginMember.relation)
        .join(LoginMember, LoginMember.member_id == Member.id)
        .where(LoginMember.login_id == caller.login_id, Member.status == "active")
        .order_by(LoginMember.relation != "self", Member.id)
    )
    members = [people.as_shown(row) for row in rows]
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
    in_order = people.BY_NAME if order == "name" else (Member.id,)
    statement = people.view().where(people.below_any(paths)).order_by(*in_order).limit(limit)
    if station_id is not None:
        statement = statement.where(people.below_any([tree.get_standing(tx, station_id).path]))
    if household_id is not None:
        statement = statement.where(Member.household_id == household_id)
    if q is not None:
        statement = statement.where(search.matching(tx, q, paths))
    if status is not None:
        statement = statement.where(Member.status == status)
    if confirmed is not None:
        statement = statement.where(Member.confirmed_at.is_not(None) == confirmed)
    if after is not None:
        statement = statement.where(people.comes_after(after) if order == "name" else Member.id > after)
    return [people.as_shown(row) for row in tx.execute(statement)]


def _cards(caller: Principal, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    paths = caller.paths(Role.ORGANIZER) + caller.paths(Role.AUDITOR)
    rows = session().execute(
        people.view().add_columns(groups.holds_role_around(paths).label("is_named")).where(which).order_by(Member.id)
    )
    return [
        people.as_shown(row)
        if _may_see(caller, row.id, row.path)
        else people.as_masked(row) | ({"name": row.name} if row.is_named else {})
        for row in rows
    ]


def look_up(caller: Principal, *, station_id: UUID, named: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who of a station is meant by each of these names and phones, in their order; only where the caller organizes.

    Of whom the station has nobody, those of the caller's other stations are, as the roll call finds them: since a split
    the list of the group names people of both. They are `elsewhere`.
    """
    tx = session()
    path = tree.get_standing(tx, station_id).path
    caller.require(Role.ORGANIZER, path)
    hashes = {one["phone"]: people.phone_hash(one["phone"]) for one in named if one["phone"]}
    statement = (
        people.view()
        .add_columns(Member.phone_hash, homes.at_home_or_moving_to(path).label("is_here"))
        .where(
            or_(people.below_any(caller.paths(Role.ORGANIZER)), homes.at_home_or_moving_to(path)),
            Member.status == "active",
            or_(
                Member.name == func.any([one["name"] for one in named]),
                Member.phone_hash == func.any(list(hashes.values())),
            ),
        )
        .order_by(Member.id)
    )
    rows = tx.execute(statement).all()
    found = []
    for one in named:
        wanted = hashes.get(one["phone"])
        meant = [row for row in rows if row.name == one["name"] or (wanted is not None and row.phone_hash == wanted)]
        here = [row for row in meant if row.is_here]
        shown = here or meant[: newcomers.LOOK_ALIKES_MAX]
        found.append(
            {
                "name": one["name"],
                "members": [people.as_shown(row) for row in shown],
                "by_phone": [row.id for row in shown if wanted is not None and row.phone_hash == wanted],
                "elsewhere": bool(meant) and not here,
            }
        )
    return found


def list_names(caller: Principal, *, station_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """By what these members are found on a list of a station where the caller organizes, on a screen or printed;
    masked, and without home and phone, where they may not see more.

    The last four digits of a phone are no phone: they are told without an entry in the audit log (ADR 104).
    """
    tx = session()
    path = tree.get_standing(tx, station_id).path
    caller.require(Role.ORGANIZER, path)
    rows = people.list_named(tx, ids)
    namesakes = people.with_namesake(tx, path, rows)
    return [
        people.as_named(row, has_namesake=row.id in namesakes)
        if _may_see(caller, row.id, row.path)
        else people.as_named_masked(row)
        for row in rows
    ]


def list_names_called(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The same in full of those of whom another service says that they are to be called by name."""
    return [
        {name: value for name, value in people.as_named(row).items() if name not in ("path", "phone_encrypted")}
        for row in people.list_named(session(), ids)
    ]


def list_newcomer_look_alikes(
    caller: Principal, *, station_id: UUID, name: str, phone: str | None = None
) -> list[dict[str, Any]]:
    """Who of a station may be the person that is about to be registered: those with the phone first, then those of
    the very name. Only where the caller organizes.
    """
    tx = session()
    path = tree.get_standing(tx, station_id).path
    caller.require(Role.ORGANIZER, path)
    wanted = None if phone is None else people.phone_hash(phone)
    statement = (
        people.view()
        .add_columns(Member.phone_hash)
        .where(people.of_name_or_phone(name, phone), homes.at_home_or_moving_to(path), Member.status == "active")
        .order_by(Member.id)
        .limit(newcomers.LOOK_ALIKES_MAX)
    )
    rows = sorted(tx.execute(statement).all(), key=lambda row: (row.phone_hash != wanted, row.name != name))
    return [people.as_shown(row) | {"same_phone": wanted is not None and row.phone_hash == wanted} for row in rows]


def _may_see(caller: Principal, member_id: UUID, path: str) -> bool:
    return caller.acts_for(member_id) or caller.may(Role.ORGANIZER, path) or caller.may(Role.AUDITOR, path)


def show_member(caller: Principal, member_id: UUID) -> dict[str, Any]:
    """One member and who acts for them; MemberNotFound also when the caller has no right to know."""
    found = people.show(session(), member_id)
    if not _may_see(caller, member_id, found["path"]):
        raise people.MemberNotFound
    acting = claims.list_acting(session(), [member_id]).get(member_id, [])
    if not caller.acts_for(member_id):
        acting = [one | {"name": one["name"] and mask(one["name"])} for one in acting]
    return found | {"acting": acting}


BADGES_MAX = 3000


def list_badges(
    caller: Principal,
    *,
    node_id: UUID,
    team_id: UUID | None = None,
    member_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """The badges of the active members at a station or in a compound, of one of its teams, or of one of them."""
    tx = session()
    path = tree.path_of(tx, node_id)
    caller.require(Role.ORGANIZER, path)
    which = [people.in_node(node_id, path)]
    if member_id is not None:
        which.append(Member.id == member_id)
    rows = badges.list_of_station(tx, *which, team_id=team_id, limit=BADGES_MAX)
    serials = badges.serials_of(tx, [row.id for row in rows])
    return [_badge(row, serials[row.id]) for row in rows]


def _badge(row: Row[Any], serial: int) -> dict[str, Any]:
    return {
        "member_id": row.id,
        "name": row.name,
        "pinyin": row.pinyin,
        "volunteer_number": row.volunteer_number,
        "short_code": short_code(row.volunteer_number),
        "confirmed": row.confirmed,
        "station_name": row.station_name,
        "compound_name": row.compound_name,
        "building_name": row.building_name,
        "serial": serial,
        "badge": write_badge(keys().badge_key, Badge(row.id, serial)),
    }


def read_badges(caller: Principal, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Whom codes mean, one answer each: `found`, `void` for a badge that was replaced, or `unknown`.

    A badge or number of a member who was merged means the one that stands now.
    """
    tx = session()
    scanned = {code: read_badge(keys().badge_key, code) for code in codes}
    numbers = {code: None if scanned[code] else read_number(code) for code in codes}
    ids = [badge.member_id for badge in scanned.values() if badge]
    rows = badges.find_meant(tx, ids, [number for number in numbers.values() if number])
    by_id, by_number = ({getattr(row, name): row for row in rows} for name in ("meant_id", "meant_number"))
    serials = badges.serials_of(tx, ids)
    answers: list[dict[str, Any]] = []
    for code in codes:
        badge = scanned[code]
        row = by_id.get(badge.member_id) if badge else by_number.get(numbers[code] or "")
        if row is None:
            answers.append({"code": code, "outcome": "unknown", "member": None})
        elif badge is not None and badge.serial != serials[badge.member_id]:
            answers.append({"code": code, "outcome": "void", "member": None})
        else:
            shown = people.as_shown(row) if _may_see(caller, row.id, row.path) else people.as_masked(row)
            answers.append({"code": code, "outcome": "found", "member": shown})
    return answers


def list_look_alikes(caller: Principal, member_id: UUID) -> list[dict[str, Any]]:
    """Who of the caller's stations may be the same person, entered twice; MemberNotFound as `show_member`."""
    tx = session()
    member = people.get_member(tx, member_id)
    if not caller.may(Role.STAFF, people.path_of(tx, member)):
        raise people.MemberNotFound
    statement = (
        people.view()
        .where(people.alike(member), people.below_any(caller.paths(Role.STAFF)), Member.status == "active")
        .order_by(Member.id)
        .limit(LOOK_ALIKES_MAX)
    )
    return [people.as_shown(row) for row in tx.execute(statement)]


def list_erasures(caller: Principal, *, limit: int, after: UUID | None = None) -> list[dict[str, Any]]:
    """Open requests to be forgotten at and below the caller's nodes."""
    return erasures.list_open(session(), caller.paths(Role.STAFF), limit=limit, after=after)


def show_erasure(caller: Principal, member_id: UUID) -> dict[str, Any]:
    """The open request of a member; NotFound also when there is none, or none that the caller may know of."""
    found = erasures.show_open(session(), member_id)
    if found is None or not (caller.acts_for(member_id) or caller.may(Role.STAFF, found["path"])):
        raise NotFound
    return found


def list_merges(caller: Principal, member_id: UUID) -> list[dict[str, Any]]:
    """Who was merged into a member of the caller's stations and still is; MemberNotFound as `show_member`."""
    tx = session()
    member = people.get_member(tx, member_id)
    if not caller.may(Role.STAFF, people.path_of(tx, member)):
        raise people.MemberNotFound
    return duplicates.list_into(tx, member_id)


def list_grants(caller: Principal, **query: Any) -> list[dict[str, Any]]:
    """Live grants at and below the caller's nodes."""
    return groups.list_grants(session(), below=caller.paths(Role.ADMINISTRATOR), **query)


def list_tokens(caller: Principal) -> list[dict[str, Any]]:
    """My API tokens that still work."""
    rows = session().execute(
        select(Access.id, Access.name, Access.created_at, Access.last_used_at, Access.expires_at)
        .where(
            Access.login_id == caller.login_id,
            Access.kind == "token",
            Access.revoked_at.is_(None),
            Access.expires_at > clock.now(),
        )
        .order_by(Access.id)
    )
    return [dict(row._mapping) for row in rows]


def list_teams(**query: Any) -> list[dict[str, Any]]:
    return groups.list_teams(session(), **query)


def list_employers(**query: Any) -> list[dict[str, Any]]:
    return groups.list_employers(session(), **query)


# --- Concerns and complaints ----------------------------------------------------------------------------


def list_concerns(
    caller: Principal,
    *,
    limit: int,
    member_id: UUID | None = None,
    state: str = "open",
    kind: str | None = None,
    after: UUID | None = None,
) -> list[dict[str, Any]]:
    """A member's own, newest first; or, for staff and auditors, those that are answered at their nodes: open ones by
    the day they are due, so that what is overdue comes first.
    """
    tx = session()
    if member_id is not None:
        caller.require_acts_for(member_id)
        rows = concerns.list_of_member(tx, member_id, limit=limit, after=after)
        return [concerns.as_shown(row, to_officials=False) for row in rows]
    paths = caller.paths(Role.STAFF) + caller.paths(Role.AUDITOR)
    if not paths:
        raise Forbidden
    rows = concerns.list_below(tx, paths, is_open=state == "open", kind=kind, limit=limit, after=after)
    return [concerns.as_shown(row, to_officials=True) for row in rows]


def list_unseen_answers(caller: Principal) -> list[dict[str, Any]]:
    """Answers of the last days to everybody the login acts for, that nobody has opened yet, the newest first."""
    since = clock.now() - timedelta(days=NEWS_DAYS)
    rows = concerns.list_unseen(session(), caller.member_ids, since, limit=UNSEEN_MAX)
    return [concerns.as_shown(row, to_officials=False) for row in rows]


def list_imports(
    caller: Principal,
    *,
    limit: int,
    station_id: UUID | None = None,
    state: str | None = None,
    before: UUID | None = None,
) -> list[dict[str, Any]]:
    """Files that were brought at and below the caller's nodes, newest first."""
    paths = caller.paths(Role.STAFF) + caller.paths(Role.AUDITOR)
    statement = shown_imports.view().where(shown_imports.below_any(paths))
    statement = statement.order_by(imports.ImportFile.id.desc()).limit(limit)
    if station_id is not None:
        statement = statement.where(imports.ImportFile.station_id == station_id)
    if state is not None:
        statement = statement.where(imports.ImportFile.state == state)
    if before is not None:
        statement = statement.where(imports.ImportFile.id < before)
    return [shown_imports.as_shown(caller, row) for row in session().execute(statement)]


def show_import(caller: Principal, import_id: UUID) -> dict[str, Any]:
    tx = session()
    row = tx.execute(shown_imports.view().where(imports.ImportFile.id == import_id)).first()
    if row is None or not (caller.may(Role.STAFF, row.path) or caller.may(Role.AUDITOR, row.path)):
        raise imports.ImportNotFound
    return shown_imports.as_shown(caller, row)


def list_import_rows(caller: Principal, import_id: UUID, *, state: str, limit: int, after: int) -> list[dict[str, Any]]:
    """Rows in one state, by number, with what they were read as and who is meant; for who may see phones, which stand
    in them.
    """
    tx = session()
    _found, path = shown_imports.get_seen(tx, caller, import_id)
    caller.require(Role.STAFF, path)
    rows = imports.list_rows(tx, import_id, state, limit=limit, after=after)
    meant = {one.id: one for one in people.list_named(tx, [row.member_id for row in rows if row.member_id])}
    return [
        {
            "number": row.number,
            "member_id": row.member_id,
            "read": row.content.read and {name: row.content.read.get(name) for name in _READ},
            "member": _meant(caller, meant.get(row.member_id)) if row.member_id else None,
            "cells": row.content.cells,
            "problems": row.content.problems,
        }
        for row in rows
    ]


_READ = ("name", "minutes", "points", "day", "title", "category")


def _meant(caller: Principal, row: Row[Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return people.as_named(row) if _may_see(caller, row.id, row.path) else people.as_named_masked(row)
