"""Serving one person at the desk: several gifts in one order, paid and handed over in the same breath."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.commands.redemptions import WORKER_TAKES_OVER, Asked, ask_points, spend_of
from services.rewards.domain import redemption as rules
from services.rewards.domain import voucher
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.domain.redemption import State
from services.rewards.store import DeskOrder as Kept
from services.rewards.store import Receipt, Redemption
from shared import audit, clock, copies, outbox
from shared.db import transactional
from shared.errors import Conflict, NotFound, RuleBroken
from shared.ids import new_id
from shared.principal import Principal, Role, Tried
from shared.settings import Keyring

_REUSED = "这个编号已经用于另一次兑换"


@dataclass(frozen=True, slots=True)
class _Opened:
    receipt: Receipt
    path: str
    card_version: int
    events: dict[UUID, UUID]
    """By redemption, the outbox row of its spend; empty when the order was known already."""


def serve(caller: Principal, order: DeskOrder) -> Receipt:
    """Redeem and hand over; a line that breaks a rule or cannot be paid is refused, the others stand.

    The same order again changes nothing that was decided, and finishes what was not: lines that wait for points stay
    `requested`, are not to be handed over, and are asked for again; the receipt says that it was `repeated`. A line of
    paper is the same whatever the prices and the time on it.
    """
    return _finish(caller, _open(caller, order))


def finish(caller: Principal, order_id: UUID) -> Receipt:
    """Ask points again for what they had not answered, and hand over what they have confirmed since."""
    return _finish(caller, _find(caller, order_id))


def _finish(caller: Principal, opened: _Opened) -> Receipt:
    waiting = [line for line in opened.receipt.lines if line.state is State.REQUESTED]
    asked = [Asked(opened.events.get(line.id) or new_id(), spend_of(line, opened.card_version)) for line in waiting]
    answers = ask_points(asked) if asked else {}
    # What answers otherwise is left to the worker, which says so.
    outcomes = {key: said for key, said in answers.items() if said.get("state") in ("confirmed", "declined")}
    ready = any(line.state is State.CONFIRMED for line in opened.receipt.lines)
    if not outcomes and not ready:
        return opened.receipt
    delivered = [opened.events[key] for key in outcomes if key in opened.events]
    return _hand_over(caller, opened, outcomes, delivered)


# --- Open ---------------------------------------------------------------------------------------------


@transactional
def _open(tx: Session, caller: Principal, order: DeskOrder) -> _Opened:
    """The order with its lines reserved or refused; as it stands, when it is a repetition."""
    now = clock.now()
    place = store.find_at_station(tx, order.station_id, order.member_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.ORGANIZER, place.path)
    caller.refuse_own_case(order.member_id, place.household_id, Tried("desk.serve", place.path))
    paper = order.paper
    values = {
        "id": order.id,
        "station_id": order.station_id,
        "member_id": order.member_id,
        "at": now,
        "login_id": caller.login_id,
        "by_member_id": caller.own_member_id,
        "paper_list": paper and paper.list_number,
        "paper_line": paper and paper.line,
        "handed_over_at": paper and paper.handed_over_at,
        "request_digest": order.digest,
    }
    if not store.add_order(tx, values):
        return _repeated(tx, caller, order, place)
    if paper is not None:
        paper.require_possible(now, clock.day_of(paper.handed_over_at))
    lines = _reserve(tx, order, place, now)
    requested = [line for line in lines if line.state is State.REQUESTED]
    by_name = store.name_of(tx, caller.own_member_id)
    spends = [spend_of(line, place.card_version or 0) for line in requested]
    rows = outbox.add(tx, *spends, due_in=WORKER_TAKES_OVER)
    events = dict(zip((line.id for line in requested), rows, strict=True))
    receipt = Receipt(Kept(**values), place.name, place.member_name, by_name, lines)
    return _Opened(receipt, place.path, place.card_version or 0, events)


def _repeated(tx: Session, caller: Principal, order: DeskOrder, place: Row[Any]) -> _Opened:
    """What is known under the id of an order; Conflict when that is something else."""
    known = store.find_order_at_desk(tx, order.id)
    assert known is not None, "orders are never deleted"
    if known.request_digest != order.digest:
        if not _is_same_line(tx, known, order):
            raise Conflict(_REUSED)
        # Its station may have been merged since, or be none of the caller's.
        there = store.find_at_station(tx, known.station_id, known.member_id)
        if there is None or not caller.may(Role.ORGANIZER, there.path):
            raise Conflict(_REUSED)
        _refuse_own_case(tx, caller, known, there)
        place = there
    opened = _opened(tx, known, place, {})
    return replace(opened, receipt=replace(opened.receipt, repeated=True))


def _is_same_line(tx: Session, known: Kept, order: DeskOrder) -> bool:
    """Whether a line of paper says the same once more: the same gifts for the same person, whose entries may have been
    merged in between. Prices may have changed since, and the time is what people type in carelessly.
    """
    paper = order.paper
    if paper is None or (known.paper_list, known.paper_line) != (paper.list_number, paper.line):
        return False
    stays = copies.who_stays(tx, {known.member_id, order.member_id})
    booked = {line.gift_id: line.quantity for line in store.list_lines(tx, known.id)}
    return stays[known.member_id] == stays[order.member_id] and booked == order.pieces


def _reserve(tx: Session, order: DeskOrder, place: Row[Any], now: datetime) -> list[Redemption]:
    """Each line judged as an order of its own; limits and stock are taken for all that pass, in the order of ids."""
    quarter = rules.quarter_of(clock.day_of(now))
    offered = store.list_offered(tx, order, quarter)
    if missing := [line for line in order.lines if line.gift_id not in offered]:
        raise NotFound("没有这件礼品", errors={"gift_id": [str(line.gift_id) for line in missing]})
    refused: dict[UUID, RuleBroken] = {}
    for line in order.lines:
        try:
            rules.judge(order.redemption_of(line), _circumstances(place, offered[line.gift_id]))
        except RuleBroken as refusal:
            refused[line.gift_id] = refusal
    good = {line.gift_id: line for line in sorted(order.lines, key=_gift_of) if line.gift_id not in refused}
    if good:
        by_merged = {gift_id: row.taken_by_merged for gift_id, row in offered.items()}
        taken = store.take_all(tx, order.member_id, quarter, _quantities(good), by_merged)
        refused |= {gift_id: rules.LimitReached() for gift_id in good.keys() - taken}
        stocks = store.lock_stocks(tx, order.station_id, taken)
        short = {gift_id for gift_id in taken if good[gift_id].quantity > stocks[gift_id].on_hand}
        refused |= {gift_id: rules.OutOfStock() for gift_id in short}
        if short:
            store.untake_all(tx, order.member_id, quarter, _quantities({key: good[key] for key in sorted(short)}))
        moves = {
            gift_id: {"on_hand": -good[gift_id].quantity, "reserved": good[gift_id].quantity}
            for gift_id in sorted(taken - short)
        }
        if moves:
            store.move_stocks(tx, order.station_id, moves)
    rows = [_row(order, line, offered[line.gift_id], refused.get(line.gift_id), now) for line in order.lines]
    store.add_lines(tx, rows)
    return [Redemption(**row) for row in rows]


def _gift_of(line: Line) -> UUID:
    return line.gift_id


def _quantities(lines: dict[UUID, Line]) -> dict[UUID, int]:
    return {gift_id: line.quantity for gift_id, line in lines.items()}


def _circumstances(place: Row[Any], gift: Row[Any]) -> rules.Circumstances:
    return rules.Circumstances(
        member_active=place.member_status in (None, "active"),
        member_confirmed=bool(place.confirmed),
        home_station_id=place.home_station_id,
        serves_part=place.serves_part,
        station_closed=place.closed,
        withdrawn=gift.withdrawn,
        price=gift.points,
        limit_per_quarter=gift.limit_per_quarter,
        taken=gift.taken,
        on_hand=gift.on_hand,
    )


def _row(order: DeskOrder, line: Line, gift: Row[Any], refusal: RuleBroken | None, now: datetime) -> dict[str, Any]:
    redemption = order.redemption_of(line)
    return {
        "id": redemption.id,
        "gift_id": line.gift_id,
        "gift_name": gift.name,
        "station_id": order.station_id,
        "member_id": order.member_id,
        "quantity": line.quantity,
        "points": gift.points * line.quantity,
        "quarter": rules.quarter_of(clock.day_of(now)),
        "state": State.REFUSED if refusal else State.REQUESTED,
        "reason_code": refusal.code if refusal else None,
        "reason": refusal.detail if refusal else None,
        "request_digest": redemption.digest,
        "requested_at": now,
        "expires_at": rules.expiry_of(now),
        "ended_at": now if refusal else None,
        "order_id": order.id,
    }


@transactional
def _find(tx: Session, caller: Principal, order_id: UUID) -> _Opened:
    known = store.find_order_at_desk(tx, order_id)
    if known is None:
        raise NotFound("没有这次兑换")
    place = store.find_at_station(tx, known.station_id, known.member_id)
    assert place is not None, "stations are never deleted"
    caller.require(Role.ORGANIZER, place.path)
    _refuse_own_case(tx, caller, known, place)
    return _opened(tx, known, place, {})


def _refuse_own_case(tx: Session, caller: Principal, known: Kept, place: Row[Any]) -> None:
    tried = Tried("desk.serve", place.path, "order", known.id)
    copies.refuse_own_case(tx, caller, known.member_id, place, tried)


def _opened(tx: Session, known: Kept, place: Row[Any], events: dict[UUID, UUID]) -> _Opened:
    by_name = store.name_of(tx, known.by_member_id)
    receipt = Receipt(known, place.name, place.member_name, by_name, store.list_lines(tx, known.id))
    return _Opened(receipt, place.path, place.card_version or 0, events)


# --- Hand over ----------------------------------------------------------------------------------------


@transactional
def _hand_over(
    tx: Session, caller: Principal, opened: _Opened, outcomes: dict[UUID, Any], delivered: Sequence[UUID]
) -> Receipt:
    """Settle the lines that points have answered and mark as handed over what is paid; once, however often it comes.

    A line whose time is over is left to the sweep, which ends it and gives its points back.
    """
    order, now = opened.receipt.order, clock.now()
    store.hold_desk(tx, order.station_id)
    lines = [line for line in store.list_lines(tx, order.id, lock=True) if line.expires_at > now]
    paid = [line for line in lines if line.state is State.CONFIRMED or _said(line, outcomes) == "confirmed"]
    declined = [line for line in lines if _said(line, outcomes) == "declined"]
    store.hand_over_all(tx, {line.id: _handed_over(caller, line) for line in paid})
    store.decline_all(tx, {line.id: _declined(outcomes[line.id]) for line in declined})
    if declined:
        quantities = {line.gift_id: line.quantity for line in declined}
        store.untake_all(tx, order.member_id, declined[0].quarter, quantities)
    moves = {line.gift_id: {"reserved": -line.quantity, "issued": line.quantity} for line in paid}
    moves |= {line.gift_id: {"reserved": -line.quantity, "on_hand": line.quantity} for line in declined}
    if moves:
        store.lock_stocks(tx, order.station_id, moves)
        store.move_stocks(tx, order.station_id, moves)
    if delivered:
        outbox.mark_delivered(tx, delivered)
    if paid:
        gifts = "、".join(f"{line.gift_name} × {line.quantity}" for line in paid)
        detail = {"gift": gifts, "points": sum(line.points for line in paid), "member_id": str(order.member_id)}
        audit.add(tx, caller, "desk.serve", "order", order.id, path=opened.path, detail=detail)
    return replace(opened.receipt, lines=store.list_lines(tx, order.id))


def _said(line: Redemption, outcomes: dict[UUID, Any]) -> str | None:
    """What points answered to a line that still waits for it."""
    return outcomes[line.id].get("state") if line.state is State.REQUESTED and line.id in outcomes else None


def _handed_over(caller: Principal, line: Redemption) -> dict[str, Any]:
    now = clock.now()
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    key = keys.keys[keys.current]
    known = line.code_digest is not None
    return {
        "confirmed_at": line.confirmed_at or now,
        "expires_at": line.expires_at if known else rules.expiry_of(now),
        "voucher_key_id": line.voucher_key_id if known else keys.current,
        # Never shown: an undone one gives the points back. The store wants one of whatever is confirmed.
        "code_digest": line.code_digest if known else voucher.code_digest(key, voucher.short_code(key, line.id)),
        "fulfilled_at": now,
        "fulfilled_by": caller.login_id,
    }


def _declined(outcome: Any) -> dict[str, Any]:
    return {
        "reason_code": str(outcome.get("code") or "declined"),
        "reason": str(outcome.get("detail") or rules.Declined.detail),
        "ended_at": clock.now(),
    }


# --- The queue ----------------------------------------------------------------------------------------


@transactional
def call_next(tx: Session, caller: Principal, *, call_id: UUID, station_id: UUID) -> int:
    """The next queue number of today; the same for the same id."""
    place = copies.find_station(tx, station_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.ORGANIZER, place.path)
    store.hold_calls(tx, station_id)
    known = store.find_call(tx, call_id)
    if known is not None and known.station_id == station_id:
        return known.number
    number = None if known is not None else store.add_call(tx, call_id, station_id, clock.today())
    if number is None:
        raise Conflict("这个编号已经用于另一次叫号")
    return number
