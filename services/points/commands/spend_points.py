"""Spends: a redemption takes points, or gives them back.

A redemption's key is `redemption:<id>`; whatever is answered to it first stays the answer, a refusal
too. Voiding it reverses a spend that was confirmed, and uses up the key of one that is still to come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.commands.answers import Known, replay, write
from services.points.commands.book_attendances import hash_of
from services.points.commands.follow_merges import move_on
from services.points.domain import booking
from services.points.domain.booking import Book, Journal, Leg, Source, station_accounts
from services.points.domain.ledger import AccountKind, InsufficientPoints, SourceType, TransferKind, Unit
from services.points.domain.moving import Move
from services.points.store import books as store
from services.points.store import moves, settlement
from services.points.store.settlement import Given
from shared import clock, copies
from shared.events import Answer, RedemptionVoided, SpendRequested

POINTS_MAX = 100_000_000
SPEND_VERSION, REFUND_VERSION = 1, 2
_ACCOUNTS = [(kind, Unit.PTS) for kind in (AccountKind.REDEMPTION, AccountKind.EXPIRY, AccountKind.CLEARING)]
_VOIDED = {"state": "declined", "code": "voided", "detail": "这笔兑换已取消"}
_NOT_YET = Answer(status="later", code="stale_card", detail="rewards judged by a newer card of the member")
_LEFT = {"state": "declined", "code": "member_left", "detail": "这位志愿者已登记离开，积分暂停使用"}
_NOT_CONFIRMED = {"state": "declined", "code": "not_confirmed", "detail": "尚未由工作人员确认身份，暂不能兑换"}


def request_spends(tx: Session, facts: Sequence[SpendRequested]) -> list[Answer]:
    """Handler of SpendRequested: confirm or decline each redemption's spend, once and for all.

    One that rewards judged by a newer card is not declined by an older one, it is answered later.
    """
    sound = [fact for fact in facts if _refuse(fact) is None]
    cards = _list_cards(tx, [fact.member_id for fact in sound])
    # Of one that is early nothing is decided, not even where the member's account is to be opened.
    decidable = [fact for fact in sound if not _is_early(fact, cards)]
    books = store.lock_books(tx, {fact.member_id: fact.station_id for fact in decidable})
    known = settlement.list_answers(tx, [spend_key(fact.redemption_id) for fact in sound])
    fresh = [fact for fact in decidable if spend_key(fact.redemption_id) not in known]
    at, journal = clock.now(), Journal()
    given: list[Given] = []
    _prepare(tx, fresh, books, at)
    answers = []
    for fact in facts:
        # Not the card's version: it is how the redemption was judged, not what is asked.
        key, request_hash = spend_key(fact.redemption_id), hash_of(replace(fact, card_version=0))
        if (refusal := _refuse(fact)) is not None:
            answers.append(refusal)
            continue
        if key not in known:
            if _is_early(fact, cards):
                answers.append(_NOT_YET)
                continue
            card = cards.get(fact.member_id, _NO_CARD)
            outcome = _decide(journal, books[fact.member_id], fact, at) if card.may_redeem else _no(card)
            known[key] = (request_hash, outcome)
            given.append(Given(key, request_hash, outcome, fact.description, at))
        answers.append(replay(known, key, request_hash))
    write(tx, journal, given)
    return answers


def void_redemptions(tx: Session, facts: Sequence[RedemptionVoided]) -> list[Answer]:
    """Handler of RedemptionVoided: reverse the spend, or see to it that none can come."""
    # One without an account has nothing to give back, and where one belongs is not told here.
    books = store.lock_lines(tx, {fact.member_id: None for fact in facts})
    known = settlement.list_answers(
        tx, [key for fact in facts for key in (spend_key(fact.redemption_id), void_key(fact.redemption_id))]
    )
    at, journal = clock.now(), Journal()
    given: list[Given] = []
    moved: list[Move] = []
    spends = _load_spends(tx, facts, books, known, at)
    answers = []
    for fact in facts:
        key = void_key(fact.redemption_id)
        # Not the reason: a redemption is voided once, whoever says it again.
        request_hash = hash_of(replace(fact, reason=""))
        if key not in known:
            if (refusal := _refuse_void(tx, fact, spends)) is not None:
                answers.append(refusal)
                continue
            if spend_key(fact.redemption_id) not in known:
                known[spend_key(fact.redemption_id)] = (None, _VOIDED)
                given.append(Given(spend_key(fact.redemption_id), None, _VOIDED, fact.reason, at))
            outcome = {"state": "nothing_spent"}
            if (legs := spends.legs.get(fact.redemption_id)) is not None:
                outcome = {"state": "refunded"}
                payer = books[spends.payers[fact.redemption_id]]
                _refund(journal, payer, fact, legs, spends.taken, at)
                if payer.merged_into is not None:
                    moved.append(move_on(tx, journal, payer, store.holder_of(books, payer.member_id), at))
            known[key] = (request_hash, outcome)
            given.append(Given(key, request_hash, outcome, fact.reason, at))
        answers.append(replay(known, key, request_hash))
    write(tx, journal, given)
    moves.add_moves(tx, moved)
    return answers


def spend_key(redemption_id: UUID) -> str:
    return f"redemption:{redemption_id}"


def void_key(redemption_id: UUID) -> str:
    return f"void:{redemption_id}"


# --- Spend --------------------------------------------------------------------------------------------


def _refuse(fact: SpendRequested) -> Answer | None:
    if not 0 < fact.points <= POINTS_MAX or "\0" in fact.description:
        return Answer(status="refused", code="invalid", detail=f"points 1 to {POINTS_MAX}, text without a zero byte")
    return None


class _Card(NamedTuple):
    version: int
    may_redeem: bool
    """Staff has seen who it is, and the member is still there."""
    has_left: bool = False


_NO_CARD = _Card(0, False)


def _no(card: _Card) -> dict[str, Any]:
    return _LEFT if card.has_left else _NOT_CONFIRMED


def _list_cards(tx: Session, member_ids: Sequence[UUID]) -> dict[UUID, _Card]:
    """Of who was merged the card of who stays, since that one pays; mostly nobody was, and it is one statement."""
    rows = store.list_cards(tx, set(member_ids))
    stays = {one: one for one, row in rows.items() if row.merged_into is None}
    if len(stays) < len(rows):
        stays |= copies.who_stays(tx, rows.keys() - stays.keys())
        rows |= store.list_cards(tx, set(stays.values()) - rows.keys())
    # Without the card of who stays nothing can be decided: it is on its way. Versions are each member's own.
    return {
        member_id: _Card(rows[member_id].version, rows[one].may_redeem, rows[one].has_left)
        for member_id, one in stays.items()
        if one in rows
    }


def _is_early(fact: SpendRequested, cards: Mapping[UUID, _Card]) -> bool:
    """Whether a refusal, which is remembered for ever, would only say that our copy of the card is late."""
    card = cards.get(fact.member_id, _NO_CARD)
    return not card.may_redeem and card.version < fact.card_version


def _prepare(tx: Session, fresh: Sequence[SpendRequested], books: Mapping[UUID, Book], at: datetime) -> None:
    if not fresh:
        return
    needed: dict[UUID, int] = {}
    for fact in fresh:
        needed[fact.member_id] = needed.get(fact.member_id, 0) + fact.points
    store.load_lots(tx, books, needed, at)
    store.open_accounts(
        tx, station_accounts(((fact.station_id, books[fact.member_id].chain_id) for fact in fresh), _ACCOUNTS)
    )


def _decide(journal: Journal, book: Book, fact: SpendRequested, at: datetime) -> dict[str, Any]:
    source = Source(SourceType.REDEMPTION, fact.redemption_id, SPEND_VERSION, fact.station_id, clock.day_of(at), at)
    try:
        return {"state": "confirmed", "balance_after": booking.spend(journal, book, source, fact.points)}
    except InsufficientPoints as refusal:
        return {"state": "declined", "code": refusal.code, "detail": refusal.detail}


# --- Void ---------------------------------------------------------------------------------------------


class _Spends(NamedTuple):
    """The confirmed spends that a batch voids: their transfers by redemption, what each took of which lot, and who
    paid, which since a merge may be another than who redeemed.
    """

    legs: dict[UUID, list[Leg]]
    taken: dict[UUID, list[tuple[UUID, int]]]
    payers: dict[UUID, UUID]


def _load_spends(
    tx: Session,
    facts: Sequence[RedemptionVoided],
    books: dict[UUID, Book],
    known: Known,
    at: datetime,
) -> _Spends:
    """With the books of who paid, locked and filled with the lots they need."""
    ids = [
        fact.redemption_id
        for fact in facts
        if void_key(fact.redemption_id) not in known
        and known.get(spend_key(fact.redemption_id), (None, _VOIDED))[1]["state"] == "confirmed"
    ]
    if not ids:
        return _Spends({}, {}, {})
    legs = store.list_legs(tx, dict.fromkeys(ids, SPEND_VERSION), TransferKind.SPEND)
    taken = store.list_taken(tx, [leg.id for found in legs.values() for leg in found])
    payers = _lock_payers(tx, legs, books)
    store.load_lots(tx, books, dict.fromkeys(books, 0), at)
    store.load_lots_by_id(tx, books.values(), [lot_id for found in taken.values() for lot_id, _ in found])
    return _Spends(legs, taken, payers)


def _lock_payers(tx: Session, legs: Mapping[UUID, list[Leg]], books: dict[UUID, Book]) -> dict[UUID, UUID]:
    """Who paid each redemption, with that one's books among these."""
    by_account = {book.points_account: book.member_id for book in books.values()}
    debited = {leg.debit_id for found in legs.values() for leg in found}
    if strangers := store.list_owners(tx, debited - by_account.keys()):
        books |= store.lock_lines(tx, dict.fromkeys(set(strangers.values()) - books.keys()))
        by_account |= strangers
    payers = {
        redemption_id: by_account[leg.debit_id]
        for redemption_id, found in legs.items()
        for leg in found
        if leg.debit_id in by_account
    }
    chains = {(store.holder_of(books, payer).chain_id, books[payer].chain_id) for payer in payers.values()}
    if any(books[payer].merged_into is not None for payer in payers.values()):
        store.open_accounts(tx, station_accounts(chains, [(AccountKind.CLEARING, Unit.PTS)]))
    return payers


def _refuse_void(tx: Session, fact: RedemptionVoided, spends: _Spends) -> Answer | None:
    if "\0" in fact.reason:
        return Answer(status="refused", code="invalid", detail="text with a zero byte")
    payer = spends.payers.get(fact.redemption_id)
    if payer not in (None, fact.member_id) and payer not in moves.list_once_merged_into(tx, fact.member_id):
        return Answer(status="refused", code="other_content", detail="this redemption was another member's")
    return None


def _refund(
    journal: Journal,
    book: Book,
    fact: RedemptionVoided,
    legs: Sequence[Leg],
    taken: Mapping[UUID, list[tuple[UUID, int]]],
    at: datetime,
) -> None:
    elsewhere = [leg.chain_id for leg in legs if leg.chain_id != book.chain_id]
    source = Source(
        SourceType.REDEMPTION,
        fact.redemption_id,
        REFUND_VERSION,
        elsewhere[0] if elsewhere else book.chain_id,
        clock.day_of(at),
        at,
    )
    booking.refund(journal, book, source, legs, [part for leg in legs for part in taken.get(leg.id, [])])
