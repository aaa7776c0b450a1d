"""The organizer's workbench: today's activities, and an activity from draft to end."""

from datetime import timedelta
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
from gateway.pages import answering, done, sites
from gateway.pages.activity_form import FIELDS, ROWS_MAX, leader_ids, read_times
from gateway.pages.imports import asking_for_waiting, to_approve
from gateway.pages.places import asking_for_people, by_id, nodes_of
from shared import clock
from shared.errors import Forbidden, HuzhuError, Unavailable
from shared.principal import Role

ROWS = 50
COUNTED_MAX = 50
"""So many activities' people are counted with one question."""
PAST_DAYS = 7

pages = Blueprint("organize", __name__)


@pages.get("/organize")
@holding(Role.ORGANIZER)
def workbench() -> ResponseReturnValue:
    """What is on today, and what of the last days may still wait to be confirmed."""
    # Each span is asked for by itself, so that a full week cannot crowd out today.
    spans = [_span(0, 1), _span(1, 2), _span(-1, 0), _span(-PAST_DAYS, -1)]
    found, away, cut = _activities(*spans, limit=ROWS_MAX)
    days: dict[str, list[dict[str, Any]]] = {"past": [], "today": [], "tomorrow": []}
    for activity in found:
        starts_at, ends_at = (presentation.read_moment(activity[name]) for name in ("starts_at", "ends_at"))
        is_past = ends_at.date() < clock.today() or activity["state"] == "closed"
        days["past" if is_past else "tomorrow" if starts_at.date() > clock.today() else "today"].append(activity)
    days["past"].reverse()
    return render_template("organize/workbench.html", days=days, away=away, cut=cut, **_what_waits(found))


def _span(first: int, end: int) -> dict[str, str]:
    """From the start of one day to the start of another, as days from today."""
    # Shanghai keeps no summer time: a day is always 24 hours.
    midnight = clock.day_starts(clock.today())
    return {"from": (midnight + timedelta(days=first)).isoformat(), "to": (midnight + timedelta(days=end)).isoformat()}


def _activities(*queries: dict[str, Any], limit: int) -> tuple[list[dict[str, Any]], bool, bool]:
    """Activities at the nodes where this login organizes, by start, the first `limit` of each query and node in its
    order; whether some could not be asked for, and whether there may be more.
    """
    calls = {
        f"{number}_{nth}": Call("checkin", "/activities", {**query, "station_id": node_id, "limit": limit})
        for number, node_id in enumerate(nodes_of(Role.ORGANIZER))
        for nth, query in enumerate(queries)
    }
    panels = backend.together(**calls).values()
    found = {activity["id"]: activity for panel in panels for activity in panel.content or []}
    by_start = sorted(
        found.values(), key=lambda activity: (presentation.read_moment(activity["starts_at"]), activity["id"])
    )
    away = any(panel.error is not None for panel in panels)
    return by_start, away, any(len(panel.content or []) >= limit for panel in panels)


def _what_waits(activities: list[dict[str, Any]]) -> dict[str, Any]:
    """`waiting`: how many records wait to be confirmed, of the activities that began last; `reviews`: which activities
    wait to be reviewed or were sent back, whenever they are. For staff `concerns`, in words how much that people
    report, and `files`, how many wait for this login to approve them, None when that is not known.
    """
    begun = [
        one["id"]
        for one in activities
        if one["state"] in ("published", "closed", "cancelled")
        and presentation.read_moment(one["starts_at"]) <= clock.now()
    ][-COUNTED_MAX:]
    asked = {"reviews": Call("checkin", "/reviews", {"for": "organizer", "limit": ROWS})}
    if begun:
        asked["presence"] = Call("checkin", "/activities/presence", {"ids": ",".join(begun)})
    is_staff = visitor.require_session().has(Role.STAFF)
    if is_staff:
        asked |= {"files": asking_for_waiting(), "concerns": answering.ASKING_WHAT_WAITS}
    panels = backend.together(**asked)
    files = panels.get("files", Panel())
    return {
        "waiting": {
            one["activity_id"]: one["waiting"] + one["late"] for one in panels.get("presence", Panel()).content or []
        },
        "reviews": panels["reviews"].content or [],
        "concerns": answering.waiting_shown(panels.get("concerns", Panel())),
        "files": (None if files.error is not None else len(to_approve(files))) if is_staff else 0,
    }


@pages.get("/organize/activities")
@holding(Role.ORGANIZER)
def list_activities() -> ResponseReturnValue:
    past = request.args.get("when") == "past"
    span = _span(-180, 0) | {"order": "newest"} if past else {"from": _span(0, 1)["from"]}
    after = uuid_or_none(request.args.get("after"))
    # Each node brings its own first rows; only the first of all together are sure to skip none.
    found, away, _cut = _activities({**span, "after": after}, limit=ROWS + 1)
    if past:
        found.reverse()
    shown = found[:ROWS]
    rest = {"when": "past" if past else "coming", "after": shown[-1]["id"]} if len(found) > ROWS else None
    return render_template(
        "organize/list.html",
        activities=shown,
        away=away,
        past=past,
        more=f"/organize/activities?{urlencode(rest)}" if rest else None,
    )


