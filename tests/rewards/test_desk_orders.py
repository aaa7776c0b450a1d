"""Serving one person at the desk: several gifts in one order, whatever comes twice, together or half."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from services.rewards import jobs, store
from services.rewards.commands import desk, desk_orders, redemptions
from services.rewards.commands.departures import take_members
from services.rewards.domain import redemption as rules
from services.rewards.domain.desk import DeskOrder, HandedOverBeforePrinting, HandedOverLater, Line, Paper
from services.rewards.domain.redemption import State
from services.rewards.queries import day, verify
from services.rewards.queries import desk as queries
from services.rewards.store import Gift, Receipt
from shared import audit, clock
from shared.audit import audit_log
from shared.db import session, transactional
from shared.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from shared.events import MemberChanged
from shared.principal import Grant, OwnCase, Role
from tests.rewards.support import (
    Points,
    Town,
    at_once,
    fresh,
    holder,
    login_of,
    make_due,
    run,
    statements,
    stock_of,
    taken_by,
    waiting,
)
from tests.support import Settings


def order_of(town: Town, member: UUID, **pieces: tuple[Gift, int]) -> DeskOrder:
    lines = [Line(gift.id, count, gift.points * count) for gift, count in pieces.values()]
    return DeskOrder(uuid4(), town.station.id, member, lines)


def states(receipt: Receipt) -> dict[str, State]:
    return {line.gift_name: line.state for line in receipt.lines}


def acts() -> list[str]:
    found = list(session().scalars(select(audit_log.c.action).order_by(audit_log.c.id)))
    session().rollback()
    return [action for action in found if action.startswith(("desk.", "redemption."))]


def test_several_gifts_are_paid_and_handed_over_in_one_breath(town: Town, points: Points) -> None:
    soap, rice, member = town.gift(name="香皂", points=300, stock=5), town.gift(name="大米", stock=5), town.member()
    points.balances[str(member)] = 2000
    receipt = desk_orders.serve(town.organizer, order_of(town, member, soap=(soap, 2), rice=(rice, 1)))
    assert states(receipt) == {"香皂": State.FULFILLED, "大米": State.FULFILLED}
    assert points.balances[str(member)] == 400
    assert stock_of(soap, town.station.id) == (5, 0, 3, 0, 2)
    assert stock_of(rice, town.station.id) == (5, 0, 4, 0, 1)
    assert (taken_by(member, soap), taken_by(member, rice)) == (2, 1)
    assert waiting() == []
    assert acts() == ["desk.serve"]


def test_the_same_order_again_gives_the_same_receipt_and_takes_nothing(town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.balances[str(member)] = 5000
    order = order_of(town, member, gift=(gift, 2))
    first = desk_orders.serve(organizer, order)
    again = desk_orders.serve(organizer, order)
    assert [line.id for line in again.lines] == [line.id for line in first.lines]
    assert states(again) == {"洗衣液": State.FULFILLED}
    assert points.balances[str(member)] == 3000
    assert stock_of(gift, town.station.id) == (5, 0, 3, 0, 2)
    assert acts() == ["desk.serve"]
    with pytest.raises(Conflict):
        desk_orders.serve(organizer, replace(order, lines=[replace(order.lines[0], quantity=1, points=1000)]))


def test_the_same_order_twice_at_once_is_one(rewards_app: Flask, town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=9, limit_per_quarter=9), town.member(), town.organizer
    points.balances[str(member)] = 9000
    order = order_of(town, member, gift=(gift, 2))
    receipts = at_once(rewards_app, *[lambda: desk_orders.serve(organizer, order)] * 6)
    assert all(isinstance(one, Receipt) for one in receipts), receipts
    assert [line.state for line in queries.show_order(organizer, order.id).lines] == [State.FULFILLED]
    assert points.balances[str(member)] == 7000
    assert stock_of(gift, town.station.id) == (9, 0, 7, 0, 2)
    assert acts() == ["desk.serve"]


def test_the_last_piece_goes_to_one_of_two_desks_and_the_rest_of_both_orders_stands(
    rewards_app: Flask, town: Town, points: Points
) -> None:
    last, plenty = town.gift(name="雨伞", stock=1), town.gift(name="抽纸", stock=9)
    organizer = town.organizer
    orders = [order_of(town, town.member(), last=(last, 1), plenty=(plenty, 1)) for _ in range(4)]
    receipts = at_once(rewards_app, *[lambda order=order: desk_orders.serve(organizer, order) for order in orders])
    found = [states(receipt) for receipt in receipts if isinstance(receipt, Receipt)]
    assert sorted(one["雨伞"] for one in found) == [State.FULFILLED, *[State.REFUSED] * 3]
    assert [one["抽纸"] for one in found] == [State.FULFILLED] * 4
    assert stock_of(last, town.station.id) == (1, 0, 0, 0, 1)
    assert stock_of(plenty, town.station.id) == (9, 0, 5, 0, 4)


def test_orders_of_one_person_at_two_desks_do_not_pass_a_limit(rewards_app: Flask, town: Town, points: Points) -> None:
    first, second, member = town.gift(name="香皂", stock=20), town.gift(name="牙膏", stock=20), town.member()
    organizer = town.organizer
    desk_orders.serve(organizer, order_of(town, member, one=(first, 1), two=(second, 1)))
    orders = [order_of(town, member, one=(first, 1), two=(second, 1)) for _ in range(4)]
    orders += [order_of(town, member, two=(second, 1), one=(first, 1)) for _ in range(4)]
    receipts = at_once(rewards_app, *[lambda order=order: desk_orders.serve(organizer, order) for order in orders])
    assert all(isinstance(one, Receipt) for one in receipts), receipts
    assert (taken_by(member, first), taken_by(member, second)) == (2, 2)
    assert stock_of(first, town.station.id) == (20, 0, 18, 0, 2)


def test_one_line_that_breaks_a_rule_is_refused_in_words_and_the_others_stand(town: Town, points: Points) -> None:
    few, limited, dear, good = (
        town.gift(name="雨伞", stock=1),
        town.gift(name="香皂", stock=9),
        town.gift(name="大米", stock=9),
        town.gift(name="春联", stock=9),
    )
    order = order_of(town, town.member(), a=(few, 2), b=(limited, 3), c=(dear, 1), d=(good, 1))
    order = replace(order, lines=[line if line.gift_id != dear.id else replace(line, points=1) for line in order.lines])
    receipt = desk_orders.serve(town.organizer, order)
    assert {line.gift_name: (line.state, line.reason) for line in receipt.lines} == {
        "雨伞": (State.REFUSED, "库存不足，只剩 1 件"),
        "香皂": (State.REFUSED, "每季度限兑 2 件，本季度还可兑换 2 件"),
        "大米": (State.REFUSED, "所需积分有变动，请重新确认"),
        "春联": (State.FULFILLED, None),
    }
    assert stock_of(few, town.station.id) == (1, 0, 1, 0, 0)
    town.receive(few, 5)
    assert states(desk_orders.serve(town.organizer, order))["雨伞"] is State.REFUSED, "a refusal is remembered"


def test_what_points_do_not_cover_is_declined_and_released(town: Town, points: Points) -> None:
    cheap, dear, member = town.gift(name="香皂", points=300, stock=5), town.gift(name="大米", stock=5), town.member()
    points.balances[str(member)] = 900
    receipt = desk_orders.serve(town.organizer, order_of(town, member, cheap=(cheap, 2), dear=(dear, 1)))
    assert states(receipt) == {"香皂": State.FULFILLED, "大米": State.DECLINED}
    assert {line.reason for line in receipt.lines} == {None, "可用积分不足"}
    assert points.balances[str(member)] == 300
    assert stock_of(dear, town.station.id) == (5, 0, 5, 0, 0)
    assert taken_by(member, dear) == 0
    assert waiting() == []


@pytest.mark.parametrize("mood", ["deaf", "mute", "late"])
def test_without_an_answer_of_points_nothing_is_handed_over_and_it_is_finished_later(
    town: Town, points: Points, mood: str
) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.balances[str(member)] = 5000
    points.mood = mood
    order = order_of(town, member, gift=(gift, 2))
    assert states(desk_orders.serve(organizer, order)) == {"洗衣液": State.REQUESTED}
    assert stock_of(gift, town.station.id) == (5, 0, 3, 2, 0)
    points.mood = "well"
    assert states(desk_orders.finish(organizer, order.id)) == {"洗衣液": State.FULFILLED}
    make_due()
    run(jobs.drain)
    assert waiting() == []
    assert states(desk_orders.serve(organizer, order)) == {"洗衣液": State.FULFILLED}
    assert points.balances[str(member)] == 3000, "taken once, whoever asked"
    assert stock_of(gift, town.station.id) == (5, 0, 3, 0, 2)
    assert acts() == ["desk.serve"]


def test_an_order_cut_off_after_it_was_reserved_is_whole_when_it_comes_again(
    town: Town, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    order = order_of(town, member, gift=(gift, 1))

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    for step in ("ask_points", "_hand_over"):
        with monkeypatch.context() as patched:
            patched.setattr(desk_orders, step, cut)
            with pytest.raises(KeyboardInterrupt):
                desk_orders.serve(organizer, order)
    assert states(queries.show_order(organizer, order.id)) == {"洗衣液": State.REQUESTED}
    make_due()
    run(jobs.drain)
    assert states(queries.show_order(organizer, order.id)) == {"洗衣液": State.CONFIRMED}, "the worker asked"
    assert states(desk_orders.serve(organizer, order)) == {"洗衣液": State.FULFILLED}
    assert points.spent == {str(queries.show_order(organizer, order.id).lines[0].id): 1000}
    assert stock_of(gift, town.station.id) == (5, 0, 4, 0, 1)


def test_nobody_takes_the_place_of_a_line_whose_id_can_be_foreseen(town: Town, points: Points) -> None:
    gift, member, thief = town.gift(stock=5), town.member(), town.member()
    order = replace(order_of(town, member, gift=(gift, 1)), paper=Paper("250101-AB23", 3, clock.now()))
    foreseen = order.redemption_of(order.lines[0]).id
    with pytest.raises(Invalid, match="编号"):
        redemptions.redeem(login_of(thief), town.order(gift, thief, id=foreseen))
    assert states(desk_orders.serve(town.organizer, order)) == {"洗衣液": State.FULFILLED}


@pytest.mark.parametrize("mood", ["deaf", "late"])
def test_what_is_over_is_not_finished_and_goes_back(town: Town, points: Points, mood: str) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.balances[str(member)] = 5000
    points.mood = mood
    order = order_of(town, member, gift=(gift, 2))
    desk_orders.serve(organizer, order)
    points.mood = "well"
    with clock.travel(clock.now() + timedelta(days=rules.VOUCHER_DAYS)):
        assert states(desk_orders.finish(organizer, order.id)) == {"洗衣液": State.REQUESTED}
        assert redemptions.expire_overdue() == 1
        assert states(desk_orders.finish(organizer, order.id)) == {"洗衣液": State.EXPIRED}
        make_due()
        run(jobs.drain)
    assert points.balances[str(member)] == 5000
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)


def test_what_was_paid_and_is_over_since_is_not_handed_over(town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.mood = "deaf"
    order = order_of(town, member, gift=(gift, 1))
    desk_orders.serve(organizer, order)
    points.mood = "well"
    make_due()
    run(jobs.drain)
    transactional(take_members)([_erased(member)])
    assert states(desk_orders.finish(organizer, order.id)) == {"洗衣液": State.CONFIRMED}
    assert redemptions.expire_overdue() == 1


def _erased(member: UUID) -> MemberChanged:
    return MemberChanged(
        member_id=member, version=2, status="erased", confirmed=False, name_masked="已注销", volunteer_number="0"
    )


def test_an_order_at_midnight_counts_against_one_quarter(
    town: Town, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last second of a quarter passes while the limit is taken."""
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.mood = "deaf"
    midnight = clock.day_starts(rules.quarter_of(clock.today() + timedelta(days=92)))
    take_all = store.take_all

    def slowly(*given: Any) -> Any:
        travel.enter_context(clock.travel(midnight))
        return take_all(*given)

    monkeypatch.setattr(store, "take_all", slowly)
    with ExitStack() as travel:
        travel.enter_context(clock.travel(midnight - timedelta(seconds=1)))
        (line,) = desk_orders.serve(organizer, order_of(town, member, gift=(gift, 1))).lines
        desk.undo(organizer, redemption_id=line.id, reason="不等了")
    assert taken_by(member, gift) == 0
    assert list(verify.limits_count_the_redemptions()) == []
    session().rollback()


