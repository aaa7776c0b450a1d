"""The issue desk: read a voucher, see what it stands for, hand over, and take back until midnight."""

from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway import backend, presentation, read_codes
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import describe, people, station_options
from shared import clock
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

ROWS = 20

pages = Blueprint("desk", __name__)


@pages.get("/desk")
@holding(Role.ORGANIZER)
def show_desk() -> ResponseReturnValue:
    """The field to type or scan into; a voucher read by a phone's camera is looked up at once."""
    read = read_codes.find(read_codes.VOUCHER)
    if read is None:
        return _desk_page(Form())
    response = look_up(Form({"code": read.code}))
    read_codes.clear(response, read_codes.VOUCHER)
    return response


@pages.post("/desk")
@holding(Role.ORGANIZER)
def read_voucher() -> ResponseReturnValue:
    filled = Form.posted()
    filled.required("code", _("请扫领取码，或输入 12 位领取码"), length_max=300)
    return look_up(filled) if filled else (_desk_page(filled), 422)


def look_up(filled: Form) -> Response:
    """To the redemption that a voucher stands for; back to the desk when it stands for none that may be issued."""
    code = filled.text("code")
    try:
        redemption = backend.call("rewards", "POST", "/vouchers/read", json={"code": code})
    except HuzhuError as refusal:
        filled.fail("code", refusal.detail)
        issued_id = uuid_or_none((refusal.errors or {}).get("redemption_id"))
        return Response(
            _desk_page(filled, issued_id), 503 if isinstance(refusal, Unavailable) else 422, mimetype="text/html"
        )
    response = redirect(f"/desk/{redemption['id']}", 303)
    read_codes.keep(response, read_codes.AT_DESK, f"{redemption['id']} {code}")
    return response


def _desk_page(filled: Form, issued_id: UUID | None = None) -> str:
    try:
        stations, away = station_options(Role.ORGANIZER), False
    except Unavailable:
        # A code can be read all the same: the queue goes on.
        stations, away = [], True
    chosen = uuid_or_none(request.args.get("station_id"))
    station_id = str(chosen) if chosen else stations[0][0] if stations else None
    panels = (
        backend.together(
            waiting=Call("rewards", f"/stations/{station_id}/redemptions", {"state": "confirmed", "limit": ROWS}),
            issued=Call("rewards", f"/stations/{station_id}/redemptions", {"state": "fulfilled", "limit": ROWS}),
        )
        if station_id
        else {}
    )
    return render_template(
        "desk/desk.html",
        filled=filled,
        issued_id=issued_id,
        stations=[(name, f"/desk?station_id={node_id}", node_id == station_id) for node_id, name in stations],
        stations_away=away,
        waiting=panels["waiting"].content if panels else [],
        issued=panels["issued"].content if panels else [],
    )


@pages.get("/desk/<uuid:redemption_id>")
@holding(Role.ORGANIZER)
def show_redemption(redemption_id: UUID) -> ResponseReturnValue:
    return _redemption_page(redemption_id, Form())


@pages.post("/desk/<uuid:redemption_id>/issue")
@holding(Role.ORGANIZER)
def issue(redemption_id: UUID) -> ResponseReturnValue:
    """With the code of the voucher that led here; without, for who was found on the list."""
    read = read_codes.find(read_codes.AT_DESK)
    read_id, _gap, code = read.code.partition(" ") if read else ("", "", "")
    content = {"code": code} if read_id == str(redemption_id) else {}
    response = make_response(_act(redemption_id, Form.posted(), "issue", content))
    read_codes.clear(response, read_codes.AT_DESK)
    return response


@pages.post("/desk/<uuid:redemption_id>/undo")
@holding(Role.ORGANIZER)
def undo(redemption_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    reason = filled.required("reason", _("请写明为什么收回"), length_max=200)
    return _act(redemption_id, filled, "undo", {"reason": reason})


def _act(redemption_id: UUID, filled: Form, verb: str, content: dict[str, Any]) -> ResponseReturnValue:
    if filled:
        try:
            backend.call("rewards", "POST", f"/redemptions/{redemption_id}/{verb}", json=content)
            here = f"/desk/{redemption_id}"
            return done.back(here, "revoked") if verb == "undo" else redirect(here, 303)
        except HuzhuError as refusal:
            filled.blame(refusal)
            if isinstance(refusal, Unavailable):
                raise
    return _redemption_page(redemption_id, filled), 422


def _redemption_page(redemption_id: UUID, filled: Form) -> str:
    redemption = backend.call("rewards", "GET", f"/redemptions/{redemption_id}")
    states = {
        "requested": ("wait", _("积分还在扣，请等一会儿再刷新")),
        "confirmed": ("plain", _("可以发放")),
        "declined": ("refused", _("没有兑换成功，不能发放")),
        "fulfilled": ("ok", _("已发放")),
        "cancelled": ("refused", _("已取消，不能发放")),
        "expired": ("refused", _("已过期，不能发放")),
    }
    if redemption["order_id"]:  # no code that somebody could still come with
        states["cancelled"] = ("plain", _("已收回，积分退回"))
    # Who hands over compares the full name with a card; members shows it to who organizes at that station.
    whole = people([redemption["member_id"]]).get(redemption["member_id"])
    too_late = too_late_to_undo(redemption)
    # What an order at the desk left unfinished is given up here too: its member may have no login.
    unfinished = redemption["order_id"] and redemption["state"] in ("requested", "confirmed")
    may_undo = (redemption["state"] == "fulfilled" and not too_late) or unfinished
    return render_template(
        "desk/redemption.html",
        redemption=redemption,
        shown=states[redemption["state"]],
        name=describe(whole) if whole else redemption["member_name"],
        may_undo=may_undo,
        too_late=too_late,
        told=done.said() if filled else None,
        filled=filled,
    )


def too_late_to_undo(redemption: dict[str, Any]) -> str | None:
    """Why something that was handed over is taken back no more, in the words of the desk; None as long as it can be."""
    if redemption["state"] != "fulfilled":
        return None
    if redemption["close_id"] is not None:
        return _("已日结，不能收回，请找工作人员更正")
    until = redemption["undo_until"]
    if until is None or presentation.read_moment(until) <= clock.now():
        return _("发放当天已过，不能收回，请找工作人员更正")
    return None
