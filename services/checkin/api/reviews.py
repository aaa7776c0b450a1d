"""Routes of review before publication."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import reviews
from services.checkin.queries import activities as queries
from services.checkin.schemas.activities import ActivitySchema
from services.checkin.schemas.reviews import (
    ApprovalSchema,
    ReviewRuleOfNodeSchema,
    ReviewRuleSchema,
    ReviewRulesQuerySchema,
    ReviewsQuerySchema,
    ReviewSwitchesQuerySchema,
    ReviewSwitchSchema,
    SendingBackSchema,
)
from services.checkin.store import Activity
from shared import web
from shared.principal import Role


@routes.route("/reviews", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ReviewsQuerySchema, location="query")
@routes.response(200, ActivitySchema(many=True))
@refuses()
def list_reviews(query: dict[str, Any]) -> list[Activity]:
    """Activities that wait to be reviewed, by start."""
    return queries.list_reviews(web.caller(), **query)


@routes.route("/reviews/rules", methods=["GET"])
@web.logged_in()
@routes.arguments(ReviewRulesQuerySchema, location="query")
@routes.response(200, ReviewRuleSchema(many=True))
@refuses()
def list_reviewed(query: dict[str, Any]) -> Any:
    """At which of these nodes activities are reviewed before they are published."""
    return queries.list_reviewed(**query)


@routes.route("/reviews/switches", methods=["GET"])
@web.holding(Role.STAFF)
@routes.arguments(ReviewSwitchesQuerySchema, location="query")
@routes.response(200, ReviewRuleOfNodeSchema(many=True))
@refuses()
def list_review_switches(query: dict[str, Any]) -> Any:
    """The nodes for which the caller may switch it, each after the one it lies under."""
    return queries.list_review_switches(web.caller(), **query)


@routes.route("/reviews/switches/<uuid:node_id>", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(ReviewSwitchSchema)
@routes.response(204)
@refuses(404)
def switch_review(body: dict[str, Any], node_id: UUID) -> None:
    """Switch it on or off for a node and all below it."""
    reviews.switch_review(web.caller(), node_id=node_id, **body)


@routes.route("/activities/<uuid:activity_id>/approve", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(ApprovalSchema)
@routes.response(200, ActivitySchema)
@refuses(404, 409, 422)
def approve_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Publish what somebody else asked for."""
    return reviews.approve_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/send-back", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(SendingBackSchema)
@routes.response(200, ActivitySchema)
@refuses(404, 409, 422)
def send_back_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Make it a draft again, with the reason."""
    return reviews.send_back_activity(web.caller(), activity_id=activity_id, **body)
