"""Use cases of being forgotten: asking, thinking again, and the erasure itself (ADR 113)."""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.commands.operator import OPERATOR
from services.members.commands.own_data import require_password
from services.members.domain import erasures as rules
from services.members.domain.departures import undo_until
from services.members.domain.names import AGE_OF_OWN_CONSENT, years_before
from services.members.store import claims, creations, erasures, logins, people
from services.members.store.models import Erasure, Member
from shared import audit, clock
from shared.db import session, transactional
from shared.errors import HuzhuError, NotFound
from shared.principal import Principal, Role, Tried

DUE_AT_ONCE_MAX = 100
log = logging.getLogger(__name__)


def ask(caller: Principal, *, erasure_id: UUID, member_id: UUID, password: str | None = None) -> dict[str, Any]:
    """Ask that a member be forgotten, seven days from now: the member's own login, or where there is none one that acts
    for the member, with its password again; or staff of the station for who asked in person, and for the family of who
    is gone. Again changes nothing.
    """
    if caller.acts_for(member_id):
        require_password(caller, password or "")
    return _ask(caller, erasure_id, member_id)


@transactional
def _ask(tx: Session, caller: Principal, erasure_id: UUID, member_id: UUID) -> dict[str, Any]:
    own = caller.acts_for(member_id)
    member, path = _get(tx, caller, member_id, "member.ask_erasure")
    if own and logins.own_login_id(tx, member_id) not in (None, caller.login_id):
        raise rules.ForThePerson
    if erasures.find_open(tx, member_id) is None:
        _check(tx, member)
        if not creations.is_new(tx, Erasure, erasure_id, "erasure", [member_id], member_id=member_id):
            raise rules.ErasureOver
        now = clock.now()
        tx.add(
            Erasure(
                id=erasure_id,
                member_id=member_id,
                path=path,
                asked_at=now,
                asked_by=caller.who,
                due_at=now + rules.WAITS,
                state="asked",
            )
        )
        tx.flush()
        if own:
            audit.add(tx, caller, "login.ask_erasure", "member", member_id, path=path)
        else:
            audit.add(tx, caller, "member.ask_erasure", "member", member_id, path=path)
    shown = erasures.show_open(tx, member_id)
    assert shown is not None
    return shown


def _get(tx: Session, caller: Principal, member_id: UUID, act: str) -> tuple[Member, str]:
    """The member, locked, and the path, for the own login and for staff of another household."""
    if caller.acts_for(member_id):
        member = people.get_member(tx, member_id, lock=True)
        return member, people.path_of(tx, member)
    member, path = people.get_as_staff(tx, caller, member_id, may_be_gone=True)
    caller.refuse_own_case(member.id, member.household_id, Tried(act, path))
    return member, path


def _check(tx: Session, member: Member) -> list[tuple[Member, UUID]]:
    """Who has roles loses them first, and no child is left without anybody. The children whose guardian the member is,
    each with who is to be it.
    """
    if erasures.has_roles(tx, member.id):
        raise rules.HasRoles
    heirs = []
    for child, heir_id in list_children(tx, member):
        if heir_id is None:
            raise rules.ChildLeftAlone
        if child.guardian_id == member.id:
            heirs.append((child, heir_id))
    return heirs


def list_children(tx: Session, member: Member) -> list[tuple[Member, UUID | None]]:
    """The children, locked, whose guardian a member is or for whom the member's login acts, each with who else is
    there for the child, if anybody is.
    """
    own_id = logins.own_login_id(tx, member.id)
    born_after = years_before(clock.today(), AGE_OF_OWN_CONSENT)
    found = []
    for child in erasures.list_children(tx, member.id, own_id, born_after):
        others = (one for one in claims.others_acting(tx, child.id, own_id) if one != member.id)
        found.append((child, next(others, None)))
    return found


