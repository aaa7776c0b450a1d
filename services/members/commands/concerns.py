"""People report what is wrong and complain; staff of the place answers, never for themselves or their household. Each
command answers with the concern as the caller may see it then.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.domain import concerns as rules
from services.members.domain.concerns import Kind, State
from services.members.domain.places import Level
from services.members.store import concerns as store
from services.members.store import creations, people, tree
from services.members.store.keys import keys
from services.members.store.models import Concern
from shared import audit, clock
from shared.db import transactional
from shared.errors import Forbidden, Invalid
from shared.principal import Principal, Role, Tried

_BELOW_STATIONS = (Level.COMPOUND.value, Level.BUILDING.value)


@transactional
def report(
    tx: Session,
    caller: Principal,
    *,
    concern_id: UUID,
    member_id: UUID,
    words: str,
    above: bool = False,
    about_type: str | None = None,
    about_id: UUID | None = None,
    about_day: date | None = None,
) -> dict[str, Any]:
    """Say that something is missing or wrong (反映问题), by a login that acts for the member; staff writes down what
    somebody without a phone says. Answered by the member's station, or `above` it.
    """
    by_staff = not caller.acts_for(member_id)
    if by_staff:
        member, path = people.get_as_staff(tx, caller, member_id)
        caller.refuse_own_case(member_id, member.household_id, Tried("concern.add", path))
    else:
        member, path = people.get_member(tx, member_id, lock=True), ""
    content = [member_id, words, above, about_type, about_id, about_day]
    if not creations.is_new(tx, Concern, concern_id, "concern", content):
        return store.show_receipt(tx, concern_id)
    if store.count_open(tx, member_id) >= rules.OPEN_MAX:
        raise rules.TooManyOpen
    store.add(
        tx,
        **_received(concern_id, Kind.CONCERN, member.station_id, words, above),
        member_id=member_id,
        about_type=about_type,
        about_id=about_id,
        about_day=about_day,
        by_staff=by_staff,
    )
    if by_staff:
        audit.add(tx, caller, "concern.add", "concern", concern_id, path=path, detail={"member_id": str(member_id)})
    return store.show_receipt(tx, concern_id)


@transactional
def complain(
    tx: Session,
    caller: Principal,
    *,
    concern_id: UUID,
    node_id: UUID,
    words: str,
    above: bool = False,
    member_id: UUID | None = None,
    contact: str | None = None,
) -> dict[str, Any]:
    """Complain or propose (投诉建议), by anybody: as a member of the login, under a contact, or anonymously, and then
    nothing is kept of who it was. What is about the people who work at the place goes to the node `above`.
    """
    if member_id is not None:
        caller.require_acts_for(member_id)
        people.get_member(tx, member_id, lock=True)
    node = tree.get_open_node(tx, node_id)
    if node.level in _BELOW_STATIONS:
        raise Invalid("请选择实践站、所或中心")
    if not creations.is_new(tx, Concern, concern_id, "complaint", [node_id, words, above, member_id, contact]):
        return store.show_receipt(tx, concern_id)
    store.add(
        tx,
        **_received(concern_id, Kind.COMPLAINT, node_id, words, above),
        member_id=member_id,
        contact_encrypted=None if contact is None else keys().seal(concern_id, contact),
        by_staff=False,
    )
    return store.show_receipt(tx, concern_id)


def _received(concern_id: UUID, kind: Kind, node_id: UUID | None, words: str, above: bool) -> dict[str, Any]:
    return {
        "id": concern_id,
        "kind": kind.value,
        "state": State.RECEIVED.value,
        "node_id": node_id,
        "above": above,
        "words": words,
        "created_at": clock.now(),
        "due_on": rules.due_on(clock.today()),
    }


@transactional
def take(tx: Session, caller: Principal, concern_id: UUID) -> dict[str, Any]:
    """Handle it from now on, also in the place of somebody else. Doing so twice changes nothing."""
    concern, path = _hold(tx, caller, concern_id, "concern.take")
    rules.require_open(State(concern.state))
    if _is_anonymous(concern):
        raise rules.NobodyToAnswer
    if concern.state == State.IN_PROGRESS and concern.handler_member_id == caller.own_member_id:
        return store.show(tx, caller, concern_id)
    concern.state, concern.handler_member_id = State.IN_PROGRESS.value, caller.own_member_id
    _record(tx, caller, "concern.take", concern, path)
    return store.show(tx, caller, concern_id)


@transactional
def answer(
    tx: Session, caller: Principal, concern_id: UUID, *, answer: str, corrected_id: UUID | None = None
) -> dict[str, Any]:
    """Answer it, and say what was put right, if anything was. The same answer once more changes nothing."""
    concern, path = _hold(tx, caller, concern_id, "concern.answer")
    if concern.state == State.ANSWERED and (concern.answer, concern.corrected_id) == (answer, corrected_id):
        return store.show(tx, caller, concern_id)
    rules.require_open(State(concern.state))
    if _is_anonymous(concern):
        raise rules.NobodyToAnswer
    concern.state, concern.handler_member_id = State.ANSWERED.value, caller.own_member_id
    concern.answer, concern.answered_at, concern.corrected_id = answer, clock.now(), corrected_id
    _record(tx, caller, "concern.answer", concern, path)
    return store.show(tx, caller, concern_id)


@transactional
def mark_read(tx: Session, caller: Principal, concern_id: UUID) -> dict[str, Any]:
    """Say that an anonymous one was read: nobody can be answered."""
    concern, path = _hold(tx, caller, concern_id, "concern.read")
    if not _is_anonymous(concern):
        raise rules.NotAnonymous
    if concern.state == State.READ:
        return store.show(tx, caller, concern_id)
    concern.state, concern.handler_member_id = State.READ.value, caller.own_member_id
    _record(tx, caller, "concern.read", concern, path)
    return store.show(tx, caller, concern_id)


@transactional
def reopen(tx: Session, caller: Principal, concern_id: UUID, *, because: str) -> dict[str, Any]:
    """Say that the answer does not settle it: once, within ten days. Staff writes down what somebody says."""
    concern, path, household_id = store.lock(tx, concern_id)
    by_staff = concern.member_id is None or not caller.acts_for(concern.member_id)
    if by_staff:
        _require_staff(caller, concern, path, household_id, "concern.reopen")
    if concern.reopened_at is not None and concern.reopened_because == because and concern.answer is None:
        return store.show(tx, caller, concern_id)
    now = clock.now()
    rules.require_reopenable(State(concern.state), concern.answered_at, concern.reopened_at, now)
    concern.state, concern.handler_member_id = State.RECEIVED.value, None
    concern.answer_before, concern.answer, concern.answered_at = concern.answer, None, None
    concern.answer_seen_at = None
    concern.reopened_at, concern.reopened_because = now, because
    concern.due_on = rules.due_on(clock.today())
    if by_staff:
        _record(tx, caller, "concern.reopen", concern, path)
    return store.show(tx, caller, concern_id)


@transactional
def open_concern(tx: Session, caller: Principal, concern_id: UUID) -> dict[str, Any]:
    """Read one. Whom an answer is for has seen it from then on, so that it is no news any more."""
    store.note_seen(tx, concern_id, caller.member_ids)
    return store.show(tx, caller, concern_id)


@transactional
def read_contact(tx: Session, caller: Principal, concern_id: UUID) -> str | None:
    """How somebody without a login can be answered; that it was read is recorded."""
    concern, path = _hold(tx, caller, concern_id, "concern.read_contact")
    if concern.contact_encrypted is None:
        return None
    _record(tx, caller, "concern.read_contact", concern, path)
    return keys().unseal(concern.id, concern.contact_encrypted)


def _hold(tx: Session, caller: Principal, concern_id: UUID, act: str) -> tuple[Concern, str]:
    """One that the caller may handle, locked, and the path at which it is answered."""
    concern, path, household_id = store.lock(tx, concern_id)
    _require_staff(caller, concern, path, household_id, act)
    return concern, path


def _require_staff(caller: Principal, concern: Concern, path: str, household_id: UUID | None, act: str) -> None:
    if not caller.may(Role.STAFF, path):
        is_own = concern.member_id is not None and caller.acts_for(concern.member_id)
        raise Forbidden if is_own else rules.NoSuchConcern
    if concern.member_id is not None:
        tried = Tried(act, path, "concern", concern.id, {"number": concern.number})
        caller.refuse_own_case(concern.member_id, household_id, tried)


def _is_anonymous(concern: Concern) -> bool:
    return concern.member_id is None and concern.contact_encrypted is None


def _record(tx: Session, caller: Principal, action: str, concern: Concern, path: str) -> None:
    detail = {"number": concern.number, "member_id": concern.member_id and str(concern.member_id)}
    audit.add(tx, caller, action, "concern", concern.id, path=path, detail=detail)
