"""Redeem, settle what points answered, cancel, expire."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from flask import current_app
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.domain import redemption as rules
from services.rewards.domain import voucher
from services.rewards.domain.desk import is_of_desk
from services.rewards.domain.redemption import Order, State
from services.rewards.store import Redemption
from shared import clock, copies, events, gateway_client, outbox
from shared.db import session, transactional
from shared.errors import Conflict, Invalid, NotFound, RuleBroken, Unavailable
from shared.events import Answer, RedemptionVoided, SpendRequested
from shared.principal import Principal
from shared.settings import Keyring, ServiceSettings

SPEND_TIMEOUT_S = 3.0
WORKER_TAKES_OVER = timedelta(seconds=10)
"""Later than the request's own try can last, so that the two seldom meet; when they do, points answers both alike."""

OVERDUE_ROWS_MAX = 500
log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """A spend as it stands in the outbox. The request's own try sends the very same, or points would refuse one."""

    event_id: UUID
    spend: SpendRequested


class _Reply(msgspec.Struct):
    answers: list[Answer]


# --- Redeem -------------------------------------------------------------------------------------------


def redeem(caller: Principal, order: Order) -> Redemption:
    """Reserve a gift for a member and have the points taken.

    Returns it confirmed or declined, or requested when points could not be asked: then the worker
    asks. A broken rule is raised, and raised again whenever the order comes again. Between the two
    transactions no lock and no connection is held.
    """
    caller.require_acts_for(order.member_id)
    if is_of_desk(order.id):
        raise Invalid("这个编号的形式留给现场兑换，请换一个编号")
    try:
        redemption, asked = _reserve(order)
    except RuleBroken as refusal:
        redemption, asked = _remember(order, refusal), None
    if redemption.state is State.REFUSED:
        assert redemption.reason_code is not None
        raise rules.REFUSALS[redemption.reason_code](redemption.reason)
    if asked is None or (outcome := ask_points([asked]).get(redemption.id)) is None:
        return redemption
    return _settle_at_once(redemption.id, asked.event_id, outcome)


@transactional
def _reserve(tx: Session, order: Order) -> tuple[Redemption, Asked | None]:
    """The redemption and what points is to be asked; nothing when the order is a repetition."""
    now = clock.now()
    quarter = rules.quarter_of(clock.day_of(now))
    found = store.find_order(tx, order, quarter)
    if found is None:
        raise NotFound("没有这件礼品")
    if found.known is not None:
        return _replay(tx, order), None
    if found.station_id is None:
        raise NotFound("没有这个站点")
    rules.judge(
        order,
        rules.Circumstances(
            member_active=found.member_status in (None, "active"),
            member_confirmed=bool(found.confirmed),
            home_station_id=found.home_station_id,
            serves_part=found.serves_part,
            station_closed=found.closed,
            withdrawn=found.withdrawn,
            price=found.points,
            limit_per_quarter=found.limit_per_quarter,
            taken=found.taken,
            on_hand=found.on_hand,
        ),
    )
    redemption = store.add_redemption(tx, _values(order, found.name, found.points, State.REQUESTED))
    if redemption is None:  # the same order came twice at once: the first stands
        return _replay(tx, order), None
    spend = spend_of(redemption, found.card_version)
    (event_id,) = outbox.add(tx, spend, due_in=WORKER_TAKES_OVER)
    limit = found.limit_per_quarter
    if not store.take(tx, redemption, None if limit is None else limit - (found.taken - found.taken_by_own)):
        raise rules.LimitReached
    quantity = order.quantity
    if not store.move_stock(tx, order.gift_id, order.station_id, on_hand=-quantity, reserved=quantity):
        raise rules.OutOfStock
    return redemption, Asked(event_id, spend)


@transactional
def _remember(tx: Session, order: Order, refusal: RuleBroken) -> Redemption:
    """Keep a refusal, so that a retry is never answered otherwise."""
    gift = store.find_gift(tx, order.gift_id)
    assert gift is not None, "gifts are never deleted"
    values = _values(order, gift.name, gift.points, State.REFUSED) | {
        "reason_code": refusal.code,
        "reason": refusal.detail,
        "ended_at": clock.now(),
    }
    return store.add_redemption(tx, values) or _replay(tx, order)


