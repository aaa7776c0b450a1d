"""Stays of one person at the same hours under two entries that were merged since, and count twice."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, func, or_, select, text
from sqlalchemy.orm import Session

from services.checkin.domain.attendances import DOUBLED, State
from services.checkin.domain.past import State as PastState
from services.checkin.store.activities import lock_each
from services.checkin.store.tables import PastRecord, attendance_table
from shared import copies
from shared.audit import audit_log
from shared.copies import PERSONS

# Who was merged is looked up first: hardly anybody is. Time counts within the activity, as everywhere.
_STAYS = f"""
    WITH RECURSIVE {PERSONS}, entry AS (
        SELECT member_id, person_id FROM person UNION SELECT person_id, person_id FROM person
    ), stay AS (
        SELECT attendance.id, entry.person_id, entry.member_id, attendance.state, arrived_at, place.path,
            greatest(arrived_at, starts_at) AS from_at, least(left_at, ends_at, ended_at) AS until_at
        FROM entry JOIN attendance ON attendance.member_id = entry.member_id
        JOIN activity ON activity.id = attendance.activity_id
        LEFT JOIN station place ON place.node_id = activity.station_id
        WHERE attendance.state IN ('confirmed', 'corrected', 'annulled')
    )
"""  # noqa: S608 - a statement of ours
_TOGETHER = """
    ON other.person_id = stay.person_id AND other.member_id <> stay.member_id
    AND other.state IN ('confirmed', 'corrected')
    AND greatest(other.from_at, stay.from_at) < least(other.until_at, stay.until_at)
"""
# Of one person, by the entry that stays, or of everybody.
_list = text(f"""
    {_STAYS}
    SELECT stay.person_id AS member_id, stay.id AS first_id, other.id AS second_id, card.name_masked,
        right(card.volunteer_number, 4) AS number_tail,
        least(other.until_at, stay.until_at) - greatest(other.from_at, stay.from_at) AS lasted
    FROM stay JOIN stay other {_TOGETHER} AND (stay.arrived_at, stay.id) < (other.arrived_at, other.id)
    LEFT JOIN member_card card ON card.member_id = stay.person_id
    LEFT JOIN station home ON home.node_id = card.station_id
    WHERE stay.state IN ('confirmed', 'corrected') AND (CAST(:member_id AS uuid) IS NULL OR stay.person_id = :member_id)
    AND EXISTS (
        SELECT FROM unnest(:paths) AS mine (path)
        WHERE starts_with(stay.path, mine.path) OR starts_with(other.path, mine.path)
            OR starts_with(home.path, mine.path)
    )
    ORDER BY other.arrived_at DESC, other.id, stay.id LIMIT :limit
""").bindparams(bindparam("paths", type_=ARRAY(Text)), bindparam("member_id", type_=Uuid))  # noqa: S608 - likewise
_among = text(f"{_STAYS} SELECT DISTINCT stay.id FROM stay JOIN stay other {_TOGETHER} WHERE stay.id = ANY(:ids)")  # noqa: S608 - likewise


def take_turn(tx: Session, member_ids: Collection[UUID]) -> list[UUID]:
    """Nobody else parts these persons' entries or takes one of two stays back until we are done; the entries. A first
    merge waits for nobody: what it doubles is read after it.
    """
    persons = set(copies.who_stays(tx, member_ids).values())
    entries = [*persons, *copies.merged_into(tx, persons)]
    lock_each(tx, entries)
    return entries


def list_doubled(tx: Session, paths: Sequence[str], *, limit: int, member_id: UUID | None = None) -> Sequence[Row[Any]]:
    """The person, both stays and for how long they run together, the newest first; of which either stay, or the
    person's home, lies below one of these paths. Of one person, or of all.
    """
    return tx.execute(_list, {"paths": list(paths), "limit": limit, "member_id": member_id}).all()


def list_doubled_among(tx: Session, attendance_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these stays at whose hours another one counts that the person has under another entry."""
    if not attendance_ids:
        return []
    return list(tx.scalars(_among, {"ids": list(attendance_ids)}))


def list_merged(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Those of these members whose card says that they were merged, with whom they went into."""
    card = copies.member_card.c
    where = (card.member_id == func.any(list(member_ids)), card.merged_into.is_not(None))
    return {
        row.member_id: row.merged_into for row in tx.execute(select(card.member_id, card.merged_into).where(*where))
    }


def list_taken_back(tx: Session, member_ids: Iterable[UUID]) -> Sequence[Row[UUID, bool]]:
    """Stays of these members that were annulled as doubled, the oldest first, and whether their times were corrected
    before; but not what was taken over from a list that was taken back as a whole since.
    """
    columns, log = attendance_table.c, audit_log.c
    corrected = select(log.id).where(log.subject_id == columns.id, log.action == "attendance.correct").exists()
    return tx.execute(
        select(columns.id, corrected.label("was_corrected"))
        .outerjoin(PastRecord, PastRecord.id == columns.id)
        .where(
            columns.member_id == func.any(list(member_ids)),
            columns.state == State.ANNULLED.value,
            columns.reason == DOUBLED,
            or_(PastRecord.id.is_(None), PastRecord.state != PastState.UNDONE.value),
        )
        .order_by(columns.arrived_at, columns.id)
    ).all()
