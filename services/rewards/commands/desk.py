"""Handing over at the desk, and undoing it the same day."""

from dataclasses import replace
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.domain import redemption as rules
from services.rewards.domain import voucher
from services.rewards.domain.redemption import State
from services.rewards.store import AtDesk
from shared import audit, clock
from shared.db import transactional
from shared.errors import NotFound
from shared.principal import Principal, Role
from shared.settings import Keyring


@transactional
def issue(tx: Session, caller: Principal, *, redemption_id: UUID, code: str | None = None) -> AtDesk:
    """Hand the gift over. A retry by the same login is answered alike; anybody else learns that it is gone.

    No voucher is needed: the member may be found on the list. Whether one was shown stays in the audit log, and
    is proved by its code; WrongVoucher when that is another's.
    """
    found = _lock(tx, caller, redemption_id)
    redemption = found.redemption
    if redemption.state is State.FULFILLED and redemption.fulfilled_by == caller.login_id:
        return found
    redemption.require_issuable()
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    if code is not None and not voucher.stands_for(keys.keys, code, redemption_id):
        raise rules.WrongVoucher
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
    """Take an issue back until the day's close; the gift is reserved for the member again."""
    found = _lock(tx, caller, redemption_id)
    redemption = found.redemption
    if redemption.state is State.CONFIRMED:
        return found
    rules.require_undoable(redemption.state, redemption.undo_until, clock.now())
    _audit(tx, caller, "redemption.undo", found, reason=reason)
    return _move(
        tx,
        found,
        State.FULFILLED,
        {"issued": -redemption.quantity, "reserved": redemption.quantity},
        state=State.CONFIRMED,
        fulfilled_at=None,
        fulfilled_by=None,
    )


def _lock(tx: Session, caller: Principal, redemption_id: UUID) -> AtDesk:
    """The redemption, for this transaction alone, if the caller may hand it over."""
    found = store.find_at_desk(tx, redemption_id=redemption_id, lock=True)
    if found is None:
        raise NotFound("没有这次兑换")
    caller.require(Role.ORGANIZER, found.station_path)
    caller.refuse_own_case(found.redemption.member_id, found.household_id)
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
