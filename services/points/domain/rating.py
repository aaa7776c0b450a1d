"""What a service is worth: the earning rule of its day, and the words that say so."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple
from uuid import UUID

POINTS_LIVE_DAYS_MIN = 30
_EVIDENCE_NAMES = {"own_scan": "本人扫码", "organizer": "负责人确认", "entered_later": "事后补录"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The content of an earning rule. Points are hundredths."""

    base: Literal["hour", "visit"]
    """A point an hour, or a point a visit, before the coefficient."""
    coefficient_percent: int
    share_min_percent: int
    """How much of the activity a member must stay for to earn."""
    points_daily_max: int
    """What a member may earn on one service day, over all categories."""
    category_daily_max: int | None
    """What a member may earn on one service day in this category alone."""
    evidence: tuple[str, ...]
    """The grades of evidence that earn points; the others earn hours only."""
    points_live_days: int | None
    """How long the points can be spent, at least 30 days; None: they never expire."""

    def __post_init__(self) -> None:
        # No refusal of a fact, which would bury it: the rule is wrong, and what it rates waits until it is right.
        if self.points_live_days is not None and self.points_live_days < POINTS_LIVE_DAYS_MIN:
            raise ValueError(f"points must live {POINTS_LIVE_DAYS_MIN} days, not {self.points_live_days}")


@dataclass(frozen=True, slots=True)
class Rule:
    id: UUID
    category: str
    version: int
    from_day: date
    body: Body


def hash_of(category: str, version: int, from_day: date, body: Mapping[str, Any]) -> bytes:
    """SHA-256 of a rule, so that a changed one is found."""
    text = json.dumps([category, version, from_day.isoformat(), body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).digest()


def rule_of(rules: Sequence[Rule], service_day: date) -> Rule | None:
    """The newest version of a category's rule that held on a service day; `rules` in order of version."""
    return next((rule for rule in reversed(rules) if rule.from_day <= service_day), None)


class Served(NamedTuple):
    """What a rule looks at."""

    minutes: int
    minutes_together: int
    activity_minutes: int
    evidence: str
    carries_visit: bool | None
    """Whether the visit of the activity is counted with this pair; None: rated when every pair was a visit."""


class Rating(NamedTuple):
    points: int
    reason: str


def rate(rule: Rule, served: Served, cap_before: int, category_before: int) -> Rating:
    """Points for one service, when the day's earlier ones used `cap_before`, and `category_before` of the category."""
    body, signature = rule.body, f"规则 {rule.version}"
    if served.evidence not in body.evidence:
        return Rating(0, f"{_EVIDENCE_NAMES[served.evidence]}只记时长，不计积分，{signature}")
    if served.minutes_together * 100 < served.activity_minutes * body.share_min_percent:
        return Rating(
            0,
            f"参加 {duration(served.minutes_together)}，不足活动 {duration(served.activity_minutes)}的"
            f" {body.share_min_percent}%，只记时长，{signature}",
        )
    if body.base == "visit" and served.carries_visit is not None:
        if not served.minutes:
            return Rating(0, f"不足 1 分钟，不算一次服务，{signature}")
        if not served.carries_visit:
            return Rating(0, f"同一活动只计 1 次，已计在另一段，本段只记时长，{signature}")
    if body.base == "visit":
        earned, base = body.coefficient_percent, "1 次"
    else:
        earned, base = half_up(served.minutes * body.coefficient_percent, 60), duration(served.minutes)
    left, cap = body.points_daily_max - cap_before, body.points_daily_max
    if body.category_daily_max is not None and body.category_daily_max - category_before < left:
        left, cap = body.category_daily_max - category_before, body.category_daily_max
    points = max(0, min(earned, left))
    sum_words = f"{base} × {coefficient(body.coefficient_percent)} = {hundredths(earned)}"
    if points == earned:
        return Rating(points, f"{sum_words}，未到当日上限，{signature}")
    cap_words = f"当日上限 {hundredths(cap)} 已用 {hundredths(cap - left)}，计 {hundredths(points)}"
    return Rating(points, f"{sum_words}，{cap_words}，{signature}")


def half_up(dividend: int, divisor: int) -> int:
    """The quotient of whole numbers at or above zero, rounded half up."""
    return (2 * dividend + divisor) // (2 * divisor)


def hundredths(points: int) -> str:
    """As pages write points, so that one sum has one form: 217 → 2.17, 230 → 2.3, 200 → 2"""
    sign = "-" if points < 0 else ""
    return f"{sign}{abs(points) // 100}.{abs(points) % 100:02d}".rstrip("0").rstrip(".")


def coefficient(percent: int) -> str:
    """100 → 1.0, 125 → 1.25"""
    text = f"{percent // 100}.{percent % 100:02d}"
    return text.removesuffix("0")


def duration(minutes: int) -> str:
    """130 → 2 小时 10 分钟"""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} 分钟"
    return f"{hours} 小时 {rest} 分钟" if rest else f"{hours} 小时"
