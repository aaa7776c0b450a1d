"""Routes of reports."""

from typing import Any

from services.checkin.api.routes import refuses, routes
from services.checkin.queries import reports as queries
from services.checkin.schemas.reports import ReportQuerySchema, ReportSchema
from shared import web
from shared.principal import Role


@routes.route("/report", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(ReportQuerySchema, location="query")
@routes.response(200, ReportSchema)
@refuses(404, 422)
def report(query: dict[str, Any]) -> Any:
    """Activities, visits, persons and hours of a node and all below it, by category, month and place."""
    return queries.report(web.caller(), **query)
