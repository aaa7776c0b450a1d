"""A member scans a place code."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.checkin.domain import activities, admission, attendances, codes
from services.checkin.domain.admission import Outcome, Situation, Why
from services.checkin.domain.attendances import Attendance, Mark
from services.checkin.domain.codes import Direction, PlaceCode
from services.checkin.domain.schedule import Schedule, service_day
from services.checkin.store import attendances as attendance_store
from services.checkin.store import scans as store
from services.checkin.store.scans import Lost, Reading, Record
from shared import clock, outbox
from shared.db import transactional
from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Principal, Role
from shared.settings import Keyring

_ATTEMPTS_MAX = 5
_MUST_WAIT = {Mark.LATE_SCAN, Mark.OWN_CASE}
"""Known on arrival already."""


@dataclass(frozen=True, slots=True)
class Window:
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the member is told: the stored outcome, and the activity it belongs to."""

    member_id: UUID
    outcome: Outcome
    direction: Direction | None
    at: datetime
    marks: tuple[Mark, ...]
    why: Why | None
    waits: bool
    attendance_id: UUID | None
    activity_id: UUID | None
    title: str | None
    window: Window | None
    reason: str | None
    """Why the activity was called off, when that is why the scan was refused."""

    @property
    def detail(self) -> str:
        return admission.sentence(self.outcome, self.direction, self.why)


def record_scans(caller: Principal, *, code: str, member_ids: Sequence[UUID]) -> list[Receipt]:
    """One code for several members of a login: each is decided and kept on its own."""
    for member_id in member_ids:
        caller.require_acts_for(member_id)
    return [record_scan(caller, code=code, member_id=member_id) for member_id in member_ids]


def record_scan(caller: Principal, *, code: str, member_id: UUID) -> Receipt:
    """Record that a member scanned a code, on arriving or leaving.

    `code` is the code's text or the URL it stands in. The same member and code are the same scan:
    repeating it returns its first outcome. Refusals are outcomes too, and are kept.
    """
    caller.require_acts_for(member_id)
    for _attempt in range(_ATTEMPTS_MAX):
        try:
            return _record_scan(caller, code, member_id)
        except Lost:
            continue
    raise Unavailable


@transactional
def _record_scan(tx: Session, caller: Principal, text: str, member_id: UUID) -> Receipt:
    reading = _reading(caller, text, member_id)
    code = reading.code
    if code is None:
        return _receipt(store.find_by_id(tx, reading.scan_id) or _note_forged(tx, reading), None, None)
    found = store.read_situation(tx, reading, code)
    # The card of somebody who has just registered may still be on its way.
    active = found.member_status in (None, "active")
    merged = store.Merged()
    if found.has_merged and found.scan_id is None:
        meant = _who_is_meant(tx, code, member_id, found)
        if meant != member_id:
            reading = _reading(caller, text, meant)
            found = store.read_situation(tx, reading, code)
        if found.site_id is not None:
            merged = store.read_merged(tx, reading, code, found, member_id)
    return _decide(tx, caller, reading, code, found, active=active, merged=merged)


def _who_is_meant(tx: Session, code: PlaceCode, member_id: UUID, found: Row[Any]) -> UUID:
    """Who came before two entries of one person were merged leaves the stay of that entry, and does not come twice."""
    merged = store.find_merged_here(tx, code, member_id)
    if merged is None or found.last_state == attendances.State.OPEN.value:
        return member_id
    gone, state = merged
    has_left = code.direction is Direction.DEPARTURE and found.last_state is None
    return gone if state is attendances.State.OPEN or has_left else member_id


def _decide(
    tx: Session,
    caller: Principal,
    reading: Reading,
    code: PlaceCode,
    found: Row[Any],
    *,
    active: bool,
    merged: store.Merged,
) -> Receipt:
    known = store.find_by_id(tx, reading.scan_id) if found.scan_id is not None else None
    if found.site_id is None:  # a draft's code, whose site was removed since
        return _receipt(known or _note_forged(tx, reading), None, None)
    if known is not None:
        return _receipt(known, code, found)
    full = bool(found.is_full) and store.is_full_of_people(tx, code, reading.member_id)
    situation = _situation(caller, found, active=active, merged=merged, full=full)
    verdict = admission.judge(code.direction, code.freshness(reading.at), reading.at, situation)
    record = Record(
        reading.member_id,
        verdict.outcome,
        code.direction,
        reading.at,
        marks=verdict.marks,
        why=verdict.why,
        activity_id=code.activity_id,
    )
    if verdict.outcome not in (Outcome.OK, Outcome.LATE_SCAN):
        record = replace(record, attendance_id=found.last_id)
        store.note(tx, reading, record)
    elif code.direction is Direction.ARRIVAL:
        record = replace(record, attendance_id=new_id(), waits=bool(_MUST_WAIT & set(verdict.marks)))
        store.arrive(tx, reading, record, found, merged_today=merged.today)
    else:
        record = _leave(tx, reading, record, code, found)
    return _receipt(record, code, found)


