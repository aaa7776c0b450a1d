"""The screen of rotating codes, for an organizer, or for who leads the site: full page, arrival or departure, how many
are there.

The page alone shows the present code and reloads itself; a small script draws the next ones without
a network for up to 30 minutes.
"""

import hashlib
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway import backend, presentation, qr
from gateway.backend import Call
from gateway.forms import uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages.roll import page_of, sites_called
from shared import http
from shared.errors import RuleBroken

DIRECTIONS = ("arrival", "departure")
MINUTES_AHEAD = 30

pages = Blueprint("codes", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/code")
@logged_in
def show_screen(activity_id: UUID) -> ResponseReturnValue:
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    sites = sites_called(activity)
    direction = request.args.get("direction", DIRECTIONS[0])
    site_id = uuid_or_none(request.args.get("site_id")) or UUID(sites[0]["id"])
    site = next((site for site in sites if site["id"] == str(site_id)), None)
    if direction not in DIRECTIONS or site is None:
        abort(404)
    asked = {"site_id": site_id, "direction": direction}
    try:
        codes = backend.call("checkin", "GET", f"/activities/{activity_id}/codes", query={**asked, "minutes": 1})
    except RuleBroken as refusal:
        words = _(refusal.detail)
        return render_template("codes/over.html", activity=activity, detail=words, back=page_of(activity)), 422
    presence = backend.together(presence=Call("checkin", f"/activities/{activity_id}/presence"))["presence"]
    now = presentation.read_moment(codes["server_now"])
    code = next(one for one in codes["codes"] if presentation.read_moment(one["shown_until"]) > now)
    words = _("签到码") if direction == "arrival" else _("签退码")
    return render_template(
        "codes/screen.html",
        activity=activity,
        site=site,
        sites=sites,
        back=page_of(activity),
        direction=direction,
        presence=presence.content,
        drawing=Markup(qr.svg(code["url"], words)),  # noqa: S704 - our own drawing
    )


@pages.get("/organize/activities/<uuid:activity_id>/codes.json")
@logged_in
def list_codes(activity_id: UUID) -> ResponseReturnValue:
    """The codes of the coming minutes, ready to draw; times in milliseconds, as scripts count them."""
    query = {
        "site_id": uuid_or_none(request.args.get("site_id")),
        "direction": request.args.get("direction"),
        "minutes": min(MINUTES_AHEAD, request.args.get("minutes", MINUTES_AHEAD, int)),
    }
    codes = backend.call("checkin", "GET", f"/activities/{activity_id}/codes", query=query)
    return http.answer(
        {
            "server_now": _milliseconds(codes["server_now"]),
            "codes": [
                {
                    "from": _milliseconds(code["shown_from"]),
                    "until": _milliseconds(code["shown_until"]),
                    **qr.packed(code["url"]),
                }
                for code in codes["codes"]
            ],
        }
    )


@pages.get("/organize/activities/<uuid:activity_id>/presence.json")
@logged_in
def count_presence(activity_id: UUID) -> ResponseReturnValue:
    """How many are there and how the activity stands, asked for every few seconds: 304 when nothing has changed."""
    presence: dict[str, Any] = backend.call("checkin", "GET", f"/activities/{activity_id}/presence")
    response: Response = http.answer(presence)
    response.set_etag(hashlib.sha256(msgspec.json.encode(presence)).hexdigest()[:16])
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)


def _milliseconds(moment: str) -> int:
    return int(presentation.read_moment(moment).timestamp() * 1000)
