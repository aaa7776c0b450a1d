"""What a member may redeem, and what may become of a redemption.

requested → confirmed | declined; confirmed → fulfilled | cancelled | expired; requested → cancelled | expired.
An undone issue leads from fulfilled back to confirmed.
"""

import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.errors import RuleBroken

VOUCHER_DAYS = 30
"""How long a voucher waits at the desk; also how long a redemption may stay unanswered."""

QUANTITY_MAX = 100


class State(StrEnum):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    """Never a redemption, only the remembered answer to a request that broke a rule."""


OPEN = (State.REQUESTED, State.CONFIRMED)
"""Reserved, and neither handed over nor ended."""


class NotConfirmed(RuleBroken):
    code = "not_confirmed"
    detail = "站点工作人员核实身份后才能兑换，请到站点办理"


class MemberNotActive(RuleBroken):
    code = "member_not_active"
    detail = "这位志愿者的档案已停用，不能兑换"


class NoHomeStation(RuleBroken):
    code = "no_home_station"
    detail = "您的档案里还没有所属站点，请到社区站点登记后再兑换"


class NotHomeStation(RuleBroken):
    code = "not_home_station"
    detail = "只能在您所属的站点兑换；如果搬了家，请先到现在的社区站点办理转入"


class GiftWithdrawn(RuleBroken):
    code = "gift_withdrawn"
    detail = "这件礼品已下架"


class StationClosed(RuleBroken):
    code = "station_closed"
    detail = "这个站点已撤并，请先到现在的社区站点办理转入"


class NotOfferedHere(RuleBroken):
    code = "not_offered_here"
    detail = "这个站点不提供这件礼品"


class PriceChanged(RuleBroken):
    code = "price_changed"
    detail = "所需积分有变动，请重新确认"


class LimitReached(RuleBroken):
    code = "limit_reached"
    detail = "本季度的兑换数量已达上限"


class OutOfStock(RuleBroken):
    code = "out_of_stock"
    detail = "库存不足"


REFUSALS: dict[str, type[RuleBroken]] = {
    cls.code: cls
    for cls in (
        NotConfirmed,
        MemberNotActive,
        NoHomeStation,
        NotHomeStation,
        GiftWithdrawn,
        StationClosed,
        NotOfferedHere,
        PriceChanged,
        LimitReached,
        OutOfStock,
    )
}


class NotSettled(RuleBroken):
    code = "not_settled"
    detail = "积分还在扣减中，请稍后再试"


class Declined(RuleBroken):
    code = "redemption_declined"
    detail = "这次兑换没有成功，没有扣减积分"


class VoucherKeyGone(RuleBroken):
    code = "voucher_key_gone"
    detail = "这张领取码不能再显示，礼品还给您留着，请到站点凭姓名领取"


class AlreadyIssued(RuleBroken):
    code = "already_issued"
    detail = "礼品已经发放"


class Cancelled(RuleBroken):
    code = "redemption_cancelled"
    detail = "这次兑换已经取消，积分已退回"


class Expired(RuleBroken):
    code = "voucher_expired"
    detail = "领取码已过期，积分已退回"


class NotIssued(RuleBroken):
    code = "not_issued"
    detail = "这件礼品还没有发放，不需要撤销"


class UndoTooLate(RuleBroken):
    code = "undo_too_late"
    detail = "只能在发放当天 24:00 前撤销"


class DeskClosed(RuleBroken):
    code = "desk_closed"
    detail = "已经日结，不能再收回；请把退回的礼品按入库登记"


class WrongVoucher(RuleBroken):
    code = "wrong_voucher"
    detail = "这个领取码不是这次兑换的，请重新扫码"


class WrongStation(RuleBroken):
    code = "wrong_station"
    detail = "不在本站领取"


@dataclass(frozen=True, slots=True)
class Order:
    """What a member asks for, under an id the client made."""

    id: UUID
    gift_id: UUID
    station_id: UUID
    member_id: UUID
    quantity: int
    points: int | None = None
    """What the member was shown as the cost of all pieces, in hundredths; None when nothing was shown."""

    @property
    def digest(self) -> bytes:
        return content_digest(*astuple(self))


