"""Signing up for an activity (报名): until when, and what a place in the order means."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from services.checkin.domain.activities import ActivityInWrongState, State, require_published
from shared.errors import Forbidden, NotFound


class Outcome(StrEnum):
    TAKEN = "taken"
    ALREADY = "already"
    """Signed up before, in whatever way."""
    CANCELLED = "cancelled"
    """Taken when this was first posted, and called off since."""
    REFUSED = "refused"
    """Nobody who is active here."""


class NoSuchSignUp(NotFound):
    code = "no_such_sign_up"
    detail = "没有这次报名"


class NotYourSignUp(Forbidden):
    code = "not_yours"
    detail = "这不是您的报名"


def sign_up_id(request_id: UUID, member_id: UUID) -> UUID:
    """One request may sign up several; repeated, it means the same rows."""
    return uuid5(request_id, member_id.hex)


def is_beyond(place: int | None, capacity: int | None) -> bool:
    """Whether a place in the order is beyond the number wanted. It turns nobody away."""
    return place is not None and capacity is not None and place > capacity


def require_open(state: State, ends_at: datetime, now: datetime) -> None:
    """Raise ActivityInWrongState unless people may still sign up: until its end, since late comers are welcome."""
    require_published(state)
    if now >= ends_at:
        raise ActivityInWrongState("活动已经结束，不能再报名")


def require_cancellable(state: State, ends_at: datetime, now: datetime) -> None:
    """Raise ActivityInWrongState when it is over: who did not come then is 未到, and stays so."""
    if state is State.CLOSED or now >= ends_at:
        raise ActivityInWrongState("活动已经结束，不用再取消报名")
