"""What the worker does for check-in, and what it is rung for."""

from datetime import datetime
from http.client import HTTPMessage
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.checkin import jobs
from shared import clock, delivery, events
from shared.db import session, transactional
from shared.events import AttendanceSettled
from shared.upstream import Response
from tests.checkin.support import Station, after

if TYPE_CHECKING:
    from redis import Redis


def test_a_settled_departure_rings_for_the_worker_and_an_arrival_does_not(
    station: Station, redis_client: "Redis"
) -> None:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0))
    assert redis_client.keys("wake:checkin:*") == []
    station.scan(volunteer, activity, "departure", after(60))
    assert redis_client.keys("wake:checkin:*") == [b"wake:checkin:drain"]


def test_what_points_is_sent_can_be_read_as_the_event(station: Station) -> None:
    station.attend(station.person(), station.activity(), 0, 60)
    posted: list[tuple[str, Any]] = []

    def post(path: str, content: Any) -> Response:
        posted.append((path, content))
        return Response(200, HTTPMessage(), b'{"answers": [{"status": "done"}]}')

    with clock.travel(after(61)):
        assert delivery.drain(post=post) == 1
        assert delivery.drain(post=post) == 0
    [(path, content)] = posted
    assert path == "/internal/v1/points/events"
    [sent] = content["events"]
    fact = events.load(sent["name"], sent["body"])
    assert isinstance(fact, AttendanceSettled)
    assert (fact.minutes, fact.started_at, fact.ended_at) == (60, after(0), after(60))


def test_the_fact_waits_while_points_cannot_be_reached(station: Station) -> None:
    station.attend(station.person(), station.activity(), 0, 60)
    with clock.travel(after(61)):
        jobs.drain()
    [row] = station.rows("SELECT delivered_at, attempts, error FROM outbox")
    assert (row["delivered_at"], row["attempts"], row["error"]) == (None, 1, "no answer")


def test_the_sweep_signs_out_who_forgot_and_may_run_twice(station: Station) -> None:
    station.scan(station.person(), station.activity(), "arrival", after(0))
    with clock.travel(after(241)):
        for _ in range(2):
            jobs.sweep()
    [row] = station.rows("SELECT state, automatic_departure FROM attendance")
    assert row == {"state": "left", "automatic_departure": True}


def delivered_long_ago(at: datetime) -> None:
    def deliver(tx: Session) -> None:
        tx.execute(text("UPDATE outbox SET delivered_at = :at"), {"at": at})

    transactional(deliver)()
    session().rollback()


def test_the_sweep_forgets_what_was_delivered_long_ago(station: Station) -> None:
    station.attend(station.person(), station.activity(), 0, 60)

    delivered_long_ago(after(61))
    with clock.travel(after(60 * 24 * 8)):
        jobs.sweep()
    assert station.rows("SELECT * FROM outbox") == []


def test_a_duty_that_fails_stops_no_other(
    station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    station.attend(station.person(), station.activity(), 0, 60)

    def fail() -> NoReturn:
        raise RuntimeError("no such activity")

    monkeypatch.setattr(jobs, "depart_automatically", fail)
    with clock.travel(after(61)), pytest.raises(ExceptionGroup) as raised:
        jobs.sweep()
    assert [str(failure) for failure in raised.value.exceptions] == ["no such activity"]
    assert "duty failed" in caplog.text
    [row] = station.rows("SELECT attempts FROM outbox")
    assert row == {"attempts": 1}
    delivered_long_ago(after(61))
    with clock.travel(after(60 * 24 * 8)), pytest.raises(ExceptionGroup):
        jobs.sweep()
    assert station.rows("SELECT * FROM outbox") == []