def _leave(tx: Session, reading: Reading, record: Record, code: PlaceCode, found: Row[Any]) -> Record:
    schedule = _schedule(found)
    pair = store.last_pair(found, code, reading.member_id)
    # Whether it overlaps is known now; on arrival it was a guess about what was still open elsewhere.
    pair = replace(pair, marks=tuple(mark for mark in pair.marks if mark is not Mark.OVERLAPPING))
    left = attendances.leave(pair, schedule, reading.at, own_scan=True, marks=record.marks)
    settles = attendances.confirms_itself(left, confirm_each=found.confirm_each)
    if settles:
        left = attendances.confirm(left)
    record = replace(record, attendance_id=left.id, waits=not settles)
    has_settled_others = store.leave(tx, reading, record, left, found)
    if settles:
        changed = after = [left]
        if has_settled_others:
            changed, after = _rate_with_others(tx, pair, left)
        about = {"title": found.title, "category": found.category, "station_id": found.station_id}
        outbox.add(tx, *attendances.facts_of(changed, after, schedule, **about, touched={left.id}))
    return record


def _rate_with_others(tx: Session, pair: Attendance, left: Attendance) -> tuple[list[Attendance], list[Attendance]]:
    """What changes by this departure, and all the member's pairs here after it."""
    after = attendance_store.lock_pairs_beside(tx, left.id)
    before = [pair if each.id == left.id else each for each in after]
    changed = attendances.rate_together(before, {left.id: left})
    attendance_store.save(tx, [each for each in changed if each.id != left.id])
    return changed, after


def _note_forged(tx: Session, reading: Reading) -> Record:
    record = Record(reading.member_id, Outcome.INVALID_CODE, None, reading.at, why=Why.FORGED)
    store.note(tx, replace(reading, code=None), record)
    return record


def _reading(caller: Principal, text: str, member_id: UUID) -> Reading:
    text = text.strip().rpartition("/")[2]
    keyring: Keyring = current_app.config["CODE_KEYS"]
    received_at = clock.now()
    # What the gateway saw first counts, so that a slow login is not late; never what is yet to come.
    at = min(caller.read_at or received_at, received_at)
    as_read = text.encode("utf-8", "surrogatepass")
    scan_id = UUID(bytes=hashlib.sha256(member_id.bytes + as_read).digest()[:16])
    return Reading(
        scan_id=scan_id,
        member_id=member_id,
        login_id=caller.login_id,
        code=codes.read(text, keyring.keys),
        at=at,
        received_at=received_at,
        day=service_day(at),
        code_digest=hashlib.sha256(as_read).digest()[:16],
    )


def _situation(caller: Principal, found: Row[Any], *, active: bool, merged: store.Merged, full: bool) -> Situation:
    return Situation(
        state=activities.State(found.activity_state),
        schedule=_schedule(found),
        active=active,
        last=found.last_state and attendances.State(found.last_state),
        last_left_at=found.last_left_at,
        pairs_today=found.pairs_today + merged.today,
        full=full,
        overlapping=found.overlapping or merged.overlapping,
        # Whoever may ask for the codes need not be there to read them, nor log in where they are used.
        own_case=found.is_of_leaders or caller.has_among_its_own(Role.ORGANIZER, found.path),
    )


def _schedule(found: Row[Any]) -> Schedule:
    return Schedule(found.starts_at, found.ends_at, found.window_before_minutes)


def _receipt(record: Record, code: PlaceCode | None, found: Row[Any] | None) -> Receipt:
    window = None
    if found is not None and code is not None:
        schedule = _schedule(found)
        window = (
            Window(schedule.arrival_opens_at, schedule.ends_at)
            if code.direction is Direction.ARRIVAL
            else Window(schedule.starts_at, schedule.departure_closes_at)
        )
    return Receipt(
        member_id=record.member_id,
        outcome=record.outcome,
        direction=record.direction,
        at=record.at,
        marks=record.marks,
        why=record.why,
        waits=record.waits,
        attendance_id=record.attendance_id,
        activity_id=record.activity_id,
        title=found.title if found is not None else None,
        window=window,
        reason=found.activity_reason if found is not None and record.why is Why.CANCELLED else None,
    )
