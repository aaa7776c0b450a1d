"""Invariant 2, within check-in: one attendance per post, member and pair, and scans that belong to it."""

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
