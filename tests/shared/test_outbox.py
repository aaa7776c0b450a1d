"""Rows of the outbox: written with the fact, leased once, tried again, buried, requeued."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared import clock, outbox
from shared.db import session, transactional
from shared.errors import NotFound
from shared.events import StationChanged


def a_station(version: int = 1) -> StationChanged:
    return StationChanged(node_id=uuid4(), version=version, level="station", name="南昌路社区实践站", path="/a/")


@transactional
def write(tx: Session, *facts: StationChanged, due_in: timedelta = timedelta(0), fail: bool = False) -> None:
    outbox.add(tx, *facts, due_in=due_in)
    if fail:
        raise RuntimeError


@transactional
def lease(tx: Session, destination: str = "points", rows_max: int = 10) -> list[outbox.Row]:
    return outbox.lease(tx, destination, rows_max)


@transactional
def put_back(tx: Session, rows: list[outbox.Row]) -> None:
    outbox.put_back(tx, rows, "down")


@transactional
def release(tx: Session, rows: list[outbox.Row]) -> None:
    outbox.release(tx, rows)


@transactional
def bury(tx: Session, row_id: UUID) -> None:
    outbox.mark_dead(tx, row_id, "refused")


@transactional
def revive(tx: Session, row_id: UUID) -> None:
    outbox.requeue(tx, row_id)


def attempts_and_error(row_id: UUID) -> tuple[int, str | None]:
    statement = select(outbox.outbox.c.attempts, outbox.outbox.c.error).where(outbox.outbox.c.id == row_id)
    attempts, error = session().execute(statement).one()
    return attempts, error


def test_an_event_has_one_row_for_each_destination(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_station())
        found = session().scalars(select(outbox.outbox.c.destination)).all()
        assert sorted(found) == ["checkin", "points", "rewards"]


def test_a_transaction_that_fails_leaves_no_row_and_rings_for_nobody(kernel_app: Flask, redis_client: Redis) -> None:
    with kernel_app.app_context():
        with pytest.raises(RuntimeError):
            write(a_station(), fail=True)
        assert session().scalar(select(func.count()).select_from(outbox.outbox)) == 0
    assert redis_client.keys("wake:*") == []


def test_many_facts_ring_once(kernel_app: Flask, redis_client: Redis) -> None:
    with kernel_app.app_context():
        write(a_station(), a_station())
        write(a_station())
    assert redis_client.llen("rq:queue:huzhu") == 1


def test_a_row_that_is_leased_is_skipped_by_others_until_the_lease_ends(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_station())
        first = lease()
        assert len(first) == 1
        assert lease() == []
        with clock.travel(clock.now() + timedelta(seconds=outbox.LEASE_S + 1)):
            again = lease()
        assert [row.id for row in again] == [first[0].id]
        assert again[0].attempts == 2


def test_a_row_is_not_leased_before_it_is_due(kernel_app: Flask, redis_client: Redis) -> None:
    with kernel_app.app_context():
        write(a_station(), due_in=timedelta(seconds=10))
        assert lease() == []
        with clock.travel(clock.now() + timedelta(seconds=11)):
            assert len(lease()) == 1
    assert redis_client.llen("rq:queue:huzhu") == 0, "nobody is rung for what is not due"


def test_eight_workers_at_once_lease_every_row_exactly_once(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(*(a_station() for _ in range(200)))
    taken: list[UUID] = []
    start = threading.Barrier(8)

    def work() -> None:
        with kernel_app.app_context():
            start.wait(5)
            while rows := lease(rows_max=7):
                taken.extend(row.id for row in rows)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == len(set(taken)) == 200


def test_leased_facts_come_in_the_order_they_were_written(kernel_app: Flask) -> None:
    facts = [a_station() for _ in range(20)]
    with kernel_app.app_context():
        for fact in facts:
            write(fact)
        assert [row.body["node_id"] for row in lease(rows_max=50)] == [str(fact.node_id) for fact in facts]


def test_leasing_is_planned_for_the_rows_there_are_and_not_by_a_plan_kept_from_an_empty_outbox(
    kernel_app: Flask,
) -> None:
    with kernel_app.app_context():
        tx = session()
        for _ in range(10):
            outbox.lease(tx, "points", 10)
            outbox.waiting_destinations(tx)
        kept = " ".join(tx.scalars(text("SELECT statement FROM pg_prepared_statements")))
        tx.rollback()
    assert "SELECT DISTINCT outbox.destination" in kept
    assert "UPDATE outbox" not in kept


def test_what_was_put_back_is_due_later_and_later(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_station())
        put_back(lease())
        assert lease() == []
        with clock.travel(clock.now() + timedelta(seconds=1.1)):
            second = lease()
            assert second[0].attempts == 2
            put_back(second)
            assert lease() == []
    assert [outbox.backoff(n).total_seconds() for n in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]


@pytest.mark.parametrize("give_back", [put_back, release])
def test_who_held_a_row_longer_than_its_lease_leaves_it_to_its_next_holder(
    kernel_app: Flask, give_back: Callable[[list[outbox.Row]], None]
) -> None:
    with kernel_app.app_context():
        write(a_station())
        stale = lease()
        with clock.travel(clock.now() + timedelta(seconds=outbox.LEASE_S + 1)):
            (row,) = lease()
            give_back(stale)
            assert lease() == [], "it is leased"
            assert (row.attempts, attempts_and_error(row.id)) == (2, (2, None))


def test_a_letter_that_lives_again_under_an_old_holder_counts_from_nought(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_station())
        stale = lease()
        bury(stale[0].id)
        revive(stale[0].id)
        release(stale)
        assert attempts_and_error(stale[0].id) == (0, "refused")
        assert [row.attempts for row in lease()] == [1]


def test_a_dead_letter_is_shown_and_lives_again_when_requeued(kernel_app: Flask) -> None:
    with kernel_app.app_context():
        write(a_station())
        row = lease()[0]
        bury(row.id)
        assert outbox.backlog(session()).dead == 1
        assert [letter["id"] for letter in outbox.list_dead(session())] == [row.id]
        revive(row.id)
        assert [again.id for again in lease()] == [row.id]
        with pytest.raises(NotFound):
            revive(row.id)


def test_delivered_rows_are_forgotten_after_a_week(kernel_app: Flask) -> None:
    @transactional
    def deliver(tx: Session, rows: list[outbox.Row]) -> None:
        outbox.mark_delivered(tx, [row.id for row in rows])

    @transactional
    def forget(tx: Session) -> int:
        return outbox.forget_delivered(tx)

    with kernel_app.app_context():
        write(a_station())
        deliver(lease())
        assert forget() == 0
        with clock.travel(clock.now() + timedelta(days=outbox.KEPT_DAYS, minutes=1)):
            assert forget() == 1
