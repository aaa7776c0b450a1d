"""What somebody redeemed who was merged into another member is that member's to see, show and cancel."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, text

from services.rewards.commands import desk, desk_orders, redemptions
from services.rewards.commands.departures import take_members
from services.rewards.domain import redemption as rules
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.domain.redemption import State
from services.rewards.queries import verify
from services.rewards.queries.day import show_day
from services.rewards.queries.gifts import get_gift
from services.rewards.queries.redemptions import (
    get_redemption,
    get_voucher,
    list_for_member,
    list_for_station,
    read_voucher,
)
from services.rewards.store import db
from shared import clock
from shared.copies import merged_line
from shared.db import session, transactional
from shared.errors import Forbidden
from shared.events import MemberChanged
from shared.principal import Grant, OwnCase, Role
from tests.rewards.support import Points, Town, fresh, login_of, stock_of, take_copies, taken_by, waiting


def merge(town: Town, goes: UUID, into: UUID, version: int = 2) -> None:
    take_copies(
        MemberChanged(
            member_id=goes, version=version, status="merged", merged_into=into, confirmed=True, name_masked="陈*芳",
            volunteer_number="12345678901", station_id=town.station.id,
        )
    )  # fmt: skip


def test_open_redemptions_are_seen_shown_and_cancelled_by_who_stays(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    stays, goes = town.member(), town.member()
    made = town.redeemed(gift, goes)
    with pytest.raises(Forbidden):
        get_voucher(login_of(stays), made.id)
    merge(town, goes, stays)
    who = login_of(stays)
    assert [one.id for one in list_for_member(who, member_id=None, limit=9)] == [made.id]
    assert get_redemption(who, made.id).redemption.id == made.id
    assert get_voucher(who, made.id).code
    with pytest.raises(Forbidden):
        redemptions.cancel(login_of(uuid4()), redemption_id=made.id)
    assert redemptions.cancel(who, redemption_id=made.id).state is State.CANCELLED
    assert fresh(made.id).member_id == goes
    assert taken_by(goes, gift) == 0
    assert stock_of(gift, town.station.id)[2] == 5


@pytest.mark.parametrize("moved_to", [UUID(int=9), None])
def test_nobody_hands_over_to_an_entry_of_their_own_whose_household_is_not_theirs_any_more(
    town: Town, points: Points, moved_to: UUID | None
) -> None:
    home = UUID(int=8)
    first, then, stays = (town.member(household_id=home) for _ in range(3))
    voucher, order = town.redeemed(town.gift(stock=5), first), _left_open(town, points, first)
    merge(town, first, then)
    merge(town, then, stays)
    caller = login_of(
        stays, household_ids=[moved_to] if moved_to else [], grants=[Grant(Role.ORGANIZER, town.station.path)]
    )
    mother = login_of(uuid4(), household_ids=[UUID(int=9)], grants=caller.grants)
    take_copies(
        MemberChanged(
            member_id=stays, version=2, status="active", confirmed=True, name_masked="陈*芳", household_id=moved_to,
            volunteer_number="12345678901", station_id=town.station.id,
        )
    )  # fmt: skip
    code = get_voucher(login_of(stays), voucher.id).code
    for who in [caller, mother] if moved_to else [caller]:
        for act in (
            lambda who=who: read_voucher(who, code),
            lambda who=who: desk.issue(who, redemption_id=voucher.id),
            lambda who=who: desk_orders.finish(who, order.id),
        ):
            with pytest.raises(OwnCase):
                act()
    assert desk.issue(town.organizer, redemption_id=voucher.id).redemption.state is State.FULFILLED
    assert [line.state for line in desk_orders.finish(town.organizer, order.id).lines] == [State.FULFILLED]


def _left_open(town: Town, points: Points, member: UUID) -> DeskOrder:
    """An order at the desk to which points did not answer."""
    gift, points.mood = town.gift(stock=5), "deaf"
    order = DeskOrder(uuid4(), town.station.id, member, [Line(gift.id, 1, gift.points)])
    desk_orders.serve(town.organizer, order)
    points.mood = "well"
    return order


def test_the_day_and_the_station_show_them_with_who_stays(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    stays, goes = town.member(), town.member()
    made = town.redeemed(gift, goes)
    merge(town, goes, stays)
    assert [one["id"] for one in show_day(login_of(stays), member_id=stays, day=clock.today()).redemptions] == [made.id]
    listed = list_for_station(town.staff, town.station.id, state=None, limit=9, member_id=stays)
    assert [one.redemption.id for one in listed] == [made.id]


def test_limits_add_up_also_over_a_line_of_merges(town: Town, points: Points) -> None:
    gift = town.gift(stock=9, limit_per_quarter=2)
    first, second, third = town.member(), town.member(), town.member()
    for one in (first, second):
        town.redeemed(gift, one)
    merge(town, first, second)
    merge(town, second, third)
    assert get_gift(login_of(third), gift.id, station_id=town.station.id).left_for_member == 0
    with pytest.raises(rules.LimitReached):
        town.redeemed(gift, third)
    merge_undone = MemberChanged(
        member_id=first, version=3, status="active", confirmed=True, name_masked="陈*芳",
        volunteer_number="12345678901", station_id=town.station.id,
    )  # fmt: skip
    take_copies(merge_undone)
    assert get_gift(login_of(third), gift.id, station_id=town.station.id).left_for_member == 1
    assert town.redeemed(gift, third).state is State.CONFIRMED
    with pytest.raises(rules.LimitReached):
        town.redeemed(gift, third)
    assert [fault for check in verify.CHECKS.values() for fault in check()] == []


def test_who_was_merged_into_somebody_is_looked_up_and_not_searched_for(town: Town) -> None:
    """PostgreSQL's guess is far off where nobody was merged: it is to look up all the same."""
    tx = session()
    tx.execute(
        text("""
            INSERT INTO member_card
                (member_id, version, status, confirmed, volunteer_number, name_masked, ranked, team_ids)
            SELECT gen_random_uuid(), 1, 'active', true, '1', '陈*', false, '{}' FROM generate_series(1, 5000)
        """)
    )
    tx.execute(text("ANALYZE member_card"))
    line = str(merged_line(func.gen_random_uuid()).compile(db.engine))
    plan = "\n".join(tx.scalars(text(f"EXPLAIN {line}")))
    tx.rollback()
    assert "ix_member_card_merged_into" in plan
    assert "Seq Scan" not in plan


