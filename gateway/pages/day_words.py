"""One person, one day, in words: what happened in the order of time, and how each record stands and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway import presentation
from gateway.i18n import _
from gateway.pages import acts
from gateway.pages.attendance_words import evidence_shown, marks_shown, state_shown
from gateway.pages.records import line_kinds
from gateway.pages.refused import why_shown

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: when, what, and the sentences that belong to it; what is empty is not shown."""

    at: str
    what: str
    more: Sequence[str | None] = ()
    kind: str = "plain"
    """As of badges: ok, wait, refused or plain."""


def timeline(checkin: Found | None, points: Found | None, rewards: Found | None, names: Mapping[str, str]) -> list[Any]:
    """All that the services told, in the order of time; `names` of who did it, by member id."""
    found: list[Happened] = []
    if checkin is not None:
        found += _of_checkin(checkin, names)
    if points is not None:
        found += _of_points(points)
    if rewards is not None:
        found += _of_rewards(rewards, names)
    return sorted(found, key=lambda one: presentation.read_moment(one.at))


def _of_checkin(told: Found, names: Mapping[str, str]) -> Iterator[Happened]:
    titles = {pair["id"]: pair["title"] for pair in told["attendances"]}
    for scan in told["scans"]:
        yield _scan(scan)
    for pair in told["attendances"]:
        if pair["automatic_departure"]:
            yield Happened(
                pair["left_at"], _("系统代为签退"), (pair["title"], _("没有扫签退码，按活动结束的时间算")), "wait"
            )
    for act in told["acts"]:
        yield _act(act, titles.get(act["attendance_id"], ""), names)
    for row in told["on_their_way"]:
        title = titles.get(row["attendance_id"], "")
        if row["dead_at"]:
            yield Happened(row["dead_at"], _("没有送到积分，等管理员处理"), (title,), "refused")
        else:
            yield Happened(row["created_at"], _("正在送往积分"), (title, _tried(row["attempts"])), "wait")


def _tried(attempts: int) -> str:
    return _("已试 %(count)s 次", count=attempts) if attempts else ""


def _scan(scan: Found) -> Happened:
    departs = scan["direction"] == "departure"
    place = " · ".join(part for part in (scan["title"], scan["site_name"], scan["station_name"]) if part)
    if scan["outcome"] in ("ok", "late_scan"):
        word = _("扫码签退") if departs else _("扫码签到")
        waits = (_("码读得比较晚，等负责人点头"),) if scan["outcome"] == "late_scan" else ()
        return Happened(scan["at"], word, (place, *waits), "wait" if waits else "ok")
    if scan["outcome"] == "duplicate":
        return Happened(scan["at"], _("重复扫码"), (place, scan["detail"]))
    word = _("扫签退码，没有记上") if departs else _("扫签到码，没有记上")
    told = _("当时的提示：%(words)s", words=scan["detail"])
    return Happened(scan["at"], word, (place, why_shown(scan), told), "refused")


def _by(member_id: str | None, names: Mapping[str, str]) -> str:
    return _("经办：%(name)s", name=names.get(member_id or "") or _("（姓名暂时看不到）"))


def _act(act: Found, title: str, names: Mapping[str, str]) -> Happened:
    detail: Found = act["detail"]
    more = [title, _by(act["by_member_id"], names)]
    if "before" in detail and "after" in detail:
        more.append(f"{_pair(detail['before'])} → {_pair(detail['after'])}")
    elif detail.get("arrived_at"):
        more.append(_times(detail))
    if detail.get("evidence"):
        more.append(_("凭据：%(evidence)s", evidence=evidence_shown(detail["evidence"])))
    if detail.get("reason"):
        more.append(_("原因：%(reason)s", reason=detail["reason"]))
    refuses = act["action"] in ("attendance.reject", "attendance.annul", "activity.cancel")
    return Happened(
        act["at"],
        acts.act_names().get(act["action"]) or str(act["action"]),
        tuple(more),
        "refused" if refuses else "plain",
    )


def _pair(pair: Found) -> str:
    return f"{state_shown(pair['state'])[0]} {_times(pair)}"


def _times(pair: Found) -> str:
    if pair.get("left_at"):
        return presentation.span(pair["arrived_at"], pair["left_at"])
    return presentation.moment(pair["arrived_at"])


def _of_points(told: Found) -> Iterator[Happened]:
    words = {
        "awarded": _("积分到账"),
        "no_points": _("记了时长，没有积分"),
        "annulled": _("积分和时长扣回"),
        "superseded": _("已有更新的记录，这一次没有记账"),
    }
    for outcome in told["outcomes"]:
        awarded = outcome["state"] == "awarded"
        gained = f"{presentation.signed(outcome['points'])} · " if awarded else ""
        more = (
            outcome["title"],
            gained + presentation.minutes(outcome["minutes"]),
            outcome["reason"],
            outcome["note"],
        )
        yield Happened(outcome["booked_at"], words[outcome["state"]], more, "ok" if awarded else "plain")
    for line in told["lines"]:
        left = _(
            "%(points)s，余额 %(left)s",
            points=presentation.signed(line["points"]),
            left=presentation.points(line["balance_after"]),
        )
        yield Happened(
            line["at"], _("积分账：%(kind)s", kind=line_kinds()[line["kind"]]), (line["title"], left, line["reason"])
        )


