"""Badges to print, and whom codes mean that are read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.members.domain.badges import Badge, read_badge, read_number, short_code, write_badge
from services.members.queries.names import list_names_called
from services.members.queries.people import may_see
from services.members.store import badges as store
from services.members.store import cards, tree
from services.members.store.keys import keys
from services.members.store.models import Member
from shared.db import session
from shared.principal import Principal, Role

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
    which = [cards.in_node(node_id, path)]
    if member_id is not None:
        which.append(Member.id == member_id)
    rows = store.list_of_station(tx, *which, team_id=team_id, limit=BADGES_MAX)
    serials = store.serials_of(tx, [row.id for row in rows])
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
    rows = store.find_meant(tx, ids, [number for number in numbers.values() if number])
    by_id, by_number = ({getattr(row, name): row for row in rows} for name in ("meant_id", "meant_number"))
    serials = store.serials_of(tx, ids)
    answers: list[dict[str, Any]] = []
    for code in codes:
        badge = scanned[code]
        row = by_id.get(badge.member_id) if badge else by_number.get(numbers[code] or "")
        if row is None:
            answers.append({"code": code, "outcome": "unknown", "member": None})
        elif badge is not None and badge.serial != serials[badge.member_id]:
            answers.append({"code": code, "outcome": "void", "member": None})
        else:
            shown = cards.as_shown(row) if may_see(caller, row.id, row.path) else cards.as_masked(row)
            answers.append({"code": code, "outcome": "found", "member": shown})
    return answers


def read_badge_called(code: str) -> dict[str, Any]:
    """The same of one code, by which somebody is found on a list and no more of them, for who lets in who shows it."""
    tx = session()
    badge = read_badge(keys().badge_key, code)
    number = None if badge else read_number(code)
    ids = [badge.member_id] if badge else []
    row = next(iter(store.find_meant(tx, ids, [number] if number else [])), None)
    if row is None:
        return {"code": code, "outcome": "unknown", "member": None}
    if badge is not None and badge.serial != store.serials_of(tx, ids)[badge.member_id]:
        return {"code": code, "outcome": "void", "member": None}
    return {"code": code, "outcome": "found", "member": next(iter(list_names_called([row.id])), None)}
