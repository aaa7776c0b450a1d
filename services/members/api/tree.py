"""The station tree."""

from typing import Any
from uuid import UUID

from services.members.commands import splitting
from services.members.commands import tree as commands
from services.members.queries import tree as queries
from services.members.schemas.tree import (
    NodeChangeSchema,
    NodeNewSchema,
    NodeQuerySchema,
    NodeSchema,
    NodeWholeSchema,
    SplitPlanSchema,
    SplitSchema,
)
from shared import web
from shared.principal import Role

tree = web.Routes("tree", __name__, url_prefix="/api/v1/members")


@tree.route("/nodes", methods=["GET"])
@web.anyone()
@tree.arguments(NodeQuerySchema, location="query")
@tree.response(200, NodeSchema(many=True))
@tree.refuses(404)
def list_nodes(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Stations, compounds, buildings; open to all."""
    return queries.list_nodes(**query)


@tree.route("/nodes", methods=["POST"])
@web.holding(Role.ADMINISTRATOR)
@tree.arguments(NodeNewSchema)
@tree.response(201, NodeWholeSchema)
@tree.refuses(401, 403, 404, 409, 422)
def add_node(content: dict[str, Any]) -> dict[str, Any]:
    """Add a place below one of mine."""
    return commands.add_node(web.caller(), **content)


@tree.route("/nodes/<uuid:node_id>", methods=["GET"])
@web.anyone()
@tree.response(200, NodeWholeSchema)
@tree.refuses(404)
def show_node(node_id: UUID) -> dict[str, Any]:
    """One place, with what it was called and where it lay before, and how many lived there."""
    return queries.show_node(node_id)


@tree.route("/nodes/<uuid:node_id>", methods=["PATCH"])
@web.holding(Role.ADMINISTRATOR)
@tree.arguments(NodeChangeSchema)
@tree.response(200, NodeWholeSchema)
@tree.refuses(401, 403, 404, 409, 422)
def change_node(changes: dict[str, Any], node_id: UUID) -> dict[str, Any]:
    """Rename a place, move it, count its residents, or close it."""
    return commands.change_node(web.caller(), node_id, changes)


@tree.route("/nodes/<uuid:node_id>/split", methods=["GET"])
@web.holding(Role.ADMINISTRATOR)
@tree.response(200, SplitPlanSchema)
@tree.refuses(401, 403, 404)
def plan_split(node_id: UUID) -> dict[str, Any]:
    """By which compounds a station can be split, and how many people would follow each."""
    return queries.plan_split(web.caller(), node_id=node_id)


@tree.route("/nodes/<uuid:node_id>/split", methods=["POST"])
@web.holding(Role.ADMINISTRATOR)
@tree.arguments(SplitSchema)
@tree.response(201, NodeWholeSchema)
@tree.refuses(401, 403, 404, 409, 422)
def split_node(content: dict[str, Any], node_id: UUID) -> dict[str, Any]:
    """Open a station beside one with some of its compounds; the people who live there follow."""
    return splitting.split_node(web.caller(), node_id=node_id, **content)
