"""Being forgotten: asking for it, what is lost by it, and what staff sees and does."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding, logged_in
from gateway.i18n import _
from gateway.pages import done
from gateway.presentation import require_viewer
from shared.errors import HuzhuError, NotFound
from shared.principal import Role

ROWS = 50
LOOKED_AT = 50
"""Redemptions and attendances that are looked through for what is still open; older ones are over."""

pages = Blueprint("erasures", __name__)


# --- By the person ----------------------------------------------------------------------------------------


@pages.get("/me/erase")
@logged_in
def show() -> ResponseReturnValue:
    return _own_page(Form())


@pages.post("/me/erase")
@logged_in
def ask() -> ResponseReturnValue:
    viewer, filled = require_viewer(), Form.posted()
    erasure_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    password = filled.typed.get("password", "")
    if not password:
        filled.fail("password", _("请填写密码"))
    if not filled.text("agreed"):
        filled.fail("agreed", _("请确认已经看过会失去什么"))
    if filled:
        content = {"id": erasure_id, "password": password}
        try:
            backend.call("members", "POST", f"/members/{viewer.member_id}/erasures", json=content)
            return redirect("/me/erase", 303)
        except HuzhuError as refusal:
            filled.blame(refusal, {"wrong_password": "password"})
    return _own_page(filled), 422


@pages.post("/me/erase/withdraw")
@logged_in
def withdraw() -> ResponseReturnValue:
    filled = Form.posted()
    erasure_id = filled.uuid("erasure_id", _("页面不完整，请刷新再试"))
    if filled:
        try:
            backend.call("members", "POST", f"/erasures/{erasure_id}/withdraw")
            return redirect("/me?told=kept", 303)
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _own_page(filled), 422


def _own_page(filled: Form) -> str:
    member_id = require_viewer().member_id
    panels = backend.together(
        erasure=Call("members", f"/members/{member_id}/erasure"),
        redemptions=Call("rewards", "/redemptions", {"member_id": member_id, "limit": LOOKED_AT}),
        **_asking(member_id),
    )
    erasure = panels["erasure"].needed(NotFound)
    return render_template("erasures/own.html", filled=filled, erasure=erasure, lost=_lost(panels))


def _asking(member_id: UUID | str | None) -> dict[str, Call]:
    return {
        "balance": Call("points", "/balances", {"member_ids": member_id}),
        "attendances": Call("checkin", "/attendances", {"member_id": member_id, "limit": LOOKED_AT}),
    }


def _lost(panels: dict[str, Panel]) -> list[tuple[str, str]]:
    """What is lost, and what is still open, as names and values; what a service cannot say now is said to be so."""
    away = _("暂时看不到")
    balances, redemptions, attendances = (panels[name] for name in ("balance", "redemptions", "attendances"))
    balance = balances.content[0] if balances.content else None
    unclaimed = [one for one in redemptions.content or [] if one["state"] in ("requested", "confirmed")]
    waiting = [one for one in attendances.content or [] if one["state"] in ("open", "left")]
    points = presentation.points(balance["points_available"]) if balance else "0"
    minutes = presentation.minutes(balance["minutes_total"] if balance else 0)
    return [
        (_("可用积分"), away if balances.error is not None else points),
        (_("累计服务时长"), away if balances.error is not None else minutes),
        (_("没有领取的兑换"), away if redemptions.error is not None else str(len(unclaimed))),
        (_("还没有确认的签到"), away if attendances.error is not None else str(len(waiting))),
    ]


# --- By staff ---------------------------------------------------------------------------------------------


@pages.get("/staff/erasures")
@holding(Role.STAFF)
def list_requests() -> ResponseReturnValue:
    query = {"limit": ROWS, "after": uuid_or_none(request.args.get("after"))}
    found = backend.call("members", "GET", "/erasures", query=query)
    more = f"/staff/erasures?after={found[-1]['id']}" if len(found) == ROWS else None
    return render_template("erasures/list.html", erasures=found, told=done.said(), more=more)


@pages.get("/staff/members/<uuid:member_id>/erasure")
@holding(Role.STAFF)
def show_request(member_id: UUID) -> ResponseReturnValue:
    return _staff_page(member_id, Form())


@pages.post("/staff/members/<uuid:member_id>/erasure")
@holding(Role.STAFF)
def decide(member_id: UUID) -> ResponseReturnValue:
    """Write down that somebody asked, take it back, or do it now."""
    filled = Form.posted()
    verb, erasure_id = filled.text("action"), filled.text("erasure_id")
    if verb == "confirm" and not filled.text("seen"):
        filled.fail("seen", _("请先看清没有未办完的事"))
    if filled:
        try:
            if verb == "ask":
                content = {"id": filled.uuid("id", _("页面不完整，请刷新再试"))}
                backend.call("members", "POST", f"/members/{member_id}/erasures", json=content)
                return redirect(f"/staff/members/{member_id}/erasure", 303)
            if verb in ("withdraw", "confirm") and uuid_or_none(erasure_id):
                backend.call("members", "POST", f"/erasures/{erasure_id}/{verb}")
                return done.back("/staff/erasures", "erased" if verb == "confirm" else "kept")
            filled.fail("", _("页面不完整，请刷新再试"))
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _staff_page(member_id, filled), 422


def _staff_page(member_id: UUID, filled: Form) -> str:
    asked = backend.together(
        member=Call("members", f"/members/{member_id}"), erasure=Call("members", f"/members/{member_id}/erasure")
    )
    member, erasure = asked["member"].needed(), asked["erasure"].needed(NotFound)
    calls = _asking(member["id"])
    if member["station_id"]:
        at_home = {"member_id": member["id"], "limit": LOOKED_AT}
        calls["redemptions"] = Call("rewards", f"/stations/{member['station_id']}/redemptions", at_home)
    panels = {"redemptions": Panel([])} | backend.together(**calls)
    return render_template(
        "erasures/staff.html",
        filled=filled,
        member=member,
        erasure=erasure,
        lost=_lost(panels),
    )
