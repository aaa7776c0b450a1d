"""Redemptions as their member and their station see them, and vouchers."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import current_app
from sqlalchemy import ColumnElement, Uuid, literal

from services.rewards import store
from services.rewards.domain import redemption as rules
from services.rewards.domain import voucher
from services.rewards.domain.redemption import State
from services.rewards.store import AtDesk, Redemption, successors
from shared import copies
from shared.db import session
from shared.errors import Invalid, NotFound
from shared.ids import read_short_code
from shared.principal import Principal, Role, Tried
from shared.settings import Keyring, ServiceSettings

log = logging.getLogger(__name__)


class UnknownVoucher(NotFound):
    code = "unknown_voucher"
    detail = "没有这个领取码，请核对后再试"


@dataclass(frozen=True, slots=True)
class Voucher:
    """What the member shows at the desk. Whoever holds it is handed the gift."""

    code: str
    url: str
    expires_at: datetime


def list_for_member(
    caller: Principal, *, member_id: UUID | None, limit: int, before: UUID | None = None
) -> list[Redemption]:
    """Every redemption of a member of this login, newest first; without an id, of whom it acts for. Those of an entry
    that was merged into the member are the member's own.
    """
    member_id = member_id or caller.member_id
    if member_id is None:
        raise Invalid("请指明志愿者")
    caller.require_acts_for(member_id)
    found = store.list_redemptions(session(), _of_member(member_id), limit=limit, before=before)
    return [redemption for redemption, _ in found]


def _of_member(member_id: UUID) -> ColumnElement[bool]:
    return Redemption.member_id.in_(copies.merged_line(literal(member_id, Uuid)))


def list_for_station(
    caller: Principal,
    station_id: UUID,
    *,
    state: str | None,
    limit: int,
    before: UUID | None = None,
    member_id: UUID | None = None,
) -> list[AtDesk]:
    """What was redeemed at a station, or at one that was merged into it, newest first, for those who hand it over."""
    place = copies.find_station(session(), station_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.ORGANIZER, place.path)
    stations = [station_id, *successors.list_merged_into(session(), place.path)]
    where: list[ColumnElement[bool]] = [Redemption.station_id.in_(stations)]
    if member_id is not None:
        where.append(_of_member(member_id))
    if state is not None:
        where.append(Redemption.state == State(state))
    found = store.list_redemptions(session(), *where, limit=limit, before=before)
    return [AtDesk(redemption, place.name, place.path, name, None) for redemption, name in found]


def get_redemption(caller: Principal, redemption_id: UUID) -> AtDesk:
    """For its member, and for those who may hand it over."""
    found = store.find_at_desk(session(), redemption_id=redemption_id)
    if found is None:
        raise NotFound("没有这次兑换")
    if not caller.may(Role.ORGANIZER, found.station_path):
        copies.require_acts_for(session(), caller, found.redemption.member_id)
    return found


def get_voucher(caller: Principal, redemption_id: UUID) -> Voucher:
    """For the member alone, while there is something to be had for it."""
    redemption = store.find_redemption(session(), redemption_id)
    if redemption is None or redemption.state is State.REFUSED:
        raise NotFound("没有这次兑换")
    copies.require_acts_for(session(), caller, redemption.member_id)
    redemption.require_issuable()
    key_id = redemption.voucher_key_id
    assert key_id is not None, "confirmed redemptions have a voucher"
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    settings: ServiceSettings = current_app.config["SETTINGS"]
    if (key := keys.keys.get(key_id)) is None:
        log.error("a voucher's key left the keyring before its time", extra={"key_id": key_id})
        raise rules.VoucherKeyGone
    token = voucher.write_token(key_id, key, redemption.id, redemption.expires_at)
    return Voucher(
        code=voucher.short_code(key, redemption.id),
        url=f"{settings.public_url}/v/{token}",
        expires_at=redemption.expires_at,
    )


def read_voucher(caller: Principal, text: str) -> AtDesk:
    """What a scanned link, a token or a typed code stands for, if this caller may hand it over now."""
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    found = None
    if (token := voucher.read_token(keys.keys, text)) is not None:
        found = store.find_at_desk(session(), redemption_id=token.redemption_id)
    elif voucher.is_short_code(code := read_short_code(text)):
        digests = [voucher.code_digest(key, code) for key in keys.keys.values()]
        found = store.find_at_desk(session(), code_digests=digests)
    if found is None:
        raise UnknownVoucher
    if not caller.may(Role.ORGANIZER, found.station_path):
        raise rules.WrongStation(f"请到{found.station_name}领取")
    redemption = found.redemption
    tried = Tried("redemption.issue", found.station_path, "redemption", redemption.id, {"gift": redemption.gift_name})
    copies.refuse_own_case(session(), caller, redemption.member_id, found, tried)
    try:
        found.redemption.require_issuable()
    except rules.AlreadyIssued as refusal:
        # Who stands at the desk may have to see that issue, to take it back.
        raise rules.AlreadyIssued(refusal.detail, errors={"redemption_id": str(found.redemption.id)}) from refusal
    return found
