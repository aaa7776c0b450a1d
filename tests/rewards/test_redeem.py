"""Redeeming, and what points' answer, or the lack of one, makes of it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.pool import QueuePool

from services.rewards import jobs
from services.rewards.commands import gifts, redemptions
from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import State
from services.rewards.store import Redemption
from shared import clock
from shared.errors import Conflict, Forbidden, NotFound
from shared.events import StationChanged
from shared.principal import Role
from tests.rewards.support import (
    Place,
    Points,
    Town,
    at_once,
    close_station,
    fresh,
    holder,
    login_of,
    make_due,
    run,
    statements,
    stock_of,
    take_copies,
    taken_by,
    waiting,
)


def test_a_redemption_is_confirmed_within_the_request(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    redemption = town.redeemed(gift, member, quantity=2)
    assert redemption.state is State.CONFIRMED
    assert redemption.points == 2000
    assert redemption.confirmed_at is not None
    assert redemption.expires_at == redemption.confirmed_at + timedelta(days=30)
    assert stock_of(gift, town.station.id) == (5, 0, 3, 2, 0)
    assert points.spent == {str(redemption.id): 2000}
    assert points.issuers == ["rewards"]
    assert waiting() == []


def test_it_is_declined_for_want_of_points_and_everything_is_released(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    points.balances[str(member)] = 999
    redemption = town.redeemed(gift, member)
    assert (redemption.state, redemption.reason_code, redemption.reason) == (
        State.DECLINED, "insufficient_points", "可用积分不足"
    )  # fmt: skip
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)
    assert taken_by(member, gift) == 0
    assert waiting() == []


@pytest.mark.parametrize("mood", ["deaf", "mute", "refusing", "late"])
def test_it_is_only_requested_while_points_does_not_answer(town: Town, points: Points, mood: str) -> None:
    points.mood = mood
    gift = town.gift(stock=5)
    redemption = town.redeemed(gift)
    assert redemption.state is State.REQUESTED
    assert stock_of(gift, town.station.id) == (5, 0, 4, 1, 0)
    assert waiting() == ["SpendRequested"]


def test_it_is_only_requested_when_nobody_listens(town: Town) -> None:
    assert town.redeemed().state is State.REQUESTED


def test_the_worker_leaves_the_first_ten_seconds_to_the_request(town: Town) -> None:
    redemption = town.redeemed()
    assert run(jobs.drain) == 0
    with clock.travel(redemption.requested_at + timedelta(seconds=11)):
        assert run(jobs.drain) == 1


@pytest.mark.parametrize("mood", ["deaf", "mute", "late"])
def test_the_worker_finishes_what_the_request_could_not(town: Town, points: Points, mood: str) -> None:
    points.mood = mood
    member = town.member()
    points.balances[str(member)] = 5000
    redemption = town.redeemed(town.gift(stock=1), member)
    points.mood = "well"
    make_due()
    run(jobs.drain)
    assert fresh(redemption.id).state is State.CONFIRMED
    assert points.balances[str(member)] == 4000, "taken once, whoever asked first"
    assert waiting() == []


def test_the_worker_releases_what_points_declines(town: Town, points: Points) -> None:
    points.mood = "deaf"
    gift, member = town.gift(stock=1), town.member()
    points.balances[str(member)] = 0
    redemption = town.redeemed(gift, member)
    points.mood = "well"
    make_due()
    run(jobs.drain)
    assert fresh(redemption.id).state is State.DECLINED
    assert stock_of(gift, town.station.id) == (1, 0, 1, 0, 0)
    assert taken_by(member, gift) == 0


def test_settling_twice_changes_nothing(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=1), town.member()
    redemption = town.redeemed(gift, member)
    code = redemption.code_digest
    for outcome in ({"state": "confirmed"}, {"state": "declined", "code": "insufficient_points"}, {"state": "odd"}):
        _settle(redemption, outcome)
    after = fresh(redemption.id)
    assert (after.state, after.code_digest) == (State.CONFIRMED, code)
    assert stock_of(gift, town.station.id) == (1, 0, 0, 1, 0)


def _settle(redemption: Redemption, outcome: dict[str, str]) -> None:
    from shared.db import transactional

    transactional(redemptions.settle)(redemption.id, outcome)


# --- Repetitions ------------------------------------------------------------------------------------


def test_a_repeated_order_returns_the_first_redemption(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    caller, order = login_of(member), town.order(gift, member)
    first = redemptions.redeem(caller, order)
    gifts.change_gift(town.staff, gift_id=gift.id, changes={"points": 5, "withdrawn": True})
    again = redemptions.redeem(caller, order)
    assert (again.id, again.state, again.points) == (first.id, State.CONFIRMED, 1000)
    assert stock_of(gift, town.station.id) == (5, 0, 4, 1, 0)
    assert len(points.issuers) == 1


def test_an_id_with_other_content_is_a_conflict(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    order = town.order(gift, member)
    redemptions.redeem(login_of(member), order)
    for other in (
        replace(order, quantity=2), replace(order, points=1000), replace(order, station_id=town.other_station.id)
    ):  # fmt: skip
        with pytest.raises(Conflict):
            redemptions.redeem(login_of(member), other)
    stranger = town.member()
    with pytest.raises(Conflict):
        redemptions.redeem(login_of(stranger), replace(order, member_id=stranger))


def test_a_refusal_is_remembered_even_when_its_cause_is_gone(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=1), town.member()
    order = town.order(gift, member, quantity=2)
    for _ in range(2):
        with pytest.raises(rules.OutOfStock, match="只剩 1 件"):
            redemptions.redeem(login_of(member), order)
        town.receive(gift, 10)
    with pytest.raises(Conflict):
        redemptions.redeem(login_of(member), replace(order, quantity=1))
    assert redemptions.redeem(login_of(member), replace(order, id=uuid4())).state is State.CONFIRMED
    assert taken_by(member, gift) == 2


def test_the_same_order_sent_many_times_at_once_is_one_redemption(
    rewards_app: Flask, town: Town, points: Points
) -> None:
    gift, member = town.gift(stock=10, limit_per_quarter=None), town.member()
    caller, order = login_of(member), town.order(gift, member)
    found = at_once(rewards_app, *[lambda: redemptions.redeem(caller, order)] * 16)
    assert {item.id for item in found if isinstance(item, Redemption)} == {order.id}
    assert [item for item in found if isinstance(item, Exception)] == []
    assert stock_of(gift, town.station.id) == (10, 0, 9, 1, 0)
    assert points.spent == {str(order.id): 1000}


# --- Rules ------------------------------------------------------------------------------------------


def test_who_was_not_confirmed_by_staff_redeems_nothing(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    for member in (town.member(confirmed=False), uuid4()):
        with pytest.raises(rules.NotConfirmed):
            town.redeemed(gift, member)
    with pytest.raises(rules.MemberNotActive):
        town.redeemed(gift, town.member(status="merged"))
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)
    assert points.issuers == []


def test_nobody_redeems_for_a_member_of_another_login(town: Town) -> None:
    gift, member = town.gift(stock=5), town.member()
    with pytest.raises(Forbidden):
        redemptions.redeem(login_of(town.member()), town.order(gift, member))


def test_gifts_and_stations_must_be_there(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    with pytest.raises(NotFound):
        town.redeemed(gift, member, gift_id=uuid4())
    with pytest.raises(NotFound):
        town.redeemed(gift, member, station_id=uuid4())
    close_station(town.station)
    with pytest.raises(rules.StationClosed):
        town.redeemed(gift, member)


def test_points_are_redeemed_at_home_and_the_refusal_is_remembered(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member(station_id=town.other_station.id)
    order = town.order(gift, member)
    for _ in range(2):
        with pytest.raises(rules.NotHomeStation, match="所属的站点"):
            redemptions.redeem(login_of(member), order)
        town.moves(member, town.station)
    assert redemptions.redeem(login_of(member), replace(order, id=uuid4())).state is State.CONFIRMED
    assert len(points.spent) == 1


def test_who_has_moved_redeems_at_the_new_station_and_nowhere_else(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    town.moves(member, town.other_station)
    with pytest.raises(rules.NotHomeStation):
        town.redeemed(gift, member)
    with pytest.raises(rules.NotOfferedHere):
        town.redeemed(gift, member, station_id=town.other_station.id)


def test_what_was_never_there_is_not_sold_out(town: Town, points: Points) -> None:
    """After a split the new station offers nothing yet of what the old one gave out."""
    never_there, sold_out = town.gift(), town.gift(stock=1)
    town.redeemed(sold_out)
    with pytest.raises(rules.NotOfferedHere):
        town.redeemed(never_there)
    with pytest.raises(rules.OutOfStock, match="已经兑完"):
        town.redeemed(sold_out)


def test_of_a_closed_station_it_is_said_to_whom_it_has_moved(town: Town, points: Points) -> None:
    gift, stayed, moved = town.gift(stock=5), town.member(), town.member(station_id=town.other_station.id)
    close_station(town.station)
    for member, sentence in ((stayed, "办理转入"), (moved, "到您现在所属的站点兑换")):
        with pytest.raises(rules.StationClosed, match=sentence):
            town.redeemed(gift, member)


def test_who_belongs_to_no_station_redeems_nothing(town: Town, points: Points) -> None:
    with pytest.raises(rules.NoHomeStation):
        town.redeemed(town.gift(stock=5), town.member(station_id=None))
    assert points.issuers == []


def test_a_withdrawn_gift_is_not_redeemed(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    gifts.change_gift(town.staff, gift_id=gift.id, changes={"withdrawn": True})
    with pytest.raises(rules.GiftWithdrawn):
        town.redeemed(gift)


def test_nobody_pays_another_price_than_was_shown(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    assert town.redeemed(gift, member, points=1000).state is State.CONFIRMED
    gifts.change_gift(town.staff, gift_id=gift.id, changes={"points": 1200})
    with pytest.raises(rules.PriceChanged):
        town.redeemed(gift, member, points=1000)


def test_the_limit_counts_pieces_by_quarters_of_shanghai(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=50), town.member()
    last_evening = clock.day_starts(clock.today().replace(month=10, day=1)) - timedelta(seconds=1)
    with clock.travel(last_evening):
        town.redeemed(gift, member)
        town.redeemed(gift, member)
        with pytest.raises(rules.LimitReached, match="还可兑换 0 件"):
            town.redeemed(gift, member)
    with clock.travel(last_evening + timedelta(seconds=1)):
        with pytest.raises(rules.LimitReached, match="还可兑换 2 件"):
            town.redeemed(gift, member, quantity=3)
        assert town.redeemed(gift, member, quantity=2).state is State.CONFIRMED


def test_the_limit_holds_for_orders_that_come_at_once(rewards_app: Flask, town: Town, points: Points) -> None:
    gift, member = town.gift(stock=50), town.member()
    caller = login_of(member)
    orders = [town.order(gift, member) for _ in range(12)]
    found = at_once(rewards_app, *[lambda order=order: redemptions.redeem(caller, order) for order in orders])
    assert sum(isinstance(item, Redemption) for item in found) == 2
    assert sum(isinstance(item, rules.LimitReached) for item in found) == 10
    assert taken_by(member, gift) == 2
    assert stock_of(gift, town.station.id) == (50, 0, 48, 2, 0)


def test_of_two_hundred_who_want_ten_pieces_exactly_ten_get_one(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=10)
    orders = [town.order(gift, town.member()) for _ in range(200)]
    found = at_once(
        rewards_app, *[lambda order=order: redemptions.redeem(login_of(order.member_id), order) for order in orders]
    )
    confirmed = [item for item in found if isinstance(item, Redemption)]
    assert [item.state for item in confirmed] == [State.CONFIRMED] * 10
    assert sum(isinstance(item, rules.OutOfStock) for item in found) == 190
    assert stock_of(gift, town.station.id) == (10, 0, 0, 10, 0)
    assert points.spent == {str(item.id): 1000 for item in confirmed}


def test_two_hundred_who_want_two_hundred_pieces_all_get_one(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=200)
    orders = [town.order(gift, town.member()) for _ in range(200)]
    found = at_once(
        rewards_app, *[lambda order=order: redemptions.redeem(login_of(order.member_id), order) for order in orders]
    )
    assert [getattr(item, "state", item) for item in found] == [State.CONFIRMED] * 200
    assert stock_of(gift, town.station.id) == (200, 0, 0, 200, 0)


# --- Cost -------------------------------------------------------------------------------------------


def test_a_redemption_costs_seven_statements_and_locks_the_stock_last(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    caller, order = login_of(member), town.order(gift, member)
    with statements() as seen:
        redemptions.redeem(caller, order)
    reserving, settling = seen[:5], seen[5:]
    assert [_kind(statement) for statement in reserving] == [
        "WITH RECURSIVE", "INSERT redemption", "INSERT outbox", "INSERT taken", "UPDATE stock",
    ]  # fmt: skip
    assert [_kind(statement) for statement in settling] == ["UPDATE redemption", "UPDATE outbox"]


def _kind(statement: str) -> str:
    verb, rest = statement.split(maxsplit=1)
    return f"{verb} {rest.removeprefix('INTO ').split('.')[0].split()[0]}"


def test_a_repeated_order_costs_two_statements(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    caller, order = login_of(member), town.order(gift, member)
    redemptions.redeem(caller, order)
    with statements() as seen:
        redemptions.redeem(caller, order)
    assert len(seen) == 2


def test_no_connection_is_held_while_points_is_asked(town: Town, points: Points) -> None:
    from services.rewards.store import db

    held: list[int] = []
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    points.before_answer = lambda: held.append(pool.checkedout())
    town.redeemed(town.gift(stock=1), town.member())
    assert held == [0]


def test_a_station_serves_the_people_of_one_that_was_split_off_it_until_that_has_gifts(
    town: Town, points: Points
) -> None:
    gift = town.gift(stock=5, limit_per_quarter=None, node_id=town.sub_centre.id)
    part = Place(uuid4(), f"{town.sub_centre.path}{uuid4().hex}/")
    member = town.member(station_id=part.id)
    take_copies(
        StationChanged(
            version=1,
            node_id=part.id,
            level="station",
            name="新站",
            path=part.path,
            parent_id=town.sub_centre.id,
            split_from_id=town.station.id,
        )
    )
    with pytest.raises(rules.NotHomeStation):
        town.redeemed(gift, member, station_id=town.other_station.id)
    assert town.redeemed(gift, member).state is State.CONFIRMED
    came_in = gifts.Movement(uuid4(), gift.id, part.id, "receive", 1, "采购")
    gifts.move_stock(holder(Role.STAFF, town.city), came_in)
    with pytest.raises(rules.NotHomeStation):
        town.redeemed(gift, member)


def test_who_was_split_off_a_station_that_is_merged_is_served_by_its_heir(town: Town, points: Points) -> None:
    gift = town.gift(stock=5, limit_per_quarter=None, node_id=town.city.id)
    part, heir = Place(uuid4(), f"{town.sub_centre.path}{uuid4().hex}/"), town.other_station
    member = town.member(station_id=part.id)
    split = StationChanged(
        version=1,
        node_id=part.id,
        level="station",
        name="新站",
        path=part.path,
        parent_id=town.sub_centre.id,
        split_from_id=town.station.id,
    )
    take_copies(split)
    gifts.move_stock(holder(Role.STAFF, town.city), gifts.Movement(uuid4(), gift.id, heir.id, "receive", 3, "采购"))
    with pytest.raises(rules.NotHomeStation):
        town.redeemed(gift, member, station_id=heir.id)
    merged = StationChanged(
        version=2,
        node_id=town.station.id,
        level="station",
        name="南昌路站",
        path=f"{heir.path}{town.station.id.hex}/",
        parent_id=heir.id,
        closed=True,
        successor_id=heir.id,
    )
    take_copies(merged)
    assert town.redeemed(gift, member, station_id=heir.id).state is State.CONFIRMED