def test_nobody_serves_themselves_or_the_household(town: Town, points: Points) -> None:
    gift, home = town.gift(stock=5), uuid4()
    mother = town.member(household_id=home)
    own = town.member(household_id=home)
    grant = Grant(Role.ORGANIZER, town.station.path)
    for organizer, member in ((login_of(own, grants=[grant]), own), (_living_in(home, town), mother)):
        with pytest.raises(OwnCase):
            desk_orders.serve(organizer, order_of(town, member, gift=(gift, 1)))
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)


def test_who_tried_for_their_own_is_not_among_those_who_gave_something_that_day(town: Town, points: Points) -> None:
    member = town.member()
    order = order_of(town, member, gift=(town.gift(stock=5), 1))
    (line,) = desk_orders.serve(town.organizer, order).lines
    own = login_of(member, grants=[Grant(Role.ORGANIZER, town.station.path)])
    for tried in (partial(desk_orders.finish, own, order.id), partial(desk.issue, own, redemption_id=line.id)):
        with pytest.raises(OwnCase) as refused:
            tried()
        audit.keep_own_case(own, refused.value)
    assert acts() == ["desk.serve", "desk.refuse_own", "redemption.refuse_own"]
    told = day.show_day(login_of(member), member_id=member, day=clock.today())
    assert [act["action"] for act in told.acts] == ["desk.serve"]


