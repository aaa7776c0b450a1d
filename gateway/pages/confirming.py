"""Where every attendance is confirmed by somebody, whatever its activity says."""

from collections.abc import Iterable
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.pages import done, switching
from shared.principal import Role

ROWS = 200
NODES_MAX = 200
"""As many as check-in tells of at once."""

pages = Blueprint("confirming", __name__)


@pages.get("/staff/confirming")
@holding(Role.STAFF)
def list_switches() -> ResponseReturnValue:
    return _switches_page(Form())


@pages.post("/staff/confirming/<uuid:node_id>")
@holding(Role.STAFF)
def switch(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    if switching.turn(filled, f"/confirm-each/{node_id}"):
        return done.back("/staff/confirming", "saved")
    return _switches_page(filled), 422


def _switches_page(filled: Form) -> str:
    query = {"limit": ROWS, "after": uuid_or_none(request.args.get("after"))}
    found = backend.together(switches=Call("checkin", "/confirm-each/switches", query))["switches"].content
    return render_template(
        "staff/confirming.html",
        switches=found,
        filled=filled,
        told=done.said(),
        more=f"/staff/confirming?after={found[-1]['node_id']}" if found and len(found) == ROWS else None,
    )


def ask(node_ids: Iterable[str]) -> tuple[set[str], set[str]]:
    """At which of these nodes every attendance is confirmed by somebody, and at which activities are reviewed before
    they are published; none when check-in cannot say now.
    """
    wanted = list(node_ids)[:NODES_MAX]
    if not wanted:
        return set(), set()
    query = {"node_ids": ",".join(wanted)}
    asked = {"confirmed": Call("checkin", "/confirm-each", query), "reviewed": Call("checkin", "/reviews/rules", query)}
    panels = backend.together(**asked)
    confirmed, reviewed = (
        {one["node_id"] for one in panels[name].content or [] if one["on"] or one["above"]} for name in asked
    )
    return confirmed, reviewed
