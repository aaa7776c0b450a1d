"""反映问题 and 投诉建议: what people say is missing or wrong, and what they were answered."""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import logged_in, open_page
from gateway.i18n import _
from gateway.pages import done, texts
from gateway.pages.places import every
from gateway.presentation import require_viewer
from shared.errors import HuzhuError

ROWS = 20
WORDS_MAX = 1000
CONTACT_MAX = 80
ABOUT = ("attendance", "redemption")

pages = Blueprint("concerns", __name__)


def state_shown(concern: dict[str, Any]) -> tuple[str, str]:
    """How one stands: its word and the kind of badge."""
    return {
        "received": (_("已收到"), "wait"),
        "in_progress": (_("处理中"), "wait"),
        "answered": (_("已答复"), "ok"),
        "read": (_("已阅"), "ok"),
    }[concern["state"]]


def spoken(number: str) -> str:
    """A number as it is read over the phone: 482 109."""
    return f"{number[:3]} {number[3:]}"


def number_asked() -> str | None:
    """The number of what was just said, out of the address."""
    number = request.args.get("number", "")
    return spoken(number) if re.fullmatch(r"\d{6}", number, re.ASCII) else None


def read_about(filled: Form) -> dict[str, str]:
    """Which record or redemption it is about, and of which day, as the form or the address names it."""
    for kind in ABOUT:
        if found := uuid_or_none(filled.text(kind)):
            about = {"about_type": kind, "about_id": str(found)}
            day = filled.day("day")
            return about | ({"about_day": day} if day else {})
    day = filled.day("day")
    return {"about_day": day} if day else {}


# --- 反映问题 -------------------------------------------------------------------------------------------


@pages.get("/concerns")
@logged_in
def list_concerns() -> ResponseReturnValue:
    viewer = require_viewer()
    query = {"member_id": viewer.member_id, "limit": ROWS, "after": uuid_or_none(request.args.get("after"))}
    panel = backend.together(concerns=Call("members", "/concerns", query))["concerns"]
    found = panel.content
    return render_template(
        "concerns/list.html",
        concerns=found,
        state_shown=state_shown,
        spoken=spoken,
        older=f"/concerns?after={found[-1]['id']}" if found and len(found) == ROWS else None,
    )


@pages.get("/concerns/new")
@logged_in
def ask_what() -> ResponseReturnValue:
    require_viewer()
    return render_template("concerns/new.html", filled=Form(request.args))


@pages.post("/concerns/new")
@logged_in
def report() -> ResponseReturnValue:
    viewer, filled = require_viewer(), Form.posted()
    content = read_concern(filled, viewer.member_id)
    if filled:
        try:
            made = backend.call("members", "POST", "/concerns", json=content)
            return done.back(f"/concerns/{made['id']}", "reported")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return render_template("concerns/new.html", filled=filled), 422


def read_concern(filled: Form, member_id: UUID) -> dict[str, Any]:
    """A concern as members takes it."""
    return {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_id": str(member_id),
        "words": filled.required("words", _("请写明是哪一天、哪次活动、什么不对"), length_max=WORDS_MAX),
        "above": filled.text("above") == "1",
        **read_about(filled),
    }


@pages.get("/concerns/<uuid:concern_id>")
@logged_in
def show_concern(concern_id: UUID) -> ResponseReturnValue:
    return _concern_page(concern_id, Form())


@pages.post("/concerns/<uuid:concern_id>")
@logged_in
def reopen(concern_id: UUID) -> ResponseReturnValue:
    """The answer does not settle it."""
    filled = Form.posted()
    content = {"because": filled.required("because", _("请写明哪里还不对"), length_max=WORDS_MAX)}
    if filled:
        try:
            backend.call("members", "POST", f"/concerns/{concern_id}/reopen", json=content)
            return done.back(f"/concerns/{concern_id}", "reopened")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _concern_page(concern_id, filled), 422


def _concern_page(concern_id: UUID, filled: Form) -> str:
    concern = backend.call("members", "GET", f"/concerns/{concern_id}")
    return render_template(
        "concerns/concern.html",
        concern=concern,
        state=state_shown(concern),
        number=spoken(concern["number"]),
        filled=filled,
        told=done.said(),
    )


# --- 投诉建议 -------------------------------------------------------------------------------------------


@pages.get("/complaints")
@open_page
def ask_complaint() -> ResponseReturnValue:
    return _complaints_page(Form())


@pages.post("/complaints")
@open_page
def complain() -> ResponseReturnValue:
    """Also by who is not logged in; members and the limits by address take care of the rest."""
    filled, viewer = Form.posted(), presentation.viewer()
    content: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "node_id": filled.uuid("node_id", _("请选择实践站")),
        "words": filled.required("words", _("请写明您的意见"), length_max=WORDS_MAX),
        "above": filled.text("above") == "1",
    }
    if viewer is not None and filled.text("who") != "anonymous":
        content["member_id"] = str(viewer.member_id)
    elif viewer is None and filled.text("contact"):
        content["contact"] = filled.required("contact", "", length_max=CONTACT_MAX)
    if filled:
        try:
            made = backend.call("members", "POST", "/complaints", json=content)
            return done.back(f"/complaints?number={made['number']}", "reported")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _complaints_page(filled), 422


def _complaints_page(filled: Form) -> str:
    viewer = presentation.viewer()
    stations = every(stations=Call("members", "/nodes", {"level": "station"}))["stations"]
    options = [(node["id"], node["name"]) for node in stations.content or [] if node.get("closed_on") is None]
    return render_template(
        "concerns/complaints.html",
        filled=filled,
        stations=sorted(options, key=lambda option: str(option[1])),
        stations_away=stations.error is not None,
        sections=texts.complaints(viewer),
        number=number_asked(),
    )
