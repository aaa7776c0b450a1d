"""What people must still agree to: who was registered by others, and everybody when a text has a new wording."""

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, guards, visitor
from gateway.forms import Form
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages import texts
from gateway.sessions import Named
from shared.errors import HuzhuError

ON_BOARDS = ("ranked", "named")

pages = Blueprint("consents", __name__)


@pages.get("/consents")
@logged_in
def ask() -> ResponseReturnValue:
    """Every login passes here; who has agreed to everything goes on at once."""
    filled = Form({"next": request.args.get("next", "")})
    if not visitor.require_session().asks_consent:
        return redirect(guards.local_path(filled.text("next")), 303)
    return _consents_page(filled)


@pages.post("/consents")
@logged_in
def agree() -> ResponseReturnValue:
    """One answer for everybody of the login; who may be on boards is said of each."""
    filled = Form.posted()
    asked = _asked()
    for kind in _kinds(asked):
        if not filled.text(kind):
            filled.fail(kind, _("请先阅读并同意"))
    if filled:
        grown = {member["id"] for member in _grown(asked)}
        try:
            for member in asked:
                _agree(filled, member, may_be_on_boards=str(member.member_id) in grown)
            return redirect(guards.local_path(filled.text("next")), 303)
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _consents_page(filled), 422


def _asked() -> list[Named]:
    return [member for member in visitor.require_session().members if member.consents_due]


def _kinds(asked: list[Named]) -> list[str]:
    due = {kind for member in asked for kind in member.consents_due}
    return [kind for kind in ("terms", "privacy", "guardian") if kind in due]


def _grown(asked: list[Named]) -> list[dict[str, Any]]:
    """Those of them who may be on boards, as members knows them."""
    ids = {str(member.member_id) for member in asked}
    mine = backend.call("members", "GET", "/me")["members"]
    return [member for member in mine if member["id"] in ids and not texts.is_child(member.get("birth_date"))]


def _agree(filled: Form, member: Named, *, may_be_on_boards: bool) -> None:
    chosen = tuple(kind for kind in ON_BOARDS if str(member.member_id) in filled.chosen(kind))
    withdrawn = tuple(kind for kind in ON_BOARDS if kind not in chosen)
    boards = texts.consents(*chosen, withdrawn=withdrawn) if may_be_on_boards else []
    content = {"consents": texts.consents(*member.consents_due) + boards}
    backend.call("members", "PUT", f"/me/members/{member.member_id}/consents", json=content)


def _consents_page(filled: Form) -> str:
    asked = _asked()
    grown = _grown(asked)
    given = {
        kind: [
            member["id"]
            for member in grown
            if any(one["kind"] == kind and one["given"] for one in member.get("consents", []))
        ]
        for kind in ON_BOARDS
    }
    return render_template(
        "choose/consents.html",
        filled=filled,
        next=guards.local_path(filled.text("next")),
        names="、".join(member.name for member in asked),
        kinds=_kinds(asked),
        options=[(member["id"], member["name"]) for member in grown],
        chosen={kind: filled.chosen(kind) for kind in ON_BOARDS} if "csrf_token" in filled.typed else given,
    )
