"""What people report and complain of, and what they are answered."""

from typing import Any
from uuid import UUID

from services.members.commands import concerns as commands
from services.members.queries import concerns as queries
from services.members.schemas.concerns import (
    AnswerSchema,
    ComplaintNewSchema,
    ConcernNewSchema,
    ConcernSchema,
    ConcernsQuerySchema,
    ContactSchema,
    ReceiptSchema,
    ReopeningSchema,
)
from shared import web
from shared.principal import Role

concerns = web.Routes("concerns", __name__, url_prefix="/api/v1/members")


@concerns.route("/concerns", methods=["GET"])
@web.logged_in()
@concerns.arguments(ConcernsQuerySchema, location="query")
@concerns.response(200, ConcernSchema(many=True))
@concerns.refuses(401, 403)
def list_concerns(query: dict[str, Any]) -> list[dict[str, Any]]:
    """A member's own; without a member those that staff answers and auditors see, open ones by the day they are due."""
    return queries.list_concerns(web.caller(), **query)


@concerns.route("/concerns", methods=["POST"])
@web.logged_in()
@concerns.arguments(ConcernNewSchema)
@concerns.response(201, ReceiptSchema)
@concerns.refuses(401, 403, 404, 409, 422)
def report(content: dict[str, Any]) -> dict[str, Any]:
    """Report that something is missing or wrong; staff does so for who cannot."""
    return commands.report(web.caller(), concern_id=content.pop("id"), **content)


@concerns.route("/complaints", methods=["POST"])
@web.anyone()
@concerns.arguments(ComplaintNewSchema)
@concerns.response(201, ReceiptSchema)
@concerns.refuses(403, 404, 409, 422, 429)
def complain(content: dict[str, Any]) -> dict[str, Any]:
    """Complain or propose, also anonymously; the number is all that comes back."""
    return commands.complain(web.caller(), concern_id=content.pop("id"), **content)


@concerns.route("/concerns/unseen", methods=["GET"])
@web.logged_in()
@concerns.response(200, ConcernSchema(many=True))
@concerns.refuses(401)
def list_unseen_answers() -> list[dict[str, Any]]:
    """Answers of the last 30 days to whom I act for, that nobody of us has opened."""
    return queries.list_unseen_answers(web.caller())


@concerns.route("/concerns/<uuid:concern_id>", methods=["GET"])
@web.logged_in()
@concerns.response(200, ConcernSchema)
@concerns.refuses(401, 404)
def show_concern(concern_id: UUID) -> dict[str, Any]:
    """One of mine, or of my stations. An answer to me is seen from then on."""
    return commands.open_concern(web.caller(), concern_id)


@concerns.route("/concerns/<uuid:concern_id>/take", methods=["POST"])
@web.holding(Role.STAFF)
@concerns.response(200, ConcernSchema)
@concerns.refuses(401, 403, 404, 422)
def take(concern_id: UUID) -> dict[str, Any]:
    """Handle it from now on."""
    return commands.take(web.caller(), concern_id)


@concerns.route("/concerns/<uuid:concern_id>/answer", methods=["POST"])
@web.holding(Role.STAFF)
@concerns.arguments(AnswerSchema)
@concerns.response(200, ConcernSchema)
@concerns.refuses(401, 403, 404, 422)
def answer(content: dict[str, Any], concern_id: UUID) -> dict[str, Any]:
    """Answer it."""
    return commands.answer(web.caller(), concern_id, **content)


@concerns.route("/concerns/<uuid:concern_id>/read", methods=["POST"])
@web.holding(Role.STAFF)
@concerns.response(200, ConcernSchema)
@concerns.refuses(401, 403, 404, 422)
def mark_read(concern_id: UUID) -> dict[str, Any]:
    """Say that an anonymous complaint was read."""
    return commands.mark_read(web.caller(), concern_id)


@concerns.route("/concerns/<uuid:concern_id>/reopen", methods=["POST"])
@web.logged_in()
@concerns.arguments(ReopeningSchema)
@concerns.response(200, ConcernSchema)
@concerns.refuses(401, 403, 404, 422)
def reopen(content: dict[str, Any], concern_id: UUID) -> dict[str, Any]:
    """Say once, within ten days, that the answer does not settle it."""
    return commands.reopen(web.caller(), concern_id, **content)


@concerns.route("/concerns/<uuid:concern_id>/contact", methods=["GET"])
@web.holding(Role.STAFF)
@concerns.response(200, ContactSchema)
@concerns.refuses(401, 403, 404)
def show_contact(concern_id: UUID) -> dict[str, Any]:
    """How to answer who left a name or number without a login; reading it is recorded."""
    return {"contact": commands.read_contact(web.caller(), concern_id)}
