"""A rule that staff switches on and off for a node and all below it, whatever the rule."""

from gateway import backend
from gateway.forms import Form
from gateway.i18n import _
from shared.errors import HuzhuError


def turn(filled: Form, path: str) -> bool:
    """Switch check-in's rule at this path as a posted form says. False when it was not, and the form says why."""
    wanted = {"1": True, "0": False}.get(filled.text("on"))
    if wanted is None:
        filled.fail("", _("页面不完整，请刷新再试"))
        return False
    try:
        backend.call("checkin", "PUT", path, json={"on": wanted})
    except HuzhuError as refusal:
        filled.blame(refusal)
        return False
    return True
