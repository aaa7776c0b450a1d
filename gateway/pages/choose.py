"""Whom this browser acts for, and adding a member of the family."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, guards, visitor
from gateway.forms import Form
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages import texts
from shared.errors import HuzhuError

pages = Blueprint("choose", __name__)


@pages.get("/choose")
@logged_in
def ask() -> ResponseReturnValue:
    return _choose_page(Form({"next": request.args.get("next", "")}))


@pages.post("/choose")
@logged_in
def choose() -> ResponseReturnValue:
    filled = Form.posted()
    chosen = filled.uuid("member_id", _("请选一位"))
    if not chosen or not visitor.require_session().acts_for(UUID(chosen)):
        filled.fail("member_id", _("请选一位"))
        return _choose_page(filled), 422
    response = redirect(guards.local_path(filled.text("next")), 303)
    visitor.choose_member(response, UUID(chosen))
    return response


def _choose_page(filled: Form) -> str:
    return render_template(
        "choose/choose.html", filled=filled, options=member_options(), next=guards.local_path(filled.text("next"))
    )


def member_options() -> list[tuple[UUID, str, str]]:
    """Everybody of the login as choices of a form."""
    session = visitor.require_session()
    return [
        (member.member_id, member.name, _("本人") if member.member_id == session.own_member_id else _("家人"))
        for member in session.members
    ]


@pages.get("/family/new")
@logged_in
def new_relative() -> ResponseReturnValue:
    return _family_page(Form())


@pages.post("/family/new")
@logged_in
def add_relative() -> ResponseReturnValue:
    filled = Form.posted()
    relative = _read_relative(filled)
    if filled:
        try:
            backend.call("members", "POST", "/me/members", json=relative)
            return redirect("/me?told=family", 303)
        except HuzhuError as refusal:
            filled.blame(refusal, {"guardian_needed": "guardian"})
    return _family_page(filled), 422


def _read_relative(filled: Form) -> dict[str, Any]:
    relative: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "name": filled.required("name", _("请填写家人的姓名"), length_max=50),
        "relation": filled.required("relation", _("请选择和您的关系")),
    }
    birth_date = filled.day("birth_date")
    if birth_date is not None:
        relative["birth_date"] = birth_date
    if not filled.text("guardian"):
        filled.fail("guardian", _("请确认家人知道并同意"))
    if not filled.text("privacy"):
        filled.fail("privacy", _("请先向家人说明个人信息保护说明"))
    # For a child it is a guardian's consent, which is kept as one; a grown-up's word is the relative's.
    by_guardian = ("guardian",) if texts.is_child(birth_date) else ()
    relative["consents"] = texts.consents("terms", "privacy", *by_guardian)
    return relative


def _family_page(filled: Form) -> str:
    return render_template("choose/family.html", filled=filled, relations=relations())


def relations() -> list[tuple[str, str]]:
    """What a member of the family can be to the person of a login."""
    return [
        ("parent", _("父母")),
        ("spouse", _("配偶")),
        ("child", _("孩子")),
        ("grandparent", _("祖父母或外祖父母")),
        ("other", _("其他家人")),
    ]
