"""Booking: members' books, held under lock, change in memory while a journal notes every change.

A command loads the books it needs, books all of its facts, and the store writes the journal down in
a handful of statements. So awards, corrections and spends share one arithmetic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.points.domain.ledger import (
    Account,
    AccountKind,
    Allocation,
    InsufficientPoints,
    Lot,
    Transfer,
    TransferKind,
    Unit,
    account_id,
    station_account,
)
from services.points.domain.rating import hundredths
from shared.ids import new_id

REFUND_LIVES_DAYS_MIN = 30


@dataclass(slots=True)
class Book:
    """What is known of one member while the points account is locked."""

    member_id: UUID
    chain_id: UUID
    points: int
    """The balance, lots that expired and were not yet ended included."""
    debt: int
    merged_into: UUID | None = None
    """Whose books took the place of these, which are empty since."""
    points_account: UUID = field(init=False)
    minutes_account: UUID = field(init=False)
    debt_account: UUID = field(init=False)
    lots: dict[UUID, Lot] = field(default_factory=dict)
    """As many of the oldest-expiring as this batch can need, and those it concerns."""
    caps: dict[tuple[date, str], int] = field(default_factory=dict)
    """Points earned by service day and category."""
    days: dict[date, int] = field(default_factory=dict)
    """Points earned by service day."""

    def __post_init__(self) -> None:
        self.points_account = account_id(AccountKind.MEMBER, Unit.PTS, self.member_id)
        self.minutes_account = account_id(AccountKind.MEMBER, Unit.MIN, self.member_id)
        self.debt_account = account_id(AccountKind.DEBT, Unit.PTS, self.member_id)

    def live_lots(self, at: datetime) -> list[Lot]:
        """Those with something in them, oldest-expiring first."""
        lots = [lot for lot in self.lots.values() if lot.remaining and not lot.is_expired(at)]
        return sorted(lots, key=lambda lot: (lot.expires_at is None, lot.expires_at or at, lot.id))

    def use_cap(self, day: date, category: str, points: int) -> None:
        self.caps[day, category] = self.caps.get((day, category), 0) + points
        self.days[day] = self.days.get(day, 0) + points


class Source(NamedTuple):
    """Why a transaction is booked, and when."""

    type: str
    id: UUID
    version: int
    station_id: UUID
    """Whose issuance or redemption account it concerns."""
    service_day: date
    at: datetime
    rule_id: UUID | None = None


class Origin(NamedTuple):
    """What comes to a member: from which of the station's accounts, and as which kind of transfer."""

    account: str
    transfer: str


AWARDED = Origin(AccountKind.ISSUANCE, TransferKind.AWARD)
OPENED = Origin(AccountKind.OPENING, TransferKind.OPENING)


class Leg(NamedTuple):
    """A booked transfer, as far as a reversal must know it."""

    id: UUID
    chain_id: UUID
    unit: str
    debit_id: UUID
    amount: int


class Journal:
    """Everything that a batch changes."""

    def __init__(self) -> None:
        self.transfers: list[Transfer] = []
        self.lots_new: dict[UUID, Lot] = {}
        self.lots_changed: dict[UUID, Lot] = {}
        self.allocations: list[Allocation] = []
        self.moved: dict[UUID, list[int]] = {}
        """Credits and debits by account; station's accounts are summed when they are sealed."""
        self._lines: dict[tuple[UUID, int], int] = {}

    def move(
        self,
        source: Source,
        chain_id: UUID,
        unit: str,
        kind: str,
        debit_id: UUID,
        credit_id: UUID,
        amount: int,
        reverses: UUID | None = None,
    ) -> UUID:
        key = (source.id, source.version)
        line = self._lines[key] = self._lines.get(key, 0) + 1
        transfer_id = new_id()
        self.transfers.append(
            Transfer(
                transfer_id,
                source.type,
                source.id,
                source.version,
                line,
                chain_id,
                unit,
                kind,
                debit_id,
                credit_id,
                amount,
                source.service_day,
                source.at,
                source.rule_id,
                reverses,
            )
        )
        return transfer_id

    def credit(self, account: UUID, amount: int) -> None:
        self.moved.setdefault(account, [0, 0])[0] += amount

    def debit(self, account: UUID, amount: int) -> None:
        self.moved.setdefault(account, [0, 0])[1] += amount

    def take_from_lots(self, transfer_id: UUID, taken: Iterable[tuple[Lot, int]]) -> None:
        for lot, amount in taken:
            lot.remaining -= amount
            self.allocations.append(Allocation(transfer_id, lot.id, amount))
            if lot.id not in self.lots_new:
                self.lots_changed[lot.id] = lot


# --- Awards -------------------------------------------------------------------------------------------


