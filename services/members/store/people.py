"""Statements on members: one of them, phones, consents, teams, and what the other services are told."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import exists, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.orm import Session

from services.members.domain.consents import Consent as Given
from services.members.domain.consents import Kind
from services.members.domain.names import is_child, mask
from services.members.domain.places import ROOT
from services.members.domain.volunteer_numbers import RANDOM_DIGITS, complete
from services.members.store.keys import keys
from services.members.store.models import Consent, Member, MemberTeam, Node, Team
from shared import clock, outbox
from shared.errors import Forbidden, NotFound
from shared.events import MemberChanged
from shared.ids import new_id, new_number
from shared.principal import Principal, Role


class MemberNotFound(NotFound):
    code = "member_not_found"
    detail = "没有找到这位志愿者"


def get_member(tx: Session, member_id: UUID, *, lock: bool = False, may_be_gone: bool = False) -> Member:
    """An active member; those merged, gone or erased are not to be acted on, but for what is done with who is gone."""
    member = tx.get(Member, member_id, populate_existing=True, with_for_update=True if lock else None)
    if member is None or not (member.status == "active" or (may_be_gone and member.status == "left")):
        raise MemberNotFound
    return member


def path_of(tx: Session, member: Member) -> str:
    """The path of the member's station, below which a role must be held to act for the station; else the root's."""
    if member.station_id is None:
        return ROOT
    return tx.scalars(select(Node.path).where(Node.id == member.station_id)).one()


def get_as_staff(tx: Session, caller: Principal, member_id: UUID, *, may_be_gone: bool = False) -> tuple[Member, str]:
    """A member, locked, and its path. MemberNotFound for who has no right there, Forbidden for whose right is less
    than staff's.
    """
    member = get_member(tx, member_id, lock=True, may_be_gone=may_be_gone)
    path = path_of(tx, member)
    if not caller.may(Role.STAFF, path):
        raise Forbidden if caller.may(Role.ORGANIZER, path) else MemberNotFound
    return member, path


def new_volunteer_numbers(tx: Session, count: int) -> list[str]:
    """Numbers nobody has. They never begin with 0, so that no spreadsheet shortens them."""
    found: list[str] = []
    while len(found) < count:
        drawn = dict.fromkeys(_draw_number() for _ in range(count - len(found)))
        known = tx.scalars(select(Member.volunteer_number).where(Member.volunteer_number == func.any(list(drawn))))
        taken = {*found, *known}
        found += [number for number in drawn if number not in taken]
    return found


def _draw_number() -> str:
    return complete(str(new_number(10 ** (RANDOM_DIGITS - 1), 10**RANDOM_DIGITS - 1)))


def phone_columns(member_id: UUID, phone: str | None) -> dict[str, bytes | None]:
    """What is stored of a phone number: sealed, and the keyed hashes of the whole and of its tail."""
    if phone is None:
        return {"phone_encrypted": None, "phone_hash": None, "phone_tail_hash": None}
    return {
        "phone_encrypted": keys().seal(member_id, phone),
        "phone_hash": keys().phone_hash(phone),
        "phone_tail_hash": keys().phone_tail_hash(phone),
    }


def phone_hash(phone: str) -> bytes:
    """By which a number is found that is stored sealed."""
    return keys().phone_hash(phone)


def list_with_paths(tx: Session, member_ids: Iterable[UUID]) -> list[tuple[Member, str]]:
    """Those of these members who are active, each with the path as in `path_of`."""
    statement = (
        select(Member, func.coalesce(Node.path, ROOT))
        .outerjoin(Node, Node.id == Member.station_id)
        .where(Member.id == func.any(list(member_ids)), Member.status == "active")
        .order_by(Member.id)
    )
    return [(row[0], row[1]) for row in tx.execute(statement)]


def household_of(tx: Session, member_id: UUID) -> UUID | None:
    """The household also of members who are no longer active."""
    return tx.scalar(select(Member.household_id).where(Member.id == member_id))


def lives_with_others(tx: Session, member: Member, line: Sequence[UUID]) -> bool:
    """Whether somebody else is of the member's household; `line` are entries of the same person."""
    if member.household_id is None or not line:
        return member.household_id is not None
    others = Member.id.not_in([member.id, *line])
    return bool(tx.scalar(select(exists().where(Member.household_id == member.household_id, others))))


