"""What an activity's file (台账) needs beside the activity: its sign-in sheet, with who confirmed each line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# Who confirmed stands in the audit log alone, which has an index by subject; nobody confirms what is not yet planned.
_list_lines = text("""
    WITH line AS (
        SELECT attendance.*, site.name AS site_name, site.number AS site_number
        FROM attendance JOIN site ON site.id = attendance.site_id
        WHERE attendance.activity_id = :activity_id AND attendance.state <> 'rejected'
    ), nod AS (
        SELECT subject_id AS attendance_id, log.id, log.at, log.member_id FROM audit_log log
        WHERE log.at >= :since AND action IN ('attendance.confirm', 'attendance.correct')
            AND subject_id IN (SELECT id FROM line)
        UNION ALL
        SELECT CAST(confirmed.id AS uuid), log.id, log.at, log.member_id
        FROM audit_log log CROSS JOIN jsonb_array_elements_text(log.detail -> 'attendance_ids') AS confirmed (id)
        WHERE log.at >= :since AND action = 'activity.confirm_all' AND subject_id = :activity_id
    ), last_nod AS (
        SELECT DISTINCT ON (attendance_id) attendance_id, at, member_id FROM nod ORDER BY attendance_id, id DESC
    )
    SELECT line.id, line.member_id, line.site_name, line.state, line.arrived_at, line.left_at, line.minutes,
        line.evidence, line.automatic_departure, last_nod.member_id AS confirmed_by, last_nod.at AS confirmed_at
    FROM line LEFT JOIN last_nod ON last_nod.attendance_id = line.id AND line.state IN ('confirmed', 'corrected')
    ORDER BY line.site_number, line.arrived_at, line.id
""")


def list_lines(tx: Session, activity_id: UUID, since: datetime) -> Sequence[Row[Any]]:
    """The lines of an activity's sign-in sheet, site by site and by arrival; what was rejected is none. `since`: when
    the activity was made. `confirmed_by` is None where own scans sufficed.
    """
    return tx.execute(_list_lines, {"activity_id": activity_id, "since": since}).all()
