"""Routes of sign-in sheets: as printed, and typed in later."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import roll, sheets
from services.checkin.queries import rolls as queries
from services.checkin.schemas.sheets import SheetQuerySchema, SheetReceiptSchema, SheetSchema, WrittenSheetSchema
from shared import web


@routes.route("/activities/<uuid:activity_id>/sheet", methods=["GET"])
@web.logged_in()
@routes.arguments(SheetQuerySchema, location="query")
@routes.response(200, SheetSchema)
@refuses(404, 422)
def get_sheet(query: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """The sign-in sheet of a site as of now, or as it was printed; the same number is the same lines. Who leads the
    site reads it until the end of the next day, and that they may know its names is recorded.
    """
    sheet = queries.get_sheet(web.caller(), activity_id=activity_id, **query)
    if sheet["may_name"] and not sheet["as_organizer"]:
        roll.note_names(web.caller(), activity_id=activity_id)
    return sheet


@routes.route("/activities/<uuid:activity_id>/sheets", methods=["POST"])
@web.logged_in()
@routes.arguments(WrittenSheetSchema)
@routes.response(200, SheetReceiptSchema)
@refuses(404, 409, 422)
def enter_sheet(body: dict[str, Any], activity_id: UUID) -> sheets.SheetReceipt:
    """Take a sheet in, each line decided by itself; typed in twice it takes nothing twice. Who leads the site does so
    until the end of the next day.
    """
    return sheets.enter_sheet(web.caller(), activity_id=activity_id, **body)
