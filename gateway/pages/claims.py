"""Handing over a member who has no login: the organizer's code, and what its reader does with it; and letting go."""

from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway import backend, qr, read_codes, visitor
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding, logged_in, open_page
from gateway.i18n import _
from gateway.pages import done, texts
from gateway.pages.choose import relations
from gateway.pages.login import new_password, open_session
from gateway.pages.places import describe
from shared.errors import HuzhuError, NotFound, RuleBroken
from shared.principal import Role

FOUND_MAX = 20
WRONG = "wrong_claim_code"

pages = Blueprint("claims", __name__)


# --- The organizer's code ---------------------------------------------------------------------------------


@pages.get("/organize/claims")
@holding(Role.ORGANIZER)
def find_member() -> ResponseReturnValue:
    """Whose code? By name, its letters, a part of the telephone or of the volunteer number."""
    wanted = request.args.get("q", "").strip()[:50]
    query = {"q": wanted, "status": "active", "limit": FOUND_MAX}
    found = backend.call("members", "GET", "/members", query=query) if wanted else []
    return render_template(
        "claims/find.html",
        wanted=wanted,
        members=[(one["id"], describe(one), one["has_login"]) for one in found],
    )


@pages.get("/organize/members/<uuid:member_id>/claim")
@holding(Role.ORGANIZER)
def ask_code(member_id: UUID) -> ResponseReturnValue:
    return _ask_page(member_id, Form())


def _ask_page(member_id: UUID, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    return render_template("claims/ask.html", filled=filled, member=member, described=describe(member))


@pages.post("/organize/members/<uuid:member_id>/claim")
@holding(Role.ORGANIZER)
def make_code(member_id: UUID) -> ResponseReturnValue:
    """On screen and as a slip to print; not kept anywhere, so a page opened again makes another."""
    filled = Form.posted()
    try:
        made = backend.call("members", "POST", f"/members/{member_id}/claim-codes")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _ask_page(member_id, filled), 422
    member = backend.call("members", "GET", f"/members/{member_id}")
    return render_template(
        "claims/slip.html",
        member=member,
        back=f"/organize/members/{member_id}/claim",
        until=made["expires_at"],
        drawing=Markup(qr.svg(made["url"], _("认领码"))),  # noqa: S704 - our own drawing
    )


# --- Who read it ------------------------------------------------------------------------------------------


@pages.get("/claim")
@open_page
def ask() -> ResponseReturnValue:
    return _claim_page(Form())


@pages.post("/claim")
@logged_in
def claim() -> ResponseReturnValue:
    """With the login of this browser."""
    read, filled = read_codes.find(read_codes.CLAIM), Form.posted()
    if read is None:
        return redirect("/claim", 303)
    relation = filled.required("relation", _("请选择这位是谁"))
    if relation != "self" and not filled.text("agreed"):
        filled.fail("agreed", _("请确认家人知道并同意"))
    if filled:
        content = {"code": read.code, "relation": relation, "alone": _alone(filled, relation)}
        try:
            claimed = backend.call("members", "POST", "/claims", json=content)
        except HuzhuError as refusal:
            filled.blame(refusal, {"somebody_already": "relation", "guardian_needed": "relation"})
        else:
            response = redirect("/me?told=claimed", 303)
            read_codes.clear(response, read_codes.CLAIM)
            visitor.choose_member(response, UUID(claimed["member_id"]))
            return response
    return _claim_page(filled)


@pages.post("/claim/register")
@open_page
def register() -> ResponseReturnValue:
    """Without a login: with a phone number and a password the reader becomes the member there is."""
    read, filled = read_codes.find(read_codes.CLAIM), Form.posted()
    if read is None:
        return redirect("/claim", 303)
    wanted: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "code": read.code,
        "phone": filled.phone("phone"),
        "password": new_password(filled),
        "alone": _alone(filled, "self"),
        "consents": texts.consents("terms", "privacy"),
    }
    for kind, title in (("terms", _("志愿服务协议")), ("privacy", _("个人信息保护说明"))):
        if not filled.text(kind):
            filled.fail(kind, _("请先阅读并同意%(title)s", title=title))
    if filled:
        try:
            backend.call("members", "POST", "/claims/logins", json=wanted)
        except HuzhuError as refusal:
            filled.blame(refusal, {"weak_password": "password"})
        else:
            return _enter(wanted)
    return _claim_page(filled)


