"""One record of an activity: looked at, confirmed, put right or annulled; and one entered by the organizer (补签)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.attendance_words import evidence_shown, marks_shown, state_shown
from gateway.pages.places import asked_for, describe, people
from shared import clock
from shared.errors import HuzhuError, Invalid, NotFound
from shared.principal import Role

pages = Blueprint("one_record", __name__)


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
        awaits_nod=attendance["awaits_nod"],
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
