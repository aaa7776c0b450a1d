"""Entries that may be the same person, and those that were merged."""

from typing import Any
from uuid import UUID

from services.members.store import cards, people, search
from services.members.store import duplicates as store
from services.members.store.models import Member
from shared.db import session
from shared.principal import Principal, Role

LOOK_ALIKES_MAX = 20


def list_look_alikes(caller: Principal, member_id: UUID) -> list[dict[str, Any]]:
    """Who of the caller's stations may be the same person, entered twice; MemberNotFound as `show_member`."""
    tx = session()
    member = people.get_member(tx, member_id)
    if not caller.may(Role.STAFF, people.path_of(tx, member)):
        raise people.MemberNotFound
    statement = (
        cards.view()
        .where(search.alike(member), cards.below_any(caller.paths(Role.STAFF)), Member.status == "active")
        .order_by(Member.id)
        .limit(LOOK_ALIKES_MAX)
    )
    return [cards.as_shown(row) for row in tx.execute(statement)]


def list_merges(caller: Principal, member_id: UUID) -> list[dict[str, Any]]:
    """Who was merged into a member of the caller's stations and still is; MemberNotFound as `show_member`."""
    tx = session()
    member = people.get_member(tx, member_id)
    if not caller.may(Role.STAFF, people.path_of(tx, member)):
        raise people.MemberNotFound
    return store.list_into(tx, member_id)
