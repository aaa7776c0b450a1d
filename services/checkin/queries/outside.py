"""Numbers of other platforms, and batches for them."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.checkin.domain import outside
from services.checkin.domain.outside import NoSuchBatch
from services.checkin.store import ExportBatch
from services.checkin.store import outside as outside_store
from shared import copies
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role

_EXPORT_READERS = (Role.STAFF, Role.AUDITOR)


def list_outside_numbers(caller: Principal, *, kind: str, subject_id: UUID) -> Sequence[Row[Any]]:
    """Under which numbers other platforms know a member or an activity."""
    caller.require_any(_EXPORT_READERS, outside_store.path_of_subject(session(), kind, subject_id))
    return outside_store.list_numbers(session(), kind, subject_id)


def list_batches(caller: Principal, *, limit: int, after: UUID | None = None) -> list[ExportBatch]:
    """Batches of the caller's nodes, newest first."""
    paths = [path for role in _EXPORT_READERS for path in caller.paths(role)]
    return outside_store.list_batches(session(), paths, limit=limit, after=after)


def get_batch(caller: Principal, *, batch_id: UUID) -> ExportBatch:
    batch = outside_store.find_batch(session(), batch_id)
    if batch is None:
        raise NoSuchBatch
    caller.require_any(_EXPORT_READERS, batch.path)
    return batch


def list_records(caller: Principal, *, batch_id: UUID, limit: int, after: int) -> list[dict[str, Any]]:
    """Records of a batch as they stood when it was made, by line."""
    get_batch(caller, batch_id=batch_id)
    return outside_store.list_records(session(), batch_id, limit=limit, after=after)


def list_waiting_for_numbers(
    caller: Principal, *, platform: str, node_id: UUID, from_day: date, to_day: date
) -> Sequence[Row[Any]]:
    """Whose records of a node and span wait for a number of the platform, before there is a batch of them."""
    node = copies.find_station(session(), node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require_any(_EXPORT_READERS, node.path)
    outside.require_period(from_day, to_day)
    scope = outside_store.Scope(platform, node_id, node.path, from_day, to_day)
    return outside_store.list_left_out(session(), scope)


def list_left_out(caller: Principal, *, batch_id: UUID) -> Sequence[Row[Any]]:
    """Whose records of a batch's node and span wait for a number of the platform, by now."""
    batch = get_batch(caller, batch_id=batch_id)
    scope = outside_store.Scope(batch.platform, batch.node_id, batch.path, batch.from_day, batch.to_day)
    return outside_store.list_left_out(session(), scope)
