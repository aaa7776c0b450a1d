"""Statements on by what people are found on a list: a roll, a sheet, rows of a file."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from services.members.domain.names import mask
from services.members.domain.places import ROOT, Level
from services.members.store.keys import TAIL_DIGITS, keys
from services.members.store.models import Member, Node

_station, _compound, _building = aliased(Node), aliased(Node), aliased(Node)


def list_named(tx: Session, member_ids: Iterable[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What of these members they are found by on a list, with the path of their station and the sealed phone."""
    statement = (
        select(
            Member.id,
            Member.status,
            Member.name,
            Member.pinyin,
            Member.initials,
            Member.volunteer_number,
            Member.phone_encrypted,
            func.coalesce(_station.path, ROOT).label("path"),
            _compound.name.label("compound_name"),
            _building.name.label("building_name"),
        )
        .outerjoin(_station, _station.id == Member.station_id)
        .outerjoin(_compound, _compound.id == Member.compound_id)
        .outerjoin(_building, _building.id == Member.building_id)
        .where(Member.id == func.any(list(member_ids)))
        .order_by(Member.id)
    )
    return tx.execute(statement).all()


def with_namesake(tx: Session, path: str, rows: Sequence[Row[Any]]) -> set[UUID]:
    """Those of these rows, as `list_named` gives them, whose name somebody else has who is active at or below a path.

    The people of each name are counted once for all: to look for each of a thousand members would read the whole
    station a thousand times. The stations are an array, so that none is thought to have hardly any people.
    """
    stations = select(Node.id).where(
        Node.path.startswith(path, autoescape=True),
        Node.level.not_in([Level.COMPOUND.value, Level.BUILDING.value]),
    )
    called = tx.execute(
        select(Member.name, func.count().label("people"))
        .where(
            Member.name == func.any(list({row.name for row in rows})),
            Member.station_id == func.any(func.array(stations.scalar_subquery())),
            Member.status == "active",
        )
        .group_by(Member.name)
    )
    people = {row.name: row.people for row in called}
    return {
        row.id
        for row in rows
        if people.get(row.name, 0) > (1 if row.status == "active" and row.path.startswith(path) else 0)
    }


def as_named(row: Row[Any], *, has_namesake: bool = False) -> dict[str, Any]:
    """A row of `list_named` as the wire has it: of the phone only the tail, which calls nobody."""
    phone = None if row.phone_encrypted is None else keys().unseal(row.id, row.phone_encrypted)
    tail = phone and phone[-TAIL_DIGITS:]
    return dict(row._mapping) | {"full": True, "phone_tail": tail, "has_namesake": has_namesake}


def as_named_masked(row: Row[Any]) -> dict[str, Any]:
    """The same for who may see no more than anybody."""
    return {
        "id": row.id,
        "full": False,
        "name": mask(row.name),
        "pinyin": "",
        "initials": "",
        "volunteer_number": "*" * 8 + row.volunteer_number[-4:],
        "phone_tail": None,
        "compound_name": None,
        "building_name": None,
        "has_namesake": False,
    }
