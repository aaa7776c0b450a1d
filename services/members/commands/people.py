"""Use cases on members: adding, confirming, changing."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from services.members.domain import consents as consent_rules
from services.members.domain import people as rules
from services.members.domain import places
from services.members.domain.consents import Consent
from services.members.domain.names import is_child, mask
from services.members.domain.people import NewMember
from services.members.domain.places import ROOT
from services.members.store import cards, claims, creations, entries, named, people, tree
from services.members.store.logins import grants_of, own_login_id, own_member_id
from services.members.store.models import Employer, Login, LoginMember, Member, MemberTeam
from services.members.store.pinyin import read_name
from shared import audit, clock
from shared.db import transactional
from shared.errors import Forbidden, NotFound, RuleBroken
from shared.ids import new_id
from shared.principal import Principal, Role, Tried

_insert_members = insert(Member)


# --- Adding ------------------------------------------------------------------------------------------


def insert_members(tx: Session, caller: Principal, rows: Sequence[NewMember]) -> None:
    """Write new members with teams and consents, and tell of them. For commands, which check the right to do it."""
    nodes = tree.places(tx, (node for row in rows for node in (row.station_id, row.compound_id, row.building_id)))
    for row in rows:
        check_home(nodes, row.station_id, row.compound_id, row.building_id)
        rules.check_birth_date(row.birth_date, clock.today())
    _check_employers(tx, {row.employer_id for row in rows if row.employer_id})
    _check_guardians(tx, caller, {row.guardian_id for row in rows if row.guardian_id})
    _check_teams(
        tx,
        {(team_id, nodes[row.station_id].path if row.station_id else ROOT) for row in rows for team_id in row.team_ids},
    )
    numbers = people.new_volunteer_numbers(tx, len(rows))
    tx.flush()
    tx.execute(_insert_members, [_as_row(row, number) for row, number in zip(rows, numbers, strict=True)])
    teams = [{"member_id": row.id, "team_id": team_id} for row in rows for team_id in dict.fromkeys(row.team_ids)]
    if teams:
        tx.execute(insert(MemberTeam), teams)
    people.add_consents(tx, ((row.id, consent) for row in rows for consent in row.consents), caller.who)
    confirmed = {row.id: nodes[row.station_id].path if row.station_id else ROOT for row in rows if row.confirmed}
    audit.add_all(tx, caller, "member.confirm", "member", confirmed)
    people.tell(tx, [row.id for row in rows])


def _as_row(row: NewMember, volunteer_number: str) -> dict[str, Any]:
    pinyin, initials = read_name(row.name)
    return {
        "id": row.id,
        "version": 0,
        "status": "active",
        "volunteer_number": volunteer_number,
        "name": row.name,
        "pinyin": pinyin,
        "initials": initials,
        "birth_date": row.birth_date,
        "station_id": row.station_id,
        "compound_id": row.compound_id,
        "building_id": row.building_id,
        "household_id": row.household_id,
        "employer_id": row.employer_id,
        "guardian_id": row.guardian_id,
        "skills": list(row.skills),
        "confirmed_at": clock.now() if row.confirmed else None,
        "created_at": clock.now(),
        **people.phone_columns(row.id, row.phone),
    }


def check_home(
    nodes: Mapping[UUID, tree.Place], station_id: UUID | None, compound_id: UUID | None, building_id: UUID | None
) -> None:
    """A member's station, compound and building must be open and lie one below the other."""
    home = [None if node_id is None else nodes[node_id] for node_id in (station_id, compound_id, building_id)]
    if any(place is not None and place.closed for place in home):
        raise places.NodeClosed
    places.check_home(*(None if place is None else (place.level, place.path) for place in home))


def _check_employers(tx: Session, wanted: set[UUID]) -> None:
    if wanted and tx.scalar(select(func.count()).where(Employer.id == func.any(list(wanted)))) != len(wanted):
        raise NotFound("没有找到这个单位")


def _check_guardians(tx: Session, caller: Principal, wanted: set[UUID]) -> None:
    """Guardians are of the caller's own or of the caller's stations; who else exists is not told."""
    strangers = wanted - set(caller.member_ids)
    if strangers:
        paths = people.paths_of(tx, strangers)
        if any(member_id not in paths or not caller.may(Role.STAFF, paths[member_id]) for member_id in strangers):
            raise NotFound("没有找到监护人")


