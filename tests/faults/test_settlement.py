"""Five hundred attendances settle while something is killed: exactly five hundred awards, each time."""

import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from redis import Redis

from devtools.crowd import SERVED_HOURS, Crowd
from devtools.servers import admin_connection
from devtools.supervisor import Part, System
from services.points.domain.boards import Board, Metric
from services.points.store.board_cache import MARKER, key_of
from shared.outbox import LEASE_S
from tests.town import Client, Clock, awards_at, gather, rows, verify, wait_for

CROWD = 500
EARNED = SERVED_HOURS * 100


@dataclass
class Settling:
    """Five hundred that wait for the organizer's tap."""

    system: System
    crowd: Crowd
    time: Clock

    def confirm_all(self) -> None:
        organizer = Client(self.system, self.crowd.organizer["token"])
        done = organizer.post(f"/checkin/activities/{self.crowd.served_activity_id}/confirm-all").expect(200)
        assert done["confirmed"] == CROWD, done

    @property
    def awards(self) -> int:
        return awards_at(self.system, self.crowd.served_activity_id)

    def wait_and_verify(self) -> None:
        """Time goes by, so that no lease or backoff is waited for; in the end all is as if nothing had happened."""
        for _ in range(30):
            if self.awards == CROWD:
                break
            self.time.pass_by(timedelta(seconds=LEASE_S + 1))
            wait_for_or_go_on(lambda: self.awards == CROWD, seconds=6)
        assert self.awards == CROWD
        wait_for(lambda: self.board_is_in_redis() and len(self.scores_in_redis()) >= CROWD, "the board")
        assert self.scores_in_redis() == [EARNED] * CROWD
        verify(self.system)
        assert self.awards == CROWD

    def board_is_in_redis(self) -> bool:
        """Somebody asks, so that it is kept there: of a board that nobody looks at Redis knows nothing."""
        board = {"node_id": self.crowd.station_id, "period": "all", "metric": "points"}
        shown = Client(self.system, self.crowd.members[0]["token"]).get("/points/boards", **board).expect(200)
        assert {row["value"] for row in shown["rows"]} == {EARNED}
        return bool(shown["source"] == "cache")

    def scores_in_redis(self) -> list[float]:
        """What everybody on the station's board has, the marker of a whole board left out."""
        key = key_of(Board(UUID(self.crowd.station_id), "all"), Metric.POINTS)
        found = Redis.from_url(self.system.installation.redis_url).zrange(key, 0, -1, withscores=True)
        return [score for member, score in cast(list[tuple[bytes, float]], found) if member != MARKER]


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


@contextmanager
def locked(system: System, service: str, table: str) -> Iterator[Any]:
    """Nobody writes to a table within the block."""
    place = system.installation
    with admin_connection(place.admin_url, place.database(service)) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield connection


def somebody_waits(system: System, service: str) -> bool:
    """Whether a statement in this service's database waits for a lock."""
    database = system.installation.database(service)
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    return bool(rows(system, service, statement, database)[0][0])


def test_a_worker_killed_between_post_and_mark_books_nothing_twice(settling: Settling) -> None:
    system = settling.system
    with locked(system, "points", "outcome"):
        settling.confirm_all()
        wait_for(lambda: somebody_waits(system, "points"), "the booking", 10)
        marking = locked(system, "checkin", "outbox")
        marking.__enter__()
    try:
        wait_for(lambda: somebody_waits(system, "checkin"), "the mark", 10)
        assert settling.awards == CROWD, "booked"
        system.kill_part("worker")
    finally:
        marking.__exit__(None, None, None)
    statement = "SELECT count(*) FROM outbox WHERE name = 'AttendanceSettled' AND delivered_at IS NULL"
    assert rows(system, "checkin", statement)[0][0] == CROWD, "and not marked"
    system.restart_part("worker")
    settling.wait_and_verify()


@pytest.mark.parametrize("part", ["gateway", "internal", "members", "checkin", "points", "rewards", "worker"])
def test_a_process_killed_and_started_again_loses_nothing(settling: Settling, part: str) -> None:
    system = settling.system
    with locked(system, "points", "outcome"):
        settling.confirm_all()
        wait_for(lambda: somebody_waits(system, "points"), "the booking", 10)
        system.kill_part(part)
    system.restart_part(part)
    settling.wait_and_verify()


def test_points_down_for_a_while_loses_nothing(settling: Settling) -> None:
    system = settling.system
    system.stop_part("points")
    settling.confirm_all()
    tried = "SELECT count(*) FROM outbox WHERE name = 'AttendanceSettled' AND attempts > 0 AND delivered_at IS NULL"
    wait_for(lambda: rows(system, "checkin", tried)[0][0] == CROWD, "a try")
    system.restart_part("points")
    settling.wait_and_verify()


def test_redis_emptied_loses_nothing(settling: Settling) -> None:
    system = settling.system
    system.stop_part("worker")
    settling.confirm_all()
    Redis.from_url(system.installation.redis_url).flushall()
    system.restart_part("worker")
    settling.wait_and_verify()


def test_redis_gone_holds_up_nobody_and_loses_nothing(settling: Settling) -> None:
    system = settling.system
    system.kill_part("valkey")
    began = wall.monotonic()
    settling.confirm_all()
    assert wall.monotonic() - began < 10, "a dead Redis must not be waited for"
    board = {"node_id": settling.crowd.station_id, "period": "month", "metric": "points"}
    shown = Client(system, settling.crowd.members[0]["token"]).get("/points/boards", **board).expect(200)
    assert shown["source"] == "database"
    for name in ("valkey", "worker", "scheduler"):
        system.restart_part(name)
    settling.wait_and_verify()


def test_postgresql_killed_and_started_again_loses_nothing(settling: Settling) -> None:
    system = settling.system
    settling.confirm_all()
    system.kill_part("postgres")
    system.restart_part("postgres")
    settling.wait_and_verify()


def test_two_processes_of_every_service_and_three_workers_settle_once(settling: Settling) -> None:
    system = settling.system
    more = {f"{name} again": name for name in ("gateway", "internal", "members", "checkin", "points", "rewards")}
    more |= {"second worker": "worker", "third worker": "worker"}
    for name, original in more.items():
        system.parts[name] = Part(system.parts[original].command, system.parts[original].port)
        system.start_part(name)
    system.wait_ready(list(more))
    try:
        settling.confirm_all()
        settling.wait_and_verify()
    finally:
        for name in more:
            system.stop_part(name)
            del system.parts[name]
