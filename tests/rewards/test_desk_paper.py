"""Limits that are listed for paper, and what was written there typed in afterwards."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask

from services.rewards.commands import desk_orders
from services.rewards.domain import redemption as rules
from services.rewards.domain.desk import Line, Paper
from services.rewards.domain.redemption import State
from services.rewards.queries import desk as queries
from shared import clock
from shared.errors import Conflict
from shared.principal import Grant, Role
from tests.rewards.support import (
    Points,
    Town,
    at_once,
    login_of,
    taken_by,
)
from tests.rewards.test_desk_orders import acts, order_of, states
from tests.rewards.test_merged import merge


def test_limits_that_are_not_whole_are_listed_for_paper(town: Town, points: Points) -> None:
    gift, free, member = town.gift(stock=9), town.gift(stock=9, limit_per_quarter=None), town.member()
    desk_orders.serve(town.organizer, order_of(town, member, one=(gift, 1), two=(free, 1)))
    town.redeemed(gift, town.member())
    assert {(one.member_id, one.gift_id, one.left) for one in queries.list_limits(town.organizer, town.station.id)} >= {
        (member, gift.id, 1)
    }
    assert free.id not in {one.gift_id for one in queries.list_limits(town.organizer, town.station.id)}


def test_limits_at_the_desk_add_up_over_entries_that_were_merged(town: Town, points: Points) -> None:
    gift, stays, goes = town.gift(stock=9, limit_per_quarter=3), town.member(), town.member()
    for one in (stays, goes):
        desk_orders.serve(town.organizer, order_of(town, one, gift=(gift, 1)))
    merge(town, goes, stays)
    shown = queries.show_desk(town.organizer, town.station.id, member_id=stays)
    assert [one.left_for_member for one in shown.gifts] == [1]
    assert len(shown.served) == 2, "what either entry was given today"
    assert [(one.member_id, one.left) for one in queries.list_limits(town.organizer, town.station.id)] == [(stays, 1)]
    assert len(queries.list_told(login_of(stays))) == 2
    (refused,) = desk_orders.serve(town.organizer, order_of(town, stays, gift=(gift, 2))).lines
    assert (refused.state, refused.reason_code) == (State.REFUSED, rules.LimitReached.code)
    (given,) = desk_orders.serve(town.organizer, order_of(town, stays, gift=(gift, 1))).lines
    assert given.state is State.FULFILLED


def test_orders_at_two_desks_do_not_pass_a_limit_of_which_a_merged_entry_had_some(
    rewards_app: Flask, town: Town, points: Points
) -> None:
    gift, stays, goes = town.gift(stock=9, limit_per_quarter=4), town.member(), town.member()
    for one, pieces in ((stays, 1), (goes, 2)):
        desk_orders.serve(town.organizer, order_of(town, one, gift=(gift, pieces)))
    merge(town, goes, stays)
    orders = [order_of(town, stays, gift=(gift, 1)) for _ in range(4)]
    organizer = town.organizer
    at_once(rewards_app, *[lambda order=order: desk_orders.serve(organizer, order) for order in orders])
    assert (taken_by(stays, gift), taken_by(goes, gift)) == (2, 2)


def test_what_was_written_on_paper_is_typed_in_once_by_list_and_line(town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=9), town.member(), town.organizer
    points.balances[str(member)] = 1500
    paper = Paper("250101-AB23", 7, clock.now() - timedelta(hours=3))
    order = replace(order_of(town, member, one=(gift, 1)), paper=paper)
    for _twice in range(2):
        receipt = desk_orders.serve(organizer, order)
        assert states(receipt) == {"洗衣液": State.FULFILLED}
    assert (receipt.order.paper_list, receipt.order.paper_line) == ("250101-AB23", 7)
    short = desk_orders.serve(organizer, replace(order, id=uuid4(), paper=replace(paper, line=8)))
    assert [(line.state, line.reason) for line in short.lines] == [(State.DECLINED, "可用积分不足")]
    assert points.balances[str(member)] == 500, "never negative"


def test_a_line_of_paper_once_more_is_what_was_booked_whatever_the_price_and_the_time(
    town: Town, points: Points
) -> None:
    gift, member, organizer = town.gift(stock=9, points=1000), town.member(), town.organizer
    points.balances[str(member)] = 5000
    paper = Paper("250101-AB23", 7, clock.now() - timedelta(hours=3))
    order = replace(order_of(town, member, one=(gift, 2)), paper=paper)
    first = desk_orders.serve(organizer, order)
    again = desk_orders.serve(organizer, order)
    assert (first.repeated, again.repeated) == (False, True)
    dearer = [replace(order.lines[0], points=2400)]
    later = replace(paper, handed_over_at=clock.now())
    for change in ({"lines": dearer}, {"paper": later}, {"lines": dearer, "paper": later}):
        told = desk_orders.serve(organizer, replace(order, **change))
        assert told.repeated
        assert [(line.id, line.points) for line in told.lines] == [(first.lines[0].id, 2000)]
    twin = town.member()
    merge(town, member, twin)
    assert desk_orders.serve(organizer, replace(order, member_id=twin, lines=dearer)).repeated
    assert points.balances[str(member)] == 3000
    assert acts() == ["desk.serve"]


def test_another_line_of_paper_under_an_id_is_a_conflict(town: Town, points: Points) -> None:
    gift, other, member, organizer = town.gift(stock=9), town.gift(stock=9), town.member(), town.organizer
    paper = Paper("250101-AB23", 7, clock.now() - timedelta(hours=3))
    order = replace(order_of(town, member, one=(gift, 1)), paper=paper)
    desk_orders.serve(organizer, order)
    for another in (
        replace(order, member_id=town.member()),
        replace(order, lines=[Line(gift.id, 2, gift.points * 2)]),
        replace(order, lines=[Line(other.id, 1, other.points)]),
        replace(order, paper=replace(paper, line=8)),
        replace(order, paper=None),
    ):
        with pytest.raises(Conflict):
            desk_orders.serve(organizer, another)


def test_a_line_booked_at_a_station_one_does_not_organize_is_not_told(town: Town, points: Points) -> None:
    gift, member, next_door = town.gift(stock=9), town.member(), town.other_station
    order = replace(
        order_of(town, member, one=(gift, 1)), paper=Paper("250101-AB23", 7, clock.now() - timedelta(hours=3))
    )
    desk_orders.serve(town.organizer, order)
    both = login_of(uuid4(), grants=[Grant(Role.ORGANIZER, one.path) for one in (town.station, next_door)])
    assert desk_orders.serve(both, replace(order, station_id=next_door.id)).repeated
    with pytest.raises(Conflict):
        desk_orders.serve(
            login_of(uuid4(), grants=[Grant(Role.ORGANIZER, next_door.path)]), replace(order, station_id=next_door.id)
        )
