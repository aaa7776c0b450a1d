"""A record of service in words: how it stands, what to look at, and what it rests on."""

from typing import Any

from gateway.i18n import _


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
