"""Statements on sign-ups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.checkin.domain.sign_ups import NoSuchSignUp
from services.checkin.store.activities import NoSuchActivity
from services.checkin.store.attendances import LIVE_SQL
from services.checkin.store.tables import Activity, sign_up_table
from shared import copies
from shared.copies import PERSONS

_columns = sign_up_table.c

# Entries of one person that were merged are one who is signed up, at the first place of theirs.
_signed = f"""
    WITH RECURSIVE {PERSONS}, theirs AS (
        SELECT sign_up.*, coalesce(person_id, member_id) AS person FROM sign_up LEFT JOIN person USING (member_id)
        WHERE activity_id = :activity_id AND cancelled_at IS NULL
    ), first AS (
        SELECT DISTINCT ON (person) * FROM theirs ORDER BY person, number
    ), signed AS (
        SELECT id, person AS member_id, site_id, at, by_member_id, list_id, row_number() OVER (ORDER BY number) AS place
        FROM first
    )
"""  # noqa: S608 - a statement of ours

_places = text(f"{_signed} SELECT id, member_id, place FROM signed")  # noqa: S608 - a statement of ours

# An id that was asked for before is known under the member it was asked for.
_known = text(f"""
    WITH RECURSIVE {PERSONS}
    SELECT sign_up.id, cancelled_at, activity_id <> :activity_id AS elsewhere,
        CASE WHEN sign_up.id = ANY(:ids) THEN member_id ELSE coalesce(person_id, member_id) END AS member_id
    FROM sign_up LEFT JOIN person USING (member_id)
    WHERE sign_up.id = ANY(:ids)
        OR activity_id = :activity_id AND cancelled_at IS NULL AND coalesce(person_id, member_id) = ANY(:member_ids)
""")  # noqa: S608 - a statement of ours

# Who came without a sign-up stands after all that have one.
_list = text(f"""
    {_signed}, came AS (
        SELECT coalesce(person_id, member_id) AS member_id, (array_agg(site_id ORDER BY arrived_at))[1] AS site_id,
            bool_or(state = 'open') AS is_there
        FROM attendance LEFT JOIN person USING (member_id)
        WHERE activity_id = :activity_id AND state IN {LIVE_SQL}
        GROUP BY coalesce(person_id, member_id)
    )
    SELECT signed.id, member_id, coalesce(came.site_id, signed.site_id) AS site_id, signed.at, signed.by_member_id,
        signed.list_id, signed.place, came.member_id IS NOT NULL AS came, coalesce(came.is_there, false) AS is_there
    FROM signed FULL JOIN came USING (member_id)
    ORDER BY signed.place NULLS LAST, member_id LIMIT :limit
""")  # noqa: S608 - a statement of ours

_of_members = text(f"""
    WITH RECURSIVE {PERSONS}, whose AS (
        SELECT member_id, member_id AS person FROM unnest(CAST(:member_ids AS uuid[])) AS wanted (member_id)
        UNION SELECT member_id, person_id FROM person WHERE person_id = ANY(:member_ids)
    ), first AS (
        SELECT DISTINCT ON (person, activity_id) sign_up.*, person FROM sign_up JOIN whose USING (member_id)
        WHERE cancelled_at IS NULL ORDER BY person, activity_id, number
    )
    SELECT first.id, first.activity_id, first.person AS member_id, first.site_id, first.at, site.name AS site_name,
        activity.title, activity.starts_at, activity.ends_at, activity.place AS activity_place, activity.state,
        activity.reason, activity.capacity, station.name AS station_name,
        (SELECT count(DISTINCT coalesce(person_id, member_id)) FROM sign_up before LEFT JOIN person USING (member_id)
            WHERE before.activity_id = first.activity_id AND before.cancelled_at IS NULL
            AND before.number <= first.number) AS place,
        EXISTS (SELECT FROM attendance JOIN whose USING (member_id)
            WHERE attendance.activity_id = first.activity_id AND whose.person = first.person
            AND attendance.state IN {LIVE_SQL}) AS came
    FROM first JOIN activity ON activity.id = first.activity_id
    LEFT JOIN site ON site.id = first.site_id
    LEFT JOIN station ON station.node_id = activity.station_id
    WHERE activity.id = :activity_id OR CAST(:activity_id AS uuid) IS NULL
        AND activity.ends_at >= :ends_from AND activity.state <> 'closed'
    ORDER BY activity.starts_at, first.number, first.id LIMIT :limit
""")  # noqa: S608 - a statement of ours


def hold_order(tx: Session, activity_id: UUID) -> Activity:
    """The activity, which nobody else changes or signs up for until we are done. Scans do not wait for this."""
    found = tx.get(Activity, activity_id, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NoSuchActivity
    return found


def list_known(tx: Session, activity_id: UUID, ids: Sequence[UUID], member_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Of these sign-ups those that there are, cancelled or not, and the live ones of these members."""
    values = {"activity_id": activity_id, "ids": list(ids), "member_ids": list(member_ids)}
    return tx.execute(_known, values).all()


def last_number(tx: Session, activity_id: UUID) -> int:
    """The highest number given out; the activity is held by us."""
    highest = select(func.max(_columns.number)).where(_columns.activity_id == activity_id)
    return tx.scalar(highest) or 0


def add(tx: Session, rows: Sequence[dict[str, Any]]) -> None:
    tx.execute(insert(sign_up_table).values(list(rows)))


def places(tx: Session, activity_id: UUID) -> dict[UUID, Row[Any]]:
    """By member, the id and the place in the order of those who are signed up, from 1."""
    return {row.member_id: row for row in tx.execute(_places, {"activity_id": activity_id})}


def activity_of(tx: Session, sign_up_id: UUID) -> UUID:
    found: UUID | None = tx.scalar(select(_columns.activity_id).where(_columns.id == sign_up_id))
    if found is None:
        raise NoSuchSignUp
    return found


def get(tx: Session, sign_up_id: UUID) -> Row[Any]:
    """A sign-up; its activity is held by us, so that it stands still."""
    return tx.execute(select(sign_up_table).where(_columns.id == sign_up_id)).one()


def cancel(tx: Session, found: Row[Any], at: datetime, by_member_id: UUID | None) -> None:
    """Call a sign-up off, and what else this person is signed up for at the activity under merged entries."""
    stays = copies.who_stays(tx, [found.member_id])[found.member_id]
    theirs = copies.merged_line(literal(stays, Uuid))
    tx.execute(
        update(sign_up_table)
        .where(
            _columns.activity_id == found.activity_id, _columns.cancelled_at.is_(None), _columns.member_id.in_(theirs)
        )
        .values(cancelled_at=at, cancelled_by_member_id=by_member_id)
    )


def list_at(tx: Session, activity_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Who is signed up, in order, and then who came without."""
    return tx.execute(_list, {"activity_id": activity_id, "limit": limit}).all()


def list_of_members(
    tx: Session, member_ids: Sequence[UUID], *, activity_id: UUID | None, ends_from: datetime, limit: int
) -> Sequence[Row[Any]]:
    """What these are signed up for: at one activity, or everything that is not closed and has not ended before
    `ends_from`; each with whether they came.
    """
    values = {"member_ids": list(member_ids), "activity_id": activity_id, "ends_from": ends_from, "limit": limit}
    return tx.execute(_of_members, values).all()
