"""Five hundred attendances settle while something is killed: exactly five hundred awards, each time."""

import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from redis import Redis
from rq import Worker
from rq.worker import WorkerStatus

from devtools.crowd import SERVED_HOURS, Crowd
from devtools.supervisor import Part, System
from services.points.domain.boards import Board, Metric
from services.points.store.board_cache import MARKER, key_of
from shared.outbox import LEASE_S
from tests.faults import rush
from tests.faults.locks import frozen, locked, somebody_waits
from tests.town import Client, Clock, awards_at, gather, rows, verify, wait_for

CROWD, FIRST = 500, 10
EARNED = SERVED_HOURS * 100


@dataclass
class Settling:
    """Five hundred that wait for the organizer's tap."""

    system: System
    crowd: Crowd
    time: Clock
    first: list[str] = field(default_factory=list)
    """Attendances that were settled before the others."""

    @cached_property
    def organizer(self) -> Client:
        return Client(self.system, self.crowd.organizer["token"])

    def settle_first(self) -> None:
        path = f"/checkin/activities/{self.crowd.served_activity_id}/attendances"
        self.first = [each["id"] for each in self.organizer.get(path, state="left", limit=FIRST).expect(200)]
        for attendance_id in self.first:
            self.organizer.post(f"/checkin/attendances/{attendance_id}/confirm").expect(200)
        wait_for(lambda: self.awards == FIRST, "the first awards")
        wait_for(lambda: self.board()["source"] == "cache", "the board in Redis")

    def confirm_all(self) -> None:
        done = self.organizer.post(f"/checkin/activities/{self.crowd.served_activity_id}/confirm-all").expect(200)
        assert done["confirmed"] == CROWD - len(self.first), done

    @contextmanager
    def in_the_middle(self) -> Iterator[None]:
        """Within the block the first are settled, and all others are being booked, where somebody holds them up."""
        self.settle_first()
        with locked(self.system, "points", "outcome"):
            self.confirm_all()
            wait_for(lambda: somebody_waits(self.system, "points"), "the booking", 30)
            assert 0 < self.awards < CROWD
            yield

    def correct_one(self) -> None:
        """One of the first was there half an hour less: a fact more, which rings for the worker."""
        path = f"/checkin/attendances/{self.first[0]}"
        known = self.organizer.get(path).expect(200)
        left = datetime.fromisoformat(known["left_at"]) - timedelta(minutes=30)
        content = {"version": 1, "arrived_at": known["arrived_at"], "left_at": left.isoformat(), "reason": "走得早"}
        self.organizer.post(f"{path}/correct", content).expect(200)

    @property
    def has_booked_the_correction(self) -> bool:
        statement = "SELECT max(version) FROM outcome WHERE attendance_id = %s"
        return bool(rows(self.system, "points", statement, self.first[0])[0][0] == 2)

    def board(self) -> dict[str, Any]:
        query = {"node_id": self.crowd.station_id, "period": "all", "metric": "points"}
        return dict(Client(self.system, self.crowd.members[0]["token"]).get("/points/boards", **query).expect(200))

    @property
    def awards(self) -> int:
        return awards_at(self.system, self.crowd.served_activity_id)

    def wait_and_verify(self) -> None:
        """Time goes by, so that no lease or backoff is waited for; in the end all is as if nothing had happened."""
        for _ in range(30):
            # Once at least: all may be booked, and its facts still be leased by who died before marking them.
            self.time.pass_by(timedelta(seconds=LEASE_S + 1))
            wait_for_or_go_on(lambda: self.awards == CROWD, seconds=6)
            if self.awards == CROWD:
                break
        assert self.awards == CROWD
        wait_for(self.board_in_redis_is_whole, "the board")
        verify(self.system)
        assert self.awards == CROWD

    def board_in_redis_is_whole(self) -> bool:
        """Somebody asks, so that it is kept there: of a board that nobody looks at Redis knows nothing."""
        if self.board()["source"] != "cache":
            return False
        key = key_of(Board(UUID(self.crowd.station_id), "all"), Metric.POINTS)
        found = Redis.from_url(self.system.installation.redis_url).zrange(key, 0, -1, withscores=True)
        scores = [score for member, score in cast(list[tuple[bytes, float]], found) if member != MARKER]
        # One may have been corrected.
        return len(scores) == CROWD and sum(score == EARNED for score in scores) >= CROWD - 1


def worker_is_idle(system: System) -> bool:
    """Whether a worker waits for a ring: it has looked for one, and there is none."""
    connection = Redis.from_url(system.installation.redis_url)
    return any(worker.get_state() == WorkerStatus.IDLE for worker in Worker.all(connection=connection))


def wait_for_or_go_on(condition: Callable[[], bool], seconds: float) -> None:
    try:
        wait_for(condition, "the awards", seconds)
    except TimeoutError:
        return


@pytest.fixture
def settling(system: System, time: Clock) -> Iterator[Settling]:
    yield Settling(system, gather(system, members=CROWD, served="waiting", logins=1), time)
    for name, part in list(system.parts.items()):  # whatever a test leaves dead must not hurt the next
        if part.child is not None and not part.child.is_running:
            system.restart_part(name)


