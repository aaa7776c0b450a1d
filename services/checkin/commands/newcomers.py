"""Use case: an organizer signs in somebody who stands there and has only just been registered, or found."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.commands.attendances import as_added, digest_of
from services.checkin.domain import attendances, entering
from services.checkin.domain.attendances import Attendance, State
from services.checkin.domain.entering import Entry
from services.checkin.domain.schedule import service_day
from services.checkin.store import activities as activity_store
from services.checkin.store import attendances as store
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal, Role, Tried


@transactional
def sign_in_newcomer(
    tx: Session, caller: Principal, *, attendance_id: UUID, activity_id: UUID, site_id: UUID, member_id: UUID
) -> Attendance:
    """Sign somebody in at a site now. Who is there already, in whatever way, stays as they are: the answer is that
    pair, and nothing is kept of the request, so that its repetition is of a new arrival once they have left.

    As at a scan, the card of somebody who has just been registered may still be on its way (ADR 103).
    """
    activity = activity_store.hold_activity(tx, activity_id)
    caller.require(Role.ORGANIZER, activity.path)
    card = copies.find_card(tx, member_id)
    tried = Tried("attendance.add", activity.path, told={"title": activity.title})
    copies.refuse_own_case(tx, caller, member_id, card, tried)
    digest = digest_of(activity_id, member_id, site_id)
    if (known := store.find_made(tx, attendance_id)) is not None:
        if known[1] != digest:
            raise Conflict
        return known[0]
    if card is not None and card.status != "active":
        raise attendances.NoSuchMember
    activity_store.get_site(activity, site_id)
    others = store.list_pairs(tx, site_id, member_id)
    if (there := next((other for other in others if other.state is State.OPEN), None)) is not None:
        return there
    now = clock.now()
    entry = Entry(attendance_id, activity_id, site_id, member_id, now)
    entering.require_possible(entry, activity.stands, activity.schedule, now)
    pairs_of_day = store.count_pairs_of_day(tx, member_id, service_day(now))
    pair = entering.enter(entry, activity.schedule, now, others=others, pairs_of_day=pairs_of_day)
    if not store.add(tx, pair, digest):
        raise Conflict
    detail = {"title": activity.title, **as_added(pair)}
    audit.add(tx, caller, "attendance.add", "attendance", attendance_id, path=activity.path, detail=detail)
    return pair
