"""The audit log of a service, written in the transaction of the act it records."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import g, has_request_context
from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared import clock
from shared.db import APPEND_ONLY, kernel_metadata, transactional
from shared.ids import new_id
from shared.principal import OwnCase, Principal

REFUSED_OWN = ".refuse_own"
"""How the name of an act ends that was refused because it was for oneself or the own household."""
REPEATED_WITHIN = timedelta(minutes=10)
"""How long the same try counts as a repetition: of a client, or of a second click."""

audit_log = Table(
    "audit_log",
    kernel_metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("member_id", Uuid),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("path", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("request_id", Text),
    Index("ix_audit_log_at", "at"),
    comment=APPEND_ONLY,
)


def add(
    tx: Session,
    principal: Principal,
    action: str,
    subject_type: str,
    subject_id: UUID | None,
    *,
    path: str = "/",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record a privileged act.

    `action` is a verb with its noun (`attendance.confirm`), `path` the node below which the act lies,
    so that a station's auditor finds it; `detail` must be JSON and hold no phone, password or code.
    """
    add_all(tx, principal, action, subject_type, {subject_id: path}, detail=detail)


def add_all(
    tx: Session,
    principal: Principal,
    action: str,
    subject_type: str,
    paths: Mapping[UUID, str] | Mapping[UUID | None, str],
    *,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record one act that was done to many, each with its path, in one statement."""
    _add(tx, principal, action, subject_type, [(subject_id, path, detail or {}) for subject_id, path in paths.items()])


def add_each(
    tx: Session,
    principal: Principal,
    action: str,
    subject_type: str,
    details: Mapping[UUID, Mapping[str, Any]],
    *,
    path: str,
) -> None:
    """Record one act that was done to many at one place, each with its own detail, in one statement."""
    _add(tx, principal, action, subject_type, [(subject_id, path, detail) for subject_id, detail in details.items()])


@transactional
def keep_own_case(tx: Session, principal: Principal, refused: OwnCase) -> None:
    """Record what somebody tried for themselves or their household, once its own transaction is rolled back."""
    tried, member_id = refused.tried, refused.member_id
    assert tried is not None
    subject_id = tried.subject_id or member_id
    named = {} if subject_id == member_id else {"member_id": str(member_id)}
    detail = {**tried.told, **named, "tried": tried.act}
    action = tried.act.partition(".")[0] + REFUSED_OWN
    _add_own_cases(tx, principal, action, tried.subject_type, [(subject_id, tried.path, detail)])


def add_own_cases(
    tx: Session, principal: Principal, action: str, details: Mapping[UUID, Mapping[str, Any]], *, path: str
) -> None:
    """Record of which members an act on many at one place was refused, each with its own detail; the last statements
    of a transaction.
    """
    _add_own_cases(
        tx, principal, action, "member", [(member_id, path, detail) for member_id, detail in details.items()]
    )


def _add_own_cases(
    tx: Session,
    principal: Principal,
    action: str,
    subject_type: str,
    tried: Iterable[tuple[UUID | None, str, Mapping[str, Any]]],
) -> None:
    """Those that are no repetitions, one login after another, so that two of the same that come at once are one."""
    if not (wanted := list(tried)):
        return
    tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"own case of {principal.who}", 0))))
    log = audit_log.c
    known = tx.execute(
        select(log.subject_id, log.path, log.detail).where(
            log.at > clock.now() - REPEATED_WITHIN, log.who == principal.who, log.action == action
        )
    ).all()
    new = [one for one in wanted if (one[0], one[1], dict(one[2])) not in [tuple(row) for row in known]]
    _add(tx, principal, action, subject_type, new)


def _add(
    tx: Session,
    principal: Principal,
    action: str,
    subject_type: str,
    subjects: Iterable[tuple[UUID | None, str, Mapping[str, Any]]],
) -> None:
    rows = [
        {
            "id": new_id(),
            "at": clock.now(),
            "who": principal.who,
            "member_id": principal.own_member_id,
            "action": action,
            "subject_type": subject_type,
            "subject_id": subject_id,
            "path": path,
            "detail": dict(detail),
            "request_id": g.get("request_id") if has_request_context() else None,
        }
        for subject_id, path, detail in subjects
    ]
    if rows:
        tx.execute(insert(audit_log), rows)
