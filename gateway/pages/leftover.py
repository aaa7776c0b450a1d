"""What becomes of the points of a member who is gone: to the household, or to the station's pool, by its rule."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import describe
from shared.errors import HuzhuError
from shared.principal import Role

POOL = "pool"

pages = Blueprint("leftover", __name__)


@pages.get("/staff/members/<uuid:member_id>/points")
@holding(Role.STAFF)
def ask(member_id: UUID) -> ResponseReturnValue:
    return _page(member_id, Form())


@pages.post("/staff/members/<uuid:member_id>/points")
@holding(Role.STAFF)
def give(member_id: UUID) -> ResponseReturnValue:
    """Give them away, or set the rule by which that may be done."""
    filled = Form.posted()
    if filled.text("action") == "rule":
        return _set_rule(member_id, filled)
    taker = filled.required("taker", _("请选转到哪里"))
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_id": str(member_id),
        "to_member_id": None if taker == POOL else taker,
        "reason": filled.required("reason", _("请写明情况"), length_max=200),
    }
    if filled:
        try:
            backend.call("points", "POST", "/leavers/gifts", json=content)
            return done.back(f"/staff/members/{member_id}", "given")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _page(member_id, filled), 422


def _set_rule(member_id: UUID, filled: Form) -> ResponseReturnValue:
    days = filled.whole("family_days", _("请填写天数，0 表示不能转给家人")) if filled.text("family_days") else 0
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    if filled:
        content = {"family_days": days or None, "donate": bool(filled.text("donate"))}
        try:
            backend.call("points", "PUT", f"/leavers/rules/{station_id}", json=content)
            return done.back(f"/staff/members/{member_id}/points", "saved")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _page(member_id, filled), 422


def _page(member_id: UUID, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    calls = {"balance": Call("points", "/balances", {"member_ids": member_id})}
    if member["station_id"]:
        calls["rule"] = Call("points", "/leavers/rule", {"station_id": member["station_id"]})
    if member["household_id"]:
        query = {"household_id": member["household_id"], "status": "active"}
        calls["family"] = Call("members", "/members", query)
    panels = backend.together(**calls)
    rule: dict[str, Any] | None = panels["rule"].content if "rule" in panels else None
    family = panels["family"].content if "family" in panels else None
    balances = panels["balance"].content
    takers = [(one["id"], describe(one)) for one in family or [] if rule and rule["family_days"]]
    if rule and rule["donate"]:
        takers.append((POOL, _("捐入本站的爱心积分池")))
    return render_template(
        "staff/leftover.html",
        member=member,
        balance=balances[0] if balances else None,
        away=any(panel.error is not None for panel in panels.values()),
        rule=rule,
        takers=takers,
        told=done.said(),
        filled=filled,
    )
