"""Routes every service has for those who keep it running: dead letters, backlog, audit log.

A dead letter holds what one service tells another of somebody (name, birth date, household), and no node says
whose it is. So every administrator learns that there is one, since it stands in somebody's way; what is in it
reads only who stands above all nodes; and it is tried again by who holds a root of the tree.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from webargs.fields import DelimitedList

from shared import audit, outbox, web
from shared.db import session, transactional
from shared.errors import Forbidden
from shared.fields import Instant, Line, WholeText, Wire
from shared.principal import Principal, Role


class DeadLettersQuerySchema(Wire):
    before = fields.UUID(metadata={"description": "Only facts older than this one"})
    limit = WholeText(load_default=50, validate=validate.Range(min=1, max=200))


class DeadLetterSchema(Wire):
    id = fields.UUID(required=True)
    destination = fields.String(required=True)
    name = fields.String(required=True)
    body = fields.Dict(
        required=True, allow_none=True, metadata={"description": "Only for administrators of everything"}
    )
    created_at = fields.AwareDateTime(required=True)
    dead_at = fields.AwareDateTime(required=True)
    error = fields.String(
        allow_none=True, metadata={"description": "Its code alone, but for administrators of everything"}
    )
    may_requeue = fields.Boolean(required=True)


class BacklogSchema(Wire):
    waiting = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    oldest_at = fields.AwareDateTime(allow_none=True)


def _ids(text: str) -> DelimitedList:
    return DelimitedList(fields.UUID(), validate=validate.Length(min=1, max=50), metadata={"description": text})


class AuditQuerySchema(Wire):
    before = fields.UUID(metadata={"description": "Only entries older than this one"})
    action = Line(length_max=60, metadata={"description": "An act; with a dot in front how acts end: `.refuse_own`"})
    subject_id = fields.UUID()
    member_ids = _ids("Done by one of these people, or to one")
    node_ids = _ids("At or below one of these places")
    from_ = Instant(data_key="from", metadata={"description": "At this moment or later"})
    to = Instant(metadata={"description": "Before this moment"})
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


EVERYTHING = "/"


def list_dead_letters(caller: Principal, *, limit: int, before: UUID | None = None) -> list[dict[str, Any]]:
    """Dead letters as far as the caller may read them, newest first. How many there are says the backlog."""
    reads, may_requeue = caller.may(Role.ADMINISTRATOR, EVERYTHING), _root_of(caller) is not None
    letters = outbox.list_dead(session(), rows_max=limit, before=before)
    for letter in letters:
        letter["may_requeue"] = may_requeue
        if not reads:
            # After the code come sentences, and receivers put values into them.
            letter |= {"body": None, "error": letter["error"] and letter["error"].partition(":")[0]}
    return letters


@transactional
def requeue(tx: Session, caller: Principal, row_id: UUID) -> None:
    """Give a dead letter another life. Doing it twice is refused as NotFound."""
    root = _root_of(caller)
    if root is None:
        raise Forbidden
    outbox.requeue(tx, row_id)
    audit.add(tx, caller, "dead_letter.requeue", "outbox", row_id, path=root)


def _root_of(caller: Principal) -> str | None:
    """Where the caller is administrator of a whole tree: everything, or a node that has none above it."""
    roots = [path for path in caller.paths(Role.ADMINISTRATOR) if len(path.strip("/").split("/")) == 1]
    return min(roots, key=len, default=None)


def list_audit(
    caller: Principal,
    *,
    limit: int,
    before: UUID | None = None,
    action: str | None = None,
    subject_id: UUID | None = None,
    member_ids: Sequence[UUID] | None = None,
    node_ids: Sequence[UUID] | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
) -> list[dict[str, Any]]:
    """Entries below the caller's nodes, newest first (ids are ordered by time)."""
    table = audit.audit_log
    paths = caller.paths(Role.AUDITOR) + caller.paths(Role.ADMINISTRATOR)
    below = [table.c.path.startswith(path, autoescape=True) for path in paths]
    statement = select(table).where(or_(*below))
    if before is not None:
        statement = statement.where(table.c.id < before)
    if action is not None:
        any_such = action.startswith(".")
        statement = statement.where(
            table.c.action.endswith(action, autoescape=True) if any_such else table.c.action == action
        )
    if subject_id is not None:
        statement = statement.where(table.c.subject_id == subject_id)
    if member_ids is not None:
        ids = [str(member_id) for member_id in member_ids]
        done_to = or_(table.c.subject_id.in_(member_ids), table.c.detail["member_id"].astext.in_(ids))
        statement = statement.where(or_(table.c.member_id.in_(member_ids), done_to))
    if node_ids is not None:
        statement = statement.where(or_(*(table.c.path.contains(f"/{node_id.hex}/") for node_id in node_ids)))
    if from_ is not None:
        statement = statement.where(table.c.at >= from_)
    if to is not None:
        statement = statement.where(table.c.at < to)
    rows = session().execute(statement.order_by(table.c.id.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def operations(service: str) -> web.Routes:
    """The blueprint of these routes for one service."""
    routes = web.Routes(f"{service} operations", __name__, url_prefix=f"/api/v1/{service}")

    @routes.route("/dead-letters", methods=["GET"])
    @web.holding(Role.ADMINISTRATOR)
    @routes.arguments(DeadLettersQuerySchema, location="query")
    @routes.response(200, DeadLetterSchema(many=True))
    def show_dead_letters(query: dict[str, Any]) -> list[dict[str, Any]]:
        """Facts no receiver takes in, newest first; a person must look."""
        return list_dead_letters(web.caller(), **query)

    @routes.route("/dead-letters/<uuid:row_id>/requeue", methods=["POST"])
    @web.holding(Role.ADMINISTRATOR)
    @routes.response(204)
    @routes.alt_response(404, schema=web.ProblemSchema)
    def requeue_dead_letter(row_id: UUID) -> None:
        """Try a dead letter again; for administrators of a whole tree."""
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
