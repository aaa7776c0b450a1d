"""Staff's forms on members: a new one, what is known of one, and who lives together."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done, texts
from gateway.pages.newcomer import look_alikes
from gateway.pages.places import (
    about,
    asked_for,
    asking_for_homes,
    asking_for_stations,
    describe,
    every,
    home_options,
    homes_for,
    homes_in,
    household_of,
    read_home,
    station_options,
    stations_in,
)
from shared.errors import HuzhuError, Invalid
from shared.principal import Role

CANDIDATES_MAX = 20
_FIELDS = {
    "compound_id": "place",
    "building_id": "place",
    "not_below": "place",
    "birth_date_wrong": "birth_date",
    "guardian_needed": "guardian",
    "q": "employer",
}

pages = Blueprint("members", __name__)


# --- A new one ------------------------------------------------------------------------------------------


@pages.get("/staff/members/new")
@holding(Role.STAFF)
def new_member() -> ResponseReturnValue:
    """First where, then who: compounds and buildings can be offered without scripts once the station is known."""
    return _new_page(Form(request.args))


@pages.post("/staff/members/new")
@holding(Role.STAFF)
def add_member() -> ResponseReturnValue:
    """Somebody without a login, such as an elder with a passbook; who may be the same is shown first, and registering
    all the same is a step of its own.
    """
    filled = Form.posted()
    content: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "name": filled.required("name", _("请填写姓名"), length_max=50),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
    }
    if filled.text("phone"):
        content["phone"] = filled.text("phone")
    birth_date = filled.day("birth_date")
    if birth_date is not None:
        content["birth_date"] = birth_date
    content |= {name: node_id for name, node_id in read_home(filled.text("place")).items() if node_id}
    if filled.text("agreed"):
        content["consents"] = texts.consents("terms", "privacy")
    else:
        filled.fail("agreed", _("请先向本人说明并取得同意"))
    if filled:
        try:
            if alike := _not_looked_at(filled, content):
                return _new_page(filled, alike), 422
            made = backend.call("members", "POST", "/members", json=content)
            return done.back(f"/staff/members/{made['id']}", "added")
        except HuzhuError as refusal:
            filled.blame(refusal, _FIELDS | {"guardian_needed": "birth_date", "consent_missing": "birth_date"})
    return _new_page(filled), 422


def _not_looked_at(filled: Form, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Who may be meant, all of them, while one was not yet said to be somebody else. The form's own person, whom a
    second tap finds, is none of them.
    """
    alike = [one for one in look_alikes(content["station_id"], filled) if one["id"] != content["id"]]
    looked_at = filled.chosen("others") if filled.text("action") == "other" else []
    return alike if any(one["id"] not in looked_at for one in alike) else []


def _new_page(filled: Form, alike: Sequence[dict[str, Any]] = ()) -> str:
    stations = station_options(Role.STAFF)
    chosen = filled.text("station_id") or (stations[0][0] if len(stations) == 1 else "")
    station = next((option for option in stations if option[0] == chosen), None)
    return render_template(
        "staff/new_member.html",
        filled=filled,
        stations=stations,
        station=station,
        places=home_options(station[0]) if station else [],
        alike=alike,
    )


# --- What is known of one -------------------------------------------------------------------------------


@pages.get("/staff/members/<uuid:member_id>/edit")
@holding(Role.STAFF)
def show_edit(member_id: UUID) -> ResponseReturnValue:
    return _edit_page(_get(member_id), Form())


@pages.post("/staff/members/<uuid:member_id>/edit")
@holding(Role.STAFF)
def edit(member_id: UUID) -> ResponseReturnValue:
    """Only what is otherwise than it stands is sent; what somebody else has changed since is not overwritten."""
    filled, member = Form.posted(), _get(member_id)
    wanted = _read_member(filled, member)
    form_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    version = filled.whole("version", _("页面不完整，请刷新再试"))
    if filled:
        try:
            wanted["employer_id"] = _employer_id(filled, member, UUID(form_id), is_stale=version != member["version"])
            changes = {name: value for name, value in wanted.items() if value != _present(member)[name]}
            changes |= _phone_change(filled)
            if changes:
                backend.call("members", "PATCH", f"/members/{member_id}", json=changes | {"version": version})
            return done.back(f"/staff/members/{member_id}", "saved")
        except HuzhuError as refusal:
            filled.blame(refusal, _FIELDS)
            if refusal.code == "changed_meanwhile":
                return _edit_page(_get(member_id), filled, was_changed=True), 422
    return _edit_page(member, filled), 422


def _get(member_id: UUID) -> dict[str, Any]:
    member: dict[str, Any] = backend.call("members", "GET", f"/members/{member_id}")
    return member


def _present(member: dict[str, Any]) -> dict[str, Any]:
    """What stands now, in the shape in which it is changed. The phone is not shown for this: reading it is recorded."""
    kept = ("name", "birth_date", "station_id", "compound_id", "building_id", "employer_id", "guardian_id", "skills")
    return {name: member.get(name) for name in kept} | {"team_ids": sorted(team["id"] for team in member["teams"])}


def _read_member(filled: Form, member: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": filled.required("name", _("请填写姓名"), length_max=50),
        "birth_date": filled.day("birth_date"),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
        **read_home(filled.text("place")),
        "team_ids": sorted(filled.chosen("team_ids")),
        "skills": filled.words("skills"),
        "guardian_id": _guardian_id(filled, member),
    }


def _phone_change(filled: Form) -> dict[str, Any]:
    if filled.text("no_phone"):
        return {"phone": None}
    return {"phone": filled.text("phone")} if filled.text("phone") else {}


