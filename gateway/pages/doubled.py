"""Whose service counts twice for the same hours, since two entries of one person were merged: staff takes one back."""

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import holding
from gateway.pages import done
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 50
ASKING = Call("checkin", "/doubled", {"limit": ROWS})

pages = Blueprint("doubled", __name__)


@pages.get("/staff/doubled")
@holding(Role.STAFF, Role.AUDITOR)
def list_doubled() -> ResponseReturnValue:
    return _page(Form())


@pages.post("/staff/doubled/<uuid:attendance_id>")
@holding(Role.STAFF)
def take_back(attendance_id: UUID) -> ResponseReturnValue:
    """Let one of two count no more; the reason is the list's own."""
    filled = Form.posted()
    try:
        backend.call("checkin", "POST", f"/attendances/{attendance_id}/annul-doubled")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _page(filled), 422
    return done.back("/staff/doubled", "annulled")


def _page(filled: Form) -> str:
    found = backend.together(doubled=ASKING)["doubled"].content
    return render_template("staff/doubled.html", doubled=found, filled=filled, told=done.said(), rows_max=ROWS)
