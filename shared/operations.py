"""Routes every service has for those who keep it running: dead letters, backlog, audit log."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared import audit, outbox, web
from shared.db import session, transactional
from shared.fields import WholeText, Wire
from shared.principal import Principal, Role


class DeadLetterSchema(Wire):
    id = fields.UUID(required=True)
    destination = fields.String(required=True)
    name = fields.String(required=True)
    body = fields.Dict(required=True)
    created_at = fields.AwareDateTime(required=True)
    dead_at = fields.AwareDateTime(required=True)
    error = fields.String(allow_none=True)


class BacklogSchema(Wire):
    waiting = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    oldest_at = fields.AwareDateTime(allow_none=True)


class AuditQuerySchema(Wire):
    before = fields.UUID(metadata={"description": "Only entries older than this one"})
    action = fields.String(validate=validate.Length(max=60))
    subject_id = fields.UUID()
    limit = WholeText(load_default=50, validate=validate.Range(min=1, max=200))


class AuditEntrySchema(Wire):
    id = fields.UUID(required=True)
    at = fields.AwareDateTime(required=True)
    who = fields.String(required=True)
    member_id = fields.UUID(allow_none=True)
    action = fields.String(required=True)
    subject_type = fields.String(required=True)
    subject_id = fields.UUID(allow_none=True)
    path = fields.String(required=True)
    detail = fields.Dict(required=True)
    request_id = fields.String(allow_none=True)


@transactional
def requeue(tx: Session, caller: Principal, row_id: UUID) -> None:
    """Give a dead letter another life. Doing it twice is refused as NotFound."""
    outbox.requeue(tx, row_id)
    audit.add(tx, caller, "dead_letter.requeue", "outbox", row_id)


def list_audit(
    caller: Principal,
    *,
    limit: int,
    before: UUID | None = None,
    action: str | None = None,
    subject_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """Entries below the caller's nodes, newest first (ids are ordered by time)."""
    table = audit.audit_log
    paths = caller.paths(Role.AUDITOR) + caller.paths(Role.ADMINISTRATOR)
    below = [table.c.path.startswith(path, autoescape=True) for path in paths]
    statement = select(table).where(or_(*below))
    if before is not None:
        statement = statement.where(table.c.id < before)
    if action is not None:
        statement = statement.where(table.c.action == action)
    if subject_id is not None:
        statement = statement.where(table.c.subject_id == subject_id)
    rows = session().execute(statement.order_by(table.c.id.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def operations(service: str) -> web.Routes:
    """The blueprint of these routes for one service."""
    routes = web.Routes(f"{service} operations", __name__, url_prefix=f"/api/v1/{service}")

    @routes.route("/dead-letters", methods=["GET"])
    @web.holding(Role.ADMINISTRATOR)
    @routes.response(200, DeadLetterSchema(many=True))
    def list_dead_letters() -> list[dict[str, Any]]:
        """Facts no receiver takes in; a person must look."""
        return outbox.list_dead(session())

    @routes.route("/dead-letters/<uuid:row_id>/requeue", methods=["POST"])
    @web.holding(Role.ADMINISTRATOR)
    @routes.response(204)
    @routes.alt_response(404, schema=web.ProblemSchema)
    def requeue_dead_letter(row_id: UUID) -> None:
        """Try a dead letter again."""
        requeue(web.caller(), row_id)

    @routes.route("/backlog", methods=["GET"])
    @web.holding(Role.ADMINISTRATOR, Role.AUDITOR)
    @routes.response(200, BacklogSchema)
    def show_backlog() -> outbox.Backlog:
        """What is yet to be told to other services."""
        return outbox.backlog(session())

    @routes.route("/audit", methods=["GET"])
    @web.holding(Role.ADMINISTRATOR, Role.AUDITOR)
    @routes.arguments(AuditQuerySchema, location="query")
    @routes.response(200, AuditEntrySchema(many=True))
    def show_audit(query: dict[str, Any]) -> list[dict[str, Any]]:
        """Privileged acts, newest first."""
        return list_audit(web.caller(), **query)

    return routes
