"""Use cases on grants and on what members are grouped by."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.members.domain.places import ROOT, NameTaken
from services.members.store import creations, groups, logins, people, tree
from services.members.store.models import Employer, RoleGrant, Team
from shared import audit, clock
from shared.db import transactional
from shared.errors import Conflict, NotFound, RuleBroken
from shared.principal import Principal, Role, Tried


class NotConfirmed(RuleBroken):
    code = "not_confirmed"
    detail = "这位志愿者的身份还没有核实，核实后才能授权"


class AlreadyGranted(Conflict):
    code = "already_granted"
    detail = "这位志愿者在这里已经有这个角色"


@transactional
def add_grant(
    tx: Session,
    caller: Principal,
    *,
    grant_id: UUID,
    member_id: UUID,
    role: str,
    node_id: UUID | None,
) -> dict[str, Any]:
    """Give a confirmed member a role at a node and below it, without a node everywhere. Never to oneself.

    The member's station is the caller's too: who could grant to any id would learn the names of strangers by it.
    """
    path = ROOT if node_id is None else tree.get_open_node(tx, node_id).path
    caller.require(Role.ADMINISTRATOR, path)
    member = people.get_member(tx, member_id, lock=True)
    caller.refuse_own_case(member.id, member.household_id, Tried("grant.add", path, told={"role": role}))
    if not caller.may(Role.ORGANIZER, people.path_of(tx, member)):
        raise people.MemberNotFound
    if creations.is_new(tx, RoleGrant, grant_id, "grant", [member_id, role, node_id]):
        if member.confirmed_at is None:
            raise NotConfirmed
        made = tx.execute(
            insert(RoleGrant)
            .values(
                id=grant_id,
                member_id=member_id,
                role=role,
                node_id=node_id,
                granted_at=clock.now(),
                granted_by=caller.who,
            )
            .on_conflict_do_nothing(
                index_elements=["member_id", "role", "node_id"], index_where=RoleGrant.revoked_at.is_(None)
            )
            .returning(RoleGrant.id)
        ).first()
        if made is None:
            raise AlreadyGranted
        # Who made a code for somebody without rights must not come in with it as somebody who has some.
        logins.end_codes(tx, member_id, "password", "claim")
        audit.add(
            tx,
            caller,
            "grant.add",
            "grant",
            grant_id,
            path=path,
            detail={"member_id": str(member_id), "role": role, "node_id": node_id and str(node_id)},
        )
    return groups.show_grant(tx, grant_id)


@transactional
def revoke_grant(tx: Session, caller: Principal, grant_id: UUID) -> None:
    """Take a role back. Doing it again changes nothing; nobody does it to themselves."""
    grant = tx.get(RoleGrant, grant_id, with_for_update=True, populate_existing=True)
    path = None if grant is None else tree.path_of(tx, grant.node_id)
    if grant is None or path is None or not caller.may(Role.ADMINISTRATOR, path):
        raise NotFound
    household_id = people.household_of(tx, grant.member_id)
    tried = Tried("grant.revoke", path, "grant", grant_id, {"role": grant.role})
    caller.refuse_own_case(grant.member_id, household_id, tried)
    if grant.revoked_at is None:
        grant.revoked_at, grant.revoked_by = clock.now(), caller.who
        audit.add(
            tx,
            caller,
            "grant.revoke",
            "grant",
            grant_id,
            path=path,
            detail={
                "member_id": str(grant.member_id),
                "role": grant.role,
                "node_id": grant.node_id and str(grant.node_id),
            },
        )


@transactional
def add_team(tx: Session, caller: Principal, *, team_id: UUID, station_id: UUID, name: str) -> dict[str, Any]:
    """Found a team at a station."""
    station = tree.get_open_node(tx, station_id)
    caller.require(Role.STAFF, station.path)
    if creations.is_new(tx, Team, team_id, "team", [station_id, name]):
        if tx.scalar(select(Team.id).where(Team.station_id == station_id, Team.name == name)):
            raise NameTaken
        groups.add_teams(tx, [{"id": team_id, "station_id": station_id, "name": name}])
        audit.add(tx, caller, "team.add", "team", team_id, path=station.path, detail={"name": name})
    return groups.list_teams(tx, ids=[team_id])[0]


@transactional
def add_employer(tx: Session, caller: Principal, *, employer_id: UUID, name: str) -> dict[str, Any]:
    """Add an employer that people report from."""
    if creations.is_new(tx, Employer, employer_id, "employer", [name]):
        if tx.scalar(select(Employer.id).where(Employer.name == name)):
            raise NameTaken
        groups.add_employers(tx, [{"id": employer_id, "name": name}])
        audit.add(tx, caller, "employer.add", "employer", employer_id, detail={"name": name})
    return groups.list_employers(tx, ids=[employer_id])[0]
