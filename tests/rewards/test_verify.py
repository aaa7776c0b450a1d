"""Each check finds what it is for, and finds nothing where all is well."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.rewards import jobs
from services.rewards.commands import desk, desk_orders, redemptions
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.queries import verify
from shared import clock
from shared.db import session
from tests.rewards.support import Points, Town, close, login_of, run
from tests.support import Settings


def found() -> dict[str, list[str]]:
    session().rollback()
    broken = {check.__name__: lines for check in verify.CHECKS.values() if (lines := list(check()))}
    session().rollback()
    return broken


@pytest.fixture
def busy(town: Town, points: Points) -> Town:
    """One redemption in every state."""
    gift = town.gift(stock=20, limit_per_quarter=None)
    member = town.member()
    points.balances[str(member)] = 0
    town.redeemed(gift, member)
    del points.balances[str(member)]
    desk.issue(town.organizer, redemption_id=town.redeemed(gift).id)
    redemptions.cancel(login_of(member), redemption_id=town.redeemed(gift, member).id)
    with clock.travel(clock.now() - timedelta(days=31)):
        town.redeemed(gift, member)
    redemptions.expire_overdue()
    town.redeemed(gift, member)
    for _twice in range(2):
        desk.issue(town.organizer, redemption_id=town.redeemed(gift).id)
        close(town)
    order = DeskOrder(uuid4(), town.station.id, town.member(), [Line(gift.id, 1, gift.points)])
    desk.undo(town.organizer, redemption_id=desk_orders.serve(town.organizer, order).lines[0].id, reason="拿错了")
    for _twice in range(2):
        desk_orders.call_next(town.organizer, call_id=uuid4(), station_id=town.station.id)
    points.mood = "deaf"
    town.redeemed(gift, member)
    return town


def test_nothing_is_broken_when_all_is_well(busy: Town) -> None:
    assert found() == {}
    assert len(list(verify.list_pending())) == 4
    dues = sorted(due.points for due in verify.list_dues())
    assert dues == [0, 0, 0, 0, 1000, 1000, 1000, 1000]


def test_nothing_is_pending_once_the_worker_was_there(busy: Town, points: Points) -> None:
    points.mood = "well"
    with clock.travel(clock.now() + timedelta(seconds=30)):
        run(jobs.drain)
    assert list(verify.list_pending()) == []
    assert {due.redemption_id.hex: due.points for due in verify.list_dues() if due.points} == {
        key.replace("-", ""): taken for key, taken in points.spent.items()
    }


_ATTACKS = [
    ("stock_follows_its_equation", "UPDATE stock SET on_hand = on_hand + 1"),
    ("stock_is_the_sum_of_its_movements", "DELETE FROM stock_movement"),
    ("stock_counts_the_redemptions", "UPDATE redemption SET quantity = 2 WHERE state = 'requested'"),
    ("stock_counts_the_redemptions", "UPDATE redemption SET quantity = 2 WHERE state = 'fulfilled'"),
    ("limits_count_the_redemptions", "UPDATE taken SET quantity = quantity + 1"),
    ("redemptions_end", "DELETE FROM outbox WHERE name = 'SpendRequested'"),
    ("redemptions_end", "UPDATE outbox SET dead_at = created_at WHERE name = 'SpendRequested'"),
    ("redemptions_end", "UPDATE redemption SET expires_at = '2020-01-01Z' WHERE state = 'confirmed'"),
    ("points_are_told_of_what_will_not_happen", "DELETE FROM outbox WHERE name = 'RedemptionVoided'"),
    ("vouchers_can_be_read", "UPDATE redemption SET voucher_key_id = 'lost' WHERE state = 'confirmed'"),
    ("vouchers_can_be_read", "UPDATE redemption SET code_digest = 'x' WHERE code_digest IS NOT NULL"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_count SET pieces = pieces + 1, issued = issued + 1"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_count SET points = points + 1"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_count SET issued = issued + 1 WHERE issued > 2"),
    ("closes_hold_what_was_handed_over", "UPDATE redemption SET close_id = NULL"),
    ("closes_hold_what_was_handed_over", "DELETE FROM desk_close WHERE at = (SELECT max(at) FROM desk_close)"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_close SET station_id = gen_random_uuid()"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_count SET expected = expected + 1, counted = counted + 1"),
    ("closes_hold_what_was_handed_over", "UPDATE desk_count SET written_off = written_off + 1"),
    ("orders_are_those_of_their_lines", "UPDATE redemption SET order_id = gen_random_uuid()"),
    ("orders_are_those_of_their_lines", "UPDATE redemption SET order_id = NULL"),
    ("orders_are_those_of_their_lines", "DELETE FROM desk_order"),
    ("orders_are_those_of_their_lines", "UPDATE desk_order SET station_id = gen_random_uuid()"),
    ("orders_are_those_of_their_lines", "UPDATE desk_order SET member_id = gen_random_uuid()"),
    ("orders_are_those_of_their_lines", "DELETE FROM redemption WHERE order_id IS NOT NULL"),
    ("orders_are_those_of_their_lines", "DELETE FROM desk_call WHERE number = 1"),
]


def test_every_check_has_an_attack() -> None:
    assert {check for check, _ in _ATTACKS} == {check.__name__ for check in verify.CHECKS.values()}


@pytest.mark.parametrize(("check", "damage"), _ATTACKS)
def test_damage_is_found(busy: Town, settings: Settings, check: str, damage: str) -> None:
    connection: Any = settings.database("rewards").connection
    checks = "ALTER TABLE stock {} CONSTRAINT ck_stock_equation"
    connection.execute(checks.format("DROP"))
    try:
        connection.execute(damage)
        assert check in found()
    finally:
        connection.execute(
            checks.format("ADD") + " CHECK (on_hand + reserved + issued = received - written_off) NOT VALID"
        )
