"""Staff takes somebody in who has moved here: first the whole volunteer number, then who that is, then the reason."""

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.forms import Form
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import asked_for, station_options
from shared.errors import HuzhuError, Invalid
from shared.principal import Role

NUMBER_DIGITS = 12

pages = Blueprint("take_in", __name__)


@pages.get("/staff/members/take-in")
@holding(Role.STAFF)
def ask() -> ResponseReturnValue:
    return _page(Form(request.args))


@pages.post("/staff/members/take-in")
@holding(Role.STAFF)
def take_in() -> ResponseReturnValue:
    filled = Form.posted()
    member_id = filled.uuid("member_id", _("页面不完整，请刷新再试"))
    content = {
        "number": _number(filled),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
        "reason": filled.required("reason", _("请写明原因"), length_max=200),
    }
    if filled:
        try:
            backend.call("members", "POST", f"/members/{member_id}/take-in", json=content)
            return done.back(f"/staff/members/{member_id}", "taken_in")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _page(filled), 422


def _number(filled: Form) -> str:
    return "".join(filled.text("number").replace("-", " ").split())


def _page(filled: Form) -> str:
    number = _number(filled)
    found: dict[str, Any] | None = None
    if number and not (number.isascii() and number.isdigit() and len(number) == NUMBER_DIGITS):
        filled.fail("number", _("请填写完整的 12 位志愿者编号"))
    elif number:
        call = asked_for(number)
        try:
            found = next(iter(backend.call(call.service, "GET", call.path, query=call.query)), None)
        except Invalid as refusal:
            filled.blame(refusal)
        if found is None and filled:
            filled.fail("number", _("没有这个编号的志愿者"))
    stations = station_options(Role.STAFF) if found is not None else []
    return render_template("staff/take_in.html", filled=filled, number=number, found=found, stations=stations)
