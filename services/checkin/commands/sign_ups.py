"""People sign up for an activity, for themselves or by an organizer, and call it off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.domain import sign_ups
from services.checkin.domain.sign_ups import Outcome, sign_up_id
from services.checkin.store import Activity
from services.checkin.store import activities as activity_store
from services.checkin.store import sign_ups as store
from services.checkin.store.activities import NoSuchActivity
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal, Role


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one member; `place` in the order, from 1, of who is signed up now."""

    member_id: UUID
    outcome: Outcome
    id: UUID | None
    place: int | None
    is_beyond: bool


@transactional
def sign_up(
    tx: Session,
    caller: Principal,
    *,
    request_id: UUID,
    activity_id: UUID,
    member_ids: Sequence[UUID],
    site_id: UUID | None = None,
    site_ids: Sequence[UUID | None] | None = None,
    from_list: bool = False,
) -> list[Receipt]:
    """Sign these members up, in this order: one's own, and for organizers anybody.

    Nobody is turned away for want of room. Who is signed up stays where they are, and a repeated request signs up
    nobody again who has called off since; Conflict when it was of another activity. `from_list`: they stood on a
    pasted list. `site_ids`: where each of them means to come, in their order, else all to `site_id`.
    """
    wanted = list(dict.fromkeys(member_ids))
    activity = store.hold_order(tx, activity_id)
    others = [member_id for member_id in wanted if not caller.acts_for(member_id)]
    if activity.published_at is None and not caller.may(Role.ORGANIZER, activity.path):
        raise NoSuchActivity
    if others or from_list:
        caller.require(Role.ORGANIZER, activity.path)
    ids = {member_id: sign_up_id(request_id, member_id) for member_id in wanted}
    known = store.list_known(tx, activity_id, list(ids.values()), wanted)
    if any(row.elsewhere for row in known):
        raise Conflict
    outcomes = {row.member_id: Outcome.CANCELLED if row.cancelled_at else Outcome.ALREADY for row in known}
    # Who called off and has signed up again since is signed up.
    outcomes |= {row.member_id: Outcome.ALREADY for row in known if row.cancelled_at is None}
    new = [member_id for member_id in wanted if member_id not in outcomes]
    if new:
        sign_ups.require_open(activity.stands, activity.ends_at, clock.now())
        sites = dict(zip(member_ids, site_ids or [site_id] * len(member_ids), strict=True))
        for chosen in {site for member_id in new if (site := sites[member_id]) is not None}:
            activity_store.get_site(activity, chosen)
        added = _add(
            tx,
            caller,
            activity,
            {member_id: ids[member_id] for member_id in new},
            sites,
            request_id if from_list else None,
        )
        outcomes |= {member_id: Outcome.TAKEN if member_id in added else Outcome.REFUSED for member_id in new}
        if recorded := [str(member_id) for member_id in added if member_id in set(others)]:
            detail = {"title": activity.title, "member_ids": recorded}
            audit.add(tx, caller, "sign_up.add", "activity", activity_id, path=activity.path, detail=detail)
    return _receipts(tx, activity, outcomes, wanted)


def _add(
    tx: Session,
    caller: Principal,
    activity: Activity,
    ids: dict[UUID, UUID],
    sites: Mapping[UUID, UUID | None],
    list_id: UUID | None,
) -> list[UUID]:
    """Returns those who are active; the caller's own cards may still be on their way."""
    cards = copies.find_cards(tx, ids)
    active = [
        member_id
        for member_id in ids
        if (cards[member_id].status == "active" if member_id in cards else caller.acts_for(member_id))
    ]
    common: dict[str, Any] = {
        "activity_id": activity.id,
        "at": clock.now(),
        "by_member_id": caller.own_member_id,
        "list_id": list_id,
    }
    if active:
        numbers = enumerate(active, store.last_number(tx, activity.id) + 1)
        store.add(
            tx,
            [
                common | {"id": ids[member_id], "member_id": member_id, "site_id": sites[member_id], "number": number}
                for number, member_id in numbers
            ],
        )
    return active


def _receipts(tx: Session, activity: Activity, outcomes: dict[UUID, Outcome], wanted: Sequence[UUID]) -> list[Receipt]:
    standing = store.places(tx, activity.id)
    return [
        Receipt(
            member_id=member_id,
            outcome=outcomes[member_id],
            id=row and row.id,
            place=row and row.place,
            is_beyond=sign_ups.is_beyond(row and row.place, activity.capacity),
        )
        for member_id in wanted
        for row in [standing.get(member_id)]
    ]


@transactional
def cancel_sign_up(tx: Session, caller: Principal, *, sign_up_id: UUID) -> None:
    """Call off one's own, or as an organizer anybody's. Who stood behind moves up. Twice is once."""
    activity = store.hold_order(tx, store.activity_of(tx, sign_up_id))
    found = store.get(tx, sign_up_id)
    is_own = copies.acts_for(tx, caller, found.member_id)
    if not is_own and not caller.may(Role.ORGANIZER, activity.path):
        raise sign_ups.NotYourSignUp
    if found.cancelled_at is not None:
        return
    sign_ups.require_cancellable(activity.stands, activity.ends_at, clock.now())
    store.cancel(tx, found, clock.now(), caller.own_member_id)
    if not is_own:
        detail = {"title": activity.title, "member_id": str(found.member_id)}
        audit.add(tx, caller, "sign_up.cancel", "activity", activity.id, path=activity.path, detail=detail)
