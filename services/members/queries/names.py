"""Who is meant by the names of a list, and by what people of a list are found."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.members.domain import newcomers
from services.members.domain.lists import Asked, Namesake, judge
from services.members.queries.people import may_see
from services.members.store import cards, homes, look_ups, named, people, search, tree
from services.members.store.models import Member
from shared.db import session
from shared.principal import Principal, Role


def look_up(caller: Principal, *, station_id: UUID, named: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who of a station is meant by each of these lines of a list, in their order; only where the caller organizes.

    Of whom the station has nobody, those of the caller's other stations are, as the roll call finds them: since a split
    the list of the group names people of both. They are `elsewhere`.
    """
    tx = session()
    path = tree.get_standing(tx, station_id).path
    caller.require(Role.ORGANIZER, path)
    asked = [Asked(**one) for one in named]
    phones = {one.phone: people.phone_hash(one.phone) for one in asked if one.phone}
    rows = look_ups.list_called(tx, path, caller.paths(Role.ORGANIZER), [one.name for one in asked], phones)
    buildings = look_ups.buildings_of(tx, {row.compound_id for row in rows if row.compound_id is not None})
    return [_look_up(one, phones.get(one.phone or ""), rows, buildings) for one in asked]


def _look_up(
    asked: Asked, phone: bytes | None, rows: Sequence[Row[Any]], buildings: dict[UUID | None, list[str]]
) -> dict[str, Any]:
    called = {row.id: row for row in rows if row.name == asked.name or (phone and row.phone_hash == phone)}
    here = [row for row in called.values() if row.is_here]
    namesakes = [
        Namesake(
            id=row.id,
            name=row.name,
            has_phone=phone is not None and row.phone_hash == phone,
            compound=row.compound_name,
            building=row.building_name,
            buildings=buildings.get(row.compound_id, ()),
        )
        for row in here or list(called.values())[: newcomers.LOOK_ALIKES_MAX]
    ]
    elsewhere = bool(called) and not here
    comes_to, member_ids = judge(asked, namesakes, elsewhere=elsewhere)
    return {
        "name": asked.name,
        "comes_to": comes_to,
        "members": [cards.as_shown(called[member_id]) for member_id in member_ids],
        "elsewhere": elsewhere,
    }


def list_names(caller: Principal, *, station_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """By what these members are found on a list of a station where the caller organizes, on a screen or printed;
    masked, and without home and phone, where they may not see more.

    The last four digits of a phone are no phone: they are told without an entry in the audit log (ADR 104).
    """
    tx = session()
    path = tree.get_standing(tx, station_id).path
    caller.require(Role.ORGANIZER, path)
    rows = named.list_named(tx, ids)
    namesakes = named.with_namesake(tx, path, rows)
    return [
        named.as_named(row, has_namesake=row.id in namesakes)
        if may_see(caller, row.id, row.path)
        else named.as_named_masked(row)
        for row in rows
    ]


def list_names_called(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The same in full of those of whom another service says that they are to be called by name."""
    return [
        {name: value for name, value in named.as_named(row).items() if name not in ("path", "phone_encrypted")}
        for row in named.list_named(session(), ids)
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
        cards.view()
        .add_columns(Member.phone_hash)
        .where(search.of_name_or_phone(name, phone), homes.at_home_or_moving_to(path), Member.status == "active")
        .order_by(Member.id)
        .limit(newcomers.LOOK_ALIKES_MAX)
    )
    rows = sorted(tx.execute(statement).all(), key=lambda row: (row.phone_hash != wanted, row.name != name))
    return [cards.as_shown(row) | {"same_phone": wanted is not None and row.phone_hash == wanted} for row in rows]
