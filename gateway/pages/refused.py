"""Scans of an activity that were refused, so that whoever stands there without a record can be helped."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call
from gateway.forms import uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.places import describe, people
from shared.principal import Role

ROWS = 50
RECORDS_MAX = 200

pages = Blueprint("refused", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/refused")
@holding(Role.ORGANIZER)
def list_scans(activity_id: UUID) -> ResponseReturnValue:
    """Newest first: who, when, and why it did not count."""
    before = uuid_or_none(request.args.get("before"))
    here = f"/organize/activities/{activity_id}"
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        scans=asked(activity_id, before),
        attendances=Call("checkin", f"/activities/{activity_id}/attendances", {"limit": RECORDS_MAX}),
    )
    activity = panels["activity"].needed()
    found: list[dict[str, Any]] = panels["scans"].needed()
    known = people(scan["member_id"] for scan in found)
    recorded = {one["member_id"] for one in panels["attendances"].content or []}
    return render_template(
        "confirm/refused.html",
        activity=activity,
        rows=[
            {
                "name": describe(known.get(scan["member_id"])),
                "href": f"{here}/add?member_id={scan['member_id']}",
                "recorded": scan["member_id"] in recorded,
                "at": presentation.moment(scan["at"]),
                "direction": _("签退") if scan["direction"] == "departure" else _("签到"),
                "why": why_shown(scan) + _passed_on(scan),
            }
            for scan in found
        ],
        older=f"{here}/refused?before={found[-1]['id']}" if len(found) == ROWS else None,
    )


def _passed_on(scan: dict[str, Any]) -> str:
    """That others read the very same old code: it came to them as a picture."""
    readers = scan["code_readers"] or 0
    if scan["outcome"] != "expired_code" or readers < 2:
        return ""
    return _("（同一个码有 %(count)s 人扫过）", count=readers)


def asked(activity_id: UUID, before: UUID | None = None) -> Call:
    """The question for one page of refused scans."""
    return Call("checkin", f"/activities/{activity_id}/scans", {"refused": "1", "limit": ROWS, "before": before})


def why_shown(scan: dict[str, Any]) -> str:
    """Why a scan was refused, in words for the organizer; the volunteer was told in others."""
    words = {
        "forged": _("不是本系统的签到码"),
        "not_shown_yet": _("码还没到使用的时间"),
        "too_early": _("还没到签到时间"),
        "too_late": _("时间已经过了"),
        "no_arrival": _("没有签到就扫了签退码"),
        "pairs_used_up": _("当天已经签到 3 次"),
        "not_active": _("登记已停用"),
        "not_published": _("活动还没有发布"),
        "postponed": _("活动已延期"),
        "cancelled": _("活动已取消"),
        "closed": _("活动已结束"),
        "expired_code": _("码已经过期，没有对着现场的屏幕扫"),
        "annulled": _("这次签到已撤销或没有通过"),
    }
    return words.get(scan["why"] or scan["outcome"]) or str(scan["detail"])
