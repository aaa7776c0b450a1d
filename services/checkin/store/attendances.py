"""Statements on attendances outside the hot path."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Uuid, bindparam, func, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.checkin.domain.attendances import LIVE, SETTLED, Attendance, Mark, NoSuchAttendance, State
from services.checkin.domain.roll import TAKEN_BACK
from services.checkin.store.activities import lock_key
from services.checkin.store.tables import Activity, Site, attendance_table
from shared import copies
from shared.copies import PERSONS
from shared.events import Evidence

_columns = attendance_table.c
LIVE_SQL = "(" + ", ".join(f"'{state.value}'" for state in State if state in LIVE) + ")"
"""The states of `LIVE` as a list for IN."""
_read_columns = [_columns[field.name] for field in fields(Attendance)]
_CHANGING = (
    "state",
    "version",
    "service_day",
    "arrived_at",
    "left_at",
    "minutes",
    "minutes_in_time",
    "evidence",
    "marks",
    "automatic_departure",
    "reason",
)
_save = (
    update(attendance_table)
    .where(_columns.id == bindparam("row_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
# Entries of one person that were merged are one who cannot be in two places, whichever entry each stay is of.
_mark_overlapping = text(f"""
    WITH RECURSIVE {PERSONS}, mine AS (
        SELECT id, coalesce(person_id, member_id) AS person FROM attendance LEFT JOIN person USING (member_id)
        WHERE id = ANY(:ids)
    ), entry AS (
        SELECT id, person AS member_id FROM mine
        UNION SELECT mine.id, person.member_id FROM mine JOIN person ON person.person_id = mine.person
    )
    UPDATE attendance SET marks = array_append(attendance.marks, 'overlapping')
    FROM entry JOIN attendance other ON other.member_id = entry.member_id
    JOIN activity elsewhere ON elsewhere.id = other.activity_id, activity
    WHERE attendance.id = entry.id AND activity.id = attendance.activity_id AND 'overlapping' <> ALL(attendance.marks)
      AND other.id <> attendance.id AND other.state IN {LIVE_SQL}
      AND other.arrived_at > attendance.arrived_at - interval '2 days'
      AND other.arrived_at < attendance.arrived_at + interval '2 days'
      AND greatest(other.arrived_at, elsewhere.starts_at)
        < least(attendance.left_at, activity.ends_at, activity.ended_at)
      AND least(other.left_at, elsewhere.ends_at, elsewhere.ended_at)
        > greatest(attendance.arrived_at, activity.starts_at)
    RETURNING attendance.id
""")  # noqa: S608 - a statement of ours


def awaits_nod(table: str) -> str:
    """`domain.attendances.awaits_nod` of a table's rows, as a condition."""
    return f"{table}.state = 'open' AND {table}.evidence = 'own_scan' AND 'late_scan' = ANY({table}.marks)"


# Entries of one person that were merged are one who is there.
_count_presence = text(f"""
    WITH RECURSIVE {PERSONS}
    SELECT activity_id,
        count(DISTINCT coalesce(person_id, member_id)) FILTER (WHERE state = 'open') AS present,
        count(DISTINCT coalesce(person_id, member_id))
            FILTER (WHERE state IN {LIVE_SQL}) AS arrived,
        count(*) FILTER (WHERE state = 'left') AS waiting,
        (
            SELECT count(*) FROM attendance there
            WHERE there.activity_id = attendance.activity_id AND {awaits_nod("there")}
        ) AS late
    FROM attendance LEFT JOIN person USING (member_id)
    WHERE activity_id = ANY(:activity_ids) GROUP BY activity_id
""")  # noqa: S608 - likewise


def read(row: Row[*tuple[Any, ...]]) -> Attendance:
    content = row._mapping
    return Attendance(
        **{
            **{column.name: content[column.name] for column in _read_columns},
            "state": State(content["state"]),
            "evidence": Evidence(content["evidence"]),
            "marks": tuple(Mark(mark) for mark in content["marks"]),
        }
    )


def lock_pairs_beside(tx: Session, attendance_id: UUID) -> list[Attendance]:
    """All pairs of this attendance's member at its activity, to be changed by us alone."""
    beside = select(_columns.activity_id, _columns.member_id).where(_columns.id == attendance_id).subquery()
    where = tuple_(_columns.activity_id, _columns.member_id).in_(select(beside.c.activity_id, beside.c.member_id))
    pairs = _lock(tx, where)
    if not pairs:
        raise NoSuchAttendance
    return pairs


def lock_pairs_at(tx: Session, activity_id: UUID) -> list[Attendance]:
    """All pairs at an activity, to be changed by us alone."""
    return _lock(tx, _columns.activity_id == activity_id)


