"""The roll call (点名): what an organizer says shall be true of somebody, and what becomes of that."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.checkin.domain import activities
from services.checkin.domain.attendances import LIVE, PAIRS_PER_DAY_MAX, Attendance, State, leave, reject
from services.checkin.domain.codes import Direction
from services.checkin.domain.schedule import Schedule
from shared.errors import Forbidden, RuleBroken

TAKEN_BACK = "点名时点错，已撤回"
AS_SITE_LEADER = "site_leader"
"""What the audit log says of acts that only leading a site allowed."""


class LeaderOutsideTimes(RuleBroken):
    code = "leader_outside_times"
    detail = "点位负责人从开始签到到签退关闭为止才能出示签到码、全员签退"


class Wanted(StrEnum):
    ARRIVED = "arrived"
    LEFT = "left"
    NOT_ARRIVED = "not_arrived"
    """The arrival was ticked by a slip."""
    NOT_LEFT = "not_left"
    """The departure was ticked by a slip: the person is still there."""


class Outcome(StrEnum):
    DONE = "done"
    ALREADY = "already"
    """It was so before: ticked by another organizer, or by the person's own scan."""
    CHANGED = "changed"
    """Somebody did something else meanwhile, and nothing was written."""
    REFUSED = "refused"


class Why(StrEnum):
    """The rule that a tick was refused by."""

    OWN_CASE = "own_case"
    OTHER_SITE = "other_site"
    NOT_ACTIVE = "not_active"
    NOT_RUNNING = "not_running"
    TOO_EARLY = "too_early"
    OVER = "over"
    PAIRS_USED_UP = "pairs_used_up"
    RECORDED = "recorded"
    NO_ARRIVAL = "no_arrival"
    BY_SCAN = "by_scan"
    SETTLED = "settled"


_SENTENCES: dict[Outcome | Why, str] = {
    Outcome.DONE: "已记下",
    Outcome.ALREADY: "原来就是这样，没有重复记",
    Outcome.CHANGED: "刚才有人改过，这次没有记，请看现在的情况",
    Why.OWN_CASE: "不能为自己或家人点名，请另一位负责人来点",
    Why.OTHER_SITE: "您只给自己负责的点位点名，这位在别的点位",
    Why.NOT_ACTIVE: "没有这位志愿者，或者登记已停用；刚登记的请过几秒再点",
    Why.NOT_RUNNING: "活动现在不在进行，不能点名",
    Why.TOO_EARLY: "还没到签到时间",
    Why.OVER: "活动已经结束；当时在场的，请用“补签”填写时间",
    Why.PAIRS_USED_UP: f"每人每天最多 {PAIRS_PER_DAY_MAX} 次签到",
    Why.RECORDED: "这段时间已有记录",
    Why.NO_ARRIVAL: "还没有签到，不能点“走了”",
    Why.BY_SCAN: "这是本人扫的码，点名时不能撤回；有误的请到“确认时长”里改",
    Why.SETTLED: "已经确认过了；有误的请到“确认时长”里更正",
}


@dataclass(frozen=True, slots=True)
class Tick:
    """`id` is made by the client, and becomes the arrival's; `seen` is the attendance that the page showed."""

    id: UUID
    member_id: UUID
    wanted: Wanted
    seen: UUID | None
    site_id: UUID | None


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    why: Why | None = None

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.why or self.outcome]


@dataclass(frozen=True, slots=True)
class Running:
    """What of an activity a tick is judged by."""

    state: activities.State
    schedule: Schedule
    now: datetime

    def arrival_refused(self) -> Why | None:
        if self.state is not activities.State.PUBLISHED:
            return Why.OVER if self.state is activities.State.CLOSED else Why.NOT_RUNNING
        if self.now < self.schedule.arrival_opens_at:
            return Why.TOO_EARLY
        return Why.OVER if self.now > self.schedule.over_at else None

    def stay_refused(self) -> Why | None:
        """Why nobody can be said to be there still."""
        if self.state is not activities.State.PUBLISHED:
            return Why.OVER if self.state is activities.State.CLOSED else Why.NOT_RUNNING
        return Why.OVER if self.now > self.schedule.departure_closes_at else None


def sites_called(leaders: Mapping[UUID, UUID | None], member_id: UUID | None, *, organizes: bool) -> set[UUID] | None:
    """The sites whose roll somebody calls because they lead them; None for organizers, who call all. Forbidden for
    whoever leads none. `leaders`: members by site.
    """
    if organizes:
        return None
    led = {site_id for site_id, leader_id in leaders.items() if member_id is not None and leader_id == member_id}
    if not led:
        raise Forbidden
    return led


