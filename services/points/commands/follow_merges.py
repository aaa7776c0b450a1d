"""Members who turned out to be one person: what they have lies with who stays, and comes back when it was a mistake.

A card says into whom a member is merged; the books follow it. So news may come twice and in any order:
what counts is where the books stand and what the card says now.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.commands.seal_transfers import ring
from services.points.domain import booking, moving
from services.points.domain.booking import Book, Journal, Source, station_accounts
from services.points.domain.ledger import AccountKind, SourceType, Unit
from services.points.domain.moving import Move, MoveKind, Served
from services.points.store import books as store
from services.points.store import moves, standings
from services.points.store.standings import Delta
from shared import clock
from shared.ids import new_id

_EVERYTHING = 2**62
_ACCOUNTS = [(AccountKind.CLEARING, Unit.PTS), (AccountKind.CLEARING, Unit.MIN), (AccountKind.EXPIRY, Unit.PTS)]
LEAVING_ACCOUNTS = [*_ACCOUNTS, (AccountKind.POOL, Unit.PTS)]


def follow_merges(tx: Session, member_ids: Sequence[UUID]) -> set[UUID]:
    """Bring the books of these members to where their cards say; returns for whom it is too early."""
    unlike = moves.list_unlike_cards(tx, member_ids)
    return {pointer.member_id for pointer in unlike if not _follow(tx, pointer.member_id, pointer.target)}


def _follow(tx: Session, member_id: UUID, target: UUID | None) -> bool:
    """False, and nothing done, while what this depends on has not come."""
    concerned = [member_id] if target is None else [member_id, target]
    homes = store.list_homes(tx, concerned)
    somewhere = homes.get(member_id) or homes.get(concerned[-1])
    books = store.lock_lines(tx, {one: homes.get(one) or somewhere for one in concerned})
    if any(one not in books for one in concerned):
        return False  # at home nowhere, as far as is known here
    own = books[member_id]
    if own.merged_into == target:
        return True
    if target is not None and store.holder_of(books, target) is own:
        return False  # both ways at once: the one merge must be taken back before the other is true
    if own.merged_into is not None:
        holder = books[own.merged_into]
        if holder.merged_into is not None:
            return False  # what is merged last comes back first
        _take_out(tx, own, holder, clock.now())
    if target is not None:
        _bring_in(tx, own, store.holder_of(books, target), target, clock.now())
    ring(tx)
    return True


def _bring_in(tx: Session, own: Book, holder: Book, target: UUID, at: datetime) -> None:
    """Everything goes over to who stays, or to whom that one was merged into."""
    served = moves.list_served(tx, moves.list_line(tx, own.member_id))
    journal, source = begin(tx, own, holder, at, new_id())
    booking.end_expired(journal, own, source)
    moved = moving.move_everything(journal, source, own, holder, moves.list_minutes(tx, own))
    store.write(tx, journal)
    moves.add_moves(tx, [Move(source.id, MoveKind.MERGE, own.member_id, holder.member_id, *moved, at)])
    _count_with(tx, served, own, holder)
    moves.point_to(tx, own, target)


def _take_out(tx: Session, own: Book, holder: Book, at: datetime) -> None:
    """What the member brought along, or has earned since, comes back as far as it is still there."""
    line = moves.list_line(tx, own.member_id)
    served, minutes = moves.list_served(tx, line), moves.list_minutes_of(tx, line)
    journal, source = begin(tx, own, holder, at, new_id())
    booking.end_expired(journal, holder, source)
    payments = moves.list_payments(tx, own, holder)
    taken = store.list_taken(tx, payments)
    store.load_lots_by_id(tx, [holder], [lot_id for parts in taken.values() for lot_id, _ in parts])
    for payment_id in payments:
        moving.restore_debt(journal, source, holder, payment_id, taken[payment_id])
    theirs = moves.list_lots_of(tx, holder, line)
    lots = [lot for lot in holder.live_lots(at) if lot.id in theirs]
    moved = (
        moving.move_points(journal, source, holder, own, lots),
        moving.move_minutes(journal, source, holder, own, minutes),
        moving.move_debt(journal, source, holder, own, _debt_back(tx, own, holder)),
    )
    for book in (holder, own):
        booking.pay_debt(journal, book, source, book.live_lots(at))
    store.write(tx, journal)
    moves.add_moves(tx, [Move(source.id, MoveKind.UNMERGE, holder.member_id, own.member_id, *moved, at)])
    _count_with(tx, served, holder, own)
    moves.point_to(tx, own, None)


def _debt_back(tx: Session, own: Book, holder: Book) -> int:
    """What of the member's debt is still owed."""
    return max(0, min(moves.sum_debt_moved(tx, own, holder), holder.debt))


def begin(tx: Session, own: Book, holder: Book, at: datetime, move_id: UUID) -> tuple[Journal, Source]:
    """A move between two members, with all lots of both at hand and the stations' accounts open that it can touch."""
    store.open_accounts(tx, station_accounts([(own.chain_id, holder.chain_id)], _ACCOUNTS))
    books = {book.member_id: book for book in (own, holder)}
    store.load_lots(tx, books, dict.fromkeys(books, _EVERYTHING), at)
    return Journal(), Source(SourceType.MOVE, move_id, 1, holder.chain_id, clock.day_of(at), at)


def _count_with(tx: Session, served: Sequence[Served], giver: Book, taker: Book) -> None:
    """Caps and boards count with the one what they counted with the other."""
    moves.move_caps(tx, served, giver, taker)
    sums: dict[tuple[UUID, object], Served] = {}
    for one in served:
        known = sums.get((one.station_id, one.service_day))
        sums[one.station_id, one.service_day] = one if known is None else _both(known, one)
    deltas = [_delta(one, taker.member_id, 1) for one in sums.values()]
    deltas += [_delta(one, giver.member_id, -1) for one in sums.values()]
    standings.add(tx, [delta for delta in deltas if delta.points or delta.minutes or delta.attendances])


def _both(one: Served, other: Served) -> Served:
    return one._replace(
        points=one.points + other.points,
        minutes=one.minutes + other.minutes,
        attendances=one.attendances + other.attendances,
    )


def _delta(one: Served, member_id: UUID, sign: int) -> Delta:
    amounts = (sign * one.points, sign * one.minutes, sign * one.attendances)
    return Delta(one.station_id, one.service_day, member_id, *amounts)


def move_on(tx: Session, journal: Journal, giver: Book, taker: Book, at: datetime) -> Move:
    """What came back to a member who was merged goes on to who stays, in the same journal."""
    source = Source(SourceType.MOVE, new_id(), 1, taker.chain_id, clock.day_of(at), at)
    moved = moving.move_everything(journal, source, giver, taker, [])
    return Move(source.id, MoveKind.MERGE, giver.member_id, taker.member_id, *moved, at)
