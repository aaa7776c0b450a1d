"""The hot path: one statement that reads all a scan is judged by, and one that writes what became of it.

Written as SQL text, since building these statements anew would cost more than PostgreSQL needs to
run them. An activity can be cancelled or moved while a scan is judged. Reading takes the activity's
shared advisory lock, its changes take the exclusive one (`store.activities.hold_activity`), and
writing looks at the activity once more with a snapshot that is younger than the lock: either the
change sees the new attendance, or the attendance sees the change.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Row,
    Text,
    TextClause,
    TextualSelect,
    Uuid,
    bindparam,
    column,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from services.checkin.domain.admission import Outcome, Why
from services.checkin.domain.attendances import PAIRS_PER_DAY_MAX, Attendance, Mark, State
from services.checkin.domain.codes import Direction, PlaceCode
from services.checkin.domain.schedule import DURATION_MAX
from services.checkin.store.activities import lock_key
from services.checkin.store.attendances import LIVE_SQL
from services.checkin.store.switches import CONFIRM_EACH
from services.checkin.store.tables import attendance_table, scan_table
from shared import copies
from shared.copies import PERSONS
from shared.events import Evidence

_REACH = 2 * DURATION_MAX
"""No pair that began longer ago can reach into the day at hand."""

_SITUATION = {
    "scan_id": "scan.id",
    "activity_state": "activity.state",
    "title": "activity.title",
    "path": "coalesce(place.path, '')",
    "starts_at": "activity.starts_at",
    "ends_at": "activity.ends_at",
    "window_before_minutes": "activity.window_before_minutes",
    "activity_reason": "activity.reason",
    "site_id": "site.id",
    "member_status": "card.status",
    "last_id": "last.id",
    "last_pair": "last.pair",
    "last_state": "last.state",
    "last_left_at": "last.left_at",
    "pairs_today": "day.pairs",
    "overlapping": "day.overlapping",
    "has_merged": "EXISTS (SELECT FROM member_card gone WHERE gone.merged_into = :member_id)",
    "is_full": "{full}",
    "is_of_leaders": "{of_leaders}",
}
"""A situation's columns. Each costs every scan some microseconds, so that none is read which is not asked for."""

_LEAVING = {
    "category": "activity.category",
    "station_id": "activity.station_id",
    "confirm_each": "{confirm_each}",
    "last_arrived_at": "last.arrived_at",
    "last_evidence": "last.evidence",
    "last_marks": "last.marks",
    "last_service_day": "last.service_day",
}
"""What is asked of who leaves besides."""

