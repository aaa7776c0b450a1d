"""待人工处理: facts that no receiver took in, of all services; and giving one another try."""

from uuid import UUID

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, routes
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from shared.errors import HuzhuError
from shared.principal import Role

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
    services = list(routes.PUBLIC.values())
    letters = backend.together(**{service: Call(service, "/dead-letters") for service in services})
    backlogs = backend.together(**{service: Call(service, "/backlog") for service in services})
    return render_template(
        "stuck/stuck.html",
        names=service_names(),
        letters=[(service, panel.content) for service, panel in letters.items()],
        backlogs=[(service, panel.content) for service, panel in backlogs.items()],
        filled=filled,
        told=done.said(),
    )
