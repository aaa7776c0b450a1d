"""What the boards count, kept in the transaction that books it.

A standing is the sum of one member's awards at one station in one period. The nodes above the
station are summed when they are read, from the tree as it is now, so that a station may move.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Identity,
    Index,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.points.domain import boards
from services.points.domain.boards import Board, Metric
from services.points.store.database import Model
from shared import queue
from shared.copies import member_card, station
from shared.db import after_commit, planned_anew


class Standing(Model):
    """Metrics of one member at one station in one period; only `add` writes it."""

    __tablename__ = "standing"
    # Most writes change numbers of rows that are there: room for them on the same page.
    __table_args__ = (Index(None, "station_id", "period"), {"postgresql_with": {"fillfactor": 90}})

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    station_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    minutes: Mapped[int] = mapped_column(BigInteger)
    attendances: Mapped[int] = mapped_column(BigInteger)


class BoardDirty(Model):
    """A mark that the boards do not yet show what stands of a member. One row a booking, so that
    marking waits for nobody; the refresher takes them away."""

    __tablename__ = "board_dirty"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    member_id: Mapped[UUID]


class BoardState(Model):
    """One row: what Redis must have taken in for its boards to be believed."""

    __tablename__ = "board_state"

    epoch: Mapped[UUID] = mapped_column(primary_key=True)
    """Made with the database; a Redis that was filled from another one is not believed."""
    generation: Mapped[int] = mapped_column(BigInteger)


class KeptBoard(Model):
    """A board that somebody asked for lately and that Redis therefore keeps."""

    __tablename__ = "board_kept"

    node_id: Mapped[UUID] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    asked_on: Mapped[date]


class BoardOff(Model):
    """A node whose boards are switched off."""

    __tablename__ = "board_off"

    node_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Delta(NamedTuple):
    """What a batch of bookings changed for one member at one station on one service day.

    `points` in hundredths, `minutes` whole; all three may be negative after a correction.
    """

    station_id: UUID
    service_day: date
    member_id: UUID
    points: int
    minutes: int
    attendances: int


# One statement a batch, whatever its size. Rows are touched in the order of their key, so that two
# batches that meet wait for one another instead of locking each other out.
_ADD = text("""
    WITH delta AS (
        SELECT * FROM unnest(
            CAST(:stations AS uuid[]), CAST(:days AS date[]), CAST(:members AS uuid[]),
            CAST(:points AS bigint[]), CAST(:minutes AS bigint[]), CAST(:attendances AS bigint[])
        ) AS t (station_id, day, member_id, points, minutes, attendances)
    ), calendar AS (
        SELECT * FROM unnest(CAST(:calendar_days AS date[]), CAST(:calendar_periods AS text[])) AS t (day, period)
    ), marks AS (
        INSERT INTO board_dirty (member_id) SELECT DISTINCT member_id FROM delta
    )
    INSERT INTO standing AS s (member_id, period, station_id, points, minutes, attendances)
    SELECT member_id, period, station_id, sum(points), sum(minutes), sum(attendances)
    FROM delta JOIN calendar USING (day)
    GROUP BY member_id, period, station_id ORDER BY member_id, period, station_id
    ON CONFLICT (member_id, period, station_id) DO UPDATE
    SET points = s.points + excluded.points, minutes = s.minutes + excluded.minutes,
        attendances = s.attendances + excluded.attendances