@transactional
def withdraw(tx: Session, caller: Principal, erasure_id: UUID) -> None:
    """Think again, while it is not done. Doing it again changes nothing."""
    erasure = _lock(tx, erasure_id)
    if erasure.state == "done":
        raise rules.ErasureOver
    own = caller.acts_for(erasure.member_id)
    _member, path = _get(tx, caller, erasure.member_id, "member.withdraw_erasure")
    if own and logins.own_login_id(tx, erasure.member_id) not in (None, caller.login_id):
        raise rules.ForThePerson
    if erasure.state == "asked":
        _end(erasure, caller, "withdrawn")
        if own:
            audit.add(tx, caller, "login.withdraw_erasure", "member", erasure.member_id, path=path)
        else:
            audit.add(tx, caller, "member.withdraw_erasure", "member", erasure.member_id, path=path)


@transactional
def confirm(tx: Session, caller: Principal, erasure_id: UUID) -> None:
    """Staff has seen that nothing is open, and the member is forgotten at once. Doing it again changes nothing."""
    erasure = _lock(tx, erasure_id)
    if erasure.state == "done" and caller.may(Role.STAFF, erasure.path):
        return
    if caller.acts_for(erasure.member_id):
        caller.require(Role.STAFF, erasure.path)
        caller.refuse_own_case(erasure.member_id, None, Tried("member.erase", erasure.path))
    member, path = _get(tx, caller, erasure.member_id, "member.erase")
    if erasure.state == "withdrawn":
        raise rules.ErasureOver
    dead_since = erasures.marked_dead_at(tx, member.id) if member.status == "left" else None
    if dead_since is not None and clock.now() < undo_until(dead_since):
        raise rules.DeathTooFresh
    _erase(tx, caller, erasure, member, path)


def erase_due() -> int:
    """Forget whom the days have run out of; returns how many. Who has roles or a child waits, and stays listed."""
    due = erasures.list_due(session(), clock.now(), DUE_AT_ONCE_MAX)
    return sum(_erase_if_due(erasure_id) for erasure_id in due)


def _erase_if_due(erasure_id: UUID) -> bool:
    try:
        return _erase_one(erasure_id)
    except HuzhuError as refusal:
        log.info("an erasure waits", extra={"erasure": str(erasure_id), "code": refusal.code})
        return False


@transactional
def _erase_one(tx: Session, erasure_id: UUID) -> bool:
    erasure = _lock(tx, erasure_id)
    if erasure.state != "asked" or erasure.due_at > clock.now():
        return False
    member = _who_asked(tx, erasure.member_id)
    if member.status == "erased":
        _end(erasure, OPERATOR, "done")
        return False
    _erase(tx, OPERATOR, erasure, member, people.path_of(tx, member))
    return True


def _who_asked(tx: Session, member_id: UUID) -> Member:
    """The person, locked, whatever became of them since: who was merged into another is that one."""
    member = tx.get_one(Member, member_id, with_for_update=True, populate_existing=True)
    return member if member.merged_into is None else _who_asked(tx, member.merged_into)


def _erase(tx: Session, caller: Principal, erasure: Erasure, member: Member, path: str) -> None:
    heirs = _check(tx, member)
    for child, guardian_id in heirs:
        child.guardian_id = guardian_id
    tx.flush()
    changed = {*erasures.forget(tx, member.id), *(child.id for child, _guardian_id in heirs)}
    erasures.forget_logins(tx, member.id)
    people.tell(tx, sorted(changed))
    _end(erasure, caller, "done")
    audit.add(tx, caller, "member.erase", "member", member.id, path=path)


def _lock(tx: Session, erasure_id: UUID) -> Erasure:
    erasure = erasures.lock(tx, erasure_id)
    if erasure is None:
        raise NotFound
    return erasure


def _end(erasure: Erasure, caller: Principal, state: str) -> None:
    erasure.state, erasure.ended_at, erasure.ended_by = state, clock.now(), caller.who