def _check_teams(tx: Session, joined: set[tuple[UUID, str]]) -> None:
    """Teams, each with the path of the member who joins, are of the member's station or of a place above it."""
    if joined:
        paths = people.paths_of_teams(tx, {team_id for team_id, _ in joined})
        for team_id, path in joined:
            if team_id not in paths:
                raise NotFound("没有找到这支志愿服务队")
            if not path.startswith(paths[team_id]):
                raise rules.TeamElsewhere


@transactional
def add_members(tx: Session, caller: Principal, rows: Sequence[NewMember]) -> None:
    """Add many members without logins at once, by staff of their stations. Ids that exist already are left alone."""
    known = set(tx.scalars(select(Member.id).where(Member.id == func.any([row.id for row in rows]))))
    new = [row for row in rows if row.id not in known]
    nodes = tree.places(tx, (row.station_id for row in new))
    for path in {nodes[row.station_id].path if row.station_id else ROOT for row in new}:
        caller.require(Role.STAFF, path)
    if new:
        insert_members(tx, caller, new)


@transactional
def add_member(tx: Session, caller: Principal, content: Mapping[str, Any]) -> dict[str, Any]:
    """Staff adds a person without a login; `content` as `MemberNewSchema`. A repetition returns it as now."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    row = NewMember(**fields)
    path = tree.path_of(tx, row.station_id)
    caller.require(Role.STAFF, path)
    if creations.is_new(tx, Member, row.id, "member", row, member_id=row.id):
        consent_rules.check(list(row.consents))
        if is_child(row.birth_date, clock.today()):
            consent_rules.check_joining(list(row.consents), row.birth_date, clock.today(), by_guardian=True)
        insert_members(tx, caller, [row])
        audit.add(tx, caller, "member.add", "member", row.id, path=path)
    else:
        people.get_as_staff(tx, caller, row.id)  # who has moved since is others' to see
    return cards.show(tx, row.id)


@transactional
def add_family(
    tx: Session,
    caller: Principal,
    *,
    member_id: UUID,
    name: str,
    relation: str,
    consents: list[Consent],
    birth_date: date | None = None,
    station_id: UUID | None = None,
    compound_id: UUID | None = None,
    building_id: UUID | None = None,
) -> dict[str, Any]:
    """Add somebody my login acts for from now on: a child, a mother without a phone.

    Without a station they belong where I do. Family shares a household, so that none of us may act
    as an official for another.
    """
    assert caller.login_id is not None
    # One login adds one after another, so that the limit holds.
    tx.scalars(select(Login.id).where(Login.id == caller.login_id).with_for_update()).one()
    content = [name, relation, consents, birth_date, station_id, compound_id, building_id]
    if not creations.is_new(tx, Member, member_id, f"family of {caller.login_id}", content, member_id=member_id):
        return cards.show(tx, member_id)
    rules.check_birth_date(birth_date, clock.today())
    consent_rules.check_joining(consents, birth_date, clock.today(), by_guardian=True)
    linked = tx.scalar(select(func.count()).where(LoginMember.login_id == caller.login_id))
    if (linked or 0) >= rules.FAMILY_MAX:
        raise rules.FamilyFull
    own_id = own_member_id(tx, caller.login_id)
    own = None if own_id is None else people.get_member(tx, own_id, lock=True)
    if own is not None and station_id is None:
        station_id, compound_id, building_id = own.station_id, own.compound_id, own.building_id
    if own is not None and own.household_id is None and relation in rules.FAMILY:
        own.household_id = new_id()
        people.tell(tx, [own.id])
    insert_members(
        tx,
        caller,
        [
            NewMember(
                id=member_id,
                name=name,
                birth_date=birth_date,
                station_id=station_id,
                compound_id=compound_id,
                building_id=building_id,
                household_id=own.household_id if own and relation in rules.FAMILY else None,
                guardian_id=own.id if own and is_child(birth_date, clock.today()) else None,
                consents=tuple(consents),
            )
        ],
    )
    tx.add(LoginMember(login_id=caller.login_id, member_id=member_id, relation=relation))
    tx.flush()
    return cards.show(tx, member_id)


# --- Confirming and changing ---------------------------------------------------------------------------


@transactional
def confirm(tx: Session, caller: Principal, member_id: UUID) -> dict[str, Any]:
    """Staff has seen who this is: from now on points can be redeemed. Never for oneself or the own household."""
    member, path = people.get_as_staff(tx, caller, member_id)
    caller.refuse_own_case(member.id, member.household_id, Tried("member.confirm", path))
    if member.confirmed_at is None:
        member.confirmed_at = clock.now()
        audit.add(tx, caller, "member.confirm", "member", member.id, path=path)
        people.tell(tx, [member.id])
    return cards.show(tx, member_id)


@transactional
def change(tx: Session, caller: Principal, member_id: UUID, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change what is known of a member; `changes` as `MemberChangeSchema`.

    Staff changes everything of other households, within the own stations; people themselves what
    `rules.check_self_change` lets them.
    """
    member = people.get_member(tx, member_id, lock=True)
    path = people.path_of(tx, member)
    changes = dict(changes)
    seen_version = changes.pop("version", member.version)
    if caller.acts_for(member.id):
        rules.check_self_change(
            set(changes), confirmed=member.confirmed_at is not None, has_station=member.station_id is not None
        )
    elif caller.may(Role.STAFF, path):
        caller.refuse_own_case(member.id, member.household_id, Tried("member.change", path))
        if "station_id" in changes and not caller.may(Role.STAFF, tree.path_of(tx, changes["station_id"])):
            raise rules.StationOfOthers
        if changes.keys() & rules.IDENTITY:
            require_above_grants(tx, caller, member.id)
        audit.add(tx, caller, "member.change", "member", member.id, path=path, detail={"fields": sorted(changes)})
    elif caller.may(Role.ORGANIZER, path):
        raise Forbidden
    else:
        raise people.MemberNotFound
    if seen_version != member.version:
        raise rules.ChangedMeanwhile
    _apply(tx, caller, member, changes)
    people.tell(tx, [member.id])
    return cards.show(tx, member_id)


