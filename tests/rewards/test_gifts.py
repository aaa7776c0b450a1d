"""The catalogue and the stock."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.rewards.commands import gifts
from services.rewards.commands.gifts import Movement, NotEnoughStock
from services.rewards.domain.redemption import NotOfferedHere
from services.rewards.queries import gifts as queries
from services.rewards.store import Gift, Stock
from shared.audit import audit_log
from shared.db import session, transactional
from shared.errors import Conflict, Forbidden, NotFound
from shared.principal import Role
from tests.rewards.support import Points, Town, at_once, holder, login_of, stock_of


def movement(town: Town, gift: Gift, kind: str, quantity: int) -> Movement:
    return Movement(uuid4(), gift.id, town.station.id, kind, quantity, "盘点")


def audited() -> list[str]:
    actions = list(session().scalars(select(audit_log.c.action).order_by(audit_log.c.id)))
    session().rollback()
    return actions


def test_a_gift_sent_twice_is_one_gift_and_other_content_a_conflict(town: Town) -> None:
    staff, gift_id = town.staff, uuid4()
    content: dict[str, Any] = {"node_id": town.station.id, "name": "大米", "description": "5 公斤", "points": 1800}
    first = gifts.create_gift(staff, gift_id=gift_id, limit_per_quarter=2, **content)
    assert gifts.create_gift(staff, gift_id=gift_id, limit_per_quarter=2, **content).id == first.id
    with pytest.raises(Conflict):
        gifts.create_gift(staff, gift_id=gift_id, limit_per_quarter=None, **content)
    assert audited() == ["gift.create"]


def test_only_staff_of_the_node_offers_and_changes_gifts(town: Town) -> None:
    gift = town.gift()
    for stranger in (holder(Role.STAFF, town.other_station), town.organizer, holder(Role.AUDITOR, town.city)):
        with pytest.raises(Forbidden):
            gifts.create_gift(
                stranger, gift_id=uuid4(), node_id=town.station.id, name="米", description="", points=1,
                limit_per_quarter=None,
            )  # fmt: skip
        with pytest.raises(Forbidden):
            gifts.change_gift(stranger, gift_id=gift.id, changes={"points": 1})
        with pytest.raises(Forbidden):
            gifts.move_stock(stranger, movement(town, gift, "receive", 1))
    with pytest.raises(NotFound):
        gifts.change_gift(town.staff, gift_id=uuid4(), changes={"points": 1})


def test_a_new_price_leaves_redemptions_as_they_were(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    before = town.redeemed(gift, member)
    changed = gifts.change_gift(town.staff, gift_id=gift.id, changes={"points": 1500, "name": "浓缩洗衣液"})
    gifts.change_gift(town.staff, gift_id=gift.id, changes={"points": 1500})
    assert (changed.points, changed.name) == (1500, "浓缩洗衣液")
    after = town.redeemed(gift, member)
    assert (before.points, before.gift_name) == (1000, "洗衣液")
    assert (after.points, after.gift_name) == (1500, "浓缩洗衣液")
    assert audited().count("gift.change") == 1, "what changes nothing is no act"


def test_stock_comes_in_and_is_written_off(town: Town) -> None:
    gift = town.gift(stock=10)
    stock = gifts.move_stock(town.staff, movement(town, gift, "write_off", 3))
    assert (stock.received, stock.written_off, stock.on_hand) == (10, 3, 7)
    assert audited()[-2:] == ["stock.receive", "stock.write_off"]


def test_a_movement_sent_twice_moves_once(town: Town) -> None:
    gift, staff = town.gift(stock=10), town.staff
    one = movement(town, gift, "write_off", 3)
    for _ in range(2):
        gifts.move_stock(staff, one)
    for other in (
        replace(one, quantity=4),
        replace(one, station_id=town.other_station.id),
        replace(one, reason="别的"),
    ):
        with pytest.raises((Conflict, NotOfferedHere)):
            gifts.move_stock(staff, other)
    assert stock_of(gift, town.station.id) == (10, 3, 7, 0, 0)


def test_a_movement_sent_many_times_at_once_moves_once(rewards_app: Flask, town: Town) -> None:
    gift, staff = town.gift(node_id=town.city.id), town.staff
    one = movement(town, gift, "receive", 3)
    elsewhere = replace(one, station_id=town.other_station.id)
    found = at_once(
        rewards_app, *[lambda: gifts.move_stock(staff, one)] * 8, *[lambda: gifts.move_stock(staff, elsewhere)] * 4
    )
    moved = [item for item in found if isinstance(item, Stock)]
    assert {item.station_id for item in moved} in ({town.station.id}, {town.other_station.id})
    assert all(isinstance(item, Stock | Conflict) for item in found)
    total = sum(session().scalars(select(Stock.received).where(Stock.gift_id == gift.id)))
    assert total == 3


def test_what_is_reserved_cannot_be_written_off_and_the_refusal_stands(town: Town, points: Points) -> None:
    gift = town.gift(stock=3)
    town.redeemed(gift, quantity=2)
    one = movement(town, gift, "write_off", 2)
    for _ in range(2):
        with pytest.raises(NotEnoughStock, match="只有 1 件"):
            gifts.move_stock(town.staff, one)
        town.receive(gift, 10)
    assert stock_of(gift, town.station.id) == (23, 0, 21, 2, 0)


def test_stock_lies_only_at_stations_of_the_node_that_offers_the_gift(town: Town) -> None:
    gift = town.gift(node_id=town.station.id)
    for place in (town.other_station, town.sub_centre, town.compound):
        with pytest.raises(NotOfferedHere):
            gifts.move_stock(town.staff, Movement(uuid4(), gift.id, place.id, "receive", 1, "捐赠"))
    everywhere = town.gift(node_id=town.city.id)
    for place in (town.other_station, town.sub_centre):
        gifts.move_stock(town.staff, Movement(uuid4(), everywhere.id, place.id, "receive", 1, "捐赠"))


def test_the_database_itself_keeps_the_equation(town: Town) -> None:
    town.gift(stock=3)

    @transactional
    def cheat(tx: object) -> None:
        session().execute(text("UPDATE stock SET on_hand = 99"))

    with pytest.raises(IntegrityError, match="ck_stock_equation"):
        cheat()


@pytest.mark.parametrize("statement", ["UPDATE stock_movement SET quantity = 9", "DELETE FROM stock_movement"])
def test_movements_are_append_only(town: Town, statement: str) -> None:
    town.gift(stock=3)

    @transactional
    def cheat(tx: object) -> None:
        session().execute(text(statement))

    with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
        cheat()


# --- The list ---------------------------------------------------------------------------------------


def names(town: Town, *, everything: bool = False, station_id: UUID | None = None) -> list[str]:
    found = queries.list_gifts(town.staff, station_id=station_id or town.station.id, limit=200, everything=everything)
    return [gift.name for gift in found]


def test_a_station_shows_what_it_has_or_had(town: Town, points: Points) -> None:
    town.gift(name="香皂", stock=1)
    town.gift(name="从未到货")
    gone = town.gift(name="下架", stock=1)
    gifts.change_gift(town.staff, gift_id=gone.id, changes={"withdrawn": True})
    town.gift(name="全市", node_id=town.city.id)
    assert sorted(names(town)) == ["香皂"]
    assert sorted(names(town, everything=True)) == ["下架", "从未到货", "全市", "香皂"]
    assert names(town, station_id=town.other_station.id) == []
    with pytest.raises(Forbidden):
        queries.list_gifts(town.organizer, station_id=town.station.id, limit=10, everything=True)
    with pytest.raises(NotFound):
        queries.list_gifts(town.organizer, station_id=uuid4(), limit=10)


def test_a_gift_tells_what_is_left_and_what_is_left_for_me(town: Town, points: Points) -> None:
    gift, member, child = town.gift(stock=5), town.member(), town.member()
    town.redeemed(gift, member)
    caller = login_of(member, child)
    (mine,) = queries.list_gifts(caller, station_id=town.station.id, limit=10)
    assert (mine.on_hand, mine.reserved, mine.available, mine.left_for_member) == (4, 1, 4, 1)
    childs = queries.get_gift(caller, gift.id, station_id=town.station.id, member_id=child)
    assert childs.left_for_member == 2
    with pytest.raises(Forbidden):
        queries.get_gift(caller, gift.id, station_id=town.station.id, member_id=town.member())
    with pytest.raises(NotFound):
        queries.get_gift(caller, uuid4(), station_id=town.station.id)
    with pytest.raises(NotFound):
        queries.get_gift(caller, gift.id, station_id=uuid4())


def test_the_list_goes_on_where_it_stopped(town: Town) -> None:
    made = sorted(town.gift(stock=1).id for _ in range(5))
    caller, found, after = login_of(uuid4()), [], None
    while page := queries.list_gifts(caller, station_id=town.station.id, limit=2, after=after):
        found += [gift.id for gift in page]
        after = found[-1]
    assert found == made
