"""Giving a redemption up, by the member or by time, whatever points is doing meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import NoReturn
from uuid import UUID, uuid4

import pytest
from flask import Flask

from services.rewards import jobs
from services.rewards.commands import desk, redemptions
from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import State
from services.rewards.store import Redemption
from shared import clock
from shared.db import transactional
from shared.errors import Forbidden, NotFound
from tests.rewards.support import Points, Town, at_once, fresh, login_of, make_due, run, stock_of, taken_by, waiting


def cancel(redemption: Redemption) -> Redemption:
    return redemptions.cancel(login_of(redemption.member_id), redemption_id=redemption.id)


def drain_all() -> None:
    make_due()
    run(jobs.drain)
    assert waiting() == []


def test_cancelling_gives_back_points_stock_and_limit(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    points.balances[str(member)] = 1500
    redemption = town.redeemed(gift, member)
    assert points.balances[str(member)] == 500
    assert cancel(redemption).state is State.CANCELLED
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)
    assert taken_by(member, gift) == 0
    drain_all()
    assert points.balances[str(member)] == 1500


def test_cancelling_gives_back_the_limit_of_its_own_quarter(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    now = clock.now()
    with clock.travel(now - timedelta(days=92)):
        before = town.redeemed(gift, member)
    town.redeemed(gift, member)
    cancel(before)
    assert taken_by(member, gift) == 1
    with pytest.raises(rules.LimitReached, match="还可兑换 1 件"):
        town.redeemed(gift, member, quantity=2)


def test_cancelling_twice_releases_once(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    redemption, _other = town.redeemed(gift), town.redeemed(gift)
    for _ in range(3):
        assert cancel(redemption).state is State.CANCELLED
    assert stock_of(gift, town.station.id) == (5, 0, 4, 1, 0)
    assert waiting() == ["RedemptionVoided"]


def test_cancelling_many_times_at_once_releases_once(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    redemption, _other = town.redeemed(gift), town.redeemed(gift)
    found = at_once(rewards_app, *[lambda: cancel(redemption)] * 8)
    assert [getattr(item, "state", item) for item in found] == [State.CANCELLED] * 8
    assert stock_of(gift, town.station.id) == (5, 0, 4, 1, 0)
    assert waiting() == ["RedemptionVoided"]


def test_only_the_members_own_login_cancels(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    with pytest.raises(Forbidden):
        redemptions.cancel(login_of(uuid4()), redemption_id=redemption.id)
    with pytest.raises(NotFound):
        redemptions.cancel(login_of(uuid4()), redemption_id=uuid4())


def test_what_was_handed_over_or_declined_is_not_cancelled(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    issued = town.redeemed(gift)
    desk.issue(town.organizer, redemption_id=issued.id)
    with pytest.raises(rules.AlreadyIssued):
        cancel(issued)
    points.balances[str(member)] = 0
    with pytest.raises(rules.Declined):
        cancel(town.redeemed(gift, member))


def test_a_refusal_is_nothing_that_could_be_cancelled(town: Town, points: Points) -> None:
    member = town.member(confirmed=False)
    order = town.order(town.gift(stock=1), member)
    with pytest.raises(rules.NotConfirmed):
        redemptions.redeem(login_of(member), order)
    with pytest.raises(NotFound):
        redemptions.cancel(login_of(member), redemption_id=order.id)


# --- Cancel racing the spend --------------------------------------------------------------------------


@pytest.mark.parametrize("balance", [5000, 0], ids=["enough", "too little"])
@pytest.mark.parametrize("order", list(permutations(["spend", "settle", "cancel", "void"])), ids="-".join)
def test_cancel_and_spend_in_every_order_end_with_the_points_back(
    town: Town, points: Points, order: tuple[str, ...], balance: int
) -> None:
    """The spend reaches points, its answer is settled here, the member cancels, the void reaches points."""
    if order.index("settle") < order.index("spend") or order.index("void") < order.index("cancel"):
        return  # no answer before the question, no void before its cause
    points.mood = "deaf"
    gift, member = town.gift(stock=3), town.member()
    points.balances[str(member)] = balance
    redemption = town.redeemed(gift, member)
    points.mood = "well"
    body = {"redemption_id": str(redemption.id), "member_id": str(member), "points": 1000}
    answers: list[dict[str, str]] = []

    def cancelled() -> None:
        if fresh(redemption.id).state is State.DECLINED:
            with pytest.raises(rules.Declined):
                cancel(redemption)
        else:
            cancel(redemption)

    steps: dict[str, Callable[[], object]] = {
        "spend": lambda: answers.append(points.take_in("SpendRequested", body)["outcome"]),
        "settle": lambda: _settle(redemption.id, answers[0]),
        "cancel": cancelled,
        "void": lambda: points.take_in("RedemptionVoided", body),
    }
    for step in order:
        steps[step]()
    drain_all()
    assert fresh(redemption.id).state in (State.CANCELLED, State.DECLINED)
    assert points.balances[str(member)] == balance
    assert stock_of(gift, town.station.id) == (3, 0, 3, 0, 0)
    assert taken_by(member, gift) == 0


def _settle(redemption_id: UUID, outcome: dict[str, str]) -> None:
    transactional(redemptions.settle)(redemption_id, outcome)


def test_a_cancel_while_points_is_being_asked_wins(rewards_app: Flask, town: Town, points: Points) -> None:
    gift, member = town.gift(stock=3), town.member()
    points.balances[str(member)] = 5000
    order = town.order(gift, member)

    def cancel_now() -> None:
        with rewards_app.app_context():
            redemptions.cancel(login_of(member), redemption_id=order.id)

    points.before_answer = cancel_now
    assert redemptions.redeem(login_of(member), order).state is State.CANCELLED
    points.before_answer = lambda: None
    drain_all()
    assert points.balances[str(member)] == 5000
    assert stock_of(gift, town.station.id) == (3, 0, 3, 0, 0)


def test_cancelling_and_issuing_at_once_is_one_or_the_other(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=8)
    made = [town.redeemed(gift) for _ in range(8)]
    acts: list[Callable[[], object]] = []
    for one in made:
        acts += [
            lambda one=one: cancel(one),  # type: ignore[misc]
            lambda one=one: desk.issue(town.organizer, redemption_id=one.id),  # type: ignore[misc]
        ]
    found = at_once(rewards_app, *acts)
    assert sum(isinstance(item, Exception) for item in found) == 8
    states = [fresh(one.id).state for one in made]
    issued = states.count(State.FULFILLED)
    assert states.count(State.CANCELLED) == 8 - issued
    assert stock_of(gift, town.station.id) == (8, 0, 8 - issued, 0, issued)


# --- Expiry -------------------------------------------------------------------------------------------


def test_a_voucher_nobody_came_for_expires_after_thirty_days(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    points.balances[str(member)] = 1000
    redemption = town.redeemed(gift, member)
    with clock.travel(redemption.expires_at - timedelta(seconds=1)):
        run(jobs.sweep)
        assert fresh(redemption.id).state is State.CONFIRMED
    with clock.travel(redemption.expires_at):
        with pytest.raises(rules.Expired):
            desk.issue(town.organizer, redemption_id=redemption.id)
        run(jobs.sweep)
        run(jobs.sweep)
    assert fresh(redemption.id).state is State.EXPIRED
    assert points.balances[str(member)] == 1000
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)
    assert taken_by(member, gift) == 0


def test_a_request_that_is_never_answered_ends_too(town: Town, points: Points) -> None:
    points.mood = "refusing"
    gift = town.gift(stock=5)
    redemption = town.redeemed(gift)
    make_due()
    run(jobs.drain)
    points.mood = "well"
    with clock.travel(clock.now() + timedelta(days=30)):
        run(jobs.sweep)
        run(jobs.drain)  # what the expiry rings for
    assert fresh(redemption.id).state is State.EXPIRED
    assert str(redemption.id) in points.voided
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)


def test_an_expiry_that_fails_keeps_no_request_from_points(
    town: Town, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    points.mood = "deaf"
    gift, member = town.gift(stock=5), town.member()
    points.balances[str(member)] = 1000
    redemption = town.redeemed(gift, member)
    points.mood = "well"
    make_due()

    def fail() -> NoReturn:
        raise RuntimeError("an expiry that fails")

    monkeypatch.setattr(redemptions, "expire_overdue", fail)
    with pytest.raises(ExceptionGroup):
        run(jobs.sweep)
    assert fresh(redemption.id).state is State.CONFIRMED


def test_three_sweeps_at_once_expire_each_once(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    made = [town.redeemed(gift) for _ in range(9)]

    def expire() -> int:
        with clock.travel(clock.now() + timedelta(days=31)):
            return redemptions.expire_overdue()

    found = at_once(rewards_app, expire, expire, expire)
    assert sum(item for item in found if isinstance(item, int)) == 9
    assert {fresh(one.id).state for one in made} == {State.EXPIRED}
    assert stock_of(gift, town.station.id) == (9, 0, 9, 0, 0)
    assert waiting() == ["RedemptionVoided"] * 9


def test_what_ended_or_was_issued_between_listing_and_locking_is_left_alone(town: Town, points: Points) -> None:
    gift = town.gift(stock=3, limit_per_quarter=None)
    waits, issued, cancelled = (town.redeemed(gift) for _ in range(3))
    desk.issue(town.organizer, redemption_id=issued.id)
    cancel(cancelled)
    assert not redemptions._expire(waits.id), "its time is not over"
    with clock.travel(waits.expires_at + timedelta(days=1)):
        assert [redemptions._expire(one.id) for one in (issued, cancelled)] == [False, False]
    assert stock_of(gift, town.station.id) == (3, 0, 1, 1, 1)
