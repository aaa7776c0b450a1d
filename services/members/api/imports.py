"""Files that are taken over: brought by staff, checked, taken in, taken back."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Response

from services.members.commands import imports as commands
from services.members.domain.imports import Step
from services.members.queries import imports as queries
from services.members.schemas.imports import (
    ImportCheckSchema,
    ImportNewSchema,
    ImportQuerySchema,
    ImportReasonSchema,
    ImportRowSchema,
    ImportRowsQuerySchema,
    ImportSchema,
)
from shared import spreadsheets, web
from shared.principal import Role

imports = web.Routes("imports", __name__, url_prefix="/api/v1/members/imports")

BODY_BYTES_MAX = spreadsheets.CONTENT_BYTES_MAX * 4 // 3 + 10_000
"""A file in base64, and what is said of it."""


def _refuses(*statuses: int) -> Any:
    """The problems that a route describes."""
    return imports.refuses(401, 403, 404, *statuses)


@imports.route("", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@imports.arguments(ImportQuerySchema, location="query")
@imports.response(200, ImportSchema(many=True))
@_refuses()
def list_imports(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Files that were brought at my stations, newest first."""
    return queries.list_imports(web.caller(), **query)


@imports.route("", methods=["POST"])
@web.holding(Role.STAFF)
@web.taking(BODY_BYTES_MAX)
@imports.arguments(ImportNewSchema)
@imports.response(201, ImportSchema)
@_refuses(409, 413, 422)
def bring_import(content: dict[str, Any]) -> dict[str, Any]:
    """Bring a spreadsheet. It is read and checked, and nothing is taken in before `start`."""
    return commands.bring(web.caller(), **content)


@imports.route("/<uuid:import_id>", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@imports.response(200, ImportSchema)
@_refuses()
def show_import(import_id: UUID) -> dict[str, Any]:
    """How far an import has come, and what I may do next."""
    return queries.show_import(web.caller(), import_id)


@imports.route("/<uuid:import_id>/rows", methods=["GET"])
@web.holding(Role.STAFF)
@imports.arguments(ImportRowsQuerySchema, location="query")
@imports.response(200, ImportRowSchema(many=True))
@_refuses()
def list_import_rows(query: dict[str, Any], import_id: UUID) -> list[dict[str, Any]]:
    """Rows of a file with what is wrong with them."""
    return queries.list_import_rows(web.caller(), import_id, **query)


@imports.route("/<uuid:import_id>/file", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@imports.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
@_refuses()
def read_file(import_id: UUID) -> Response:
    """The file as it was brought, as long as it is kept; reading it is recorded."""
    name, content = commands.read_file(web.caller(), import_id)
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response


@imports.route("/<uuid:import_id>/check", methods=["POST"])
@web.holding(Role.STAFF)
@imports.arguments(ImportCheckSchema)
@imports.response(200, ImportSchema)
@_refuses(409)
def check_import(content: dict[str, Any], import_id: UUID) -> dict[str, Any]:
    """Check it again, with half days of another length, another year or category, or after people were added."""
    return commands.step(web.caller(), import_id, Step.CHECK, **content)


@imports.route("/<uuid:import_id>/start", methods=["POST"])
@web.holding(Role.STAFF)
@imports.response(200, ImportSchema)
@_refuses(409, 422)
def start_import(import_id: UUID) -> dict[str, Any]:
    """Take the good rows in; opening balances and past services wait for a second person first."""
    return commands.step(web.caller(), import_id, Step.START)


@imports.route("/<uuid:import_id>/approve", methods=["POST"])
@web.holding(Role.STAFF)
@imports.response(200, ImportSchema)
@_refuses(409)
def approve_import(import_id: UUID) -> dict[str, Any]:
    """Approve opening balances or past services as the second person, of the sub-centre or above."""
    return commands.step(web.caller(), import_id, Step.APPROVE)


@imports.route("/<uuid:import_id>/reject", methods=["POST"])
@web.holding(Role.STAFF)
@imports.arguments(ImportReasonSchema)
@imports.response(200, ImportSchema)
@_refuses(409)
def reject_import(content: dict[str, Any], import_id: UUID) -> dict[str, Any]:
    """Send opening balances or past services back."""
    return commands.step(web.caller(), import_id, Step.REJECT, **content)


@imports.route("/<uuid:import_id>/drop", methods=["POST"])
@web.holding(Role.STAFF)
@imports.response(200, ImportSchema)
@_refuses(409)
def drop_import(import_id: UUID) -> dict[str, Any]:
    """Give up a file of which nothing was taken in; it is forgotten."""
    return commands.step(web.caller(), import_id, Step.DROP)


@imports.route("/<uuid:import_id>/undo", methods=["POST"])
@web.holding(Role.STAFF)
@imports.response(200, ImportSchema)
@_refuses(409, 422)
def undo_import(import_id: UUID) -> dict[str, Any]:
    """Take a whole import back within a day, as far as nothing has happened since."""
    return commands.step(web.caller(), import_id, Step.UNDO)
