"""Routes of other platforms' numbers and batches."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import outside
from services.checkin.queries import outside as queries
from services.checkin.schemas.outside import (
    BatchesQuerySchema,
    BatchRecordSchema,
    BatchRecordsQuerySchema,
    BatchSchema,
    LeftForLaterSchema,
    NewBatchSchema,
    NewOutsideNumberSchema,
    OutsideNumberSchema,
    OutsideNumbersQuerySchema,
    ScopeSchema,
)
from services.checkin.store import ExportBatch
from shared import web
from shared.principal import Role


@routes.route("/outside-numbers", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(OutsideNumbersQuerySchema, location="query")
@routes.response(200, OutsideNumberSchema(many=True))
@refuses(404)
def list_outside_numbers(query: dict[str, Any]) -> Any:
    """Under which numbers other platforms know a member or an activity."""
    return queries.list_outside_numbers(web.caller(), **query)


@routes.route("/outside-numbers", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(NewOutsideNumberSchema)
@routes.response(204)
@refuses(404, 409)
def set_outside_number(body: dict[str, Any]) -> None:
    """Enter such a number, or take it back."""
    outside.set_number(web.caller(), **body)


@routes.route("/batches", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(BatchesQuerySchema, location="query")
@routes.response(200, BatchSchema(many=True))
@refuses()
def list_batches(query: dict[str, Any]) -> list[ExportBatch]:
    """Batches of service records for other platforms, newest first."""
    return queries.list_batches(web.caller(), **query)


@routes.route("/batches", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(NewBatchSchema)
@routes.response(201, BatchSchema)
@refuses(404, 409, 422)
def make_batch(body: dict[str, Any]) -> ExportBatch:
    """Take what no batch of the platform has yet, and what was put right since."""
    return outside.make_batch(web.caller(), batch_id=body.pop("id"), **body)


@routes.route("/batches/waiting", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(ScopeSchema, location="query")
@routes.response(200, LeftForLaterSchema(many=True))
@refuses(404)
def list_waiting_for_numbers(query: dict[str, Any]) -> Any:
    """Whose records would be left out of such a batch now, at most 200: they wait for a number of the platform."""
    return queries.list_waiting_for_numbers(web.caller(), **query)


@routes.route("/batches/<uuid:batch_id>", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.response(200, BatchSchema)
@refuses(404)
def get_batch(batch_id: UUID) -> ExportBatch:
    """One batch."""
    return queries.get_batch(web.caller(), batch_id=batch_id)


@routes.route("/batches/<uuid:batch_id>/records", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(BatchRecordsQuerySchema, location="query")
@routes.response(200, BatchRecordSchema(many=True))
@refuses(404)
def list_batch_records(query: dict[str, Any], batch_id: UUID) -> Any:
    """Its records, the same whenever they are asked for."""
    return queries.list_records(web.caller(), batch_id=batch_id, **query)


@routes.route("/batches/<uuid:batch_id>/left-out", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.response(200, LeftForLaterSchema(many=True))
@refuses(404)
def list_left_out(batch_id: UUID) -> Any:
    """Whose records of its node and span wait for a number of the platform, at most 200."""
    return queries.list_left_out(web.caller(), batch_id=batch_id)
