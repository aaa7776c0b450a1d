"""Entries of one person: made one, and apart again."""

from typing import Any
from uuid import UUID

from services.members.commands import duplicates as commands
from services.members.queries import duplicates as queries
from services.members.schemas.duplicates import MergeNewSchema, MergeSchema, ReasonSchema
from services.members.schemas.people import MemberSchema
from shared import web
from shared.principal import Role

duplicates = web.Routes("duplicates", __name__, url_prefix="/api/v1/members")


@duplicates.route("/members/<uuid:member_id>/merge", methods=["POST"])
@web.holding(Role.STAFF)
@duplicates.arguments(MergeNewSchema)
@duplicates.response(200, MemberSchema)
@duplicates.refuses(401, 403, 404, 409, 422)
def merge_member(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Make one of this entry and another one of the same person; this one stays."""
    return commands.merge(web.caller(), member_id=member_id, **content)


@duplicates.route("/members/<uuid:member_id>/unmerge", methods=["POST"])
@web.holding(Role.STAFF)
@duplicates.arguments(ReasonSchema)
@duplicates.response(200, MemberSchema)
@duplicates.refuses(401, 403, 404, 422)
def unmerge_member(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Take the merge of this entry into another one back, within a day."""
    return commands.unmerge(web.caller(), member_id=member_id, **content)


@duplicates.route("/members/<uuid:member_id>/merges", methods=["GET"])
@web.holding(Role.STAFF)
@duplicates.response(200, MergeSchema(many=True))
@duplicates.refuses(401, 403, 404)
def list_merges(member_id: UUID) -> list[dict[str, Any]]:
    """The entries that were merged into this one, newest first."""
    return queries.list_merges(web.caller(), member_id)
