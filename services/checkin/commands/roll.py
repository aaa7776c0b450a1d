"""An organizer calls the roll: ticks who arrived and who left, and takes a tick back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.commands.activities import sites_called
from services.checkin.commands.attendances import digest_of, in_brief
from services.checkin.domain import attendances, entering, roll
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.entering import Entry
from services.checkin.domain.roll import AS_SITE_LEADER, Outcome, Running, Tick, Verdict, Wanted, Why
from services.checkin.domain.schedule import service_day
from services.checkin.store import Activity
from services.checkin.store import activities as activity_store
from services.checkin.store import attendances as attendance_store
from services.checkin.store import roll as store
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict
from shared.principal import Principal

NAMES_NOTED_FOR = timedelta(days=1)
"""How long one entry in the audit log holds for who reads the same names again."""

_REFUSED_BY = {attendances.AlreadyRecorded: Why.RECORDED, attendances.PairsUsedUp: Why.PAIRS_USED_UP}


@dataclass(frozen=True, slots=True)
class Ticked:
    """What became of a tick, and what is true of the member now. `by` and `at`: who acted last on what stands there,
    or on what the page showed, when that was not this tick; by a masked name, and nobody where it was a scan.
    """

    member_id: UUID
    verdict: Verdict
    standing: Attendance | None
    by: str | None = None
    at: datetime | None = None


@dataclass(slots=True)
class _Written:
    """What the ticks of one call come to, before it is written."""

    added: list[Attendance] = field(default_factory=list)
    left: list[Attendance] = field(default_factory=list)
    taken_back: list[Attendance] = field(default_factory=list)
    reopened: list[Attendance] = field(default_factory=list)


@transactional
def tick(tx: Session, caller: Principal, *, activity_id: UUID, ticks: Sequence[Tick]) -> list[Ticked]:
    """Make it so for each of these members, one tick a member, in this order.

    Each is decided alone, and one that comes twice is written once. Who ticks themselves or their household is
    refused, which is kept in the audit log. Who leads a site calls its roll, and no other, without a role.
    """
    member_ids = [each.member_id for each in ticks]
    store.take_turns(tx, activity_id, member_ids)
    # Read once the turn is ours: it may have been ended while we waited.
    activity = activity_store.get_activity(tx, activity_id)
    led = sites_called(caller, activity)
    running = Running(activity.stands, activity.schedule, clock.now())
    cards = copies.find_cards(tx, member_ids)
    pairs: dict[UUID, list[Attendance]] = defaultdict(list)
    # Who came before two entries of one person were merged is there as who stays.
    merged = copies.merged_into(tx, member_ids)
    for pair in attendance_store.lock_pairs_of(tx, activity_id, [*member_ids, *merged]):
        pairs[merged.get(pair.member_id, pair.member_id)].append(pair)
    known = {pair.id: pair for pair in attendance_store.find_several(tx, [each.id for each in ticks])}
    scanned = _scanned(tx, activity_id, ticks, merged)
    today = attendance_store.count_pairs(tx, member_ids, merged, [service_day(running.now)])
    written, ticked, own_cases = _Written(), [], []
    for each in ticks:
        card, found = cards.get(each.member_id), roll.standing(pairs[each.member_id])
        if each.id in known:
            verdict = _repeated(known[each.id], each, activity_id)
        elif caller.is_own_case(each.member_id, None if card is None else card.household_id):
            verdict = Verdict(Outcome.REFUSED, Why.OWN_CASE)
            own_cases.append(each)
        elif led is not None and not roll.is_within(each, found, _site_of(activity, each), led):
            # Where they are is not this leader's to know.
            verdict, found = Verdict(Outcome.REFUSED, Why.OTHER_SITE), None
        elif card is None or card.status != "active":
            verdict = Verdict(Outcome.REFUSED, Why.NOT_ACTIVE)
        else:
            verdict = roll.judge(each, found, scanned.get(found.id, ()) if found else (), running)
        if verdict.outcome is Outcome.DONE and each.id not in known:
            verdict, found = _apply(written, activity, running, each, pairs[each.member_id], today)
        ticked.append(Ticked(each.member_id, verdict, found))
    named = {"title": activity.title} | ({} if led is None else {"as": AS_SITE_LEADER})
    _write(tx, caller, activity, written, pairs, named)
    _log_own_cases(tx, caller, activity, own_cases, named)
    return _with_actors(tx, ticks, ticked, pairs)


@transactional
def note_names(tx: Session, caller: Principal, *, activity_id: UUID) -> None:
    """Record that who leads a site was told the names on its roll: once a day for each activity, since a page that is
    open on a phone asks again and again.
    """
    if not store.has_read_names(tx, caller.who, activity_id, since=clock.now() - NAMES_NOTED_FOR):
        activity = activity_store.get_activity(tx, activity_id)
        detail = {"title": activity.title, "as": AS_SITE_LEADER}
        audit.add(tx, caller, "roll.read_names", "activity", activity_id, path=activity.path, detail=detail)


def _site_of(activity: Activity, tick: Tick) -> UUID:
    return activity.sites[0].id if tick.site_id is None else activity_store.get_site(activity, tick.site_id).id


def _repeated(pair: Attendance, tick: Tick, activity_id: UUID) -> Verdict:
    """The answer to an arrival that was written before; Conflict when its id is of something else."""
    if (pair.member_id, pair.activity_id, tick.wanted) != (tick.member_id, activity_id, Wanted.ARRIVED):
        raise Conflict
    return Verdict(Outcome.DONE if pair.state is attendances.State.OPEN else Outcome.CHANGED)


def _scanned(tx: Session, activity_id: UUID, ticks: Sequence[Tick], merged: Iterable[UUID]) -> Mapping[UUID, set[Any]]:
    """Own scans, where a tick would take something back."""
    backwards = [each.member_id for each in ticks if each.wanted in (Wanted.NOT_ARRIVED, Wanted.NOT_LEFT)]
    return store.list_scanned(tx, activity_id, [*backwards, *merged]) if backwards else {}


def _apply(
    written: _Written,
    activity: Activity,
    running: Running,
    tick: Tick,
    pairs: Sequence[Attendance],
    today: Mapping[tuple[UUID, date], int],
) -> tuple[Verdict, Attendance | None]:
    """Note what a tick writes; the verdict may still be that a rule of attendances says no."""
    found = roll.standing(pairs)
    if tick.wanted is Wanted.ARRIVED:
        site_id = _site_of(activity, tick)
        try:
            pair = entering.enter(
                Entry(tick.id, activity.id, site_id, tick.member_id, running.now),
                running.schedule,
                running.now,
                others=[pair for pair in pairs if pair.site_id == site_id],
                pairs_of_day=today.get((tick.member_id, service_day(running.now)), 0),
            )
        except tuple(_REFUSED_BY) as refusal:
            return Verdict(Outcome.REFUSED, _REFUSED_BY[type(refusal)]), found
        written.added.append(pair)
        return Verdict(Outcome.DONE), pair
    assert found is not None
    if tick.wanted is Wanted.LEFT:
        left = attendances.leave(found, running.schedule, running.now)
        written.left.append(left)
        return Verdict(Outcome.DONE), left
    if tick.wanted is Wanted.NOT_LEFT:
        reopened = attendances.reopen(found)
        written.reopened.append(reopened)
        return Verdict(Outcome.DONE), reopened
    gone = roll.take_back(found, running.schedule, running.now)
    written.taken_back.append(gone)
    return Verdict(Outcome.DONE), roll.standing(gone if pair.id == gone.id else pair for pair in pairs)


def _write(
    tx: Session,
    caller: Principal,
    activity: Activity,
    written: _Written,
    before: Mapping[UUID, Sequence[Attendance]],
    about: Mapping[str, Any],
) -> None:
    digest = digest_of("roll", activity.id)
    if attendance_store.add_several(tx, [(pair, digest) for pair in written.added]) != {
        pair.id for pair in written.added
    }:
        raise Conflict  # an id that somebody else has taken in this very moment
    attendance_store.save(tx, [*written.left, *written.taken_back, *written.reopened])
    if written.left:
        attendance_store.mark_overlapping(tx, [pair.id for pair in written.left])

    def record(action: str, pairs: Sequence[Attendance], *told: str) -> None:
        details = {pair.id: _detail(about, pair, before, told) for pair in pairs}
        audit.add_each(tx, caller, action, "attendance", details, path=activity.path)

    record("attendance.add", written.added, "evidence", "arrived_at")
    record("attendance.leave", written.left)
    record("attendance.reject", written.taken_back, "reason", "before", "after")
    record("attendance.reopen", written.reopened, "before", "after")


def _detail(
    about: Mapping[str, Any], pair: Attendance, before: Mapping[UUID, Sequence[Attendance]], told: Sequence[str]
) -> dict[str, Any]:
    old = next((each for theirs in before.values() for each in theirs if each.id == pair.id), None)
    detail = {
        "evidence": pair.evidence.value,
        "arrived_at": pair.arrived_at.isoformat(),
        "reason": pair.reason,
        "before": old and in_brief(old),
        "after": in_brief(pair),
    }
    named = {**about, "member_id": str(pair.member_id)}
    return named | {name: detail[name] for name in told}


def _log_own_cases(
    tx: Session, caller: Principal, activity: Activity, refused: Sequence[Tick], about: Mapping[str, Any]
) -> None:
    details = {each.member_id: {**about, "wanted": each.wanted.value} for each in refused}
    audit.add_own_cases(tx, caller, "roll.refuse_own", details, path=activity.path)


def _with_actors(
    tx: Session, ticks: Sequence[Tick], ticked: Sequence[Ticked], pairs: Mapping[UUID, Sequence[Attendance]]
) -> list[Ticked]:
    """Say who was there before, where a tick met something that it had not expected. Of other activities and people
    nothing is told, whatever a client says that its page showed.
    """
    about = {
        one.member_id: one.standing.id if one.standing else each.seen
        for each, one in zip(ticks, ticked, strict=True)
        if one.verdict.outcome in (Outcome.ALREADY, Outcome.CHANGED)
    }
    own = {pair.id for here in pairs.values() for pair in here}
    wanted = [attendance_id for attendance_id in about.values() if attendance_id in own]
    acts = store.list_last_acts(tx, wanted) if wanted else {}
    told = []
    for one in ticked:
        stood = about.get(one.member_id)
        act = None if stood is None else acts.get(stood)
        told.append(one if act is None else replace(one, by=act.name_masked, at=act.at))
    return told
