"""Statements on members: their cards, what others may see of them, and how they are found."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.orm import Session, aliased

from services.members.domain.consents import Consent as Given
from services.members.domain.consents import Kind
from services.members.domain.names import is_child, mask
from services.members.domain.newcomers import LOOK_ALIKES_MAX as NEWCOMER_LOOK_ALIKES_MAX
from services.members.domain.places import ROOT, Level
from services.members.domain.volunteer_numbers import RANDOM_DIGITS, complete
from services.members.store.homes import at_home_or_moving_to
from services.members.store.keys import TAIL_DIGITS, keys
from services.members.store.models import (
    Consent,
    Employer,
    LoginMember,
    Member,
    MemberTeam,
    Node,
    Team,
)
from services.members.store.pinyin import read_name
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

_newest = (
    select(Consent.kind, Consent.version, Consent.given, Consent.at)
    .where(Consent.member_id == Member.id)
    .order_by(Consent.kind, Consent.at.desc(), Consent.id.desc())
    .ext(distinct_on(Consent.kind))
    .correlate(Member)
    .lateral("newest")
)
_kinds_given = (
    select(func.coalesce(func.array_agg(_newest.c.kind), literal_column("'{}'::text[]")))
    .select_from(_newest)
    .where(_newest.c.given)
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


# --- What people see of members ---------------------------------------------------------------------

_station, _compound, _building = aliased(Node), aliased(Node), aliased(Node)
_consents = (
    select(func.coalesce(func.json_agg(literal_column("newest")), literal_column("'[]'::json")))
    .select_from(_newest)
    .scalar_subquery()
)
_teams = (
    select(
        func.coalesce(
            func.json_agg(aggregate_order_by(func.json_build_object("id", Team.id, "name", Team.name), Team.id)),
            literal_column("'[]'::json"),
        )
    )
    .select_from(MemberTeam)
    .join(Team, Team.id == MemberTeam.team_id)
    .where(MemberTeam.member_id == Member.id)
    .scalar_subquery()
)
_has_login = (
    select(LoginMember.login_id)
    .where(LoginMember.member_id == Member.id, LoginMember.relation == "self")
    .correlate(Member)  # not the LoginMember that a query may join
    .exists()
)


def view() -> Select[*tuple[Any, ...]]:
    """Everything the wire shows of members, one row each; narrow it with `where`."""
    return (
        select(
            Member.id,
            Member.version,
            Member.status,
            Member.merged_into,
            Member.volunteer_number,
            Member.name,
            Member.birth_date,
            Member.station_id,
            _station.name.label("station_name"),
            func.coalesce(_station.path, ROOT).label("path"),
            Member.compound_id,
            _compound.name.label("compound_name"),
            Member.building_id,
            _building.name.label("building_name"),
            Member.household_id,
            Member.employer_id,
            Employer.name.label("employer_name"),
            Member.guardian_id,
            Member.skills,
            Member.created_at,
            Member.confirmed_at.is_not(None).label("confirmed"),
            Member.phone_hash.is_not(None).label("has_phone"),
            _has_login.label("has_login"),
            _teams.label("teams"),
            _consents.label("consents"),
        )
        .outerjoin(_station, _station.id == Member.station_id)
        .outerjoin(_compound, _compound.id == Member.compound_id)
        .outerjoin(_building, _building.id == Member.building_id)
        .outerjoin(Employer, Employer.id == Member.employer_id)
    )


def as_shown(row: Row[Any]) -> dict[str, Any]:
    """A row of `view()` as the wire has it."""
    return dict(row._mapping) | {"name_masked": mask(row.name), "full": True}


def as_masked(row: Row[Any]) -> dict[str, Any]:
    """The little that anybody who is logged in may see of a member whose id they have."""
    return {
        "id": row.id,
        "status": row.status,
        "name": mask(row.name),
        "name_masked": mask(row.name),
        "full": False,
        "volunteer_number": "*" * 8 + row.volunteer_number[-4:],
        "station_id": row.station_id,
        "station_name": row.station_name,
    }


def list_named(tx: Session, member_ids: Iterable[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What of these members they are found by on a list, with the path of their station and the sealed phone."""
    statement = (
        select(
            Member.id,
            Member.status,
            Member.name,
            Member.pinyin,
            Member.initials,
            Member.volunteer_number,
            Member.phone_encrypted,
            func.coalesce(_station.path, ROOT).label("path"),
            _compound.name.label("compound_name"),
            _building.name.label("building_name"),
        )
        .outerjoin(_station, _station.id == Member.station_id)
        .outerjoin(_compound, _compound.id == Member.compound_id)
        .outerjoin(_building, _building.id == Member.building_id)
        .where(Member.id == func.any(list(member_ids)))
        .order_by(Member.id)
    )
    return tx.execute(statement).all()


