"""过往服务记录 that members tells of: what of them is known already, taking the others in, and taking them back.

Each becomes an attendance that was entered later, of a closed activity for each day, title and category (ADR 132).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.domain import activities, attendances, past
from services.checkin.domain.attendances import Attendance, State
from services.checkin.domain.past import Stay, activity_of
from services.checkin.domain.schedule import DURATION_MAX, service_day
from services.checkin.store import Activity
from services.checkin.store import activities as activity_store
from services.checkin.store import attendances as attendance_store
from services.checkin.store import past as store
from shared import audit, clock, copies, outbox, tokens
from shared.events import (
    Answer,
    AttendanceSettled,
    Evidence,
    PastService,
    PastServiceApproved,
    PastServicesAsked,
    PastServiceUndone,
    Signer,
)
from shared.principal import Kind, Principal

_NOT_YET = Answer(status="later", code="not_known_yet", detail="the member or the station is not known here yet")
_GONE = "这位志愿者已经不在册，或者已与另一份登记合并"
_APART = "和同一次活动已有的记录相差超过 24 小时，请核对起止时间"


def answer_asked(tx: Session, facts: Sequence[PastServicesAsked]) -> list[Answer]:
    """Handler of PastServicesAsked: which of the services would be left out now, and why."""
    answers = []
    for fact in facts:
        judged = _judge(tx, fact.services) if fact.services else {}
        left_out = {str(record_id): sentence for record_id, sentence in judged.items() if sentence is not None}
        answers.append(Answer(outcome={"left_out": left_out}))
    return answers


def _judge(tx: Session, services: Sequence[PastService]) -> dict[UUID, str | None]:
    """By record, why it is to be left out; None where it is new. Each counts for those after it."""
    stays, held = store.list_stays(tx, services), store.list_held(tx, services)
    held_on = {(station_id, service_day(starts_at), title) for station_id, starts_at, title in held}
    cards = copies.find_cards(tx, {service.member_id for service in services})
    found: dict[UUID, str | None] = {}
    for service in services:
        theirs: list[Stay] = stays.setdefault(service.member_id, [])
        here = (service.station_id, service.service_day, service.title)
        card = cards.get(service.member_id)
        gone = card is not None and card.status != "active"
        sentence = _GONE if gone else past.why_left_out(service, theirs, held=here in held_on)
        if sentence is None:
            theirs.append(past.as_stay(service))
        found[service.record_id] = sentence
    return found


# --- Taking in ----------------------------------------------------------------------------------------


def take_past(tx: Session, facts: Sequence[PastServiceApproved]) -> list[Answer]:
    """Handler of PastServiceApproved: take each in once, in one transaction, or say why it is left out."""
    activity_store.lock_each(tx, (activity_of(fact) for fact in facts))
    activity_store.lock_each(tx, (fact.member_id for fact in facts))
    known = {
        record_id: (record.digest, {"state": record.state, "detail": record.reason})
        for record_id, record in store.lock_records(tx, [fact.record_id for fact in facts]).items()
    }
    cards = copies.find_cards(tx, {fact.member_id for fact in facts})
    stations = store.list_stations(tx, (fact.station_id for fact in facts))
    fresh = {
        fact.record_id: fact
        for fact in facts
        if fact.record_id not in known and fact.member_id in cards and fact.station_id in stations
    }
    for record_id, sentence in _take(tx, list(fresh.values()), stations).items():
        state = past.State.TAKEN if sentence is None else past.State.LEFT_OUT
        known[record_id] = (_digest(fresh[record_id]), {"state": state.value, "detail": sentence})
    return [_answer(fact, known) for fact in facts]


def _answer(fact: PastServiceApproved, known: Mapping[UUID, tuple[bytes | None, dict[str, Any]]]) -> Answer:
    if fact.record_id not in known:
        return _NOT_YET
    digest, outcome = known[fact.record_id]
    if digest is not None and digest != _digest(fact):
        return Answer(status="refused", code="other_content", detail="this record came before with other content")
    return Answer(outcome=outcome)


def _digest(fact: PastServiceApproved) -> bytes:
    said = (fact.member_id, fact.station_id, fact.started_at.isoformat(), fact.ended_at.isoformat(), fact.title)
    return tokens.digest("|".join(map(str, (*said, fact.category))))


def _take(tx: Session, facts: Sequence[PastServiceApproved], stations: Mapping[UUID, Any]) -> dict[UUID, str | None]:
    """Write down everything that becomes of these; by record, why it was left out."""
    if not facts:
        return {}
    judged = _judge(tx, facts)
    by_activity: dict[UUID, list[PastServiceApproved]] = defaultdict(list)
    for fact in facts:
        if judged[fact.record_id] is None:
            by_activity[activity_of(fact)].append(fact)
    known = store.lock_activities(tx, by_activity)
    for activity_id, some in by_activity.items():
        by_activity[activity_id] = _fitting(known.get(activity_id), some, judged)
    made = {activity_id: some for activity_id, some in by_activity.items() if activity_id not in known}
    rows = [_new_activity(activity_id, some, stations[some[0].station_id]) for activity_id, some in made.items()]
    sites = [
        {"id": past.site_of(row["id"]), "activity_id": row["id"], "number": 1, "name": past.SITE_NAME}
        | {"place": row["place"], "leader_member_id": None}
        for row in rows
    ]
    store.add_activities(tx, rows, sites)
    known |= store.lock_activities(tx, made)
    pairs, changes = store.lock_pairs(tx, by_activity), _Changes()
    for activity_id, some in by_activity.items():
        if some:
            _add_to(known[activity_id], pairs[activity_id], some, changes)
            _record(tx, known[activity_id], some)
    _write(tx, changes)
    store.add_records(tx, [_new_record(fact, judged[fact.record_id]) for fact in facts])
    return judged


def _fitting(
    activity: Activity | None, facts: Sequence[PastServiceApproved], judged: dict[UUID, str | None]
) -> list[PastServiceApproved]:
    """Those with which the activity is no longer than an activity may be; the others are left out."""
    fitting: list[PastServiceApproved] = []
    first = facts[0]
    times = (activity.starts_at, activity.ends_at) if activity else (first.activity_starts_at, first.activity_ends_at)
    for fact in facts:
        starts_at, ends_at = past.stretched(*times, [fact])
        if ends_at - starts_at > DURATION_MAX:
            judged[fact.record_id] = _APART
        else:
            times = starts_at, ends_at
            fitting.append(fact)
    return fitting


def _new_activity(activity_id: UUID, facts: Sequence[PastServiceApproved], station: Any) -> dict[str, Any]:
    first = facts[0]
    starts_at, ends_at = past.stretched(first.activity_starts_at, first.activity_ends_at, facts)
    return {
        "id": activity_id,
        "state": activities.State.CLOSED.value,
        "title": first.title,
        "category": first.category,
        "station_id": first.station_id,
        "place": station.name,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "ended_at": ends_at,
        "window_before_minutes": 0,
        "confirm_each": False,
        "digest": tokens.digest(str(activity_id)),
        "created_by": first.brought_by.member_id,
        "created_at": clock.now(),
    }


def _new_record(fact: PastServiceApproved, sentence: str | None) -> dict[str, Any]:
    return {
        "id": fact.record_id,
        "import_id": fact.import_id,
        "member_id": fact.member_id,
        "activity_id": activity_of(fact) if sentence is None else None,
        "state": past.State.TAKEN.value if sentence is None else past.State.LEFT_OUT.value,
        "timed": fact.timed,
        "reason": sentence,
        "digest": _digest(fact),
        "brought_by": fact.brought_by.member_id,
        "approved_by": fact.approved_by.member_id,
        "at": clock.now(),
    }


@dataclass(slots=True)
class _Changes:
    """What becomes of the attendances of a batch, and what points is told of it."""

    new: list[Attendance] = field(default_factory=list)
    changed: list[Attendance] = field(default_factory=list)
    facts: list[AttendanceSettled] = field(default_factory=list)


def _add_to(
    activity: Activity, pairs: Sequence[Attendance], facts: Sequence[PastServiceApproved], changes: _Changes
) -> None:
    """Attendances of these services at their activity, confirmed; it lasts as long as all of them together."""
    before = activity.starts_at, activity.ends_at
    activity.starts_at, activity.ends_at = past.stretched(*before, facts)
    activity.ended_at = activity.ends_at
    activity.state, activity.reason = activities.State.CLOSED.value, None
    last_pairs: dict[UUID, int] = {}
    for pair in pairs:
        last_pairs[pair.member_id] = max(last_pairs.get(pair.member_id, 0), pair.pair)
    new = []
    for fact in facts:
        last_pairs[fact.member_id] = number = last_pairs.get(fact.member_id, 0) + 1
        new.append(attendances.leave(_open_pair(activity, fact, number), activity.schedule, fact.ended_at))
    touched = {pair.id: attendances.confirm(pair) for pair in new}
    everything = [*pairs, *new]
    changed = attendances.rate_together(everything, touched)
    if before != (activity.starts_at, activity.ends_at):
        seen = {pair.id for pair in changed}
        changed += attendances.rate_again([pair for pair in pairs if pair.id not in seen])
    changes.new += touched.values()
    changes.changed += [pair for pair in changed if pair.id not in touched]
    changes.facts += _facts(activity, everything, changed, touched, past.LONGER)


def _facts(
    activity: Activity,
    before: Sequence[Attendance],
    changed: Sequence[Attendance],
    touched: Mapping[UUID, Attendance],
    because: str,
) -> list[AttendanceSettled]:
    after = {pair.id: pair for pair in before} | {pair.id: pair for pair in changed}
    return attendances.facts_of(
        changed,
        list(after.values()),
        activity.schedule,
        title=activity.title,
        category=activity.category,
        station_id=activity.station_id,
        touched=touched,
        because=because,
    )


def _write(tx: Session, changes: _Changes) -> None:
    tx.flush()
    store.add_pairs(tx, changes.new)
    attendance_store.save(tx, changes.changed)
    outbox.add(tx, *changes.facts)


def _record(tx: Session, activity: Activity, facts: Sequence[PastServiceApproved]) -> None:
    """Both who brought them and who approved them answer for it, in the audit log of the activity."""
    by_signers: dict[tuple[UUID, Signer, Signer], list[str]] = defaultdict(list)
    for fact in facts:
        by_signers[fact.import_id, fact.brought_by, fact.approved_by].append(str(fact.record_id))
    path = activity.path
    for (import_id, brought_by, approved_by), ids in by_signers.items():
        detail = {"title": activity.title, "attendance_ids": ids}
        origin = detail | {"import_id": str(import_id)}
        audit.add(tx, _as(brought_by), "activity.take_over", "activity", activity.id, path=path, detail=origin)
        audit.add(tx, _as(approved_by), "activity.confirm_all", "activity", activity.id, path=path, detail=detail)


def _open_pair(activity: Activity, fact: PastServiceApproved, number: int) -> Attendance:
    return Attendance(
        id=fact.record_id,
        activity_id=activity.id,
        site_id=past.site_of(activity.id),
        member_id=fact.member_id,
        pair=number,
        state=State.OPEN,
        version=0,
        service_day=fact.service_day,
        arrived_at=fact.started_at,
        left_at=None,
        minutes=None,
        minutes_in_time=None,
        evidence=Evidence.ENTERED_LATER,
        marks=(),
        automatic_departure=False,
        reason=None,
    )


def _as(signer: Signer) -> Principal:
    """Who answers for it: their right was looked at where they said so."""
    return Principal(kind=Kind.LOGIN, audience="checkin", login_id=signer.login_id, own_member_id=signer.member_id)


# --- Taking back --------------------------------------------------------------------------------------


def undo_past(tx: Session, facts: Sequence[PastServiceUndone]) -> list[Answer]:
    """Handler of PastServiceUndone: annul what came in; what comes later is refused."""
    known = store.lock_records(tx, [fact.record_id for fact in facts])
    by_activity: dict[UUID, list[PastServiceUndone]] = defaultdict(list)
    unheard: dict[UUID, PastServiceUndone] = {}
    for fact in facts:
        record = known.get(fact.record_id)
        if record is None:
            unheard[fact.record_id] = fact
        elif record.state != past.State.UNDONE:
            if record.activity_id is not None:
                by_activity[record.activity_id].append(fact)
            record.state = past.State.UNDONE.value
    store.add_records(tx, [_unheard_record(fact) for fact in unheard.values()])
    found, pairs = store.lock_activities(tx, by_activity), store.lock_pairs(tx, by_activity)
    changes = _Changes()
    for activity_id, some in by_activity.items():
        _annul(tx, found[activity_id], pairs[activity_id], some, changes)
    _write(tx, changes)
    return [Answer(outcome={"state": past.State.UNDONE.value}) for _ in facts]


def _unheard_record(fact: PastServiceUndone) -> dict[str, Any]:
    return {
        "id": fact.record_id,
        "import_id": fact.import_id,
        "member_id": fact.member_id,
        "state": past.State.UNDONE.value,
        "timed": False,
        "at": clock.now(),
    }


def _annul(
    tx: Session,
    activity: Activity,
    pairs: Sequence[Attendance],
    facts: Sequence[PastServiceUndone],
    changes: _Changes,
) -> None:
    """Annul these at an activity; one at which nobody is left never was."""
    ids = {fact.record_id for fact in facts}
    touched = {
        pair.id: attendances.annul(pair, past.UNDONE)
        for pair in pairs
        if pair.id in ids and pair.state in attendances.SETTLED
    }
    if not touched:
        return
    changed = attendances.rate_together(pairs, touched)
    detail = {"title": activity.title, "reason": past.UNDONE}
    if not any(touched.get(pair.id, pair).state in attendances.LIVE for pair in pairs):
        activity.state, activity.reason = activities.State.CANCELLED.value, past.UNDONE
        by = _as(facts[-1].undone_by)
        audit.add(tx, by, "activity.cancel", "activity", activity.id, path=activity.path, detail=detail)
    changes.changed += changed
    changes.facts += _facts(activity, pairs, changed, touched, past.UNDONE)
    by_signer: dict[Signer, dict[UUID, str]] = defaultdict(dict)
    for fact in facts:
        if fact.record_id in touched:
            by_signer[fact.undone_by][fact.record_id] = activity.path
    for signer, paths in by_signer.items():
        audit.add_all(tx, _as(signer), "attendance.annul", "attendance", paths, detail=detail)
