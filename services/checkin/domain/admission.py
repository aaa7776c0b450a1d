"""What becomes of a scan: one closed list of outcomes, each with a sentence for the member."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.checkin.domain import activities
from services.checkin.domain.attendances import LIVE, PAIRS_PER_DAY_MAX, Mark, State
from services.checkin.domain.codes import Direction, Freshness
from services.checkin.domain.schedule import Schedule


class Outcome(StrEnum):
    OK = "ok"
    DUPLICATE = "duplicate"
    LATE_SCAN = "late_scan"
    INVALID_CODE = "invalid_code"
    EXPIRED_CODE = "expired_code"
    OUTSIDE_WINDOW = "outside_window"
    NOT_QUALIFIED = "not_qualified"
    ANNULLED = "annulled"
    ACTIVITY_CLOSED = "activity_closed"

    @property
    def accepted(self) -> bool:
        return self in (Outcome.OK, Outcome.DUPLICATE, Outcome.LATE_SCAN)


class Why(StrEnum):
    """What lies behind an outcome that has several causes."""

    FORGED = "forged"
    NOT_SHOWN_YET = "not_shown_yet"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    NO_ARRIVAL = "no_arrival"
    PAIRS_USED_UP = "pairs_used_up"
    NOT_ACTIVE = "not_active"
    NOT_PUBLISHED = "not_published"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    CLOSED = "closed"


_CLOSED_BECAUSE = {
    activities.State.DRAFT: Why.NOT_PUBLISHED,
    activities.State.IN_REVIEW: Why.NOT_PUBLISHED,
    activities.State.POSTPONED: Why.POSTPONED,
    activities.State.CANCELLED: Why.CANCELLED,
    activities.State.CLOSED: Why.CLOSED,
}

_SENTENCES: dict[tuple[Outcome, Direction | None] | Why, str] = {
    (Outcome.OK, Direction.ARRIVAL): "签到成功，离开时请记得扫码签退",
    (Outcome.OK, Direction.DEPARTURE): "签退成功，辛苦了",
    (Outcome.DUPLICATE, Direction.ARRIVAL): "您已经签过到了",
    (Outcome.DUPLICATE, Direction.DEPARTURE): "您已经签过退了",
    (Outcome.LATE_SCAN, Direction.ARRIVAL): "已收到签到，二维码是早些时候的，等活动负责人确认",
    (Outcome.LATE_SCAN, Direction.DEPARTURE): "已收到签退，二维码是早些时候的，等活动负责人确认",
    (Outcome.EXPIRED_CODE, Direction.ARRIVAL): "二维码已经换了，请对着现场的屏幕重新扫码",
    (Outcome.EXPIRED_CODE, Direction.DEPARTURE): "二维码已经换了，请对着现场的屏幕重新扫码",
    (Outcome.ANNULLED, Direction.DEPARTURE): "这次签到没有通过或已被撤销，请找活动负责人",
    Why.FORGED: "这不是本系统的签到码，请扫活动现场屏幕上的二维码",
    Why.NOT_SHOWN_YET: "这个二维码还没有到使用的时间，请扫现场屏幕上的二维码",
    Why.TOO_EARLY: "还没到签到时间",
    Why.TOO_LATE: "签到、签退的时间已经过了，请负责人补签",
    Why.NO_ARRIVAL: "您在这里还没有签到，不能签退；已经到了的，请负责人补签",
    Why.PAIRS_USED_UP: f"每人每天最多 {PAIRS_PER_DAY_MAX} 次签到，请找活动负责人",
    Why.NOT_ACTIVE: "这位志愿者的登记已停用，请联系站点",
    Why.NOT_PUBLISHED: "这个活动还没有发布",
    Why.POSTPONED: "这个活动已延期，新的时间请留意通知",
    Why.CANCELLED: "这个活动已取消",
    Why.CLOSED: "这个活动已结束，需要补签请找活动负责人",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    marks: tuple[Mark, ...] = ()
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a scan is judged by. `last` is the state of the member's latest pair at this site."""

    state: activities.State
    schedule: Schedule
    active: bool
    """The member is neither merged, nor gone, nor erased. One whose card has not come yet is."""
    last: State | None
    last_left_at: datetime | None
    pairs_today: int
    full: bool
    overlapping: bool
    own_case: bool
    """Scanned by an organizer's login, or for one of the activity's leaders or their household."""


def sentence(outcome: Outcome, direction: Direction | None, why: Why | None) -> str:
    return _SENTENCES[why if why is not None else (outcome, direction)]


def judge(direction: Direction, freshness: Freshness, at: datetime, found: Situation) -> Verdict:
    """Decide about a genuine code that was read `at` a moment."""
    if freshness is Freshness.NOT_SHOWN_YET:
        return Verdict(Outcome.INVALID_CODE, why=Why.NOT_SHOWN_YET)
    if freshness is Freshness.EXPIRED:
        return Verdict(Outcome.EXPIRED_CODE)
    refusal = (_arrival_refused if direction is Direction.ARRIVAL else _departure_refused)(at, found)
    if refusal is not None:
        return refusal
    late = freshness is Freshness.LATE
    arriving = direction is Direction.ARRIVAL
    given = {
        Mark.EARLY: arriving and at < found.schedule.starts_at,
        Mark.SURPLUS: arriving and found.full,
        Mark.OVERLAPPING: found.overlapping,
        Mark.LATE_SCAN: late,
        Mark.OWN_CASE: found.own_case,
    }
    marks = tuple(mark for mark, holds in given.items() if holds)
    return Verdict(Outcome.LATE_SCAN if late else Outcome.OK, marks)


def _arrival_refused(at: datetime, found: Situation) -> Verdict | None:
    if found.last is State.OPEN:
        return Verdict(Outcome.DUPLICATE)
    # A code read before the last departure, and sent only now, is from the stay that is already recorded.
    if found.last_left_at is not None and found.last in LIVE and at < found.last_left_at:
        return Verdict(Outcome.DUPLICATE)
    if (general := _refused(found)) is not None:
        return general
    if at < found.schedule.arrival_opens_at:
        return Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_EARLY)
    if at > found.schedule.ends_at:
        return Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_LATE)
    if found.pairs_today >= PAIRS_PER_DAY_MAX:
        return Verdict(Outcome.NOT_QUALIFIED, why=Why.PAIRS_USED_UP)
    return None


def _departure_refused(at: datetime, found: Situation) -> Verdict | None:
    # Somebody who has left is told so even when the activity is over meanwhile.
    if found.last in (State.LEFT, State.CONFIRMED, State.CORRECTED):
        return Verdict(Outcome.DUPLICATE)
    if found.last in (State.REJECTED, State.ANNULLED):
        return Verdict(Outcome.ANNULLED)
    if (general := _refused(found)) is not None:
        return general
    if found.last is None:
        return Verdict(Outcome.NOT_QUALIFIED, why=Why.NO_ARRIVAL)
    if at > found.schedule.departure_closes_at:
        return Verdict(Outcome.OUTSIDE_WINDOW, why=Why.TOO_LATE)
    return None


def _refused(found: Situation) -> Verdict | None:
    if (why := _CLOSED_BECAUSE.get(found.state)) is not None:
        return Verdict(Outcome.ACTIVITY_CLOSED, why=why)
    if not found.active:
        return Verdict(Outcome.NOT_QUALIFIED, why=Why.NOT_ACTIVE)
    return None
