"""The use case of a station that takes somebody in who has moved there."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.members.commands.people import check_home, require_above_grants
from services.members.store import cards, entries, people, tree
from services.members.store.models import Member
from shared import audit
from shared.db import transactional
from shared.principal import Principal, Role, Tried


@transactional
def take_in(
    tx: Session, caller: Principal, *, member_id: UUID, station_id: UUID, number: str, reason: str
) -> dict[str, Any]:
    """Make a station of the caller's a member's home. The whole volunteer number, which only the member can show, says
    that the member is there and wants it; so the old station need not be the caller's. Doing it again changes nothing.
    """
    node = tree.get_open_node(tx, station_id)
    caller.require(Role.STAFF, node.path)
    member = people.get_member(tx, member_id, lock=True)
    if tx.scalar(select(Member.id).where(entries.has_number(number))) != member_id:
        raise people.MemberNotFound
    caller.refuse_own_case(member.id, member.household_id, Tried("member.take_in", node.path))
    if member.station_id == station_id:
        return cards.show(tx, member_id)
    require_above_grants(tx, caller, member.id)
    before = member.station_id
    check_home(tree.places(tx, [station_id]), station_id, None, None)
    member.station_id, member.compound_id, member.building_id = station_id, None, None
    _leave_teams(tx, member, node.path)
    detail = {"from": str(before) if before else None, "to": str(station_id), "reason": reason}
    audit.add(tx, caller, "member.take_in", "member", member.id, path=node.path, detail=detail)
    people.tell(tx, [member.id])
    return cards.show(tx, member_id)


def _leave_teams(tx: Session, member: Member, path: str) -> None:
    """Who moves stays in the teams of places above the new home alone."""
    homes = people.paths_of_teams(tx, people.teams_of(tx, member.id))
    people.set_teams(tx, member.id, {team_id for team_id, home in homes.items() if path.startswith(home)})
