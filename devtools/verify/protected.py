"""Invariant 6: no row of an append-only table can be changed, by anybody the services could be."""

from collections.abc import Callable, Iterator
from typing import Any

APPEND_ONLY = {
    "members": ("audit_log", "consent"),
    "checkin": ("audit_log", "export_batch", "export_record", "scan"),
    "points": ("allocation", "audit_log", "idempotency", "move", "outcome", "rule", "seal", "transfer"),
    "rewards": ("audit_log", "desk_call", "desk_close", "desk_count", "desk_order", "stock_movement"),
}
"""By name, whatever the database says of itself: a table that lost its mark would lose its guard with it."""

_BEFORE, _DELETE, _UPDATE, _TRUNCATE = 2, 8, 16, 32
_FORBIDS = _BEFORE | _DELETE | _UPDATE | _TRUNCATE
"""What pg_trigger.tgtype says of one that comes before each of these statements."""

_RAISES = "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"

_GUARDS = """
    SELECT wanted.name, c.oid IS NOT NULL AS is_there,
        has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
            OR has_table_privilege(c.oid, 'TRUNCATE') OR has_any_column_privilege(c.oid, 'UPDATE')
            OR pg_has_role(c.relowner, 'MEMBER') AS may_change,
        EXISTS (
            SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype = :forbids
                AND t.tgqual IS NULL AND CAST(t.tgattr AS text) = '' AND l.lanname = 'plpgsql'
                AND btrim(regexp_replace(p.prosrc, '\\s+', ' ', 'g')) = :raises
        ) AS guarded
    FROM unnest(CAST(:tables AS text[])) AS wanted (name)
    LEFT JOIN pg_class c ON c.relname = wanted.name AND c.relkind = 'r'
        AND c.relnamespace = to_regnamespace('public')
"""


def find_unprotected(rows: Callable[..., list[Any]]) -> Iterator[str]:
    """Tables that the service's role may change, or where no trigger stops those who may."""
    for service, tables in APPEND_ONLY.items():
        for row in rows(service, _GUARDS, tables=list(tables), forbids=_FORBIDS, raises=_RAISES):
            if not row.is_there:
                yield f"{service}.{row.name} is not there"
                continue
            if row.may_change:
                yield f"{service}.{row.name} can be changed by its service"
            if not row.guarded:
                yield f"{service}.{row.name} has no trigger that forbids changes"
        if rows(service, "SELECT has_parameter_privilege('session_replication_role', 'SET') AS may")[0].may:
            yield f"{service} may switch its triggers off"
