"""The public routes of check-in, by use case; each module hangs its own on the one blueprint."""

from services.checkin.api import (
    activities,
    attendances,
    confirm_each,
    day,
    doubled,
    files,
    newcomers,
    outside,
    reports,
    reviews,
    roll,
    scans,
    sheets,
    sign_ups,
)
from services.checkin.api.routes import routes

__all__ = [
    "activities",
    "attendances",
    "confirm_each",
    "day",
    "doubled",
    "files",
    "newcomers",
    "outside",
    "reports",
    "reviews",
    "roll",
    "routes",
    "scans",
    "sheets",
    "sign_ups",
]