""")


def add(tx: Session, deltas: Sequence[Delta]) -> None:
    """Add to the standings and mark their members. At most one delta a station, day and member; none
    of them all zero."""
    if not deltas:
        return
    stations, days, members, points, minutes, attendances = (list(column) for column in zip(*deltas, strict=True))
    calendar = [(day, period) for day in set(days) for period in boards.keys_of(day)]
    tx.execute(
        _ADD,
        {
            "stations": stations,
            "days": days,
            "members": members,
            "points": points,
            "minutes": minutes,
            "attendances": attendances,
            "calendar_days": [day for day, _ in calendar],
            "calendar_periods": [period for _, period in calendar],
        },
    )
    wake_refresher(tx)


def wake_refresher(tx: Session) -> None:
    after_commit(tx, "refresh boards", lambda: queue.nudge("points", "refresh_boards"))


# --- Marks ------------------------------------------------------------------------------------------


def mark_members(tx: Session, member_ids: Sequence[UUID]) -> None:
    """Mark those of the members that have standings at all."""
    known = select(Standing.member_id).where(Standing.member_id.in_(member_ids)).distinct()
    tx.execute(insert(BoardDirty).from_select(["member_id"], known))
    wake_refresher(tx)


def take_marks(tx: Session, marks_max: int) -> list[UUID]:
    """Take away the oldest marks; the members they name, each once."""
    with planned_anew(tx):
        oldest = list(tx.scalars(select(BoardDirty.id).order_by(BoardDirty.id).limit(marks_max)))
        taken = tx.scalars(delete(BoardDirty).where(BoardDirty.id == func.any(oldest)).returning(BoardDirty.member_id))
    return sorted(set(taken))


def list_marked(tx: Session) -> set[UUID]:
    return set(tx.scalars(select(BoardDirty.member_id).distinct()))


# --- State of the cache, as the database knows it ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    epoch: UUID
    generation: int


def get_state(tx: Session) -> State:
    return State(*tx.execute(select(BoardState.epoch, BoardState.generation)).one())


def next_generation(tx: Session, steps: int = 1) -> None:
    tx.execute(update(BoardState).values(generation=BoardState.generation + steps))


def distrust_boards(tx: Session, station_ids: Sequence[UUID]) -> None:
    """Have every kept board built anew, when somebody served at one of these stations."""
    served = exists().where(Standing.station_id.in_(station_ids))
    # A refresher that died before its commit has left Redis one ahead: two steps, to pass it.
    tx.execute(update(BoardState).where(served).values(generation=BoardState.generation + 2))
    wake_refresher(tx)


def keep_boards(tx: Session, asked: Sequence[tuple[Board, date]]) -> None:
    statement = insert(KeptBoard).values(
        [{"node_id": board.node_id, "period": board.period, "asked_on": day} for board, day in sorted(asked)]
    )
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["node_id", "period"],
            set_={"asked_on": statement.excluded.asked_on},
            where=KeptBoard.asked_on < statement.excluded.asked_on,
        )
    )


def is_empty(tx: Session, board: Board) -> bool:
    """Whether nobody served there then, as far as the database knows."""
    return not tx.scalar(select(exists().where(_below_node(board.node_id), Standing.period == board.period)))


def list_kept(tx: Session) -> dict[Board, date]:
    """Kept boards and the last day on which one was asked for."""
    rows = tx.execute(select(KeptBoard.node_id, KeptBoard.period, KeptBoard.asked_on))
    return {Board(node_id, period): asked_on for node_id, period, asked_on in rows}


def forget_boards(tx: Session, unwanted: Sequence[Board]) -> None:
    for board in unwanted:
        tx.execute(delete(KeptBoard).where(KeptBoard.node_id == board.node_id, KeptBoard.period == board.period))


def may_refresh(tx: Session) -> bool:
    """Whether this transaction is now the only refresher."""
    return bool(tx.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("huzhu boards")))))


# --- Reading ----------------------------------------------------------------------------------------

_COLUMNS = {
    Metric.HOURS: Standing.minutes,
    Metric.POINTS: Standing.points,
    Metric.ATTENDANCES: Standing.attendances,
}
METRICS = tuple(_COLUMNS)
"""The order of metrics in the tuples below."""


@dataclass(frozen=True, slots=True)
class BoardNode:
    """What a query must know of a node before it shows its board."""

    path: str
    switched_on: bool
    state: State


def find_board_node(tx: Session, node_id: UUID) -> BoardNode | None:
    row = tx.execute(
        select(
            station.c.path,
            ~exists().where(BoardOff.node_id == station.c.node_id),
            BoardState.epoch,
            BoardState.generation,
        )
        .join_from(station, BoardState, true())
        .where(station.c.node_id == node_id)
    ).first()
    return None if row is None else BoardNode(row[0], row[1], State(row[2], row[3]))


def may_be_listed(today: date) -> ColumnElement[bool]:
    """The members who may be on a board today: consent, age, and still with us.

    Where no birth date is known, staff must have seen the person.
    """
    old_enough = member_card.c.birth_date <= boards.latest_birth_date(today)
    seen = and_(member_card.c.birth_date.is_(None), member_card.c.confirmed)
    return and_(member_card.c.ranked, member_card.c.status == "active", or_(old_enough, seen))


def _below(path: str) -> ColumnElement[bool]:
    nodes = select(station.c.node_id).where(station.c.path.startswith(path, autoescape=True))
    return Standing.station_id.in_(nodes)


def _below_node(node_id: UUID) -> ColumnElement[bool]:
    path = select(station.c.path).where(station.c.node_id == node_id).scalar_subquery()
    return Standing.station_id.in_(select(station.c.node_id).where(station.c.path.like(path + "%")))


class Row(NamedTuple):
    member_id: UUID
    value: int
    name_public: str | None
    name_masked: str


def list_top(tx: Session, path: str, period: str, metric: Metric, own_value: int, today: date) -> tuple[list[Row], int]:
    """The board's first rows, equals in the order in which Redis gives them; and how many listed members
    have more than `own_value`. One look at the whole board for both."""
    value = func.sum(_COLUMNS[metric])
    board = (
        select(Standing.member_id, value.cast(BigInteger).label("value"))
        .join(member_card, member_card.c.member_id == Standing.member_id)
        .where(_below(path), Standing.period == period, may_be_listed(today))
        .group_by(Standing.member_id)
        .having(value > 0)
        .cte("board")
    )
    above = select(func.count()).select_from(board).where(board.c.value > own_value).scalar_subquery()
    order = (board.c.value.desc(), board.c.member_id.desc())
    top = select(board).order_by(*order).limit(boards.ROWS_MAX).subquery()
    rows = tx.execute(
        select(top.c.member_id, top.c.value, member_card.c.name_public, member_card.c.name_masked, above)
        .join(member_card, member_card.c.member_id == top.c.member_id)
        .order_by(top.c.value.desc(), top.c.member_id.desc())
    ).all()
    return [Row(*row[:4]) for row in rows], rows[0][4] if rows else 0


def find_newest(tx: Session, path: str, periods: Sequence[str], metric: Metric, today: date) -> str | None:
    """The first of these periods in which somebody who may be listed has something below the node."""
    wanted = (
        func.unnest(cast(list(periods), ARRAY(Text)))
        .table_valued("period", with_ordinality="place", name="wanted")
        .render_derived()
    )
    served = (
        select(Standing.member_id)
        .join(member_card, member_card.c.member_id == Standing.member_id)
        .where(_below(path), Standing.period == wanted.c.period, _COLUMNS[metric] > 0, may_be_listed(today))
        .exists()
    )
    return tx.scalar(select(wanted.c.period).where(served).order_by(wanted.c.place).limit(1))


def value_of(tx: Session, path: str, period: str, metric: Metric, member_id: UUID) -> int:
    """One member's own value, listed or not."""
    value = select(func.sum(_COLUMNS[metric])).where(
        Standing.member_id == member_id, Standing.period == period, _below(path)
    )
    return int(tx.scalar(value) or 0)


