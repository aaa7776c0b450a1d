"""The life of an attendance: open → left → confirmed → corrected or annulled; left → rejected. One that was annulled
because two entries of a person had the same hours is confirmed again when it turns out that they are two people.

One attendance is one pair of arrival and departure. What happens to one returns a changed copy.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.checkin.domain.schedule import Schedule, service_day
from shared.errors import Conflict, Forbidden, NotFound, RuleBroken
from shared.events import AttendanceSettled, Evidence

PAIRS_PER_DAY_MAX = 3
"""As the national platform has it (i志愿)."""

_EVIDENCE = tuple(Evidence)
"""Best first."""

_RATED_AGAIN = "同一活动的另一段时长有变化，合并重新计算"
ENDED_EARLY = "活动提前结束，按实际时长重新计算"
DOUBLED = "重复登记合并后，同一段时间记了两次，只算一次"
PARTED = "合并已撤销，恢复原来的时长"


class State(StrEnum):
    OPEN = "open"
    LEFT = "left"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    ANNULLED = "annulled"
    REJECTED = "rejected"


LIVE = frozenset({State.OPEN, State.LEFT, State.CONFIRMED, State.CORRECTED})
SETTLED = frozenset({State.CONFIRMED, State.CORRECTED})


class Mark(StrEnum):
    """What the organizer should know; nobody is sent away for it."""

    EARLY = "early"
    SURPLUS = "surplus"
    OVERLAPPING = "overlapping"
    LATE_SCAN = "late_scan"
    OWN_CASE = "own_case"
    """Scanned by somebody who could have read the code at home, or for their household."""


class Status(StrEnum):
    """Where it stands, in the member's words: 已签到 → 未签退 → 待确认 → (已到账, which points knows)."""

    SIGNED_IN = "signed_in"
    NOT_SIGNED_OUT = "not_signed_out"
    WAITING = "waiting"
    SETTLING = "settling"
    ANNULLED = "annulled"
    REJECTED = "rejected"


class AttendanceInWrongState(RuleBroken):
    code = "attendance_state"
    detail = "这条记录现在的状态不能这样操作，请刷新后再看"


class ImpossibleTimes(RuleBroken):
    code = "impossible_times"
    detail = "签退要晚于签到，两者都要在签到开放之后、现在之前"


class PairsUsedUp(RuleBroken):
    code = "pairs_used_up"
    detail = f"每人每天最多 {PAIRS_PER_DAY_MAX} 次签到"


class TooLateToAdd(RuleBroken):
    code = "too_late_to_add"
    detail = "活动第二天过后，更正不能再加长时长；多出来的一段请另外补录"


class AlreadyRecorded(RuleBroken):
    code = "already_recorded"
    detail = "这位志愿者在这个点位的这段时间已有记录"


class NotDoubled(RuleBroken):
    code = "not_doubled"
    detail = "这段时间现在没有重复计时，请刷新后再看"


class NoSuchAttendance(NotFound):
    detail = "没有这条签到记录"


class Outdated(Conflict):
    code = "outdated"
    detail = "这条记录刚被改动过，请刷新后再改"


class NotYours(Forbidden):
    detail = "您只能看自己和家人的记录"


class NoSuchMember(NotFound):
    detail = "没有这位志愿者，或者登记已停用"


@dataclass(frozen=True, slots=True)
class Attendance:
    """`version` counts what was told to points: 0 until the first confirmation."""

    id: UUID
    activity_id: UUID
    site_id: UUID
    member_id: UUID
    pair: int
    state: State
    version: int
    service_day: date
    arrived_at: datetime
    left_at: datetime | None
    minutes: int | None
    minutes_in_time: int | None
    """What was counted when the time for the organizer's word ran out; a later correction adds nothing to it."""
    evidence: Evidence
    marks: tuple[Mark, ...]
    automatic_departure: bool
    reason: str | None

    @property
    def settled_minutes(self) -> int:
        return self.minutes or 0 if self.state in SETTLED else 0

    def meets(self, arrived_at: datetime, left_at: datetime | None) -> bool:
        """Whether this stay and another have a moment in common; None means until further notice."""
        return (self.left_at is None or arrived_at < self.left_at) and (left_at is None or self.arrived_at < left_at)

    def status(self, ends_at: datetime, now: datetime) -> Status:
        if self.state is State.OPEN:
            return Status.SIGNED_IN if now <= ends_at else Status.NOT_SIGNED_OUT
        return _STATUS[self.state]


_STATUS = {
    State.LEFT: Status.WAITING,
    State.CONFIRMED: Status.SETTLING,
    State.CORRECTED: Status.SETTLING,
    State.ANNULLED: Status.ANNULLED,
    State.REJECTED: Status.REJECTED,
}


