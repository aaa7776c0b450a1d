"""The member's own record: what was served and how it became points, and every movement of points."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call, Panel
from gateway.forms import uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.presentation import require_viewer
from shared import clock

ROWS = 20
BOOKED_WITHIN = timedelta(hours=1)
"""What is not booked so long after the activity may be stuck, and then no minute helps."""

pages = Blueprint("records", __name__)


@pages.get("/records")
@logged_in
def list_attendances() -> ResponseReturnValue:
    """Attendances as checkin knows them, each with what points made of it."""
    viewer = require_viewer()
    before = uuid_or_none(request.args.get("before"))
    # What somebody ticked by a slip and took back never was a service; staff finds it in 一人一天 and the audit log.
    query = {"member_id": viewer.member_id, "limit": ROWS, "before": before, "slips": 0}
    asked = Call("checkin", "/attendances", query)
    attendances = backend.together(attendances=asked)["attendances"]
    if attendances.error is not None:
        return render_template("records/attendances.html", records=None)
    found: list[dict[str, Any]] = attendances.content
    awards, away = _awards([one["id"] for one in found if one["version"]])
    return render_template(
        "records/attendances.html",
        records=[_record(one, awards.get(one["id"]), awards_away=away) for one in found],
        awards_away=away,
        older=f"/records?before={found[-1]['id']}" if len(found) == ROWS else None,
    )


def _awards(attendance_ids: list[str]) -> tuple[dict[str, dict[str, Any]], bool]:
    """The present award of each attendance, and whether points could not be asked."""
    if not attendance_ids:
        return {}, False
    asked = Call("points", "/awards", {"attendance_ids": ",".join(attendance_ids)})
    panel = backend.together(awards=asked)["awards"]
    if panel.error is not None:
        return {}, True
    newest: dict[str, dict[str, Any]] = {}
    for award in sorted(panel.content, key=lambda award: int(award["version"])):
        newest[award["attendance_id"]] = award
    return newest, False


def _record(attendance: Mapping[str, Any], award: Mapping[str, Any] | None, *, awards_away: bool) -> dict[str, Any]:
    status = attendance["status"]
    booked = award is not None and award["version"] == attendance["version"]
    record: dict[str, Any] = {
        "id": attendance["id"],
        "day": presentation.read_moment(attendance["arrived_at"]).date().isoformat(),
        "title": attendance["title"],
        "when": _when(attendance),
        "minutes": attendance["minutes"] if attendance.get("left_at") else None,
        "points": None,
        "steps": _steps(status, _last(booked=booked, away=awards_away)),
        "sentences": [],
    }
    if booked and award is not None and award["state"] != "awarded":
        record["steps"] = []
    sentences: list[str] = record["sentences"]
    evidence = {"own_scan": _("本人扫码"), "organizer": _("负责人确认"), "entered_later": _("事后补录")}
    if status == "settling":
        sentences.append(_("凭据：%(evidence)s", evidence=evidence[attendance["evidence"]]))
    if status == "waiting":
        sentences += _waits_because(attendance["marks"])
    if attendance.get("automatic_departure"):
        sentences.append(_("没有签退，按活动结束的时间算。"))
    if status == "not_signed_out":
        sentences.append(_("活动已经结束，您还没有签退。请扫签退码，或请负责人补上。"))
    if attendance.get("reason"):
        sentences.append(_("原因：%(reason)s", reason=attendance["reason"]))
    if award is not None and booked:
        record["points"] = award["points"] if award["state"] == "awarded" else None
        sentences.append(award["reason"])
    elif status == "settling" and not awards_away:
        sentences.append(_being_booked(attendance))
    record |= _badge(status, award if booked else None)
    return record


def _being_booked(attendance: Mapping[str, Any]) -> str:
    """Confirmed, and not yet among the points. When it was confirmed nobody says, only when it was over."""
    over_at = max(presentation.read_moment(attendance[name]) for name in ("left_at", "activity_ends_at"))
    if clock.now() - over_at < BOOKED_WITHIN:
        return _("正在记账，一般一分钟内到账。")
    return _("还没有到账。刚确认的请等几分钟；确认后超过一小时还没到，就要工作人员来处理，请告诉活动负责人或站点。")


def _waits_because(marks: list[str]) -> list[str]:
    """Why somebody must look at it, as far as it is more than the usual nod."""
    sentences = {
        "late_scan": _("码读得比较晚，等负责人点头。"),
        "overlapping": _("和您在别处的一次服务时间重叠，等负责人核实算哪一次。"),
        "own_case": _("您或家人是这里的负责人，要由另一位负责人确认。"),
    }
    return [sentence for mark, sentence in sentences.items() if mark in marks]


def _badge(status: str, award: Mapping[str, Any] | None) -> dict[str, str]:
    """The one word for what is no longer on its way."""
    if status == "rejected":
        return {"status": _("没有通过"), "kind": "refused"}
    if status == "annulled":
        return {"status": _("已撤销"), "kind": "refused"}
    if award is not None and award["state"] == "no_points":
        return {"status": _("已记时长，没有积分"), "kind": "plain"}
    return {"status": "", "kind": "plain"}


def _steps(status: str, last: tuple[str, str]) -> list[tuple[str, str]]:
    """已签到 → 未签退 → 待确认 → 已到账, with the one where it stands; empty when it left that road."""
    if status == "settling":
        return [(_("已签到"), "done"), (_("已签退"), "done"), (_("已确认"), "done"), last]
    reached = {"signed_in": 0, "not_signed_out": 1, "waiting": 2}.get(status)
    if reached is None:
        return []
    words = [_("已签到"), _("已签退") if reached > 1 else _("未签退"), _("待确认"), _("已到账")]
    return [(word, "done" if at < reached else "now" if at == reached else "ahead") for at, word in enumerate(words)]


def _last(*, booked: bool, away: bool) -> tuple[str, str]:
    """The step in points, of which nothing is known while points is away."""
    if away:
        return _("到账情况暂时看不到"), "ahead"
    return (_("已到账"), "end") if booked else (_("到账中"), "now")


def _when(attendance: Mapping[str, Any]) -> str:
    if attendance.get("left_at"):
        return presentation.span(attendance["arrived_at"], attendance["left_at"])
    return presentation.moment(attendance["arrived_at"])


@pages.get("/records/points")
@logged_in
def show_statement() -> ResponseReturnValue:
    viewer = require_viewer()
    before = uuid_or_none(request.args.get("before"))
    lines = {"member_id": viewer.member_id, "unit": "points", "limit": ROWS, "before": before, "merged": 1}
    calls = {
        "balance": Call("points", "/balances", {"member_ids": viewer.member_id}),
        "lines": Call("points", "/statement", lines),
    }
    if before is None:
        calls["months"] = Call("points", "/months", {"member_id": viewer.member_id})
    panels = backend.together(**calls)
    balances, found = panels["balance"].content, panels["lines"].content
    return render_template(
        "records/points.html",
        balance=balances[0] if balances else None,
        balance_away=panels["balance"].error is not None,
        lines=None if panels["lines"].error is not None else [_line(line, at) for at, line in enumerate(found)],
        older=f"/records/points?before={found[-1]['transfer_id']}" if found and len(found) == ROWS else None,
        **_months(panels["months"] if before is None else Panel(content=[])),
    )


def _months(panel: Panel) -> dict[str, Any]:
    """The months of one year, the newest first, and the years that have any."""
    if panel.error is not None:
        return {"months_away": True}
    by_year: dict[str, list[list[str]]] = {}
    for found in reversed(panel.content):
        by_year.setdefault(found["month"][:4], []).append(_month(found))
    asked = request.args.get("year", "")
    year = asked if asked in by_year else next(iter(by_year), None)
    years = [(_("%(year)s 年", year=one), f"/records/points?year={one}#months", one == year) for one in by_year]
    return {"year": year, "years": years, "months": by_year.get(year or "", [])}


def line_kinds() -> dict[str, str]:
    """How lines of a statement are called."""
    return {
        "award": _("服务积分"),
        "opening": _("期初结转"),
        "reversal": _("更正"),
        "spend": _("兑换"),
        "refund": _("兑换退回"),
        "expiry": _("到期"),
        "debt": _("抵扣"),
        "merge": _("登记合并"),
        "gift": _("转赠"),
    }


def _line(line: Mapping[str, Any], order: int) -> dict[str, Any]:
    local = presentation.read_moment(line["at"])
    return {**line, "name": line_kinds()[line["kind"]], "month": f"{local:%Y-%m}", "order": order}


def _month(found: Mapping[str, Any]) -> list[str]:
    """A row of the table; months without anything are left out by points."""
    return [
        presentation.month_of_year(found["month"]),
        presentation.points(found["points_earned"]),
        presentation.points(found["points_spent"]),
        presentation.minutes(found["minutes"]),
    ]