def require_above_grants(tx: Session, caller: Principal, member_id: UUID) -> None:
    """Who decides over somebody with roles must be an administrator of every node at which these hold."""
    for grant in grants_of(tx, [member_id]):
        caller.require(Role.ADMINISTRATOR, grant.path)


def _apply(tx: Session, caller: Principal, member: Member, changes: dict[str, Any]) -> None:
    today = clock.today()
    if "birth_date" in changes:
        rules.check_birth_date(changes["birth_date"], today)
        if is_child(changes["birth_date"], today) and own_login_id(tx, member.id) is not None:
            raise consent_rules.GuardianNeeded
    if changes.keys() & {"station_id", "compound_id", "building_id"}:
        home = [changes.get(key, getattr(member, key)) for key in ("station_id", "compound_id", "building_id")]
        check_home(tree.places(tx, home), home[0], home[1], home[2])
    if changes.get("guardian_id") == member.id:
        raise RuleBroken("监护人不能是本人")
    _check_employers(tx, {changes["employer_id"]} if changes.get("employer_id") else set())
    _check_guardians(
        tx, caller, {changes["guardian_id"]} - {member.guardian_id} if changes.get("guardian_id") else set()
    )
    _apply_teams(tx, member, changes.get("station_id", member.station_id), changes.pop("team_ids", None))
    if "name" in changes:
        member.pinyin, member.initials = read_name(changes["name"])
    if "phone" in changes:
        for column, value in people.phone_columns(member.id, changes.pop("phone")).items():
            setattr(member, column, value)
    for key, value in changes.items():
        setattr(member, key, value)


def _apply_teams(tx: Session, member: Member, station_id: UUID | None, team_ids: list[UUID] | None) -> None:
    """Make these the member's teams. Who moves leaves the teams of the old station, unless those are of a place
    above the new one too.
    """
    moves = station_id != member.station_id
    if team_ids is None and not moves:
        return
    path, present = tree.path_of(tx, station_id), people.teams_of(tx, member.id)
    if team_ids is None:
        above = people.paths_of_teams(tx, present)
        wanted = {team_id for team_id in present if path.startswith(above[team_id])}
    else:
        wanted = set(team_ids)
        _check_teams(tx, {(team_id, path) for team_id in (wanted if moves else wanted - present)})
    people.set_teams(tx, member.id, wanted)


@transactional
def set_household(tx: Session, caller: Principal, member_id: UUID, with_member_id: UUID | None) -> dict[str, Any]:
    """Staff says with whom somebody lives, or with None that nobody is known to. Members of one household decide
    nothing for each other, so nobody says so of the own household, nor of somebody with roles without being
    above these.
    """
    member, path = people.get_as_staff(tx, caller, member_id)
    tried = Tried("member.household", path)
    caller.refuse_own_case(member.id, member.household_id, tried)
    require_above_grants(tx, caller, member.id)
    if with_member_id is None:
        if people.lives_with_others(tx, member, entries.line_of(tx, member.id)):
            people.tell(tx, live(tx, member, None))
    elif with_member_id != member_id:
        other, _ = people.get_as_staff(tx, caller, with_member_id)
        caller.refuse_own_case(other.id, other.household_id, tried)
        require_above_grants(tx, caller, other.id)
        if other.household_id is None:
            people.tell(tx, live(tx, other, new_id()))
        if member.household_id != other.household_id:
            people.tell(tx, live(tx, member, other.household_id))
    audit.add(
        tx,
        caller,
        "member.household",
        "member",
        member.id,
        path=path,
        detail={"with_member_id": with_member_id and str(with_member_id)},
    )
    return cards.show(tx, member_id)


