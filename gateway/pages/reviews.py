"""Station staff reviews activities before they are published, and says where that is wanted."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done, switching
from gateway.pages.organize import activity_page
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

WAITING = 200
NODES = 200

pages = Blueprint("reviews", __name__)


@pages.get("/staff/reviews")
@holding(Role.STAFF)
def list_reviews() -> ResponseReturnValue:
    return _reviews_page(Form())


@pages.post("/staff/reviews/<uuid:node_id>")
@holding(Role.STAFF)
def switch(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    if switching.turn(filled, f"/reviews/switches/{node_id}"):
        return done.back("/staff/reviews", "saved")
    return _reviews_page(filled), 422


def _reviews_page(filled: Form) -> str:
    pages_of = {name: uuid_or_none(request.args.get(name)) for name in ("after", "after_node")}
    panels = backend.together(
        waiting=Call("checkin", "/reviews", {"limit": WAITING, "after": pages_of["after"]}),
        switches=Call("checkin", "/reviews/switches", {"limit": NODES, "after": pages_of["after_node"]}),
    )
    waiting, switches = panels["waiting"].content, panels["switches"].content
    return render_template(
        "staff/reviews.html",
        waiting=waiting,
        own_id=str(visitor.require_session().own_member_id),
        switches=switches,
        filled=filled,
        told=done.said(),
        more=f"/staff/reviews?after={waiting[-1]['id']}" if waiting and len(waiting) == WAITING else None,
        more_nodes=f"/staff/reviews?after_node={switches[-1]['node_id']}"
        if switches and len(switches) == NODES
        else None,
    )


@pages.post("/organize/activities/<uuid:activity_id>/approve")
@holding(Role.STAFF)
def approve(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    return _decide(activity_id, filled, "approve", {}, "approved")


@pages.post("/organize/activities/<uuid:activity_id>/send-back")
@holding(Role.STAFF)
def send_back(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    reason = filled.required("sent_back_reason", _("请写明退回的原因，负责人会看到"), length_max=500)
    return _decide(activity_id, filled, "send-back", {"reason": reason}, "sent_back")


def _decide(activity_id: UUID, filled: Form, step: str, content: dict[str, Any], said: str) -> ResponseReturnValue:
    """Decide on what the page showed: asked for anew since, it is to be read again."""
    if filled:
        try:
            seen = {"asked_at": filled.text("asked_at")}
            backend.call("checkin", "POST", f"/activities/{activity_id}/{step}", json=seen | content)
            return done.back("/staff/reviews", said)
        except HuzhuError as refusal:
            filled.blame(refusal, {"reason": "sent_back_reason"})
            if isinstance(refusal, Unavailable):
                return activity_page(activity_id, filled), 503
    return activity_page(activity_id, filled), 422
