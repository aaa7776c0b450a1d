"""Routes of where every attendance is confirmed by somebody."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import confirm_each
from services.checkin.queries import activities as queries
from services.checkin.schemas.confirm_each import (
    ConfirmEachOfNodeSchema,
    ConfirmEachQuerySchema,
    ConfirmEachSchema,
    ConfirmEachSwitchesQuerySchema,
    ConfirmEachSwitchSchema,
)
from shared import web
from shared.principal import Role


@routes.route("/confirm-each", methods=["GET"])
@web.logged_in()
@routes.arguments(ConfirmEachQuerySchema, location="query")
@routes.response(200, ConfirmEachSchema(many=True))
@refuses()
def list_confirm_each(query: dict[str, Any]) -> Any:
    """At which of these nodes every attendance is confirmed by somebody."""
    return queries.list_confirm_each(**query)


@routes.route("/confirm-each/switches", methods=["GET"])
@web.holding(Role.STAFF)
@routes.arguments(ConfirmEachSwitchesQuerySchema, location="query")
@routes.response(200, ConfirmEachOfNodeSchema(many=True))
@refuses()
def list_switches(query: dict[str, Any]) -> Any:
    """The nodes for which the caller may switch it, each after the one it lies under."""
    return queries.list_switches(web.caller(), **query)


@routes.route("/confirm-each/<uuid:node_id>", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(ConfirmEachSwitchSchema)
@routes.response(204)
@refuses(404)
def switch_confirm_each(body: dict[str, Any], node_id: UUID) -> None:
    """Switch it on or off for a node and all below it."""
    confirm_each.switch_confirm_each(web.caller(), node_id=node_id, **body)
