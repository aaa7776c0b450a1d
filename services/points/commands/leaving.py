"""What somebody who is gone leaves goes to the household or the station's pool, by the station's rule."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.points.commands.follow_merges import LEAVING_ACCOUNTS, begin
from services.points.commands.seal_transfers import ring
from services.points.domain import booking, moving
from services.points.domain import leaving as rules
from services.points.domain.booking import Journal, Source, station_accounts
from services.points.domain.ledger import SourceType, TransferKind
from services.points.domain.moving import Move, MoveKind
from services.points.store import books as store
from services.points.store import moves
from services.points.store.moves import LeaverRule
from shared import audit, clock, copies
from shared.db import transactional, violated
from shared.errors import Conflict, NotFound
from shared.principal import Principal, Role, Tried


@transactional
def set_rule(tx: Session, caller: Principal, *, node_id: UUID, family_days: int | None, donate: bool) -> None:
    """Say what may become of the points of who is gone, at a node and below it."""
    node = copies.find_station(tx, node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require(Role.STAFF, node.path)
    moves.set_rule(tx, LeaverRule(node_id=node_id, family_days=family_days, donate=donate, at=clock.now()))
    detail = {"family_days": family_days, "donate": donate}
    audit.add(tx, caller, "leaver.rule", "node", node_id, path=node.path, detail=detail)


@transactional
def give_points(
    tx: Session, caller: Principal, *, move_id: UUID, member_id: UUID, to_member_id: UUID | None, reason: str
) -> dict[str, Any]:
    """Give all points of a member who is gone to somebody of the household, or without one to the home station's pool.

    Hours stay with who served. By staff of the station, never to oneself or the own household. The same id again is
    answered alike.
    """
    _, home = _find_as_staff(tx, caller, member_id)
    wanted = [member_id] if to_member_id is None else [member_id, to_member_id]
    books = store.lock_lines(tx, dict.fromkeys(wanted, home.node_id))
    # Once the books are ours: they may be back, or live elsewhere, since we began to wait.
    card, home = _find_as_staff(tx, caller, member_id)
    if (known := moves.find_move(tx, move_id)) is not None:
        if (known.from_member_id, known.to_member_id) != (member_id, to_member_id):
            raise Conflict
        return {"points": known.points}
    now = clock.now()
    _check(tx, caller, card, home, to_member_id, now)
    giver = store.holder_of(books, member_id)
    if to_member_id is None:
        source = Source(SourceType.MOVE, move_id, 1, home.node_id, clock.day_of(now), now)
        journal = Journal()
        store.open_accounts(tx, station_accounts([(home.node_id, giver.chain_id)], LEAVING_ACCOUNTS))
        store.load_lots(tx, {giver.member_id: giver}, {giver.member_id: 2**62}, now)
        booking.end_expired(journal, giver, source)
        points = moving.donate_points(journal, source, giver, home.node_id)
        move = Move(move_id, MoveKind.DONATION, member_id, None, points, 0, 0, now, home.node_id)
    else:
        taker = store.holder_of(books, to_member_id)
        journal, source = begin(tx, giver, taker, now, move_id)
        booking.end_expired(journal, giver, source)
        points = moving.move_points(journal, source, giver, taker, giver.live_lots(now), TransferKind.GIFT)
        booking.pay_debt(journal, taker, source, taker.live_lots(now))
        move = Move(move_id, MoveKind.FAMILY, member_id, to_member_id, points, 0, 0, now)
    if not points:
        raise rules.NothingLeft
    try:
        store.write(tx, journal)
    except IntegrityError as error:
        if violated(error) == "uq_transfer_source_id_source_version_line":
            raise Conflict from error  # the same id for another member, whose books we do not hold
        raise
    moves.add_moves(tx, [move])
    detail = {"to_member_id": to_member_id and str(to_member_id), "points": points, "reason": reason}
    audit.add(tx, caller, "leaver.give", "member", member_id, path=home.path, detail=detail)
    ring(tx)
    return {"points": points}


def _find_as_staff(tx: Session, caller: Principal, member_id: UUID) -> tuple[Row[Any], Row[Any]]:
    """A member's card and home station, when the caller is staff there and it is not the own case."""
    card = copies.find_card(tx, member_id)
    home = None if card is None or card.station_id is None else copies.find_station(tx, card.station_id)
    if card is None or home is None:
        raise NotFound("没有找到这位志愿者")
    caller.require(Role.STAFF, home.path)
    caller.refuse_own_case(member_id, card.household_id, Tried("leaver.give", home.path))
    return card, home


def _check(
    tx: Session, caller: Principal, card: Row[Any], home: Row[Any], to_member_id: UUID | None, now: datetime
) -> None:
    since, rule = moves.find_gone(tx, card.member_id), moves.find_rule(tx, home.node_id)
    if card.status != "left" or since is None:
        raise rules.NotGone
    if to_member_id is None:
        if rule is None or not rule.donate:
            raise rules.NotByTheRule
        return
    rules.check_family(None if rule is None else rule.family_days, since, now)
    taker = copies.find_card(tx, to_member_id)
    if (
        taker is None
        or card.household_id is None
        or taker.household_id != card.household_id
        or (taker.status, taker.confirmed) != ("active", True)
    ):
        raise rules.NotTheFamily
    caller.refuse_own_case(taker.member_id, taker.household_id, Tried("leaver.give", home.path))