def lock_pairs_of(tx: Session, activity_id: UUID, member_ids: Sequence[UUID]) -> list[Attendance]:
    """All pairs of these members at an activity, to be changed by us alone."""
    return _lock(tx, (_columns.activity_id == activity_id) & (_columns.member_id == func.any(list(member_ids))))


def lock_open_pairs_that_are_over(tx: Session, closes_before: datetime, pairs_max: int) -> list[Attendance]:
    """Open pairs at activities that are over, whichever way they ended."""
    over = or_(Activity.ends_at < closes_before, Activity.state.in_(("closed", "cancelled")))
    statement = (
        select(*_read_columns)
        .join(Activity, Activity.id == _columns.activity_id)
        .where(_columns.state == State.OPEN.value, over)
        .order_by(_columns.id)
        .limit(pairs_max)
        .with_for_update(of=attendance_table, skip_locked=True)
    )
    return [read(row) for row in tx.execute(statement)]


def _lock(tx: Session, where: ColumnElement[bool]) -> list[Attendance]:
    # Everybody locks in the order of ids, so nobody waits for somebody who waits for them.
    statement = select(*_read_columns).where(where).order_by(_columns.id).with_for_update()
    return [read(row) for row in tx.execute(statement)]


def find_made(tx: Session, attendance_id: UUID) -> tuple[Attendance, str | None] | None:
    """An attendance and the digest of the content it was entered with."""
    row = tx.execute(select(*_read_columns, _columns.digest).where(_columns.id == attendance_id)).first()
    return None if row is None else (read(row), row.digest)


def find_several(tx: Session, ids: Sequence[UUID]) -> list[Attendance]:
    """Those of these attendances that there are."""
    return [read(row) for row in tx.execute(select(*_read_columns).where(_columns.id == func.any(list(ids))))]


def list_pairs(tx: Session, site_id: UUID, member_id: UUID) -> list[Attendance]:
    """The member's pairs at a post, oldest first; also those of entries that were merged into the member."""
    where = (_columns.site_id == site_id, of_member(member_id))
    return [read(row) for row in tx.execute(select(*_read_columns).where(*where).order_by(_columns.pair))]


def count_pairs_of_day(tx: Session, member_id: UUID, day: date) -> int:
    """How many times the member served on a day, anywhere, under whichever entry. No other arrival comes in until we
    are done.
    """
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(member_id)})
    return tx.execute(
        select(func.count())
        .select_from(attendance_table)
        .where(
            of_member(member_id),
            _columns.service_day == day,
            _columns.state.in_([state.value for state in LIVE]),
        )
    ).scalar_one()


def count_pairs(
    tx: Session, member_ids: Iterable[UUID], merged: Mapping[UUID, UUID], days: Iterable[date]
) -> Counter[tuple[UUID, date]]:
    """How many times each served on each of these days, anywhere; `merged` are other entries of theirs, each by who
    stays.
    """
    statement = (
        select(_columns.member_id, _columns.service_day, func.count().label("pairs"))
        .where(
            _columns.member_id == func.any([*member_ids, *merged]),
            _columns.service_day == func.any(list(days)),
            _columns.state.in_([state.value for state in LIVE]),
        )
        .group_by(_columns.member_id, _columns.service_day)
    )
    found = Counter[tuple[UUID, date]]()
    for row in tx.execute(statement):
        found[merged.get(row.member_id, row.member_id), row.service_day] += row.pairs
    return found


def add(tx: Session, attendance: Attendance, digest: str) -> bool:
    """Insert; False when an index says that there is one already."""
    return bool(add_several(tx, [(attendance, digest)]))


def add_several(tx: Session, made: Sequence[tuple[Attendance, str]]) -> set[UUID]:
    """Insert these, each with the digest of what it was entered with; those that an index lets in."""
    if not made:
        return set()
    rows = [values_of_new(pair) | {"digest": digest} for pair, digest in made]
    statement = insert(attendance_table).values(rows).on_conflict_do_nothing().returning(_columns.id)
    return set(tx.scalars(statement))


def save(tx: Session, changed: Sequence[Attendance]) -> None:
    """Write changed copies back, in one go; their rows are locked by us."""
    if changed:
        rows = [
            {"row_id": pair.id, **{f"new_{name}": value for name, value in _values(pair).items()}} for pair in changed
        ]
        tx.connection().execute(_save, rows)


def save_versions(tx: Session, activity_id: UUID, changed: Sequence[Attendance]) -> None:
    """Write back copies that differ in their version alone, one more each, in one statement; locked by us."""
    ids = [pair.id for pair in changed]
    statement = update(attendance_table).where(_columns.activity_id == activity_id, _columns.id == func.any(ids))
    tx.execute(statement.values(version=_columns.version + 1))