def leave(
    attendance: Attendance,
    schedule: Schedule,
    left_at: datetime,
    *,
    own_scan: bool = False,
    automatic: bool = False,
    marks: Collection[Mark] = (),
) -> Attendance:
    """Close an open pair. It is known by the member's own scans only when both were made in time."""
    _require(attendance, State.OPEN)
    all_marks = _in_order({*attendance.marks, *marks})
    known_by_scans = own_scan and attendance.evidence is Evidence.OWN_SCAN and Mark.LATE_SCAN not in all_marks
    left_at = max(left_at, attendance.arrived_at)
    minutes = schedule.served(attendance.arrived_at, left_at).minutes
    weaker = Evidence.ORGANIZER if attendance.evidence is Evidence.OWN_SCAN else attendance.evidence
    return replace(
        attendance,
        state=State.LEFT,
        left_at=left_at,
        minutes=minutes,
        minutes_in_time=minutes,
        evidence=Evidence.OWN_SCAN if known_by_scans else weaker,
        marks=all_marks,
        automatic_departure=automatic,
    )


def confirms_itself(attendance: Attendance, *, confirm_each: bool) -> bool:
    """Whether a departure needs nobody's nod: both scans the member's own and in time, nowhere else meanwhile,
    and neither by whoever can see the codes without being there.
    """
    looked_at = {Mark.OVERLAPPING, Mark.OWN_CASE} & set(attendance.marks)
    return not confirm_each and attendance.evidence is Evidence.OWN_SCAN and not looked_at


def awaits_nod(attendance: Attendance) -> bool:
    """Whether somebody is there by a code that was read late, and nobody has said yet that it is so."""
    is_late = Mark.LATE_SCAN in attendance.marks and attendance.evidence is Evidence.OWN_SCAN
    return attendance.state is State.OPEN and is_late


def nod(attendance: Attendance) -> Attendance:
    """A late arrival is the organizer's word from now on; who it is stays there, and leaves like all others."""
    _require(attendance, State.OPEN)
    return replace(attendance, evidence=Evidence.ORGANIZER)


def confirm(attendance: Attendance) -> Attendance:
    _require(attendance, State.LEFT)
    return replace(attendance, state=State.CONFIRMED, version=attendance.version + 1)


def reject(attendance: Attendance, reason: str) -> Attendance:
    _require(attendance, State.LEFT)
    return replace(attendance, state=State.REJECTED, reason=reason)


def reopen(attendance: Attendance) -> Attendance:
    """Take a departure back that nobody has confirmed: the person is still there. What is known of them is as weak as
    it became by leaving.
    """
    _require(attendance, State.LEFT)
    return replace(
        attendance,
        state=State.OPEN,
        left_at=None,
        minutes=None,
        minutes_in_time=None,
        # Whether it overlaps is looked at again when they leave.
        marks=tuple(mark for mark in attendance.marks if mark is not Mark.OVERLAPPING),
        automatic_departure=False,
    )


def annul(attendance: Attendance, reason: str) -> Attendance:
    _require(attendance, *SETTLED)
    return replace(attendance, state=State.ANNULLED, version=attendance.version + 1, reason=reason)


def restore(attendance: Attendance, *, was: State) -> Attendance:
    """Count one again, as it stood before, that was taken back as the second of a person who turned out to be two."""
    _require(attendance, State.ANNULLED)
    assert was in SETTLED
    return replace(attendance, state=was, version=attendance.version + 1, reason=PARTED)


def correct(
    attendance: Attendance, schedule: Schedule, arrived_at: datetime, left_at: datetime, now: datetime, reason: str
) -> Attendance:
    """Put other times in its place. One that is open, or still waits, is confirmed with them in the same breath.

    The times are the organizer's word from now on, however the first ones were known. After the time for
    that they may shorten it, or put back what was counted then; TooLateToAdd for more. What was still open
    then was entered later.
    """
    _require(attendance, State.OPEN, State.LEFT, *SETTLED)
    require_possible(schedule, arrived_at, left_at, now)
    minutes = schedule.served(arrived_at, left_at).minutes
    weaker = Evidence.ORGANIZER if attendance.evidence is Evidence.OWN_SCAN else attendance.evidence
    in_time = schedule.counts_as_entered_in_time(now)
    if not in_time and weaker is not Evidence.ENTERED_LATER:
        if attendance.state is State.OPEN:
            weaker = Evidence.ENTERED_LATER
        elif minutes > (attendance.minutes_in_time or 0):
            raise TooLateToAdd
    return replace(
        attendance,
        state=State.CORRECTED,
        version=attendance.version + 1,
        service_day=service_day(arrived_at),
        arrived_at=arrived_at,
        left_at=left_at,
        minutes=minutes,
        minutes_in_time=minutes if in_time else attendance.minutes_in_time,
        evidence=weaker,
        reason=reason,
        automatic_departure=False,
    )


