"""Files that were brought, and their rows."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.members.queries.people import may_see
from services.members.store import imports as store
from services.members.store import named, shown_imports
from shared.db import session
from shared.principal import Principal, Role


def list_imports(
    caller: Principal,
    *,
    limit: int,
    station_id: UUID | None = None,
    state: str | None = None,
    before: UUID | None = None,
) -> list[dict[str, Any]]:
    """Files that were brought at and below the caller's nodes, newest first."""
    paths = caller.paths(Role.STAFF) + caller.paths(Role.AUDITOR)
    statement = shown_imports.view().where(shown_imports.below_any(paths))
    statement = statement.order_by(store.ImportFile.id.desc()).limit(limit)
    if station_id is not None:
        statement = statement.where(store.ImportFile.station_id == station_id)
    if state is not None:
        statement = statement.where(store.ImportFile.state == state)
    if before is not None:
        statement = statement.where(store.ImportFile.id < before)
    return [shown_imports.as_shown(caller, row) for row in session().execute(statement)]


def show_import(caller: Principal, import_id: UUID) -> dict[str, Any]:
    tx = session()
    row = tx.execute(shown_imports.view().where(store.ImportFile.id == import_id)).first()
    if row is None or not (caller.may(Role.STAFF, row.path) or caller.may(Role.AUDITOR, row.path)):
        raise store.ImportNotFound
    return shown_imports.as_shown(caller, row)


def list_import_rows(caller: Principal, import_id: UUID, *, state: str, limit: int, after: int) -> list[dict[str, Any]]:
    """Rows in one state, by number, with what they were read as and who is meant; for who may see phones, which stand
    in them.
    """
    tx = session()
    _found, path = shown_imports.get_seen(tx, caller, import_id)
    caller.require(Role.STAFF, path)
    rows = store.list_rows(tx, import_id, state, limit=limit, after=after)
    meant = {one.id: one for one in named.list_named(tx, [row.member_id for row in rows if row.member_id])}
    return [
        {
            "number": row.number,
            "member_id": row.member_id,
            "read": row.content.read and {name: row.content.read.get(name) for name in _READ},
            "member": _meant(caller, meant.get(row.member_id)) if row.member_id else None,
            "cells": row.content.cells,
            "problems": row.content.problems,
        }
        for row in rows
    ]


_READ = ("name", "minutes", "points", "day", "title", "category")


def _meant(caller: Principal, row: Row[Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return named.as_named(row) if may_see(caller, row.id, row.path) else named.as_named_masked(row)
