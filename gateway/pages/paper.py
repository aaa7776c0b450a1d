"""What the desk prints: badges, the balance list for when the network fails, passbooks, queue numbers."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway import backend, qr
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding, logged_in
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import (
    about,
    asking_for_homes,
    asking_for_stations,
    chosen_station,
    every,
    homes_in,
    stations_in,
)
from gateway.pages.typed import new_list_number
from gateway.presentation import require_viewer
from shared import clock
from shared.errors import HuzhuError, NotFound
from shared.principal import Role

BADGES_AT_ONCE = 100
LINES = 60
NUMBERS_MAX = 200
SPARE_LINES = 5
"""Empty ones at the end of a balance list, for who is not on it."""

pages = Blueprint("paper", __name__)


@pages.get("/desk/paper")
@holding(Role.ORGANIZER)
def choose() -> ResponseReturnValue:
    """What can be printed for a station, its compounds and its teams."""
    stations = stations_in(every(**asking_for_stations(Role.ORGANIZER)))
    station = chosen_station(stations, request.args.get("station_id"))
    station_id = station["id"] if station else None
    panels = (
        every(homes=asking_for_homes(station_id), teams=Call("members", "/teams", {"station_id": station_id}))
        if station_id
        else {}
    )
    homes = homes_in(panels["homes"]) if panels else []
    return render_template(
        "desk_paper/choose.html",
        station=station,
        stations=[(one["name"], f"/desk/paper?station_id={one['id']}", one["id"] == station_id) for one in stations],
        compounds=[(name, choices[0][0]) for name, choices in homes],
        teams=[(team["name"], team["id"]) for team in (panels["teams"].content or [])] if panels else [],
    )


# --- Badges -------------------------------------------------------------------------------------------


@pages.get("/desk/badges")
@holding(Role.ORGANIZER)
def print_badges() -> ResponseReturnValue:
    """Badges of a place, a team or one person, a hundred at a time."""
    node_id = _node_id()
    names = ("team_id", "member_id")
    query = {name: uuid_or_none(request.args.get(name)) for name in names}
    found = backend.call("members", "GET", "/badges", query={"node_id": node_id, **query})
    part = max(1, Form(request.args).whole("part", "") or 1)
    shown = found[(part - 1) * BADGES_AT_ONCE : part * BADGES_AT_ONCE]
    more = len(found) > part * BADGES_AT_ONCE
    asked = "&".join(f"{name}={value}" for name, value in query.items() if value)
    return render_template(
        "desk_paper/badges.html",
        badges=[
            badge | {"drawing": Markup(qr.svg(badge["badge"], _("志愿者证的二维码"), on_paper=True))}  # noqa: S704
            for badge in shown
        ],
        back=f"/desk/paper?station_id={node_id}",
        count=len(found),
        next=f"/desk/badges?node_id={node_id}&{asked}&part={part + 1}" if more else None,
    )


@pages.get("/staff/members/<uuid:member_id>/badge")
@holding(Role.STAFF)
def ask_replace(member_id: UUID) -> ResponseReturnValue:
    return _replace_page(member_id, Form())


@pages.post("/staff/members/<uuid:member_id>/badge")
@holding(Role.STAFF)
def replace(member_id: UUID) -> ResponseReturnValue:
    """Void a lost badge, the one that the page was about."""
    filled = Form.posted()
    serial = filled.whole("serial", _("页面不完整，请刷新再试"))
    if filled:
        try:
            backend.call("members", "POST", f"/members/{member_id}/badge/replace", json={"serial": serial})
            return done.back(f"/staff/members/{member_id}/badge", "revoked")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _replace_page(member_id, filled), 422


def _replace_page(member_id: UUID, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    if not member.get("station_id"):
        raise NotFound
    query = {"node_id": member["station_id"], "member_id": member_id}
    (badge,) = backend.call("members", "GET", "/badges", query=query) or [None]
    if badge is None:
        raise NotFound
    return render_template(
        "desk_paper/replace.html", member=member, badge=badge, filled=filled, told=done.said() if filled else None
    )


# --- The balance list ---------------------------------------------------------------------------------


@pages.get("/desk/list")
@holding(Role.ORGANIZER)
def print_list() -> ResponseReturnValue:
    """Who may spend what, with room to write: what the desk works with when the network fails."""
    station_id = str(uuid_or_none(request.args.get("station_id")) or UUID(int=0))
    node_id = str(uuid_or_none(request.args.get("node_id")) or station_id)
    panels = backend.together(
        people=Call("members", "/badges", {"node_id": node_id}),
        balances=Call("points", f"/stations/{station_id}/balances"),
        gifts=Call("rewards", "/gifts", {"station_id": station_id, "limit": 200}),
        limits=Call("rewards", f"/stations/{station_id}/limits"),
    )
    for panel in panels.values():
        panel.needed()
    now = clock.now()
    return render_template(
        "desk_paper/list.html",
        lines=_lines(panels),
        spare=SPARE_LINES,
        gifts=panels["gifts"].content,
        station=next((one["station_name"] for one in panels["people"].content), ""),
        number=new_list_number(f"{now.astimezone(clock.SHANGHAI):%y%m%d}"),
        printed_at=now,
        back=f"/desk/paper?station_id={station_id}",
    )


def _lines(panels: dict[str, Panel]) -> list[dict[str, Any]]:
    balances = {one["member_id"]: one["points_available"] for one in panels["balances"].content}
    names = {gift["id"]: gift["name"] for gift in panels["gifts"].content}
    left: dict[str, list[str]] = {}
    for one in panels["limits"].content:
        if one["gift_id"] in names:
            words = _("%(gift)s还可 %(count)s 件", gift=names[one["gift_id"]], count=one["left"])
            left.setdefault(one["member_id"], []).append(words)
    return [
        person | {"points": balances.get(person["member_id"], 0), "left": left.get(person["member_id"], [])}
        for person in panels["people"].content
        if person["confirmed"]
    ]


# --- Passbooks ----------------------------------------------------------------------------------------


@pages.get("/staff/members/<uuid:member_id>/passbook")
@holding(Role.STAFF)
def print_passbook(member_id: UUID) -> ResponseReturnValue:
    member = Call("members", f"/members/{member_id}")
    return _passbook(member_id, member, f"/staff/members/{member_id}")


@pages.get("/records/passbook")
@logged_in
def print_own_passbook() -> ResponseReturnValue:
    viewer = require_viewer()
    return _passbook(viewer.member_id, Call("members", f"/members/{viewer.member_id}"), "/records/points")


def _passbook(member_id: UUID, member: Call, back: str) -> str:
    """The latest lines of points and of hours, each with what it left."""
    query = {"member_id": member_id, "limit": LINES, "merged": 1}
    panels = backend.together(
        member=member,
        balance=Call("points", "/balances", {"member_ids": member_id}),
        points=Call("points", "/statement", query),
        minutes=Call("points", "/statement", query | {"unit": "minutes"}),
    )
    for panel in panels.values():
        panel.needed()
    person = panels["member"].content
    return render_template(
        "desk_paper/passbook.html",
        person=person,
        about=about(person)[:3],
        balance=panels["balance"].content[0],
        # A book is read from the top down.
        points=panels["points"].content[::-1],
        minutes=by_service(panels["minutes"].content),
        printed_at=clock.now(),
        back=back,
    )


def by_service(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of hours, newest booked first, in the order of their service; each with what it comes to by then."""
    total = lines[-1]["balance_after"] - lines[-1]["minutes"] if lines else 0
    oldest_first, found = lines[::-1], []
    for line in sorted(oldest_first, key=lambda line: line["service_day"]):
        total += line["minutes"]
        found.append(line | {"balance_after": total})
    return found


# --- Queue numbers ------------------------------------------------------------------------------------


@pages.get("/desk/numbers")
@holding(Role.ORGANIZER)
def print_numbers() -> ResponseReturnValue:
    """Numbers to cut out and hand to who waits."""
    filled = Form(request.args)
    first, last = (filled.whole(name, "") or otherwise for name, otherwise in (("from", 1), ("to", 60)))
    last = min(max(first, last), first + NUMBERS_MAX - 1)
    back = f"/desk/paper?station_id={uuid_or_none(request.args.get('station_id')) or ''}"
    return render_template("desk_paper/numbers.html", numbers=range(first, last + 1), day=clock.today(), back=back)


@pages.post("/desk/calls")
@holding(Role.ORGANIZER)
def call_next() -> ResponseReturnValue:
    """The next number; the page then says it. A second post of the same form calls no second one."""
    filled = Form.posted()
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    call_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    if filled:
        backend.call("rewards", "POST", f"/stations/{station_id}/calls", json={"id": call_id})
    return redirect(f"/desk/serve?station_id={station_id}", 303)


def _node_id() -> str:
    return str(uuid_or_none(request.args.get("node_id")) or UUID(int=0))
