"""Handing over at the desk, and undoing it the same day."""

from dataclasses import replace
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.commands.redemptions import end_if_gone, take_back
from services.rewards.domain import redemption as rules
from services.rewards.domain import voucher
from services.rewards.domain.redemption import State
from services.rewards.store import AtDesk
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import NotFound
from shared.principal import Principal, Role, Tried
from shared.settings import Keyring


@transactional
def issue(tx: Session, caller: Principal, *, redemption_id: UUID, code: str | None = None) -> AtDesk:
    """Hand the gift over. A retry by the same login is answered alike; anybody else learns that it is gone.

    No voucher is needed: the member may be found on the list. Whether one was shown stays in the audit log, and
    is proved by its code; WrongVoucher when that is another's.
    """
    found = _lock(tx, caller, redemption_id, "redemption.issue")
    redemption = found.redemption
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    if code is not None and not voucher.stands_for(keys.keys, code, redemption_id):
        raise rules.WrongVoucher
    if redemption.state is State.FULFILLED and redemption.fulfilled_by == caller.login_id:
        return found
    redemption.require_issuable()
    _audit(tx, caller, "redemption.issue", found, by="list" if code is None else "voucher")
    return _move(
        tx,
        found,
        State.CONFIRMED,
        {"reserved": -redemption.quantity, "issued": redemption.quantity},
        state=State.FULFILLED,
        fulfilled_at=clock.now(),
        fulfilled_by=caller.login_id,
    )


@transactional
def undo(tx: Session, caller: Principal, *, redemption_id: UUID, reason: str) -> AtDesk:
    """Take an issue back until the day's close; the gift is reserved for the member again, who may be gone by now.

    What was redeemed at the desk itself has no voucher to be shown another day: it ends, and the points go back.
    So does what the desk could not finish, since nobody else is there to cancel it.
    """
    found = _lock(tx, caller, redemption_id, "redemption.undo")
    redemption = found.redemption
    at_desk = redemption.order_id is not None
    if redemption.state is (State.CANCELLED if at_desk else State.CONFIRMED):
        return found
    if not (at_desk and redemption.state in rules.OPEN):
        rules.require_undoable(
            redemption.state, redemption.undo_until, clock.now(), closed=redemption.close_id is not None
        )
    _audit(tx, caller, "redemption.undo", found, reason=reason)
    if at_desk:
        return replace(found, redemption=take_back(tx, redemption))
    undone = _move(
        tx,
        found,
        State.FULFILLED,
        {"issued": -redemption.quantity, "reserved": redemption.quantity},
        state=State.CONFIRMED,
        fulfilled_at=None,
        fulfilled_by=None,
    )
    return replace(undone, redemption=end_if_gone(tx, undone.redemption))


def _lock(tx: Session, caller: Principal, redemption_id: UUID, act: str) -> AtDesk:
    """The redemption, for this transaction alone, if the caller may hand it over; no close runs meanwhile."""
    store.hold_desk_of(tx, redemption_id)
    found = store.find_at_desk(tx, redemption_id=redemption_id, lock=True)
    if found is None:
        raise NotFound("没有这次兑换")
    caller.require(Role.ORGANIZER, found.station_path)
    tried = Tried(act, found.station_path, "redemption", redemption_id, {"gift": found.redemption.gift_name})
    copies.refuse_own_case(tx, caller, found.redemption.member_id, found, tried)
    return found


def _move(tx: Session, found: AtDesk, old: State, stock: dict[str, int], **changes: object) -> AtDesk:
    redemption = found.redemption
    moved = store.move_redemption(tx, redemption.id, [old], **changes)
    assert moved is not None, "the row is locked"
    counted = store.move_stock(tx, redemption.gift_id, redemption.station_id, **stock)
    assert counted, "reserved and issued count the redemptions"
    return replace(found, redemption=moved)


def _audit(tx: Session, caller: Principal, action: str, found: AtDesk, **detail: str) -> None:
    redemption = found.redemption
    audit.add(
        tx,
        caller,
        action,
        "redemption",
        redemption.id,
        path=found.station_path,
        detail={"gift": redemption.gift_name, "quantity": redemption.quantity, **detail},
    )
