"""For organizers: who stands there for the first time is registered and signed in with one post (现场登记). Who stands
on a sheet that is being typed in is registered alone (`sheet`): the sheet says when they came.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid5

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import texts
from gateway.pages.places import asking_for_people, by_id, home_options, people, read_home, told_apart
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

HOME_COOKIE = "huzhu_newcomers_home"
HOME_COOKIE_S = 24 * 3600
_FIELDS = {"compound_id": "place", "building_id": "place", "not_below": "place", "node_closed": "place"}

pages = Blueprint("newcomer", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/newcomer")
@holding(Role.ORGANIZER)
def ask(activity_id: UUID) -> ResponseReturnValue:
    """An empty form, and above it who was signed in by the one before."""
    arrived = uuid_or_none(request.args.get("arrived"))
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        **(asking_for_people([str(arrived)]) if arrived else {}),
    )
    # Whom the roll call did not find is registered under the name that was looked for.
    filled = Form({name: request.args.get(name, "") for name in ("name", "roll", "sheet")})
    return _page(panels["activity"].needed(), filled, arrived=next(iter(by_id(panels).values()), None))


@pages.post("/organize/activities/<uuid:activity_id>/newcomer")
@holding(Role.ORGANIZER)
def take(activity_id: UUID) -> ResponseReturnValue:
    """Register whom nobody knows yet, and let in them, or the one of `is`, who was found to be meant."""
    filled = Form.posted()
    form_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    site_id = filled.uuid("site_id", _("请选择点位"))
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    if not filled:
        return _page(activity, filled), 422
    known = uuid_or_none(filled.text("is"))
    if known is not None:
        return _let_in(filled, activity_id, site_id, str(known), UUID(form_id))
    try:
        made = _register(filled, activity["station_id"], form_id)
    except HuzhuError as refusal:
        return _refused(activity, filled, refusal)
    if made is None:
        return _page(activity, filled), 422
    filled.typed["registered"] = made["name"]
    return _let_in(filled, activity_id, site_id, made["id"], UUID(form_id))


def _refused(activity: dict[str, Any], filled: Form, refusal: HuzhuError) -> ResponseReturnValue:
    """The page again; where somebody looks alike it asks which of them it is."""
    try:
        alike = look_alikes(activity["station_id"], filled) if refusal.code == "looks_alike" else []
    except Unavailable as silence:
        refusal, alike = silence, []
    if alike:
        return _page(activity, filled, alike=alike, asked=True), 422
    filled.blame(refusal, _FIELDS)
    return _page(activity, filled), 503 if isinstance(refusal, Unavailable) else 422


@pages.post("/organize/activities/<uuid:activity_id>/newcomer/alike")
@holding(Role.ORGANIZER)
def show_alike(activity_id: UUID) -> ResponseReturnValue:
    """For the page's script: a piece of the page with who may be meant by what has been typed so far."""
    filled = Form.posted()
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    alike = look_alikes(station_id, filled) if filled and filled.text("name") else []
    return render_template("newcomer/alike.html", alike=alike)


def _register(filled: Form, station_id: str, form_id: str) -> dict[str, Any] | None:
    """The person under the form's own id, so that a form sent twice is one; None where something is missing."""
    content: dict[str, Any] = {
        "id": form_id,
        "name": filled.required("name", _("请填写姓名"), length_max=50),
        "station_id": station_id,
        "consents": texts.consents("terms", "privacy"),
    }
    content |= {name: node_id for name, node_id in read_home(filled.text("place")).items() if node_id}
    if filled.text("phone"):
        content["phone"] = filled.narrow("phone")
    if filled.text("action") == "other":
        content["others"] = [str(found) for one in filled.chosen("others") if (found := uuid_or_none(one))]
    if not filled.text("agreed"):
        filled.fail("agreed", _("请先向本人说明并取得同意"))
    if not filled:
        return None
    made: dict[str, Any] = backend.call("members", "POST", "/newcomers", json=content)
    return made


def look_alikes(station_id: str, filled: Form) -> list[dict[str, Any]]:
    """Who of the station may be meant; nobody while what was typed so far is no name or no number. Unavailable when
    members was not heard, which says nothing of who is there.
    """
    wanted = {"station_id": station_id, "name": filled.text("name"), "phone": filled.text("phone") or None}
    try:
        found = backend.call("members", "POST", "/newcomers/look-alikes", json=wanted)
    except Unavailable:
        raise
    except HuzhuError:
        return []
    return [one | {"told_apart": told_apart(one)} for one in found]


def _let_in(filled: Form, activity_id: UUID, site_id: str, member_id: str, form_id: UUID) -> ResponseReturnValue:
    """Sign somebody in, who is on no sheet; where that fails, a page says what stands, and signs in with one button."""
    here = f"/organize/activities/{activity_id}/newcomer"
    if filled.text("sheet"):
        return redirect(f"{here}?sheet=1&arrived={member_id}", 303)
    # A second tap, and a repeat after a cut network, are the same attendance.
    content = {"id": str(uuid5(form_id, member_id)), "member_id": member_id, "site_id": site_id}
    try:
        backend.call("checkin", "POST", f"/activities/{activity_id}/newcomers", json=content)
    except HuzhuError as refusal:
        found = people([member_id]).get(member_id, {})
        stands = render_template(
            "newcomer/stands.html",
            here=here,
            filled=filled,
            site_id=site_id,
            member_id=member_id,
            name=filled.text("registered") or found.get("name", ""),
            detail=_(refusal.detail),
        )
        return stands, 503 if isinstance(refusal, Unavailable) else 422
    query = {"site": site_id, "arrived": member_id} | ({"roll": filled.text("roll")} if filled.text("roll") else {})
    response = redirect(f"{here}?{urlencode(query)}", 303)
    if filled.text("place"):
        visitor.set_cookie(response, HOME_COOKIE, filled.text("place"), HOME_COOKIE_S)
    return response


def _page(
    activity: dict[str, Any],
    filled: Form,
    *,
    alike: Sequence[dict[str, Any]] = (),
    asked: bool = False,
    arrived: dict[str, Any] | None = None,
) -> str:
    """The form; `asked`: nobody was registered, since the look-alikes may be meant."""
    sites = [(site["id"], site["name"]) for site in activity["sites"]]
    return render_template(
        "newcomer/newcomer.html",
        activity=activity,
        filled=filled,
        sites=sites,
        site_id=request.args.get("site") or sites[0][0],
        places=home_options(activity["station_id"]),
        # Whole groups come out of one compound: where the last one lives stands there first.
        place=request.cookies.get(HOME_COOKIE, ""),
        alike=alike,
        asked=asked,
        arrived=arrived,
        roll=_roll(activity["id"], filled),
    )


def _roll(activity_id: str, filled: Form) -> str | None:
    """The part of the roll that one came from, where the next one stands."""
    if not filled.text("roll"):
        return None
    return f"/organize/activities/{activity_id}/roll?{urlencode(parse_qsl(filled.text('roll')))}".rstrip("?")
