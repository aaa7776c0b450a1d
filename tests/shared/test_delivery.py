"""The worker's side of the outbox, against an HTTP server that answers as told."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock, delivery, gateway_client, outbox, tokens
from shared.db import session, transactional
from shared.events import SpendRequested

Reply = Callable[[list[dict[str, Any]]], tuple[int, Any]]


class Gateway:
    """Stands where the internal listener stands; remembers what it took in."""

    def __init__(self) -> None:
        self.reply: Reply = lambda events: (200, {"answers": [{"status": "done"} for _ in events]})
        self.batches: list[list[dict[str, Any]]] = []
        self.headers: list[tuple[str, bytes]] = []


@pytest.fixture
def gateway(kernel_app: Flask) -> Iterator[Gateway]:
    stand_in = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            events = json.loads(body)["events"]
            stand_in.batches.append(events)
            stand_in.headers.append((self.headers[gateway_client.HEADER], body))
            status, content = stand_in.reply(events)
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    before = kernel_app.config["SETTINGS"]
    kernel_app.config["SETTINGS"] = replace(before, gateway_internal_url=f"http://127.0.0.1:{server.server_port}")
    yield stand_in
    kernel_app.config["SETTINGS"] = before
    server.shutdown()
    server.server_close()


def a_spend(description: str = "香皂 × 1") -> SpendRequested:
    return SpendRequested(
        redemption_id=uuid4(), member_id=uuid4(), station_id=uuid4(), points=300, description=description
    )


@transactional
def write(tx: Session, *facts: SpendRequested) -> None:
    outbox.add(tx, *facts)


def states() -> dict[str, str]:
    """description → delivered, dead or waiting."""
    rows = session().execute(select(outbox.outbox)).all()
    return {
        row.body["description"]: "delivered" if row.delivered_at else "dead" if row.dead_at else "waiting"
        for row in rows
    }


@pytest.mark.parametrize("claim", [b"[" * 6000, b"[]", b'["worker"]', b'["worker",1,2,3,4]', b"{}", b"\xff", b""])
def test_a_header_that_claims_nonsense_is_from_nobody_even_when_it_is_signed(claim: bytes) -> None:
    key = bytes(range(32))
    header = tokens.sign(key, claim)
    assert gateway_client.issuer_of(header) is None
    assert not gateway_client.is_genuine(header, tokens.public_half(key), "POST", "/", b"")


def test_due_rows_are_posted_in_one_batch_and_marked(kernel_app: Flask, gateway: Gateway) -> None:
    with kernel_app.app_context():
        write(*(a_spend(str(n)) for n in range(30)))
        assert delivery.drain() == 30
        assert set(states().values()) == {"delivered"}
    assert [len(batch) for batch in gateway.batches] == [30]


def test_calls_are_signed_by_the_worker_for_exactly_this_body(kernel_app: Flask, gateway: Gateway) -> None:
    with kernel_app.app_context():
        write(a_spend())
        delivery.drain()
        key = tokens.public_half(kernel_app.config["SETTINGS"].signing_key)
    header, body = gateway.headers[0]
    path = "/internal/v1/points/events"
    assert gateway_client.issuer_of(header) == "worker"
    assert gateway_client.is_genuine(header, key, "POST", path, body)
    assert not gateway_client.is_genuine(header, key, "POST", path, body + b" ")
    assert not gateway_client.is_genuine(header, key, "POST", "/internal/v1/rewards/events", body)
    with clock.travel(clock.now() + timedelta(seconds=31)):
        assert not gateway_client.is_genuine(header, key, "POST", path, body)


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_one_bad_fact_never_takes_the_others_with_it(kernel_app: Flask, gateway: Gateway, status: int) -> None:
    def reply(events: list[dict[str, Any]]) -> tuple[int, Any]:
        if any(event["body"]["description"] == "bad" for event in events):
            return status, {"code": "bad"}
        return 200, {"answers": [{"status": "done"} for _ in events]}

    gateway.reply = reply
    with kernel_app.app_context():
        write(*(a_spend("bad" if n == 37 else str(n)) for n in range(100)))
        delivery.drain()
        found = states()
    assert found.pop("bad") == ("waiting" if status == 500 else "dead")
    assert set(found.values()) == {"delivered"}
    assert len(gateway.batches) < 20, "halving finds one bad fact in 2·log2(100) posts"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 503, 504])
def test_a_destination_that_is_down_is_tried_later_as_a_whole(kernel_app: Flask, gateway: Gateway, status: int) -> None:
    gateway.reply = lambda _events: (status, {})
    with kernel_app.app_context():
        write(a_spend("a"), a_spend("b"))
        delivery.drain()
        assert set(states().values()) == {"waiting"}
        assert len(gateway.batches) == 1
        gateway.reply = lambda events: (200, {"answers": [{"status": "done"} for _ in events]})
        assert delivery.drain() == 0, "not due yet"
        with clock.travel(clock.now() + timedelta(seconds=2)):
            assert delivery.drain() == 2
        assert set(states().values()) == {"delivered"}


def test_nobody_listening_puts_everything_back(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_spend("a"))
        delivery.drain()
        assert states() == {"a": "waiting"}


def test_a_fact_that_is_refused_by_itself_is_a_dead_letter(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda events: (
        200,
        {
            "answers": [
                {"status": "refused", "code": "no"} if n == 0 else {"status": "done"} for n in range(len(events))
            ]
        },
    )
    with kernel_app.app_context():
        write(a_spend("first"), a_spend("second"))
        delivery.drain()
        assert states() == {"first": "dead", "second": "delivered"}


def test_outcomes_are_handed_over_in_the_transaction_that_marks_the_row(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda events: (
        200,
        {"answers": [{"status": "done", "outcome": {"state": "confirmed"}} for _ in events]},
    )
    seen: list[str] = []

    def fails(_tx: Session, _row: outbox.Row, _outcome: dict[str, Any]) -> None:
        raise RuntimeError

    with kernel_app.app_context():
        write(a_spend("a"))
        delivery.drain(fails)
        assert states() == {"a": "waiting"}
        with clock.travel(clock.now() + timedelta(seconds=2)):
            delivery.drain(lambda _tx, _row, outcome: seen.append(outcome["state"]))
        assert states() == {"a": "delivered"}
    assert seen == ["confirmed"]


def test_one_outcome_that_cannot_be_taken_in_never_takes_the_others_with_it(
    kernel_app: Flask, gateway: Gateway
) -> None:
    gateway.reply = lambda events: (
        200,
        {"answers": [{"status": "done", "outcome": {"state": "confirmed"}} for _ in events]},
    )
    taken: list[str] = []

    def on_outcome(_tx: Session, row: outbox.Row, _outcome: dict[str, Any]) -> None:
        if row.body["description"] == "bad":
            raise KeyError("bad")
        taken.append(row.body["description"])

    with kernel_app.app_context():
        write(*(a_spend("bad" if n == 37 else str(n)) for n in range(100)))
        delivery.drain(on_outcome)
        found = states()
        assert found.pop("bad") == "waiting"
        assert set(found.values()) == {"delivered"}
        assert errors() == {"bad": "outcome not taken in: KeyError"}
        assert delivery.drain(on_outcome) == 0, "it waits for its backoff"
    assert set(taken) == set(found)
    assert len(gateway.batches) == 1


def errors() -> dict[str, str]:
    """description → error, of what has one."""
    rows = session().execute(select(outbox.outbox).where(outbox.outbox.c.error.is_not(None))).all()
    return {row.body["description"]: row.error for row in rows}


def drain_at(seconds: float) -> int:
    with clock.travel(START + timedelta(seconds=seconds)):
        return delivery.drain()


START = clock.now()


@pytest.mark.parametrize("status", [503, 504])
def test_a_fact_that_hangs_or_kills_the_receiver_ends_alone(kernel_app: Flask, gateway: Gateway, status: int) -> None:
    def reply(events: list[dict[str, Any]]) -> tuple[int, Any]:
        if any(event["body"]["description"] == "bad" for event in events):
            return status, {}
        return 200, {"answers": [{"status": "done"} for _ in events]}

    gateway.reply = reply
    with kernel_app.app_context(), clock.travel(START):
        write(*(a_spend("bad" if n == 250 else str(n)) for n in range(500)))
        for second in range(0, 120, 5):
            drain_at(second)
        found = states()
        assert found.pop("bad") == "waiting"
        assert set(found.values()) == {"delivered"}
        assert [len(batch) for batch in gateway.batches[-2:]] == [1, 1], "alone, and tried again"
        assert errors() == {"bad": f"HTTP {status}: {{}}"}


def test_what_is_fresh_does_not_wait_for_what_fails(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda events: (
        (504, {})
        if any(event["body"]["description"] == "bad" for event in events)
        else (200, {"answers": [{"status": "done"} for _ in events]})
    )
    with kernel_app.app_context(), clock.travel(START):
        write(a_spend("bad"))
        drain_at(0)
        write(a_spend("fresh"))
        drain_at(5)
        assert states() == {"bad": "waiting", "fresh": "delivered"}


def test_an_outage_costs_one_post_a_round_and_is_made_up_for_in_a_few(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda _events: (503, {})
    with kernel_app.app_context(), clock.travel(START):
        write(*(a_spend(str(n)) for n in range(500)))
        rounds = [drain_at(second) for second in range(0, 3600, 60)]
        assert len(gateway.batches) == len([posted for posted in rounds if posted])
        gateway.batches.clear()
        gateway.reply = lambda events: (200, {"answers": [{"status": "done"} for _ in events]})
        drain_at(2 * 3600)
        assert set(states().values()) == {"delivered"}
    assert len(gateway.batches) < 25


def test_rows_that_were_leased_and_not_posted_count_no_attempt(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda _events: (503, {})
    with kernel_app.app_context(), clock.travel(START):
        write(*(a_spend(str(n)) for n in range(100)))
        drain_at(0)
        assert drain_at(2) == 500 // 8
        attempts = session().scalars(select(outbox.outbox.c.attempts)).all()
        assert sorted(set(attempts)) == [1, 2]


def test_exactly_the_rows_that_were_not_posted_are_released(kernel_app: Flask, gateway: Gateway) -> None:
    """Old ones, which have failed before, are leased first and posted last."""
    with kernel_app.app_context(), clock.travel(START):
        gateway.reply = lambda _events: (503, {})
        write(*(a_spend(f"old {n}") for n in range(100)))
        drain_at(0)
        write(*(a_spend(f"fresh {n}") for n in range(100)))
        drain_at(2)
        rows = session().execute(select(outbox.outbox.c.body, outbox.outbox.c.attempts, outbox.outbox.c.leased_until))
        found = {row.body["description"]: (row.attempts, row.leased_until) for row in rows}
        assert found == {f"{kind} {n}": (1, None) for kind in ("old", "fresh") for n in range(100)}


@pytest.fixture
def second_hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What deliveries know of the time: one entry, the seconds."""
    seconds = [0.0]
    monkeypatch.setattr(delivery, "monotonic", lambda: seconds[0])
    return seconds


