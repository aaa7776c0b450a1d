"""Use cases on files that are taken over: bringing one, deciding, taking one back. A worker does what takes long."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.domain import imports as rules
from services.members.domain.imports import Kind, State, Step
from services.members.domain.places import Level, NodeClosed, WrongLevel, may_be_home, path_above
from services.members.store import entries, imports, shown_imports, tree
from services.members.store.imports import ImportFile
from services.members.store.keys import keys
from shared import audit, clock, outbox, queue
from shared.db import after_commit, transactional
from shared.errors import Conflict, NotFound
from shared.events import RosterUndoAsked
from shared.principal import Principal, Role, Tried

JOB = "work_imports"
ASKED_AT_ONCE = 500
_ANSWERED_FOR = (Step.START, Step.APPROVE, Step.UNDO)
"""Steps that nobody takes for themselves or their household, where a file holds records."""


@transactional
def bring(
    tx: Session,
    caller: Principal,
    *,
    import_id: UUID,
    kind: Kind,
    station_id: UUID,
    file_name: str,
    content: bytes,
    half_day_minutes: int,
    year: int | None = None,
    category: str | None = None,
) -> dict[str, Any]:
    """Take a file in, to be read and checked; nothing of it is taken over yet. The same file again is refused."""
    place = tree.places(tx, [station_id])[station_id]
    caller.require(Role.STAFF, place.path)
    if not may_be_home(Level(place.level)):
        raise WrongLevel
    if place.closed:
        raise NodeClosed
    assert caller.login_id is not None
    assert caller.own_member_id is not None
    file_hash = hashlib.sha256(content).digest()
    imports.wait_for_others(tx)
    known = tx.get(ImportFile, import_id) or imports.find_live(tx, kind, station_id, file_hash)
    if known is not None:
        said = (known.id, known.file_hash, known.kind, known.station_id)
        if said == (import_id, file_hash, kind, station_id):
            return shown_imports.show(tx, caller, import_id)
        raise rules.SameFile(errors={"import_id": [str(known.id)]}) if known.id != import_id else Conflict
    tx.add(
        ImportFile(
            id=import_id,
            kind=kind,
            state=State.READING,
            station_id=station_id,
            file_name=file_name,
            file_hash=file_hash,
            size=len(content),
            content=keys().seal_bytes(import_id, content),
            half_day_minutes=half_day_minutes,
            year=year,
            category=category,
            created_at=clock.now(),
            created_by_login_id=caller.login_id,
            created_by_member_id=caller.own_member_id,
            found={},
            attempts=0,
            due_at=clock.now(),
        )
    )
    tx.flush()
    _ring(tx)
    audit.add(
        tx, caller, "import.bring", "import", import_id, path=place.path, detail={"name": file_name, "kind": kind}
    )
    return shown_imports.show(tx, caller, import_id)


@transactional
def step(
    tx: Session,
    caller: Principal,
    import_id: UUID,
    chosen: Step,
    *,
    half_day_minutes: int | None = None,
    year: int | None = None,
    category: str | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Go a step further with an import. Doing a step twice is doing it once, also when the worker has gone on since."""
    found, path = shown_imports.get_seen(tx, caller, import_id, lock=True)
    target = rules.next_state(chosen, Kind(found.kind))
    about = shown_imports.about(caller, found, path)
    if rules.was_taken(chosen, about):
        return shown_imports.show(tx, caller, import_id)
    rules.check_step(chosen, about, clock.now())
    if chosen is Step.APPROVE and entries.who_stays(tx, found.created_by_member_id) == caller.own_member_id:
        raise rules.SecondPersonNeeded
    if chosen is Step.CHECK and found.content is None:
        raise rules.NotNow
    vouches = found.kind in rules.VOUCHED and chosen in _ANSWERED_FOR
    if vouches and (own := imports.find_own_case(tx, import_id, caller.member_ids, caller.household_ids)):
        tried = Tried(f"import.{chosen}", path, "import", import_id, {"name": found.file_name, "kind": found.kind})
        caller.refuse_own_case(*own, tried, detail="名单里有您本人或同住家人，请另一位来办")
    if chosen in (Step.APPROVE, Step.REJECT):
        found.decided_at, found.decided_by_member_id = clock.now(), _second_person(caller, found)
        found.decided_by_login_id = caller.login_id
    if chosen is Step.UNDO:
        found.undone_by_login_id, found.undone_by_member_id = caller.login_id, caller.own_member_id
    found.half_day_minutes = half_day_minutes or found.half_day_minutes
    found.year, found.category = year or found.year, category or found.category
    found.reason = reason or found.reason
    found.state, found.attempts, found.due_at = target, 0, clock.now()
    if chosen is Step.UNDO and found.kind == Kind.ROSTER:
        _ask_who_was_seen(tx, import_id)
    if chosen is Step.DROP:
        found.content = None
        imports.put_rows(tx, import_id, ())
    tx.flush()
    _ring(tx)
    if chosen is not Step.CHECK:
        # Under the place at which the role must be held: above the station for what a second person decides.
        at = path if found.kind == Kind.ROSTER or chosen in (Step.START, Step.DROP) else path_above(path)
        detail = {"name": found.file_name, "kind": found.kind} | ({"reason": reason} if reason else {})
        audit.add(tx, caller, f"import.{chosen}", "import", import_id, path=at, detail=detail)
    return shown_imports.show(tx, caller, import_id)


def _second_person(caller: Principal, found: ImportFile) -> UUID | None:
    """Who decided; who brought the file may take it back, which is no decision on it."""
    return None if caller.own_member_id == found.created_by_member_id else caller.own_member_id


def _ask_who_was_seen(tx: Session, import_id: UUID) -> None:
    """Check-in's answers take the people back (`work_imports.take_outcome`)."""
    member_ids = [member_id for _number, member_id in imports.added(tx, import_id)]
    for at in range(0, len(member_ids), ASKED_AT_ONCE):
        outbox.add(tx, RosterUndoAsked(import_id=import_id, member_ids=tuple(member_ids[at : at + ASKED_AT_ONCE])))


@transactional
def read_file(tx: Session, caller: Principal, import_id: UUID) -> tuple[str, bytes]:
    """Name and content of a file as it was brought. Reading it is in the audit log: phones stand in it."""
    found, path = shown_imports.get_seen(tx, caller, import_id)
    if found.content is None:
        raise NotFound("这个文件已经不再保存")
    audit.add(tx, caller, "import_file.read", "import", import_id, path=path, detail={"name": found.file_name})
    return found.file_name, keys().unseal_bytes(import_id, found.content)


def _ring(tx: Session) -> None:
    after_commit(tx, JOB, lambda: queue.nudge("members", JOB))