def require_possible(schedule: Schedule, arrived_at: datetime, left_at: datetime | None, now: datetime) -> None:
    """Raise ImpossibleTimes unless somebody can have been there then."""
    if not schedule.arrival_opens_at <= arrived_at <= min(schedule.over_at, now):
        raise ImpossibleTimes
    if left_at is not None and not arrived_at < left_at <= now:
        raise ImpossibleTimes


def rate_together(before: Sequence[Attendance], changed: Mapping[UUID, Attendance]) -> list[Attendance]:
    """All that changes when some of the members' pairs at one activity do.

    `before` holds every pair of these members there. The minimum share counts a member's pairs
    together, so when their sum changes, the settled ones that were not touched get a new version too.
    So does one that takes over the visit, or gives it up.
    """
    after = [changed.get(pair.id, pair) for pair in before]
    summed_before, summed_after = together(before), together(after)
    visit_moved = carriers(before) ^ carriers(after)
    result = list(changed.values())
    for pair in before:
        moved = summed_before.get(pair.member_id, 0) != summed_after.get(pair.member_id, 0) or pair.id in visit_moved
        if moved and pair.id not in changed and pair.state in SETTLED:
            result.append(replace(pair, version=pair.version + 1))
    return result


def rate_again(pairs: Sequence[Attendance]) -> list[Attendance]:
    """The settled ones of an activity that was shorter than planned: each is another share of it now.

    Nobody's share of nothing changes, so members without minutes are left alone.
    """
    summed = together(pairs)
    return [
        replace(pair, version=pair.version + 1) for pair in pairs if pair.state in SETTLED and summed[pair.member_id]
    ]


def together(pairs: Iterable[Attendance]) -> dict[UUID, int]:
    """Settled minutes by member."""
    summed: dict[UUID, int] = {}
    for pair in pairs:
        summed[pair.member_id] = summed.get(pair.member_id, 0) + pair.settled_minutes
    return summed


def carriers(pairs: Iterable[Attendance]) -> set[UUID]:
    """The pairs at one activity that carry their members' visits.

    Of each member the one that is known best, for weaker evidence may earn nothing; of equals the
    earliest. One without a whole minute is no visit.
    """
    in_order = sorted(pairs, key=lambda pair: (_EVIDENCE.index(pair.evidence), pair.arrived_at, pair.id))
    first: dict[UUID, UUID] = {}
    for pair in in_order:
        if pair.settled_minutes > 0:
            first.setdefault(pair.member_id, pair.id)
    return set(first.values())


def facts_of(
    changed: Iterable[Attendance],
    after: Collection[Attendance],
    schedule: Schedule,
    *,
    title: str,
    category: str,
    station_id: UUID,
    touched: Collection[UUID] = (),
    because: str = _RATED_AGAIN,
) -> list[AttendanceSettled]:
    """What points books of the pairs that changed; `after` holds every pair of these members there, as it is now.

    `because` stands for the reason of those that only follow the change of another, or of the activity.
    """
    summed, carrying = together(after), carriers(after)
    facts = []
    # Who gives a visit up is told first, so that the day's cap is free for who takes it over.
    for pair in sorted(changed, key=lambda pair: pair.id in carrying):
        assert pair.left_at is not None
        served = schedule.served(pair.arrived_at, pair.left_at)
        fact = AttendanceSettled(
            attendance_id=pair.id,
            version=pair.version,
            state=pair.state.value,
            member_id=pair.member_id,
            activity_id=pair.activity_id,
            activity_title=title,
            category=category,
            station_id=station_id,
            service_day=pair.service_day,
            started_at=served.started_at,
            ended_at=served.ended_at,
            minutes=pair.settled_minutes,
            minutes_together=summed[pair.member_id],
            activity_minutes=schedule.minutes,
            evidence=pair.evidence,
            reason=pair.reason if pair.id in touched else because,
            carries_visit=pair.id in carrying,
        )
        facts.append(fact)
    return facts


def _require(attendance: Attendance, *states: State) -> None:
    if attendance.state not in states:
        raise AttendanceInWrongState


def _in_order(marks: Collection[Mark]) -> tuple[Mark, ...]:
    return tuple(mark for mark in Mark if mark in marks)
