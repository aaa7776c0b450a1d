"""Statements of the roll call: each a fixed number, however many people are on it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from services.checkin.domain.codes import Direction
from services.checkin.store.activities import lock_each, lock_key
from services.checkin.store.attendances import LIVE_SQL, awaits_nod
from services.checkin.store.tables import attendance_table, scan_table
from shared import copies
from shared.audit import REFUSED_OWN, audit_log
from shared.copies import PERSONS

_columns = attendance_table.c

# Who stands nowhere is here by the sign-up; of several pairs the open one says where somebody is, else the last.
# Entries of one person that were merged are one line.
_list = text(f"""
    WITH RECURSIVE {PERSONS}, signed AS (
        SELECT DISTINCT ON (coalesce(person_id, member_id)) coalesce(person_id, member_id) AS member_id, site_id, number
        FROM sign_up LEFT JOIN person USING (member_id) WHERE activity_id = :activity_id AND cancelled_at IS NULL
        ORDER BY coalesce(person_id, member_id), number
    ), standing AS (
        SELECT DISTINCT ON (coalesce(person_id, member_id)) id, coalesce(person_id, member_id) AS member_id, site_id,
            state, arrived_at, left_at, digest IS NOT NULL AS was_ticked,
            {awaits_nod("attendance")} AS awaits_nod
        FROM attendance LEFT JOIN person USING (member_id)
        WHERE activity_id = :activity_id AND state IN {LIVE_SQL}
        ORDER BY coalesce(person_id, member_id), state = 'open' DESC, arrived_at DESC, id DESC
    )
    SELECT member_id, signed.number IS NOT NULL AS signed_up, coalesce(standing.site_id, signed.site_id) AS site_id,
        standing.id AS attendance_id, standing.state, standing.arrived_at, standing.left_at,
        coalesce(standing.was_ticked, false) AS was_ticked, coalesce(standing.awaits_nod, false) AS awaits_nod,
        card.name_masked,
        right(card.volunteer_number, 4) AS number_tail, card.household_id, compound.name AS compound_name,
        building.name AS building_name
    FROM signed FULL JOIN standing USING (member_id)
    LEFT JOIN member_card card USING (member_id)
    LEFT JOIN station compound ON compound.node_id = card.compound_id
    LEFT JOIN station building ON building.node_id = card.building_id
    WHERE CAST(:site_ids AS uuid[]) IS NULL
        OR coalesce(coalesce(standing.site_id, signed.site_id) = ANY(CAST(:site_ids AS uuid[])), true)
    ORDER BY signed.number NULLS LAST, member_id LIMIT :limit
""")  # noqa: S608 - a statement of ours


def list_lines(
    tx: Session, activity_id: UUID, *, limit: int, site_ids: Iterable[UUID] | None = None
) -> Sequence[Row[Any]]:
    """Who is signed up, in order, and then who came without, each with where they stand; of some sites those who are
    there, or have named none.
    """
    of_sites = None if site_ids is None else list(site_ids)
    return tx.execute(_list, {"activity_id": activity_id, "limit": limit, "site_ids": of_sites}).all()


def has_read_names(tx: Session, who: str, activity_id: UUID, *, since: datetime) -> bool:
    """Whether the audit log says already that somebody read the names on the roll of an activity."""
    log = audit_log.c
    noted = select(log.id).where(
        log.at > since, log.who == who, log.action == "roll.read_names", log.subject_id == activity_id
    )
    return tx.execute(select(noted.exists())).scalar_one()


def take_turns(tx: Session, activity_id: UUID, member_ids: Sequence[UUID]) -> None:
    """Until we are done nobody ends the activity, and no other arrival of these members comes in anywhere. Scans of
    others, and ticks of others, do not wait.
    """
    tx.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": lock_key(activity_id)})
    lock_each(tx, member_ids)


def list_scanned(tx: Session, activity_id: UUID, member_ids: Sequence[UUID]) -> dict[UUID, set[Direction]]:
    """By attendance at an activity which of its ends are these members' own scans."""
    columns = scan_table.c
    rows = tx.execute(
        select(columns.attendance_id, columns.direction).where(
            columns.activity_id == activity_id,
            columns.member_id == func.any(list(member_ids)),
            columns.outcome.in_(("ok", "late_scan")),
        )
    )
    found: dict[UUID, set[Direction]] = {}
    for row in rows:
        found.setdefault(row.attendance_id, set()).add(Direction(row.direction))
    return found


def list_last_acts(tx: Session, attendance_ids: Iterable[UUID]) -> dict[UUID, Row[*tuple[Any, ...]]]:
    """The last act of somebody with a role on each of these attendances: when, by whom, and the masked name."""
    log, card = audit_log.c, copies.member_card.c
    rows = tx.execute(
        select(log.subject_id, log.at, log.member_id, card.name_masked)
        .ext(distinct_on(log.subject_id))
        .outerjoin(copies.member_card, card.member_id == log.member_id)
        .where(
            log.subject_id == func.any(list(attendance_ids)),
            log.action.like("attendance.%"),
            ~log.action.endswith(REFUSED_OWN, autoescape=True),
        )
        .order_by(log.subject_id, log.at.desc(), log.id.desc())
    )
    return {row.subject_id: row for row in rows}
