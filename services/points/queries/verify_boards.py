"""Whether the boards show what was booked: checks like those of `verify.py`, for `./dev verify` and
the fault runs. What the refresher has yet to bring to Redis is pending, not broken.
"""

from collections.abc import Callable, Iterator
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.points.domain.boards import Board, Metric, keys_of
from services.points.store import board_cache, standings
from services.points.store.moves import HOLDERS
from services.points.store.settlement import Outcome
from services.points.store.standings import METRICS
from shared import clock
from shared.db import session

FAULTS_MAX = 20
_LOOKS = 3

# The live award of an attendance is what its highest version came to; it counts with who stays after merges.
_UNLIKE = text(f"""
    WITH RECURSIVE {HOLDERS}, calendar AS (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:periods AS text[])) AS t (service_day, period)
    ), latest AS (
        SELECT DISTINCT ON (attendance_id) * FROM outcome ORDER BY attendance_id, version DESC
    ), booked AS (
        SELECT coalesce(holder_id, member_id) AS member_id, period, station_id,
            sum(points) AS points, sum(minutes_booked) AS minutes, count(*) AS attendances
        FROM latest JOIN calendar USING (service_day) LEFT JOIN holder USING (member_id)
        WHERE award_version IS NOT NULL GROUP BY 1, period, station_id
    )
    SELECT member_id, period, station_id FROM booked FULL JOIN standing s USING (member_id, period, station_id)
    WHERE (coalesce(booked.points, 0), coalesce(booked.minutes, 0), coalesce(booked.attendances, 0))
        <> (coalesce(s.points, 0), coalesce(s.minutes, 0), coalesce(s.attendances, 0))
    LIMIT :faults_max
""")  # noqa: S608 - a statement of ours


def standings_are_the_fold_of_the_awards() -> Iterator[str]:
    tx = session()
    days = tx.scalars(select(Outcome.service_day).distinct()).all()
    calendar = [(day, period) for day in days for period in keys_of(day)]
    rows = tx.execute(
        _UNLIKE,
        {
            "days": [day for day, _ in calendar],
            "periods": [period for _, period in calendar],
            "faults_max": FAULTS_MAX,
        },
    )
    for row in rows:
        yield f"standing of member {row.member_id} at {row.station_id} in {row.period} is not the sum of the awards"


def whole_boards_in_redis_are_the_standings() -> Iterator[str]:
    tx = session()
    if not board_cache.is_believed(standings.get_state(tx)):
        return  # nobody sees them
    for board in board_cache.built_on(sorted(standings.list_kept(tx))):
        for metric in Metric:
            # Bookings go on meanwhile: only who is wrong at every look is wrong.
            wrong = _wrong_members(tx, board, metric)
            for _ in range(_LOOKS - 1):
                wrong &= _wrong_members(tx, board, metric) if wrong else set()
            for member_id in sorted(wrong)[:FAULTS_MAX]:
                yield f"{board_cache.key_of(board, metric)} shows another value for {member_id} than the standings"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "standings are the fold of the awards": standings_are_the_fold_of_the_awards,
    "whole boards in Redis are the standings": whole_boards_in_redis_are_the_standings,
}


def list_pending() -> Iterator[str]:
    """Members whose boards the refresher has yet to look at."""
    if marked := standings.list_marked(session()):
        yield f"the boards of {len(marked)} members wait for the refresher"


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
