"""Whom a row of an import may mean, and what stands against taking it in for them."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session, aliased

from services.members.domain.matching import Candidate
from services.members.domain.places import Level
from services.members.store.models import Member, Node
from services.members.store.tree import with_merged
from shared.principal import Principal


def list_candidates(tx: Session, station_id: UUID, names: Iterable[str], numbers: Iterable[str]) -> list[Candidate]:
    """Who is active at a station, or one merged into it, and has one of these names or volunteer numbers."""
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
            or_(Member.station_id == func.any(with_merged(tx, [station_id])), compound.parent_id == station_id),
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


# Entries of one person that were merged are that person, wherever the person is now.
_WITH_OPENING = text("""
    WITH RECURSIVE up (wanted, id, merged_into) AS (
        SELECT id, id, merged_into FROM member WHERE id = ANY(:ids)
        UNION SELECT up.wanted, above.id, above.merged_into FROM up JOIN member above ON above.id = up.merged_into
    ), same (wanted, id) AS (
        SELECT wanted, id FROM up WHERE merged_into IS NULL
        UNION SELECT same.wanted, below.id FROM same JOIN member below ON below.merged_into = same.id
    )
    SELECT DISTINCT wanted FROM same JOIN import_row ON import_row.member_id = same.id AND state = 'added'
    JOIN import_file ON import_file.id = import_id AND kind = 'opening' AND import_id IS DISTINCT FROM :but
""")


def with_opening(tx: Session, member_ids: Iterable[UUID], *, but: UUID | None = None) -> set[UUID]:
    """Those of these members whose balance, or that of another entry of theirs, was taken over by an import, but this
    one.
    """
    return set(tx.scalars(_WITH_OPENING, {"ids": list(member_ids), "but": but}))


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
