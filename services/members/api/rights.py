"""Grants, and the teams and employers that members belong to."""

from typing import Any
from uuid import UUID

from services.members.commands import grants as commands
from services.members.queries import rights as queries
from services.members.schemas.rights import (
    EmployerNewSchema,
    EmployerQuerySchema,
    EmployerSchema,
    GrantNewSchema,
    GrantQuerySchema,
    GrantSchema,
    TeamNewSchema,
    TeamQuerySchema,
    TeamSchema,
)
from shared import web
from shared.principal import Role

rights = web.Routes("rights", __name__, url_prefix="/api/v1/members")


@rights.route("/grants", methods=["GET"])
@web.holding(Role.ADMINISTRATOR)
@rights.arguments(GrantQuerySchema, location="query")
@rights.response(200, GrantSchema(many=True))
@rights.refuses(401, 403)
def list_grants(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Who holds which role at and below my nodes."""
    return queries.list_grants(web.caller(), **query)


@rights.route("/grants", methods=["POST"])
@web.holding(Role.ADMINISTRATOR)
@rights.arguments(GrantNewSchema)
@rights.response(201, GrantSchema)
@rights.refuses(401, 403, 404, 409, 422)
def add_grant(content: dict[str, Any]) -> dict[str, Any]:
    """Give a member a role at a node and below it."""
    return commands.add_grant(web.caller(), **content)


@rights.route("/grants/<uuid:grant_id>", methods=["DELETE"])
@web.holding(Role.ADMINISTRATOR)
@rights.response(204)
@rights.refuses(401, 403, 404)
def revoke_grant(grant_id: UUID) -> None:
    """Take a role back."""
    commands.revoke_grant(web.caller(), grant_id)


@rights.route("/teams", methods=["GET"])
@web.logged_in()
@rights.arguments(TeamQuerySchema, location="query")
@rights.response(200, TeamSchema(many=True))
@rights.refuses(401)
def list_teams(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Teams, of a station or of all."""
    return queries.list_teams(**query)


@rights.route("/teams", methods=["POST"])
@web.holding(Role.STAFF)
@rights.arguments(TeamNewSchema)
@rights.response(201, TeamSchema)
@rights.refuses(401, 403, 404, 409, 422)
def add_team(content: dict[str, Any]) -> dict[str, Any]:
    """Found a team at one of my stations."""
    return commands.add_team(web.caller(), **content)


@rights.route("/employers", methods=["GET"])
@web.logged_in()
@rights.arguments(EmployerQuerySchema, location="query")
@rights.response(200, EmployerSchema(many=True))
@rights.refuses(401)
def list_employers(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Employers that people report from."""
    return queries.list_employers(**query)


@rights.route("/employers", methods=["POST"])
@web.holding(Role.STAFF)
@rights.arguments(EmployerNewSchema)
@rights.response(201, EmployerSchema)
@rights.refuses(401, 403, 409)
def add_employer(content: dict[str, Any]) -> dict[str, Any]:
    """Add an employer."""
    return commands.add_employer(web.caller(), **content)
