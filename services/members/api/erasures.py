"""Asking to be forgotten, and what staff does about it."""

from typing import Any
from uuid import UUID

from services.members.commands import erasures as commands
from services.members.queries import erasures as queries
from services.members.schemas.erasures import ErasureNewSchema, ErasureQuerySchema, ErasureSchema
from shared import web
from shared.principal import Role

erasures = web.Routes("erasures", __name__, url_prefix="/api/v1/members")


@erasures.route("/erasures", methods=["GET"])
@web.holding(Role.STAFF)
@erasures.arguments(ErasureQuerySchema, location="query")
@erasures.response(200, ErasureSchema(many=True))
@erasures.refuses(401, 403)
def list_erasures(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Who of my stations asked to be forgotten and is not yet, the oldest first."""
    return queries.list_erasures(web.caller(), **query)


@erasures.route("/members/<uuid:member_id>/erasure", methods=["GET"])
@web.logged_in()
@erasures.response(200, ErasureSchema)
@erasures.refuses(401, 404)
def show_erasure(member_id: UUID) -> dict[str, Any]:
    """The open request of a member of mine or of my stations; 404 when there is none."""
    return queries.show_erasure(web.caller(), member_id)


@erasures.route("/members/<uuid:member_id>/erasures", methods=["POST"])
@web.logged_in()
@erasures.arguments(ErasureNewSchema)
@erasures.response(201, ErasureSchema)
@erasures.refuses(401, 403, 404, 409, 422, 429)
def ask_erasure(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Ask that a member of mine be forgotten, by the password again; or staff, for who asked in person."""
    return commands.ask(web.caller(), member_id=member_id, **content)


@erasures.route("/erasures/<uuid:erasure_id>/withdraw", methods=["POST"])
@web.logged_in()
@erasures.response(204)
@erasures.refuses(401, 403, 404, 409)
def withdraw_erasure(erasure_id: UUID) -> None:
    """Think again, while it is not done."""
    commands.withdraw(web.caller(), erasure_id)


@erasures.route("/erasures/<uuid:erasure_id>/confirm", methods=["POST"])
@web.holding(Role.STAFF)
@erasures.response(204)
@erasures.refuses(401, 403, 404, 409, 422)
def confirm_erasure(erasure_id: UUID) -> None:
    """Nothing is open: forget the member now. Nothing brings them back."""
    commands.confirm(web.caller(), erasure_id)
