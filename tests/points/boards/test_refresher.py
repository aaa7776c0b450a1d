"""Redis as a cache that is believed only when it is whole, and answers like SQL when it is."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.points.commands import refresh_boards
from services.points.commands.refresh_boards import refresh
from services.points.domain.boards import Board, Metric, Period
from services.points.queries.verify_boards import whole_boards_in_redis_are_the_standings
from services.points.store import board_cache, standings
from shared import clock, db
from shared.db import session, transactional
from tests.points.boards.support import (
    CHALUKOU,
    CITY,
    GROWN_UP,
    NANCHANG,
    NOON,
    SUB_CENTRE,
    TODAY,
    book,
    look,
    member,
    path_of,
    pending,
    plant_tree,
    served,
    station,
    tell_members,
    tell_stations,
    today_is,
)

if TYPE_CHECKING:
    from flask import Flask

ANNA, BOB, CARL = (UUID(int=number) for number in (101, 102, 103))
BOARD = Board(NANCHANG, "2026-11")
pytestmark = pytest.mark.usefixtures("boards_app")


def cached() -> None:
    """Anna 60, Bob 30 on the station's board, which is whole in Redis."""
    tell_members(member(ANNA), member(BOB))
    book(served(ANNA, 60), served(BOB, 30))
    look()
    refresh()
    assert look().source == "cache"


def values(**search: Any) -> list[int]:
    return [row.value for row in look(**search).rows]


def faults() -> list[str]:
    found = list(whole_boards_in_redis_are_the_standings())
    session().rollback()
    return found


def test_a_board_nobody_asked_for_is_not_kept(raw: Any) -> None:
    tell_members(member(ANNA))
    book(served(ANNA))
    refresh()
    assert raw.keys("board:*") == []
    assert pending() == 0


def test_an_empty_board_is_not_kept(raw: Any) -> None:
    look(day=date(1999, 1, 1))
    refresh()
    assert standings.list_kept(session()) == {}
    assert raw.hlen("boards:asked") == 0


def test_a_booking_shows_after_a_refresh_and_leaves_no_mark() -> None:
    cached()
    book(served(BOB, 45))
    assert pending() == 1
    assert values() == [60, 30]
    refresh()
    assert (values(), look().source, pending()) == ([75, 60], "cache", 0)


def test_the_boards_say_as_of_when_they_are_right() -> None:
    cached()
    with clock.travel(NOON + timedelta(minutes=5)):
        refresh()
        assert look().as_of == NOON + timedelta(minutes=5)


def test_a_booking_that_failed_is_on_no_board() -> None:
    @transactional
    def fail(tx: Any) -> None:
        standings.add(tx, [served(ANNA, 500)])
        raise ZeroDivisionError

    cached()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert pending() == 0
    refresh()
    assert values() == [60, 30]


def test_a_withdrawn_consent_leaves_the_board_at_once_and_the_set_with_the_next_pass(raw: Any) -> None:
    cached()
    tell_members(member(ANNA, version=2, ranked=False))
    assert values() == [30]
    assert raw.zscore(board_cache.key_of(BOARD, Metric.HOURS), ANNA.bytes) == 60
    refresh()
    assert raw.zscore(board_cache.key_of(BOARD, Metric.HOURS), ANNA.bytes) is None
    assert (values(), look().source) == ([30], "cache")
    assert [row.rank for row in look().rows] == [1]


def test_a_consent_given_later_brings_what_was_served_before() -> None:
    cached()
    tell_members(member(CARL, ranked=False))
    book(served(CARL, 90))
    refresh()
    assert values() == [60, 30]
    tell_members(member(CARL, version=2))
    refresh()
    assert (values(), look().source) == ([90, 60, 30], "cache")


def test_an_older_fact_about_a_member_changes_nothing() -> None:
    cached()
    tell_members(member(ANNA, version=3))
    tell_members(member(ANNA, version=2, ranked=False))
    refresh()
    assert values() == [60, 30]


def test_one_who_turns_fourteen_is_listed_from_that_day() -> None:
    tell_members(member(ANNA, birth_date=date(2012, 11, 23)), member(BOB))
    book(served(ANNA, 60), served(BOB, 30))
    look()
    refresh()
    assert values() == [30]
    with today_is(NOON + timedelta(days=1)):
        refresh()
        assert (values(), look().source) == ([60, 30], "cache")


def test_a_board_nobody_looks_at_any_more_is_dropped(raw: Any) -> None:
    cached()
    with today_is(NOON + timedelta(days=refresh_boards.KEPT_DAYS)):
        refresh()
        assert raw.keys("board:*") != []
    with today_is(NOON + timedelta(days=refresh_boards.KEPT_DAYS + 1)):
        refresh()
        assert raw.keys("board:*") == []
        assert (raw.hlen("boards:asked"), standings.list_kept(session())) == (0, {})