def list_names(tx: Session, member_ids: Sequence[UUID], today: date) -> dict[UUID, tuple[str | None, str]]:
    """Public and masked name of those members who may still be listed."""
    rows = tx.execute(
        select(member_card.c.member_id, member_card.c.name_public, member_card.c.name_masked).where(
            member_card.c.member_id == func.any(list(member_ids)), may_be_listed(today)
        )
    )
    return {member_id: (public, masked) for member_id, public, masked in rows}


class Values(NamedTuple):
    """A member's metrics in the order of METRICS."""

    minutes: int
    points: int
    attendances: int


def stream_board(tx: Session, board: Board, today: date, *, rows_at_once: int = 5000) -> Iterator[tuple[UUID, Values]]:
    """Everyone on a board with all three metrics, in no order."""
    # All rows are wanted, not the first ones soon: else a million cards are looked up one by one.
    tx.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    statement = (
        select(Standing.member_id, *(func.sum(column).cast(BigInteger) for column in _COLUMNS.values()))
        .join(member_card, member_card.c.member_id == Standing.member_id)
        .where(_below_node(board.node_id), Standing.period == board.period, may_be_listed(today))
        .group_by(Standing.member_id)
    )
    rows = tx.execute(statement.execution_options(stream_results=True, yield_per=rows_at_once))
    for member_id, *values in rows:
        yield member_id, Values(*values)


def list_of_members(
    tx: Session, member_ids: Sequence[UUID], periods: Sequence[str]
) -> Iterator[tuple[UUID, str, str, Values]]:
    """Every standing of these members in these periods: member, period, path of the station, metrics."""
    rows = tx.execute(
        select(Standing.member_id, Standing.period, station.c.path, *_COLUMNS.values())
        .join(station, station.c.node_id == Standing.station_id)
        .where(Standing.member_id == func.any(list(member_ids)), Standing.period == func.any(list(periods)))
    )
    for member_id, period, path, *values in rows:
        yield member_id, period, path, Values(*values)


# --- The switch -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether a node's boards are shown; the node above it is named, since names repeat."""

    node_id: UUID
    name: str
    level: str
    parent_name: str | None
    on: bool


_above = station.alias("above")


def list_switches(tx: Session, paths: Sequence[str], *, after: UUID | None, limit: int) -> list[Switch]:
    """Of the open nodes at and below these paths that have boards, each after the node it lies under."""
    statement = (
        select(
            station.c.node_id,
            station.c.name,
            station.c.level,
            _above.c.name,
            ~exists().where(BoardOff.node_id == station.c.node_id),
        )
        .outerjoin(_above, _above.c.node_id == station.c.parent_id)
        .where(
            or_(*(station.c.path.startswith(path, autoescape=True) for path in paths)),
            station.c.level.in_(boards.NODE_LEVELS),
            ~station.c.closed,
        )
        .order_by(station.c.path)
        .limit(limit)
    )
    if after is not None:
        place = select(station.c.path).where(station.c.node_id == after).scalar_subquery()
        statement = statement.where(station.c.path > place)
    return [Switch(*row) for row in tx.execute(statement)]


def is_off(tx: Session, node_id: UUID) -> bool:
    """Whether the boards of the node itself are switched off."""
    return tx.get(BoardOff, node_id) is not None


def switch_on(tx: Session, node_id: UUID) -> bool:
    """Whether that changed anything."""
    statement = delete(BoardOff).where(BoardOff.node_id == node_id)
    return tx.execute(statement.returning(BoardOff.node_id)).first() is not None


def switch_off(tx: Session, node_id: UUID, at: datetime) -> bool:
    """Whether that changed anything."""
    statement = insert(BoardOff).values(node_id=node_id, at=at).on_conflict_do_nothing()
    return tx.execute(statement.returning(BoardOff.node_id)).first() is not None
