"""What a station reports: activities, visits, persons and minutes, counted by one statement (ADR 140).

A visit is a member at an activity, however many pairs of arrival and departure. It belongs to one day, that of the
first pair that counts, and so to one month, one place and one category: visits and minutes add up whichever way they
are cut. Persons and activities are counted anew for each cut.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.checkin.domain.attendances import LIVE, SETTLED, State
from services.checkin.domain.reports import Tree
from services.checkin.domain.schedule import DURATION_MAX
from services.checkin.store.activities import NO_STATIONS
from shared import clock
from shared.copies import PERSONS
from shared.db import planned_anew

# Each station under the child of the node in which it lies now; what was merged counts with its last successor.
_AS_IT_IS = """
heir (node_id, heir_id, next_id, step) AS (
    SELECT node_id, node_id, successor_id, 0 FROM station WHERE level <> ALL(:no_stations)
    UNION ALL
    SELECT heir.node_id, station.node_id, station.successor_id, step + 1
    FROM heir JOIN station ON station.node_id = heir.next_id WHERE step < 100
), last_heir AS (
    SELECT DISTINCT ON (node_id) node_id, heir_id FROM heir ORDER BY node_id, step DESC
), place AS (
    SELECT last_heir.node_id AS station_id, child.node_id, child.name,
        CAST('-infinity' AS date) AS from_day, CAST('infinity' AS date) AS until_day
    FROM last_heir JOIN station lies ON lies.node_id = last_heir.heir_id
    LEFT JOIN station child ON child.path = left(lies.path, length(:path) + 33)
    WHERE starts_with(lies.path, :path)
)
"""
# Where each station lay on which days, and what the child of the node was called then.
_AS_IT_WAS = """
lay (station_id, node_id, name, from_day, until_day) AS (
    SELECT node_id, node_id, name, from_day, coalesce(until_day, 'infinity') FROM station_past
    WHERE parent_id IS NOT DISTINCT FROM CAST(:node_id AS uuid)
    UNION ALL
    SELECT past.node_id, lay.node_id, lay.name, greatest(past.from_day, lay.from_day),
        least(coalesce(past.until_day, 'infinity'), lay.until_day)
    FROM lay JOIN station_past past ON past.parent_id = lay.station_id
        AND past.from_day < lay.until_day AND coalesce(past.until_day, 'infinity') > lay.from_day
), place AS (
    SELECT * FROM lay
    UNION ALL
    SELECT node_id, node_id, name, from_day, coalesce(until_day, 'infinity') FROM station_past
    WHERE node_id = CAST(:node_id AS uuid)
)
"""
# Duplicates that were merged are one person. Each cut is first made by person (and by activity), which one pass of
# hashing does for all of them; counting distinct persons would sort everything anew for each cut.
_COUNT = """
WITH RECURSIVE {places}, {persons}, visit AS (
    SELECT activity.id AS activity_id, activity.station_id, activity.category,
        coalesce(person.person_id, attendance.member_id) AS person_id,
        coalesce(
            min(service_day) FILTER (WHERE attendance.state = ANY(:settled)), min(service_day)
        ) AS day,
        coalesce(sum(minutes) FILTER (WHERE attendance.state = ANY(:settled)), 0) AS minutes,
        CAST(bool_or(attendance.state = ANY(:settled)) AS int) AS counts,
        count(*) FILTER (WHERE attendance.state = ANY(:waiting)) AS waiting,
        min(service_day) FILTER (WHERE attendance.state = ANY(:waiting)) AS waits_since
    FROM activity JOIN attendance ON attendance.activity_id = activity.id
    LEFT JOIN person ON person.member_id = attendance.member_id
    WHERE activity.station_id IN (SELECT station_id FROM place)
        AND activity.starts_at >= :starts_after AND activity.starts_at < :starts_before
        AND (CAST(:category AS text) IS NULL OR activity.category = :category)
        AND attendance.state = ANY(:live)
    GROUP BY activity.id, coalesce(person.person_id, attendance.member_id)
), placed AS MATERIALIZED (
    SELECT visit.*, place.node_id, place.name, to_char(day, 'YYYY-MM') AS month
    FROM visit JOIN place ON place.station_id = visit.station_id
        AND visit.day >= place.from_day AND visit.day < place.until_day
    WHERE visit.day BETWEEN :from_day AND :to_day
), counted AS (
    SELECT category, month, node_id, name, GROUPING(category, month, node_id) AS cut,
        0 AS activities, max(counts) AS persons, sum(counts) AS visits, sum(minutes) AS minutes,
        sum(waiting) AS waiting, min(waits_since) AS waits_since
    FROM placed
    GROUP BY GROUPING SETS ((person_id), (person_id, category), (person_id, month), (person_id, node_id, name))
    UNION ALL
    SELECT category, month, node_id, name, GROUPING(category, month, node_id), max(counts), 0, 0, 0, 0, NULL
    FROM placed
    GROUP BY GROUPING SETS ((activity_id), (activity_id, category), (activity_id, month), (activity_id, node_id, name))
)
SELECT cut, category, month, node_id, name,
    CAST(sum(activities) AS bigint) AS activities, CAST(sum(visits) AS bigint) AS visits,
    CAST(sum(persons) AS bigint) AS persons, CAST(sum(minutes) AS bigint) AS minutes,
    CAST(sum(waiting) AS bigint) AS waiting, min(waits_since) AS waits_since
FROM counted GROUP BY cut, category, month, node_id, name ORDER BY cut, category, month, name, node_id
"""
_statements = {
    Tree.NOW: text(_COUNT.format(places=_AS_IT_IS, persons=PERSONS)),
    Tree.THEN: text(_COUNT.format(places=_AS_IT_WAS, persons=PERSONS)),
}
BY_CATEGORY, BY_MONTH, BY_NODE, TOTAL = 3, 5, 6, 7
"""What `cut` says of a row: what it is not grouped by, as bits."""


def count(
    tx: Session,
    *,
    node_id: UUID | None,
    path: str,
    from_day: date,
    to_day: date,
    tree: Tree,
    category: str | None,
) -> Sequence[Row[Any]]:
    """All figures of a node (None: of everything) and what lies below it, for the service days of a period."""
    values = {
        **({"path": path, "no_stations": list(NO_STATIONS)} if tree is Tree.NOW else {"node_id": node_id}),
        "from_day": from_day,
        "to_day": to_day,
        # Service days lie near the activity's start: these bounds have an index, and cut off none of them.
        "starts_after": clock.day_starts(from_day) - 2 * DURATION_MAX,
        "starts_before": clock.day_starts(to_day) + timedelta(days=2),
        "category": category,
        "settled": [state.value for state in SETTLED],
        "waiting": [State.OPEN.value, State.LEFT.value],
        "live": [state.value for state in LIVE],
    }
    # A day of a station and three years of a city want other plans.
    with planned_anew(tx):
        return tx.execute(_statements[tree], values).all()
