"""Staff marks a member as gone, and lets who comes back be there again."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.forms import Form
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.acts import departure_names
from shared import clock
from shared.errors import HuzhuError
from shared.principal import Role

pages = Blueprint("leaving", __name__)


@pages.get("/staff/members/<uuid:member_id>/leave")
@holding(Role.STAFF)
def ask_leave(member_id: UUID) -> ResponseReturnValue:
    return _page(member_id, "leave", Form())


@pages.post("/staff/members/<uuid:member_id>/leave")
@holding(Role.STAFF)
def leave(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "kind": filled.required("kind", _("请选离开的原因")),
        "day": filled.day("day"),
        "reason": filled.required("reason", _("请写明情况"), length_max=200),
    }
    if filled and content["day"] is None:
        filled.fail("day", _("请填写日期"))
    return _send(member_id, "leave", filled, content, "departed")


@pages.get("/staff/members/<uuid:member_id>/return")
@holding(Role.STAFF)
def ask_return(member_id: UUID) -> ResponseReturnValue:
    return _page(member_id, "return", Form())


@pages.post("/staff/members/<uuid:member_id>/return")
@holding(Role.STAFF)
def come_back(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = {"reason": filled.required("reason", _("请写明情况"), length_max=200)}
    return _send(member_id, "return", filled, content, "returned")


def _send(
    member_id: UUID, what: str, filled: Form, content: Mapping[str, str | None], told: str
) -> ResponseReturnValue:
    if filled:
        try:
            backend.call("members", "POST", f"/members/{member_id}/{what}", json=content)
            return done.back(f"/staff/members/{member_id}", told)
        except HuzhuError as refusal:
            filled.blame(refusal, {"day_ahead": "day"})
    return _page(member_id, what, filled), 422


def _page(member_id: UUID, what: str, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    return render_template(
        "staff/leave.html",
        member=member,
        what=what,
        kinds=list(departure_names().items()),
        today=clock.today().isoformat(),
        filled=filled,
    )
