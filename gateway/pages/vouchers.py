"""What was redeemed: the voucher to show at the desk, the list, and cancelling."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway import backend, presentation, qr
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages.outcomes import Shown
from gateway.presentation import require_viewer
from shared.errors import HuzhuError, Unavailable

ROWS = 20

pages = Blueprint("vouchers", __name__)


@pages.get("/redemptions")
@logged_in
def list_redemptions() -> ResponseReturnValue:
    viewer = require_viewer()
    before = uuid_or_none(request.args.get("before"))
    asked = Call("rewards", "/redemptions", {"member_id": viewer.member_id, "limit": ROWS, "before": before})
    panel = backend.together(redemptions=asked)["redemptions"]
    found = panel.content
    return render_template(
        "vouchers/list.html",
        redemptions=None if panel.error is not None else [one | {"shown": shown(one)} for one in found],
        older=f"/redemptions?before={found[-1]['id']}" if found and len(found) == ROWS else None,
    )


@pages.get("/vouchers/<uuid:redemption_id>")
@logged_in
def show_voucher(redemption_id: UUID) -> ResponseReturnValue:
    viewer = require_viewer()
    panels = backend.together(
        redemption=Call("rewards", f"/redemptions/{redemption_id}"),
        voucher=Call("rewards", f"/redemptions/{redemption_id}/voucher"),
    )
    redemption = panels["redemption"].needed()
    voucher = panels["voucher"].content if redemption["state"] == "confirmed" else None
    if redemption["state"] == "confirmed" and isinstance(panels["voucher"].error, Unavailable):
        raise panels["voucher"].error
    # There is a gift and no code: the sentence says where to go.
    gone = panels["voucher"].error if redemption["state"] == "confirmed" else None
    names = {str(member.member_id): member.name for member in viewer.members}
    return render_template(
        "vouchers/voucher.html",
        redemption=redemption,
        owner=names.get(redemption["member_id"]) or redemption["member_name"],
        shown=shown(redemption | {"reason": gone.detail} if gone else redemption),
        voucher=voucher,
        drawing=Markup(qr.svg(voucher["url"], _("领取码的二维码"))) if voucher else None,  # noqa: S704 - our own drawing
    )


@pages.get("/redemptions/<uuid:redemption_id>/cancel")
@logged_in
def ask_cancel(redemption_id: UUID) -> ResponseReturnValue:
    redemption = backend.call("rewards", "GET", f"/redemptions/{redemption_id}")
    if redemption["state"] not in ("requested", "confirmed"):
        # Nothing is left to cancel; the voucher's page says what became of it.
        return redirect(f"/vouchers/{redemption_id}", 303)
    return _cancel_page(Form(), redemption)


@pages.post("/redemptions/<uuid:redemption_id>/cancel")
@logged_in
def cancel(redemption_id: UUID) -> ResponseReturnValue:
    try:
        backend.call("rewards", "POST", f"/redemptions/{redemption_id}/cancel")
    except HuzhuError as refusal:
        filled = Form()
        filled.blame(refusal)
        redemption = backend.call("rewards", "GET", f"/redemptions/{redemption_id}")
        return _cancel_page(filled, redemption), 503 if isinstance(refusal, Unavailable) else 422
    return redirect(f"/vouchers/{redemption_id}", 303)


def _cancel_page(filled: Form, redemption: dict[str, Any]) -> str:
    return render_template("vouchers/cancel.html", filled=filled, redemption=redemption)


def shown(redemption: Mapping[str, Any]) -> Shown:
    """How a redemption stands, for its member."""
    state, reason = redemption["state"], redemption.get("reason") or ""
    if state == "requested":
        return Shown("wait", _("正在办理"), (_("系统忙，还在扣积分。请过一会儿刷新，不用再兑一次。"),))
    if state == "confirmed":
        return Shown("wait", _("待领取"), (reason,) if reason else ())
    if state == "declined":
        return Shown("refused", _("没有兑换成功"), (reason, _("积分没有扣。")))
    if state == "fulfilled":
        when = _("领取时间：%(when)s", when=presentation.moment(redemption["fulfilled_at"]))
        return Shown("ok", _("已领取"), (when,))
    if state == "cancelled":
        return Shown("plain", _("已取消"), (_("积分退回原处，一般一分钟内到账。"),))
    return Shown("plain", _("已过期"), (_("30 天内没有领取，积分退回原处。"),))
