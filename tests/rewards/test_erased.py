"""A member who was erased: nobody comes for what was redeemed, so the pieces and the points go back at once."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.rewards import jobs
from services.rewards.commands import desk, desk_orders
from services.rewards.commands.departures import take_members
from services.rewards.domain import redemption as rules
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.domain.redemption import State
from services.rewards.queries import desk as desk_queries
from shared import copies
from shared.db import session, transactional
from shared.events import MemberChanged
from shared.principal import Grant, Role
from tests.rewards.support import (
    Points,
    Town,
    close,
    fresh,
    holder,
    login_of,
    make_due,
    run,
    stock_of,
    taken_by,
    waiting,
)
from tests.rewards.test_merged import merge


def forget(member_id: UUID) -> None:
    """As members tells it."""
    erased = MemberChanged(
        member_id=member_id,
        version=2,
        status="erased",
        confirmed=False,
        volunteer_number="999999999999",
        name_masked="已注销",
    )
    transactional(take_members)([erased])


def test_what_is_not_handed_over_ends_and_what_was_stays(town: Town, points: Points) -> None:
    gift, chen, wang, twin = town.gift(stock=5), town.member(), town.member(), town.member()
    for one in (chen, wang, twin):
        points.balances[str(one)] = 3000
    kept, lost, also_lost = (town.redeemed(gift, one) for one in (wang, chen, twin))
    merge(town, twin, chen)
    for _ in range(2):
        forget(chen)
    run(jobs.sweep)
    make_due()
    run(jobs.drain)
    assert waiting() == []
    assert (fresh(lost.id).state, fresh(kept.id).state) == (State.EXPIRED, State.CONFIRMED)
    assert fresh(also_lost.id).state is State.EXPIRED, "of an entry that was merged into who was erased"
    assert points.balances[str(chen)] == 3000, "back on an account of nobody"
    assert taken_by(chen, gift) == 0
    assert stock_of(gift, town.station.id)[2:4] == (4, 1)
    card = copies.find_card(session(), chen)
    assert card is not None
    assert (card.name_masked, card.name_public, card.station_id, card.birth_date) == ("已注销", None, None, None)


def test_what_points_answer_after_the_member_was_erased_is_over_all_the_same(town: Town, points: Points) -> None:
    gift, chen = town.gift(stock=5), town.member()
    points.balances[str(chen)] = 3000
    points.mood = "mute"
    late = town.redeemed(gift, chen)
    points.mood = "well"
    forget(chen)
    make_due()
    run(jobs.drain)
    assert fresh(late.id).state is State.CONFIRMED
    with pytest.raises(rules.Expired):
        desk.issue(town.organizer, redemption_id=late.id)
    run(jobs.sweep)
    make_due()
    run(jobs.drain)
    assert fresh(late.id).state is State.EXPIRED
    assert points.balances[str(chen)] == 3000
    assert stock_of(gift, town.station.id) == (5, 0, 5, 0, 0)


def everything() -> str:
    """Every row of every table, as text."""
    tables = session().scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    rows = (session().scalars(text(f"SELECT CAST(t AS text) FROM {table} t")) for table in tables)
    return "\n".join(row for found in rows for row in found)


def test_orders_slips_and_closes_keep_ids_alone_of_who_was_served_and_who_served(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    chen, li = town.member(name_masked="欧*尘"), town.member(name_masked="诸*亮")
    organizer = login_of(li, grants=[Grant(Role.STAFF, town.station.path)])
    order = DeskOrder(uuid4(), town.station.id, chen, [Line(gift.id, 1, gift.points)])
    desk_orders.serve(organizer, order)
    points.mood = "deaf"
    open_order = DeskOrder(uuid4(), town.station.id, chen, [Line(gift.id, 1, gift.points)])
    (waits,) = desk_orders.serve(organizer, open_order).lines
    desk_orders.call_next(organizer, call_id=uuid4(), station_id=town.station.id)
    closed = close(town)
    points.mood = "well"
    for one in (chen, li):
        forget(one)
    run(jobs.sweep)
    make_due()
    run(jobs.drain)
    left = everything()
    assert [name for name in ("欧*尘", "诸*亮") if name in left] == []
    staff = holder(Role.STAFF, town.station)
    (line,) = desk_queries.list_day(staff, town.station.id, day=None)
    assert (line.member_name, line.by_name) == ("已注销", "已注销")
    assert desk_queries.show_close(staff, closed).counts[0].pieces == 1
    assert fresh(waits.id).state is State.EXPIRED, "nobody comes for what the desk could not finish"
    assert stock_of(gift, town.station.id)[2:] == (4, 0, 1)
    assert taken_by(chen, gift) == 1
