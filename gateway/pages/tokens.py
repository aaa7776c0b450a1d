"""API tokens of one's own login: made, shown once, revoked."""

from uuid import UUID

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.forms import Form
from gateway.guards import logged_in
from gateway.i18n import _
from shared.errors import HuzhuError

LIFETIMES_DAYS = (30, 90, 366)

pages = Blueprint("tokens", __name__)


@pages.get("/me/tokens")
@logged_in
def list_tokens() -> ResponseReturnValue:
    return _tokens_page(Form())


@pages.post("/me/tokens")
@logged_in
def add_token() -> ResponseReturnValue:
    """The token stands on this one page; it is stored hashed and cannot be shown again."""
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "name": filled.required("name", _("请填写用途"), length_max=60),
        "days": filled.whole("days", _("请选择有效期")),
    }
    if not filled:
        return _tokens_page(filled), 422
    try:
        made = backend.call("members", "POST", "/tokens", json=content)
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _tokens_page(filled), 422
    return _tokens_page(Form(), made=made["token"])


@pages.post("/me/tokens/<uuid:token_id>/revoke")
@logged_in
def revoke_token(token_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    try:
        backend.call("members", "DELETE", f"/tokens/{token_id}")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _tokens_page(filled), 422
    return redirect("/me/tokens", 303)


def _tokens_page(filled: Form, *, made: str | None = None) -> str:
    return render_template(
        "tokens/tokens.html",
        tokens=backend.call("members", "GET", "/tokens"),
        lifetimes=[(days, _("%(days)s 天", days=days)) for days in LIFETIMES_DAYS],
        made=made,
        filled=filled,
    )