def may_name(led: Collection[UUID] | None, running: Running) -> bool:
    """Whether who calls a roll may be told the full names on it: organizers (`led` is None) at any time, who leads a
    site while they have to call them or to type in their paper, and not of what was called off (ADR 145).
    """
    if led is None:
        return True
    takes_place = running.state in (activities.State.PUBLISHED, activities.State.CLOSED)
    has_begun = running.now >= running.schedule.arrival_opens_at
    return takes_place and has_begun and running.schedule.counts_as_entered_in_time(running.now)


def require_running(site_ids: Collection[UUID], led: Collection[UUID] | None, running: Running) -> None:
    """Raise unless somebody may show the codes of these sites, and sign out who is there: an organizer (`led` is None)
    whenever the activity allows it, who leads the sites while people come and go.
    """
    if led is None:
        return
    if not set(site_ids) <= set(led):
        raise Forbidden
    if not running.schedule.arrival_opens_at <= running.now <= running.schedule.departure_closes_at:
        raise LeaderOutsideTimes


def standing(pairs: Iterable[Attendance]) -> Attendance | None:
    """Of a member's pairs at an activity the one that says where they are: the open one, else the last that counts."""
    live = [pair for pair in pairs if pair.state in LIVE]
    return max(live, key=lambda pair: (pair.state is State.OPEN, pair.arrived_at, pair.id), default=None)


def is_within(tick: Tick, found: Attendance | None, site_id: UUID, led: Collection[UUID]) -> bool:
    """Whether who leads these sites may say so: that somebody came to one of them, or what becomes of who is there."""
    if tick.wanted is Wanted.ARRIVED:
        return site_id in led
    return found is None or found.site_id in led


def judge(tick: Tick, found: Attendance | None, scanned: Collection[Direction], running: Running) -> Verdict:
    """What becomes of a tick where somebody stands so; `scanned` says which ends of `found` are their own scans.

    What was decided on an old page writes nothing, unless it is so already.
    """
    verdict = {
        Wanted.ARRIVED: _judge_arrival,
        Wanted.LEFT: _judge_departure,
        Wanted.NOT_ARRIVED: _judge_no_arrival,
        Wanted.NOT_LEFT: _judge_no_departure,
    }[tick.wanted]
    return verdict(tick, found, scanned, running)


def _judge_arrival(tick: Tick, found: Attendance | None, _scanned: Collection[Direction], running: Running) -> Verdict:
    if found is not None and found.state is State.OPEN:
        return Verdict(Outcome.ALREADY)
    # Who left and comes back is a pair more, when the organizer has seen that they had left.
    if (found and found.id) != tick.seen:
        return Verdict(Outcome.CHANGED)
    return _done_unless(running.arrival_refused())


def _judge_departure(
    tick: Tick, found: Attendance | None, _scanned: Collection[Direction], _running: Running
) -> Verdict:
    if found is None and tick.seen is None:
        return Verdict(Outcome.REFUSED, Why.NO_ARRIVAL)
    if found is None or found.id != tick.seen:
        return Verdict(Outcome.CHANGED)
    return Verdict(Outcome.DONE if found.state is State.OPEN else Outcome.ALREADY)


def _judge_no_arrival(
    tick: Tick, found: Attendance | None, scanned: Collection[Direction], _running: Running
) -> Verdict:
    if found is None:
        return Verdict(Outcome.ALREADY)
    if found.id != tick.seen or found.state is not State.OPEN:
        return Verdict(Outcome.CHANGED)
    return _done_unless(Why.BY_SCAN if Direction.ARRIVAL in scanned else None)


def _judge_no_departure(
    tick: Tick, found: Attendance | None, scanned: Collection[Direction], running: Running
) -> Verdict:
    if found is None or found.id != tick.seen:
        return Verdict(Outcome.CHANGED)
    if found.state is State.OPEN:
        return Verdict(Outcome.ALREADY)
    if found.state is not State.LEFT:
        return Verdict(Outcome.REFUSED, Why.SETTLED)
    return _done_unless(Why.BY_SCAN if Direction.DEPARTURE in scanned else running.stay_refused())


def _done_unless(why: Why | None) -> Verdict:
    return Verdict(Outcome.DONE) if why is None else Verdict(Outcome.REFUSED, why)


def take_back(pair: Attendance, schedule: Schedule, now: datetime) -> Attendance:
    """An arrival that never was: it ends here and never counts."""
    return reject(leave(pair, schedule, now), TAKEN_BACK)
