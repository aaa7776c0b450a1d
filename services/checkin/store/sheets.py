"""Statements on sign-in sheets: each reads or writes all lines at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from services.checkin.domain.attendances import LIVE, Attendance
from services.checkin.store import attendances
from services.checkin.store.attendances import LIVE_SQL
from services.checkin.store.tables import attendance_table
from shared.audit import audit_log
from shared.copies import PERSONS

_columns = attendance_table.c

# As it was at a moment: whoever signed up later is not on it, and whoever called off later still is. Those who named
# no site may come to any: they stand on each one's sheet, behind its own people (ADR 161). Who was merged since stands
# there as who they are now.
_list_lines = text(f"""
    WITH RECURSIVE {PERSONS}, stay AS (
        SELECT DISTINCT ON (coalesce(person_id, member_id)) coalesce(person_id, member_id) AS stays, id, site_id,
            arrived_at, left_at, evidence
        FROM attendance LEFT JOIN person USING (member_id)
        WHERE activity_id = :activity_id AND state IN {LIVE_SQL}
            AND (site_id = :site_id OR NOT :only_here)
        ORDER BY coalesce(person_id, member_id), site_id <> :site_id, arrived_at
    )
    SELECT row_number() OVER (ORDER BY sign_up.site_id IS NULL, sign_up.number) AS number,
        coalesce(person_id, sign_up.member_id) AS member_id, sign_up.site_id, stay.id AS attendance_id,
        site.name AS site_name, stay.arrived_at, stay.left_at, stay.evidence, card.name_masked,
        right(card.volunteer_number, 4) AS number_tail, compound.name AS compound_name, building.name AS building_name
    FROM sign_up LEFT JOIN person ON person.member_id = sign_up.member_id
    LEFT JOIN stay ON stays = coalesce(person_id, sign_up.member_id)
    LEFT JOIN site ON site.id = stay.site_id
    LEFT JOIN member_card card ON card.member_id = coalesce(person_id, sign_up.member_id)
    LEFT JOIN station compound ON compound.node_id = card.compound_id
    LEFT JOIN station building ON building.node_id = card.building_id
    WHERE sign_up.activity_id = :activity_id AND (sign_up.site_id = :site_id OR sign_up.site_id IS NULL)
        AND sign_up.at <= :as_of AND (sign_up.cancelled_at IS NULL OR sign_up.cancelled_at > :as_of)
    ORDER BY number LIMIT :limit
""")  # noqa: S608 - a statement of ours


def list_lines(
    tx: Session, activity_id: UUID, site_id: UUID, *, as_of: datetime, limit: int, only_here: bool = False
) -> Sequence[Row[Any]]:
    """Who stands on the sheet of a site, in order, each with the record they have at the activity by now, or only at
    the site.
    """
    values = {"activity_id": activity_id, "site_id": site_id, "as_of": as_of, "limit": limit, "only_here": only_here}
    return tx.execute(_list_lines, values).all()


def list_entered(tx: Session, site_id: UUID, number: str, since: datetime) -> Sequence[Row[Any]]:
    """By line of the paper of this number, who was typed in and is still there. The audit log alone knows of lines;
    `since`: when the paper was printed, before which it has nothing of it.
    """
    log, line = audit_log.c, audit_log.c.detail["line"].as_integer().label("number")
    return tx.execute(
        select(line, _columns.member_id)
        .join_from(audit_log, attendance_table, _columns.id == log.subject_id)
        .where(
            log.at >= since,
            log.action == "attendance.add",
            log.detail["number"].as_string() == number,
            line.is_not(None),
            _columns.site_id == site_id,
            _columns.state.in_(LIVE),
        )
        .order_by(line)
    ).all()


def list_pairs(
    tx: Session, activity_id: UUID, member_ids: Sequence[UUID], merged: Mapping[UUID, UUID]
) -> dict[UUID, list[Attendance]]:
    """All pairs of these at an activity, by member, oldest first; those of `merged` entries are of who stays."""
    found: dict[UUID, list[Attendance]] = defaultdict(list)
    statement = select(attendance_table).where(
        _columns.activity_id == activity_id, _columns.member_id == func.any([*member_ids, *merged])
    )
    for row in tx.execute(statement.order_by(_columns.arrived_at, _columns.id)):
        found[merged.get(row.member_id, row.member_id)].append(attendances.read(row))
    return found
