"""What check-in keeps: activities and their sites, scans, attendances, copies of members and stations."""

from services.checkin.store.tables import Activity, ConfirmEachOn, Site, attendance_table, db, scan_table

__all__ = ["Activity", "ConfirmEachOn", "Site", "attendance_table", "db", "scan_table"]
