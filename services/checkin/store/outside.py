"""Statements on numbers of other platforms, and on batches of records for them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Uuid, and_, delete, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.checkin.domain.outside import FORGOTTEN_NAME, RECORDS_MAX, Kind, NumberTaken, Platform
from services.checkin.store.activities import get_activity
from services.checkin.store.tables import ExportBatch, ExportPerson, ExportRecord, OutsideNumber, attendance_table
from shared import clock, copies
from shared.copies import PERSONS
from shared.db import violated
from shared.errors import NotFound

_LOCK = 0x6578706F  # "expo"
LEFT_OUT_MAX = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """What a batch is made of: the records below a node, of a span of service days."""

    platform: str
    node_id: UUID
    path: str
    from_day: date
    to_day: date


def set_number(tx: Session, platform: str, kind: str, subject_id: UUID, number: str, at: datetime) -> bool:
    """Whether that is another number than before; NumberTaken when it is somebody else's."""
    columns = (OutsideNumber.platform == platform, OutsideNumber.number == number)
    if tx.scalar(select(OutsideNumber.subject_id).where(*columns, _is_of(kind, subject_id))) is not None:
        return False
    statement = insert(OutsideNumber).values(platform=platform, kind=kind, subject_id=subject_id, number=number, at=at)
    statement = statement.on_conflict_do_update(
        index_elements=["platform", "kind", "subject_id"],
        set_={"number": number, "at": at},
        where=OutsideNumber.number != number,
    )
    try:
        return tx.execute(statement.returning(OutsideNumber.subject_id)).first() is not None
    except IntegrityError as error:
        if violated(error) == "uq_outside_number_platform_kind_number":
            raise NumberTaken from error
        raise


def drop_number(tx: Session, platform: str, kind: str, subject_id: UUID) -> bool:
    gone = delete(OutsideNumber).where(OutsideNumber.platform == platform, _is_of(kind, subject_id))
    return tx.execute(gone.returning(OutsideNumber.subject_id)).first() is not None


def forget_members(tx: Session, member_ids: Sequence[UUID]) -> None:
    """Drop the numbers of these members, which lead to them on the other platforms, and whose what was handed over was
    (ADR 38). A batch that is being made of them is waited for, and the next one sees that they are gone.
    """
    ids = list(member_ids)
    for platform in sorted(Platform):
        lock_platform(tx, platform.value)
    tx.execute(
        delete(OutsideNumber).where(OutsideNumber.kind == Kind.MEMBER, OutsideNumber.subject_id == func.any(ids))
    )
    tx.execute(delete(ExportPerson).where(ExportPerson.member_id == func.any(ids)))


def _is_of(kind: str, subject_id: UUID) -> ColumnElement[bool]:
    """Of an activity, or of a member and of entries of the same person that were merged into that one."""
    theirs = OutsideNumber.subject_id == subject_id
    if kind == Kind.MEMBER:
        theirs = OutsideNumber.subject_id.in_(copies.merged_line(literal(subject_id, Uuid)))
    return and_(OutsideNumber.kind == kind, theirs)


def path_of_subject(tx: Session, kind: str, subject_id: UUID) -> str:
    """The path of a member's home, or of an activity's station."""
    if kind == Kind.ACTIVITY:
        return get_activity(tx, subject_id).path
    card = copies.find_card(tx, subject_id)
    home = None if card is None or card.station_id is None else copies.find_station(tx, card.station_id)
    if home is None:
        raise NotFound("没有这位志愿者，或者还没有所属站点")
    return str(home.path)