def _living_in(home: UUID, town: Town) -> Any:
    return login_of(uuid4(), household_ids=[home], grants=[Grant(Role.ORGANIZER, town.station.path)])


def test_only_organizers_of_the_station_serve_and_look(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    order = order_of(town, member, gift=(gift, 1))
    for other in (login_of(member), holder(Role.ORGANIZER, town.other_station), holder(Role.AUDITOR, town.city)):
        with pytest.raises(Forbidden):
            desk_orders.serve(other, order)
        with pytest.raises(Forbidden):
            queries.show_desk(other, town.station.id, member_id=member)
    with pytest.raises(NotFound):
        desk_orders.finish(town.organizer, order.id)
    with pytest.raises(NotFound):
        desk_orders.serve(town.organizer, replace(order, lines=[Line(uuid4(), 1, 100)]))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"confirmed": False}, "not_confirmed"),
        ({"status": "left"}, "member_not_active"),
        ({"station_id": None}, "no_home_station"),
    ],
)
def test_the_desk_says_beforehand_why_somebody_redeems_nothing(
    town: Town, points: Points, fields: dict[str, Any], code: str
) -> None:
    gift, member = town.gift(stock=5), town.member(**fields)
    shown = queries.show_desk(town.organizer, town.station.id, member_id=member)
    assert shown.obstacle_code == code
    (line,) = desk_orders.serve(town.organizer, order_of(town, member, gift=(gift, 1))).lines
    assert (line.state, line.reason_code, line.reason) == (State.REFUSED, code, shown.obstacle)


