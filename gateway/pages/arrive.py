"""Where codes lead: keep what was read, and go on to a page whose address holds no code."""

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from gateway import read_codes
from gateway.guards import open_page

pages = Blueprint("arrive", __name__)


@pages.get("/s/<path:token>")
@open_page
def read_place_code(token: str) -> Response:
    """A volunteer's phone, with a code from the organizer's screen."""
    if not read_codes.may_be_place_code(token):
        return redirect("/scan/foreign", 303)
    return _go_on(read_codes.SCAN, token, "/scan")


@pages.get("/v/<path:token>")
@open_page
def read_voucher(token: str) -> Response:
    """An organizer's phone, with a volunteer's voucher."""
    return _go_on(read_codes.VOUCHER, token, "/desk")


@pages.get("/c/<path:token>")
@open_page
def read_claim_code(token: str) -> Response:
    """Somebody's phone, with the code by which a member who has no login is handed over."""
    return _go_on(read_codes.CLAIM, token, "/claim")


def _go_on(purpose: str, token: str, page: str) -> Response:
    response = redirect(page, 303)
    read_codes.keep(response, purpose, token)
    return response
