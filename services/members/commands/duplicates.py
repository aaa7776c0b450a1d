"""Use cases on members who were registered twice: make them one, and take that back within a day."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.commands.people import live, require_above_grants
from services.members.domain import duplicates as rules
from services.members.domain.names import is_child
from services.members.domain.people import ChangedMeanwhile
from services.members.store import cards, concerns, creations, duplicates, erasures, logins, people
from services.members.store.duplicates import Acting
from services.members.store.models import Member, Merge
from shared import audit, clock
from shared.db import transactional
from shared.errors import Forbidden
from shared.ids import new_id
from shared.principal import Principal, Role, Tried

SELF, OTHER = "self", "other"
SKILLS_MAX = 20
_IF_MISSING = ("birth_date", "employer_id", "guardian_id")
_HOME = ("station_id", "compound_id", "building_id")
_WHY_NOT_BACK = {"merged": rules.MergedFurther, "left": rules.StaysIsGone, "erased": rules.StaysIsErased}
"""By what became of who stayed."""


@transactional
def merge(
    tx: Session,
    caller: Principal,
    *,
    merge_id: UUID,
    member_id: UUID,
    merged_id: UUID,
    reason: str,
    version: int | None = None,
    merged_version: int | None = None,
) -> dict[str, Any]:
    """Make one of two entries of the same person; `member_id` stays.

    By staff of both stations, never in the own case, and never away from an entry with roles. Consents stay with whom
    they were given: nothing is shown more than the one who stays agreed to.
    """
    if member_id == merged_id:
        raise rules.SamePerson
    stays, goes = duplicates.lock_two(tx, member_id, merged_id)
    path = _require_both(tx, caller, "member.merge", stays, goes)
    if not creations.is_new(tx, Merge, merge_id, "merge", [member_id, merged_id, reason]):
        return cards.show(tx, member_id)
    _check(tx, caller, stays, goes)
    if (version or stays.version, merged_version or goes.version) != (stays.version, goes.version):
        raise ChangedMeanwhile
    homes, moved = _share_household(tx, stays, goes)
    kept = {
        "households": homes,
        "taken": _take_what_is_missing(tx, stays, goes),
        "teams": _share_teams(tx, stays, goes, path),
        "logins": _give_logins(tx, stays, goes),
        "wards": [str(ward) for ward in duplicates.wards_of(tx, goes.id)],
        "concerns": [str(concern_id) for concern_id in concerns.give(tx, goes.id, stays.id)],
        "handled": [str(concern_id) for concern_id in concerns.hand_over(tx, goes.id, stays.id)],
    }
    if kept["wards"]:
        duplicates.give_wards(tx, duplicates.wards_of(tx, goes.id), stays.id)
    logins.end_codes(tx, goes.id, "password", "claim")
    goes.status, goes.merged_into = "merged", stays.id
    duplicates.add(tx, merge_id, goes.id, stays.id, reason=reason, kept=kept, at=clock.now(), by=caller.who)
    _audit(tx, caller, "member.merge", goes, stays, path, reason)
    people.tell(tx, sorted({goes.id, stays.id, *moved}))
    return cards.show(tx, member_id)


@transactional
def unmerge(tx: Session, caller: Principal, *, member_id: UUID, reason: str) -> dict[str, Any]:
    """Take a merge back within a day: the entry that had gone is as it was. Doing it again changes nothing."""
    found = duplicates.find_live(tx, member_id)
    if found is None:
        member, _ = people.get_as_staff(tx, caller, member_id)
        if not duplicates.was_undone(tx, member_id):
            raise rules.NotMerged
        return cards.show(tx, member.id)
    goes, stays = duplicates.lock_two(tx, member_id, found.into_id)
    path = _require_both(tx, caller, "member.unmerge", stays, goes)
    found = duplicates.find_live(tx, member_id)
    if found is None:  # somebody did it while we waited
        return cards.show(tx, member_id)
    if clock.now() >= rules.undo_until(found.at):
        raise rules.UndoTooLate
    if stays.status != "active":
        raise _WHY_NOT_BACK[stays.status]
    require_above_grants(tx, caller, stays.id)
    _give_back(tx, stays, goes, found.kept)
    goes.status, goes.merged_into = "active", None
    moved = _part_households(tx, stays, goes, found.kept["households"])
    found.undone_at, found.undone_by, found.kept = clock.now(), caller.who, {}
    _audit(tx, caller, "member.unmerge", goes, stays, path, reason)
    people.tell(tx, sorted({goes.id, stays.id, *moved}))
    return cards.show(tx, member_id)


def _require_both(tx: Session, caller: Principal, act: str, stays: Member, goes: Member) -> str:
    """The path of who stays, when the caller is staff of both stations and neither is the own case."""
    paths = [people.path_of(tx, member) for member in (stays, goes)]
    for path in paths:
        if not caller.may(Role.STAFF, path):
            raise Forbidden if caller.may(Role.ORGANIZER, path) else people.MemberNotFound
    for member in (stays, goes):
        caller.refuse_own_case(member.id, member.household_id, Tried(act, paths[0]))
    return paths[0]


def _check(tx: Session, caller: Principal, stays: Member, goes: Member) -> None:
    if "merged" in (stays.status, goes.status):
        raise rules.AlreadyMerged
    if (stays.status, goes.status) != ("active", "active"):
        raise rules.NotActive
    if logins.grants_of(tx, [goes.id]):
        raise rules.RolesStay
    require_above_grants(tx, caller, stays.id)
    if stays.station_id is None and goes.station_id is None:
        raise rules.NoStation
    if erasures.has_open(tx, [stays.id, goes.id]):
        raise rules.ErasureOpen
    if is_child(stays.birth_date, clock.today()) and logins.own_login_id(tx, goes.id) is not None:
        raise rules.ChildsLogin


def _share_household(tx: Session, stays: Member, goes: Member) -> tuple[dict[str, str | None], list[UUID]]:
    """One household for both and for whoever was merged into them, so that nobody decides for an entry of theirs; what
    each had before, and both now; and who moved.
    """
    before = {"stays": _text(stays.household_id), "goes": _text(goes.household_id)}
    shared = stays.household_id or goes.household_id or new_id()
    moved = [*live(tx, stays, shared), *live(tx, goes, shared)]
    return before | {"shared": str(shared)}, moved


def _part_households(tx: Session, stays: Member, goes: Member, homes: dict[str, str | None]) -> list[UUID]:
    """Each where they lived before, with whoever is still merged into them; who moved. The two are no line any more.

    The entry that had gone has lived wherever who stays did. Who stays goes back unless somebody let them live
    elsewhere since.
    """
    moved = live(tx, goes, _id(homes["goes"]))
    if _text(stays.household_id) == homes["shared"]:
        moved += live(tx, stays, _id(homes["stays"]))
    return moved


def _take_what_is_missing(tx: Session, stays: Member, goes: Member) -> dict[str, Any]:
    """What only the other entry knew; by name what was taken."""
    taken: dict[str, Any] = {}
    wanted = [*_IF_MISSING]
    if stays.station_id is None:
        wanted += _HOME
    elif stays.station_id == goes.station_id and stays.compound_id is None:
        wanted += _HOME[1:]
    for name in wanted:
        value = getattr(goes, name)
        if getattr(stays, name) is None and value is not None and value != stays.id:
            setattr(stays, name, value)
            taken[name] = str(value)
    if is_child(stays.birth_date, clock.today()) and "birth_date" in taken:
        # Children have a guardian and no login of their own: that is for a person to put right.
        stays.birth_date = None
        del taken["birth_date"]
    if stays.phone_hash is None and goes.phone_hash is not None:
        for column, content in people.phone_columns(stays.id, people.unseal_phone(goes)).items():
            setattr(stays, column, content)
        taken["phone"] = True
    more = [skill for skill in goes.skills if skill not in stays.skills][: SKILLS_MAX - len(stays.skills)]
    if more:
        stays.skills = [*stays.skills, *more]
        taken["skills"] = more
    return taken


def _share_teams(tx: Session, stays: Member, goes: Member, path: str) -> list[str]:
    """The teams that who stays joins by it: those of the own station and of places above it."""
    present = people.teams_of(tx, stays.id)
    homes = people.paths_of_teams(tx, people.teams_of(tx, goes.id) - present)
    joined = {team_id for team_id, home in homes.items() if path.startswith(home)}
    people.set_teams(tx, stays.id, present | joined)
    return sorted(str(team_id) for team_id in joined)


def _give_logins(tx: Session, stays: Member, goes: Member) -> list[dict[str, Any]]:
    """Who acted for the one acts for the other; what each login had, for the way back.

    A person has one own login: a second one goes on acting for who stays, without the person's roles.
    """
    present = {acting.login_id: acting.relation for acting in duplicates.list_logins(tx, stays.id)}
    given = []
    for login_id, relation, since in duplicates.list_logins(tx, goes.id):
        duplicates.remove_login_member(tx, login_id, goes.id)
        before = present.get(login_id)
        becomes = before or relation
        if relation == SELF:
            becomes = before or OTHER if SELF in present.values() else SELF
        if before is None:
            # To whoever looks back, it had nothing to do with who stays before.
            duplicates.add_login_member(tx, stays.id, Acting(login_id, becomes, clock.now()))
        elif before != becomes:
            duplicates.set_relation(tx, login_id, stays.id, becomes)
        present[login_id] = becomes
        given.append(
            {
                "login_id": str(login_id),
                "relation": relation,
                "since": None if since is None else since.isoformat(),
                "before": before,
                "becomes": becomes,
            }
        )
    return given


def _give_back(tx: Session, stays: Member, goes: Member, kept: dict[str, Any]) -> None:
    """Everything but the household as it was, unless somebody has changed it since."""
    present = {acting.login_id: acting.relation for acting in duplicates.list_logins(tx, stays.id)}
    for given in reversed(kept["logins"]):
        login_id = UUID(given["login_id"])
        now = present.get(login_id)
        if now is None and given["before"] is None and given["relation"] != SELF:
            continue  # let go since
        if now is not None and given["before"] is None:
            duplicates.remove_login_member(tx, login_id, stays.id)
        elif now == given["becomes"] and given["before"] is not None:
            duplicates.set_relation(tx, login_id, stays.id, given["before"])
        if (relation := _fits_now(tx, login_id, given["relation"])) is not None:
            since = None if given["since"] is None else datetime.fromisoformat(given["since"])
            duplicates.add_login_member(tx, goes.id, Acting(login_id, relation, since))
    taken = dict(kept["taken"])
    if taken.pop("phone", False) and stays.phone_hash == goes.phone_hash:
        for column, content in people.phone_columns(stays.id, None).items():
            setattr(stays, column, content)
    more = taken.pop("skills", [])
    stays.skills = [skill for skill in stays.skills if skill not in more]
    for name, value in taken.items():
        if _text(getattr(stays, name)) == value:
            setattr(stays, name, None)
    people.set_teams(tx, stays.id, people.teams_of(tx, stays.id) - {UUID(team_id) for team_id in kept["teams"]})
    still = set(duplicates.wards_of(tx, stays.id))
    if back := [ward for ward in map(UUID, kept["wards"]) if ward in still]:
        duplicates.give_wards(tx, back, goes.id)
    concerns.give(tx, stays.id, goes.id, of=[UUID(concern_id) for concern_id in kept["concerns"]])
    concerns.hand_over(tx, stays.id, goes.id, of=[UUID(concern_id) for concern_id in kept["handled"]])


def _fits_now(tx: Session, login_id: UUID, relation: str) -> str | None:
    """As what a login acts again for the entry that had gone. One that has become somebody else's own meanwhile acts
    for it as for others, and one that was forgotten with its person does not.
    """
    if not logins.is_there(tx, login_id):
        return None
    is_somebodys = relation == SELF and logins.own_member_id(tx, login_id) is not None
    return OTHER if is_somebodys else relation


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _audit(tx: Session, caller: Principal, action: str, goes: Member, stays: Member, path: str, reason: str) -> None:
    detail = {"into_member_id": str(stays.id), "reason": reason}
    audit.add(tx, caller, action, "member", goes.id, path=path, detail=detail)