def live(tx: Session, member: Member, household_id: UUID | None) -> list[UUID]:
    """Be of a household with all entries that were merged into the member: nobody decides for another one of theirs.
    So who lives alone has a household of their own entries, where there are several. Who moved, and is to be told of.
    """
    line = entries.line_of(tx, member.id)
    shared = household_id or (new_id() if line else None)
    moved = [] if member.household_id == shared else [member.id]
    member.household_id = shared
    if line:
        elsewhere = Member.id.in_(line) & Member.household_id.is_distinct_from(shared)
        same = update(Member).where(elsewhere).values(household_id=shared).returning(Member.id)
        moved += tx.scalars(same.execution_options(synchronize_session=False))
    return moved


@transactional
def set_consents(tx: Session, caller: Principal, member_id: UUID, consents: list[Consent]) -> dict[str, Any]:
    """Give or withdraw consents of one's own, or of somebody one acts for. What is so already is not written again."""
    caller.require_acts_for(member_id)
    member = people.get_member(tx, member_id, lock=True)
    consent_rules.check_change(consents, member.birth_date, clock.today())
    shown = {entry["kind"]: entry for entry in cards.show(tx, member_id)["consents"]}
    new = [consent for consent in consents if not _is_so(shown.get(consent.kind), consent)]
    if new:
        people.add_consents(tx, ((member_id, consent) for consent in new), caller.who)
        people.tell(tx, [member_id])
    return cards.show(tx, member_id)


def _is_so(shown: Mapping[str, Any] | None, consent: Consent) -> bool:
    if shown is None:
        return not consent.given
    return shown["given"] == consent.given and (not consent.given or shown["version"] == consent.version)


@transactional
def read_phone(tx: Session, caller: Principal, member_id: UUID) -> str | None:
    """A member's phone number, for who must call them. Reading somebody else's is in the audit log."""
    member = people.get_member(tx, member_id)
    if not caller.acts_for(member_id):
        path = people.path_of(tx, member)
        if not caller.may(Role.ORGANIZER, path):
            raise people.MemberNotFound
        audit.add(tx, caller, "member.read_phone", "member", member_id, path=path)
    return people.unseal_phone(member)


@transactional
def read_phones(tx: Session, caller: Principal, member_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The phones of several, for who must call them all: of one's own, and of those where the caller organizes.

    The others are left out. For who has none it is a relative's, `of` whom, under the same rule. Each one that is read
    is in the audit log by itself, as by `read_phone`.
    """

    def may_read(member: Member, path: str) -> bool:
        return caller.acts_for(member.id) or caller.may(Role.ORGANIZER, path)

    found = [(member, path) for member, path in people.list_with_paths(tx, member_ids) if may_read(member, path)]
    relatives = claims.list_relatives(tx, [member.id for member, _path in found if member.phone_hash is None])
    shown, read = [], {}
    for member, path in found:
        whose, their_path = relatives.get(member.id, (member, path))
        is_seen = may_read(whose, their_path)
        if is_seen and not caller.acts_for(whose.id):
            read[whose.id] = their_path
        of = None if whose is member else whose.name if is_seen else mask(whose.name)
        shown.append({"member_id": member.id, "phone": people.unseal_phone(whose) if is_seen else None, "of": of})
    audit.add_all(tx, caller, "member.read_phone", "member", read)
    return shown


@transactional
def read_full_names(tx: Session, caller: Principal, *, batch_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Full names for a batch that goes to another platform, of members below the caller's stations, also of those who
    have left since. The others are left out. Each one that is read is in the audit log by itself.
    """
    found = [row for row in named.list_named(tx, ids) if row.status != "erased" and caller.may(Role.STAFF, row.path)]
    read = {row.id: row.path for row in found if not caller.acts_for(row.id)}
    audit.add_all(tx, caller, "member.read_name", "member", read, detail={"batch_id": str(batch_id)})
    return [{"id": row.id, "name": row.name} for row in found]