def test_no_post_begins_that_may_outlive_the_lease(
    kernel_app: Flask, gateway: Gateway, second_hand: list[float]
) -> None:
    gateway.reply = lambda _events: (503, {})
    with kernel_app.app_context(), clock.travel(START):
        write(*(a_spend(str(n)) for n in range(100)))
        drain_at(0)
        gateway.batches.clear()

        def reply(events: list[dict[str, Any]]) -> tuple[int, Any]:
            second_hand[0] += outbox.LEASE_S - gateway_client.TIMEOUT_S + 1
            return 200, {"answers": [{"status": "done"} for _ in events]}

        gateway.reply = reply
        assert drain_at(2) == 100
        assert set(states().values()) == {"delivered"}
        assert set(session().scalars(select(outbox.outbox.c.attempts))) == {2}, "what was let go counts no attempt"
    assert [len(batch) for batch in gateway.batches] == [62, 38], "each under a lease of its own"


def test_halving_ends_with_the_lease_and_goes_on_in_smaller_batches(
    kernel_app: Flask, gateway: Gateway, second_hand: list[float]
) -> None:
    def reply(events: list[dict[str, Any]]) -> tuple[int, Any]:
        second_hand[0] += 3
        if any(event["body"]["description"] == "bad" for event in events):
            return 500, {}
        return 200, {"answers": [{"status": "done"} for _ in events]}

    gateway.reply = reply
    with kernel_app.app_context(), clock.travel(START):
        write(*(a_spend("bad" if n == 50 else str(n)) for n in range(100)))
        drain_at(0)
        assert [len(batch) for batch in gateway.batches] == [100, 50]
        for second in range(5, 60, 5):
            drain_at(second)
        found = states()
    assert found.pop("bad") == "waiting"
    assert set(found.values()) == {"delivered"}
    assert len(gateway.batches[-1]) == 1