def with_namesake(tx: Session, path: str, rows: Sequence[Row[Any]]) -> set[UUID]:
    """Those of these rows, as `list_named` gives them, whose name somebody else has who is active at or below a path.

    The people of each name are counted once for all, in stations that are asked for first: to look for each of a
    thousand members would read the whole station a thousand times.
    """
    stations = tx.scalars(
        select(Node.id).where(
            Node.path.startswith(path, autoescape=True),
            Node.level.not_in([Level.COMPOUND.value, Level.BUILDING.value]),
        )
    )
    called = tx.execute(
        select(Member.name, func.count().label("people"))
        .where(
            Member.name == func.any(list({row.name for row in rows})),
            Member.station_id == func.any(list(stations)),
            Member.status == "active",
        )
        .group_by(Member.name)
    )
    people = {row.name: row.people for row in called}
    return {
        row.id
        for row in rows
        if people.get(row.name, 0) > (1 if row.status == "active" and row.path.startswith(path) else 0)
    }


def as_named(row: Row[Any], *, has_namesake: bool = False) -> dict[str, Any]:
    """A row of `list_named` as the wire has it: of the phone only the tail, which calls nobody."""
    phone = None if row.phone_encrypted is None else keys().unseal(row.id, row.phone_encrypted)
    tail = phone and phone[-TAIL_DIGITS:]
    return dict(row._mapping) | {"full": True, "phone_tail": tail, "has_namesake": has_namesake}


def as_named_masked(row: Row[Any]) -> dict[str, Any]:
    """The same for who may see no more than anybody."""
    return {
        "id": row.id,
        "full": False,
        "name": mask(row.name),
        "pinyin": "",
        "initials": "",
        "volunteer_number": "*" * 8 + row.volunteer_number[-4:],
        "phone_tail": None,
        "compound_name": None,
        "building_name": None,
        "has_namesake": False,
    }


def show(tx: Session, member_id: UUID) -> dict[str, Any]:
    """One member in full; for callers whose right to it has been checked."""
    row = tx.execute(view().where(Member.id == member_id)).first()
    if row is None:
        raise MemberNotFound
    return as_shown(row)


def below_any(paths: Iterable[str]) -> ColumnElement[bool]:
    """Members whose station lies at or below one of the paths."""
    found = [true() if path == ROOT else _station.path.startswith(path, autoescape=True) for path in paths]
    return or_(*found)


def in_node(node_id: UUID, path: str) -> ColumnElement[bool]:
    """Members of a station or of a place above it, or who live in a compound or building."""
    return or_(Member.compound_id == node_id, Member.building_id == node_id, below_any([path]))


def alike(member: Member) -> ColumnElement[bool]:
    """Others of the same name with the same phone's tail, compound or birth date: perhaps the same person."""
    same = [
        column == value
        for column, value in (
            (Member.phone_tail_hash, member.phone_tail_hash),
            (Member.compound_id, member.compound_id),
            (Member.birth_date, member.birth_date),
        )
        if value is not None
    ]
    return and_(Member.name == member.name, Member.id != member.id, or_(false(), *same))


def of_name_or_phone(name: str, phone: str | None) -> ColumnElement[bool]:
    """Whoever has this name or one that is read like it, or this phone: perhaps the person who stands there."""
    same = [Member.name == name, Member.pinyin == read_name(name)[0]]
    return or_(*same, *([] if phone is None else [Member.phone_hash == keys().phone_hash(phone)]))


def list_alike_ids(tx: Session, path: str, name: str, phone: str | None) -> list[UUID]:
    """The active ones of those at and below a node, as many as are shown to look at."""
    statement = (
        select(Member.id)
        .where(of_name_or_phone(name, phone), at_home_or_moving_to(path), Member.status == "active")
        .order_by(Member.id)
        .limit(NEWCOMER_LOOK_ALIKES_MAX)
    )
    return list(tx.scalars(statement))


BY_NAME = (Member.pinyin, Member.name, Member.id)
"""By reading, those of one name together."""


def comes_after(member_id: UUID) -> ColumnElement[bool]:
    """Members who follow this one in the order `BY_NAME`."""
    seen = aliased(Member)
    last = select(seen.pinyin, seen.name, seen.id).where(seen.id == member_id).scalar_subquery()
    return tuple_(*BY_NAME) > last
