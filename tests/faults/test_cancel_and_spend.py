"""A redemption is cancelled while its points are being spent, at every moment it can happen: the points are back."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from devtools.crowd import Crowd
from devtools.supervisor import System
from services.rewards.commands.redemptions import WORKER_TAKES_OVER
from shared import clock, gateway_client, tokens
from tests.faults.locks import frozen, locked, somebody_waits
from tests.town import Answer, Client, Clock, gather, redeem, rows, verify, wait_for

EARNED, PRICE = 200, 100
ROAD = "/internal/v1/points/events"


@pytest.fixture(scope="module")
def crowd(system: System, time: Clock) -> Crowd:
    made = gather(system, members=6, stock=6, served="confirmed")
    verify(system)
    return made


@dataclass
class Race:
    """One member's redemption, from both sides."""

    system: System
    time: Clock
    crowd: Crowd
    member: dict[str, str]
    pool: ThreadPoolExecutor
    id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def client(self) -> Client:
        return Client(self.system, self.member["token"])

    def redeem(self) -> Answer:
        return redeem(self.client, self.crowd, self.member, self.id)

    def cancel(self) -> None:
        assert self.client.post(f"/rewards/redemptions/{self.id}/cancel").expect(200)["state"] == "cancelled"

    def begin_to_redeem(self) -> "Future[Answer]":
        """Ask for it, and go on once points wait at a lock."""
        asked = self.pool.submit(self.redeem)
        wait_for(lambda: somebody_waits(self.system, "points"), "the spend", 30)
        return asked

    @property
    def state(self) -> str:
        return str(self.client.get(f"/rewards/redemptions/{self.id}").expect(200)["state"])

    @property
    def available(self) -> int:
        balance = self.client.get("/points/balances", member_ids=self.member["member_id"]).expect(200)
        return int(balance[0]["points_available"])

    def tell_points(self, name: str) -> dict[str, Any]:
        """Do the worker's part for one fact of this redemption, now; the outcome."""
        statement = "SELECT id, body FROM outbox WHERE name = %s AND body->>'redemption_id' = %s"
        ((event_id, body),) = rows(self.system, "rewards", statement, name, self.id)
        place = self.system.installation
        key = tokens.unb64(place.worker()["HUZHU_WORKER_SIGNING_KEY"])
        content = {"events": [{"id": event_id, "name": name, "body": body}]}
        with clock.travel(self.time.now):
            answer = gateway_client.post(place.gateway_internal_url, "worker", key, ROAD, content)
        (told,) = msgspec.json.decode(answer.body)["answers"]
        assert told["status"] == "done", told
        return dict(told.get("outcome") or {})

    def end(self) -> None:
        """All is delivered, and it is as if nothing had ever been redeemed."""
        self.time.pass_by(WORKER_TAKES_OVER + timedelta(seconds=1))
        verify(self.system)
        assert self.state == "cancelled"
        assert self.available == EARNED
        taken = "SELECT on_hand, reserved FROM stock WHERE gift_id = %s"
        assert rows(self.system, "rewards", taken, self.crowd.gift_id) == [(6, 0)]


@pytest.fixture(scope="module")
def members(crowd: Crowd) -> Iterator[dict[str, str]]:
    """A new one for each race."""
    return iter(crowd.members)


@pytest.fixture
def race(system: System, time: Clock, crowd: Crowd, members: Iterator[dict[str, str]]) -> Iterator[Race]:
    with ThreadPoolExecutor(1) as pool:
        yield Race(system, time, crowd, next(members), pool)
    for name, part in list(system.parts.items()):
        if part.child is not None and not part.child.is_running:
            system.restart_part(name)


@pytest.mark.parametrize("first", ["RedemptionVoided", "SpendRequested"])
def test_cancelled_before_points_has_heard_of_the_spend(race: Race, first: str) -> None:
    system = race.system
    for name in ("worker", "scheduler", "internal"):
        system.kill_part(name)
    assert race.redeem().expect(201)["state"] == "requested"
    race.cancel()
    system.restart_part("internal")
    outcome = race.tell_points(first)
    if first == "SpendRequested":
        assert outcome["state"] == "confirmed"
        assert race.available == EARNED - PRICE
        race.tell_points("RedemptionVoided")
    else:
        refused = race.tell_points("SpendRequested")
        assert (refused["state"], refused["code"]) == ("declined", "voided")
    assert race.available == EARNED
    system.restart_part("worker")
    system.restart_part("scheduler")
    race.end()


def test_cancelled_while_points_is_booking_the_spend(race: Race) -> None:
    with locked(race.system, "points", "transfer"):
        race.begin_to_redeem()
        race.cancel()
    race.end()


def spent_without_an_answer(race: Race, listener: ExitStack) -> "Future[Answer]":
    """Points have booked the spend, and the listener that should hand on their answer stands still."""
    with locked(race.system, "points", "transfer"):
        asked = race.begin_to_redeem()
        listener.enter_context(frozen(race.system, "internal"))
    wait_for(lambda: race.available == EARNED - PRICE, "the spend")
    return asked


def test_cancelled_between_the_spend_and_its_answer(race: Race) -> None:
    with ExitStack() as listener:
        asked = spent_without_an_answer(race, listener)
        race.cancel()
    assert asked.result().expect(201)["state"] in ("cancelled", "requested")
    race.end()


def test_an_answer_that_came_too_late_is_asked_for_again(race: Race) -> None:
    with ExitStack() as listener:
        asked = spent_without_an_answer(race, listener)
        assert asked.result().expect(201)["state"] == "requested"
    race.time.pass_by(WORKER_TAKES_OVER)
    wait_for(lambda: race.state == "confirmed", "the answer")
    race.cancel()
    race.end()


def test_cancelled_after_the_answer_and_the_spend_comes_once_more(race: Race) -> None:
    assert race.redeem().expect(201)["state"] == "confirmed"
    assert race.available == EARNED - PRICE
    race.cancel()
    wait_for(lambda: race.available == EARNED, "the points")
    assert race.tell_points("SpendRequested")["state"] == "confirmed", "the first answer, which changes nothing"
    race.end()
