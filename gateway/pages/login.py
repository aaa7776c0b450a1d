"""Logging in and out, and a new password by the code that the station made."""

from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway import backend, guards, known_devices, read_codes, visitor
from gateway.backend import Call
from gateway.credentials import SESSION_COOKIE
from gateway.forms import Form
from gateway.guards import open_page
from gateway.i18n import _
from shared.errors import HuzhuError

pages = Blueprint("login", __name__)


@pages.get("/login")
@open_page
def show() -> ResponseReturnValue:
    if visitor.session() is not None:
        return redirect(guards.local_path(request.args.get("next")), 303)
    return _login_page(Form(), request.args.get("next"))


@pages.post("/login")
@open_page
def enter() -> ResponseReturnValue:
    filled = Form.posted()
    phone = filled.phone("phone")
    password = filled.typed.get("password", "")
    if not password:
        filled.fail("password", _("请填写密码"))
    response = open_session(filled, phone, password, filled.text("next")) if filled else None
    return response or (_login_page(filled, filled.text("next")), 422)


def open_session(filled: Form, phone: str, password: str, next_path: str) -> Response | None:
    """Log this browser in and go on; None when members refused, which the form then says."""
    try:
        opened = backend.call(
            "members",
            "POST",
            "/sessions",
            json={"phone": phone, "password": password},
            known_device=known_devices.knows(phone),
        )
    except HuzhuError as refusal:
        filled.blame(refusal)
        return None
    # Who came with a code wants to use it, wherever else they were going. What this person must still agree to is
    # known only when the new session is: that page leads on at once when there is nothing.
    if read_codes.find(read_codes.SCAN) is not None:
        onward = "/scan"
    elif read_codes.find(read_codes.CLAIM) is not None:
        onward = "/claim"
    else:
        onward = guards.local_path(next_path)
    response = redirect(f"{guards.CONSENTS}?{urlencode({'next': onward})}", 303)
    visitor.begin(response, opened["token"], datetime.fromisoformat(opened["expires_at"]))
    known_devices.remember(response, phone)
    return response


def _login_page(filled: Form, next_path: str | None) -> str:
    told = {
        "password": _("新密码已经设好，请登录。"),
        "unsent": _("登录已过期，刚才这一步没有办成，填的内容没有发出去。登录后会回到那一页，请再办一次。"),
        "known": _("如果这个手机号已经注册过，请直接登录；忘了密码可以重设。"),
    }
    return render_template(
        "login/login.html",
        filled=filled,
        next=guards.local_path(next_path),
        scan_kept=read_codes.find(read_codes.SCAN) is not None,
        ended=SESSION_COOKIE in request.cookies and not filled.errors,
        told=told.get(request.args.get("told", "")),
        is_first=waits_for_first_administrator(),
    )


def waits_for_first_administrator() -> bool:
    """Whether the system waits for the first of all its administrators; no, where members cannot say."""
    found = backend.together(there=Call("members", "/administrators"))["there"].content
    return found is not None and found.get("is_anywhere") is False


@pages.post("/logout")
@open_page
def leave() -> ResponseReturnValue:
    response = redirect("/", 303)
    if visitor.session() is not None:
        backend.call("members", "DELETE", "/sessions/current")
    visitor.end(response)
    return response


@pages.get("/reset")
@open_page
def forgotten() -> ResponseReturnValue:
    return render_template("login/reset.html", filled=Form())


@pages.post("/reset")
@open_page
def reset() -> ResponseReturnValue:
    filled = Form.posted()
    phone = filled.phone("phone")
    code = filled.required("code", _("请填写一次性验证码"))
    password = new_password(filled)
    if filled:
        try:
            backend.call(
                "members",
                "POST",
                "/passwords",
                json={"phone": phone, "code": code, "password": password},
                known_device=known_devices.knows(phone),
            )
            return redirect("/login?told=password", 303)
        except HuzhuError as refusal:
            filled.blame(refusal)
    return render_template("login/reset.html", filled=filled), 422


def new_password(filled: Form) -> str:
    """The new password as typed; how good it must be is for members to say."""
    password = filled.typed.get("password", "")
    if len(password) < 8:
        filled.fail("password", _("密码至少要有 8 个字符"))
    return password
