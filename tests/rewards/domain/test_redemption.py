"""The rules of redeeming, without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import Circumstances, Order, State
from shared.errors import RuleBroken

ORDER = Order(uuid4(), uuid4(), uuid4(), uuid4(), quantity=2)
WELL = Circumstances(
    member_active=True, member_confirmed=True, home_station_id=ORDER.station_id, serves_part=False,
    station_closed=False, withdrawn=False, price=1000, limit_per_quarter=2, taken=0, on_hand=2,
)  # fmt: skip
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_an_order_that_breaks_no_rule_is_taken() -> None:
    rules.judge(ORDER, WELL)
    rules.judge(replace(ORDER, points=2000), WELL)
    rules.judge(ORDER, replace(WELL, limit_per_quarter=None, taken=1000))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"member_active": False}, rules.MemberNotActive),
        ({"member_confirmed": False}, rules.NotConfirmed),
        ({"home_station_id": None}, rules.NoHomeStation),
        ({"home_station_id": uuid4()}, rules.NotHomeStation),
        ({"station_closed": True}, rules.StationClosed),
        ({"withdrawn": True}, rules.GiftWithdrawn),
        ({"taken": 1}, rules.LimitReached),
        ({"limit_per_quarter": 1}, rules.LimitReached),
        ({"on_hand": 1}, rules.OutOfStock),
    ],
)
def test_every_rule_refuses_with_its_own_code(change: dict[str, object], refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        rules.judge(ORDER, replace(WELL, **change))  # type: ignore[arg-type]
    assert rules.REFUSALS[refusal.code] is refusal


def test_the_price_that_was_shown_must_be_the_price() -> None:
    with pytest.raises(rules.PriceChanged):
        rules.judge(replace(ORDER, points=1000), WELL)


def test_a_lowered_limit_leaves_nothing_rather_than_less() -> None:
    with pytest.raises(rules.LimitReached, match="还可兑换 0 件"):
        rules.judge(ORDER, replace(WELL, taken=5))


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        (date(2026, 1, 1), date(2026, 1, 1)),
        (date(2026, 3, 31), date(2026, 1, 1)),
        (date(2026, 4, 1), date(2026, 4, 1)),
        (date(2026, 9, 30), date(2026, 7, 1)),
        (date(2026, 12, 31), date(2026, 10, 1)),
    ],
)
def test_quarters_begin_with_january_april_july_and_october(day: date, quarter: date) -> None:
    assert rules.quarter_of(day) == quarter


def test_orders_differ_by_any_of_their_contents() -> None:
    changes: list[dict[str, object]] = [
        {"gift_id": uuid4()}, {"station_id": uuid4()}, {"member_id": uuid4()}, {"quantity": 3}, {"points": 2000}
    ]  # fmt: skip
    digests = {replace(ORDER, **change).digest for change in changes}  # type: ignore[arg-type]
    assert len(digests | {ORDER.digest}) == 6
    assert replace(ORDER).digest == ORDER.digest


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (State.REQUESTED, rules.NotSettled),
        (State.DECLINED, rules.Declined),
        (State.CANCELLED, rules.Cancelled),
        (State.EXPIRED, rules.Expired),
        (State.FULFILLED, rules.AlreadyIssued),
    ],
)
def test_only_a_confirmed_redemption_is_handed_over(state: State, refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        rules.require_issuable(state, expires_at=NOW + timedelta(days=1), fulfilled_at=NOW, now=NOW)


def test_a_voucher_ends_with_its_thirtieth_day() -> None:
    end = rules.expiry_of(NOW)
    assert end - NOW == timedelta(days=30)
    rules.require_issuable(State.CONFIRMED, expires_at=end, fulfilled_at=None, now=end - timedelta(seconds=1))
    with pytest.raises(rules.Expired, match="12月20日 09:30"):
        rules.require_issuable(State.CONFIRMED, expires_at=end, fulfilled_at=None, now=end)


def test_a_used_voucher_says_when_it_was_used() -> None:
    with pytest.raises(rules.AlreadyIssued, match="11月20日 09:30"):
        rules.require_issuable(State.FULFILLED, expires_at=NOW, fulfilled_at=NOW, now=NOW)


@pytest.mark.parametrize("state", State)
def test_what_is_open_can_be_cancelled_and_nothing_else(state: State) -> None:
    if state is State.REFUSED:
        return
    if state in (State.REQUESTED, State.CONFIRMED):
        rules.require_cancellable(state)
    else:
        with pytest.raises(RuleBroken):
            rules.require_cancellable(state)


def test_an_issue_is_undone_until_the_days_close() -> None:
    rules.require_undoable(State.FULFILLED, NOW, NOW - timedelta(seconds=1))
    with pytest.raises(rules.UndoTooLate):
        rules.require_undoable(State.FULFILLED, NOW, NOW)
    with pytest.raises(rules.NotIssued):
        rules.require_undoable(State.CANCELLED, None, NOW)
