"""What people may ask of their own data."""

from typing import Any
from uuid import UUID

from services.members.commands import own_data as commands
from services.members.schemas.own_data import ExportSchema, PasswordAgainSchema
from shared import web

own_data = web.Routes("own_data", __name__, url_prefix="/api/v1/members")


@own_data.route("/me/members/<uuid:member_id>/exports", methods=["POST"])
@web.logged_in()
@own_data.arguments(PasswordAgainSchema)
@own_data.response(200, ExportSchema)
@own_data.refuses(401, 403, 404, 422, 429)
def export(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """All that members holds of somebody my login acts for; the password again."""
    return commands.export(web.caller(), member_id, content["password"])
