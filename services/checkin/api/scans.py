"""Routes of scans."""

from typing import Any
from uuid import UUID

from flask import Response

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import scans
from services.checkin.queries import attendances as queries
from services.checkin.schemas.scans import (
    MemberScansQuerySchema,
    NewScanSchema,
    OutcomesSchema,
    OwnScanSchema,
    ScanSchema,
    ScansQuerySchema,
)
from shared import http, web
from shared.principal import Role


@routes.route("/scans", methods=["POST"])
@web.logged_in()
@routes.arguments(NewScanSchema)
@routes.response(200, OutcomesSchema)
@refuses(422)
def record_scans(body: dict[str, Any]) -> dict[str, Any] | Response:
    """Scan a place code for oneself and others of the same login; each is decided on its own.

    When nobody's scan was accepted the answer is a problem: its `code` is the first outcome, and
    `errors.outcomes` has them all.
    """
    receipts = scans.record_scans(web.caller(), **body)
    if any(receipt.outcome.accepted for receipt in receipts):
        return {"outcomes": receipts}
    refused = OutcomesSchema().dump({"outcomes": receipts})
    return http.problem(422, receipts[0].outcome.value, receipts[0].detail, field_errors=refused)


@routes.route("/scans", methods=["GET"])
@web.logged_in()
@routes.arguments(MemberScansQuerySchema, location="query")
@routes.response(200, OwnScanSchema(many=True))
@refuses()
def list_own_scans(query: dict[str, Any]) -> list[dict[str, Any]]:
    """All scans of a member of mine, refused ones too, newest first."""
    return queries.list_own_scans(web.caller(), **query)


@routes.route("/activities/<uuid:activity_id>/scans", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(ScansQuerySchema, location="query")
@routes.response(200, ScanSchema(many=True))
@refuses(404)
def list_scans(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """An activity's scans, newest first; with `refused=1` only those."""
    refused = query.pop("refused") == "1"
    return queries.list_scans(web.caller(), activity_id=activity_id, refused=refused, **query)
