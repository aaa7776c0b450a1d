"""The first administrator: the code that the machine printed becomes a login that may do everything."""

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.forms import Form
from gateway.guards import open_page
from gateway.i18n import _
from gateway.pages import texts
from gateway.pages.login import new_password, open_session
from shared.errors import HuzhuError

pages = Blueprint("first", __name__)


@pages.get("/first")
@open_page
def ask_code() -> ResponseReturnValue:
    is_there = backend.call("members", "GET", "/administrators")["is_there"]
    return render_template("first/first.html", filled=Form(), is_there=is_there)


@pages.post("/first")
@open_page
def begin() -> ResponseReturnValue:
    filled = Form.posted()
    wanted = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "code": filled.required("code", _("请填写一次性验证码"), length_max=40),
        "name": filled.required("name", _("请填写姓名"), length_max=50),
        "phone": filled.phone("phone"),
        "password": new_password(filled),
    }
    for kind, title in (("terms", _("志愿服务协议")), ("privacy", _("个人信息保护说明"))):
        if not filled.text(kind):
            filled.fail(kind, _("请先阅读并同意%(title)s", title=title))
    if filled:
        try:
            content = wanted | {"consents": texts.consents("terms", "privacy")}
            backend.call("members", "POST", "/administrators", json=content)
        except HuzhuError as refusal:
            if refusal.code == "wrong_code":
                filled.fail("code", _("验证码不对或已经失效。请看启动互助的那个窗口，验证码印在那里。"))
            filled.blame(refusal, {"weak_password": "password"})
        else:
            entered = open_session(Form(), wanted["phone"], wanted["password"], "/staff/nodes")
            return entered or redirect("/login", 303)
    return render_template("first/first.html", filled=filled), 422
