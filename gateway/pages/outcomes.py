"""What a scan's outcome looks like to the person: one dictionary for colour, title, words and next step."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gateway import presentation
from gateway.i18n import _

OK, WAIT, REFUSED = "ok", "wait", "refused"
EARLY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Shown:
    kind: str
    """The panel's: ok, wait or refused."""
    title: str
    sentences: tuple[str, ...] = ()
    action: str = ""
    href: str = "/"
    name: str = ""
    activity: str = ""


def shown(outcome: Mapping[str, Any], name: str) -> Shown:
    """One member's outcome as checkin told it: {outcome, direction, at, marks, why, waits, title,
    window, reason}, and of their record {recorded_at, minutes, ends_at} as far as it could be asked for.
    """
    kind, title, sentences, action, href = _read(outcome)
    return Shown(
        kind,
        title,
        tuple(sentence for sentence in sentences if sentence),
        action,
        href,
        name=name,
        activity=outcome.get("title") or "",
    )


def _read(outcome: Mapping[str, Any]) -> tuple[str, str, list[str], str, str]:
    code = outcome["outcome"]
    departing = outcome.get("direction") == "departure"
    if code == "ok":
        return _departed(outcome) if departing else _arrived(outcome)
    if code == "duplicate":
        title = _("您已经签过退了") if departing else _("您已经签过到了")
        return WAIT, title, [_recorded(outcome), _("不用再扫，已经记下了。")], _("回首页"), "/"
    if code == "late_scan":
        words = _("这个码显示得比较早，可能是网络慢。负责人点头以后就算数。")
        then = _("您不用再做什么。") if departing else _("离开时请记得扫“签退”码，签退以后才能算时长。")
        return WAIT, _("已收到，等负责人确认"), [_at(outcome), words, then], _("回首页"), "/"
    if code == "outside_window":
        return _outside(outcome)
    if code == "expired_code":
        words = _("屏幕上的码每 15 秒换一次。请对着现场的屏幕重新扫。")
        return REFUSED, _("二维码已经换了"), [words], _("重新扫码"), "/scan"
    if code == "invalid_code":
        return REFUSED, _("这个码不能用来签到"), [_why(outcome)], _("重新扫码"), "/scan"
    titles = {
        "not_qualified": _("这次没有记上"),
        "annulled": _("这条没有通过"),
        "activity_closed": _("活动现在不能签到"),
    }
    because = _("原因：%(reason)s", reason=outcome["reason"]) if outcome.get("reason") else ""
    help_words = _("如果您人在现场，请直接找活动负责人，他可以帮您办。")
    return REFUSED, titles.get(code, _("这次没有记上")), [_why(outcome), because, help_words], _("回首页"), "/"


def _why(outcome: Mapping[str, Any]) -> str:
    """What lies behind a refusal, in a sentence."""
    sentences = {
        "forged": _("这不是本系统的签到码，请扫活动现场屏幕上的二维码。"),
        "not_shown_yet": _("这个码还没到使用的时间，请扫现场屏幕上的二维码。"),
        "no_arrival": _("您在这里还没有签到，不能签退。"),
        "pairs_used_up": _("每人每天最多签到 3 次。"),
        "not_active": _("这位志愿者的登记已停用，请联系站点。"),
        "not_published": _("这个活动还没有发布。"),
        "postponed": _("这个活动已延期，新的时间请留意通知。"),
        "cancelled": _("这个活动已取消。"),
        "closed": _("这个活动已结束。"),
    }
    return sentences.get(str(outcome.get("why")), "")


def _at(outcome: Mapping[str, Any]) -> str:
    if not outcome.get("at"):
        return ""
    return _("时间：%(time)s", time=presentation.hour(outcome["at"]))


def _recorded(outcome: Mapping[str, Any]) -> str:
    """When it was that somebody had scanned before."""
    if not outcome.get("recorded_at"):
        return ""
    return _("记下的时间：%(time)s", time=presentation.hour(outcome["recorded_at"]))


def left_early(at: str | None, ends_at: str | None) -> bool:
    """Whether somebody leaves so long before the end that they should know what it costs."""
    if not at or not ends_at:
        return False
    return presentation.read_moment(ends_at) - presentation.read_moment(at) > EARLY


def _arrived(outcome: Mapping[str, Any]) -> tuple[str, str, list[str], str, str]:
    marks = outcome.get("marks") or []
    walked_in = "surplus" in marks or "walk_in" in marks
    title = _("签到成功（现场报名）") if walked_in else _("签到成功")
    sentences = [_at(outcome)]
    if "early" in marks:
        sentences.append(_("您来得早，服务时长从活动开始算起。"))
    if "overlapping" in marks:
        sentences.append(_("您在别处还有一次没有签退的签到，负责人会核实。"))
    sentences.append(_("离开时请记得扫“签退”码，签退以后才能算时长。"))
    return OK, title, sentences, _("回首页"), "/"


def _departed(outcome: Mapping[str, Any]) -> tuple[str, str, list[str], str, str]:
    sentences = [_at(outcome)]
    if (minutes := outcome.get("minutes")) is not None:
        sentences.append(_("服务时长：%(minutes)s", minutes=presentation.minutes(minutes)))
    if left_early(outcome.get("at"), outcome.get("ends_at")):
        ends = presentation.hour(outcome["ends_at"])
        sentences.append(_("活动 %(time)s 才结束。提前走，时长只算到现在，太短可能没有积分。", time=ends))
    elif outcome.get("waits"):
        sentences.append(_("负责人确认以后，积分就会到账。"))
    else:
        sentences.append(_("辛苦了！积分一般一分钟内到账。"))
    return OK, _("签退成功"), sentences, _("看记录"), "/records"


def _outside(outcome: Mapping[str, Any]) -> tuple[str, str, list[str], str, str]:
    window = outcome.get("window") or {}
    opens_at, closes_at = window.get("opens_at"), window.get("closes_at")
    early, departing = outcome.get("why") == "too_early", outcome.get("direction") == "departure"
    title = _("还没到签到时间") if early else _("签到已经结束")
    if departing:
        title = _("签退已经结束")
    span = ""
    if opens_at and closes_at:
        span = presentation.span(opens_at, closes_at)
        span = _("签退时间：%(span)s", span=span) if departing else _("签到时间：%(span)s", span=span)
    words = _("到时间再扫一次就行。") if early else _("如果您人在现场，请负责人补签，服务时长一样算。")
    return WAIT, title, [span, words], _("回首页"), "/"
