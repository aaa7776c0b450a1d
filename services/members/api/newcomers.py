"""Registering on the spot who has come to an activity for the first time."""

from typing import Any

from services.members.commands import newcomers as commands
from services.members.queries import names as queries
from services.members.schemas.newcomers import LookAlikeSchema, NewcomerLooksSchema, NewcomerSchema
from services.members.schemas.people import MemberSchema
from shared import web
from shared.principal import Role

newcomers = web.Routes("newcomers", __name__, url_prefix="/api/v1/members")


@newcomers.route("/newcomers", methods=["POST"])
@web.holding(Role.ORGANIZER)
@newcomers.arguments(NewcomerSchema)
@newcomers.response(201, MemberSchema)
@newcomers.refuses(401, 403, 404, 409, 422)
def register_newcomer(content: dict[str, Any]) -> dict[str, Any]:
    """Register a person without a login; 409 `looks_alike` while somebody there may be the same, and was not looked
    at.
    """
    return commands.register_newcomer(web.caller(), **content)


@newcomers.route("/newcomers/look-alikes", methods=["POST"])
@web.holding(Role.ORGANIZER)
@newcomers.arguments(NewcomerLooksSchema)
@newcomers.response(200, LookAlikeSchema(many=True))
@newcomers.refuses(401, 403, 404)
def list_newcomer_look_alikes(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Who of a station has this name, one that is read like it, or this phone. Nothing is kept."""
    return queries.list_newcomer_look_alikes(web.caller(), **content)
