"""Station staff: members with search, who is who, codes for new passwords, and whether boards are shown."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import answering, done, doubled
from gateway.pages.imports import asking_for_waiting, to_approve
from gateway.pages.places import (
    about,
    asking_for_household,
    describe,
    household_in,
    nodes_of,
    station_options,
    told_apart,
)
from shared import clock
from shared.errors import Forbidden, HuzhuError
from shared.principal import Role

ROWS = 50
COUNTED_MAX = 200
SWITCHES = 200
GRANTS = 200

pages = Blueprint("staff", __name__)


@pages.get("/staff")
@holding(Role.STAFF, Role.ADMINISTRATOR, Role.AUDITOR)
def overview() -> ResponseReturnValue:
    return render_template("staff/overview.html", waiting=_waiting(), steps=_first_steps())


def _first_steps() -> list[tuple[str, str, bool]]:
    """What a new system needs, in this order, as (step, address, whether it is done); nothing once all of it is, and
    for who is responsible for a part only.
    """
    if None not in nodes_of(Role.ADMINISTRATOR):
        return []
    asked = {
        "station": (_("添加实践站"), "/staff/nodes", Call("members", "/nodes", {"level": "station", "limit": 1})),
        # Two: the administrator is one of them.
        "people": (_("登记或核实志愿者"), "/staff/members", Call("members", "/members", {"limit": 2})),
        "organizer": (_("授予活动负责人的角色"), "/staff/grants", Call("members", "/grants", {"limit": GRANTS})),
        "gift": (
            _("上架礼品并入库"),
            "/staff/gifts",
            Call("rewards", "/audit", {"action": "stock.receive", "limit": 1}),
        ),
        "activity": (_("发布活动"), "/organize/activities/new", Call("checkin", "/activities", {"limit": 1})),
    }
    panels = backend.together(**{name: call for name, (_words, _to, call) in asked.items()})
    if any(panel.error is not None for panel in panels.values()):
        return []
    found = {name: panel.content for name, panel in panels.items()}
    done_ones = {
        "station": bool(found["station"]),
        "people": len(found["people"]) > 1,
        "organizer": any(grant["role"] == Role.ORGANIZER for grant in found["organizer"]),
        "gift": bool(found["gift"]),
        "activity": bool(found["activity"]),
    }
    if all(done_ones.values()):
        return []
    return [(words, to, done_ones[name]) for name, (words, to, _call) in asked.items()]


def _waiting() -> dict[str, str]:
    """How many people wait for somebody to confirm who they are, activities to be reviewed and files to be approved,
    whose service counts twice, and what people report and complain of; without what does not wait, or is none of my
    business.
    """
    session = visitor.require_session()
    calls = {}
    if session.has(Role.STAFF) or session.has(Role.AUDITOR):
        calls = {"concerns": answering.ASKING_WHAT_WAITS, "doubled": doubled.ASKING}
    if session.has(Role.STAFF):
        query = {"confirmed": "0", "status": "active", "limit": COUNTED_MAX}
        calls["people"] = Call("members", "/members", query)
        calls["reviews"] = Call("checkin", "/reviews", {"limit": COUNTED_MAX})
        calls["files"] = asking_for_waiting()
    panels = backend.together(**calls)
    said = answering.waiting_shown(panels.pop("concerns", Panel()))
    counts = {name: len(panel.content or []) for name, panel in panels.items()}
    if "files" in panels:
        counts["files"] = len(to_approve(panels["files"]))
    most = {"doubled": doubled.ROWS}
    shown = {
        name: f"{count}+" if count == most.get(name, COUNTED_MAX) else str(count)
        for name, count in counts.items()
        if count
    }
    return shown | ({"concerns": said} if said else {})


@pages.get("/staff/members")
@holding(Role.STAFF)
def list_members() -> ResponseReturnValue:
    asked = {
        "q": request.args.get("q", "").strip()[:50] or None,
        "station_id": uuid_or_none(request.args.get("station_id")),
        "confirmed": "0" if request.args.get("confirmed") == "0" else None,
        "left": "1" if request.args.get("left") == "1" else None,
    }
    narrowed = {name: value for name, value in asked.items() if name != "left"}
    status, after = "left" if asked["left"] else "active", uuid_or_none(request.args.get("after"))
    query = {**narrowed, "status": status, "order": "name", "limit": ROWS, "after": after}
    found = backend.call("members", "GET", "/members", query=query)
    kept = {name: value for name, value in asked.items() if value is not None}
    return render_template(
        "staff/members.html",
        members=found,
        told_apart=told_apart,
        asked=asked,
        stations=station_options(Role.STAFF),
        more="/staff/members?" + urlencode({**kept, "after": found[-1]["id"]}) if len(found) == ROWS else None,
    )


@pages.get("/staff/members/<uuid:member_id>")
@holding(Role.STAFF)
def show_member(member_id: UUID) -> ResponseReturnValue:
    return _member_page(member_id, Form())


@pages.post("/staff/members/<uuid:member_id>")
@holding(Role.STAFF)
def act(member_id: UUID) -> ResponseReturnValue:
    """Confirm who somebody is, show the telephone number, or make a code for a new password."""
    filled = Form.posted()
    verb = filled.text("action")
    told: dict[str, Any] = {}
    try:
        if verb == "confirm":
            backend.call("members", "POST", f"/members/{member_id}/confirm")
            return done.back(f"/staff/members/{member_id}", "verified")
        if verb == "phone":
            told["phone"] = backend.call("members", "GET", f"/members/{member_id}/phone")["phone"] or _("没有登记")
        elif verb == "reset":
            told["code"] = backend.call("members", "POST", f"/members/{member_id}/reset-codes")
        else:
            filled.fail("", _("页面不完整，请刷新再试"))
    except HuzhuError as refusal:
        filled.blame(refusal)
    page = _member_page(member_id, filled, **told)
    return page if filled else (page, 422)


def _member_page(member_id: UUID, filled: Form, **told: Any) -> str:
    panels = backend.together(
        member=Call("members", f"/members/{member_id}"),
        balance=Call("points", "/balances", {"member_ids": member_id}),
        alike=Call("members", f"/members/{member_id}/look-alikes"),
        merges=Call("members", f"/members/{member_id}/merges"),
        erasure=Call("members", f"/members/{member_id}/erasure"),
        doubled=Call("checkin", "/doubled", {"member_id": member_id, "limit": 1}),
    )
    member = panels["member"].needed()
    balances = panels["balance"].content
    merges = panels["merges"].content or []
    beside = backend.together(**asking_for_household(member), **_asking_what_is_left(merges))
    return render_template(
        "staff/member.html",
        member=member,
        about=about(member),
        household=household_in(beside, member),
        alike=[(one["id"], describe(one)) for one in panels["alike"].content or []],
        merges=merges,
        doubled=panels["doubled"].content,
        is_merging=_is_on_its_way(beside),
        erasure=panels["erasure"].content,
        now=clock.now(),
        balance=balances[0] if balances else None,
        # Points shows nobody whom it has not heard of yet; who was registered just now has nothing there.
        balance_away=not isinstance(panels["balance"].error, Forbidden | None),
        done=done.said(),
        filled=filled,
        **told,
    )


def _asking_what_is_left(merges: list[dict[str, Any]]) -> dict[str, Call]:
    """What entries that were merged within the day still have; the books follow a merge a moment later."""
    ids = [one["member_id"] for one in merges if presentation.read_moment(one["undo_until"]) > clock.now()]
    return {"left": Call("points", "/balances", {"member_ids": ",".join(ids)})} if ids else {}


def _is_on_its_way(panels: Mapping[str, Panel]) -> bool:
    """Whether a merge has not reached the books: what the other entry had is still there."""
    names = ("points_available", "points_debt", "minutes_total")
    return any(one[name] for one in panels.get("left", Panel()).content or [] for name in names)


# --- Boards -------------------------------------------------------------------------------------------


@pages.get("/staff/boards")
@holding(Role.STAFF)
def list_boards() -> ResponseReturnValue:
    return _boards_page(Form())


@pages.get("/staff/boards/<uuid:node_id>")
@holding(Role.STAFF)
def ask_close_board(node_id: UUID) -> ResponseReturnValue:
    node = backend.call("members", "GET", f"/nodes/{node_id}")
    follows = _("关闭以后，这里的榜谁也看不到；上面和下面各级的榜不受影响。以后可以再打开。")
    action = f"/staff/boards/{node_id}"
    return done.ask(_("关闭光荣榜？"), node["name"], follows, action, _("关闭"), "/staff/boards", on="0")


@pages.post("/staff/boards/<uuid:node_id>")
@holding(Role.STAFF)
def switch_boards(node_id: UUID) -> ResponseReturnValue:
    """Every board can be switched off: nobody is made to be ranked."""
    filled = Form.posted()
    try:
        backend.call("points", "PUT", f"/boards/{node_id}/switch", json={"on": filled.text("on") == "1"})
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _boards_page(filled), 422
    return done.back("/staff/boards", "switched")


def _boards_page(filled: Form) -> str:
    query = {"limit": SWITCHES, "after": uuid_or_none(request.args.get("after"))}
    found = backend.together(switches=Call("points", "/boards/switches", query))["switches"].content
    return render_template(
        "staff/boards.html",
        switches=found,
        filled=filled,
        told=done.said(),
        more=f"/staff/boards?after={found[-1]['node_id']}" if found and len(found) == SWITCHES else None,
    )