def unseal_phone(member: Member) -> str | None:
    return None if member.phone_encrypted is None else keys().unseal(member.id, member.phone_encrypted)


def add_consents(tx: Session, given: Iterable[tuple[UUID, Given]], by: str) -> None:
    """Write down what members, each by id, agreed to or withdrew."""
    rows = [
        {
            "id": new_id(),
            "member_id": member_id,
            "at": clock.now(),
            "by": by,
            "kind": consent.kind,
            "version": consent.version,
            "given": consent.given,
        }
        for member_id, consent in given
    ]
    if rows:
        tx.execute(insert(Consent), rows)


def paths_of(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The paths of the stations of those of these members who are active; the root's for who has no station."""
    rows = tx.execute(
        select(Member.id, func.coalesce(Node.path, ROOT))
        .outerjoin(Node, Node.id == Member.station_id)
        .where(Member.id == func.any(list(member_ids)), Member.status == "active")
    )
    return {row[0]: row[1] for row in rows}


def paths_of_teams(tx: Session, team_ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = tx.execute(
        select(Team.id, Node.path).join(Node, Node.id == Team.station_id).where(Team.id == func.any(list(team_ids)))
    )
    return {row[0]: row[1] for row in rows}


def teams_of(tx: Session, member_id: UUID) -> set[UUID]:
    return set(tx.scalars(select(MemberTeam.team_id).where(MemberTeam.member_id == member_id)))


def set_teams(tx: Session, member_id: UUID, wanted: set[UUID]) -> None:
    """Make these the member's teams."""
    present = {row.team_id: row for row in tx.scalars(select(MemberTeam).where(MemberTeam.member_id == member_id))}
    for team_id in present.keys() - wanted:
        tx.delete(present[team_id])
    tx.add_all(MemberTeam(member_id=member_id, team_id=team_id) for team_id in sorted(wanted - present.keys()))


# --- What the other services are told --------------------------------------------------------------

newest = (
    select(Consent.kind, Consent.version, Consent.given, Consent.at)
    .where(Consent.member_id == Member.id)
    .order_by(Consent.kind, Consent.at.desc(), Consent.id.desc())
    .ext(distinct_on(Consent.kind))
    .correlate(Member)
    .lateral("newest")
)
_kinds_given = (
    select(func.coalesce(func.array_agg(newest.c.kind), literal_column("'{}'::text[]")))
    .select_from(newest)
    .where(newest.c.given)
    .scalar_subquery()
)
_team_ids = (
    select(
        func.coalesce(
            func.array_agg(aggregate_order_by(MemberTeam.team_id, MemberTeam.team_id)), literal_column("'{}'::uuid[]")
        )
    )
    .where(MemberTeam.member_id == Member.id)
    .scalar_subquery()
)


def tell(tx: Session, member_ids: Sequence[UUID]) -> None:
    """Raise the versions of these members, and tell the other services what is now true of them."""
    tx.flush()
    tx.execute(
        update(Member)
        .where(Member.id == func.any(list(member_ids)))
        .values(version=Member.version + 1)
        .execution_options(synchronize_session=False)
    )
    rows = tx.execute(
        select(Member, _kinds_given.label("kinds_given"), _team_ids.label("team_ids"))
        .where(Member.id == func.any(list(member_ids)))
        .execution_options(populate_existing=True)
    )
    outbox.add(tx, *(_fact(*row) for row in rows))


def _fact(member: Member, kinds_given: list[str], team_ids: list[UUID]) -> MemberChanged:
    child = is_child(member.birth_date, clock.today())
    shown = member.status == "active" and not child
    return MemberChanged(
        member_id=member.id,
        version=member.version,
        status=member.status,
        confirmed=member.confirmed_at is not None,
        merged_into=member.merged_into,
        volunteer_number=member.volunteer_number,
        name_masked=mask(member.name),
        name_public=member.name if shown and Kind.NAMED in kinds_given else None,
        ranked=shown and Kind.RANKED in kinds_given,
        station_id=member.station_id,
        compound_id=member.compound_id,
        building_id=member.building_id,
        household_id=member.household_id,
        team_ids=tuple(team_ids),
        employer_id=member.employer_id,
        birth_date=member.birth_date,
    )
