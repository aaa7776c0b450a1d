"""Kill -9 in the middle of an order at the desk, a line of paper, what is taken back and a daily close: nothing is
doubled, nothing lost, and the same request again is whole.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from devtools.crowd import GIFT_POINTS, Crowd
from devtools.supervisor import System
from services.rewards.commands.redemptions import WORKER_TAKES_OVER
from shared.upstream import NoAnswer
from tests.faults.locks import locked, somebody_waits
from tests.town import Answer, Client, Clock, gather, rows, verify, wait_for

EARNED = 200
PLACES = [
    ("points", "transfer", "points"),
    ("points", "transfer", "rewards"),
    ("points", "transfer", "worker"),
    ("rewards", "audit_log", "rewards"),
    ("rewards", "audit_log", "gateway"),
]
"""Where the request is held up, and who is killed then: while points book, or once they have, at the last statement."""


@pytest.fixture(scope="module")
def crowd(system: System, time: Clock) -> Crowd:
    made = gather(system, members=len(PLACES) + 1, stock=20, served="confirmed")
    verify(system)
    return made


@pytest.fixture(scope="module")
def members(crowd: Crowd) -> Iterator[dict[str, str]]:
    return iter(crowd.members)


def killed_while(
    system: System, client: Client, path: str, content: Any, held: tuple[str, str], part: str
) -> "Future[Answer]":
    """A request during which a process dies; what became of it is nobody's to know."""
    with ThreadPoolExecutor(1) as pool:
        with locked(system, *held):
            asked = pool.submit(client.post, path, content)
            wait_for(lambda: somebody_waits(system, held[0]), "the request", 30)
            system.kill_part(part)
        with suppress(NoAnswer):
            asked.result()
    system.restart_part(part)
    return asked


def end(system: System, time: Clock) -> None:
    """Let everything be told that is on its way."""
    time.pass_by(WORKER_TAKES_OVER + timedelta(seconds=1))
    verify(system)


def stock(system: System, crowd: Crowd) -> tuple[int, int, int]:
    ((on_hand, reserved, issued),) = rows(
        system, "rewards", "SELECT on_hand, reserved, issued FROM stock WHERE gift_id = %s", crowd.gift_id
    )
    return on_hand, reserved, issued


def available(system: System, crowd: Crowd, member: dict[str, str]) -> int:
    balance = Client(system, member["token"]).get("/points/balances", member_ids=member["member_id"]).expect(200)
    return int(balance[0]["points_available"])


@pytest.mark.parametrize(("service", "table", "part"), PLACES)
def test_an_order_cut_off_anywhere_is_handed_over_once(
    system: System, time: Clock, crowd: Crowd, members: Iterator[dict[str, str]], service: str, table: str, part: str
) -> None:
    desk, member, before = Client(system, crowd.organizer["token"]), next(members), stock(system, crowd)
    line = {"gift_id": crowd.gift_id, "quantity": 1, "points": GIFT_POINTS}
    paper = {"list_number": "250101-AB23CE", "line": 3, "handed_over_at": time.now.isoformat()}
    order: dict[str, Any] = {"id": str(uuid4()), "station_id": crowd.station_id, "member_id": member["member_id"]}
    order |= {"lines": [line]} | ({"paper": paper} if part == "rewards" else {})
    killed_while(system, desk, "/rewards/desk-orders", order, (service, table), part)

    def state() -> str:
        return str(desk.post("/rewards/desk-orders", order).expect(201)["lines"][0]["state"])

    wait_for(lambda: state() == "fulfilled", "the order")
    end(system, time)
    assert available(system, crowd, member) == EARNED - GIFT_POINTS
    assert stock(system, crowd) == (before[0] - 1, 0, before[2] + 1)
    assert rows(system, "rewards", "SELECT count(*) FROM redemption WHERE order_id = %s", order["id"]) == [(1,)]


def test_taking_back_and_the_close_are_done_once_or_not_at_all(
    system: System, time: Clock, crowd: Crowd, members: Iterator[dict[str, str]]
) -> None:
    desk, staff, member = Client(system, crowd.organizer["token"]), Client(system, crowd.staff["token"]), next(members)
    held, before = ("rewards", "audit_log"), stock(system, crowd)
    order = {"id": str(uuid4()), "station_id": crowd.station_id, "member_id": member["member_id"]}
    lines = [{"gift_id": crowd.gift_id, "quantity": 1, "points": GIFT_POINTS}]
    redemption_id = desk.post("/rewards/desk-orders", order | {"lines": lines}).expect(201)["lines"][0]["id"]
    undo = f"/rewards/redemptions/{redemption_id}/undo"
    killed_while(system, desk, undo, {"reason": "拿错了"}, held, "rewards")
    assert desk.post(undo, {"reason": "拿错了"}).expect(200)["state"] == "cancelled"
    end(system, time)
    assert available(system, crowd, member) == EARNED
    assert stock(system, crowd) == before
    to_count = staff.get(f"/rewards/stations/{crowd.station_id}/to-count").expect(200)
    counts = [
        {name: one[name] for name in ("gift_id", "pieces", "expected")} | {"counted": one["expected"]}
        for one in to_count
    ]
    close = {"id": str(uuid4()), "station_id": crowd.station_id, "counts": counts}
    killed_while(system, staff, "/rewards/desk-closes", close, held, "rewards")
    for _twice in range(2):
        assert staff.post("/rewards/desk-closes", close).expect(201)["counts"][0]["pieces"] == before[2]
    assert len(staff.get(f"/rewards/stations/{crowd.station_id}/desk-closes").expect(200)) == 1
    end(system, time)
