"""Stock and redemptions against a plain model, step by step, on PostgreSQL.

Whatever happens in whatever order, with answers lost and everything sent twice: the counters are
those of the model, and once the worker was there points holds what it should of every redemption.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.ctx import AppContext
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from services.rewards import jobs
from services.rewards.commands import desk, gifts, redemptions
from services.rewards.domain.redemption import Order, State, quarter_of
from services.rewards.queries import verify
from services.rewards.store import Gift
from shared import clock
from shared.db import session
from shared.errors import HuzhuError
from shared.principal import Principal
from tests.rewards.support import Points, Town, fresh, login_of, make_due, run, stock_of, taken_by, waiting

LIMIT = 3
BALANCE = 6000
_OPEN = (State.REQUESTED, State.CONFIRMED)


@dataclass
class Known:
    """What the model knows of a redemption."""

    order: Order
    caller: Principal
    state: State
    quarter: date
    expires_at: datetime


@dataclass
class Model:
    received: int = 0
    written_off: int = 0
    redemptions: dict[UUID, Known] = field(default_factory=dict)

    def pieces(self, *states: State) -> int:
        return sum(known.order.quantity for known in self.redemptions.values() if known.state in states)

    @property
    def on_hand(self) -> int:
        return self.received - self.written_off - self.pieces(*_OPEN, State.FULFILLED)

    def taken(self, member_id: UUID, quarter: date | None = None) -> int:
        return sum(
            known.order.quantity
            for known in self.redemptions.values()
            if known.state in (*_OPEN, State.FULFILLED)
            and known.order.member_id == member_id
            and quarter in (None, known.quarter)
        )


class StockAndRedemptions(RuleBasedStateMachine):
    app: ClassVar[Flask]
    points: ClassVar[Points]
    made = Bundle("made")

    @initialize(stock=st.integers(1, 4))
    def open_the_station(self, stock: int) -> None:
        self.context: AppContext = self.app.app_context()
        self.context.push()
        self.points.mood = "well"
        self.now = clock.day_starts(clock.today()) + timedelta(hours=9)
        self.model = Model(received=stock)
        self.town = Town.build()
        self.members = [self.town.member(), self.town.member()]
        for member in self.members:
            self.points.balances[str(member)] = BALANCE
        self.organizer = self.town.organizer
        self.gift: Gift = self.town.gift(stock=stock, limit_per_quarter=LIMIT)

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.let_the_worker_in()
            self.context.pop()

    # --- Steps

    @rule(
        target=made,
        who=st.integers(0, 1),
        quantity=st.integers(1, 2),
        mood=st.sampled_from(["well", "well", "deaf", "mute"]),
    )
    def redeem(self, who: int, quantity: int, mood: str) -> UUID:
        member = self.members[who]
        order, caller = self.town.order(self.gift, member, quantity=quantity), login_of(member)
        quarter = quarter_of(clock.day_of(self.now))
        allowed = self.model.taken(member, quarter) + quantity <= LIMIT and quantity <= self.model.on_hand
        affordable = self.points.balances[str(member)] >= order.quantity * 1000
        self.points.mood = mood
        with clock.travel(self.now):
            try:
                state = redemptions.redeem(caller, order).state
            except HuzhuError:
                state = State.REFUSED
        self.points.mood = "well"
        settled = State.CONFIRMED if affordable else State.DECLINED
        assert state == (State.REFUSED if not allowed else settled if mood == "well" else State.REQUESTED)
        self.model.redemptions[order.id] = Known(order, caller, state, quarter, self.now + timedelta(days=30))
        return order.id

    @rule(key=made)
    def redeem_again(self, key: UUID) -> None:
        known = self.model.redemptions[key]
        try:
            assert redemptions.redeem(known.caller, known.order).state is known.state
        except HuzhuError:
            assert known.state is State.REFUSED

    @rule(key=made)
    def cancel(self, key: UUID) -> None:
        known = self.model.redemptions[key]
        allowed = known.state in (*_OPEN, State.CANCELLED)
        with clock.travel(self.now):
            assert allowed == _succeeds(lambda: redemptions.cancel(known.caller, redemption_id=key))
        if allowed:
            known.state = State.CANCELLED

    @rule(key=made)
    def issue(self, key: UUID) -> None:
        known = self.model.redemptions[key]
        allowed = known.state is State.FULFILLED or (known.state is State.CONFIRMED and self.now < known.expires_at)
        with clock.travel(self.now):
            assert allowed == _succeeds(lambda: desk.issue(self.organizer, redemption_id=key))
        if allowed:
            known.state = State.FULFILLED

    @rule(key=made)
    def undo(self, key: UUID) -> None:
        known = self.model.redemptions[key]
        issued_at = fresh(key).fulfilled_at
        same_day = issued_at is not None and clock.day_of(issued_at) == clock.day_of(self.now)
        allowed = known.state is State.CONFIRMED or (known.state is State.FULFILLED and same_day)
        with clock.travel(self.now):
            assert allowed == _succeeds(lambda: desk.undo(self.organizer, redemption_id=key, reason="扫错了"))
        if allowed:
            known.state = State.CONFIRMED

    @rule(key=made, late=st.sampled_from(["confirmed", "declined"]))
    def hear_a_late_answer(self, key: UUID, late: str) -> None:
        """Settling what is settled, cancelled or issued changes nothing, whatever is said."""
        from shared.db import transactional

        if self.model.redemptions[key].state is not State.REQUESTED:
            assert transactional(redemptions.settle)(key, {"state": late}) is None

    @rule(quantity=st.integers(1, 3), kind=st.sampled_from(["receive", "write_off"]), times=st.integers(1, 2))
    def move(self, quantity: int, kind: str, times: int) -> None:
        allowed = kind == "receive" or quantity <= self.model.on_hand
        one = gifts.Movement(uuid4(), self.gift.id, self.town.station.id, kind, quantity, "盘点")
        for _ in range(times):
            assert allowed == _succeeds(lambda: gifts.move_stock(self.town.staff, one))
        if allowed and kind == "receive":
            self.model.received += quantity
        elif allowed:
            self.model.written_off += quantity

    @rule()
    def let_the_worker_in(self) -> None:
        make_due()
        run(jobs.drain)
        for key, known in self.model.redemptions.items():
            if known.state is State.REQUESTED:
                answer = self.points.spends[str(key)]["state"]
                known.state = State(answer)
                known.expires_at = fresh(key).expires_at
        assert waiting() == []

    @rule(days=st.sampled_from([1, 1, 16, 31]))
    def let_days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)
        with clock.travel(self.now):
            redemptions.expire_overdue()
        for known in self.model.redemptions.values():
            if known.state in _OPEN and known.expires_at <= self.now:
                known.state = State.EXPIRED

    # --- What holds after every step

    @invariant()
    def counters_are_those_of_the_model(self) -> None:
        model = self.model
        assert stock_of(self.gift, self.town.station.id) == (
            model.received, model.written_off, model.on_hand, model.pieces(*_OPEN), model.pieces(State.FULFILLED),
        )  # fmt: skip
        for member in self.members:
            assert taken_by(member, self.gift) == model.taken(member)

    @invariant()
    def states_are_those_of_the_model(self) -> None:
        for key, known in self.model.redemptions.items():
            assert fresh(key).state is known.state

    @invariant()
    def nothing_is_broken(self) -> None:
        broken = [line for check in verify.CHECKS.values() for line in check()]
        session().rollback()
        assert broken == []

    @invariant()
    def points_are_where_they_belong_once_nothing_is_pending(self) -> None:
        if waiting():
            return
        taken = {
            key: known.order.quantity * 1000
            for key, known in self.model.redemptions.items()
            if known.state in (State.CONFIRMED, State.FULFILLED)
        }
        for member in self.members:
            spent = sum(taken[key] for key in taken if self.model.redemptions[key].order.member_id == member)
            assert self.points.balances[str(member)] == BALANCE - spent


def _succeeds(act: object) -> bool:
    try:
        act()  # type: ignore[operator]
    except HuzhuError:
        return False
    return True


@pytest.mark.parametrize("examples", [40])
def test_stock_and_redemptions_follow_the_model(rewards_app: Flask, points: Points, examples: int) -> None:
    StockAndRedemptions.app, StockAndRedemptions.points = rewards_app, points
    run_state_machine_as_test(
        StockAndRedemptions,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
