"""The daily close: what went out equals what was spent, and nothing falls between two of them."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.commands import desk, desk_closes, desk_orders
from services.rewards.commands.desk_closes import Close
from services.rewards.domain import desk as rules
from services.rewards.domain import redemption
from services.rewards.domain.desk import Count, DeskOrder, Line
from services.rewards.domain.redemption import State
from services.rewards.queries import desk as queries
from services.rewards.queries import verify
from services.rewards.store import Gift, Redemption
from shared import clock
from shared.db import session
from shared.errors import Conflict, Forbidden, HuzhuError
from tests.rewards.support import Points, Town, at_once, close, fresh, statements, stock_of
from tests.support import principal_headers


def serve(town: Town, member: UUID, gift: Gift, quantity: int = 1) -> Redemption:
    order = DeskOrder(uuid4(), town.station.id, member, [Line(gift.id, quantity, gift.points * quantity)])
    (line,) = desk_orders.serve(town.organizer, order).lines
    return line


def as_shown(town: Town) -> Close:
    """A close as the page asks for it, with all as the books have it."""
    shown = queries.list_to_count(town.staff, town.station.id)
    session().rollback()
    return Close(
        uuid4(), town.station.id, [Count(one.gift_id, one.expected, one.pieces, one.expected) for one in shown]
    )


def test_goods_out_are_points_spent_by_gift_vouchers_and_desk_alike(town: Town, points: Points) -> None:
    soap, rice = town.gift(name="香皂", points=300, stock=9), town.gift(name="大米", stock=5)
    serve(town, town.member(), soap, 2)
    serve(town, town.member(), soap)
    desk.issue(town.organizer, redemption_id=town.redeemed(rice).id)
    town.redeemed(rice)
    closed = queries.show_close(town.staff, close(town))
    assert [(one.gift_name, one.pieces, one.points, one.expected) for one in closed.counts] == [
        ("大米", 1, 1000, 4), ("香皂", 3, 900, 6)
    ]  # fmt: skip
    assert closed.station_name == "岔路口社区实践站"


def test_the_next_close_holds_what_came_after(town: Town, points: Points) -> None:
    gift = town.gift(stock=9, limit_per_quarter=None)
    first = serve(town, town.member(), gift)
    one = close(town)
    second = serve(town, town.member(), gift, 2)
    two = close(town)
    assert (fresh(first.id).close_id, fresh(second.id).close_id) == (one, two)
    newest, older = queries.list_closes(town.staff, town.station.id, limit=9)
    assert [(found.close.id, found.counts[0].pieces, found.counts[0].issued) for found in (newest, older)] == [
        (two, 2, 3), (one, 1, 1)
    ]  # fmt: skip


def test_after_the_close_nothing_is_taken_back(town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    line = serve(town, town.member(), gift)
    close(town)
    with pytest.raises(redemption.DeskClosed, match="日结"):
        desk.undo(town.organizer, redemption_id=line.id, reason="拿错了")
    assert fresh(line.id).state is State.FULFILLED


def test_what_many_movements_brought_together_can_be_counted(rewards_app: Flask, town: Town) -> None:
    gift = town.gift(stock=1_000_000)
    town.receive(gift, 800_000)
    counted = {"gift_id": str(gift.id), "pieces": 0, "expected": 1_800_000, "counted": 1_800_000}
    content = {"id": str(uuid4()), "station_id": str(town.station.id), "counts": [counted]}
    headers = principal_headers("rewards", grants=town.staff.grants)
    with rewards_app.app_context():
        answer = rewards_app.test_client().post("/api/v1/rewards/desk-closes", json=content, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["counts"][0]["expected"] == 1_800_000


def test_what_was_taken_back_before_is_not_counted(town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    desk.undo(town.organizer, redemption_id=serve(town, town.member(), gift).id, reason="拿错了")
    (count,) = queries.show_close(town.staff, close(town)).counts
    assert (count.pieces, count.points, count.expected) == (0, 0, 9)


def test_a_difference_needs_a_reason_and_changes_no_stock(town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    wanted = as_shown(town)
    missing = replace(wanted, counts=[replace(wanted.counts[0], counted=7)])
    with pytest.raises(rules.DifferenceUnexplained):
        desk_closes.close_desk(town.staff, missing)
    explained = replace(missing, counts=[replace(missing.counts[0], reason="两块受潮")])
    (count,) = queries.show_close(town.staff, desk_closes.close_desk(town.staff, explained)).counts
    assert (count.expected, count.counted, count.reason) == (9, 7, "两块受潮")
    assert stock_of(gift, town.station.id) == (9, 0, 9, 0, 0)


def test_a_close_that_was_counted_before_something_moved_is_refused_and_keeps_nothing(
    town: Town, points: Points
) -> None:
    gift = town.gift(stock=9)
    wanted = as_shown(town)
    line = serve(town, town.member(), gift)
    for counts in (wanted.counts, []):
        with pytest.raises(rules.ChangedMeanwhile):
            desk_closes.close_desk(town.staff, replace(wanted, counts=counts))
    assert fresh(line.id).close_id is None
    assert queries.list_closes(town.staff, town.station.id, limit=9) == []


def test_the_same_close_again_is_the_same_and_another_under_its_id_is_refused(town: Town, points: Points) -> None:
    serve(town, town.member(), town.gift(stock=9))
    wanted = as_shown(town)
    assert desk_closes.close_desk(town.staff, wanted) == desk_closes.close_desk(town.staff, wanted) == wanted.id
    with pytest.raises(Conflict):
        desk_closes.close_desk(town.staff, replace(wanted, counts=[]))
    assert len(queries.list_closes(town.staff, town.station.id, limit=9)) == 1


def test_one_id_for_closes_of_two_stations_at_once_is_one_close(rewards_app: Flask, town: Town) -> None:
    staff = town.staff
    for _ in range(6):
        key = uuid4()
        wanted = [Close(key, place.id, []) for place in (town.station, town.other_station)]
        found = at_once(rewards_app, *[lambda close=close: desk_closes.close_desk(staff, close) for close in wanted])
        assert sorted(type(one).__name__ for one in found) == ["Conflict", "UUID"]


def test_staff_signs_and_organizers_do_not(town: Town, points: Points) -> None:
    with pytest.raises(Forbidden):
        desk_closes.close_desk(town.organizer, as_shown(town))


def test_a_close_costs_the_same_statements_whatever_went_out(town: Town, points: Points) -> None:
    counts = []
    for more in (1, 4):
        for _ in range(more):
            serve(town, town.member(), town.gift(stock=9))
        wanted, staff = as_shown(town), town.staff
        with statements() as seen:
            desk_closes.close_desk(staff, wanted)
        counts.append(len(seen))
    assert counts[0] == counts[1], counts


def test_nothing_falls_between_two_closes_while_others_serve_and_take_back(
    rewards_app: Flask, town: Town, points: Points
) -> None:
    gift = town.gift(stock=60, limit_per_quarter=None)
    members = [town.member() for _ in range(8)]
    organizer, staff = town.organizer, town.staff

    def serve_and_regret(member: UUID, regret: bool) -> None:
        order = DeskOrder(uuid4(), town.station.id, member, [Line(gift.id, 1, gift.points)])
        (line,) = desk_orders.serve(organizer, order).lines
        if regret:
            with suppress(redemption.DeskClosed):
                desk.undo(organizer, redemption_id=line.id, reason="拿错了")

    def close_now() -> None:
        for _ in range(20):
            with suppress(rules.ChangedMeanwhile):
                desk_closes.close_desk(staff, as_shown(town))

    acts: list[Any] = [lambda m=member, r=at % 2: serve_and_regret(m, bool(r)) for at, member in enumerate(members * 3)]
    results = at_once(rewards_app, *acts[:12], close_now, *acts[12:], close_now)
    assert [one for one in results if isinstance(one, Exception)] == []
    close(town)
    closes = queries.list_closes(town.staff, town.station.id, limit=100)
    pieces = sum(count.pieces for one in closes for count in one.counts)
    received, _written_off, on_hand, reserved, issued = stock_of(gift, town.station.id)
    assert (pieces, reserved, on_hand + issued) == (issued, 0, received)
    assert broken() == {}


def test_a_close_holds_the_desk_while_it_counts(
    rewards_app: Flask, town: Town, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is handed over and one that comes in, just then, leave the shelf as it was counted."""
    gift, member = town.gift(stock=9), town.member()
    serve(town, town.member(), gift)
    wanted, staff = as_shown(town), town.staff
    closing = store.close_all

    def meanwhile() -> None:
        with rewards_app.app_context():
            serve(town, member, gift)
            town.receive(gift, 1)

    other = threading.Thread(target=meanwhile)

    def interrupted(tx: Session, close_id: UUID, station_id: UUID) -> Any:
        gone = closing(tx, close_id, station_id)
        other.start()
        while other.is_alive() and not tx.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            other.join(0.01)
        return gone

    monkeypatch.setattr(store, "close_all", interrupted)
    desk_closes.close_desk(staff, wanted)
    other.join(20)
    monkeypatch.undo()
    close(town)
    assert broken() == {}