def test_the_desk_shows_what_is_left_of_limit_and_stock(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    desk_orders.serve(town.organizer, order_of(town, member, gift=(gift, 1)))
    shown = queries.show_desk(town.organizer, town.station.id, member_id=member)
    assert shown.obstacle is None
    assert [(one.name, one.available, one.left_for_member) for one in shown.gifts] == [("洗衣液", 4, 1)]
    assert [one.gift_name for one in shown.served] == ["洗衣液"]
    with clock.travel(clock.day_starts(clock.today()) + timedelta(days=1)):
        assert queries.show_desk(town.organizer, town.station.id, member_id=member).served == []


def test_an_order_costs_the_same_statements_whatever_its_length(town: Town, points: Points) -> None:
    gifts = [town.gift(name=f"礼品 {number}", stock=5) for number in range(8)]
    counts = []
    for length in (1, 8):
        order = order_of(town, town.member(), **{f"g{at}": (gift, 1) for at, gift in enumerate(gifts[:length])})
        organizer = town.organizer
        with statements() as seen:
            desk_orders.serve(organizer, order)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 20, counts


# --- Taking back --------------------------------------------------------------------------------------


def test_what_was_given_at_the_desk_is_taken_back_and_the_points_return(town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.balances[str(member)] = 5000
    (line,) = desk_orders.serve(organizer, order_of(town, member, gift=(gift, 2))).lines
    for _twice in range(2):
        found = desk.undo(organizer, redemption_id=line.id, reason="拿错了")
        assert found.redemption.state is State.CANCELLED
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)
    assert taken_by(member, gift) == 0
    make_due()
    run(jobs.drain)
    assert points.balances[str(member)] == 5000
    assert acts() == ["desk.serve", "redemption.undo"]


def test_what_was_not_finished_is_taken_back_too_and_never_paid(town: Town, points: Points) -> None:
    gift, member, organizer = town.gift(stock=5), town.member(), town.organizer
    points.balances[str(member)] = 5000
    points.mood = "deaf"
    (line,) = desk_orders.serve(organizer, order_of(town, member, gift=(gift, 2))).lines
    desk.undo(organizer, redemption_id=line.id, reason="不等了")
    points.mood = "well"
    make_due()
    run(jobs.drain)
    assert fresh(line.id).state is State.CANCELLED
    assert points.balances[str(member)] == 5000
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)


