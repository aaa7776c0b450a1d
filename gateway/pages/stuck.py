"""待人工处理: facts that no receiver took in, of all services; and giving one another try."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, routes
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 50

pages = Blueprint("stuck", __name__)


def service_names() -> dict[str, str]:
    return {"members": _("志愿者"), "checkin": _("签到"), "points": _("积分"), "rewards": _("兑换")}


@pages.get("/staff/stuck")
@holding(Role.ADMINISTRATOR)
def list_stuck() -> ResponseReturnValue:
    return _stuck_page(Form())


@pages.post("/staff/stuck/<service>/<uuid:row_id>")
@holding(Role.ADMINISTRATOR)
def requeue(service: str, row_id: UUID) -> ResponseReturnValue:
    if service not in routes.PUBLIC.values():
        abort(404)
    filled = Form.posted()
    try:
        backend.call(service, "POST", f"/dead-letters/{row_id}/requeue")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _stuck_page(filled), 422
    return done.back("/staff/stuck", "requeued")


def _stuck_page(filled: Form) -> str:
    """The newest of every service, or what follows further back in one."""
    services = list(routes.PUBLIC.values())
    chosen, before = request.args.get("service"), uuid_or_none(request.args.get("before"))
    shown = [chosen] if chosen in services else services
    letters = {
        f"letters_{service}": Call(service, "/dead-letters", {"limit": ROWS, "before": before}) for service in shown
    }
    backlogs = {f"backlog_{service}": Call(service, "/backlog") for service in services}
    panels = backend.together(**letters, **backlogs)
    counts = {service: panels[f"backlog_{service}"].content for service in services}
    return render_template(
        "stuck/stuck.html",
        names=service_names(),
        letters=[_letters(service, panels[f"letters_{service}"].content, counts[service]) for service in shown],
        is_part=shown != services or before is not None,
        backlogs=list(counts.items()),
        filled=filled,
        told=done.said(),
    )


def _letters(service: str, found: list[dict[str, Any]] | None, backlog: dict[str, Any] | None) -> dict[str, Any]:
    """One service's part of the page; `found` and `dead` are None when it is away."""
    full = found is not None and len(found) == ROWS
    return {
        "service": service,
        "found": found,
        "dead": None if backlog is None else backlog["dead"],
        "older": f"/staff/stuck?service={service}&before={found[-1]['id']}" if found and full else None,
    }