def test_an_order_that_comes_after_the_merge_is_refused(town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    stays, goes = town.member(), town.member()
    merge(town, goes, stays)
    with pytest.raises(rules.MemberNotActive):
        town.redeemed(gift, goes)


def test_what_somebody_who_has_left_did_not_collect_is_cancelled(town: Town, points: Points) -> None:
    gift = town.gift(stock=9)
    goes, stays = town.member(), town.member()
    mine, theirs = town.redeemed(gift, stays), town.redeemed(gift, goes)
    merge(town, goes, stays)
    left = MemberChanged(
        member_id=stays, version=2, status="left", confirmed=True, name_masked="陈*芳", volunteer_number="12345678901",
        station_id=town.station.id,
    )  # fmt: skip
    for _ in range(2):
        assert [answer.status for answer in transactional(take_members)([left])] == ["done"]
    assert [fresh(one.id).state for one in (mine, theirs)] == [State.CANCELLED] * 2
    assert waiting() == ["RedemptionVoided"] * 2
    assert stock_of(gift, town.station.id) == (9, 0, 9, 0, 0)
    with pytest.raises(rules.MemberNotActive):
        town.redeemed(gift, stays)
    assert [fault for check in verify.CHECKS.values() for fault in check()] == []


@pytest.mark.parametrize(("became", "state"), [("left", State.CANCELLED), ("erased", State.EXPIRED)])
@pytest.mark.parametrize("further", [False, True])
def test_what_a_merged_entry_redeemed_ends_in_whatever_order_the_news_come(
    town: Town, points: Points, became: str, state: State, further: bool
) -> None:
    gift = town.gift(stock=9)
    goes, then, stays = (town.member() for _ in range(3))
    made = town.redeemed(gift, goes)
    gone = MemberChanged(
        member_id=stays, version=3, status=became, confirmed=True, name_masked="陈*芳", volunteer_number="12345678901"
    )
    merges = [(goes, then), (then, stays)] if further else [(goes, stays)]
    transactional(take_members)([gone])
    for one, into in merges:
        assert fresh(made.id).state is State.CONFIRMED
        merged = MemberChanged(
            member_id=one, version=2, status="merged", merged_into=into, confirmed=True, name_masked="陈*芳",
            volunteer_number="12345678901", station_id=town.station.id,
        )  # fmt: skip
        transactional(take_members)([merged])
    redemptions.expire_overdue()
    assert fresh(made.id).state is state


@pytest.mark.parametrize(("became", "state"), [("left", State.CANCELLED), ("erased", State.EXPIRED)])
def test_what_is_taken_back_at_the_desk_of_who_is_gone_by_now_is_kept_for_nobody(
    town: Town, points: Points, became: str, state: State
) -> None:
    gift, (goes, stays) = town.gift(stock=9), (town.member() for _ in range(2))
    made = town.redeemed(gift, goes)
    desk.issue(town.organizer, redemption_id=made.id)
    merge(town, goes, stays)
    gone = MemberChanged(
        member_id=stays, version=2, status=became, confirmed=True, name_masked="陈*芳", volunteer_number="12345678901"
    )
    transactional(take_members)([gone])
    assert fresh(made.id).state is State.FULFILLED
    undone = desk.undo(town.organizer, redemption_id=made.id, reason="扫错了").redemption
    assert undone.state is State.CANCELLED or undone.expires_at <= clock.now()
    redemptions.expire_overdue()
    assert fresh(made.id).state is state
    assert stock_of(gift, town.station.id) == (9, 0, 9, 0, 0)


def test_news_that_are_older_than_the_card_cancel_nothing(town: Town, points: Points) -> None:
    chen = town.member(version=5)
    made = town.redeemed(town.gift(stock=9), chen)
    stale = MemberChanged(
        member_id=chen, version=4, status="left", confirmed=True, name_masked="陈*芳", volunteer_number="12345678901"
    )
    transactional(take_members)([stale])
    assert fresh(made.id).state is State.CONFIRMED
