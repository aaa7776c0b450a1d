"""What a member has goes over to another member's accounts: points lot by lot, minutes, debt.

Everything passes the clearing accounts, also within one station's chain, so that a move between two
chains is booked like any other, and every lot's part stands in a transfer of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from services.points.domain.booking import Book, Journal, Source, pay_debt
from services.points.domain.ledger import AccountKind, Lot, TransferKind, Unit, account_id


class MoveKind:
    MERGE: Final = "merge"
    UNMERGE: Final = "unmerge"
    FAMILY: Final = "family"
    DONATION: Final = "donation"


class Move(NamedTuple):
    """That something went from one member to another, and how much: what its transfers do not say."""

    id: UUID
    kind: str
    from_member_id: UUID
    to_member_id: UUID | None
    """None: to the pool of a station."""
    points: int
    """Hundredths."""
    minutes: int
    debt: int
    at: datetime
    to_station_id: UUID | None = None


class Served(NamedTuple):
    """What members' live attendances came to at a station, on a day and in a category."""

    station_id: UUID
    service_day: date
    category: str
    points: int
    minutes: int
    attendances: int


class Hours(NamedTuple):
    """Minutes of a month of service, under the month's last day with any; or what was taken over from paper, which is
    of no month.
    """

    day: date
    minutes: int
    from_paper: bool


def move_points(
    journal: Journal,
    source: Source,
    giver: Book,
    taker: Book,
    lots: Iterable[Lot],
    kind: str = TransferKind.MERGE,
) -> int:
    """Move all that is left of these lots; each becomes a lot of the taker with the same expiry. Returns how much.

    A merge brings a part of the award along, which its reversal finds; a gift is the taker's own from then on.
    """
    given = [(lot, lot.remaining) for lot in lots if lot.remaining]
    total = sum(amount for _, amount in given)
    if not total:
        return 0
    out = journal.move(source, giver.chain_id, Unit.PTS, kind, giver.points_account, _clearing(giver), total)
    journal.take_from_lots(out, given)
    journal.debit(giver.points_account, total)
    giver.points -= total
    for lot, amount in given:
        near = journal.move(source, taker.chain_id, Unit.PTS, kind, _clearing(taker), taker.points_account, amount)
        origin = lot.origin if kind == TransferKind.MERGE else None
        came = Lot(near, taker.points_account, amount, amount, lot.expires_at, origin)
        journal.lots_new[near] = taker.lots[near] = came
    journal.credit(taker.points_account, total)
    taker.points += total
    return total


def donate_points(journal: Journal, source: Source, giver: Book, station_id: UUID) -> int:
    """Move all points that live to a station's pool. Returns how much."""
    given = [(lot, lot.remaining) for lot in giver.live_lots(source.at)]
    total = sum(amount for _, amount in given)
    if total:
        pool = account_id(AccountKind.POOL, Unit.PTS, station_id)
        near = account_id(AccountKind.CLEARING, Unit.PTS, station_id)
        out = journal.move(
            source, giver.chain_id, Unit.PTS, TransferKind.GIFT, giver.points_account, _clearing(giver), total
        )
        journal.move(source, station_id, Unit.PTS, TransferKind.GIFT, near, pool, total)
        journal.take_from_lots(out, given)
        journal.debit(giver.points_account, total)
        giver.points -= total
    return total


def move_minutes(journal: Journal, source: Source, giver: Book, taker: Book, hours: Iterable[Hours]) -> int:
    """Move minutes under days of service, so that each month's hours stay what they were, and what was taken over from
    paper stays that. Returns how many.
    """
    total = 0
    for day, minutes, from_paper in hours:
        served = source._replace(service_day=day)
        kind = TransferKind.OPENING if from_paper else TransferKind.MERGE
        out, near = _clearing(giver, Unit.MIN), _clearing(taker, Unit.MIN)
        journal.move(served, giver.chain_id, Unit.MIN, kind, giver.minutes_account, out, minutes)
        journal.move(served, taker.chain_id, Unit.MIN, kind, near, taker.minutes_account, minutes)
        journal.debit(giver.minutes_account, minutes)
        journal.credit(taker.minutes_account, minutes)
        total += minutes
    return total


def move_debt(journal: Journal, source: Source, giver: Book, taker: Book, amount: int) -> int:
    """Move what is owed: the giver's debt is paid from clearing, the taker owes as much more."""
    if amount:
        out, near = _clearing(giver), _clearing(taker)
        journal.move(source, giver.chain_id, Unit.PTS, TransferKind.MERGE, out, giver.debt_account, amount)
        journal.move(source, taker.chain_id, Unit.PTS, TransferKind.MERGE, taker.debt_account, near, amount)
        journal.credit(giver.debt_account, amount)
        journal.debit(taker.debt_account, amount)
        giver.debt -= amount
        taker.debt += amount
    return amount


def restore_debt(
    journal: Journal, source: Source, book: Book, payment_id: UUID, taken: Sequence[tuple[UUID, int]]
) -> None:
    """Take back a payment that a merge brought about: the lots have it again, and it is owed again."""
    amount = sum(part for _, part in taken)
    kind = TransferKind.DEBT_RESTORED
    back = journal.move(
        source, book.chain_id, Unit.PTS, kind, book.debt_account, book.points_account, amount, payment_id
    )
    journal.take_from_lots(back, [(book.lots[lot_id], -part) for lot_id, part in taken])
    journal.debit(book.debt_account, amount)
    journal.credit(book.points_account, amount)
    book.debt += amount
    book.points += amount


def move_everything(
    journal: Journal, source: Source, giver: Book, taker: Book, hours: Iterable[Hours]
) -> tuple[int, int, int]:
    """Leave the giver with nothing; the taker pays what is owed then. Returns points, minutes and debt moved."""
    moved = (
        move_points(journal, source, giver, taker, giver.live_lots(source.at)),
        move_minutes(journal, source, giver, taker, hours),
        move_debt(journal, source, giver, taker, giver.debt),
    )
    pay_debt(journal, taker, source, taker.live_lots(source.at))
    return moved


def _clearing(book: Book, unit: str = Unit.PTS) -> UUID:
    return account_id(AccountKind.CLEARING, unit, book.chain_id)
