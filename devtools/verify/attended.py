"""Invariant 2, within check-in: one attendance per post, member and pair, and scans that belong to it; and one order of
sign-ups, in which nobody loses the place that they were given.
"""

from collections.abc import Callable, Iterator
from typing import Any

Rows = Callable[..., list[Any]]


def find_double_pairs(rows: Rows) -> Iterator[str]:
    for row in rows(
        "checkin",
        """
        SELECT site_id, member_id, pair, count(*) FROM attendance GROUP BY 1, 2, 3 HAVING count(*) > 1
        UNION ALL
        SELECT site_id, member_id, NULL, count(*) FROM attendance WHERE state = 'open' GROUP BY 1, 2 HAVING count(*) > 1
        """,
    ):
        yield f"member {row.member_id} has {row.count} attendances at site {row.site_id}"


def find_stray_scans(rows: Rows) -> Iterator[str]:
    """Accepted scans without an attendance of this member at this site: what they were answered did not happen."""
    for row in rows(
        "checkin",
        """
        SELECT scan.id, scan.outcome, scan.member_id, scan.attendance_id FROM scan
        LEFT JOIN attendance ON attendance.id = scan.attendance_id
            AND (attendance.member_id, attendance.site_id) = (scan.member_id, scan.site_id)
        WHERE scan.outcome IN ('ok', 'late_scan', 'duplicate') AND attendance.id IS NULL
        """,
    ):
        yield f"scan {row.id} of member {row.member_id} was {row.outcome}, but there is no attendance of it"


def find_repeated_scans(rows: Rows) -> Iterator[str]:
    """Attendances that were begun or ended twice: a repetition is a duplicate, however late it comes."""
    for row in rows(
        "checkin",
        """
        SELECT attendance_id, direction, count(*) FROM scan
        WHERE outcome IN ('ok', 'late_scan') AND attendance_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1
        """,
    ):
        yield f"attendance {row.attendance_id} has {row.count} scans of {row.direction}"


def find_lost_places(rows: Rows) -> Iterator[str]:
    """Activities whose sign-ups are not one order (ADR 105): numbers from 1 without a gap, since a number that is gone
    is somebody who was turned away after all; one live sign-up a member, so that those counted are those in the order;
    and nobody behind whoever came a minute later. Processes' clocks may differ by less.
    """
    for row in rows(
        "checkin",
        """
        SELECT activity_id, 'numbers that are not 1 to ' || count(*) AS what FROM sign_up
        GROUP BY activity_id HAVING count(*) <> max(number) OR min(number) <> 1 OR count(*) <> count(DISTINCT number)
        UNION ALL
        SELECT activity_id, 'two live sign-ups of member ' || member_id FROM sign_up
        WHERE cancelled_at IS NULL GROUP BY activity_id, member_id HAVING count(*) > 1
        UNION ALL
        SELECT activity_id, 'number ' || number || ' before others who came earlier' FROM (
            SELECT activity_id, number, at, min(at) OVER (
                PARTITION BY activity_id ORDER BY number ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS others_at FROM sign_up
        ) ordered WHERE others_at < at - interval '1 minute'
        """,
    ):
        yield f"activity {row.activity_id} has {row.what}"


def find_stray_sign_ups(rows: Rows) -> Iterator[str]:
    """Sign-ups for what nobody could sign up for yet, at a site of another activity, or called off before they came."""
    for row in rows(
        "checkin",
        """
        SELECT sign_up.id, sign_up.activity_id FROM sign_up
        LEFT JOIN activity ON activity.id = sign_up.activity_id
        LEFT JOIN site ON (site.activity_id, site.id) = (sign_up.activity_id, sign_up.site_id)
        WHERE activity.published_at IS NULL OR sign_up.at < activity.published_at - interval '1 minute'
            OR (sign_up.site_id IS NOT NULL AND site.id IS NULL) OR sign_up.cancelled_at < sign_up.at
        """,
    ):
        yield f"sign-up {row.id} for activity {row.activity_id} cannot have happened"


def find_wrong_batches(rows: Rows) -> Iterator[str]:
    """Batches for other platforms that hold other records than they were made of, and records of what is not so."""
    for row in rows(
        "checkin",
        """
        SELECT batch.id, 'says ' || batch.records || ' records and holds ' || count(record.line) AS what
        FROM export_batch batch LEFT JOIN export_record record ON record.batch_id = batch.id GROUP BY batch.id
        HAVING count(record.line) <> batch.records OR max(record.line) <> batch.records OR min(record.line) <> 1
        UNION ALL
        SELECT batch_id, 'has line ' || line || ', which check-in knows otherwise'
        FROM export_record record LEFT JOIN attendance ON attendance.id = record.attendance_id
        WHERE coalesce(attendance.version, 0) < record.version OR attendance.version = record.version AND (
            CASE WHEN attendance.state = 'annulled' THEN 0 ELSE attendance.minutes END, attendance.service_day,
            attendance.state <> 'annulled'
        ) IS DISTINCT FROM (record.minutes, record.service_day, record.counts)
        """,
    ):
        yield f"batch {row.id} {row.what}"
