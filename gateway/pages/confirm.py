"""Confirming service time: all in one tap, exceptions one by one, and attendances entered by the organizer."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding, logged_in
from gateway.i18n import _
from gateway.pages import done, refused
from gateway.pages.places import asked_for, asking_for_people, by_id, describe, people, told_apart
from gateway.pages.roll import roll_page, sites_called
from shared import clock
from shared.errors import HuzhuError, Invalid, NotFound
from shared.principal import Role

ROWS = 200
SHORT_ROWS = 100
"""So many who stayed too short are named; the others are counted."""
EVERYWHERE = "all"
"""The choice of all sites, where one has to be made."""

pages = Blueprint("confirm", __name__)


def state_shown(state: str) -> tuple[str, str]:
    """How a record stands: its word and the kind of badge."""
    return {
        "open": (_("未签退"), "wait"),
        "left": (_("待确认"), "wait"),
        "confirmed": (_("已确认"), "ok"),
        "corrected": (_("已更正"), "ok"),
        "annulled": (_("已撤销"), "refused"),
        "rejected": (_("没有通过"), "refused"),
    }[state]


def marks_shown(attendance: dict[str, Any]) -> list[str]:
    """What the organizer should look at."""
    words = {
        "early": _("来得早"),
        "surplus": _("超出人数"),
        "overlapping": _("和别处时间重叠"),
        "late_scan": _("扫得晚"),
        "own_case": _("负责人本人或家人"),
    }
    marks = [words.get(mark, mark) for mark in attendance["marks"]]
    return [*marks, _("自动签退")] if attendance["automatic_departure"] else marks


def evidence_shown(evidence: str) -> str:
    return {"own_scan": _("本人扫码"), "organizer": _("负责人确认"), "entered_later": _("事后补录")}[evidence]


@pages.get("/organize/activities/<uuid:activity_id>/confirm")
@holding(Role.ORGANIZER)
def list_attendances(activity_id: UUID) -> ResponseReturnValue:
    return _list_page(activity_id, Form())


def _list_page(activity_id: UUID, filled: Form, **outcome: Any) -> str:
    after = uuid_or_none(request.args.get("after"))
    state, site_id = request.args.get("state") or None, uuid_or_none(request.args.get("site"))
    # What a roll call took back is looked up among those that did not pass, and in nobody's way elsewhere.
    slips = int(state == "rejected")
    listed = {"limit": ROWS, "after": after, "state": state, "site_id": site_id, "slips": slips}
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        attendances=Call("checkin", f"/activities/{activity_id}/attendances", listed),
        presence=Call("checkin", f"/activities/{activity_id}/presence"),
        refused=refused.asked(activity_id),
        waiting=Call("checkin", f"/activities/{activity_id}/waiting"),
    )
    activity = panels["activity"].needed()
    found: list[dict[str, Any]] = panels["attendances"].needed()
    waiting = panels["waiting"].content
    answers = backend.together(
        **asking_for_people(one["member_id"] for one in [*found, *outcome.get("left_out", []), *_shortest(waiting)]),
        **_asking_for_rules(waiting),
    )
    known = by_id(answers)
    chosen = {"state": state, "site": str(site_id) if site_id else None}
    return render_template(
        "confirm/list.html",
        activity=activity,
        presence=panels["presence"].content,
        short=_short(activity, waiting, answers.get("rules"), known),
        short_away=waiting is None or ("rules" in answers and answers["rules"].error is not None),
        turned_away=_turned_away(found, panels["refused"].content) if not (after or state or site_id) else 0,
        rows=[_row(one, known, activity_id) for one in found],
        more=_here(activity_id, chosen | {"after": found[-1]["id"]}) if len(found) == ROWS else None,
        switchers=_switchers(activity, chosen),
        site_id=chosen["site"],
        told=done.said(),
        filled=filled,
        names={member_id: describe(member) for member_id, member in known.items()},
        **outcome,
    )


def _here(activity_id: UUID | str, query: dict[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"/organize/activities/{activity_id}/confirm" + (f"?{urlencode(given)}" if given else "")


def _switchers(
    activity: dict[str, Any], chosen: dict[str, str | None]
) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Ways to narrow the records: each a name and its choices as (text, address, whether it is chosen)."""
    sites: list[tuple[str | None, str]] = [(site["id"], site["name"]) for site in activity["sites"]]
    offered: dict[str, tuple[str, list[tuple[str | None, str]]]] = {
        "site": (_("点位"), sites if len(sites) > 1 else []),
        "state": (_("状态"), [("left", _("待确认")), ("open", _("未签退")), ("rejected", _("没有通过"))]),
    }
    return [
        (
            label,
            [
                (text, _here(activity["id"], chosen | {name: value}), chosen[name] == value)
                for value, text in ((None, _("全部")), *values)
            ],
        )
        for name, (label, values) in offered.items()
        if values
    ]