def _enter(wanted: dict[str, Any]) -> ResponseReturnValue:
    """Whether the phone was known already is told to nobody but who knows its password: then the code is still good,
    and is asked about again with this login.
    """
    entered = open_session(Form(), wanted["phone"], wanted["password"], "/")
    if entered is None:
        return redirect("/login?told=known&next=/claim", 303)
    return entered


def _alone(filled: Form, relation: str) -> bool:
    return relation == "self" and filled.text("alone") == "1"


@pages.post("/claim/drop")
@open_page
def drop() -> ResponseReturnValue:
    """Let go of the code that was read."""
    response = redirect("/", 303)
    read_codes.clear(response, read_codes.CLAIM)
    return response


def _claim_page(filled: Form) -> Response:
    read = read_codes.find(read_codes.CLAIM)
    if read is None:
        return make_response(render_template("claims/none.html", detail=None))
    try:
        shown = backend.call("members", "POST", "/claims/read", json={"code": read.code})
    except RuleBroken as refusal:
        page = make_response(render_template("claims/none.html", detail=_(refusal.detail)))
        read_codes.clear(page, read_codes.CLAIM)
        return page
    if shown["is_over"]:
        # Registered or claimed a moment ago, and come back.
        response = redirect("/me?told=claimed", 303)
        read_codes.clear(response, read_codes.CLAIM)
        return response
    session = visitor.session()
    choices = [(kind, _("我代管的家人：%(relation)s", relation=words)) for kind, words in relations()]
    if session is not None and session.own_member_id is None and not shown["child"]:
        choices = [("self", _("这是我本人")), *choices]
    body = render_template("claims/claim.html", filled=filled, shown=shown, known=session is not None, choices=choices)
    return make_response(body, 422 if filled.errors else 200)


# --- Letting go -------------------------------------------------------------------------------------------


@pages.get("/me/family/<uuid:member_id>/release")
@logged_in
def ask_release(member_id: UUID) -> ResponseReturnValue:
    """Whom my login is to act for no longer; with `login_id`, which login no longer for me."""
    mine = backend.call("members", "GET", "/me")
    member = next((one for one in mine["members"] if one["id"] == str(member_id)), None)
    login_id = uuid_or_none(request.args.get("login_id"))
    if member is None:
        raise NotFound
    action, fields = f"/me/family/{member_id}/release", {}
    if login_id is None:
        what = member["name"]
        follows = _("这位的积分和记录都还在。您的账号不能再为这位签到和兑换，以后可以请站点再给认领码。")
    else:
        other = next((one for one in member["acting"] if one["login_id"] == str(login_id)), None)
        if other is None:
            raise NotFound
        what, fields = other["name"] or _("一位家人"), {"login_id": str(login_id)}
        follows = _("对方的账号不能再为您签到和兑换，也看不到您的记录。")
    return done.ask(_("不再代管？"), what, follows, action, _("不再代管"), "/me", **fields)


@pages.post("/me/family/<uuid:member_id>/release")
@logged_in
def release(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    login_id = uuid_or_none(filled.text("login_id"))
    path = f"/me/members/{member_id}" + (f"/logins/{login_id}" if login_id else "")
    try:
        backend.call("members", "DELETE", path)
    except RuleBroken as refusal:
        return render_template("claims/none.html", detail=_(refusal.detail)), 422
    return redirect("/me?told=released", 303)