def test_a_worker_killed_between_post_and_mark_books_nothing_twice(settling: Settling) -> None:
    system = settling.system
    with locked(system, "points", "outcome"):
        settling.confirm_all()
        wait_for(lambda: somebody_waits(system, "points"), "the booking", 30)
        marking = locked(system, "checkin", "outbox")
        marking.__enter__()
    try:
        wait_for(lambda: somebody_waits(system, "checkin"), "the mark", 30)
        assert settling.awards == CROWD, "booked"
        system.kill_part("worker")
    finally:
        marking.__exit__(None, None, None)
    statement = "SELECT count(*) FROM outbox WHERE name = 'AttendanceSettled' AND delivered_at IS NULL"
    assert rows(system, "checkin", statement)[0][0] == CROWD, "and not marked"
    system.restart_part("worker")
    settling.wait_and_verify()


# Those on the way of what settles, each for itself, and those beside it together. Points, the worker and the scheduler
# are killed in tests of their own, above and below.
KILLED = [("checkin",), ("internal",), ("gateway", "members", "rewards")]


@pytest.mark.parametrize("parts", KILLED, ids=" ".join)
def test_processes_killed_in_the_middle_and_started_again_lose_nothing(
    settling: Settling, parts: tuple[str, ...]
) -> None:
    system = settling.system
    with settling.in_the_middle():
        for part in parts:
            system.kill_part(part)
    for part in parts:
        system.restart_part(part)
    settling.wait_and_verify()


def test_points_down_for_a_while_loses_nothing(settling: Settling) -> None:
    system = settling.system
    with settling.in_the_middle():
        system.kill_part("points")
    tried = (
        "SELECT count(*) FROM outbox WHERE name = 'AttendanceSettled' AND error IS NOT NULL AND delivered_at IS NULL"
    )
    wait_for(lambda: rows(system, "checkin", tried)[0][0] == CROWD - FIRST, "a try in vain")
    assert settling.awards == FIRST
    system.restart_part("points")
    settling.wait_and_verify()


def test_redis_emptied_in_the_middle_loses_nothing(settling: Settling) -> None:
    redis = Redis.from_url(settling.system.installation.redis_url)
    with settling.in_the_middle(), frozen(settling.system, "worker"):
        assert settling.board()["source"] == "cache"
        settling.correct_one()
        assert redis.exists("wake:checkin:drain"), "a ring waits for the worker"
        redis.flushall()
        assert settling.board()["source"] == "database"
    settling.wait_and_verify()
    assert settling.has_booked_the_correction
    wait_for(lambda: settling.board()["source"] == "cache", "the board in Redis again")


def test_a_lost_ring_is_heard_when_the_scheduler_is_back(settling: Settling) -> None:
    system = settling.system
    with settling.in_the_middle():
        system.kill_part("worker")
        system.kill_part("scheduler")
        settling.correct_one()
        Redis.from_url(system.installation.redis_url).flushall()
    system.restart_part("worker")
    wait_for(lambda: worker_is_idle(system), "the worker with nothing to do")
    assert not settling.has_booked_the_correction, "nobody has told the worker of it"
    system.restart_part("scheduler")
    settling.wait_and_verify()
    assert settling.has_booked_the_correction


def test_redis_gone_in_the_middle_holds_up_nobody_and_loses_nothing(settling: Settling) -> None:
    system = settling.system
    with settling.in_the_middle():
        system.kill_part("valkey")
        began = wall.monotonic()
        settling.correct_one()
        assert settling.board()["source"] == "database"
        assert wall.monotonic() - began < 10, "a dead Redis must not be waited for"
    for name in ("valkey", "worker", "scheduler"):
        system.restart_part(name)
    settling.wait_and_verify()
    assert settling.has_booked_the_correction


def test_postgresql_killed_in_the_middle_and_started_again_loses_nothing(settling: Settling) -> None:
    system = settling.system
    with pytest.raises(psycopg.OperationalError), settling.in_the_middle():  # the lock ends with the server
        system.kill_part("postgres")
    system.restart_part("postgres")
    assert 0 < settling.awards < CROWD
    settling.wait_and_verify()


def test_two_processes_of_every_service_and_three_workers_do_everything_once(settling: Settling) -> None:
    system = settling.system
    more = {f"{name} again": name for name in ("gateway", "internal", "members", "checkin", "points", "rewards")}
    more |= {"second worker": "worker", "third worker": "worker"}
    for name, original in more.items():
        system.parts[name] = Part(system.parts[original].command, system.parts[original].port)
        system.start_part(name)
    system.wait_ready(list(more))
    try:
        settling.confirm_all()
        rush.scan_fifty_times_at_once(system, settling.time)
        rush.redeem_two_hundred_at_once(system, stock=10)
        settling.wait_and_verify()
    finally:
        for name in more:
            system.stop_part(name)
            del system.parts[name]