@pytest.mark.parametrize("status", [405, 409, 415, 431])
def test_what_no_fact_can_be_blamed_for_buries_none(kernel_app: Flask, gateway: Gateway, status: int) -> None:
    gateway.reply = lambda _events: (status, {})
    with kernel_app.app_context():
        write(a_spend("a"), a_spend("b"))
        delivery.drain()
        assert states() == {"a": "waiting", "b": "waiting"}


def test_a_fact_that_came_too_early_is_sent_again(kernel_app: Flask, gateway: Gateway) -> None:
    gateway.reply = lambda _events: (200, {"answers": [{"status": "later", "code": "stale_card", "detail": "…"}]})
    with kernel_app.app_context(), clock.travel(START):
        write(a_spend("a"))
        drain_at(0)
        assert (states(), errors()) == ({"a": "waiting"}, {"a": "stale_card: …"})
        gateway.reply = lambda events: (200, {"answers": [{"status": "done"} for _ in events]})
        drain_at(2)
        assert states() == {"a": "delivered"}


@pytest.mark.parametrize("content", [{"answers": []}, {"answers": [{"status": "done"}] * 3}, {"odd": 1}, [1]])
def test_an_answer_that_is_none_puts_its_facts_back(kernel_app: Flask, gateway: Gateway, content: Any) -> None:
    gateway.reply = lambda _events: (200, content)
    with kernel_app.app_context():
        write(a_spend("a"), a_spend("b"))
        delivery.drain()
        assert states() == {"a": "waiting", "b": "waiting"}
        assert [error.partition(":")[0] for error in errors().values()] == ["HTTP 200"] * 2