def _of_rewards(told: Found, names: Mapping[str, str]) -> Iterator[Happened]:
    gifts = {one["id"]: f"{one['gift_name']} × {one['quantity']}" for one in told["redemptions"]}
    ends = {"declined": _("兑换没有成功"), "cancelled": _("兑换已取消"), "expired": _("领取码已过期")}
    for one in told["redemptions"]:
        cost = _("%(points)s 积分", points=presentation.points(one["points"]))
        waits = one["state"] == "requested"
        word = _("兑换，积分还在扣减") if waits else _("兑换")
        yield Happened(
            one["requested_at"], word, (gifts[one["id"]], cost, one["station_name"]), "wait" if waits else "plain"
        )
        if one["state"] in ends:
            yield Happened(one["ended_at"], ends[one["state"]], (gifts[one["id"]], one["reason"]), "refused")
    for act in told["acts"]:
        reason = _("原因：%(reason)s", reason=act["reason"]) if act["reason"] else ""
        word = acts.act_names().get(act["action"]) or str(act["action"])
        yield Happened(act["at"], word, (act["what"], _by(act["by_member_id"], names), reason))


# --- How it stands --------------------------------------------------------------------------------------


def standing(pair: Found, checkin: Found, points: Found | None, names: Mapping[str, str]) -> list[str]:
    """The parts of the sentence that says how an attendance stands and why, from its arrival to its points."""
    deeds = [act for act in checkin["acts"] if act["attendance_id"] == pair["id"]]
    scans = [scan for scan in checkin["scans"] if scan["attendance_id"] == pair["id"]]
    return [
        part
        for part in (
            _arrival(pair, scans),
            _counted_from(pair),
            _departure(pair, scans),
            *_verdict(pair, deeds, names),
            *_booked(pair, checkin, points),
            _("合并前的另一份登记在同一段时间也计了时长") if pair["id"] in checkin["doubled"] else "",
        )
        if part
    ]


def _made(scans: list[Found], direction: str) -> Found | None:
    taken = ("ok", "late_scan")
    return next((scan for scan in scans if scan["direction"] == direction and scan["outcome"] in taken), None)


def _arrival(pair: Found, scans: list[Found]) -> str:
    scan = _made(scans, "arrival")
    if scan is None:
        return _("事后补录") if pair["evidence"] == "entered_later" else _("由负责人登记签到")
    return _("签到成功，但码读得比较晚") if scan["outcome"] == "late_scan" else _("签到成功")


def _came_early(pair: Found) -> bool:
    return presentation.read_moment(pair["arrived_at"]) < presentation.read_moment(pair["activity_starts_at"])


def _counted_from(pair: Found) -> str:
    """What the member was told at the scan, to whoever wonders where the minutes before the start are."""
    return _("来得早，服务时长从活动开始算起") if _came_early(pair) else ""


def _departure(pair: Found, scans: list[Found]) -> str:
    if pair["state"] == "open":
        return _("签退还没有扫") if pair["status"] == "signed_in" else _("签退没有扫，活动已经结束")
    if pair["automatic_departure"]:
        return _("签退没有扫，系统按活动结束时间签退")
    scan = _made(scans, "departure")
    if scan is None:
        entered_whole = pair["evidence"] == "entered_later" and not scans
        return "" if entered_whole else _("签退时间由负责人填写或统一签退")
    return _("签退成功，但码读得比较晚") if scan["outcome"] == "late_scan" else _("签退成功")


def _verdict(pair: Found, deeds: list[Found], names: Mapping[str, str]) -> Iterator[str]:
    if pair["state"] == "left":
        said = ["early"] if _came_early(pair) else []
        marks = [mark for mark in pair["marks"] if mark not in said]
        marks = marks_shown({**pair, "marks": marks, "automatic_departure": False})
        yield _("留意：%(marks)s", marks="、".join(marks)) if marks else ""
        yield _("等负责人确认")
        return
    ends = {
        "confirmed": ("attendance.confirm", "activity.confirm_all"),
        "corrected": ("attendance.correct",),
        "annulled": ("attendance.annul",),
        "rejected": ("attendance.reject", "activity.cancel", "activity.postpone"),
    }
    deed = next((act for act in reversed(deeds) if act["action"] in ends.get(pair["state"], ())), None)
    name = names.get((deed or {}).get("by_member_id") or "", "")
    if pair["state"] == "confirmed":
        if deed is None:
            yield _("两次扫码都及时，自动确认")
        else:
            yield _("由 %(name)s 确认", name=name) if name else _("已由负责人确认")
    elif pair["state"] in ends:
        words = {"corrected": _("时间已更正"), "annulled": _("已撤销"), "rejected": _("没有通过")}[pair["state"]]
        yield _("%(what)s（%(name)s）", what=words, name=name) if name else words
        yield _("原因：%(reason)s", reason=pair["reason"]) if pair["reason"] else ""


def _booked(pair: Found, checkin: Found, points: Found | None) -> Iterator[str]:
    if not pair["version"]:
        return
    waiting = [row for row in checkin["on_their_way"] if row["attendance_id"] == pair["id"]]
    if any(row["dead_at"] for row in waiting):
        yield _("没有送到积分，等管理员处理")
    elif waiting:
        yield _("正在送往积分")
    if points is None:
        yield _("积分那边的情况这里看不到")
        return
    outcomes = [one for one in points["outcomes"] if one["attendance_id"] == pair["id"]]
    newest = max(outcomes, key=lambda one: int(one["version"]), default=None)
    if newest is None or newest["version"] != pair["version"]:
        if not waiting:
            yield _("还没有记账")
        return
    if newest["state"] == "awarded":
        yield _("已到账 %(points)s 积分", points=presentation.points(newest["points"]))
    elif newest["state"] == "no_points":
        yield _("时长已记，没有积分：%(reason)s", reason=newest["reason"])
    else:
        yield _("积分和时长已扣回")