def mark_overlapping(tx: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Mark those of these pairs, which have ended, that were elsewhere at the same time; returns the newly marked."""
    return set(tx.connection().execute(_mark_overlapping, {"ids": list(ids)}).scalars())


def lock_waiting(tx: Session, member_ids: Iterable[UUID]) -> list[UUID]:
    """The stays of these members that have ended and wait to be confirmed, to be changed by us alone."""
    where = (_columns.member_id == func.any(list(member_ids))) & (_columns.state == State.LEFT.value)
    return [pair.id for pair in _lock(tx, where)]


def list_views(
    tx: Session, where: Sequence[ColumnElement[bool]], *, limit: int, newest_first: bool, mark: UUID | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Attendances with what a reader must know of their activity, by arrival; `mark` is the last one seen."""
    station, site = copies.station, Site
    order = (_columns.arrived_at, _columns.id)
    statement = (
        select(
            *_read_columns,
            Activity.title,
            Activity.category,
            Activity.station_id,
            station.c.name.label("station_name"),
            station.c.path.label("station_path"),
            site.name.label("site_name"),
            Activity.starts_at.label("activity_starts_at"),
            Activity.ends_at.label("activity_ends_at"),
        )
        .join(Activity, Activity.id == _columns.activity_id)
        .join(site, site.id == _columns.site_id)
        .outerjoin(station, station.c.node_id == Activity.station_id)
        .where(*where)
        .limit(limit)
        .order_by(*(column.desc() if newest_first else column for column in order))
    )
    if mark is not None:
        seen = attendance_table.alias("seen")
        last = select(seen.c.arrived_at, seen.c.id).where(seen.c.id == mark).scalar_subquery()
        statement = statement.where(tuple_(*order) < last if newest_first else tuple_(*order) > last)
    return tx.execute(statement).all()


def find_view(tx: Session, attendance_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """One attendance as in `list_views`."""
    found = list_views(tx, [_columns.id == attendance_id], limit=1, newest_first=True, mark=None)
    return found[0] if found else None


def of_member(member_id: UUID) -> ColumnElement[bool]:
    """The member's own, and those of entries of the same person that were merged into this one."""
    return _columns.member_id.in_(copies.merged_line(literal(member_id, Uuid)))


def among(ids: Iterable[UUID]) -> ColumnElement[bool]:
    return _columns.id == func.any(list(ids))


def is_no_slip() -> ColumnElement[bool]:
    """All but arrivals that a roll call ticked by a slip and took back."""
    return or_(_columns.state != State.REJECTED.value, _columns.reason.is_distinct_from(TAKEN_BACK))


def at_activity(activity_id: UUID, state: str | None, site_id: UUID | None = None) -> list[ColumnElement[bool]]:
    where = [_columns.activity_id == activity_id]
    if state is not None:
        where.append(_columns.state == state)
    if site_id is not None:
        where.append(_columns.site_id == site_id)
    return where


def below(paths: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(copies.station.c.path.startswith(path, autoescape=True) for path in paths))


def count_presence(tx: Session, activity_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """How many people are there and came, under however many entries, how many pairs wait, and how many who are there
    came by a late scan that nobody has nodded to, by activity; where nobody was it is missing.

    Reads these activities' stretches of an index, the rows of those who are there, and who was ever merged.
    """
    return {row.activity_id: row for row in tx.execute(_count_presence, {"activity_ids": list(activity_ids)})}


def list_waiting_below(tx: Session, activity_id: UUID, *, below_minutes: int, limit: int) -> Sequence[Row[UUID, int]]:
    """Members of whom something waits here, with the minutes that they come to once it is confirmed; only those with
    fewer than `below_minutes`, the fewest first.
    """
    counting = [State.LEFT.value, *(state.value for state in SETTLED)]
    minutes = func.sum(_columns.minutes).label("minutes")
    return tx.execute(
        select(_columns.member_id, minutes)
        .where(_columns.activity_id == activity_id, _columns.state.in_(counting))
        .group_by(_columns.member_id)
        .having(func.bool_or(_columns.state == State.LEFT.value), minutes < below_minutes)
        .order_by(minutes, _columns.member_id)
        .limit(limit)
    ).all()


def values_of_new(attendance: Attendance) -> dict[str, Any]:
    """All that is written down of one that is new."""
    names = ("id", "activity_id", "site_id", "member_id", "pair")
    return _values(attendance) | {name: getattr(attendance, name) for name in names}


def _values(attendance: Attendance) -> dict[str, Any]:
    values = {name: getattr(attendance, name) for name in _CHANGING}
    values |= {"state": attendance.state.value, "evidence": attendance.evidence.value}
    return values | {"marks": [mark.value for mark in attendance.marks]}
