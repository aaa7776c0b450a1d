"""Statements on everything that is kept of one member."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.members.store.models import Consent, LoginMember
from shared.audit import audit_log

ACTS_MAX = 1000
_TOLD = frozenset({"fields", "relation", "let_go"})
"""What is told of an act's detail: not who else it names."""


def list_consents(tx: Session, member_id: UUID) -> list[dict[str, Any]]:
    """Every giving and withdrawing, oldest first."""
    columns = (Consent.kind, Consent.version, Consent.given, Consent.at)
    rows = tx.execute(select(*columns).where(Consent.member_id == member_id).order_by(Consent.at, Consent.id))
    return [dict(row._mapping) | {"at": row.at.isoformat()} for row in rows]


def list_logins(tx: Session, member_id: UUID) -> dict[UUID, Any]:
    """Which logins act for a member, and since when where that is known."""
    rows = tx.execute(select(LoginMember.login_id, LoginMember.since).where(LoginMember.member_id == member_id))
    return {row.login_id: row.since for row in rows}


def list_acts(tx: Session, member_id: UUID, own_logins: set[UUID]) -> list[dict[str, Any]]:
    """The newest acts that this service's audit log has on a member, without the names of who acted."""
    columns = audit_log.c
    rows = tx.execute(
        select(columns.at, columns.who, columns.action, columns.detail)
        .where(columns.subject_type == "member", columns.subject_id == member_id)
        .order_by(columns.at.desc(), columns.id.desc())
        .limit(ACTS_MAX)
    )
    own = {f"login:{login_id}" for login_id in own_logins}
    return [
        {
            "at": row.at,
            "action": row.action,
            "by_oneself": row.who in own,
            "detail": {name: value for name, value in row.detail.items() if name in _TOLD},
        }
        for row in rows
    ]