def _turned_away(attendances: list[dict[str, Any]], scans: list[dict[str, Any]] | None) -> int:
    """How many people only ever scanned in vain; told where all records are on the page, else 0."""
    if len(attendances) >= ROWS:
        return 0
    return len({scan["member_id"] for scan in scans or []} - {one["member_id"] for one in attendances})


def _asking_for_rules(waiting: dict[str, Any] | None) -> dict[str, Call]:
    """The question how much of the activity one must stay for, where somebody has not stayed for all of it."""
    if not waiting or not waiting["members"]:
        return {}
    return {"rules": Call("points", "/rules", {"day": waiting["service_day"]})}


def _shortest(waiting: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Those of whom the names are shown, should they have stayed too short."""
    shortest: list[dict[str, Any]] = (waiting or {"members": []})["members"][:SHORT_ROWS]
    return shortest


def _short(
    activity: dict[str, Any], waiting: dict[str, Any] | None, rules: Panel | None, known: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Whom the rule of the day gives hours and no points, since they stayed for less than its share; None for nobody.
    The words are those that points gives as the reason then.
    """
    if waiting is None or rules is None or rules.content is None:
        return None
    of_category = (rule for rule in rules.content if rule["category"] == activity["category"])
    share = next((rule["share_min_percent"] for rule in of_category), 0)
    needed = waiting["activity_minutes"] * share
    count = sum(one["minutes"] * 100 < needed for one in waiting["members"])
    if not count:
        return None
    shown = _shortest(waiting)[:count]
    return {
        "count": count,
        "share": share,
        "minutes": waiting["activity_minutes"],
        "rows": [(describe(known.get(one["member_id"])), one["minutes"]) for one in shown],
    }


def _row(attendance: dict[str, Any], known: dict[str, dict[str, Any]], activity_id: UUID) -> dict[str, Any]:
    member = known.get(attendance["member_id"])
    return {
        "name": member["name"] if member else describe(None),
        "apart": told_apart(member) if member else "",
        "href": f"/organize/activities/{activity_id}/attendances/{attendance['id']}",
        "arrived": presentation.hour(attendance["arrived_at"]),
        "left": presentation.hour(attendance["left_at"]) if attendance["left_at"] else "–",
        "site": attendance["site_name"],
        "minutes": attendance["minutes"],
        "marks": marks_shown(attendance),
        "evidence": evidence_shown(attendance["evidence"]),
        "state": state_shown(attendance["state"]),
        "awaits_nod": _awaits_nod(attendance),
    }


def _awaits_nod(attendance: dict[str, Any]) -> bool:
    """Whether somebody is there by a late scan, and nobody has said yet that it is so."""
    by_scan = attendance["state"] == "open" and attendance["evidence"] == "own_scan"
    return by_scan and "late_scan" in attendance["marks"]


@pages.post("/organize/activities/<uuid:activity_id>/confirm-all")
@holding(Role.ORGANIZER)
def confirm_all(activity_id: UUID) -> ResponseReturnValue:
    """One tap; who was left out is shown with the reason."""
    done = backend.call("checkin", "POST", f"/activities/{activity_id}/confirm-all")
    return _list_page(activity_id, Form(), confirmed=done["confirmed"], left_out=done["left_out"])


@pages.get("/organize/activities/<uuid:activity_id>/leave-all")
@logged_in
def ask_leave_all(activity_id: UUID) -> ResponseReturnValue:
    """For an organizer of all, or of one site; for who leads sites of those who are there."""
    if visitor.require_session().has(Role.ORGANIZER):
        return _leave_all_page(activity_id, Form({"site_id": request.args.get("site", "")}))
    here, activity = f"/organize/activities/{activity_id}", backend.call("checkin", "GET", f"/activities/{activity_id}")
    what = f"{activity['title']} · {'、'.join(site['name'] for site in sites_called(activity))}"
    follows = _("您的点位上还在场的人都按现在签退，不能撤回；时间不对的请活动负责人更正。")
    return done.ask(_("全员签退？"), what, follows, f"{here}/leave-all", _("全员签退"), f"{here}/roll")


def _leave_all_page(activity_id: UUID, filled: Form) -> str:
    activity, presence = (
        backend.call("checkin", "GET", f"/activities/{activity_id}{part}") for part in ("", "/presence")
    )
    return render_template(
        "confirm/leave_all.html",
        activity=activity,
        presence=presence,
        site_options=[(site["id"], site["name"]) for site in activity["sites"]],
        filled=filled,
    )


@pages.post("/organize/activities/<uuid:activity_id>/leave-all")
@logged_in
def leave_all(activity_id: UUID) -> ResponseReturnValue:
    """At the site that was chosen, or at all: with several nobody leaves where none was chosen."""
    filled, content, organizes = Form.posted(), {}, visitor.require_session().has(Role.ORGANIZER)
    if filled.text("site_id", EVERYWHERE) != EVERYWHERE or filled.text("several"):
        content = {} if filled.text("site_id") == EVERYWHERE else {"site_id": filled.uuid("site_id", _("请选择点位"))}
    if not filled:
        return _leave_all_page(activity_id, filled), 422
    try:
        left = backend.call("checkin", "POST", f"/activities/{activity_id}/leave-all", json=content)["left"]
    except HuzhuError as refusal:
        filled = Form()
        filled.blame(refusal)
        return _list_page(activity_id, filled) if organizes else roll_page(activity_id, filled, None), 422
    if not organizes:
        return done.back(f"/organize/activities/{activity_id}/roll", "left_all")
    return _list_page(activity_id, Form(), left=left, left_at=content.get("site_id"))


# --- One record ---------------------------------------------------------------------------------------


@pages.get("/organize/activities/<uuid:activity_id>/attendances/<uuid:attendance_id>")
@holding(Role.ORGANIZER)
def show_attendance(activity_id: UUID, attendance_id: UUID) -> ResponseReturnValue:
    return _attendance_page(activity_id, attendance_id, Form())


def _attendance_page(activity_id: UUID, attendance_id: UUID, filled: Form) -> str:
    attendance = _get(activity_id, attendance_id)
    name = describe(people([attendance["member_id"]]).get(attendance["member_id"]))
    arrived_at = presentation.read_moment(attendance["arrived_at"])
    ends_at = presentation.read_moment(attendance["activity_ends_at"])
    left_at = presentation.read_moment(attendance["left_at"]) if attendance["left_at"] else min(ends_at, _now())
    return render_template(
        "confirm/attendance.html",
        attendance=attendance,
        name=name,
        state=state_shown(attendance["state"]),
        marks=marks_shown(attendance),
        awaits_nod=_awaits_nod(attendance),
        evidence=evidence_shown(attendance["evidence"]),
        day=arrived_at.date().isoformat(),
        start=f"{arrived_at:%H:%M}",
        end=f"{left_at:%H:%M}",
        filled=filled,
    )


def _now() -> datetime:
    return clock.now().astimezone(clock.SHANGHAI)


def _get(activity_id: UUID, attendance_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = backend.call("checkin", "GET", f"/attendances/{attendance_id}")
    if found["activity_id"] != str(activity_id):
        raise NotFound
    return found


_DONE = {"annul": "annulled", "confirm": "confirmed", "correct": "corrected", "leave": "left", "reject": "rejected"}


@pages.post("/organize/activities/<uuid:activity_id>/attendances/<uuid:attendance_id>")
@holding(Role.ORGANIZER)
def act(activity_id: UUID, attendance_id: UUID) -> ResponseReturnValue:
    """Confirm, sign out, reject, annul or correct one record, as the pressed button says."""
    filled = Form.posted()
    verb = filled.text("action")
    content: dict[str, Any] = {}
    if verb in ("reject", "annul", "correct"):
        content = {"reason": filled.required("reason", _("请写明原因，志愿者会看到"), length_max=500)}
        if verb == "correct":
            content |= {"version": filled.whole("version", _("页面不完整，请刷新再试"))} | _read_both_times(
                filled, activity_id
            )
    elif verb not in ("confirm", "leave"):
        filled.fail("", _("页面不完整，请刷新再试"))
    if filled:
        try:
            backend.call("checkin", "POST", f"/attendances/{attendance_id}/{verb}", json=content or None)
            return done.back(f"/organize/activities/{activity_id}/confirm", _DONE[verb])
        except HuzhuError as refusal:
            filled.blame(refusal, {"arrived_at": "start", "left_at": "end", "impossible_times": "start"})
    return _attendance_page(activity_id, attendance_id, filled), 422


def _read_both_times(filled: Form, activity_id: UUID) -> dict[str, Any]:
    if not filled.text("end"):
        filled.fail("end", _("请填写签退时间"))
    span = read_span(filled, activity_id)
    if "left_at" in span and presentation.read_moment(span["left_at"]) > clock.now():
        filled.fail("end", _("签退时间还没到"))
    return span


def read_span(filled: Form, activity_id: UUID) -> dict[str, Any]:
    """Arrival and departure out of a day and two times; a departure before the arrival is on the next day, when the
    activity goes on until then.
    """
    day = filled.day("day")
    if day is None:
        filled.fail("day", _("请填写日期"))
    start = filled.time_of_day("start", _("请填写开始时间"))
    end = filled.time_of_day("end", _("请填写结束时间")) if filled.text("end") else None
    if day is None or start is None:
        return {}
    arrived_at = datetime.combine(datetime.fromisoformat(day), start, clock.SHANGHAI)
    if end is None:
        return {"arrived_at": arrived_at.isoformat()}
    left_at = datetime.combine(arrived_at.date(), end, clock.SHANGHAI)
    if left_at <= arrived_at:
        left_at += timedelta(days=1)
        activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
        if left_at > min(presentation.read_moment(activity["departure_closes_at"]), clock.now()):
            filled.fail("end", _("签退时间比签到时间早。按第二天算，又超出了活动的时间"))
    return {"arrived_at": arrived_at.isoformat(), "left_at": left_at.isoformat()}


# --- Entered by the organizer (补签) -------------------------------------------------------------------


@pages.get("/organize/activities/<uuid:activity_id>/add")
@holding(Role.ORGANIZER)
def ask_member(activity_id: UUID) -> ResponseReturnValue:
    """Find the person, then fill in the times."""
    return _add_page(activity_id, Form())


@pages.post("/organize/activities/<uuid:activity_id>/add")
@holding(Role.ORGANIZER)
def add_attendance(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_id": filled.uuid("member_id", _("请选一位志愿者")),
        "site_id": filled.uuid("site_id", _("请选择点位")),
        **read_span(filled, activity_id),
    }
    if filled:
        try:
            backend.call("checkin", "POST", f"/activities/{activity_id}/attendances", json=content)
            return done.back(f"/organize/activities/{activity_id}/confirm", "entered")
        except HuzhuError as refusal:
            names = {"arrived_at": "start", "left_at": "end", "impossible_times": "start"}
            filled.blame(refusal, names | dict.fromkeys(("own_case", "already_recorded", "pairs_used_up"), "member_id"))
    return _add_page(activity_id, filled), 422


def _find(wanted: str, known: UUID | None) -> list[dict[str, Any]]:
    """Who may be meant: those found by what was typed, or else the one that another page led here with."""
    if not wanted:
        return list(people([str(known)]).values()) if known else []
    return list(backend.together(found=asked_for(wanted))["found"].needed(Invalid) or [])


def _without_own(found: list[dict[str, Any]], wanted: str) -> tuple[list[dict[str, Any]], bool]:
    """Whom this login may enter, and whether somebody of its own was meant: another organizer has to do that."""
    viewer = presentation.viewer()
    mine = {str(member.member_id): member.name for member in viewer.members} if viewer else {}
    others = [member for member in found if member["id"] not in mine]
    return others, len(others) < len(found) or (bool(wanted) and any(wanted in name for name in mine.values()))


def _add_page(activity_id: UUID, filled: Form) -> str:
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    wanted = (filled.text("q") or request.args.get("q", "")).strip()
    known = uuid_or_none(filled.text("known") or request.args.get("member_id"))
    found, own_case = _without_own(_find(wanted, known), wanted)
    starts_at, ends_at = (presentation.read_moment(activity[name]) for name in ("starts_at", "ends_at"))
    # Nobody can have come or gone later than now: who is still there is entered without a departure.
    came_at = min(starts_at, _now())
    return render_template(
        "confirm/add.html",
        activity=activity,
        wanted=wanted,
        known=known if not wanted else None,
        candidates=[(member["id"], describe(member)) for member in found],
        own_case=own_case,
        sites=[(site["id"], site["name"]) for site in activity["sites"]],
        day=came_at.date().isoformat(),
        start=f"{came_at:%H:%M}",
        end=f"{ends_at:%H:%M}" if ends_at <= _now() else "",
        filled=filled,
    )