_READ = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(:lock_key){hold}),
pair AS MATERIALIZED (
    SELECT id, site_id, pair, state, version, service_day, arrived_at, left_at, minutes, evidence, marks, reason
    FROM attendance WHERE {pairs} {lock}
)
SELECT {columns}
FROM held
LEFT JOIN scan ON scan.id = :scan_id
LEFT JOIN activity ON activity.id = :activity_id
LEFT JOIN station place ON place.node_id = activity.station_id
LEFT JOIN site ON site.id = :site_id AND site.activity_id = activity.id
LEFT JOIN member_card card ON card.member_id = :member_id
LEFT JOIN LATERAL (SELECT * FROM pair WHERE pair.site_id = :site_id ORDER BY pair.pair DESC LIMIT 1) last ON true
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE other.service_day = :day) AS pairs,
        coalesce(bool_or(
            other.site_id <> :site_id
            AND greatest(other.arrived_at, elsewhere.starts_at) < least({until}, activity.ends_at)
            AND least(other.left_at, elsewhere.ends_at, elsewhere.ended_at) > greatest({since}, activity.starts_at)
        ), false) AS overlapping
    FROM attendance other JOIN activity elsewhere ON elsewhere.id = other.activity_id
    WHERE other.member_id = :member_id AND other.arrived_at > :reach
      AND other.state IN {live}
) day
"""

# By entries, of which there are at least as many as there are people: who is the same is asked where it may matter.
_FULL = f"""
activity.capacity <= (
    SELECT count(DISTINCT present.member_id) FROM attendance present
    WHERE activity.capacity IS NOT NULL AND present.activity_id = activity.id AND present.member_id <> :member_id
      AND present.state IN {LIVE_SQL}
)
"""  # noqa: S608 - a statement of ours
_FULL_OF_PEOPLE = text(f"""
WITH RECURSIVE {PERSONS}
SELECT activity.capacity <= (
    SELECT count(DISTINCT coalesce(person.person_id, present.member_id))
    FROM attendance present LEFT JOIN person ON person.member_id = present.member_id
    WHERE present.activity_id = activity.id AND present.state IN {LIVE_SQL}
      AND coalesce(person.person_id, present.member_id)
        <> coalesce((SELECT own.person_id FROM person own WHERE own.member_id = :member_id), :member_id)
)
FROM activity WHERE activity.id = :activity_id
""")  # noqa: S608 - likewise

# Who made the activity or leads a site of it, and who lives with them. A card that has not come yet hides nobody.
_OF_LEADERS = """
EXISTS (
    SELECT FROM (
        SELECT activity.created_by AS member_id
        UNION ALL SELECT leader_member_id FROM site led WHERE led.activity_id = activity.id
    ) leader
    LEFT JOIN member_card theirs ON theirs.member_id = leader.member_id
    WHERE leader.member_id = :member_id OR theirs.household_id = card.household_id
)
"""

_TYPES: dict[str, Any] = {
    **dict.fromkeys(("scan_id", "activity_id", "site_id", "member_id", "login_id", "attendance_id"), Uuid()),
    **dict.fromkeys(("at", "received_at", "reach", "starts_at", "ends_at", "arrived_at"), DateTime(timezone=True)),
    **dict.fromkeys(("marks", "pair_marks"), ARRAY(Text)),
}


def _read(situation: dict[str, str], **parts: str) -> TextualSelect:
    # Columns that are named beforehand need not be made out from every result anew.
    names: list[ColumnElement[Any]] = [column(name) for name in situation]
    columns = ", ".join(f"{content.format(**parts)} AS {name}" for name, content in situation.items())
    return _typed(_READ.format(columns=columns, live=LIVE_SQL, **parts)).columns(*names)


def _typed(sql: str) -> TextClause:
    named = set(re.findall(r":(\w+)", sql))
    return text(sql).bindparams(*(bindparam(name, type_=type_) for name, type_ in _TYPES.items() if name in named))


# One arrival of a member after the other, so that writing can count the pairs of the day once more.
_READ_ARRIVAL = _read(
    _SITUATION,
    hold=", pg_advisory_xact_lock(:member_key)",
    pairs="site_id = :site_id AND member_id = :member_id",
    lock="",
    full=_FULL,
    # Asked when they leave.
    of_leaders="false",
    until="'infinity'",
    since=":at",
)
# Leaving may settle, and settling needs every pair of the member here to stand still.
_READ_DEPARTURE = _read(
    _SITUATION | _LEAVING,
    hold="",
    pairs="activity_id = :activity_id AND member_id = :member_id",
    lock="ORDER BY id FOR UPDATE",
    full="false",
    of_leaders=_OF_LEADERS,
    confirm_each=f"activity.confirm_each OR {CONFIRM_EACH.holds}",
    until=":at",
    since="last.arrived_at",
)

_SCAN_COLUMNS = """
id, member_id, login_id, activity_id, site_id, direction, at, received_at, code_digest, outcome, marks, why, waits,
attendance_id
"""
_SCAN_VALUES = """
:scan_id, :member_id, :login_id, :activity_id, :site_id, :direction, :at, :received_at, :code_digest, :outcome, :marks,
:why, :waits
"""


def _written(template: str) -> TextClause:
    return _typed(template.format(columns=_SCAN_COLUMNS, values=_SCAN_VALUES, live=LIVE_SQL))


_NOTE = _written("""
INSERT INTO scan ({columns}) VALUES ({values}, :attendance_id) ON CONFLICT (id) DO NOTHING RETURNING id
""")

_ARRIVE = _written("""
WITH arrived AS (
    INSERT INTO attendance (id, activity_id, site_id, member_id, pair, state, service_day, arrived_at, evidence, marks)
    SELECT :attendance_id, id, :site_id, :member_id, :pair, 'open', :day, :at, :evidence, :pair_marks
    FROM activity
    WHERE id = :activity_id AND state = 'published' AND starts_at = :starts_at AND ends_at = :ends_at
      AND :pairs_max > (
        SELECT count(*) FROM attendance other
        WHERE other.member_id = :member_id AND other.arrived_at > :reach AND other.service_day = :day
          AND other.state IN {live}
      )
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO scan ({columns}) SELECT {values}, id FROM arrived ON CONFLICT (id) DO NOTHING RETURNING id
""")

_LEAVE = _written("""
WITH departed AS (
    UPDATE attendance SET state = :state, version = :version, left_at = :left_at, minutes = :minutes,
        minutes_in_time = :minutes, evidence = :evidence, marks = :pair_marks
    FROM activity
    WHERE attendance.id = :attendance_id AND attendance.state = 'open' AND activity.id = :activity_id
      AND activity.state = 'published' AND activity.starts_at = :starts_at AND activity.ends_at = :ends_at
    RETURNING attendance.id
),
noted AS (
    INSERT INTO scan ({columns}) SELECT {values}, id FROM departed ON CONFLICT (id) DO NOTHING RETURNING id
)
SELECT EXISTS (
    SELECT FROM attendance WHERE activity_id = :activity_id AND member_id = :member_id AND id <> :attendance_id
      AND state IN ('confirmed', 'corrected')
) AS has_settled_others FROM noted
""")


class Lost(Exception):
    """Somebody else wrote between our reading and our writing: read again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A member's scan of a code; `code` is None when the text was not one of ours."""

    scan_id: UUID
    member_id: UUID
    login_id: UUID | None
    code: PlaceCode | None
    at: datetime
    received_at: datetime
    day: date
    code_digest: bytes

    def parameters(self) -> dict[str, Any]:
        code = self.code
        return {
            "scan_id": self.scan_id,
            "member_id": self.member_id,
            "login_id": self.login_id,
            "at": self.at,
            "received_at": self.received_at,
            "code_digest": self.code_digest,
            "activity_id": code and code.activity_id,
            "site_id": code and code.site_id,
            "direction": code and code.direction.value,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """A scan with its outcome, as it is kept and answered."""

    member_id: UUID
    outcome: Outcome
    direction: Direction | None
    at: datetime
    marks: tuple[Mark, ...] = ()
    why: Why | None = None
    waits: bool = False
    attendance_id: UUID | None = None
    activity_id: UUID | None = None


def find_by_id(tx: Session, scan_id: UUID) -> Record | None:
    row = tx.execute(select(scan_table).where(scan_table.c.id == scan_id)).first()
    return None if row is None else as_record(row)


def read_situation(tx: Session, reading: Reading, code: PlaceCode) -> Row[Any]:
    """Everything at once: `_SITUATION`, and `_LEAVING` for who leaves. Columns of what is not there are NULL."""
    statement = _READ_ARRIVAL if code.direction is Direction.ARRIVAL else _READ_DEPARTURE
    return (
        tx.connection()
        .execute(
            statement,
            {
                "scan_id": reading.scan_id,
                "activity_id": code.activity_id,
                "site_id": code.site_id,
                "member_id": reading.member_id,
                "at": reading.at,
                "day": reading.day,
                "reach": reading.at - _REACH,
                "lock_key": lock_key(code.activity_id),
                "member_key": lock_key(reading.member_id),
            },
        )
        .one()
    )


def is_full_of_people(tx: Session, code: PlaceCode, member_id: UUID) -> bool:
    """Whether as many people came as an activity has places, however many entries of theirs were merged; the member
    not among them.
    """
    found = tx.execute(_FULL_OF_PEOPLE, {"activity_id": code.activity_id, "member_id": member_id})
    return bool(found.scalar_one())


def find_merged_here(tx: Session, code: PlaceCode, member_id: UUID) -> tuple[UUID, State] | None:
    """Who of those that were merged into a member came to this site last, and what became of that stay."""
    columns = attendance_table.c
    row = tx.execute(
        select(columns.member_id, columns.state)
        .where(
            columns.site_id == code.site_id,
            columns.member_id != member_id,
            columns.member_id.in_(copies.merged_line(literal(member_id, Uuid))),
        )
        .order_by((columns.state == State.OPEN.value).desc(), columns.arrived_at.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.member_id, State(row.state))


@dataclass(frozen=True, slots=True)
class Merged:
    """What a person did under other entries: stays on the day at hand, and whether one of them overlaps."""

    today: int = 0
    overlapping: bool = False


_MERGED = text(f"""
SELECT count(*) FILTER (WHERE other.service_day = :day) AS today, coalesce(bool_or(
    greatest(other.arrived_at, elsewhere.starts_at) < least(CAST(:until AS timestamptz), :ends_at)
    AND least(other.left_at, elsewhere.ends_at, elsewhere.ended_at) > greatest(CAST(:since AS timestamptz), :starts_at)
), false) AS overlapping
FROM attendance other JOIN activity elsewhere ON elsewhere.id = other.activity_id
WHERE other.member_id = ANY(:member_ids) AND other.arrived_at > :reach AND other.state IN {LIVE_SQL}
""")  # noqa: S608 - a statement of ours


def read_merged(tx: Session, reading: Reading, code: PlaceCode, found: Row[Any], person_id: UUID) -> Merged:
    """Who came under two entries was here once: asked of the few who have been merged, by two statements. `person_id`
    is the entry that stays; the reading may be of one that was merged into it.
    """
    is_arrival = code.direction is Direction.ARRIVAL
    entries = {person_id, *copies.merged_into(tx, [person_id])} - {reading.member_id}
    row = tx.execute(
        _MERGED,
        {
            "member_ids": list(entries),
            "day": reading.day,
            "reach": reading.at - _REACH,
            "since": reading.at if is_arrival else found.last_arrived_at,
            "until": None if is_arrival else reading.at,
            "starts_at": found.starts_at,
            "ends_at": found.ends_at,
        },
    ).one()
    return Merged(row.today, row.overlapping)


def note(tx: Session, reading: Reading, record: Record) -> None:
    """Keep a scan that changes no attendance; Lost when the same scan was kept meanwhile."""
    _write(tx, _NOTE, {**_of(reading, record), "attendance_id": record.attendance_id})


def arrive(tx: Session, reading: Reading, record: Record, found: Row[Any], *, merged_today: int = 0) -> None:
    """Open a pair and keep the scan; Lost when an index, or the activity, says otherwise meanwhile. `merged_today`:
    how many pairs of the day other entries of the member have, who add none any more.
    """
    _write(
        tx,
        _ARRIVE,
        {
            **_of(reading, record),
            "attendance_id": record.attendance_id,
            "pair": (found.last_pair or 0) + 1,
            "day": reading.day,
            "reach": reading.at - _REACH,
            "pairs_max": PAIRS_PER_DAY_MAX - merged_today,
            "evidence": Evidence.OWN_SCAN.value,
            "pair_marks": [mark.value for mark in record.marks],
            "starts_at": found.starts_at,
            "ends_at": found.ends_at,
        },
    )


def leave(tx: Session, reading: Reading, record: Record, left: Attendance, found: Row[Any]) -> bool:
    """Close a pair and keep the scan; whether the member has other settled pairs at this activity."""
    row = _write(
        tx,
        _LEAVE,
        {
            **_of(reading, record),
            "attendance_id": left.id,
            "state": left.state.value,
            "version": left.version,
            "left_at": left.left_at,
            "minutes": left.minutes,
            "evidence": left.evidence.value,
            "pair_marks": [mark.value for mark in left.marks],
            "starts_at": found.starts_at,
            "ends_at": found.ends_at,
        },
    )
    return bool(row.has_settled_others)


def _write(tx: Session, statement: TextClause, parameters: dict[str, Any]) -> Row[Any]:
    row = tx.connection().execute(statement, parameters).first()
    if row is None:
        raise Lost
    return row


def _of(reading: Reading, record: Record) -> dict[str, Any]:
    return {
        **reading.parameters(),
        "outcome": record.outcome.value,
        "marks": [mark.value for mark in record.marks],
        "why": record.why and record.why.value,
        "waits": record.waits,
    }


def as_record(row: Row[Any]) -> Record:
    content = row._mapping
    return Record(
        member_id=content["member_id"],
        outcome=Outcome(content["outcome"]),
        direction=content["direction"] and Direction(content["direction"]),
        at=content["at"],
        marks=tuple(Mark(mark) for mark in content["marks"]),
        why=content["why"] and Why(content["why"]),
        waits=content["waits"],
        attendance_id=content["attendance_id"],
        activity_id=content["activity_id"],
    )


def last_pair(row: Row[Any], code: PlaceCode, member_id: UUID) -> Attendance:
    """The member's latest pair at this post, out of a situation that has one."""
    return Attendance(
        id=row.last_id,
        activity_id=code.activity_id,
        site_id=code.site_id,
        member_id=member_id,
        pair=row.last_pair,
        state=State(row.last_state),
        version=0,
        service_day=row.last_service_day,
        arrived_at=row.last_arrived_at,
        left_at=None,
        minutes=None,
        minutes_in_time=None,
        evidence=Evidence(row.last_evidence),
        marks=tuple(Mark(mark) for mark in row.last_marks),
        automatic_departure=False,
        reason=None,
    )