def broken() -> dict[str, list[str]]:
    session().rollback()
    found = {name: lines for name, check in verify.CHECKS.items() if (lines := list(check()))}
    session().rollback()
    return found


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("serve"), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("deaf"), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("again"), st.integers(0, 9), st.just(0), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, 9), st.just(0), st.just(0)),
        st.tuples(st.just("close"), st.integers(-1, 1), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_at_the_desk_stock_and_points_add_up(
    steps: list[tuple[str, int, int, int]], town: Town, points: Points
) -> None:
    """Orders, repetitions, undoing and closes in any order, points away now and then."""
    at = Town.build()
    gifts = [
        at.gift(name=f"礼品{number}", points=100 * (number + 1), stock=6, limit_per_quarter=4) for number in range(3)
    ]
    members = [at.member() for _ in range(3)]
    for member in members:
        points.balances[str(member)] = 1500
    orders: list[DeskOrder] = []
    for kind, one, other, pieces in steps:
        points.mood = "deaf" if kind == "deaf" else "well"
        with suppress(HuzhuError):
            session().rollback()
            if kind in ("serve", "deaf"):
                chosen = {gifts[one].id: gifts[one], gifts[other].id: gifts[other]}.values()
                lines = [Line(gift.id, pieces, gift.points * pieces) for gift in chosen]
                orders.append(DeskOrder(uuid4(), at.station.id, members[one], lines))
                desk_orders.serve(at.organizer, orders[-1])
            elif kind == "close":
                close(at, **{gifts[0].name: max(0, 6 + one)})
            elif orders:
                order = orders[one % len(orders)]
                if kind == "again":
                    desk_orders.serve(at.organizer, order)
                else:
                    for line in queries.show_order(at.organizer, order.id).lines:
                        session().rollback()
                        desk.undo(at.organizer, redemption_id=line.id, reason="拿错了")
    session().rollback()
    _settle(at, points, gifts, members, orders)


def _settle(at: Town, points: Points, gifts: list[Gift], members: list[UUID], orders: list[DeskOrder]) -> None:
    """Once the worker was there: what members hold and what is on the shelf is what was and was not handed over."""
    from services.rewards import jobs
    from tests.rewards.support import make_due, run

    points.mood = "well"
    make_due()
    run(jobs.drain)
    held = [line for order in orders for line in queries.show_order(at.organizer, order.id).lines]
    session().rollback()
    standing = [line for line in held if line.state in (State.CONFIRMED, State.FULFILLED)]
    for member in members:
        spent = sum(line.points for line in standing if line.member_id == member)
        assert points.balances[str(member)] == 1500 - spent >= 0
    for gift in gifts:
        out = sum(line.quantity for line in standing if line.gift_id == gift.id and line.state is State.FULFILLED)
        reserved = sum(line.quantity for line in standing if line.gift_id == gift.id and line.state is State.CONFIRMED)
        assert stock_of(gift, at.station.id) == (6, 0, 6 - out - reserved, reserved, out)
    close(at)
    closes = queries.list_closes(at.staff, at.station.id, limit=100)
    session().rollback()
    assert sum(count.points for one in closes for count in one.counts) == sum(
        line.points for line in standing if line.state is State.FULFILLED
    )
    assert broken() == {}


def test_yesterdays_close_and_todays_are_each_their_own(town: Town, points: Points) -> None:
    gift = town.gift(stock=9, limit_per_quarter=None)
    with clock.travel(clock.now() - timedelta(days=1)):
        serve(town, town.member(), gift)
        close(town)
    serve(town, town.member(), gift)
    (count,) = queries.show_close(town.staff, close(town)).counts
    assert (count.pieces, count.expected) == (1, 7)