def award(
    journal: Journal,
    book: Book,
    source: Source,
    *,
    points: int,
    minutes: int,
    expires_at: datetime | None,
    origin: Origin = AWARDED,
) -> list[Leg]:
    """Bring points and minutes to a member; what the member owes is paid from the points first."""
    legs: list[Leg] = []
    if points:
        near = _bring(journal, book, source, Unit.PTS, book.points_account, points, legs, origin)
        lot = Lot(near, book.points_account, points, points, expires_at)
        journal.lots_new[near] = book.lots[near] = lot
        book.points += points
        pay_debt(journal, book, source, [lot])
    if minutes:
        _bring(journal, book, source, Unit.MIN, book.minutes_account, minutes, legs, origin)
    return legs


def _bring(
    journal: Journal, book: Book, source: Source, unit: str, account: UUID, amount: int, legs: list[Leg], origin: Origin
) -> UUID:
    issuance = account_id(origin.account, unit, source.station_id)
    if source.station_id != book.chain_id:
        clearing = account_id(AccountKind.CLEARING, unit, source.station_id)
        far = journal.move(source, source.station_id, unit, origin.transfer, issuance, clearing, amount)
        legs.append(Leg(far, source.station_id, unit, issuance, amount))
        issuance = account_id(AccountKind.CLEARING, unit, book.chain_id)
    near = journal.move(source, book.chain_id, unit, origin.transfer, issuance, account, amount)
    legs.append(Leg(near, book.chain_id, unit, issuance, amount))
    journal.credit(account, amount)
    return near


def reverse_award(
    journal: Journal,
    book: Book,
    source: Source,
    legs: Sequence[Leg],
    *,
    station_id: UUID,
    expired: int,
    origin: Origin = AWARDED,
) -> None:
    """Take an award back: from its own lot, then from what else the member has, the rest as debt.

    `station_id` is the station that issued it, `expired` the part of its lot that has been ended. The book is that
    of who has the points now, in whichever chain, and its own lot may have come in parts.
    """
    for unit in (Unit.PTS, Unit.MIN):
        booked = [leg for leg in legs if leg.unit == unit]
        if not booked:
            continue
        # Where the award crossed, the station's side was booked first.
        leg, far = booked[-1], booked[0].id if len(booked) > 1 else None
        target = issuance = account_id(origin.account, unit, station_id)
        if station_id != book.chain_id:
            clearing = account_id(AccountKind.CLEARING, unit, station_id)
            journal.move(source, station_id, unit, TransferKind.REVERSAL, clearing, issuance, leg.amount, far)
            target = account_id(AccountKind.CLEARING, unit, book.chain_id)
        if unit == Unit.MIN:
            journal.move(
                source, book.chain_id, unit, TransferKind.REVERSAL, book.minutes_account, target, leg.amount, leg.id
            )
            journal.debit(book.minutes_account, leg.amount)
        else:
            _take_back(journal, book, source, leg, target, expired)


def _take_back(journal: Journal, book: Book, source: Source, leg: Leg, target: UUID, expired: int) -> None:
    own = sorted((lot for lot in book.lots.values() if lot.origin == leg.id), key=lambda lot: lot.id)
    taken = choose(own, leg.amount)
    left = leg.amount - sum(amount for _, amount in taken)
    # What expired has left the member already; taking it once more would be unjust.
    from_expiry = min(left, expired)
    left -= from_expiry
    others = choose((lot for lot in book.live_lots(source.at) if lot.origin != leg.id), left)
    taken += others
    left -= sum(amount for _, amount in others)
    if amount := sum(amount for _, amount in taken):
        transfer = journal.move(
            source, book.chain_id, leg.unit, TransferKind.REVERSAL, book.points_account, target, amount, leg.id
        )
        journal.take_from_lots(transfer, taken)
        journal.debit(book.points_account, amount)
        book.points -= amount
    if from_expiry:
        expiry = account_id(AccountKind.EXPIRY, leg.unit, book.chain_id)
        kind = TransferKind.REVERSAL_EXPIRED
        journal.move(source, book.chain_id, leg.unit, kind, expiry, target, from_expiry, leg.id)
    if left:
        kind = TransferKind.REVERSAL_OWED
        journal.move(source, book.chain_id, leg.unit, kind, book.debt_account, target, left, leg.id)
        journal.debit(book.debt_account, left)
        book.debt += left


def pay_debt(journal: Journal, book: Book, source: Source, lots: Iterable[Lot]) -> None:
    """Pay what is owed from these lots, as far as they reach."""
    taken = choose(lots, book.debt)
    amount = sum(part for _, part in taken)
    if not amount:
        return
    transfer = journal.move(
        source, book.chain_id, Unit.PTS, TransferKind.DEBT_PAYMENT, book.points_account, book.debt_account, amount
    )
    journal.take_from_lots(transfer, taken)
    journal.debit(book.points_account, amount)
    journal.credit(book.debt_account, amount)
    book.points -= amount
    book.debt -= amount


