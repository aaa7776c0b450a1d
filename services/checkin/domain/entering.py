"""What an organizer enters for somebody (补签, 签到表): the rules that each entry meets, wherever it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.checkin.domain import attendances
from services.checkin.domain.activities import ActivityInWrongState, State, takes_records
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.schedule import Schedule, service_day
from shared.events import Evidence


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody was at a site from then until then; without `left_at` they are still there."""

    attendance_id: UUID
    activity_id: UUID
    site_id: UUID
    member_id: UUID
    arrived_at: datetime
    left_at: datetime | None = None


def require_possible(entry: Entry, state: State, schedule: Schedule, now: datetime) -> None:
    """Raise unless the activity takes records, and somebody can have been there then."""
    if not takes_records(state):
        raise ActivityInWrongState
    attendances.require_possible(schedule, entry.arrived_at, entry.left_at, now)
    if entry.left_at is None and (state is not State.PUBLISHED or now > schedule.departure_closes_at):
        raise attendances.ImpossibleTimes("活动已经结束，请同时填写签退时间")


def enter(
    entry: Entry, schedule: Schedule, now: datetime, *, others: Sequence[Attendance], pairs_of_day: int
) -> Attendance:
    """The attendance of a possible entry, which waits to be confirmed once somebody has left.

    `others`: all the member's pairs at the site; `pairs_of_day`: how many times they served that day, anywhere.
    """
    if any(other.state in attendances.LIVE and other.meets(entry.arrived_at, entry.left_at) for other in others):
        raise attendances.AlreadyRecorded
    if pairs_of_day >= attendances.PAIRS_PER_DAY_MAX:
        raise attendances.PairsUsedUp
    pair = Attendance(
        id=entry.attendance_id,
        activity_id=entry.activity_id,
        site_id=entry.site_id,
        member_id=entry.member_id,
        pair=max((other.pair for other in others), default=0) + 1,
        state=attendances.State.OPEN,
        version=0,
        service_day=service_day(entry.arrived_at),
        arrived_at=entry.arrived_at,
        left_at=None,
        minutes=None,
        minutes_in_time=None,
        evidence=Evidence.ORGANIZER if schedule.counts_as_entered_in_time(now) else Evidence.ENTERED_LATER,
        marks=(),
        automatic_departure=False,
        reason=None,
    )
    return pair if entry.left_at is None else attendances.leave(pair, schedule, entry.left_at)
