"""Members who are gone, and who comes back."""

from typing import Any
from uuid import UUID

from services.members.commands import departures as commands
from services.members.schemas.departures import DepartureSchema
from services.members.schemas.duplicates import ReasonSchema
from services.members.schemas.people import MemberSchema
from shared import web
from shared.principal import Role

departures = web.Routes("departures", __name__, url_prefix="/api/v1/members")


@departures.route("/members/<uuid:member_id>/leave", methods=["POST"])
@web.holding(Role.STAFF)
@departures.arguments(DepartureSchema)
@departures.response(200, MemberSchema)
@departures.refuses(401, 403, 404, 422)
def let_member_leave(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Mark a member as gone: moved away, no longer serving, dead. Nothing can be redeemed from then on."""
    return commands.leave(web.caller(), member_id=member_id, **content)


@departures.route("/members/<uuid:member_id>/return", methods=["POST"])
@web.holding(Role.STAFF)
@departures.arguments(ReasonSchema)
@departures.response(200, MemberSchema)
@departures.refuses(401, 403, 404, 422)
def let_member_return(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Who comes back, or was marked by mistake, is there again."""
    return commands.come_back(web.caller(), member_id=member_id, **content)
