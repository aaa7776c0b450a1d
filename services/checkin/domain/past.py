"""过往服务记录: which activity a line of a list belongs to, and whether check-in has known it before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

from services.checkin.domain.attendances import PAIRS_PER_DAY_MAX
from services.checkin.domain.schedule import DURATION_MAX, SHANGHAI
from shared.events import PastService

_ACTIVITIES = UUID("6f2d9a52-0c7e-4b39-9a4b-7d1f6f6e8c10")
DAY_MINUTES = 24 * 60
SITE_NAME = "补录"
UNDONE = "导入已撤销"
LONGER = "同一次活动又补录了别的时段，按新的时长重新计算"


class State(StrEnum):
    """What became of a line that was approved."""

    TAKEN = "taken"
    LEFT_OUT = "left_out"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Stay:
    """An attendance of a member that counts or may come to count, as far as judging needs it."""

    title: str
    service_day: date
    started_at: datetime
    ended_at: datetime | None
    """None while it is open."""
    minutes: int
    past: bool
    """It came from a list."""
    timed: bool
    """Somebody said when it was; always so where it did not come from a list."""


def activity_of(service: PastService) -> UUID:
    """The activity of a day, title and category at a station is one, whichever list names it."""
    return uuid5(_ACTIVITIES, f"{service.station_id}|{service.service_day}|{service.category}|{service.title}")


def site_of(activity_id: UUID) -> UUID:
    return uuid5(activity_id, "site")


def as_stay(service: PastService) -> Stay:
    minutes = int((service.ended_at - service.started_at).total_seconds()) // 60
    return Stay(service.title, service.service_day, service.started_at, service.ended_at, minutes, True, service.timed)


def why_left_out(service: PastService, stays: Sequence[Stay], *, held: bool) -> str | None:
    """Why a service is not taken in, in a sentence for the office; None when it is new.

    `stays` are the member's about that day; `held`: an activity of this title was held there on that day by scans or
    roll call, which has its own records.
    """
    new = as_stay(service)
    for stay in stays:
        if (sentence := _says_the_same(new, stay)) is not None:
            return sentence
    if held:
        return f"这一天的“{service.title}”在系统里已有活动，请在那次活动里补录"
    that_day = [stay.minutes for stay in stays if stay.service_day == service.service_day]
    if sum(that_day) + new.minutes > DAY_MINUTES:
        return f"这一天已有 {sum(that_day)} 分钟的记录，加上这一行超过 24 小时"
    if len(that_day) >= PAIRS_PER_DAY_MAX:
        return f"这一天已有 {PAIRS_PER_DAY_MAX} 次记录，每人每天最多 {PAIRS_PER_DAY_MAX} 次"
    return None


def _says_the_same(new: Stay, stay: Stay) -> str | None:
    if new.timed and stay.timed:
        ended_at = stay.ended_at or stay.started_at + DURATION_MAX
        if new.started_at < ended_at and stay.started_at < (new.ended_at or new.started_at):
            return f"这段时间已有记录：{_in_words(stay)}"
        return None
    if new.service_day != stay.service_day:
        return None
    if new.title == stay.title:
        return f"这一天已有同一活动的记录：{_in_words(stay)}"
    if not stay.past:
        return f"这一天已有签到记录：{_in_words(stay)}；这一行没有写起止时间，分不清是不是同一次"
    return None


def _in_words(stay: Stay) -> str:
    if not stay.timed:
        return f"{stay.title}，{stay.minutes} 分钟"
    ended = f"{stay.ended_at.astimezone(SHANGHAI):%H:%M}" if stay.ended_at else ""
    return f"{stay.title}，{stay.started_at.astimezone(SHANGHAI):%H:%M}—{ended}"


def stretched(starts_at: datetime, ends_at: datetime, services: Iterable[PastService]) -> tuple[datetime, datetime]:
    """The times of an activity that takes these in as well."""
    found = list(services)
    return (
        min([starts_at, *(service.activity_starts_at for service in found)]),
        max([ends_at, *(service.activity_ends_at for service in found)]),
    )