def _replay(tx: Session, order: Order) -> Redemption:
    known = store.find_redemption(tx, order.id)
    assert known is not None, "redemptions are never deleted"
    return _same(known, order)


def _same(known: Redemption, order: Order) -> Redemption:
    if known.request_digest != order.digest:
        raise Conflict("这个编号已经用于另一次兑换")
    return known


def _values(order: Order, name: str, price: int, state: State) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": order.id,
        "gift_id": order.gift_id,
        "gift_name": name,
        "station_id": order.station_id,
        "member_id": order.member_id,
        "quantity": order.quantity,
        "points": price * order.quantity,
        "quarter": rules.quarter_of(clock.day_of(now)),
        "state": state,
        "request_digest": order.digest,
        "requested_at": now,
        "expires_at": rules.expiry_of(now),
    }


def spend_of(redemption: Redemption, card_version: int) -> SpendRequested:
    """What points are asked for; the description is what stands in the statement for ever, so it names nobody."""
    what = f"{redemption.gift_name} × {redemption.quantity}"
    if redemption.order_id is not None:
        what = f"现场兑换 {what}"
    return SpendRequested(
        redemption_id=redemption.id,
        member_id=redemption.member_id,
        station_id=redemption.station_id,
        points=redemption.points,
        description=what,
        card_version=card_version,
    )


def ask_points(asked: Sequence[Asked]) -> dict[UUID, Mapping[str, Any]]:
    """Ask points now instead of waiting for the worker; the answers there are, by redemption."""
    settings: ServiceSettings = current_app.config["SETTINGS"]
    content = {
        "events": [{"id": key, "name": events.name_of(spend), "body": events.dump(spend)} for key, spend in asked]
    }
    told = ", ".join(str(spend.redemption_id) for _, spend in asked)
    try:
        response = gateway_client.post(
            settings.gateway_internal_url,
            settings.name,
            settings.signing_key,
            "/internal/v1/points/events",
            content,
            timeout_s=SPEND_TIMEOUT_S,
        )
        if response.status == 200:
            answers = msgspec.json.decode(response.body, type=_Reply).answers
            return {
                spend.redemption_id: answer.outcome or {}
                for (_, spend), answer in zip(asked, answers, strict=True)
                if answer.status == "done"
            }
        log.warning("spend not taken in", extra={"redemption": told, "status": response.status})
    except Unavailable:
        pass  # logged where it was raised
    except (msgspec.MsgspecError, ValueError) as error:
        log.warning("spend answered oddly", extra={"redemption": told, "error": str(error)})
    return {}


# --- Settle -------------------------------------------------------------------------------------------


@transactional
def _settle_at_once(tx: Session, redemption_id: UUID, event_id: UUID, outcome: Mapping[str, Any]) -> Redemption:
    redemption = settle(tx, redemption_id, outcome)
    outbox.mark_delivered(tx, [event_id])
    if redemption is None:  # cancelled while points was asked
        redemption = store.find_redemption(tx, redemption_id)
        assert redemption is not None, "redemptions are never deleted"
    return redemption


def take_outcome(tx: Session, row: outbox.Row, outcome: Mapping[str, Any]) -> None:
    """What `shared.delivery.drain` calls in the transaction that marks a row delivered."""
    if row.name == SpendRequested.__name__:
        settle(tx, UUID(row.body["redemption_id"]), outcome)


def settle(tx: Session, redemption_id: UUID, outcome: Mapping[str, Any]) -> Redemption | None:
    """Take in what points answered to a spend; None when that changes nothing any more.

    Only a requested redemption can be settled. One that was cancelled or expired meanwhile has sent
    its void, which makes points refuse the spend or give it back, whichever came first.
    """
    now = clock.now()
    match outcome.get("state"):
        case "confirmed":
            keys: Keyring = current_app.config["VOUCHER_KEYS"]
            key = keys.keys[keys.current]
            return store.move_redemption(
                tx,
                redemption_id,
                [State.REQUESTED],
                state=State.CONFIRMED,
                confirmed_at=now,
                expires_at=rules.expiry_of(now),
                voucher_key_id=keys.current,
                code_digest=voucher.code_digest(key, voucher.short_code(key, redemption_id)),
            )
        case "declined":
            return _end(
                tx,
                redemption_id,
                [State.REQUESTED],
                State.DECLINED,
                reason_code=str(outcome.get("code") or "declined"),
                reason=str(outcome.get("detail") or rules.Declined.detail),
            )
        case other:
            log.error("unknown outcome of a spend", extra={"redemption": str(redemption_id), "outcome": other})
            return None


