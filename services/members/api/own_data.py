"""What people may ask of their own data."""

from typing import Any
from uuid import UUID

from services.members.commands import own_data as commands
from services.members.schemas.own_data import ExportSchema, PasswordAgainSchema
from shared import web
from shared.http import ProblemSchema

own_data = web.Routes("own_data", __name__, url_prefix="/api/v1/members")


@own_data.route("/me/members/<uuid:member_id>/exports", methods=["POST"])
@web.logged_in()
@own_data.arguments(PasswordAgainSchema)
@own_data.response(200, ExportSchema)
@own_data.alt_response(401, schema=ProblemSchema)
@own_data.alt_response(403, schema=ProblemSchema)
@own_data.alt_response(404, schema=ProblemSchema)
@own_data.alt_response(422, schema=ProblemSchema)
@own_data.alt_response(429, schema=ProblemSchema)
def export(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """All that members holds of somebody my login acts for; the password again."""
    return commands.export(web.caller(), member_id, content["password"])
