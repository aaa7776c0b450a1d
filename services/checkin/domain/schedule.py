"""The times of an activity: when one may arrive and leave, and what of it counts as service."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import RuleBroken

DEPARTURE_OPEN_MINUTES = 60
"""So long after the end one may still scan oneself out; then the departure is automatic."""

DURATION_MAX = timedelta(hours=24)
"""A longer piece of work is several activities: rules and caps are of a day."""

ENTERED_BACK_MAX = timedelta(days=366)
"""So far back an activity may be entered; what is older is taken over from paper as an opening balance."""

SHANGHAI = ZoneInfo("Asia/Shanghai")


class BadTimes(RuleBroken):
    code = "bad_times"
    detail = "结束时间要晚于开始时间，一次活动最长 24 小时"


class TooLongAgo(RuleBroken):
    code = "too_long_ago"
    detail = "只能补记一年以内的活动，请检查日期"


class PostponedToThePast(RuleBroken):
    code = "postponed_to_the_past"
    detail = "延期要改到以后的时间"


@dataclass(frozen=True, slots=True)
class Served:
    """The part of a stay that counts: clipped to the activity's times, `minutes` whole."""

    started_at: datetime
    ended_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class Schedule:
    starts_at: datetime
    ends_at: datetime
    window_before_minutes: int
    ended_at: datetime | None = None
    """When somebody ended it; None while nobody has."""

    def __post_init__(self) -> None:
        if not timedelta(0) < self.ends_at - self.starts_at <= DURATION_MAX:
            raise BadTimes

    def require_within_reach(self, now: datetime) -> None:
        """Raise TooLongAgo for what nobody can vouch for any more."""
        if self.starts_at < now - ENTERED_BACK_MAX:
            raise TooLongAgo

    @property
    def arrival_opens_at(self) -> datetime:
        return self.starts_at - timedelta(minutes=self.window_before_minutes)

    @property
    def departure_closes_at(self) -> datetime:
        return self.ends_at + timedelta(minutes=DEPARTURE_OPEN_MINUTES)

    @property
    def over_at(self) -> datetime:
        """The real end: as planned, or earlier when it was ended before; never before the start."""
        if self.ended_at is None:
            return self.ends_at
        return max(self.starts_at, min(self.ends_at, self.ended_at))

    @property
    def minutes(self) -> int:
        """How long it really was. At least one, so that nobody has stayed for all of what never began."""
        return max(1, _whole_minutes(self.over_at - self.starts_at))

    def served(self, arrived_at: datetime, left_at: datetime) -> Served:
        """What counts of a stay. Being early or late out adds nothing; parts of a minute are dropped."""
        started_at = min(max(arrived_at, self.starts_at), self.over_at)
        ended_at = max(min(left_at, self.over_at), started_at)
        return Served(started_at, ended_at, _whole_minutes(ended_at - started_at))

    def counts_as_entered_in_time(self, entered_at: datetime) -> bool:
        """Whether a record typed in now still counts as the organizer's word: until the end of the next day."""
        last_day = self.ends_at.astimezone(SHANGHAI).date() + timedelta(days=1)
        return service_day(entered_at) <= last_day


def service_day(arrived_at: datetime) -> date:
    """The Shanghai date of arrival, whatever the date of departure: rules and caps of this day apply."""
    return arrived_at.astimezone(SHANGHAI).date()


def _whole_minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)
