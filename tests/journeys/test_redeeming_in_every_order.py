"""Rewards and points, both real: whatever order a spend, its answer, a cancel and its void come in.

The member has moved: the points lie in the chain of the station where they were earned, and the gift is of the new
home, so every spend and every refund passes the clearing accounts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPMessage
from itertools import permutations
from typing import Any
from uuid import UUID

import msgspec
import pytest
from flask import Flask
from sqlalchemy import select

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from services.points.commands.boards import take_members, take_stations
from services.points.commands.seal_transfers import seal_all
from services.rewards.commands import redemptions
from services.rewards.domain.redemption import State
from shared import copies, delivery, outbox
from shared.db import session, transactional
from shared.errors import RuleBroken
from shared.events import Answer, MemberChanged, StationChanged
from shared.upstream import Response
from tests.points.support import attendance, points_of, settle
from tests.rewards.support import Town, fresh, login_of, make_due, stock_of, taken_by, waiting
from tests.support import principal_headers

INTAKE = "/internal/v1/points/events"
EARNED, PRICE = 240, 200
STEPS = ("spend", "answer", "cancel", "void")
ORDERS = [
    order
    for order in permutations(STEPS)
    if order.index("spend") < order.index("answer") and order.index("cancel") < order.index("void")
]
BETWEEN_THE_TWO = {1, 4, 5}
"""The invariants that hold of rewards and points alone."""


@dataclass
class Road:
    """What the worker and the gateway do between rewards and points, one step at a time."""

    points_app: Flask
    answers: list[Answer] = field(default_factory=list)

    def post(self, path: str, content: Any) -> Response:
        assert path == INTAKE
        headers = principal_headers("points", issuer="worker")
        taken = self.points_app.test_client().post(path, data=msgspec.json.encode(content), headers=headers)
        return Response(taken.status_code, HTTPMessage(), taken.get_data())

    def carry(self, name: str) -> None:
        """Bring the facts of a name to points, twice, and keep the answers: nothing is marked."""
        rows = session().execute(select(outbox.outbox).where(outbox.outbox.c.name == name)).all()
        session().rollback()
        content = {"events": [{"id": row.id, "name": row.name, "body": row.body} for row in rows]}
        first, again = (
            msgspec.json.decode(self.post(INTAKE, content).body, type=dict[str, list[Answer]]) for _ in range(2)
        )
        assert first == again
        self.answers = first["answers"]

    def carry_everything(self) -> None:
        make_due()
        delivery.drain(redemptions.take_outcome, post=self.post)
        assert waiting() == []


@contextmanager
def a_town_and_somebody_who_moved(points_app: Flask, rewards_app: Flask) -> Iterator[tuple[Town, UUID]]:
    """Within rewards: 2.40 points, earned while at home at the other station."""
    with rewards_app.app_context():
        town = Town.build()
        member_id = town.member(station_id=town.other_station.id)
        tell_points(points_app)
        with points_app.app_context():
            settle([attendance(member_id, EARNED * 60 // 100, station_id=town.other_station.id)])
        town.moves(member_id, town.station)
        tell_points(points_app)
        yield town, member_id


def tell_points(points_app: Flask) -> None:
    """Give points the copies that rewards has."""
    members = [row._mapping for row in session().execute(select(copies.member_card))]
    stations = [row._mapping for row in session().execute(select(copies.station))]
    session().rollback()
    with points_app.app_context():
        transactional(take_stations)([StationChanged(**row) for row in stations])
        transactional(take_members)([MemberChanged(**row) for row in members])


def broken(points_app: Flask, rewards_app: Flask) -> list[str]:
    databases = Databases({"points": points_app, "rewards": rewards_app})
    return [fault for number, _, find in all_checks(databases) if number in BETWEEN_THE_TWO for fault in find()]


@pytest.mark.parametrize("quantity", [1, 2], ids=["enough", "too little"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_cancelled_redemption_costs_nothing_whatever_comes_first(
    points_app: Flask, rewards_app: Flask, order: tuple[str, ...], quantity: int
) -> None:
    with a_town_and_somebody_who_moved(points_app, rewards_app) as (town, member_id):
        road, gift = Road(points_app), town.gift(stock=3, points=PRICE)
        redemption = town.redeemed(gift, member_id, quantity=quantity)
        assert redemption.state is State.REQUESTED, "nobody answers at once"

        def answer() -> None:
            [said] = spent
            assert said.outcome is not None
            transactional(redemptions.settle)(redemption.id, said.outcome)

        def spend() -> None:
            road.carry("SpendRequested")
            spent.extend(road.answers)

        def cancel() -> None:
            with suppress(RuleBroken):  # declined before: there is nothing to cancel
                redemptions.cancel(login_of(member_id), redemption_id=redemption.id)

        spent: list[Answer] = []
        steps: dict[str, Callable[[], None]] = {
            "spend": spend,
            "answer": answer,
            "cancel": cancel,
            "void": lambda: road.carry("RedemptionVoided"),
        }
        for step in order:
            steps[step]()
        road.carry_everything()
        declined_first = quantity == 2 and order.index("answer") < order.index("cancel")
        voided_first = order.index("void") < order.index("spend")
        assert spent[0].outcome is not None
        assert spent[0].outcome["state"] == ("declined" if quantity == 2 or voided_first else "confirmed")
        assert fresh(redemption.id).state is (State.DECLINED if declined_first else State.CANCELLED)
        assert stock_of(gift, town.station.id) == (3, 0, 3, 0, 0)
        assert taken_by(member_id, gift) == 0
        with points_app.app_context():
            assert points_of(member_id) == EARNED
            seal_all()
        assert broken(points_app, rewards_app) == []


def test_one_that_is_not_cancelled_costs_its_price_once(points_app: Flask, rewards_app: Flask) -> None:
    with a_town_and_somebody_who_moved(points_app, rewards_app) as (town, member_id):
        road, gift = Road(points_app), town.gift(stock=3, points=PRICE)
        redemption = town.redeemed(gift, member_id)
        road.carry("SpendRequested")
        road.carry_everything()
        assert fresh(redemption.id).state is State.CONFIRMED
        with points_app.app_context():
            assert points_of(member_id) == EARNED - PRICE
            seal_all()
        assert broken(points_app, rewards_app) == []


def test_who_was_confirmed_a_moment_ago_waits_until_points_has_heard_of_it(
    points_app: Flask, rewards_app: Flask
) -> None:
    with rewards_app.app_context():
        town = Town.build()
        member_id = town.member(confirmed=False)
        tell_points(points_app)
        with points_app.app_context():
            settle([attendance(member_id, EARNED * 60 // 100, station_id=town.station.id)])
        town.moves(member_id, town.station)  # a newer card, and confirmed
        road, redemption = Road(points_app), town.redeemed(town.gift(stock=3, points=PRICE), member_id)
        make_due()
        delivery.drain(redemptions.take_outcome, post=road.post)
        assert (fresh(redemption.id).state, waiting()) == (State.REQUESTED, ["SpendRequested"])
        tell_points(points_app)
        road.carry_everything()
        assert fresh(redemption.id).state is State.CONFIRMED
        with points_app.app_context():
            seal_all()
        assert broken(points_app, rewards_app) == []
