"""The refresher: brings what stands in the database to Redis, always as absolute values.

One at a time, under an advisory lock. Whatever dies in the middle leaves marks behind, and the next
pass sets the same values again. A pass writes to Redis before it commits, so a mark is gone only
when Redis has the value; the generation, counted on both sides, tells when Redis has lost some.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from operator import add
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from services.points.domain.boards import Board, nodes_of
from services.points.store import board_cache, standings
from services.points.store.standings import State, Values
from shared import clock
from shared.db import transactional

MARKS_MAX = 5000
KEPT_DAYS = 3
PASSES_MAX = 100_000
log = logging.getLogger(__name__)


def refresh() -> None:
    """Work until nothing is left to do. Without Redis the marks stay where they are."""
    try:
        _take_in_asked()
        for _ in range(PASSES_MAX):
            if not _pass():
                return
    except RedisError as error:
        log.warning("boards not refreshed", extra={"error": type(error).__name__})


@transactional
def _take_in_asked(tx: Session) -> None:
    """Remember in the database what is looked at, so that an emptied Redis gets its boards back.

    In a transaction of its own: a board is only built when it is known to be kept.
    """
    kept = standings.list_kept(tx)
    news = {board: day for board, day in board_cache.list_asked().items() if kept.get(board, date.min) < day}
    empty = [board for board in news if board not in kept and standings.is_empty(tx, board)]
    board_cache.forget_asked(empty)
    if full := [(board, day) for board, day in news.items() if board not in empty]:
        standings.keep_boards(tx, full)


@transactional
def _pass(tx: Session) -> bool:
    """One transaction: take marks, set values, build at most one board. False when at rest."""
    if not standings.may_refresh(tx):
        return False  # whoever has the lock sees what this one would have seen
    began, state = clock.now(), standings.get_state(tx)
    today = clock.day_of(began)
    if not board_cache.is_believed(state):
        board_cache.drop_all()
    kept = _drop_unwanted(tx, today)
    built = board_cache.built_on(kept)
    marked = standings.take_marks(tx, MARKS_MAX)
    wrote = bool(marked and built)
    if wrote:
        board_cache.set_values(_values(tx, marked, built.keys(), today))
        standings.next_generation(tx)
    # Each once a day: nobody tells when a member turns fourteen, and whatever went wrong heals.
    old = [board for board in kept if built.get(board) != today]
    if old:
        first = min(old, key=lambda board: built.get(board, date.min))
        board_cache.build(first, standings.stream_board(tx, first, today), today)
    board_cache.write_state(State(state.epoch, state.generation + wrote), began if len(marked) < MARKS_MAX else None)
    return bool(marked or old)


def _drop_unwanted(tx: Session, today: date) -> list[Board]:
    """The boards to keep. What nobody has looked at for days costs every booking something."""
    kept = standings.list_kept(tx)
    unwanted = [board for board, asked_on in kept.items() if asked_on < today - timedelta(days=KEPT_DAYS)]
    board_cache.drop(unwanted)
    board_cache.forget_asked(unwanted)
    standings.forget_boards(tx, unwanted)
    return sorted(kept.keys() - unwanted)


def _values(
    tx: Session, member_ids: Sequence[UUID], built: Collection[Board], today: date
) -> dict[Board, dict[UUID, Values | None]]:
    """What these members have on each board; None for those who may not be listed."""
    sums: dict[Board, dict[UUID, Values | None]] = defaultdict(dict)
    listed = standings.list_names(tx, member_ids, today).keys()
    periods = sorted({board.period for board in built})
    for member_id, period, path, values in standings.list_of_members(tx, member_ids, periods):
        for node_id in nodes_of(path):
            if (board := Board(node_id, period)) in built:
                before = sums[board].get(member_id)
                added = values if before is None else Values(*map(add, before, values))
                sums[board][member_id] = added if member_id in listed else None
    return sums
