"""Badges: to print, to read, to void."""

from typing import Any
from uuid import UUID

from services.members.commands import badges as commands
from services.members.queries import badges as queries
from services.members.schemas.badges import (
    BadgeReadSchema,
    BadgeReplaceSchema,
    BadgeSchema,
    BadgeSerialSchema,
    BadgesQuerySchema,
    BadgesReadSchema,
)
from shared import web
from shared.principal import Role

badges = web.Routes("badges", __name__, url_prefix="/api/v1/members")


@badges.route("/badges", methods=["GET"])
@web.holding(Role.ORGANIZER)
@badges.arguments(BadgesQuerySchema, location="query")
@badges.response(200, BadgeSchema(many=True))
@badges.refuses(401, 403, 404)
def list_badges(query: dict[str, Any]) -> list[dict[str, Any]]:
    """The badges of a place's members, sorted by how the names are read: to print, and for lists on paper."""
    return queries.list_badges(web.caller(), **query)


@badges.route("/badges/read", methods=["POST"])
@web.holding(Role.ORGANIZER)
@badges.arguments(BadgesReadSchema)
@badges.response(200, BadgeReadSchema(many=True))
@badges.refuses(401, 403)
def read_badges(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Whom scanned badges, short codes and volunteer numbers mean, in the order given; masked where I may not see
    more.
    """
    return queries.read_badges(web.caller(), content["codes"])


@badges.route("/members/<uuid:member_id>/badge/replace", methods=["POST"])
@web.holding(Role.STAFF)
@badges.arguments(BadgeReplaceSchema)
@badges.response(200, BadgeSerialSchema)
@badges.refuses(401, 403, 404)
def replace_badge(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Void a lost badge; the next one that is printed has a new serial."""
    return commands.replace_badge(web.caller(), member_id, **content)
