"""Route by which an organizer signs in who has come for the first time."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import newcomers
from services.checkin.queries import attendances as queries
from services.checkin.schemas.attendances import AttendanceSchema
from services.checkin.schemas.newcomers import NewcomerSchema
from shared import web
from shared.principal import Role


@routes.route("/activities/<uuid:activity_id>/newcomers", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(NewcomerSchema)
@routes.response(201, AttendanceSchema)
@refuses(404, 409, 422)
def sign_in_newcomer(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Sign somebody in now who has just been registered; who is there already stays as they are."""
    pair = newcomers.sign_in_newcomer(web.caller(), activity_id=activity_id, **body)
    return queries.view(pair.id)
