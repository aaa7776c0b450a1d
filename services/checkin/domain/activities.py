"""The life of an activity: draft → published → postponed, cancelled or closed; where a station wants it, in review
between the first two.
"""

from datetime import datetime
from enum import StrEnum

from shared.errors import RuleBroken


class State(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    CLOSED = "closed"


_NEXT: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.PUBLISHED, State.CANCELLED}),
    # Back to a draft: sent back, or changed.
    State.IN_REVIEW: frozenset({State.DRAFT, State.PUBLISHED, State.CANCELLED}),
    # To itself: moved to new times that are known at once.
    State.PUBLISHED: frozenset({State.PUBLISHED, State.POSTPONED, State.CANCELLED, State.CLOSED}),
    State.POSTPONED: frozenset({State.PUBLISHED, State.CANCELLED}),
    State.CANCELLED: frozenset(),
    State.CLOSED: frozenset(),
}

_IN_WORDS = {
    State.DRAFT: "还没有发布",
    State.IN_REVIEW: "正在等站点审核，还没有发布",
    State.PUBLISHED: "已经发布",
    State.POSTPONED: "已经延期，新的时间还没有定",
    State.CANCELLED: "已经取消",
    State.CLOSED: "已经结束",
}


class ActivityInWrongState(RuleBroken):
    code = "activity_state"
    detail = "活动现在的状态不能这样操作"


class TimesInUse(RuleBroken):
    code = "times_in_use"
    detail = "已有服务时长记录，不能再改时间；请结束或取消本次活动，另建一次"


class FixedOnceMade(RuleBroken):
    code = "fixed_once_published"
    detail = "活动发布后不能更换类别、站点，也不能删除点位"


class NoSuchLeader(RuleBroken):
    code = "no_such_leader"
    detail = "点位负责人要是在册的志愿者"


def require_move(current: State, target: State) -> None:
    """Raise ActivityInWrongState unless an activity may go from one state to the other."""
    if target not in _NEXT[current]:
        raise ActivityInWrongState(f"这个活动{_IN_WORDS[current]}，不能这样操作")


def require_announced(current: State) -> None:
    """Raise ActivityInWrongState while it is still to be published: its times are changed, and nobody need be told."""
    if current in (State.DRAFT, State.IN_REVIEW):
        raise ActivityInWrongState(f"这个活动{_IN_WORDS[current]}，不用延期，直接修改时间")


def require_in_review(current: State) -> None:
    if current is not State.IN_REVIEW:
        raise ActivityInWrongState(f"这个活动{_IN_WORDS[current]}，现在不用审核")


def require_published(current: State) -> None:
    if current is not State.PUBLISHED:
        raise ActivityInWrongState(f"这个活动{_IN_WORDS[current]}")


def takes_records(state: State) -> bool:
    """Whether an organizer may enter attendances: while it runs, and when it is over."""
    return state in (State.PUBLISHED, State.CLOSED)


def require_over(state: State, ends_at: datetime, now: datetime) -> None:
    """Raise ActivityInWrongState unless it took place and is over: closed, or past its end and not yet closed."""
    if state is not State.CLOSED and not (state is State.PUBLISHED and ends_at <= now):
        raise ActivityInWrongState("活动结束以后才能写小结")