def test_a_board_somebody_looks_at_stays(raw: Any) -> None:
    cached()
    with today_is(NOON + timedelta(days=3)):
        look(day=TODAY)
        refresh()
    with today_is(NOON + timedelta(days=6)):
        refresh()
        assert look(day=TODAY).source == "cache"


# --- Redis forgets ----------------------------------------------------------------------------------


def test_an_emptied_redis_is_answered_for_by_sql_and_filled_by_the_sweep(raw: Any) -> None:
    cached()
    raw.flushdb()
    assert (values(), look().source) == ([60, 30], "database")
    raw.flushdb()  # nobody has asked since
    refresh()
    assert (values(), look().source) == ([60, 30], "cache")


def test_a_set_that_was_emptied_and_half_filled_again_is_not_believed(raw: Any) -> None:
    cached()
    raw.delete(board_cache.key_of(BOARD, Metric.HOURS))
    board_cache.set_values({BOARD: {BOB: standings.Values(30, 30, 1)}})
    assert (values(), look().source) == ([60, 30], "database")
    refresh()
    assert (values(), look().source) == ([60, 30], "cache")


def test_a_redis_that_comes_back_with_an_older_memory_is_not_believed(raw: Any) -> None:
    cached()
    before = {key: raw.dump(key) for key in raw.keys("board*")}
    book(served(BOB, 90))
    refresh()
    for key, content in before.items():
        raw.restore(key, 0, content, replace=True)
    assert (values(), look().source) == ([120, 60], "database")
    refresh()
    assert (values(), look().source) == ([120, 60], "cache")


def test_a_redis_filled_from_another_database_is_not_believed(raw: Any) -> None:
    cached()
    raw.hset("boards:state", "epoch", UUID(int=9).hex)
    assert look().source == "database"
    refresh()
    assert look().source == "cache"


def test_a_station_that_moves_has_the_boards_built_anew() -> None:
    cached()
    tell_stations(station(NANCHANG, version=2, path=f"{path_of(CITY)}{NANCHANG.hex}/"))
    assert look().source == "database"
    refresh()
    assert look().source == "cache"


def test_a_station_that_is_renamed_leaves_the_boards_alone() -> None:
    cached()
    tell_stations(station(NANCHANG, version=2))
    assert look().source == "cache"


