"""Whom a row of an import may mean, and what stands against taking it in for them."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from services.members.domain.matching import Candidate
from services.members.domain.places import Level
from services.members.store import entries
from services.members.store.homes import at_home_in
from services.members.store.imports import ImportFile, ImportRow
from services.members.store.models import Member, Node
from shared.principal import Principal


def list_candidates(
    tx: Session, station_id: UUID, path: str, names: Iterable[str], numbers: Iterable[str]
) -> list[Candidate]:
    """Who is active at a station or on the way there, and has one of these names or volunteer numbers."""
    compound, building = aliased(Node), aliased(Node)
    rows = tx.execute(
        select(
            Member.id,
            Member.name,
            Member.volunteer_number,
            Member.phone_hash,
            compound.name,
            building.name,
            Member.phone_tail_hash,
        )
        .outerjoin(compound, compound.id == Member.compound_id)
        .outerjoin(building, building.id == Member.building_id)
        .where(
            at_home_in(tx, {station_id: path}),
            Member.status == "active",
            or_(Member.name == func.any(list(names)), Member.volunteer_number == func.any(list(numbers))),
        )
    )
    return [Candidate(*row) for row in rows]


def list_buildings(tx: Session, path: str) -> dict[str, list[str]]:
    """The names of the open buildings at and below a station's path, by that of their compound."""
    building = aliased(Node)
    rows = tx.execute(
        select(Node.name, building.name)
        .join(building, building.parent_id == Node.id)
        .where(
            building.level == Level.BUILDING.value,
            building.path.startswith(path, autoescape=True),
            building.closed_on.is_(None),
        )
    )
    found: dict[str, list[str]] = {}
    for compound_name, name in rows:
        found.setdefault(compound_name, []).append(name)
    return found


def with_opening(tx: Session, member_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these members whose balance, or that of another entry of theirs, was taken over by an import. Entries of
    one person that were merged are that person, wherever the person is now.
    """
    same = entries.all_of(member_ids)
    return set(
        tx.scalars(
            select(same.c.wanted_id)
            .distinct()
            .join(ImportRow, and_(ImportRow.member_id == same.c.id, ImportRow.state == "added"))
            .join(ImportFile, ImportFile.id == ImportRow.import_id)
            .where(ImportFile.kind == "opening")
        )
    )


def of_household(tx: Session, caller: Principal, member_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these members who are the caller's own, or live with one of them now."""
    own = func.any(list(caller.member_ids))
    homes = select(Member.household_id).where(Member.id == own, Member.household_id.is_not(None))
    rows = tx.scalars(
        select(Member.id).where(
            Member.id == func.any(list(member_ids)), or_(Member.id == own, Member.household_id.in_(homes))
        )
    )
    return set(rows)
