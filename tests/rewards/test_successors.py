"""What a merged station had follows to its successor, and what waits at its desk is handed over by that."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from services.rewards.commands import desk, desk_orders, redemptions, successors
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.domain.redemption import State
from services.rewards.queries import desk as desk_queries
from services.rewards.queries import gifts as gift_queries
from services.rewards.queries import redemptions as queries
from services.rewards.queries import verify
from services.rewards.store import Gift
from shared.db import session
from shared.errors import Forbidden
from shared.events import StationChanged
from shared.principal import Role
from tests.rewards.support import Place, Points, Town, close, holder, login_of, stock_of, take_copies


def merge(place: Place, heir: Place, name: str, version: int = 2) -> Place:
    """As members tells it: closed, with a successor, and below that from now on."""
    lies = Place(place.id, f"{heir.path}{place.id.hex}/")
    take_copies(
        StationChanged(
            node_id=place.id, version=version, level="station", name=name, path=lies.path, parent_id=heir.id,
            successor_id=heir.id, closed=True,
        )
    )  # fmt: skip
    return lies


def on_hand(gift: Gift, place: Place) -> int:
    return stock_of(gift, place.id)[2]


def nothing_is_broken() -> None:
    session().rollback()
    assert {name: lines for name, check in verify.CHECKS.items() if (lines := list(check()))} == {}
    session().rollback()


def test_gifts_and_stock_go_over_and_each_piece_stays_counted(rewards_app: Flask, town: Town, points: Points) -> None:
    own, of_all = town.gift(stock=10), town.gift(stock=4, node_id=town.sub_centre.id)
    reserved = town.redeemed(own)
    merge(town.station, town.other_station, "岔路口社区实践站")
    assert successors.follow() == 2
    assert [on_hand(gift, town.station) for gift in (own, of_all)] == [0, 0]
    assert [on_hand(gift, town.other_station) for gift in (own, of_all)] == [9, 4]
    assert successors.follow() == 0, "once more is once"
    member = town.member(station_id=town.other_station.id)
    shown = gift_queries.list_gifts(login_of(member), station_id=town.other_station.id, limit=50)
    assert {gift.id for gift in shown} == {own.id, of_all.id}
    assert {gift.node_id for gift in shown} == {town.other_station.id, town.sub_centre.id}
    order = town.order(own, member, station_id=town.other_station.id)
    assert redemptions.redeem(login_of(member), order).state is State.CONFIRMED
    nothing_is_broken()
    redemptions.cancel(login_of(reserved.member_id), redemption_id=reserved.id)
    assert successors.follow() == 1, "what nobody came for follows"
    assert (on_hand(own, town.station), on_hand(own, town.other_station)) == (0, 9)
    nothing_is_broken()


def test_what_waits_at_a_merged_station_is_handed_over_by_its_successor(town: Town, points: Points) -> None:
    waiting = town.redeemed()
    heirs = holder(Role.ORGANIZER, town.other_station)
    with pytest.raises(Forbidden):
        desk.issue(heirs, redemption_id=waiting.id)
    merge(town.station, town.other_station, "岔路口社区实践站")
    of_member = queries.get_redemption(login_of(waiting.member_id), waiting.id)
    assert of_member.station_name == "南昌路社区实践站", "there it is collected now"
    listed = queries.list_for_station(heirs, town.other_station.id, state="confirmed", limit=50)
    assert [one.redemption.id for one in listed] == [waiting.id]
    assert desk.issue(heirs, redemption_id=waiting.id).redemption.state is State.FULFILLED
    nothing_is_broken()


def test_what_was_merged_twice_goes_to_the_last_at_once(town: Town, points: Points) -> None:
    gift = town.gift(stock=3)
    third = Place(town.compound.id, f"{town.sub_centre.path}{town.compound.id.hex}/")
    take_copies(
        StationChanged(
            node_id=third.id, version=2, level="station", name="三站", path=third.path, parent_id=town.sub_centre.id
        )
    )
    merge(town.station, town.other_station, "岔路口社区实践站")
    merge(town.other_station, third, "南昌路社区实践站")
    assert successors.follow() == 1
    assert [on_hand(gift, place) for place in (town.station, third)] == [0, 3]
    nothing_is_broken()


def serve(at: Place, member: UUID, gift: Gift, quantity: int) -> int:
    """Handed over at the desk of a station; the points it cost."""
    order = DeskOrder(uuid4(), at.id, member, [Line(gift.id, quantity, gift.points * quantity)])
    (line,) = desk_orders.serve(holder(Role.ORGANIZER, at), order).lines
    assert line.state is State.FULFILLED
    return line.points


def test_a_station_merged_in_the_middle_of_a_desk_day_is_closed_by_its_successor(town: Town, points: Points) -> None:
    """What it gave out before, also after its last close, stays its own; what is on the shelf goes on next door."""
    gift, member = town.gift(stock=20, limit_per_quarter=None), town.member()
    spent = serve(town.station, member, gift, 2)
    closes = [close(town)]
    spent += serve(town.station, member, gift, 3)
    waiting = town.redeemed(gift)
    old, heir = merge(town.station, town.other_station, "岔路口社区实践站"), town.other_station
    assert successors.follow() == 1
    staff, other = holder(Role.STAFF, heir), holder(Role.STAFF, town.compound)
    town.moves(member, heir)
    spent += serve(heir, member, gift, 4)
    assert [(one.station_id, one.pieces) for one in desk_queries.list_left_open(staff)] == [(old.id, 3)]
    assert desk_queries.list_left_open(other) == []
    desk.issue(holder(Role.ORGANIZER, heir), redemption_id=waiting.id)
    spent += waiting.points
    closes += [close(town, old), close(town, heir)]
    assert desk_queries.list_left_open(staff) == []
    counts = [count for one in closes for count in desk_queries.show_close(staff, one).counts]
    assert [(count.pieces, count.expected) for count in counts] == [(2, 18), (4, 0), (4, 10)]
    assert sum(count.points for count in counts) == spent
    nothing_is_broken()


def test_the_lines_to_sign_of_a_merged_station_are_printed_next_door(town: Town, points: Points) -> None:
    gift, member = town.gift(stock=5), town.member()
    serve(town.station, member, gift, 1)
    merge(town.station, town.other_station, "岔路口社区实践站")
    (line,) = desk_queries.list_day(holder(Role.ORGANIZER, town.other_station), town.other_station.id, day=None)
    assert (line.station_name, line.redemption.quantity) == ("岔路口社区实践站", 1)


def test_what_is_reserved_at_a_merged_station_is_counted_on_the_shelf_of_its_successor(
    town: Town, points: Points
) -> None:
    gift, member = town.gift(stock=20, limit_per_quarter=None, node_id=town.sub_centre.id), town.member()
    serve(town.station, member, gift, 3)
    waiting = town.redeemed(gift)
    old, heir = merge(town.station, town.other_station, "岔路口社区实践站"), town.other_station
    staff = holder(Role.STAFF, heir)

    def shelves() -> list[list[tuple[int, int]]]:
        found = [desk_queries.list_to_count(staff, place.id) for place in (old, heir)]
        session().rollback()
        return [[(one.expected, one.carried) for one in ones] for ones in found]

    assert shelves() == [[(0, -17)], [(17, 17)]], "before the goods are booked over"
    assert successors.follow() == 1
    assert shelves() == [[(0, -1)], [(17, 1)]]
    closes = [close(town, old), close(town, heir)]
    assert shelves() == [[], [(17, 1)]]
    desk.issue(holder(Role.ORGANIZER, heir), redemption_id=waiting.id)
    assert shelves() == [[(0, 0)], [(16, 0)]]
    closes += [close(town, old), close(town, heir)]
    counts = [count for one in closes for count in desk_queries.show_close(staff, one).counts]
    assert [(count.pieces, count.expected) for count in counts] == [(3, 0), (0, 17), (1, 0), (0, 16)]
    nothing_is_broken()
