"""What people report (反映问题) and complain of or propose (投诉建议): who answers it, until when, and what follows.

received → in_progress → answered → received, once; an anonymous one is read, since nobody can be answered.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

from services.members.domain.places import ROOT
from shared.errors import NotFound, RuleBroken

ANSWER_WORKING_DAYS = 5
REOPEN_DAYS = 10
NEWS_DAYS = 30
"""So long an answer that nobody has opened is news."""
OPEN_MAX = 20
"""Of one member at a time."""
TEXT_LENGTH_MAX = 1000
CONTACT_LENGTH_MAX = 80
NUMBER_FIRST, NUMBER_LAST = 100_000, 999_999
"""Six digits: read over the phone in one breath."""


class Kind(StrEnum):
    CONCERN = "concern"
    COMPLAINT = "complaint"


class State(StrEnum):
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    READ = "read"
    """An anonymous complaint that somebody has read."""


OPEN = (State.RECEIVED, State.IN_PROGRESS)


class About(StrEnum):
    """What a concern is about, by the names that statements have for it."""

    ATTENDANCE = "attendance"
    REDEMPTION = "redemption"


class NoSuchConcern(NotFound):
    detail = "没有找到这条反映"


class TooManyOpen(RuleBroken):
    code = "too_many_open"
    detail = f"还有 {OPEN_MAX} 条没有答复，请等答复以后再反映"


class AlreadyAnswered(RuleBroken):
    code = "already_answered"
    detail = "这条已经答复，请刷新再看"


class NotAnswered(RuleBroken):
    code = "not_answered"
    detail = "还没有答复，不用再次反映"


class ReopenedBefore(RuleBroken):
    code = "reopened_before"
    detail = "已经再次反映过一次，请向上一级投诉"


class TooLateToReopen(RuleBroken):
    code = "too_late_to_reopen"
    detail = f"答复以后 {REOPEN_DAYS} 天内可以再次反映；现在请重新反映一条"


class NobodyToAnswer(RuleBroken):
    code = "nobody_to_answer"
    detail = "匿名的没有人可以答复，看过以后请点“已阅”"


class NotAnonymous(RuleBroken):
    code = "not_anonymous"
    detail = "这条要答复，不能只阅"


def due_on(day: date, working_days: int = ANSWER_WORKING_DAYS) -> date:
    """The last day for an answer: so many days from Monday to Friday after this one. Public holidays, and the
    weekends that are worked for them, are not known here.
    """
    found = day
    for _ in range(working_days):
        found += timedelta(days=1)
        while found.weekday() > 4:
            found += timedelta(days=1)
    return found


def path_of_answer(path: str, *, is_above: bool) -> str:
    """Below which node a right is needed to answer what happened at `path`: there, or at the node above it."""
    if not is_above:
        return path
    above = path.rstrip("/").rpartition("/")[0]
    return f"{above}/" if above else ROOT


def require_open(state: State) -> None:
    if state not in OPEN:
        raise AlreadyAnswered


def require_reopenable(state: State, answered_at: datetime | None, reopened_at: datetime | None, now: datetime) -> None:
    """Once, and within ten days of the answer."""
    if reopened_at is not None:
        raise ReopenedBefore
    if state is not State.ANSWERED or answered_at is None:
        raise NotAnswered
    if now > answered_at + timedelta(days=REOPEN_DAYS):
        raise TooLateToReopen
