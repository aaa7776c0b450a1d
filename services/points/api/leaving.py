"""Routes of what becomes of the points of members who are gone."""

from typing import Any
from uuid import UUID

from services.points.commands import leaving as commands
from services.points.queries.leaving import get_rule
from services.points.schemas.leaving import GiftNewSchema, GiftSchema, LeaverRuleSchema, RuleInForceSchema
from services.points.schemas.ledger import SealQuerySchema
from shared import web
from shared.principal import Role

routes = web.Routes("leaving", __name__, url_prefix="/api/v1/points/leavers")


@routes.route("/rule", methods=["GET"])
@web.holding(Role.STAFF)
@routes.arguments(SealQuerySchema, location="query")
@routes.response(200, RuleInForceSchema)
@routes.refuses(403, 404)
def show_rule(query: dict[str, Any]) -> dict[str, Any]:
    """The rule that holds at a station of mine."""
    return get_rule(web.caller(), **query)


@routes.route("/rules/<uuid:node_id>", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(LeaverRuleSchema)
@routes.response(204)
@routes.refuses(403, 404)
def set_rule(rule: dict[str, Any], node_id: UUID) -> None:
    """Say what may become of the points of who is gone, at a node and below it."""
    commands.set_rule(web.caller(), node_id=node_id, **rule)


@routes.route("/gifts", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(GiftNewSchema)
@routes.response(201, GiftSchema)
@routes.refuses(403, 404, 409, 422)
def give_points(gift: dict[str, Any]) -> dict[str, Any]:
    """Give all points of a member who is gone to the household, or to the station's pool."""
    return commands.give_points(web.caller(), **gift)
