"""Who is at home at a place, and who is on the way there: people of a station that was merged, and those who live in a
compound or building that was moved, follow with the sweep and are known at the new place before it.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from services.members.domain.places import ROOT
from services.members.store.models import Member, Node
from services.members.store.tree import with_merged


def at_home_or_moving_to(path: str) -> ColumnElement[bool]:
    """Members whose station lies at or below a path, and who live in a place there. A merged station lies below its
    heir (ADR 143).
    """
    return or_(Member.station_id.in_(_below([path])), _living_below([path]))


def at_home_in(tx: Session, stations: Mapping[UUID, str]) -> ColumnElement[bool]:
    """Members of these stations alone, given with their paths, and not of other stations that may lie below; those of
    stations merged into them, and who live in a place below them.
    """
    return or_(Member.station_id == func.any(with_merged(tx, stations)), _living_below(stations.values()))


def _living_below(paths: Iterable[str]) -> ColumnElement[bool]:
    places = _below(paths)
    return or_(Member.compound_id.in_(places), Member.building_id.in_(places))


def _below(paths: Iterable[str]) -> Select[UUID]:
    place = aliased(Node)
    found = [true() if path == ROOT else place.path.startswith(path, autoescape=True) for path in paths]
    return select(place.id).where(or_(*found))
