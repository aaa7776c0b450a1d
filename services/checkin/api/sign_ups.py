"""Routes of sign-ups."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import sign_ups
from services.checkin.domain import sign_up_lists
from services.checkin.queries import rolls as queries
from services.checkin.schemas.sign_ups import (
    ListLineSchema,
    ListTextSchema,
    NewSignUpsSchema,
    SignedUpQuerySchema,
    SignedUpSchema,
    SignUpReceiptsSchema,
    SignUpSchema,
    SignUpsQuerySchema,
)
from shared import web
from shared.principal import Role


@routes.route("/sign-ups", methods=["GET"])
@web.logged_in()
@routes.arguments(SignUpsQuerySchema, location="query")
@routes.response(200, SignUpSchema(many=True))
@refuses()
def list_sign_ups(query: dict[str, Any]) -> list[dict[str, Any]]:
    """What my members are signed up for and is not over, by start; or at one activity, whenever it was."""
    return queries.list_sign_ups(web.caller(), **query)


@routes.route("/sign-ups/<uuid:sign_up_id>/cancel", methods=["POST"])
@web.logged_in()
@routes.response(204)
@refuses(404, 422)
def cancel_sign_up(sign_up_id: UUID) -> None:
    """Call off one's own, or for organizers anybody's."""
    sign_ups.cancel_sign_up(web.caller(), sign_up_id=sign_up_id)


@routes.route("/activities/<uuid:activity_id>/sign-ups", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(SignedUpQuerySchema, location="query")
@routes.response(200, SignedUpSchema(many=True))
@refuses(404)
def list_signed_up(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """Who is signed up, in order, with who came; then who came without signing up."""
    return queries.list_signed_up(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/sign-ups", methods=["POST"])
@web.logged_in()
@routes.arguments(NewSignUpsSchema)
@routes.response(200, SignUpReceiptsSchema)
@refuses(404, 409, 422)
def sign_up(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Sign up one's own members, or for organizers anybody; each is decided on its own."""
    return {"sign_ups": sign_ups.sign_up(web.caller(), activity_id=activity_id, **body)}


@routes.route("/sign-up-lists/read", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ListTextSchema)
@routes.response(200, ListLineSchema(many=True))
@refuses()
def read_list(body: dict[str, Any]) -> list[sign_up_lists.Line]:
    """Read a pasted 接龙 list line by line. Nothing is kept, and nobody is looked up."""
    return sign_up_lists.read(**body)