@pages.get("/organize/activities/<uuid:activity_id>")
@holding(Role.ORGANIZER)
def show_activity(activity_id: UUID) -> ResponseReturnValue:
    return activity_page(activity_id, Form())


@pages.get("/organize/activities/<uuid:activity_id>/close")
@holding(Role.ORGANIZER)
def ask_close(activity_id: UUID) -> ResponseReturnValue:
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    here = f"/organize/activities/{activity_id}"
    what = f"{activity['title']} {presentation.span(activity['starts_at'], activity['ends_at'])}"
    follows = _("结束以后不能再签到，还在场的人按现在签退。不能重新打开。")
    if presentation.read_moment(activity["ends_at"]) > clock.now():
        follows += _("活动的时长算到现在为止，已经走了的人按这个时长重新计算积分。")
    return done.ask(_("现在结束活动？"), what, follows, f"{here}/close", _("现在结束"), here)


@pages.post("/organize/activities/<uuid:activity_id>/<any(publish, close):step>")
@holding(Role.ORGANIZER)
def take_step(activity_id: UUID, step: str) -> ResponseReturnValue:
    filled = Form.posted()
    try:
        activity = backend.call("checkin", "POST", f"/activities/{activity_id}/{step}")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return activity_page(activity_id, filled), 503 if isinstance(refusal, Unavailable) else 422
    return done.back(
        f"/organize/activities/{activity_id}", "asked" if activity["state"] == "in_review" else activity["state"]
    )


@pages.post("/organize/activities/<uuid:activity_id>/cancel")
@holding(Role.ORGANIZER)
def cancel_activity(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    reason = filled.required("reason", _("请写明取消的原因，志愿者会看到"), length_max=500)
    return _after(activity_id, filled, "cancel", {"reason": reason}, "cancelled")


@pages.post("/organize/activities/<uuid:activity_id>/postpone")
@holding(Role.ORGANIZER)
def postpone_activity(activity_id: UUID) -> ResponseReturnValue:
    """With a new day and times, or without any while they are not known."""
    filled = Form.posted()
    times: dict[str, str] = {}
    if filled.text("day"):
        times = read_times(filled)
    return _after(activity_id, filled, "postpone", times, "moved" if times else "postponed")


def _after(activity_id: UUID, filled: Form, step: str, content: dict[str, Any], said: str) -> ResponseReturnValue:
    """Take the step and go to the activity's page, which says so."""
    if filled:
        try:
            backend.call("checkin", "POST", f"/activities/{activity_id}/{step}", json=content)
            return done.back(f"/organize/activities/{activity_id}", said)
        except HuzhuError as refusal:
            filled.blame(refusal, FIELDS)
    return activity_page(activity_id, filled), 422


def activity_page(activity_id: UUID, filled: Form) -> str:
    """The page of an activity, with what is wrong with the form that was sent from it."""
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        presence=Call("checkin", f"/activities/{activity_id}/presence"),
    )
    activity = panels["activity"].needed()
    asker = activity["asked_by"] if activity["state"] == "in_review" else None
    asked = asking_for_people([*leader_ids(activity), *([asker] if asker else [])])
    if activity["state"] == "draft":
        # Whether the station reviews first is asked once more than of others, for what the button says.
        asked["rules"] = Call("checkin", "/reviews/rules", {"node_ids": activity["station_id"]})
    answers = backend.together(**asked)
    leaders, rules = by_id(answers), answers["rules"].content if "rules" in answers else None
    return render_template(
        "organize/activity.html",
        activity=activity,
        leaders=[
            (site["name"], sites.leader_name(leaders.get(site["leader_member_id"])))
            for site in activity["sites"]
            if site["leader_member_id"]
        ],
        asker=sites.leader_name(leaders.get(asker)) if asker else None,
        is_reviewed=any(rule["on"] or rule["above"] for rule in rules or []),
        asked_by_viewer=asker == str(visitor.require_session().own_member_id),
        presence=panels["presence"].content,
        state=_state_shown(activity),
        is_mine=not isinstance(panels["presence"].error, Forbidden),
        told=done.said(),
        was_moved=request.args.get("done") in ("moved", "postponed"),
        filled=filled,
    )


def _state_shown(activity: dict[str, Any]) -> tuple[str, str]:
    """How an activity stands: its word and the kind of badge."""
    if activity["state"] == "draft" and activity["reason"]:
        return _("已退回"), "refused"
    return {
        "draft": (_("草稿"), "plain"),
        "in_review": (_("待审核"), "wait"),
        "published": (_("已发布"), "ok"),
        "postponed": (_("已延期"), "wait"),
        "cancelled": (_("已取消"), "refused"),
        "closed": (_("已结束"), "plain"),
    }[activity["state"]]
