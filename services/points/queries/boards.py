"""Boards as people see them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.points.domain.boards import (
    Board,
    Metric,
    Period,
    days_before,
    key_of,
    ranks,
    span_of,
    surname_alone,
)
from services.points.store import board_cache, standings
from services.points.store.board_cache import View
from services.points.store.standings import BoardNode
from shared import clock
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role


@dataclass(frozen=True, slots=True)
class ShownRow:
    rank: int
    name: str
    value: int
    member_id: UUID | None
    """Only with a full name, and for the caller's own members: a masked row says nothing else."""


@dataclass(frozen=True, slots=True)
class Own:
    rank: int
    value: int


@dataclass(frozen=True, slots=True)
class ShownBoard:
    period_key: str
    as_of: datetime
    source: Literal["cache", "database"]
    switched_on: bool
    rows: Sequence[ShownRow]
    own: Own | None
    """Among those listed; also for one who is not. None for one without anything in this period."""
    first_day: date | None = None
    last_day: date | None = None
    """Of the period; None of both for all."""


def read_board(
    caller: Principal,
    *,
    node_id: UUID,
    period: Period,
    metric: Metric,
    day: date | None = None,
    member_id: UUID | None = None,
    or_newest: bool = False,
) -> ShownBoard:
    """The first hundred and the own rank, from Redis when it has the whole board, else by SQL.

    `or_newest`: when the board is empty, the newest one before it that has somebody on it.
    """
    if member_id is not None:
        caller.require_acts_for(member_id)
    tx, today = session(), clock.today()
    node = standings.find_board_node(tx, node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    wanted = day or today
    if not node.switched_on:
        closed = ShownBoard(key_of(period, wanted), clock.now(), "database", switched_on=False, rows=(), own=None)
        return _dated(closed, period, wanted)
    board = Board(node_id, key_of(period, wanted))
    shown = _read_switched_on(tx, caller, node, board, metric, member_id, today)
    if or_newest and not shown.rows:
        before = {key_of(period, earlier): earlier for earlier in days_before(period, wanted)}
        newest = standings.find_newest(tx, node.path, list(before), metric, today)
        if newest is not None:
            wanted = before[newest]
            shown = _read_switched_on(tx, caller, node, Board(node_id, newest), metric, member_id, today)
    return _dated(shown, period, wanted)


def _dated(shown: ShownBoard, period: Period, day: date) -> ShownBoard:
    first_day, last_day = span_of(period, day) or (None, None)
    return replace(shown, first_day=first_day, last_day=last_day)


def _read_switched_on(
    tx: Session, caller: Principal, node: BoardNode, board: Board, metric: Metric, member_id: UUID | None, today: date
) -> ShownBoard:
    key = board.period
    view = board_cache.find_view(board, metric, member_id, node.state, today)
    if view is not None:
        own_value = _own_value(tx, node, key, metric, member_id, view)
        above = board_cache.count_above(board, metric, own_value) if own_value else 0
        if above is not None:
            # The names are read now: who has withdrawn is gone from here before the refresher comes by.
            names = standings.list_names(tx, [member for member, _ in view.rows], today)
            rows = [standings.Row(member, value, *names[member]) for member, value in view.rows if member in names]
            return _shown(caller, key, view.as_of, "cache", rows, own_value, above)
    shown = _read_from_database(tx, caller, node, key, metric, member_id, today)
    if shown.rows:
        board_cache.ask()
    return shown


def list_switches(caller: Principal, *, limit: int, after: UUID | None = None) -> list[standings.Switch]:
    """Which boards are shown, of the nodes whose boards the caller may switch."""
    return standings.list_switches(session(), caller.paths(Role.STAFF), after=after, limit=limit)


def _own_value(tx: Session, node: BoardNode, key: str, metric: Metric, member_id: UUID | None, view: View) -> int:
    if member_id is None:
        return 0
    if view.own is not None:
        return view.own
    return standings.value_of(tx, node.path, key, metric, member_id)


def _read_from_database(
    tx: Session, caller: Principal, node: BoardNode, key: str, metric: Metric, member_id: UUID | None, today: date
) -> ShownBoard:
    as_of = clock.now()
    own_value = standings.value_of(tx, node.path, key, metric, member_id) if member_id else 0
    rows, above = standings.list_top(tx, node.path, key, metric, own_value, today)
    return _shown(caller, key, as_of, "database", rows, own_value, above)


def _shown(
    caller: Principal,
    key: str,
    as_of: datetime,
    source: Literal["cache", "database"],
    rows: Sequence[standings.Row],
    own_value: int,
    above: int,
) -> ShownBoard:
    shown = [
        ShownRow(
            rank,
            row.name_public or surname_alone(row.name_masked),
            row.value,
            row.member_id if row.name_public or caller.acts_for(row.member_id) else None,
        )
        for rank, row in zip(ranks(row.value for row in rows), rows, strict=True)
    ]
    own = Own(above + 1, own_value) if own_value > 0 else None
    return ShownBoard(key, as_of, source, switched_on=True, rows=shown, own=own)