def test_the_next_day_it_is_too_late_to_take_back(town: Town, points: Points) -> None:
    (line,) = desk_orders.serve(town.organizer, order_of(town, town.member(), gift=(town.gift(stock=1), 1))).lines
    with clock.travel(clock.day_starts(clock.today()) + timedelta(days=1)), pytest.raises(rules.UndoTooLate):
        desk.undo(town.organizer, redemption_id=line.id, reason="拿错了")


# --- Who is told --------------------------------------------------------------------------------------


def test_every_login_of_the_family_is_told_who_gave_what_and_when(town: Town, points: Points) -> None:
    gift, mother, daughter, helper = town.gift(stock=5), town.member(), town.member(), town.member(name_masked="李*")
    organizer = login_of(helper, grants=[Grant(Role.ORGANIZER, town.station.path)])
    desk_orders.serve(organizer, order_of(town, mother, gift=(gift, 1)))
    for login in (login_of(mother), login_of(daughter, mother)):
        (told,) = queries.list_told(login)
        assert (told.redemption.gift_name, told.by_name, told.station_name) == ("洗衣液", "李*", "岔路口社区实践站")
    assert queries.list_told(login_of(daughter)) == []
    (line,) = queries.list_day(organizer, town.station.id, day=None)
    assert (line.member_name, line.redemption.quantity) == ("陈*芳", 1)
    with clock.travel(clock.now() + timedelta(days=8)):
        assert queries.list_told(login_of(mother)) == []