# --- The refresher dies -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["next_generation", "take_marks"])
def test_a_refresher_that_dies_leaves_its_marks_to_the_next(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    cached()
    book(served(BOB, 90))
    with monkeypatch.context() as patch:
        patch.setattr(standings, step, _dies)
        with pytest.raises(ZeroDivisionError):
            refresh()
    assert pending() == 1
    assert look().rows[0].value in (60, 120)
    refresh()
    assert (values(), look().source, pending()) == ([120, 60], "cache", 0)


def test_a_refresher_that_dies_before_its_commit_leaves_redis_one_ahead_and_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached()
    book(served(BOB, 90))
    write_state = board_cache.write_state

    def write_and_die(*arguments: Any) -> None:
        write_state(*arguments)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(board_cache, "write_state", write_and_die)
        with pytest.raises(ZeroDivisionError):
            refresh()
    assert (values(), look().source) == ([120, 60], "cache")
    refresh()
    assert (values(), look().source, pending()) == ([120, 60], "cache", 0)
    assert faults() == []


def test_a_rebuild_that_dies_in_the_middle_leaves_the_old_board(monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    with monkeypatch.context() as patch, today_is(NOON + timedelta(days=1)):
        patch.setattr(standings, "stream_board", _dies_after_one)
        with pytest.raises(ZeroDivisionError):
            refresh()
        assert (values(), look().source) == ([60, 30], "cache")


def _dies(*_arguments: Any, **_options: Any) -> Any:
    raise ZeroDivisionError


def _dies_after_one(*_arguments: Any) -> Iterator[Any]:
    yield ANNA, standings.Values(1, 1, 1)
    raise ZeroDivisionError


# --- Redis is gone ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_redis")
def test_without_redis_sql_answers_and_marks_stay() -> None:
    tell_members(member(ANNA), member(BOB))
    book(served(ANNA, 60), served(BOB, 30))
    board = look(own=BOB)
    assert (values(), board.source, board.own and board.own.rank) == ([60, 30], "database", 2)
    refresh()
    assert pending() == 2


def test_bookings_made_without_redis_show_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    with monkeypatch.context() as patch:
        patch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
        book(served(BOB, 90))
        refresh()
        assert (values(), look().source) == ([120, 60], "database")
    refresh()
    monkeypatch.setattr(board_cache, "_silent_until", 0.0)
    assert (values(), look().source) == ([120, 60], "cache")


@pytest.fixture
def silent_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """One that takes connections and never says a word; the connections it took."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{server.getsockname()[1]}/0")

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield taken
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for connection in taken:
        connection.close()


def test_a_silent_redis_is_waited_for_briefly_and_by_one_alone(
    silent_redis: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No booking here: its nudge would wait too, after the commit.
    monkeypatch.setattr(board_cache, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(board_cache, "SILENCE_S", 60.0)
    assert [look().source for _ in range(20)] == ["database"] * 20
    assert len(silent_redis) == 1


# --- Many at once -----------------------------------------------------------------------------------


def everyone() -> list[UUID]:
    return [UUID(int=1000 + number) for number in range(40)]


def test_the_boards_are_exact_after_bookings_and_refreshers_ran_at_once(
    boards_app: "Flask", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "ATTEMPTS_MAX", 1)  # batches that meet wait in line: nothing is to be tried again
    tell_members(*(member(one, ranked=number % 7 > 0) for number, one in enumerate(everyone())))
    book(served(everyone()[1], 1))
    boards = [(node, period) for node in (NANCHANG, SUB_CENTRE, CITY) for period in Period]
    for node_id, period in boards:
        look(node_id, period)
    refresh()
    booked = threading.Event()
    errors: list[BaseException] = []

    def in_thread(work: Any, *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                with today_is(), boards_app.app_context():
                    work(*arguments)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def book_many(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            some = chance.sample(everyone(), 15)
            day = TODAY - timedelta(days=chance.randrange(60))
            book(*(served(one, chance.randint(1, 90), at=chance.choice([NANCHANG, CHALUKOU]), day=day) for one in some))

    def refresh_on() -> None:
        while not booked.is_set():
            refresh()

    bookers = [in_thread(book_many, seed) for seed in range(3)]
    refreshers = [in_thread(refresh_on) for _ in range(2)]
    for thread in bookers:
        thread.join(60)
    booked.set()
    for thread in refreshers:
        thread.join(60)
    assert errors == []
    refresh()
    assert pending() == 0
    assert faults() == []
    for node_id, period in boards:
        with_redis = look(node_id, period)
        assert with_redis.source == "cache"
        assert with_redis.rows == _by_sql(node_id, period)


def _by_sql(node_id: UUID, period: Period) -> Any:
    board_cache._silent_until = time.monotonic() + 60
    try:
        board = look(node_id, period)
    finally:
        board_cache._silent_until = 0.0
    assert board.source == "database"
    return board.rows


def test_nobody_ever_sees_half_a_board(boards_app: "Flask") -> None:
    tell_members(*(member(one) for one in everyone()))
    book(*(served(one, 10 + number) for number, one in enumerate(everyone())))
    look()
    refresh()
    whole = values()
    done = threading.Event()
    seen: list[list[int]] = []

    def read_on() -> None:
        with today_is(), boards_app.app_context():
            while not done.is_set():
                shown = look()
                if shown.source == "cache":
                    seen.append([row.value for row in shown.rows])
                session().rollback()

    reader = threading.Thread(target=read_on)
    reader.start()
    for _ in range(50):
        board_cache.build(BOARD, standings.stream_board(session(), BOARD, TODAY), TODAY)
    done.set()
    reader.join(30)
    assert len(seen) > 10
    assert all(shown == whole for shown in seen)


def test_a_board_built_is_what_single_changes_would_have_made() -> None:
    chance = random.Random(7)
    tell_members(*(member(one, birth_date=GROWN_UP) for one in everyone()))
    book(served(everyone()[0], 5))
    look(CITY, Period.ALL)
    refresh()
    for _ in range(20):
        some = chance.sample(everyone(), 9)
        book(*(served(one, chance.randint(1, 60), points=chance.randint(0, 500)) for one in some))
        refresh()
    board = Board(CITY, "all")
    changed = {metric: board_cache.read_set(board, metric) for metric in Metric}
    board_cache.build(board, standings.stream_board(session(), board, TODAY), TODAY)
    assert {metric: board_cache.read_set(board, metric) for metric in Metric} == changed


def test_a_wrong_value_in_redis_is_found(raw: Any) -> None:
    cached()
    raw.zadd(board_cache.key_of(BOARD, Metric.POINTS), {ANNA.bytes: 61})
    assert len(faults()) == 1
    book(served(ANNA, 1))
    assert faults() == [], "what is still on its way is not wrong"


def test_the_tree_may_be_planted_twice() -> None:
    cached()
    plant_tree()
    assert look().source == "cache"


def test_a_second_refresher_leaves_everything_to_the_first(boards_app: "Flask") -> None:
    cached()
    book(served(BOB, 90))
    engine = boards_app.extensions["sqlalchemy"].engine
    with engine.begin() as first:
        assert standings.may_refresh(first)
        refresh()
        assert (values(), pending()) == ([60, 30], 1)
    session().rollback()
    refresh()
    assert (values(), pending()) == ([120, 60], 0)
