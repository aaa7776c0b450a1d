"""Routes of stays of one person that count twice."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import attendances
from services.checkin.queries import attendances as attendance_queries
from services.checkin.queries import doubled as queries
from services.checkin.schemas.attendances import AttendanceSchema
from services.checkin.schemas.doubled import DoubledQuerySchema, DoubledSchema
from shared import web
from shared.principal import Role


@routes.route("/doubled", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(DoubledQuerySchema, location="query")
@routes.response(200, DoubledSchema(many=True))
@refuses()
def list_doubled(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Whose confirmed service counts twice for the same hours, since two entries of the person were merged."""
    return queries.list_doubled(web.caller(), **query)


@routes.route("/attendances/<uuid:attendance_id>/annul-doubled", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, AttendanceSchema)
@refuses(404, 422)
def annul_doubled(attendance_id: UUID) -> dict[str, Any]:
    """Take back one of two that count for the same hours of one person; undoing the merge gives it back."""
    attendances.annul_doubled(web.caller(), attendance_id=attendance_id)
    return attendance_queries.view(attendance_id)
