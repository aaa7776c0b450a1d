"""Gifts of the own station, and redeeming one in two steps."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call, Panel
from gateway.forms import Form
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.presentation import Viewer, require_viewer
from shared.errors import HuzhuError, NotFound, Unavailable

pages = Blueprint("gifts", __name__)


@pages.get("/gifts")
@logged_in
def list_gifts() -> ResponseReturnValue:
    viewer = require_viewer()
    if viewer.station_id is None:
        return render_template("gifts/no_station.html")
    panels = backend.together(
        balance=_balance(viewer),
        gifts=Call("rewards", "/gifts", {"station_id": viewer.station_id, "member_id": viewer.member_id, "limit": 200}),
    )
    balance = _first(panels["balance"])
    gifts = (
        None
        if panels["gifts"].error is not None
        else [gift | {"obstacle": obstacle(gift, balance, viewer)} for gift in panels["gifts"].content]
    )
    # What can be had now comes first, then what is nearly in reach.
    for gift in gifts or []:
        gift["order"] = (gift["obstacle"] is not None, gift["points"], gift["name"])
    return render_template(
        "gifts/list.html", balance=balance, gifts=sorted(gifts, key=lambda gift: gift["order"]) if gifts else gifts
    )


def obstacle(gift: dict[str, Any], balance: dict[str, Any] | None, viewer: Viewer) -> str | None:
    """Why this gift cannot be redeemed now, in a word; rewards and points decide when it comes to it."""
    if not gift["available"]:
        return _("没有了")
    if gift["left_for_member"] == 0:
        return _("本季度已兑满 %(count)s 件", count=gift["limit_per_quarter"])
    if balance is not None and balance["points_available"] < gift["points"]:
        return _("还差 %(points)s 积分", points=presentation.points(gift["points"] - balance["points_available"]))
    if not viewer.confirmed:
        return _("核实身份后可兑")
    return None


@pages.get("/gifts/<uuid:gift_id>/confirm")
@logged_in
def check(gift_id: UUID) -> ResponseReturnValue:
    return _confirm_page(Form(), gift_id)


@pages.post("/gifts/<uuid:gift_id>/confirm")
@logged_in
def redeem(gift_id: UUID) -> ResponseReturnValue:
    """The id made with the form makes a second post the same redemption."""
    viewer = require_viewer()
    filled = Form.posted()
    wanted: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_id": filled.uuid("member_id", _("页面不完整，请刷新再试")),
        "points": filled.whole("points", _("页面不完整，请刷新再试")),
        "gift_id": str(gift_id),
        "station_id": str(viewer.station_id),
        "quantity": 1,
    }
    if not filled:
        return _confirm_page(filled, gift_id), 422
    try:
        redemption = backend.call("rewards", "POST", "/redemptions", json=wanted)
    except Unavailable:
        filled.fail("", _("系统忙，还不知道有没有办成。请过几秒再点一次“确认兑换”，不会重复扣积分。"))
        return _confirm_page(filled, gift_id), 503
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _confirm_page(filled, gift_id), 422
    return redirect(f"/vouchers/{redemption['id']}", 303)


def _confirm_page(filled: Form, gift_id: UUID) -> str:
    viewer = require_viewer()
    if viewer.station_id is None:
        raise NotFound
    panels = backend.together(
        balance=_balance(viewer),
        gift=Call("rewards", f"/gifts/{gift_id}", {"station_id": viewer.station_id, "member_id": viewer.member_id}),
        last=Call("rewards", "/redemptions", {"member_id": viewer.member_id, "limit": 1}),
    )
    gift = panels["gift"].needed()
    balance = _first(panels["balance"])
    return render_template(
        "gifts/confirm.html",
        filled=filled,
        balance=balance,
        gift=gift | {"obstacle": obstacle(gift, balance, viewer)},
        waiting=_waiting(panels["last"].content or [], gift_id),
    )


def _waiting(newest: list[dict[str, Any]], gift_id: UUID) -> dict[str, Any] | None:
    """The member's newest redemption, when it is of this gift and not collected: who comes back here with
    the back button should see that it is done.
    """
    found = newest[0] if newest else None
    if found is None or found["gift_id"] != str(gift_id) or found["state"] not in ("requested", "confirmed"):
        return None
    return found


def _balance(viewer: Viewer) -> Call:
    return Call("points", "/balances", {"member_ids": viewer.member_id})


def _first(panel: Panel) -> dict[str, Any] | None:
    return panel.content[0] if panel.content else None
