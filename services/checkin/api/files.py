"""Routes of the file of an activity."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import activities
from services.checkin.queries import reports as queries
from services.checkin.schemas.activities import ActivitySchema
from services.checkin.schemas.files import FileSchema, SummarySchema
from services.checkin.store import Activity
from shared import web
from shared.principal import Role


@routes.route("/activities/<uuid:activity_id>/summary", methods=["PUT"])
@web.holding(Role.ORGANIZER)
@routes.arguments(SummarySchema)
@routes.response(200, ActivitySchema)
@refuses(404, 422)
def summarize_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Say in two lines what came of it, when it is over."""
    return activities.summarize_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/file", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.response(200, FileSchema)
@refuses(404)
def get_file(activity_id: UUID) -> dict[str, Any]:
    """What is filed of an activity: its plan and its summary, and the sign-in sheet with who confirmed each line."""
    return queries.get_file(web.caller(), activity_id=activity_id)