def content_digest(*values: object) -> bytes:
    """By which a repeated id is told from a reused one."""
    return hashlib.sha256(json.dumps([*map(str, values)]).encode()).digest()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an order is judged by, as of one moment."""

    member_active: bool
    member_confirmed: bool
    home_station_id: UUID | None
    """Where the member belongs today, by the card."""
    serves_part: bool
    """Whether that was split off the station of the order, and no gift has come in there yet."""
    station_closed: bool
    withdrawn: bool
    price: int
    """Of one piece, in hundredths of a point."""
    limit_per_quarter: int | None
    taken: int
    """Pieces of this gift that the member has redeemed in this quarter."""
    on_hand: int | None
    """None where the gift never came in."""


def judge(order: Order, now: Circumstances) -> None:
    """Raise the first rule that the order breaks.

    Limit and stock are only foreseen here, so that most refusals cost one read; who comes at the
    same moment is told apart by the store.
    """
    judge_member(
        order.station_id,
        active=now.member_active,
        confirmed=now.member_confirmed,
        home_station_id=now.home_station_id,
        serves_part=now.serves_part,
        station_closed=now.station_closed,
    )
    if now.withdrawn:
        raise GiftWithdrawn
    if now.on_hand is None:
        raise NotOfferedHere
    if order.points is not None and order.points != now.price * order.quantity:
        raise PriceChanged
    if now.limit_per_quarter is not None and now.taken + order.quantity > now.limit_per_quarter:
        raise limit_reached(now.limit_per_quarter, now.taken)
    if order.quantity > now.on_hand:
        raise OutOfStock(f"库存不足，只剩 {now.on_hand} 件" if now.on_hand else "已经兑完")


def judge_member(
    station_id: UUID,
    *,
    active: bool,
    confirmed: bool,
    home_station_id: UUID | None,
    serves_part: bool,
    station_closed: bool,
) -> None:
    """Raise why this member redeems nothing at this station now, whatever the gift."""
    if not active:
        raise MemberNotActive
    if not confirmed:
        raise NotConfirmed
    if home_station_id is None:
        raise NoHomeStation
    if station_closed:
        # Who was at home there has mostly come along to its heir.
        raise StationClosed(None if station_id == home_station_id else "这个站点已撤并，请到您现在所属的站点兑换")
    if station_id != home_station_id and not serves_part:
        raise NotHomeStation


def limit_reached(limit: int, taken: int) -> LimitReached:
    return LimitReached(f"每季度限兑 {limit} 件，本季度还可兑换 {left(limit, taken)} 件")


def left(limit: int, taken: int) -> int:
    """Pieces a member may still redeem; a limit lowered since then does not make it negative."""
    return max(limit - taken, 0)


def quarter_of(day: date) -> date:
    """The first day of the quarter a Shanghai day lies in."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def expiry_of(moment: datetime) -> datetime:
    return moment + timedelta(days=VOUCHER_DAYS)


def require_issuable(state: State, *, expires_at: datetime, fulfilled_at: datetime | None, now: datetime) -> None:
    """Raise why the gift cannot be handed over. Times in the zone in which they are to be told."""
    if state is State.FULFILLED:
        assert fulfilled_at is not None
        raise AlreadyIssued(f"已于 {tell(fulfilled_at)} 发放，不能再次领取")
    if state is State.EXPIRED or (state is State.CONFIRMED and expires_at <= now):
        raise Expired(f"领取码已于 {tell(expires_at)} 过期，积分退回账户")
    require_voucher(state)


def require_voucher(state: State) -> None:
    """Raise why there is no voucher that could be shown."""
    match state:
        case State.REQUESTED:
            raise NotSettled
        case State.DECLINED:
            raise Declined
        case State.CANCELLED:
            raise Cancelled
        case State.EXPIRED:
            raise Expired
        case State.FULFILLED:
            raise AlreadyIssued


def require_cancellable(state: State) -> None:
    """Raise why a redemption can no longer be cancelled; it may be while its spend is on the way."""
    if state not in OPEN:
        require_voucher(state)


def require_undoable(state: State, undo_until: datetime | None, now: datetime, *, closed: bool = False) -> None:
    if state is not State.FULFILLED or undo_until is None:
        raise NotIssued
    if closed:
        raise DeskClosed
    if now >= undo_until:
        raise UndoTooLate


def tell(moment: datetime) -> str:
    return f"{moment.month}月{moment.day}日 {moment:%H:%M}"
