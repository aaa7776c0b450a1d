"""Whether the boards show what was booked; for `./dev verify` and the fault runs."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.points.domain.boards import Board, Metric, keys_of
from services.points.store import board_cache, standings
from services.points.store.settlement import Outcome
from services.points.store.standings import METRICS
from shared import clock
from shared.db import session

FAULTS_MAX = 20
_LOOKS = 3

# The live award of an attendance is what its highest version came to.
_UNLIKE = text("""
    WITH calendar AS (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:periods AS text[])) AS t (service_day, period)
    ), latest AS (
        SELECT DISTINCT ON (attendance_id) * FROM outcome ORDER BY attendance_id, version DESC
    ), booked AS (
        SELECT member_id, period, station_id,
            sum(points) AS points, sum(minutes_booked) AS minutes, count(*) AS attendances
        FROM latest JOIN calendar USING (service_day) WHERE award_version IS NOT NULL
        GROUP BY member_id, period, station_id
    )
    SELECT member_id, period, station_id FROM booked FULL JOIN standing s USING (member_id, period, station_id)
    WHERE (coalesce(booked.points, 0), coalesce(booked.minutes, 0), coalesce(booked.attendances, 0))
        <> (coalesce(s.points, 0), coalesce(s.minutes, 0), coalesce(s.attendances, 0))
    LIMIT :faults_max
""")


def list_board_faults() -> list[str]:
    """A sentence for each thing found wrong, at most twenty of a kind; what is still on its way is not."""
    tx = session()
    return _standings_unlike_awards(tx) + _sets_unlike_standings(tx)


def count_pending() -> int:
    """Members whose boards the refresher has yet to look at."""
    return len(standings.list_marked(session()))


def _standings_unlike_awards(tx: Session) -> list[str]:
    days = tx.scalars(select(Outcome.service_day).distinct()).all()
    calendar = [(day, period) for day in days for period in keys_of(day)]
    rows = tx.execute(_UNLIKE, {
        "days": [day for day, _ in calendar], "periods": [period for _, period in calendar], "faults_max": FAULTS_MAX,
    })
    return [
        f"standing of member {row.member_id} at {row.station_id} in {row.period} is not the sum of the awards"
        for row in rows
    ]


def _sets_unlike_standings(tx: Session) -> list[str]:
    if not board_cache.is_believed(standings.get_state(tx)):
        return []
    faults = []
    for board in board_cache.built_on(sorted(standings.list_kept(tx))):
        for metric in Metric:
            # Bookings go on meanwhile: only who is wrong at every look is wrong.
            wrong = _wrong_members(tx, board, metric)
            for _ in range(_LOOKS - 1):
                wrong &= _wrong_members(tx, board, metric) if wrong else set()
            faults += [
                f"board {board_cache.key_of(board, metric)} shows another value for {member_id} than the standings"
                for member_id in sorted(wrong)[:FAULTS_MAX]
            ]
    return faults


def _wrong_members(tx: Session, board: Board, metric: Metric) -> set[UUID]:
    marked = standings.list_marked(tx)
    shown = board_cache.read_set(board, metric)
    if shown is None:
        return set()
    position = METRICS.index(metric)
    stands = {
        member_id: values[position]
        for member_id, values in standings.stream_board(tx, board, clock.today())
        if values[position] > 0
    }
    marked |= standings.list_marked(tx)
    return {one for one, _ in shown.items() ^ stands.items()} - marked
