"""Statements on what people see of members."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from services.members.domain.names import mask
from services.members.domain.places import ROOT
from services.members.store.models import Employer, LoginMember, Member, MemberTeam, Node, Team
from services.members.store.people import MemberNotFound, newest

_station, _compound, _building = aliased(Node), aliased(Node), aliased(Node)
_consents = (
    select(func.coalesce(func.json_agg(literal_column("newest")), literal_column("'[]'::json")))
    .select_from(newest)
    .scalar_subquery()
)
_teams = (
    select(
        func.coalesce(
            func.json_agg(aggregate_order_by(func.json_build_object("id", Team.id, "name", Team.name), Team.id)),
            literal_column("'[]'::json"),
        )
    )
    .select_from(MemberTeam)
    .join(Team, Team.id == MemberTeam.team_id)
    .where(MemberTeam.member_id == Member.id)
    .scalar_subquery()
)
_has_login = (
    select(LoginMember.login_id)
    .where(LoginMember.member_id == Member.id, LoginMember.relation == "self")
    .correlate(Member)  # not the LoginMember that a query may join
    .exists()
)


def view() -> Select[*tuple[Any, ...]]:
    """Everything the wire shows of members, one row each; narrow it with `where`."""
    return (
        select(
            Member.id,
            Member.version,
            Member.status,
            Member.merged_into,
            Member.volunteer_number,
            Member.name,
            Member.birth_date,
            Member.station_id,
            _station.name.label("station_name"),
            func.coalesce(_station.path, ROOT).label("path"),
            Member.compound_id,
            _compound.name.label("compound_name"),
            Member.building_id,
            _building.name.label("building_name"),
            Member.household_id,
            Member.employer_id,
            Employer.name.label("employer_name"),
            Member.guardian_id,
            Member.skills,
            Member.created_at,
            Member.confirmed_at.is_not(None).label("confirmed"),
            Member.phone_hash.is_not(None).label("has_phone"),
            _has_login.label("has_login"),
            _teams.label("teams"),
            _consents.label("consents"),
        )
        .outerjoin(_station, _station.id == Member.station_id)
        .outerjoin(_compound, _compound.id == Member.compound_id)
        .outerjoin(_building, _building.id == Member.building_id)
        .outerjoin(Employer, Employer.id == Member.employer_id)
    )


def as_shown(row: Row[Any]) -> dict[str, Any]:
    """A row of `view()` as the wire has it."""
    return dict(row._mapping) | {"name_masked": mask(row.name), "full": True}


def as_masked(row: Row[Any]) -> dict[str, Any]:
    """The little that anybody who is logged in may see of a member whose id they have."""
    return {
        "id": row.id,
        "status": row.status,
        "name": mask(row.name),
        "name_masked": mask(row.name),
        "full": False,
        "volunteer_number": "*" * 8 + row.volunteer_number[-4:],
        "station_id": row.station_id,
        "station_name": row.station_name,
    }


def show(tx: Session, member_id: UUID) -> dict[str, Any]:
    """One member in full; for callers whose right to it has been checked."""
    row = tx.execute(view().where(Member.id == member_id)).first()
    if row is None:
        raise MemberNotFound
    return as_shown(row)


def below_any(paths: Iterable[str]) -> ColumnElement[bool]:
    """Members whose station lies at or below one of the paths."""
    found = [true() if path == ROOT else _station.path.startswith(path, autoescape=True) for path in paths]
    return or_(*found)


def in_node(node_id: UUID, path: str) -> ColumnElement[bool]:
    """Members of a station or of a place above it, or who live in a compound or building."""
    return or_(Member.compound_id == node_id, Member.building_id == node_id, below_any([path]))