def _employer_id(filled: Form, member: dict[str, Any], form_id: UUID, *, is_stale: bool) -> str | None:
    """The employer of this name; one that is not known yet is added, and found again by the name when members refuses
    what else was changed. For a stale form, whose changes are sure to be refused, nothing is added.
    """
    name = filled.text("employer")
    if not name or name == member.get("employer_name"):
        return member.get("employer_id") if name else None
    known = every(found=Call("members", "/employers", {"q": name}))["found"]
    for employer in known.needed():
        if employer["name"] == name:
            return str(employer["id"])
    # The form's own id makes the same of a form sent twice; the name tells it from another try.
    wanted = {"id": str(uuid5(form_id, name)), "name": name}
    if not is_stale:
        backend.call("members", "POST", "/employers", json=wanted)
    return wanted["id"]


def _guardian_id(filled: Form, member: dict[str, Any]) -> str | None:
    """The guardian by volunteer number, as it stands on the card."""
    number = "".join(filled.text("guardian").replace("-", " ").split())
    if not number:
        return None
    for guardian in _guardian_of(member):
        if guardian["volunteer_number"] == number:
            return str(guardian["id"])
    found = backend.together(guardian=asked_for(number))["guardian"]
    for candidate in found.content or []:
        # Of who is registered elsewhere only the tail is told: they are no guardian that this login may name.
        if candidate["volunteer_number"] == number:
            return str(candidate["id"])
    if found.error is not None and not isinstance(found.error, Invalid):
        filled.fail("guardian", _(found.error.detail))
    filled.fail("guardian", _("没有找到这个志愿者编号"))
    return None


def _guardian_of(member: dict[str, Any]) -> list[dict[str, Any]]:
    if not member.get("guardian_id"):
        return []
    return list(backend.call("members", "GET", "/members", query={"ids": member["guardian_id"]}))


def _edit_page(member: dict[str, Any], filled: Form, *, was_changed: bool = False) -> str:
    wanted = uuid_or_none(filled.text("station_id") or request.args.get("station_id"))
    station_id: str | None = str(wanted) if wanted else member["station_id"]
    panels = _ask_choices(member, station_id)
    stations = [(node["id"], node["name"]) for node in stations_in(panels)]
    if station_id != member["station_id"] and station_id not in dict(stations):
        station_id = member["station_id"]
        panels = _ask_choices(member, station_id)
    at_home = station_id == member["station_id"]
    places, place = homes_for(member, station_id, homes_in(panels["homes"]) if station_id else [])
    own_teams = {team["id"]: team["name"] for team in member["teams"]} if at_home else {}
    return render_template(
        "staff/edit_member.html",
        member=member,
        filled=filled,
        now=about(member) if was_changed else None,
        station_id=station_id,
        stations=stations,
        station_name=dict(stations).get(station_id) or member.get("station_name"),
        places=places,
        place=place,
        teams=list((dict(_teams_at(_needed(panels, "above"))) | own_teams).items()),
        team_ids=filled.chosen("team_ids") if filled.typed else [team["id"] for team in member["teams"]],
        employers=panels["employers"].content or [],
        guardian=next(iter(_needed(panels, "guardian")), None),
    )


def _ask_choices(member: dict[str, Any], station_id: str | None) -> dict[str, Panel]:
    """What the form offers at a station, all but the teams: those are of the places above it."""
    calls = {**asking_for_stations(Role.STAFF), "employers": Call("members", "/employers")}
    if member.get("guardian_id"):
        calls["guardian"] = Call("members", "/members", {"ids": member["guardian_id"]})
    if station_id:
        calls["homes"] = asking_for_homes(station_id)
        calls["above"] = Call("members", "/nodes", {"above_id": station_id})
    return every(**calls)


def _teams_at(above: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The teams that members of a station may join: its own, and those of the places above it."""
    panels = every(**{f"at_{node['id']}": Call("members", "/teams", {"station_id": node["id"]}) for node in above})
    return [(team["id"], team["name"]) for name in panels for team in _needed(panels, name)]


def _needed(panels: dict[str, Panel], name: str) -> list[dict[str, Any]]:
    """The rows of an answer without which saving would lose what stands; none where nothing was asked."""
    return list(panels.get(name, Panel([])).needed())


# --- Who lives together ---------------------------------------------------------------------------------


@pages.get("/staff/members/<uuid:member_id>/household")
@holding(Role.STAFF)
def show_household(member_id: UUID) -> ResponseReturnValue:
    return _household_page(_get(member_id), Form(request.args))


@pages.post("/staff/members/<uuid:member_id>/household")
@holding(Role.STAFF)
def change_household(member_id: UUID) -> ResponseReturnValue:
    """Join the household of somebody, or leave the one of now."""
    filled = Form.posted()
    leaves = filled.text("action") == "leave"
    with_id = None if leaves else filled.uuid("with_member_id", _("请选一位志愿者"))
    if filled:
        try:
            backend.call("members", "PUT", f"/members/{member_id}/household", json={"with_member_id": with_id})
            return done.back(f"/staff/members/{member_id}", "saved")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _household_page(_get(member_id), filled), 422


def _household_page(member: dict[str, Any], filled: Form) -> str:
    wanted = filled.text("q")[:50]
    query = {"q": wanted, "status": "active", "limit": CANDIDATES_MAX}
    found = backend.call("members", "GET", "/members", query=query) if wanted else []
    together = household_of(member)
    there = {member["id"], *(one["id"] for one in together)}
    return render_template(
        "staff/household.html",
        member=member,
        filled=filled,
        wanted=wanted,
        together=_described(together),
        candidates=_described(one for one in found if one["id"] not in there),
    )


def _described(found: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(member["id"], describe(member)) for member in found]
