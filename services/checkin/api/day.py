"""One person, one day."""

from typing import Any

from services.checkin.api.routes import refuses, routes
from services.checkin.queries import day as queries
from services.checkin.schemas.day import DayQuerySchema, DaySchema
from shared import web


@routes.route("/day", methods=["GET"])
@web.logged_in()
@routes.arguments(DayQuerySchema, location="query")
@routes.response(200, DaySchema)
@refuses()
def show_day(query: dict[str, Any]) -> queries.Day:
    """One member on one day: scans with refusals, attendances, who did what with them, what points is not told yet."""
    return queries.show_day(web.caller(), **query)
