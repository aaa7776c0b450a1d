"""What happened to one member on one day, over all activities."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from services.checkin.domain.schedule import DURATION_MAX
from services.checkin.store.attendances import list_views, of_member
from services.checkin.store.tables import Activity, Site, attendance_table, scan_table
from shared import copies
from shared.audit import REFUSED_OWN, audit_log
from shared.outbox import outbox

ROWS_MAX = 200
_ON_EVERYBODY = ("activity.leave_all", "activity.close", "activity.postpone", "activity.cancel")
"""Acts on a whole activity, that sign out whoever is still there."""
_SIGNED_OUT_WITHIN = timedelta(seconds=10)
"""How long such an act may have waited for its rows before it was recorded."""


def find_member(tx: Session, member_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """The masked name, and the home station with its path; None where no card has come."""
    card, station = copies.member_card.c, copies.station.c
    return tx.execute(
        select(card.name_masked, card.station_id, station.name.label("station_name"), station.path)
        .outerjoin(copies.station, station.node_id == card.station_id)
        .where(card.member_id == member_id)
    ).first()


def list_attendances(tx: Session, member_id: UUID, since: datetime, until: datetime) -> Sequence[Row[*tuple[Any, ...]]]:
    """Those with an arrival in [since, until), in the order of arrival; as `store.attendances.list_views`."""
    arrived_at = attendance_table.c.arrived_at
    where = [of_member(member_id), arrived_at >= since, arrived_at < until]
    return list_views(tx, where, limit=ROWS_MAX, newest_first=False, mark=None)


def list_scans(
    tx: Session, member_id: UUID, since: datetime, until: datetime, attendance_ids: Sequence[UUID]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Scans in [since, until), and later ones of these attendances: a shift may end on the next day. With those of
    entries of the same person that were merged into this one.
    """
    columns, station = scan_table.c, copies.station.c
    ended = until + DURATION_MAX + timedelta(days=1)
    return tx.execute(
        select(
            scan_table,
            Activity.title,
            Site.name.label("site_name"),
            station.name.label("station_name"),
            func.coalesce(station.path, "").label("station_path"),
        )
        .outerjoin(Activity, Activity.id == columns.activity_id)
        .outerjoin(Site, Site.id == columns.site_id)
        .outerjoin(copies.station, station.node_id == Activity.station_id)
        .where(
            columns.member_id.in_(copies.merged_line(literal(member_id, Uuid))),
            columns.at >= since,
            or_(columns.at < until, and_(columns.at < ended, columns.attendance_id == func.any(list(attendance_ids)))),
        )
        .order_by(columns.at, columns.id)
        .limit(ROWS_MAX)
    ).all()


def list_acts(tx: Session, pairs: Sequence[Row[*tuple[Any, ...]]]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What people with a role did with these attendances, in the order of time, each with its `attendance_id`. One
    that signed everybody out belongs to those that ended by it.
    """
    if not pairs:
        return []
    log, attendance = audit_log.c, attendance_table.c
    ids = [pair.id for pair in pairs]
    columns = (log.id, log.at, log.member_id.label("by_member_id"), log.action, log.path, log.detail)
    own = select(*columns, log.subject_id.label("attendance_id")).where(
        log.subject_id == func.any(ids), ~log.action.endswith(REFUSED_OWN, autoescape=True)
    )
    together = (
        select(*columns, attendance.id.label("attendance_id"))
        .join(attendance_table, attendance.activity_id == log.subject_id)
        .where(
            log.subject_id == func.any([pair.activity_id for pair in pairs]),
            attendance.id == func.any(ids),
            or_(
                and_(
                    log.action.in_(("activity.confirm_all", "activity.take_over")),
                    log.detail["attendance_ids"].contains(func.to_jsonb(func.text(attendance.id))),
                ),
                and_(
                    log.action.in_(_ON_EVERYBODY),
                    attendance.left_at.between(log.at - _SIGNED_OUT_WITHIN, log.at),
                ),
            ),
        )
    )
    found = own.union_all(together).subquery()
    return tx.execute(select(found).order_by(found.c.id).limit(ROWS_MAX)).all()


def list_on_their_way(tx: Session, attendance_ids: Sequence[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What points has yet to be told of these attendances: since when, and whether it is stuck."""
    columns = outbox.c
    attendance_id, version = columns.body["attendance_id"].astext, columns.body["version"].astext
    return tx.execute(
        select(
            attendance_id.label("attendance_id"),
            version.label("version"),
            columns.created_at,
            columns.attempts,
            columns.dead_at,
        )
        .where(
            columns.delivered_at.is_(None),
            columns.name == "AttendanceSettled",
            attendance_id == func.any([str(each) for each in attendance_ids]),
        )
        .order_by(columns.id)
    ).all()
