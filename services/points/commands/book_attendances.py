"""Settlement: attendances that were confirmed, corrected or annulled become awards."""

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.points.commands.seal_transfers import ring
from services.points.domain.booking import Book, Journal, station_accounts
from services.points.domain.ledger import AccountKind, TransferKind, Unit
from services.points.domain.settlement import Award, Desk, Outcome, Refusal, find_fault, in_order, refuse, settle
from services.points.store import books as store
from services.points.store import settlement, standings
from shared import clock
from shared.events import Answer, AttendanceSettled, Event

_ACCOUNTS = [(kind, unit) for kind in (AccountKind.ISSUANCE, AccountKind.CLEARING) for unit in (Unit.PTS, Unit.MIN)]


def book_attendances(tx: Session, facts: Sequence[AttendanceSettled]) -> list[Answer]:
    """Handler of AttendanceSettled: book each fact once, in one transaction, and answer each.

    The key of a fact is attendance and version. The same fact again gets the same answer; another
    fact under the same key is refused.
    """
    answers = {id(fact): _refused(fault) for fact in facts if (fault := find_fault(fact)) is not None}
    sound = [fact for fact in facts if id(fact) not in answers]
    books = store.lock_books(tx, {fact.member_id: fact.station_id for fact in sound})
    known = settlement.list_outcomes(tx, list({fact.attendance_id for fact in sound}))
    desk = _set_up(tx, sound, books, known)
    fresh: list[Outcome] = []
    for fact in in_order(sound):
        key, request_hash = (fact.attendance_id, fact.version), hash_of(fact)
        if (outcome := known.get(key)) is None:
            refusal = refuse(fact, desk.rules, desk.latest.get(fact.attendance_id))
            if refusal is not None:
                answers[id(fact)] = _refused(refusal)
                continue
            outcome = known[key] = settle(desk, fact, request_hash)
            fresh.append(outcome)
        elif outcome.request_hash != request_hash:
            answers[id(fact)] = _refused(Refusal("other_content", "this version came before with other content"))
            continue
        answers[id(fact)] = _answer(outcome)
    _write(tx, desk, fresh)
    return [answers[id(fact)] for fact in facts]


def hash_of(fact: Event) -> bytes:
    """SHA-256 of an event's content, without what stands at its default: so a field that the event gets
    later does not make an old fact look like another.

    In one order, whatever order the fields came in: sent at once they come as the event has them, from an
    outbox as JSONB does, shorter names first.
    """
    defaults = _defaults_of(cast(Any, type(fact)))
    content = {name: value for name, default in defaults.items() if (value := getattr(fact, name)) != default}
    return hashlib.sha256(msgspec.json.encode(content)).digest()


@functools.cache
def _defaults_of(kind: Any) -> dict[str, Any]:
    fields = sorted(dataclasses.fields(kind), key=lambda field: (len(field.name), field.name))
    return {field.name: field.default for field in fields}


def _set_up(
    tx: Session, facts: Sequence[AttendanceSettled], books: dict[UUID, Book], known: dict[tuple[UUID, int], Outcome]
) -> Desk:
    latest: dict[UUID, Outcome] = {}
    for outcome in known.values():
        if outcome.attendance_id not in latest or latest[outcome.attendance_id].version < outcome.version:
            latest[outcome.attendance_id] = outcome
    fresh = [fact for fact in facts if (fact.attendance_id, fact.version) not in known]
    at = clock.now()
    reversible = [
        latest[attendance_id]
        for attendance_id in {fact.attendance_id for fact in fresh} & latest.keys()
        if latest[attendance_id].award_version is not None and latest[attendance_id].member_id in books
    ]
    days = [(books[fact.member_id], fact.service_day) for fact in fresh]
    days += [(books[outcome.member_id], outcome.service_day) for outcome in reversible]
    settlement.load_caps(tx, books.values(), days)
    # Since a merge an old award may lie in another chain than the one it was booked in.
    crossed = [(fact.station_id, books[fact.member_id].chain_id) for fact in fresh]
    crossed += [(outcome.station_id, books[outcome.member_id].chain_id) for outcome in reversible]
    store.open_accounts(tx, station_accounts(crossed, _ACCOUNTS))
    return Desk(at, settlement.list_rules(tx), books, latest, _load_awards(tx, books, reversible, at), Journal(), [])


def _load_awards(tx: Session, books: dict[UUID, Book], reversible: Sequence[Outcome], at: Any) -> dict[UUID, Award]:
    """The awards that this batch may reverse, and the lots that may be taken from."""
    if not reversible:
        return {}
    versions = {outcome.attendance_id: outcome.award_version or 0 for outcome in reversible}
    legs = store.list_legs(tx, versions, TransferKind.AWARD)
    needed: dict[UUID, int] = {}
    for outcome in reversible:
        needed[outcome.member_id] = needed.get(outcome.member_id, 0) + outcome.points
    store.load_lots(tx, books, needed, at)
    points = {leg.id: attendance_id for attendance_id, found in legs.items() for leg in found if leg.unit == Unit.PTS}
    store.load_lots_by_id(tx, books.values(), list(points))
    awards = {outcome.attendance_id: Award(legs.get(outcome.attendance_id, [])) for outcome in reversible}
    expired = store.list_expired(tx, list(points))
    for lot_id, amount in expired.items():
        awards[points[lot_id]].expired = amount
    if expired:
        chains = {(book.chain_id, book.chain_id) for book in books.values()}
        store.open_accounts(tx, station_accounts(chains, [(AccountKind.EXPIRY, Unit.PTS)]))
    return awards


def _write(tx: Session, desk: Desk, fresh: Sequence[Outcome]) -> None:
    if not fresh:
        return
    settlement.add_outcomes(tx, fresh)
    store.write(tx, desk.journal)
    settlement.keep_caps(tx, desk.books.values())
    netted: dict[tuple[Any, ...], list[int]] = {}
    for change in desk.changes:
        total = netted.setdefault(change[:3], [0, 0, 0])
        for position, amount in enumerate(change[3:]):
            total[position] += amount
    standings.add(tx, [standings.Delta(*key, *total) for key, total in netted.items() if any(total)])
    if desk.journal.transfers:
        ring(tx)


def _answer(outcome: Outcome) -> Answer:
    return Answer(outcome={"state": outcome.state, "points": outcome.points, "minutes": outcome.minutes_booked})


def _refused(refusal: Refusal) -> Answer:
    return Answer(status="refused", code=refusal.code, detail=refusal.detail)