def _end(tx: Session, redemption_id: UUID, states: list[State], state: State, **changes: Any) -> Redemption | None:
    """End a redemption that is in one of the states, and release what it reserved, once."""
    ended = store.move_redemption(tx, redemption_id, states, state=state, ended_at=clock.now(), **changes)
    if ended is not None:
        store.give_back(tx, ended)
    return ended


def _void(tx: Session, redemption: Redemption, reason: str) -> None:
    outbox.add(tx, RedemptionVoided(redemption_id=redemption.id, member_id=redemption.member_id, reason=reason))


# --- Cancel and expire --------------------------------------------------------------------------------


@transactional
def cancel(tx: Session, caller: Principal, *, redemption_id: UUID) -> Redemption:
    """Give up a gift that was not handed over; the points go back to their lots."""
    redemption = store.lock_redemption(tx, redemption_id)
    if redemption is None:
        raise NotFound("没有这次兑换")
    copies.require_acts_for(tx, caller, redemption.member_id)
    if redemption.state is State.CANCELLED:
        return redemption
    rules.require_cancellable(redemption.state)
    ended = _end(tx, redemption_id, [redemption.state], State.CANCELLED)
    assert ended is not None, "the row is locked"
    _void(tx, ended, f"取消兑换 {ended.gift_name} × {ended.quantity}")
    return ended


def take_back(tx: Session, redemption: Redemption) -> Redemption:
    """End a locked redemption of the desk, handed over or not; what it took and its points go back."""
    was_issued = redemption.state is State.FULFILLED
    not_given = {"fulfilled_at": None, "fulfilled_by": None}
    ended = store.move_redemption(
        tx, redemption.id, [redemption.state], state=State.CANCELLED, ended_at=clock.now(), **not_given
    )
    assert ended is not None, "the row is locked"
    store.give_back(tx, ended, was_issued=was_issued)
    _void(tx, ended, f"现场兑换收回 {ended.gift_name} × {ended.quantity}")
    return ended


def cancel_of_gone(tx: Session, member_ids: Sequence[UUID]) -> None:
    """Give back what members who have left did not collect; what is handed over at this moment stays so."""
    for redemption_id in store.list_open_of_gone(tx, member_ids):
        redemption = store.lock_redemption(tx, redemption_id)
        if redemption is None or redemption.state not in rules.OPEN:
            continue
        ended = _end(tx, redemption_id, [redemption.state], State.CANCELLED)
        assert ended is not None, "the row is locked"
        _void(tx, ended, f"志愿者已登记离开，取消兑换 {ended.gift_name} × {ended.quantity}")


def end_if_gone(tx: Session, redemption: Redemption) -> Redemption:
    """What is open again of somebody who has left or was erased meanwhile ends as it would have, had it been open then;
    the redemption as it is now.
    """
    stays = copies.who_stays(tx, [redemption.member_id])[redemption.member_id]
    cancel_of_gone(tx, [stays])
    store.end_time_of_erased(tx, [stays], clock.now())
    return store.find_redemption(tx, redemption.id) or redemption


def expire_overdue() -> int:
    """End vouchers nobody came for, and requests that were never answered; returns how many.

    Each in its own transaction: one that is handed over at this moment holds up no other.
    """
    overdue = store.list_overdue(session(), clock.now(), OVERDUE_ROWS_MAX)
    return sum(_expire(redemption_id) for redemption_id in overdue)


@transactional
def _expire(tx: Session, redemption_id: UUID) -> bool:
    redemption = store.lock_redemption(tx, redemption_id)
    if redemption is None or redemption.state not in rules.OPEN or redemption.expires_at > clock.now():
        return False
    ended = _end(tx, redemption_id, [redemption.state], State.EXPIRED)
    assert ended is not None, "the row is locked"
    _void(tx, ended, f"逾期未领取 {ended.gift_name} × {ended.quantity}")
    return True
