"""What is known of oneself and may be changed: home, skills, boards' consents, text size, language."""

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, guards, i18n, presentation, visitor
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import logged_in, open_page
from gateway.i18n import _
from gateway.pages import texts
from gateway.pages.acts import relation_names
from gateway.pages.places import about, every, home_options, homes_for, read_home
from gateway.presentation import Viewer, require_viewer
from shared.errors import HuzhuError

ON_BOARDS = ("ranked", "named")

pages = Blueprint("me", __name__)


@pages.get("/me")
@logged_in
def overview() -> ResponseReturnValue:
    told = {
        "consents": _("已保存，一分钟内生效"),
        "family": _("已添加，请站点核实后就能兑换"),
        "saved": _("已保存"),
        "claimed": _("已认领，以前的记录和积分都在"),
        "released": _("已不再代管"),
        "kept": _("注销申请已撤回，一切照旧"),
    }
    return _overview_page(None, told=told.get(request.args.get("told", "")))


@pages.post("/me/consents")
@logged_in
def save_consents() -> ResponseReturnValue:
    viewer = require_viewer()
    filled = Form.posted()
    given = tuple(kind for kind in ON_BOARDS if filled.text(kind))
    withdrawn = tuple(kind for kind in ON_BOARDS if kind not in given)
    wanted = {"consents": texts.consents(*given, withdrawn=withdrawn)}
    try:
        backend.call("members", "PUT", f"/me/members/{viewer.member_id}/consents", json=wanted)
    except HuzhuError as refusal:
        filled.blame(refusal, {"too_young_for_boards": "ranked"})
        return _overview_page(filled), 422
    return redirect("/me?told=consents#privacy", 303)


# --- What people change themselves ------------------------------------------------------------------------


@pages.get("/me/edit")
@logged_in
def show_edit() -> ResponseReturnValue:
    return _edit_page(_own(require_viewer()), Form())


@pages.post("/me/edit")
@logged_in
def edit() -> ResponseReturnValue:
    """Home and skills always; who one is only until staff has seen it. Only what is otherwise than it stands is
    sent; what somebody else has changed since is not overwritten.
    """
    viewer, filled = require_viewer(), Form.posted()
    member = _own(viewer)
    wanted: dict[str, Any] = {"skills": filled.words("skills"), **read_home(filled.text("place"))}
    if not member["confirmed"]:
        wanted |= {
            "name": filled.required("name", _("请填写姓名"), length_max=50),
            "birth_date": filled.day("birth_date"),
        }
    if _may_choose_station(member):
        wanted["station_id"] = filled.uuid("station_id", _("请选择实践站"))
    version = filled.whole("version", _("页面不完整，请刷新再试"))
    if filled:
        changes = {name: value for name, value in wanted.items() if value != member.get(name)}
        try:
            if changes:
                backend.call("members", "PATCH", f"/members/{viewer.member_id}", json=changes | {"version": version})
            return redirect("/me?told=saved", 303)
        except HuzhuError as refusal:
            filled.blame(refusal, {"not_below": "place", "guardian_needed": "birth_date"})
            if refusal.code == "changed_meanwhile":
                return _edit_page(_own(viewer), filled, was_changed=True), 422
    return _edit_page(member, filled), 422


def _own(viewer: Viewer) -> dict[str, Any]:
    member: dict[str, Any] = backend.call("members", "GET", f"/members/{viewer.member_id}")
    return member


def _may_choose_station(member: dict[str, Any]) -> bool:
    """Until staff has seen who it is, and as long as there is none: the first administrator begins without one."""
    return not member["confirmed"] or member["station_id"] is None


def _edit_page(member: dict[str, Any], filled: Form, *, was_changed: bool = False) -> str:
    stations: list[tuple[str, str]] = []
    if _may_choose_station(member):
        found = every(stations=Call("members", "/nodes", {"level": "station"}))["stations"].content or []
        stations = [(node["id"], node["name"]) for node in found if node.get("closed_on") is None]
    wanted = filled.text("station_id") or request.args.get("station_id", "")
    station_id = wanted if any(key == wanted for key, _name in stations) else member["station_id"]
    places, place = homes_for(member, station_id, home_options(station_id) if station_id else [])
    return render_template(
        "me/edit.html",
        member=member,
        filled=filled,
        now=[(_("姓名"), member["name"]), *about(member)] if was_changed else None,
        stations=stations,
        station_id=station_id,
        station_name=dict(stations).get(station_id) or member.get("station_name"),
        places=places,
        place=place,
    )


def _overview_page(filled: Form | None, *, told: str | None = None) -> str:
    viewer = require_viewer()
    mine = backend.together(mine=Call("members", "/me"))["mine"].content
    acting = _acting(mine, viewer)
    consents = {one["kind"] for one in acting.get("consents", []) if one["given"]}
    return render_template(
        "me/me.html",
        mine=mine,
        about=_about(acting),
        relations=relation_names(),
        told=told,
        consents=filled
        if filled is not None
        else Form({kind: "1" for kind in ON_BOARDS if kind in consents} | {"shown": "1"}),
    )


def _acting(mine: dict[str, Any] | None, viewer: Viewer) -> dict[str, Any]:
    members = mine["members"] if mine is not None else []
    return next((member for member in members if member["id"] == str(viewer.member_id)), {})


def _about(member: dict[str, Any]) -> list[tuple[str, str]]:
    place = " ".join(part for part in (member.get("compound_name"), member.get("building_name")) if part)
    return [
        (_("志愿者编号"), presentation.fours(member.get("volunteer_number", ""))),
        (_("社区实践站"), member.get("station_name") or _("还没有")),
        (_("小区和楼栋"), place or _("没有填写")),
        (_("特长"), "、".join(member.get("skills", [])) or _("没有填写")),
        (_("身份核实"), _("已核实") if member.get("confirmed") else _("待核实，请到站点办理")),
    ]


@pages.get("/display")
@open_page
def ask_display() -> ResponseReturnValue:
    return render_template("me/display.html", next=guards.local_path(request.args.get("next")))


@pages.post("/display")
@open_page
def set_display() -> ResponseReturnValue:
    """Text size and language belong to the device, not to the login."""
    filled = Form.posted()
    response = redirect(guards.local_path(filled.text("next")), 303)
    if filled.text("text") in presentation.TEXT_SIZES:
        visitor.set_cookie(response, presentation.TEXT_COOKIE, filled.text("text"), presentation.PREFERENCE_AGE_S)
    if filled.text("language") in i18n.LANGUAGES:
        visitor.set_cookie(response, i18n.COOKIE, filled.text("language"), presentation.PREFERENCE_AGE_S)
    return response
