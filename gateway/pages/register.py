"""Becoming a volunteer by oneself, also in the middle of a first scan."""

from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, guards, read_codes
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import open_page
from gateway.i18n import _
from gateway.pages import texts
from gateway.pages.login import new_password, open_session
from gateway.pages.places import every, home_options, read_home
from shared.errors import HuzhuError, Invalid, NotFound

pages = Blueprint("register", __name__)


@pages.get("/register")
@open_page
def start() -> ResponseReturnValue:
    """First where, then who: compounds and buildings can be offered without scripts once the station is known. `next`
    goes along, so that who came for something gets there.
    """
    if request.args.get("station_id"):
        return _register_page(Form(request.args))
    q = request.args.get("q", "").strip()[:30]
    stations = every(stations=Call("members", "/nodes", {"level": "station", "q": q or None}))["stations"]
    if isinstance(stations.error, Invalid):
        raise stations.error
    return render_template(
        "register/stations.html",
        q=q,
        groups=_grouped(stations.content) if stations.error is None else None,
        onward=_onward(request.args.get("next")),
        scan_kept=read_codes.find(read_codes.SCAN) is not None,
    )


def _onward(next_path: str | None) -> dict[str, str]:
    """The path to go on to as arguments of an address; none where that is the first page."""
    path = guards.local_path(next_path)
    return {} if path == "/" else {"next": path}


def _grouped(stations: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Open stations under the names of what they belong to, in the order of the tree: one centre after the other.
    Two places of one name stay two.
    """
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for station in sorted(stations, key=lambda one: str(one["name"])):
        if station.get("closed_on") is None:
            groups[str(station["path"]).rstrip("/").rpartition("/")[0]].append(station)
    return [(here[0].get("parent_name") or "", here) for _path, here in sorted(groups.items())]


@pages.post("/register")
@open_page
def join() -> ResponseReturnValue:
    filled = Form.posted()
    wanted = _read_person(filled)
    if filled:
        try:
            backend.call("members", "POST", "/logins", json=wanted)
        except HuzhuError as refusal:
            filled.blame(
                refusal,
                {
                    "compound_id": "place",
                    "building_id": "place",
                    "guardian_needed": "birth_date",
                    "weak_password": "password",
                },
            )
        else:
            # Whether the phone was known already is told to nobody but who knows its password.
            entered = open_session(Form(), wanted["phone"], wanted["password"], filled.text("next"))
            return entered or redirect(f"/login?{urlencode({'told': 'known', **_onward(filled.text('next'))})}", 303)
    return _register_page(filled), 422


def _read_person(filled: Form) -> dict[str, Any]:
    person: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "station_id": filled.uuid("station_id", _("请选择社区")),
        "name": filled.required("name", _("请填写姓名"), length_max=50),
        "phone": filled.phone("phone"),
        "password": new_password(filled),
    }
    if filled.text("place"):
        person |= {name: node_id for name, node_id in read_home(filled.text("place")).items() if node_id}
    if birth_date := filled.day("birth_date"):
        person["birth_date"] = birth_date
    for kind, title in (("terms", _("志愿服务协议")), ("privacy", _("个人信息保护说明"))):
        if not filled.text(kind):
            filled.fail(kind, _("请先阅读并同意%(title)s", title=title))
    chosen = [kind for kind in ("ranked", "named") if filled.text(kind)]
    person["consents"] = texts.consents("terms", "privacy", *chosen)
    return person


def _register_page(filled: Form) -> str:
    station_id = filled.uuid("station_id", _("请选择社区"))
    if not station_id:
        raise NotFound
    station = backend.call("members", "GET", f"/nodes/{station_id}")
    return render_template(
        "register/register.html",
        filled=filled,
        station=station,
        places=home_options(station_id),
        onward=_onward(filled.text("next")),
        scan_kept=read_codes.find(read_codes.SCAN) is not None,
    )
