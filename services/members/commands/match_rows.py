"""Whose the rows of a file are, whatever it holds: matched to the members of a station, and never one's own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.domain import matching
from services.members.domain.imports import Problem
from services.members.domain.openings import OpeningRow
from services.members.domain.past import PastRow
from services.members.store import tree
from services.members.store.candidates import list_buildings, list_candidates, of_household
from services.members.store.keys import keys
from shared.buildings import home_as
from shared.principal import Principal

OWN = "这是您本人或同住家人，请另一位来交"

R = TypeVar("R", OpeningRow, PastRow)


def match(
    tx: Session, caller: Principal, station_id: UUID, rows: Sequence[R], problems: dict[int, list[Problem]]
) -> tuple[dict[int, UUID], set[UUID]]:
    """The members meant, by row, and who of them is the caller's own. These and who cannot be told go among the
    problems.
    """
    station = tree.get_standing(tx, station_id)
    there = list_buildings(tx, station.path)
    homes = [home_as(row.compound, row.building, there) for row in rows]
    rows = [replace(row, compound=home[0], building=home[1]) for row, home in zip(rows, homes, strict=True)]
    numbers = {row.volunteer_number for row in rows if row.volunteer_number}
    known = list_candidates(tx, station.id, station.path, {row.name for row in rows}, numbers)
    candidates = matching.by_row(rows, known)
    matched: dict[int, UUID] = {}
    for row in rows:
        phone = keys().phone_hash(row.phone) if row.phone else None
        tail = keys().phone_tail_hash(row.tail) if row.tail else None
        who = matching.find_member(row, phone, candidates[row.number], tail)
        if isinstance(who, Problem):
            problems[row.number] = [who]
        else:
            matched[row.number] = who.id
    own = of_household(tx, caller, set(matched.values()))
    for number, member_id in matched.items():
        if member_id in own:
            problems[number] = [Problem(number, "", "", OWN)]
    return matched, own
