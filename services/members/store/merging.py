"""Statements that hand over what belongs to a place, and have its people follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.members.domain.places import Level, may_be_home
from services.members.store.models import Member, MovedHome, Node, RoleGrant
from services.members.store.tree import places
from shared.ids import new_id

_HOMES = [level for level in Level if may_be_home(level)]

# Two teams of one name become one list: the one that comes in says where it is from.
_hand_over_teams = text("""
    UPDATE team SET station_id = :heir_id, name = CASE
        WHEN EXISTS (SELECT FROM team other WHERE other.station_id = :heir_id AND other.name = team.name)
        THEN team.name || '（' || :from_name || '）' ELSE team.name END
    WHERE station_id = :node_id RETURNING id
""")
_leave_teams = text("""
    DELETE FROM member_team USING team JOIN node ON node.id = team.station_id
    WHERE member_team.member_id = ANY(:member_ids) AND team.id = member_team.team_id
        AND NOT starts_with(:path, node.path)
""")


def open_children(tx: Session, node_id: UUID) -> list[Node]:
    """The open nodes directly below, oldest first."""
    return list(tx.scalars(select(Node).where(Node.parent_id == node_id, Node.closed_on.is_(None)).order_by(Node.id)))


@dataclass(frozen=True, slots=True)
class PassedOn:
    """A role that ended at one node, and begins at another; not anew where it was held already."""

    ended_id: UUID
    begun_id: UUID | None
    member_id: UUID
    role: str


def hand_over_grants(tx: Session, node_id: UUID, heir_id: UUID, at: datetime, by: str) -> list[PassedOn]:
    """End the roles at a node and give the same ones at another."""
    ended = tx.execute(
        update(RoleGrant)
        .where(RoleGrant.node_id == node_id, RoleGrant.revoked_at.is_(None))
        .values(revoked_at=at, revoked_by=by)
        .returning(RoleGrant.id, RoleGrant.member_id, RoleGrant.role)
        .execution_options(synchronize_session=False)
    ).all()
    if not ended:
        return []
    rows = [
        {
            "id": new_id(),
            "member_id": row.member_id,
            "role": row.role,
            "node_id": heir_id,
            "granted_at": at,
            "granted_by": by,
        }
        for row in ended
    ]
    begun = tx.execute(
        insert(RoleGrant)
        .values(rows)
        .on_conflict_do_nothing(
            index_elements=["member_id", "role", "node_id"], index_where=RoleGrant.revoked_at.is_(None)
        )
        .returning(RoleGrant.id, RoleGrant.member_id, RoleGrant.role)
    )
    ids = {(row.member_id, row.role): row.id for row in begun}
    return [PassedOn(row.id, ids.get((row.member_id, row.role)), row.member_id, row.role) for row in ended]


def hand_over_teams(tx: Session, node: Node, heir_id: UUID) -> int:
    """Give the teams of a node to another, under names that it does not have yet; returns how many there were."""
    values = {"node_id": node.id, "heir_id": heir_id, "from_name": node.name}
    return len(tx.execute(_hand_over_teams, values).all())


def home_in(tx: Session, path: str) -> tuple[UUID, str] | None:
    """Where people of a place are at home: the lowest open node of its path that may be a home, with its path."""
    found = places(tx, [UUID(hex=part) for part in path.strip("/").split("/")])
    fit = [(node_id, place) for node_id, place in found.items() if place.level in _HOMES and not place.closed]
    return max(((node_id, place.path) for node_id, place in fit), key=lambda home: len(home[1]), default=None)


def note_moved(tx: Session, node_id: UUID, station_id: UUID, at: datetime) -> None:
    """Have the people of a place follow from a station."""
    row = insert(MovedHome).values(node_id=node_id, station_id=station_id, at=at)
    tx.execute(row.on_conflict_do_update(index_elements=["node_id", "station_id"], set_={"at": row.excluded.at}))


def list_moved(tx: Session) -> list[MovedHome]:
    return list(tx.scalars(select(MovedHome).order_by(MovedHome.at)))


def forget_moved(tx: Session, before: datetime) -> None:
    tx.execute(delete(MovedHome).where(MovedHome.at < before))


def lock_people_of(tx: Session, moved: MovedHome, home_id: UUID, rows_max: int) -> Sequence[UUID]:
    """Some of those who are still at home in the station where the place was."""
    statement = select(Member.id).where(Member.station_id == moved.station_id, Member.station_id != home_id)
    if moved.node_id != moved.station_id:
        statement = statement.where(or_(Member.compound_id == moved.node_id, Member.building_id == moved.node_id))
    return tx.scalars(statement.order_by(Member.id).limit(rows_max).with_for_update()).all()


def give_home(tx: Session, member_ids: Sequence[UUID], home: tuple[UUID, str]) -> None:
    """Let these people be at home there; they leave teams of other places, as who moves does."""
    statement = update(Member).where(Member.id == func.any(list(member_ids))).values(station_id=home[0])
    tx.execute(statement.execution_options(synchronize_session=False))
    tx.execute(_leave_teams, {"member_ids": list(member_ids), "path": home[1]})
