"""期初结转: what members had on paper comes to their accounts, and is taken back when its import is undone.

An opening's key is `opening:<id>`; undoing it reverses what was booked, or uses up the key of what is still to come.
Boards know nothing of either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.commands.answers import Known, replay, write
from services.points.commands.book_attendances import hash_of
from services.points.domain import booking
from services.points.domain.booking import OPENED, Book, Journal, Leg, Source, station_accounts
from services.points.domain.ledger import AccountKind, SourceType, TransferKind, Unit
from services.points.store import books as store
from services.points.store import settlement
from services.points.store.settlement import Given
from shared import clock
from shared.events import Answer, OpeningApproved, OpeningUndone

POINTS_MAX, MINUTES_MAX = 100_000_000, 6_000_000
OPENED_VERSION, UNDONE_VERSION = 1, 2
_ACCOUNTS = [(kind, unit) for kind in (AccountKind.OPENING, AccountKind.CLEARING) for unit in (Unit.PTS, Unit.MIN)]
_UNDONE = {"state": "undone"}


def book_openings(tx: Session, facts: Sequence[OpeningApproved]) -> list[Answer]:
    """Handler of OpeningApproved: book each opening balance once, from the opening account of its station."""
    sound = [fact for fact in facts if _refuse(fact) is None]
    books = store.lock_books(tx, {fact.member_id: fact.station_id for fact in sound})
    known = settlement.list_answers(tx, [opening_key(fact.opening_id) for fact in sound])
    store.open_accounts(
        tx, station_accounts(((fact.station_id, books[fact.member_id].chain_id) for fact in sound), _ACCOUNTS)
    )
    at, journal = clock.now(), Journal()
    given: list[Given] = []
    answers = []
    for fact in facts:
        if (refusal := _refuse(fact)) is not None:
            answers.append(refusal)
            continue
        key, request_hash = opening_key(fact.opening_id), hash_of(fact)
        if key not in known:
            outcome = _open(journal, books[fact.member_id], fact, at)
            known[key] = (request_hash, outcome)
            given.append(Given(key, request_hash, outcome, fact.description, at))
        answers.append(replay(known, key, request_hash))
    write(tx, journal, given)
    return answers


def undo_openings(tx: Session, facts: Sequence[OpeningUndone]) -> list[Answer]:
    """Handler of OpeningUndone: reverse the opening balance by the rules of every reversal; what was spent is owed."""
    books = store.lock_books(tx, {fact.member_id: None for fact in facts})
    keys = [key for fact in facts for key in (opening_key(fact.opening_id), undo_key(fact.opening_id))]
    known = settlement.list_answers(tx, keys)
    at, journal = clock.now(), Journal()
    legs = _load(tx, [fact for fact in facts if _is_standing(fact, known)], books, known, at)
    given: list[Given] = []
    answers = []
    for fact in facts:
        key, request_hash = undo_key(fact.opening_id), hash_of(fact)
        booked = known.get(opening_key(fact.opening_id))
        if booked is not None and booked[1].get("member_id", str(fact.member_id)) != str(fact.member_id):
            answers.append(Answer(status="refused", code="other_content", detail="this opening was another member's"))
            continue
        if key not in known:
            if booked is None:
                known[opening_key(fact.opening_id)] = (None, _UNDONE)
                given.append(Given(opening_key(fact.opening_id), None, _UNDONE, "", at))
            elif fact.opening_id in legs:
                source = _source(fact, UNDONE_VERSION, at)
                booking.reverse_award(
                    journal,
                    books[fact.member_id],
                    source,
                    legs[fact.opening_id],
                    station_id=fact.station_id,
                    expired=0,
                    origin=OPENED,
                )
            known[key] = (request_hash, _UNDONE)
            given.append(Given(key, request_hash, _UNDONE, "", at))
        answers.append(replay(known, key, request_hash))
    write(tx, journal, given)
    return answers


def opening_key(opening_id: UUID) -> str:
    return f"opening:{opening_id}"


def undo_key(opening_id: UUID) -> str:
    return f"opening-undo:{opening_id}"


def _refuse(fact: OpeningApproved) -> Answer | None:
    in_reason = 0 <= fact.points <= POINTS_MAX and 0 <= fact.minutes <= MINUTES_MAX and fact.points + fact.minutes > 0
    if not in_reason or "\0" in fact.description:
        return Answer(status="refused", code="invalid", detail="neither points nor minutes, or out of all reason")
    return None


def _open(journal: Journal, book: Book, fact: OpeningApproved, at: datetime) -> dict[str, Any]:
    source = _source(fact, OPENED_VERSION, at)
    booking.award(journal, book, source, points=fact.points, minutes=fact.minutes, expires_at=None, origin=OPENED)
    return {"state": "booked", "points": fact.points, "minutes": fact.minutes, "member_id": str(fact.member_id)}


def _source(fact: OpeningApproved | OpeningUndone, version: int, at: datetime) -> Source:
    return Source(SourceType.OPENING, fact.opening_id, version, fact.station_id, clock.day_of(at), at)


def _is_standing(fact: OpeningUndone, known: Known) -> bool:
    booked = known.get(opening_key(fact.opening_id), (None, _UNDONE))[1]
    return undo_key(fact.opening_id) not in known and booked["state"] == "booked"


def _load(
    tx: Session, facts: Sequence[OpeningUndone], books: Mapping[UUID, Book], known: Known, at: datetime
) -> dict[UUID, list[Leg]]:
    """The transfers that are to be reversed, by opening, and in the books the lots that may be taken from."""
    if not facts:
        return {}
    legs = store.list_legs(tx, {fact.opening_id: OPENED_VERSION for fact in facts}, TransferKind.OPENING)
    needed: dict[UUID, int] = {}
    for fact in facts:
        amount = known[opening_key(fact.opening_id)][1]["points"]
        needed[fact.member_id] = needed.get(fact.member_id, 0) + amount
    store.load_lots(tx, books, needed, at)
    ids = [leg.id for found in legs.values() for leg in found if leg.unit == Unit.PTS]
    store.load_lots_by_id(tx, books.values(), ids)
    return legs
