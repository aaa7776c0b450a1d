"""Statements on past services: all that a batch is judged by, and what becomes of it, each in one statement."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.orm import Session

from services.checkin.domain.attendances import LIVE, Attendance
from services.checkin.domain.past import Stay
from services.checkin.domain.schedule import DURATION_MAX
from services.checkin.store.attendances import read, values_of_new
from services.checkin.store.tables import Activity, PastRecord, Site, attendance_table
from shared import copies
from shared.copies import PERSONS
from shared.events import PastService

# Who was merged into another is that person, at whatever remove.
_stays = text(f"""
    WITH RECURSIVE {PERSONS}
    SELECT coalesce(person_id, attendance.member_id) AS member_id, activity.title, attendance.service_day,
        attendance.arrived_at AS started_at, attendance.left_at AS ended_at, coalesce(attendance.minutes, 0) AS minutes,
        past.id IS NOT NULL AS past, coalesce(past.timed, true) AS timed
    FROM attendance JOIN activity ON activity.id = attendance.activity_id
    LEFT JOIN past_record past ON past.id = attendance.id
    LEFT JOIN person ON person.member_id = attendance.member_id
    WHERE attendance.member_id IN (
            SELECT unnest(CAST(:member_ids AS uuid[]))
            UNION SELECT member_id FROM person WHERE person_id = ANY(:member_ids)
        )
        AND attendance.arrived_at >= :since AND attendance.arrived_at < :until AND attendance.state = ANY(:live)
    ORDER BY attendance.arrived_at, attendance.id
""")  # noqa: S608 - a statement of ours


def lock_records(tx: Session, ids: Sequence[UUID]) -> dict[UUID, PastRecord]:
    """What is known of these lines, to be changed by us alone."""
    rows = tx.scalars(
        select(PastRecord).where(PastRecord.id == func.any(list(ids))).order_by(PastRecord.id).with_for_update()
    )
    return {row.id: row for row in rows}


def list_stays(tx: Session, services: Sequence[PastService]) -> dict[UUID, list[Stay]]:
    """By member, what they have on the days of these services, and near them."""
    near = DURATION_MAX
    rows = tx.execute(
        _stays,
        {
            "member_ids": list({service.member_id for service in services}),
            "since": min(service.started_at for service in services) - 2 * near,
            "until": max(service.ended_at for service in services) + near,
            "live": [state.value for state in LIVE],
        },
    )
    found: dict[UUID, list[Stay]] = defaultdict(list)
    for member_id, *stay in rows:
        found[member_id].append(Stay(*stay))
    return found


def list_held(tx: Session, services: Sequence[PastService]) -> set[tuple[UUID, datetime, str]]:
    """Station, start and title of activities that were held there and did not come from a list."""
    starts_at = Activity.starts_at
    rows = tx.execute(
        select(Activity.station_id, starts_at, Activity.title).where(
            Activity.station_id == func.any(list({service.station_id for service in services})),
            Activity.title == func.any(list({service.title for service in services})),
            starts_at >= min(service.started_at for service in services) - timedelta(days=1),
            starts_at < max(service.ended_at for service in services) + timedelta(days=1),
            Activity.state.in_(("published", "closed")),
            ~select(PastRecord.id).where(PastRecord.activity_id == Activity.id).exists(),
        )
    )
    return {(row.station_id, row.starts_at, row.title) for row in rows}


def list_stations(tx: Session, station_ids: Iterable[UUID]) -> dict[UUID, Row[Any]]:
    station = copies.station
    rows = tx.execute(select(station).where(station.c.node_id == func.any(list(set(station_ids)))))
    return {row.node_id: row for row in rows}


def lock_activities(tx: Session, ids: Iterable[UUID]) -> dict[UUID, Activity]:
    """Those of these activities that there are, to be changed by us alone."""
    statement = select(Activity).where(Activity.id == func.any(list(set(ids)))).order_by(Activity.id)
    rows = tx.scalars(statement.with_for_update(of=Activity).execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def lock_pairs(tx: Session, activity_ids: Iterable[UUID]) -> dict[UUID, list[Attendance]]:
    """All pairs at these activities, to be changed by us alone."""
    columns = attendance_table.c
    statement = select(attendance_table).where(columns.activity_id == func.any(list(set(activity_ids))))
    found: dict[UUID, list[Attendance]] = defaultdict(list)
    for row in tx.execute(statement.order_by(columns.id).with_for_update()):
        found[row.activity_id].append(read(row))
    return found


def add_activities(tx: Session, rows: Sequence[Mapping[str, Any]], sites: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        tx.execute(insert(Activity), list(rows))
        tx.execute(insert(Site), list(sites))


def add_pairs(tx: Session, pairs: Sequence[Attendance]) -> None:
    if pairs:
        tx.execute(insert(attendance_table), [values_of_new(pair) for pair in pairs])


def add_records(tx: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        tx.execute(insert(PastRecord), list(rows))