# --- Spends -------------------------------------------------------------------------------------------


def spend(journal: Journal, book: Book, source: Source, amount: int) -> int:
    """Spend a member's points, those that expire first; returns what is left. InsufficientPoints changes nothing.

    Lots that have expired are ended first, so that it never matters when somebody swept them.
    """
    left = book.points - sum(lot.remaining for lot in book.lots.values() if lot.is_expired(source.at))
    if left < amount:
        raise InsufficientPoints(f"可用积分 {hundredths(left)}，不够 {hundredths(amount)}")
    end_expired(journal, book, source)
    redemption = account_id(AccountKind.REDEMPTION, Unit.PTS, source.station_id)
    target = redemption
    if source.station_id != book.chain_id:
        target = account_id(AccountKind.CLEARING, Unit.PTS, book.chain_id)
        clearing = account_id(AccountKind.CLEARING, Unit.PTS, source.station_id)
        journal.move(source, source.station_id, Unit.PTS, TransferKind.SPEND, clearing, redemption, amount)
    near = journal.move(source, book.chain_id, Unit.PTS, TransferKind.SPEND, book.points_account, target, amount)
    taken = choose(book.live_lots(source.at), amount)
    assert sum(part for _, part in taken) == amount, "the lots do not hold what the account holds"
    journal.take_from_lots(near, taken)
    journal.debit(book.points_account, amount)
    book.points -= amount
    return book.points


def end_expired(journal: Journal, book: Book, source: Source) -> None:
    """End the lots that have expired: their points go to the station's expiry account."""
    expired = [(lot, lot.remaining) for lot in book.lots.values() if lot.remaining and lot.is_expired(source.at)]
    if not expired:
        return
    amount = sum(part for _, part in expired)
    end = journal.move(
        source,
        book.chain_id,
        Unit.PTS,
        TransferKind.EXPIRY,
        book.points_account,
        account_id(AccountKind.EXPIRY, Unit.PTS, book.chain_id),
        amount,
    )
    journal.take_from_lots(end, expired)
    journal.debit(book.points_account, amount)
    book.points -= amount


def refund(journal: Journal, book: Book, source: Source, legs: Sequence[Leg], taken: Sequence[tuple[UUID, int]]) -> int:
    """Give a spend back to the lots it took; returns the balance. A lot that expired meanwhile lives 30 days more."""
    # Else what expired beside the spent part would come back to life with it.
    end_expired(journal, book, source)
    redemption = account_id(AccountKind.REDEMPTION, Unit.PTS, source.station_id)
    for leg in legs:
        if leg.chain_id != book.chain_id:
            clearing = account_id(AccountKind.CLEARING, Unit.PTS, leg.chain_id)
            journal.move(source, leg.chain_id, leg.unit, TransferKind.REFUND, redemption, clearing, leg.amount, leg.id)
            continue
        origin = redemption
        if source.station_id != book.chain_id:
            origin = account_id(AccountKind.CLEARING, Unit.PTS, book.chain_id)
        near = journal.move(
            source, leg.chain_id, leg.unit, TransferKind.REFUND, origin, book.points_account, leg.amount, leg.id
        )
        lots = [(book.lots[lot_id], amount) for lot_id, amount in taken]
        journal.take_from_lots(near, [(lot, -amount) for lot, amount in lots])
        for lot, _ in lots:
            if lot.is_expired(source.at):
                lot.expires_at = source.at + timedelta(days=REFUND_LIVES_DAYS_MIN)
        journal.credit(book.points_account, leg.amount)
        book.points += leg.amount
        pay_debt(journal, book, source, [lot for lot, _ in lots])
    return book.points


def station_accounts(pairs: Iterable[tuple[UUID, UUID]], kinds: Sequence[tuple[str, str]]) -> list[Account]:
    """The stations' accounts that transactions between a station and a member's chain can touch, in order of id."""
    stations = {station for pair in pairs for station in pair}
    accounts = [station_account(kind, unit, station) for station in stations for kind, unit in kinds]
    return sorted(accounts, key=lambda account: account.id)


def choose(lots: Iterable[Lot], amount: int) -> list[tuple[Lot, int]]:
    """Parts of lots in their order that make up the amount, or all there is."""
    chosen: list[tuple[Lot, int]] = []
    for lot in lots:
        if not amount:
            break
        if part := min(lot.remaining, amount):
            chosen.append((lot, part))
            amount -= part
    return chosen
