"""Who is at home at a place, and who is on the way there: people of a station that was merged, and those who live in a
compound or building that was moved, follow with the sweep and are known at the new place before it.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from services.members.domain.places import ROOT, Level
from services.members.store.models import Member, Node
from services.members.store.tree import with_merged


def at_home_or_moving_to(path: str) -> ColumnElement[bool]:
    """Members whose station lies at or below a path, and who live in a place there. A merged station lies below its
    heir (ADR 143).
    """
    places = _below(path)
    return or_(Member.station_id.in_(places), Member.compound_id.in_(places), Member.building_id.in_(places))


def at_home_in(tx: Session, stations: Mapping[UUID, str]) -> ColumnElement[bool]:
    """Members of these stations alone, given with their paths, and not of other stations that may lie below; those of
    stations merged into them, and who live in a place below them that is no other station's.
    """
    place, other = aliased(Node), aliased(Node)
    between = select(other.id).where(
        other.level == Level.STATION.value,
        other.closed_on.is_(None),
        other.id.not_in(list(stations)),
        func.starts_with(place.path, other.path),
    )
    below = [true() if path == ROOT else place.path.startswith(path, autoescape=True) for path in stations.values()]
    places = select(place.id).where(or_(*below), ~between.exists())
    return or_(
        Member.station_id == func.any(with_merged(tx, stations)),
        Member.compound_id.in_(places),
        Member.building_id.in_(places),
    )


def _below(path: str) -> Select[UUID]:
    place = aliased(Node)
    return select(place.id).where(true() if path == ROOT else place.path.startswith(path, autoescape=True))
