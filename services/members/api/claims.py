"""Claiming a member who is there already, and letting go of one."""

from typing import Any
from uuid import UUID

from flask import request

from services.members.commands import claims as commands
from services.members.commands.logins import Registered
from services.members.schemas.claims import (
    ClaimCodeSchema,
    ClaimedSchema,
    ClaimLoginSchema,
    ClaimReadSchema,
    ClaimSchema,
    ClaimShownSchema,
)
from services.members.schemas.logins import RegisteredSchema
from shared import web
from shared.http import NETWORK
from shared.principal import Role

claims = web.Routes("claims", __name__, url_prefix="/api/v1/members")


def _network() -> str:
    """Where this request comes from, as the gateway says."""
    return request.headers.get(NETWORK, "")


@claims.route("/members/<uuid:member_id>/claim-codes", methods=["POST"])
@web.holding(Role.ORGANIZER)
@claims.response(201, ClaimCodeSchema)
@claims.refuses(401, 403, 404, 422)
def make_claim_code(member_id: UUID) -> commands.ClaimMade:
    """Make a one-time code with which a login comes to act for a member who has none of their own."""
    return commands.make_claim_code(web.caller(), member_id)


@claims.route("/claims/read", methods=["POST"])
@web.anyone()
@claims.arguments(ClaimReadSchema)
@claims.response(200, ClaimShownSchema)
@claims.refuses(422, 429)
def read_claim(content: dict[str, Any]) -> dict[str, Any]:
    """Whom a code hands over; it is not used up."""
    return commands.read_claim(web.caller(), content["token"], network=_network())


@claims.route("/claims", methods=["POST"])
@web.logged_in()
@claims.arguments(ClaimSchema)
@claims.response(201, ClaimedSchema)
@claims.refuses(401, 403, 409, 422, 429)
def claim(content: dict[str, Any]) -> commands.Claimed:
    """Let my login act for the member whose code this is, as the person itself or for somebody of the family."""
    return commands.claim(web.caller(), **content, network=_network())


@claims.route("/claims/logins", methods=["POST"])
@web.anyone()
@claims.arguments(ClaimLoginSchema)
@claims.response(201, RegisteredSchema)
@claims.refuses(409, 422, 429)
def register_by_claim(content: dict[str, Any]) -> Registered:
    """Register as the member whose code this is. The answer is the same when the phone is registered already; then
    nothing is made.
    """
    return commands.register_by_claim(web.caller(), **content, network=_network())


@claims.route("/me/members/<uuid:member_id>", methods=["DELETE"])
@web.logged_in()
@claims.response(204)
@claims.refuses(401, 404, 422)
def release(member_id: UUID) -> None:
    """Let my login no longer act for this member, who stays."""
    commands.release(web.caller(), member_id)


@claims.route("/me/members/<uuid:member_id>/logins/<uuid:login_id>", methods=["DELETE"])
@web.logged_in()
@claims.response(204)
@claims.refuses(401, 403, 404, 422)
def release_from(member_id: UUID, login_id: UUID) -> None:
    """Let somebody else's login no longer act for me."""
    commands.release(web.caller(), member_id, login_id)
