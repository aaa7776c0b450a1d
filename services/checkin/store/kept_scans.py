"""Scans as they are looked at afterwards; how one is made is in `scans`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, func, literal, select, tuple_
from sqlalchemy.orm import Session

from services.checkin.domain.admission import Outcome
from services.checkin.store.tables import scan_table
from shared import copies


def list_scans(tx: Session, activity_id: UUID, *, limit: int, refused: bool, before: UUID | None) -> Sequence[Row[Any]]:
    """Scans at an activity, newest first; `code_readers` counts the members that the same code was read for here."""
    columns = scan_table.c
    by_code = (
        select(columns.code_digest, func.count(columns.member_id.distinct()).label("code_readers"))
        .where(columns.activity_id == activity_id)
        .group_by(columns.code_digest)
        .subquery()
    )
    statement = (
        select(scan_table, by_code.c.code_readers)
        .outerjoin(by_code, by_code.c.code_digest == columns.code_digest)
        .where(columns.activity_id == activity_id)
        .order_by(columns.received_at.desc(), columns.id.desc())
        .limit(limit)
    )
    if refused:
        statement = statement.where(columns.outcome.in_([outcome.value for outcome in Outcome if not outcome.accepted]))
    if before is not None:
        mark = select(columns.received_at, columns.id).where(columns.id == before).scalar_subquery()
        statement = statement.where(tuple_(columns.received_at, columns.id) < mark)
    return tx.execute(statement).all()


def list_scans_of(tx: Session, member_id: UUID, *, limit: int, before: UUID | None) -> Sequence[Row[Any]]:
    """A member's scans everywhere, newest first, with those of entries that were merged into the member."""
    columns = scan_table.c
    statement = (
        select(scan_table)
        .where(columns.member_id.in_(copies.merged_line(literal(member_id, Uuid))))
        .order_by(columns.received_at.desc(), columns.id.desc())
        .limit(limit)
    )
    if before is not None:
        mark = select(columns.received_at, columns.id).where(columns.id == before).scalar_subquery()
        statement = statement.where(tuple_(columns.received_at, columns.id) < mark)
    return tx.execute(statement).all()
