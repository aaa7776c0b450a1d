"""What check-in keeps: activities and their sites, sign-ups, scans, attendances, copies of members and stations."""

from services.checkin.store.tables import (
    Activity,
    ConfirmEachOn,
    ExportBatch,
    ExportPerson,
    ExportRecord,
    OutsideNumber,
    PastRecord,
    ReviewOn,
    Site,
    attendance_table,
    db,
    scan_table,
    sign_up_table,
    station_past,
)

__all__ = [
    "Activity",
    "ConfirmEachOn",
    "ExportBatch",
    "ExportPerson",
    "ExportRecord",
    "OutsideNumber",
    "PastRecord",
    "ReviewOn",
    "Site",
    "attendance_table",
    "db",
    "scan_table",
    "sign_up_table",
    "station_past",
]