def test_the_lines_of_a_long_day_are_all_there_to_sign(town: Town, points: Points, settings: Settings) -> None:
    (first,) = desk_orders.serve(town.organizer, order_of(town, town.member(), gift=(town.gift(stock=5), 1))).lines
    settings.database("rewards").connection.execute("""
        INSERT INTO redemption SELECT (jsonb_populate_record(redemption, jsonb_build_object(
            'id', gen_random_uuid(), 'fulfilled_at', fulfilled_at + number * interval '1 millisecond'))).*
        FROM redemption, generate_series(1, 1200) number
    """)
    lines = queries.list_day(town.organizer, town.station.id, day=clock.today())
    assert (len(lines), lines[0].redemption.id) == (1201, first.id)


# --- The queue ----------------------------------------------------------------------------------------


def test_two_desks_call_two_numbers_and_a_call_sent_twice_calls_one(rewards_app: Flask, town: Town) -> None:
    organizer, here = town.organizer, town.station.id
    again = uuid4()
    calls = [again, again, *(uuid4() for _ in range(6))]
    acts = [lambda key=key: desk_orders.call_next(organizer, call_id=key, station_id=here) for key in calls]
    numbers = at_once(rewards_app, *acts)
    assert sorted(set(numbers)) == [1, 2, 3, 4, 5, 6, 7]  # type: ignore[type-var]
    assert numbers[0] == numbers[1]
    assert queries.last_called(organizer, here) == 7
    with clock.travel(clock.now() + timedelta(days=1)):
        assert queries.last_called(organizer, here) == 0


def test_who_calls_a_number_does_not_wait_for_who_is_being_served(rewards_app: Flask, town: Town) -> None:
    """A call that waited would run into the lock's time limit, and answer with a fault."""
    organizer, here = town.organizer, town.station.id
    store.hold_desk(session(), here)
    (number,) = at_once(rewards_app, lambda: desk_orders.call_next(organizer, call_id=uuid4(), station_id=here))
    assert number == 1
    session().rollback()


def test_one_call_id_at_two_stations_at_once_is_one_call(rewards_app: Flask, town: Town) -> None:
    caller = holder(Role.ORGANIZER, town.sub_centre)
    for _ in range(6):
        key = uuid4()
        acts = [
            lambda place=place, key=key: desk_orders.call_next(caller, call_id=key, station_id=place.id)
            for place in (town.station, town.other_station)
        ]
        assert sorted(type(one).__name__ for one in at_once(rewards_app, *acts)) == ["Conflict", "int"]


@pytest.mark.parametrize(
    ("number", "hours", "refusal"),
    [
        ("250101-AB23", 1 / 60, HandedOverLater),
        ("250101-AB23", 24 * 365, HandedOverLater),
        ("{today}-AB23", -24, HandedOverBeforePrinting),
        ("{today}-AB23CE", -24, HandedOverBeforePrinting),
        ("{today}-AB23CE", 0, None),
        ("{yesterday}-AB23", -24, None),
        ("999999-AB23", -24, None),
        ("甲", -24, None),
    ],
)
def test_a_line_of_paper_is_of_no_time_to_come_and_of_none_before_its_list_was_printed(
    town: Town, points: Points, number: str, hours: float, refusal: type[RuleBroken] | None
) -> None:
    gift, member = town.gift(stock=9), town.member()
    days = {"today": clock.today(), "yesterday": clock.today() - timedelta(days=1)}
    number = number.format_map({name: f"{day:%y%m%d}" for name, day in days.items()})
    paper = Paper(number, 7, clock.now() + timedelta(hours=hours))
    order = replace(order_of(town, member, one=(gift, 1)), paper=paper)
    if refusal is None:
        assert states(desk_orders.serve(town.organizer, order)) == {"洗衣液": State.FULFILLED}
        return
    with pytest.raises(refusal):
        desk_orders.serve(town.organizer, order)
    assert acts() == []
    assert states(desk_orders.serve(town.organizer, replace(order, paper=replace(paper, handed_over_at=clock.now()))))