def list_numbers(tx: Session, kind: str, subject_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """One of each platform: the own before what a merged entry has."""
    return tx.execute(
        select(OutsideNumber.platform, OutsideNumber.number)
        .ext(distinct_on(OutsideNumber.platform))
        .where(_is_of(kind, subject_id))
        .order_by(OutsideNumber.platform, OutsideNumber.subject_id != subject_id, OutsideNumber.at.desc())
    ).all()


# --- Batches --------------------------------------------------------------------------------------------

# A record that no batch of the platform has: what is settled in the span. What was handed over before comes again
# when it says something else now, whatever its day. Who was merged goes by name and number of whom they are now, or by
# the number of the entry that has one.
_FOUND = f"""
    WITH RECURSIVE {PERSONS}, numbered AS (
        SELECT DISTINCT ON (coalesce(person_id, subject_id)) coalesce(person_id, subject_id) AS member_id, number
        FROM outside_number LEFT JOIN person ON member_id = subject_id
        WHERE platform = :platform AND kind = 'member'
        ORDER BY coalesce(person_id, subject_id), person_id IS NOT NULL, at DESC
    ), known AS (
        SELECT DISTINCT ON (attendance_id) attendance_id, version, coalesce(corrects, batch_id) AS first_batch_id,
            counts, service_day, started_at, ended_at, minutes
        FROM export_record WHERE platform = :platform ORDER BY attendance_id, version DESC
    ), below AS (
        SELECT node_id, name FROM station WHERE starts_with(path, :path)
    ), candidate AS (
        SELECT attendance.id FROM below JOIN activity ON activity.station_id = below.node_id
        JOIN attendance ON attendance.activity_id = activity.id
        WHERE activity.starts_at >= :starts_after AND activity.starts_at < :starts_before
            AND attendance.service_day BETWEEN :from_day AND :to_day
            AND attendance.state IN ('confirmed', 'corrected')
            AND NOT EXISTS (SELECT FROM known WHERE known.attendance_id = attendance.id)
        UNION ALL
        SELECT attendance.id FROM known JOIN attendance ON attendance.id = known.attendance_id
        WHERE attendance.version > known.version
    ), record AS (
        SELECT attendance.id AS attendance_id, attendance.version, known.first_batch_id AS corrects,
            attendance.state <> 'annulled' AS counts, card.member_id, attendance.member_id AS entry_id,
            outside.number AS member_number, card.volunteer_number, card.name_masked,
            event.number AS activity_number, activity.title, activity.category, activity.place,
            below.name AS station_name, attendance.service_day,
            times.started_at, greatest(least(attendance.left_at, times.over_at), times.started_at) AS ended_at,
            CASE WHEN attendance.state = 'annulled' THEN 0 ELSE attendance.minutes END AS minutes, attendance.evidence
        FROM candidate JOIN attendance USING (id)
        JOIN activity ON activity.id = attendance.activity_id
        JOIN below ON below.node_id = activity.station_id
        LEFT JOIN person ON person.member_id = attendance.member_id
        JOIN member_card card ON card.member_id = coalesce(person.person_id, attendance.member_id)
        LEFT JOIN known ON known.attendance_id = attendance.id
        LEFT JOIN numbered outside ON outside.member_id = card.member_id
        LEFT JOIN outside_number event ON event.platform = :platform AND event.kind = 'activity'
            AND event.subject_id = activity.id
        CROSS JOIN LATERAL (
            SELECT ends.over_at, least(greatest(attendance.arrived_at, activity.starts_at), ends.over_at) AS started_at
            FROM (SELECT greatest(activity.starts_at, least(activity.ends_at, activity.ended_at)) AS over_at) ends
        ) times
        WHERE known.attendance_id IS NULL OR (attendance.state <> 'annulled', attendance.service_day, times.started_at,
            greatest(least(attendance.left_at, times.over_at), times.started_at),
            CASE WHEN attendance.state = 'annulled' THEN 0 ELSE attendance.minutes END)
            IS DISTINCT FROM (known.counts, known.service_day, known.started_at, known.ended_at, known.minutes)
    )
"""  # noqa: S608 - a statement of ours
_COLUMNS = (
    "attendance_id, version, corrects, counts, activity_number, title, category, place, station_name, service_day,"
    " started_at, ended_at, minutes, evidence"
)
_WHOSE = "member_number, volunteer_number, name_masked"
# In one statement, so that what is counted is what is written down.
_MAKE = text(f"""
    {_FOUND}, chosen AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY service_day, started_at, attendance_id) AS line, {_COLUMNS},
            entry_id, {_WHOSE}
        FROM record WHERE member_number IS NOT NULL
            AND (:with_unnumbered OR activity_number IS NOT NULL OR corrects IS NOT NULL)
        ORDER BY service_day, started_at, attendance_id LIMIT :most
    ), batch AS (
        INSERT INTO export_batch (
            id, platform, number, node_id, node_name, path, from_day, to_day, records, made_at, made_by
        )
        SELECT :batch_id, :platform,
            (SELECT coalesce(max(number), 0) + 1 FROM export_batch WHERE platform = :platform),
            :node_id, :node_name, :path, :from_day, :to_day, (SELECT count(*) FROM chosen), :made_at,
            CAST(:made_by AS uuid)
        WHERE EXISTS (SELECT FROM chosen)
    ), handed_over AS (
        INSERT INTO export_record (batch_id, line, platform, {_COLUMNS})
        SELECT :batch_id, line, :platform, {_COLUMNS} FROM chosen
    )
    INSERT INTO export_person (batch_id, line, member_id, {_WHOSE})
    SELECT :batch_id, line, entry_id, {_WHOSE} FROM chosen
""")  # noqa: S608 - column names
_LEFT_OUT = text(f"""
    {_FOUND}
    SELECT member_id, name_masked, count(*) AS records FROM record WHERE member_number IS NULL
    GROUP BY member_id, name_masked ORDER BY records DESC, member_id LIMIT :most
""")  # noqa: S608 - as above


def _given(scope: Scope) -> dict[str, Any]:
    """The span, and for the index of activities the moments between which one of them begins."""
    return {
        **asdict(scope),
        "starts_after": clock.day_starts(scope.from_day - timedelta(days=1)),
        "starts_before": clock.day_starts(scope.to_day + timedelta(days=2)),
    }


def lock_platform(tx: Session, platform: str) -> None:
    """Batches of one platform are made one after another, so that each sees what the one before has taken."""
    key = {"lock": _LOCK, "platform": platform}
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, hashtext(:platform))"), key)


