"""Where every attendance is confirmed by somebody, whatever its activity says."""

from collections.abc import Iterable
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
from gateway.pages.places import stations_of
from shared.errors import HuzhuError
from shared.principal import Role

STATIONS_MAX = 200

pages = Blueprint("confirming", __name__)


@pages.get("/staff/confirming")
@holding(Role.STAFF)
def list_switches() -> ResponseReturnValue:
    return _switches_page(Form())


@pages.post("/staff/confirming/<uuid:node_id>")
@holding(Role.STAFF)
def switch(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    wanted = {"1": True, "0": False}.get(filled.text("on"))
    if wanted is None:
        filled.fail("", _("页面不完整，请刷新再试"))
    else:
        try:
            backend.call("checkin", "PUT", f"/confirm-each/{node_id}", json={"on": wanted})
            return done.back("/staff/confirming", "saved")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _switches_page(filled), 422


def _switches_page(filled: Form) -> str:
    stations = stations_of(Role.STAFF)[:STATIONS_MAX]
    switches = ask(station["id"] for station in stations)
    return render_template(
        "staff/confirming.html",
        stations=[(station, switches and switches.get(station["id"])) for station in stations],
        filled=filled,
        told=done.said(),
    )


def ask(node_ids: Iterable[str]) -> dict[str, dict[str, Any]] | None:
    """By node {on, above}; None when check-in cannot say now."""
    wanted = list(node_ids)[:STATIONS_MAX]
    if not wanted:
        return {}
    asked = Call("checkin", "/confirm-each", {"node_ids": ",".join(wanted)})
    found = backend.together(switches=asked)["switches"].content
    return None if found is None else {one["node_id"]: one for one in found}
