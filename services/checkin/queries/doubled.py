"""Stays of one person that count twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.checkin.queries.attendances import as_shown
from services.checkin.store import attendances as attendance_store
from services.checkin.store import doubled as store
from shared.db import session
from shared.principal import Principal, Role

READERS = (Role.STAFF, Role.AUDITOR)


def list_doubled(caller: Principal, *, limit: int, member_id: UUID | None = None) -> list[dict[str, Any]]:
    """Two stays each of a person whose entries were merged, at the same hours: those that the caller's nodes have to do
    with, the newest first; of one member, or of all. Each stay says whether the caller may take it back there.
    """
    tx = session()
    paths = [path for role in READERS for path in caller.paths(role)]
    found = store.list_doubled(tx, paths, limit=limit, member_id=member_id)
    ids = {attendance_id for row in found for attendance_id in (row.first_id, row.second_id)}
    where = [attendance_store.among(ids)]
    rows = attendance_store.list_views(tx, where, limit=len(ids), newest_first=False, mark=None) if ids else []
    stays = {row.id: as_shown(row) | {"may_annul": caller.may(Role.ORGANIZER, row.station_path or "")} for row in rows}
    return [
        {
            "member_id": row.member_id,
            "name_masked": row.name_masked,
            "number_tail": row.number_tail,
            "minutes": row.lasted // timedelta(minutes=1),
            "stays": [stays[row.first_id], stays[row.second_id]],
        }
        for row in found
    ]
