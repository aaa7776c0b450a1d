"""Use case: an organizer registers somebody who has come to an activity for the first time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.members.commands.people import insert_members
from services.members.domain import consents as consent_rules
from services.members.domain.consents import Consent
from services.members.domain.newcomers import LooksAlike
from services.members.domain.people import NewMember
from services.members.store import cards, creations, search, tree
from services.members.store.models import Member, Node
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal, Role


@transactional
def register_newcomer(
    tx: Session,
    caller: Principal,
    *,
    member_id: UUID,
    name: str,
    station_id: UUID,
    consents: list[Consent],
    compound_id: UUID | None = None,
    building_id: UUID | None = None,
    phone: str | None = None,
    others: Sequence[UUID] = (),
) -> dict[str, Any]:
    """Register a person without a login, whom staff has yet to confirm. A repetition returns them as now.

    LooksAlike while somebody of the station has this name, its reading or this phone, but for `others`: those the
    organizer has looked at, and who are somebody else.
    """
    # An activity that began before its station was merged goes on, and its newcomers are the heir's.
    station = tree.get_standing(tx, station_id)
    path = station.path
    caller.require(Role.ORGANIZER, path)
    row = NewMember(
        id=member_id,
        name=name,
        station_id=station_id,
        compound_id=compound_id,
        building_id=building_id,
        phone=phone,
        consents=tuple(consents),
    )
    if not creations.is_new(tx, Member, member_id, "newcomer", row, member_id=member_id):
        found = cards.show(tx, member_id)
        caller.require(Role.ORGANIZER, found["path"])  # who has moved since is others' to see
        return found
    consent_rules.check_joining(consents, None, clock.today(), by_guardian=False)
    # Two organizers who register the same person come one after the other, so that the second is shown the first's.
    tx.scalars(select(Node.id).where(Node.id == station.id).with_for_update(key_share=True)).one()
    if not set(search.list_alike_ids(tx, path, name, phone)) <= set(others):
        raise LooksAlike
    insert_members(tx, caller, [replace(row, station_id=station.id)])
    audit.add(tx, caller, "member.register", "member", member_id, path=path)
    return cards.show(tx, member_id)
