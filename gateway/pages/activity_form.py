"""The form of an activity: a new one, one like another, and changing one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import confirming, done, sites
from gateway.pages.places import asking_for_people, asking_for_stations, by_id, every, station_options, stations_in
from shared import categories, clock
from shared.errors import HuzhuError
from shared.principal import Role

ROWS_MAX = 200
"""As many as checkin gives at once."""

pages = Blueprint("activity_form", __name__)


@pages.get("/organize/activities/new")
@holding(Role.ORGANIZER)
def new_activity() -> ResponseReturnValue:
    """An empty form, or one filled from another activity (复制)."""
    copied = uuid_or_none(request.args.get("copy"))
    if copied is None:
        return _form_page(Form(), None)
    return _stored_page(backend.call("checkin", "GET", f"/activities/{copied}"), is_copy=True)


@pages.post("/organize/activities/new")
@holding(Role.ORGANIZER)
def create_activity() -> ResponseReturnValue:
    filled = Form.posted()
    if sites.asks_for_more(filled):
        return _form_page(filled, None)
    content = _read_activity(filled) | {"id": filled.uuid("id", _("页面不完整，请刷新再试"))}
    if filled:
        _doubt(filled, content)
    if filled:
        try:
            made = backend.call("checkin", "POST", "/activities", json=content)
            if filled.text("action") == "publish":
                made = backend.call("checkin", "POST", f"/activities/{made['id']}/publish")
            said = {"published": "published", "in_review": "asked"}.get(made["state"], "saved")
            return done.back(f"/organize/activities/{made['id']}", said)
        except HuzhuError as refusal:
            _blame(filled, refusal, content)
    return _form_page(filled, None), 422


def _doubt(filled: Form, content: dict[str, Any]) -> None:
    """Ask back where it looks like a slip: a day that is over, or the same activity once more."""
    starts_at, ends_at = (presentation.read_moment(content[name]) for name in ("starts_at", "ends_at"))
    if ends_at < clock.now() and filled.text("action") == "publish" and not filled.text("past"):
        filled.fail("past", _("这个时间已经过去了。要补记过去的活动，请勾选“确实是过去的活动”"))
    at_once = {"from": starts_at.isoformat(), "to": (starts_at + timedelta(minutes=1)).isoformat()}
    query = {**at_once, "station_id": content["station_id"], "limit": ROWS_MAX}
    for other in backend.call("checkin", "GET", "/activities", query=query):
        same = other["title"] == content["title"] and presentation.read_moment(other["starts_at"]) == starts_at
        if same and other["id"] != content["id"] and other["state"] != "cancelled":
            filled.fail("title", _("这个站同一时间已经有一个同名的活动。真要再办一个，请换个名称"))


@pages.get("/organize/activities/<uuid:activity_id>/edit")
@holding(Role.ORGANIZER)
def edit_activity(activity_id: UUID) -> ResponseReturnValue:
    return _stored_page(backend.call("checkin", "GET", f"/activities/{activity_id}"))


@pages.post("/organize/activities/<uuid:activity_id>/edit")
@holding(Role.ORGANIZER)
def change_activity(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    if sites.asks_for_more(filled):
        return _form_page(filled, activity)
    content = _read_activity(filled, activity)
    # Only what was changed: some fields are fixed once the activity is published.
    changes = {name: value for name, value in content.items() if not _is_same(name, value, activity)}
    if filled:
        try:
            changed = (
                backend.call("checkin", "PATCH", f"/activities/{activity_id}", json=changes) if changes else activity
            )
            to_review_again = (activity["state"], changed["state"]) == ("in_review", "draft")
            return done.back(f"/organize/activities/{activity_id}", "drafted" if to_review_again else "saved")
        except HuzhuError as refusal:
            _blame(filled, refusal, content)
    return _form_page(filled, activity), 422


FAR_DAYS = 366
"""What is to be later than this is asked about: more often the year is a slip."""
FIELDS = {
    "starts_at": "start",
    "ends_at": "end",
    "sites": "site_name_0",
    "fixed_once_published": "category",
}


def _blame(filled: Form, refusal: HuzhuError, content: dict[str, Any]) -> None:
    if refusal.code == "no_such_leader":
        sites.blame_leaders(filled, content["sites"], _(refusal.detail))
    if filled:
        filled.blame(refusal, FIELDS)


def _stored_page(stored: dict[str, Any], *, is_copy: bool = False) -> str:
    """The form as somebody would have filled it in for this activity, to change it or to make another like it."""
    panels = every(**asking_for_stations(Role.ORGANIZER), **asking_for_people(leader_ids(stored)))
    typed = _as_typed(stored, by_id(panels))
    if is_copy:
        for name in ("day", *(name for name in typed if name.startswith("site_id_"))):
            del typed[name]
    stations = [(node["id"], node["name"]) for node in stations_in(panels)]
    return _form_page(Form(typed), None if is_copy else stored, stations)


def _form_page(filled: Form, activity: dict[str, Any] | None, stations: list[tuple[str, str]] | None = None) -> str:
    stations = station_options(Role.ORGANIZER) if stations is None else stations
    confirmed_at, reviewed_at = confirming.ask(node_id for node_id, _name in stations)
    return render_template(
        "organize/form.html",
        filled=filled,
        activity=activity,
        stations=stations,
        all_confirmed=[name for node_id, name in stations if node_id in confirmed_at],
        all_reviewed=[name for node_id, name in stations if node_id in reviewed_at],
        publish_as=_publish_as(filled.text("station_id"), [node_id for node_id, _name in stations], reviewed_at),
        categories=[(slug, _(name)) for slug, name in categories.NAMES.items()],
        sites=sites.lines_of(filled),
        one_more=sites.asks_for_more(filled),
        today=clock.today().isoformat(),
    )


def _publish_as(chosen: str, stations: list[str], reviewed_at: set[str]) -> str:
    """What the button says that publishes, or hands in where the station reviews first; both while it may be either."""
    reviewed = {node_id in reviewed_at for node_id in ([chosen] if chosen in stations else stations)}
    if len(reviewed) > 1:
        return _("发布（要审核的站：提交审核）")
    return _("提交审核") if True in reviewed else _("发布")


def _as_typed(activity: dict[str, Any], leaders: dict[str, dict[str, Any]]) -> dict[str, str]:
    starts_at, ends_at = (presentation.read_moment(activity[name]) for name in ("starts_at", "ends_at"))
    typed = {name: str(activity[name]) for name in ("title", "category", "station_id", "place")}
    typed |= {
        "day": starts_at.date().isoformat(),
        "start": f"{starts_at:%H:%M}",
        "end": f"{ends_at:%H:%M}",
        "overnight": "1" if ends_at.date() > starts_at.date() else "",
        "far": "1" if starts_at.date() > clock.today() + timedelta(days=FAR_DAYS) else "",
        "window_before_minutes": str(activity["window_before_minutes"]),
        "capacity": str(activity["capacity"] or ""),
        "confirm_each": "1" if activity["confirm_each"] else "",
    }
    return typed | sites.as_typed(activity["sites"], leaders)


def leader_ids(activity: dict[str, Any]) -> list[str]:
    return [site["leader_member_id"] for site in activity["sites"] if site["leader_member_id"]]


def _read_activity(filled: Form, activity: dict[str, Any] | None = None) -> dict[str, Any]:
    # In the order of the form, so that its faults are listed in it.
    content: dict[str, Any] = {
        "title": filled.required("title", _("请填写活动名称"), length_max=80),
        "category": filled.required("category", _("请选择服务类别")),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
        **read_times(filled),
        "place": filled.required("place", _("请填写集合地点"), length_max=120),
        "window_before_minutes": filled.whole("window_before_minutes", _("提前多少分钟应为 0 到 240 的整数")),
        "capacity": filled.whole("capacity", _("人数应为整数")) if filled.text("capacity") else None,
        "confirm_each": bool(filled.text("confirm_each")),
    }
    return content | {"sites": sites.read(filled, content["place"], activity)}


def read_times(filled: Form) -> dict[str, str]:
    """Start and end out of a day and two times; the end is on the next day for who has ticked that it is, since an end
    before the start is more often a slip.
    """
    day = filled.day("day")
    if day is None:
        filled.fail("day", _("请填写日期"))
    start = filled.time_of_day("start", _("请填写开始时间"))
    end = filled.time_of_day("end", _("请填写结束时间"))
    if day is None or start is None or end is None:
        return {}
    starts_at = datetime.combine(datetime.fromisoformat(day), start, clock.SHANGHAI)
    ends_at = datetime.combine(starts_at.date(), end, clock.SHANGHAI)
    if filled.text("overnight"):
        ends_at += timedelta(days=1)
    if ends_at <= starts_at:
        filled.fail("end", _("结束时间要比开始晚。过了零点才结束的，请勾选“第二天才结束”"))
    if starts_at.date() > clock.today() + timedelta(days=FAR_DAYS) and not filled.text("far"):
        filled.fail("far", _("日期离现在一年多，请核对年份。没有写错的，请勾选“年份没有写错”"))
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}


def _is_same(name: str, value: Any, activity: dict[str, Any]) -> bool:
    if name in ("starts_at", "ends_at"):
        return bool(presentation.read_moment(value) == presentation.read_moment(activity[name]))
    return bool(activity[name] == value)
