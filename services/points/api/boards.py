"""Routes of the boards."""

from typing import Any
from uuid import UUID

from services.points.commands.switch_board import switch_board
from services.points.queries.boards import ShownBoard, list_switches, read_board
from services.points.schemas.boards import (
    BoardQuerySchema,
    BoardSchema,
    BoardSwitchesQuerySchema,
    BoardSwitchSchema,
    BoardSwitchStateSchema,
)
from services.points.store.standings import Switch
from shared import web
from shared.principal import Role

routes = web.Routes("boards", __name__, url_prefix="/api/v1/points/boards")


@routes.route("", methods=["GET"])
@web.logged_in()
@routes.arguments(BoardQuerySchema, location="query")
@routes.response(200, BoardSchema)
@routes.refuses(403, 404)
def show_board(query: dict[str, Any]) -> ShownBoard:
    """The first hundred of a node in a period, and the own rank."""
    return read_board(web.caller(), **query)


@routes.route("/switches", methods=["GET"])
@web.holding(Role.STAFF)
@routes.arguments(BoardSwitchesQuerySchema, location="query")
@routes.response(200, BoardSwitchStateSchema(many=True))
@routes.refuses(403)
def show_switches(query: dict[str, Any]) -> list[Switch]:
    """The nodes whose boards the caller may switch, each after the one it lies under."""
    return list_switches(web.caller(), **query)


@routes.route("/<uuid:node_id>/switch", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(BoardSwitchSchema)
@routes.response(204)
@routes.refuses(403, 404)
def switch_boards(body: dict[str, Any], node_id: UUID) -> None:
    """Switch a node's boards on or off; twice is once."""
    switch_board(web.caller(), node_id=node_id, **body)