def make(
    tx: Session,
    batch_id: UUID,
    scope: Scope,
    node_name: str,
    *,
    with_unnumbered: bool,
    at: datetime,
    by: UUID | None,
) -> ExportBatch | None:
    """Write a batch down with its records as they stand; None when there are none. The platform is locked by us.
    `with_unnumbered`: also of activities that the platform has no number of; corrections come in any case.
    """
    given = {**_given(scope), "batch_id": batch_id, "node_name": node_name, "made_at": at, "made_by": by}
    tx.execute(_MAKE, {**given, "with_unnumbered": with_unnumbered, "most": RECORDS_MAX})
    return find_batch(tx, batch_id)


def find_batch(tx: Session, batch_id: UUID) -> ExportBatch | None:
    return tx.get(ExportBatch, batch_id)


def list_batches(tx: Session, paths: Sequence[str], *, limit: int, after: UUID | None) -> list[ExportBatch]:
    """Those made at or below one of the paths, newest first; ids are ordered by time."""
    below: list[ColumnElement[bool]] = [ExportBatch.path.startswith(path, autoescape=True) for path in paths]
    statement = select(ExportBatch).where(or_(*below)).order_by(ExportBatch.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(ExportBatch.id < after)
    return list(tx.scalars(statement))


def list_records(tx: Session, batch_id: UUID, *, limit: int, after: int) -> list[dict[str, Any]]:
    """Records of a batch by line, with the number of the batch they correct, and `member_id`: whose they are now. Of
    who was forgotten since there are no numbers.
    """
    first = select(ExportBatch.number).where(ExportBatch.id == ExportRecord.corrects).scalar_subquery()
    rows = tx.execute(
        select(
            *ExportRecord.__table__.c,
            func.coalesce(ExportPerson.member_number, "").label("member_number"),
            func.coalesce(ExportPerson.volunteer_number, "").label("volunteer_number"),
            func.coalesce(ExportPerson.name_masked, FORGOTTEN_NAME).label("name_masked"),
            first.label("corrects_number"),
            attendance_table.c.member_id,
        )
        .outerjoin(
            ExportPerson, and_(ExportPerson.batch_id == ExportRecord.batch_id, ExportPerson.line == ExportRecord.line)
        )
        .join(attendance_table, attendance_table.c.id == ExportRecord.attendance_id)
        .where(ExportRecord.batch_id == batch_id, ExportRecord.line > after)
        .order_by(ExportRecord.line)
        .limit(limit)
    ).all()
    stays = copies.who_stays(tx, {row.member_id for row in rows})
    return [dict(row._mapping) | {"member_id": stays[row.member_id]} for row in rows]


def list_left_out(tx: Session, scope: Scope) -> Sequence[Row[*tuple[Any, ...]]]:
    """Members whose records wait for a number of theirs, with how many."""
    return tx.execute(_LEFT_OUT, {**_given(scope), "most": LEFT_OUT_MAX}).all()
