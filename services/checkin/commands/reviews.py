"""Staff reviews activities before they are published, where a node wants it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.domain import activities
from services.checkin.domain.activities import State
from services.checkin.store import Activity
from services.checkin.store import activities as store
from services.checkin.store.switches import REVIEW
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal, Role, Tried

NOT_ONES_OWN = "不能审核自己或家人提交的活动，请另一位社区工作者或上级来审核"


@transactional
def switch_review(tx: Session, caller: Principal, *, node_id: UUID, on: bool) -> None:
    """Switch it on or off for a node and all below it; twice is once. What is published or waits stays so."""
    path = store.open_station_path(tx, node_id)
    caller.require(Role.STAFF, path)
    changed = REVIEW.switch_on(tx, node_id, clock.now()) if on else REVIEW.switch_off(tx, node_id)
    if changed:
        audit.add(tx, caller, f"review.switch_{'on' if on else 'off'}", "node", node_id, path=path)


@transactional
def approve_activity(tx: Session, caller: Principal, *, activity_id: UUID, asked_at: datetime) -> Activity:
    """Publish what somebody of another household asked for at this moment."""
    activity = store.hold_activity(tx, activity_id)
    caller.require(Role.STAFF, activity.path)
    if activity.stands is State.PUBLISHED and activity.asked_at == asked_at:
        return activity
    _require_asked(activity, asked_at)
    asker, detail = activity.asked_by, {"title": activity.title}
    if asker is not None:
        tried = Tried("activity.approve", activity.path, "activity", activity_id, detail)
        copies.refuse_own_case(tx, caller, asker, copies.find_card(tx, asker), tried, detail=NOT_ONES_OWN)
    activity.state, activity.published_at = State.PUBLISHED.value, clock.now()
    asked = {"member_id": str(asker)} if asker else {}
    audit.add(tx, caller, "activity.approve", "activity", activity_id, path=activity.path, detail=detail | asked)
    return activity


@transactional
def send_back_activity(
    tx: Session, caller: Principal, *, activity_id: UUID, asked_at: datetime, reason: str
) -> Activity:
    """Make it a draft again, with the reason for its organizers."""
    activity = store.hold_activity(tx, activity_id)
    caller.require(Role.STAFF, activity.path)
    if activity.stands is State.DRAFT and (activity.asked_at, activity.reason) == (asked_at, reason):
        return activity
    _require_asked(activity, asked_at)
    activity.state, activity.reason = State.DRAFT.value, reason
    detail = {"title": activity.title, "reason": reason}
    audit.add(tx, caller, "activity.send_back", "activity", activity_id, path=activity.path, detail=detail)
    return activity


def _require_asked(activity: Activity, asked_at: datetime) -> None:
    """Raise unless it waits, as it was when the caller saw it: whoever changes it asks again."""
    activities.require_in_review(activity.stands)
    if activity.asked_at != asked_at:
        raise Conflict
