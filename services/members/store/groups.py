"""Statements on grants as the wire shows them, teams and employers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, insert, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.members.domain.places import ROOT, NameTaken
from services.members.store.models import Employer, Member, Node, RoleGrant, Team
from shared.errors import NotFound


def _grants() -> Select[*tuple[Any, ...]]:
    return (
        select(
            RoleGrant.id,
            RoleGrant.member_id,
            Member.name.label("member_name"),
            RoleGrant.role,
            RoleGrant.node_id,
            Node.name.label("node_name"),
            func.coalesce(Node.path, ROOT).label("path"),
            RoleGrant.granted_at,
            RoleGrant.revoked_at,
        )
        .join(Member, Member.id == RoleGrant.member_id)
        .outerjoin(Node, Node.id == RoleGrant.node_id)
        .order_by(RoleGrant.id)
    )


def show_grant(tx: Session, grant_id: UUID) -> dict[str, Any]:
    row = tx.execute(_grants().where(RoleGrant.id == grant_id)).first()
    if row is None:
        raise NotFound
    return dict(row._mapping)


def list_grants(
    tx: Session,
    *,
    below: Sequence[str] | None = None,
    member_id: UUID | None = None,
    node_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """Live grants; `below` keeps those at or below one of these paths."""
    statement = _grants().where(RoleGrant.revoked_at.is_(None)).limit(limit)
    if below is not None:
        statement = statement.where(
            or_(*(true() if path == ROOT else Node.path.startswith(path, autoescape=True) for path in below))
        )
    if member_id is not None:
        statement = statement.where(RoleGrant.member_id == member_id)
    if node_id is not None:
        statement = statement.where(RoleGrant.node_id == node_id)
    if after is not None:
        statement = statement.where(RoleGrant.id > after)
    return [dict(row._mapping) for row in tx.execute(statement)]


def holds_role_around(paths: Sequence[str]) -> ColumnElement[bool]:
    """Members who hold a live role at, above or below one of the paths."""
    at = func.coalesce(Node.path, ROOT)
    around = [or_(func.starts_with(path, at), at.startswith(path, autoescape=True)) for path in paths]
    held = select(RoleGrant.id).outerjoin(Node, Node.id == RoleGrant.node_id)
    mine = (RoleGrant.member_id == Member.id, RoleGrant.revoked_at.is_(None), RoleGrant.role != "volunteer")
    return held.where(*mine, or_(false(), *around)).correlate(Member).exists()


def add_teams(tx: Session, rows: Sequence[dict[str, Any]]) -> None:
    _insert_named(tx, Team, rows)


def add_employers(tx: Session, rows: Sequence[dict[str, Any]]) -> None:
    _insert_named(tx, Employer, rows)


def _insert_named(tx: Session, model: type[Team] | type[Employer], rows: Sequence[dict[str, Any]]) -> None:
    try:
        tx.execute(insert(model), list(rows))
    except IntegrityError as error:
        raise NameTaken from error


def list_teams(
    tx: Session,
    *,
    station_id: UUID | None = None,
    ids: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    statement = select(Team.id, Team.station_id, Team.name).order_by(Team.id).limit(limit)
    if station_id is not None:
        statement = statement.where(Team.station_id == station_id)
    if ids is not None:
        statement = statement.where(Team.id == func.any(list(ids)))
    if after is not None:
        statement = statement.where(Team.id > after)
    return [dict(row._mapping) for row in tx.execute(statement)]


def list_employers(
    tx: Session,
    *,
    q: str | None = None,
    ids: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    statement = select(Employer.id, Employer.name).order_by(Employer.id).limit(limit)
    if q is not None:
        statement = statement.where(Employer.name.contains(q, autoescape=True))
    if ids is not None:
        statement = statement.where(Employer.id == func.any(list(ids)))
    if after is not None:
        statement = statement.where(Employer.id > after)
    return [dict(row._mapping) for row in tx.execute(statement)]
