"""Boards as Redis keeps them: sorted sets that may vanish at any time, and are then not believed.

    board:<node>:<period>:<metric>   a sorted set: 16 bytes of a member's id → value, listed members only
    boards:state                     epoch, generation and as_of of the refresher's last write
    boards:asked                     boards somebody looked for, and the day; the refresher takes them in

A set is whole when it holds the marker, an empty member whose score is minus the day it was built
on. The marker comes with the set when a rebuild renames it into place and goes with it, so a set that
was emptied and half filled again is never taken for a whole one. And all sets are believed only while
the state's generation is the database's: a Redis that came back with an older memory is not.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from services.points.domain.boards import ROWS_MAX, Board, Metric
from services.points.store.standings import METRICS, State, Values
from shared import queue, settings

STATE, ASKED = "boards:state", "boards:asked"
MARKER = b""
CHUNK = 5000
# A reader waits no longer than this for a Redis that is silent, and then leaves it alone for a while,
# so that not everyone waits.
READ_TIMEOUT_S = 0.15
SILENCE_S = 1.0
T = TypeVar("T")
log = logging.getLogger(__name__)

_silent_until = 0.0


@functools.cache
def _connect(url: str, timeout_s: float) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=READ_TIMEOUT_S,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def _reader() -> Redis:
    return _connect(settings.get("REDIS_URL"), READ_TIMEOUT_S)


def _writer() -> Redis:
    return _connect(settings.get("REDIS_URL"), 5.0)


def key_of(board: Board, metric: Metric) -> str:
    return f"board:{board.node_id.hex}:{board.period}:{metric}"


def _name(board: Board) -> str:
    return f"{board.node_id.hex}:{board.period}"


# --- Reading ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """One metric of a whole board."""

    as_of: datetime
    rows: list[tuple[UUID, int]]
    """The first hundred, highest first, equals by descending id."""
    own: int | None
    """The value of the member asked for, when listed."""


def find_view(board: Board, metric: Metric, member_id: UUID | None, state: State, today: date) -> View | None:
    """The top of a board; None when it is not whole or Redis does not answer."""
    key = key_of(board, metric)

    def read(redis: Redis) -> View | None:
        pipeline = redis.pipeline(transaction=False)
        pipeline.hmget(STATE, "epoch", "generation", "as_of")
        pipeline.zmscore(key, cast(Any, [MARKER, member_id.bytes if member_id else MARKER]))
        pipeline.zrange(key, 0, ROWS_MAX - 1, desc=True, withscores=True)
        pipeline.hset(ASKED, _name(board), today.isoformat())
        known, (marker, own), rows, _ = pipeline.execute()
        if marker is None or not _believes(known, state) or known[2] is None:
            return None
        return View(
            as_of=datetime.fromisoformat(known[2].decode()),
            rows=[(UUID(bytes=member), int(value)) for member, value in rows if member != MARKER],
            own=int(own) if member_id and own is not None else None,
        )

    return _ask(read)


def count_above(board: Board, metric: Metric, value: int) -> int | None:
    """How many on a whole board have more; None when Redis does not answer."""
    return _ask(lambda redis: int(redis.zcount(key_of(board, metric), f"({value}", "+inf")))


def ask() -> None:
    """Have the refresher look at once for boards that were asked for; the sweep would, a little later."""
    if time.monotonic() >= _silent_until:
        queue.nudge("points", "refresh_boards")


def _ask(question: Callable[[Redis], T]) -> T | None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return None
    try:
        return question(_reader())
    except RedisError as error:
        _silent_until = time.monotonic() + SILENCE_S
        log.warning("boards answered by the database", extra={"error": type(error).__name__})
        return None


def _believes(known: Sequence[Any], state: State) -> bool:
    """One ahead is a refresher between its last command here and its commit there."""
    epoch, generation, _ = known
    if epoch is None or generation is None or epoch != state.epoch.hex.encode():
        return False
    return state.generation <= int(generation) <= state.generation + 1


# --- Writing: only the refresher ---------------------------------------------------------------------


def is_believed(state: State) -> bool:
    """Whether Redis remembers what the refresher last did."""
    return _believes(_writer().hmget(STATE, ["epoch", "generation", "as_of"]), state)


def list_asked() -> dict[Board, date]:
    asked = {}
    for name, day in cast(dict[bytes, bytes], _writer().hgetall(ASKED)).items():
        node, _, period = name.decode().partition(":")
        asked[Board(UUID(node), period)] = date.fromisoformat(day.decode())
    return asked


def forget_asked(boards: Iterable[Board]) -> None:
    if names := [_name(board) for board in boards]:
        _writer().hdel(ASKED, *names)


def built_on(boards: Sequence[Board]) -> dict[Board, date]:
    """The boards that are whole in all metrics, and the day each was built."""
    pipeline = _writer().pipeline(transaction=False)
    for board in boards:
        for metric in METRICS:
            pipeline.zscore(key_of(board, metric), MARKER)
    markers = pipeline.execute()
    found = {}
    for number, board in enumerate(boards):
        of_board = markers[number * len(METRICS) : (number + 1) * len(METRICS)]
        if None not in of_board:
            found[board] = date.fromordinal(int(min(-marker for marker in of_board)))
    return found


def set_values(values: Mapping[Board, Mapping[UUID, Values | None]]) -> None:
    """Set members of whole boards to these values; None and values of zero leave the board."""
    pipeline = _writer().pipeline(transaction=False)
    for board, members in values.items():
        for number, metric in enumerate(METRICS):
            listed = {member_id.bytes: of[number] for member_id, of in members.items() if of and of[number] > 0}
            gone = [member_id.bytes for member_id in members if member_id.bytes not in listed]
            if listed:
                pipeline.zadd(key_of(board, metric), cast(Any, listed))
            if gone:
                pipeline.zrem(key_of(board, metric), *gone)
    pipeline.execute()


def build(board: Board, members: Iterable[tuple[UUID, Values]], today: date) -> None:
    """Write a board beside the old one and put it in its place in one step."""
    redis = _writer()
    beside = [f"{key_of(board, metric)}:new" for metric in METRICS]
    redis.unlink(*beside)
    parts: list[dict[bytes, int]] = [{MARKER: -today.toordinal()} for _ in METRICS]

    def write() -> None:
        pipeline = redis.pipeline(transaction=False)
        for key, part in zip(beside, parts, strict=True):
            if part:
                pipeline.zadd(key, cast(Any, part))
                part.clear()
        pipeline.execute()

    for number, (member_id, values) in enumerate(members, start=1):
        for part, value in zip(parts, values, strict=True):
            if value > 0:
                part[member_id.bytes] = value
        if number % CHUNK == 0:
            write()
    write()
    renames = redis.pipeline(transaction=True)
    for key, metric in zip(beside, METRICS, strict=True):
        renames.rename(key, key_of(board, metric))
    renames.execute()


def drop(boards: Iterable[Board]) -> None:
    if keys := [key_of(board, metric) for board in boards for metric in METRICS]:
        _writer().unlink(*keys)


def drop_all() -> None:
    """Forget what was written at another time or from another database."""
    redis = _writer()
    redis.unlink(STATE)
    for key in redis.scan_iter(match="board:*", count=1000):
        redis.unlink(key)


def write_state(state: State, as_of: datetime | None) -> None:
    """The last command of every pass. Without `as_of` some members are still to come."""
    known = {"epoch": state.epoch.hex, "generation": str(state.generation)}
    if as_of is not None:
        known["as_of"] = as_of.isoformat()
    _writer().hset(STATE, mapping=cast(Any, known))


def read_set(board: Board, metric: Metric) -> dict[UUID, int] | None:
    """A whole board's values, for verification; None when it is not whole."""
    found = dict(cast(list[tuple[bytes, float]], _writer().zrange(key_of(board, metric), 0, -1, withscores=True)))
    if found.pop(MARKER, None) is None:
        return None
    return {UUID(bytes=member): int(value) for member, value in found.items()}
