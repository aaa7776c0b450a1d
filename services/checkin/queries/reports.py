"""What stations report, and the file of an activity."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.checkin.domain import reports
from services.checkin.queries.activities import readable
from services.checkin.store import activities as store
from services.checkin.store import files
from services.checkin.store import reports as report_store
from shared import clock
from shared.db import session
from shared.principal import Principal, Role

_REPORTERS = (Role.STAFF, Role.AUDITOR)


def get_file(caller: Principal, *, activity_id: UUID) -> dict[str, Any]:
    """An activity with its whole sign-in sheet."""
    activity = readable(session(), caller, activity_id)
    return {"activity": activity, "lines": files.list_lines(session(), activity_id, activity.created_at)}


def report(
    caller: Principal,
    *,
    from_: date,
    to: date,
    node_id: UUID | None = None,
    category: str | None = None,
    tree: str = reports.Tree.NOW.value,
) -> reports.Report:
    """What a node and all below it did in a period, for staff and auditors at the node or above it; without a node,
    what all did.
    """
    tx, view_of = session(), reports.Tree(tree)
    reports.require_period(from_, to)
    path = "/" if node_id is None else store.path_of(tx, node_id)
    caller.require_any(_REPORTERS, path)
    rows = report_store.count(
        tx, node_id=node_id, path=path, from_day=from_, to_day=to, tree=view_of, category=category
    )
    return reports.with_months(_as_report(rows, node_id, from_, to, view_of))


def _as_report(
    rows: Sequence[Row[Any]], node_id: UUID | None, from_day: date, to_day: date, tree: reports.Tree
) -> reports.Report:
    def figures(row: Row[Any]) -> dict[str, int]:
        return {name: getattr(row, name) for name in ("activities", "visits", "persons", "minutes", "waiting")}

    cuts: dict[int, list[Row[Any]]] = {}
    for row in rows:
        cuts.setdefault(row.cut, []).append(row)
    total = cuts.get(report_store.TOTAL, [None])[0]
    waits_since = None if total is None else total.waits_since
    by_category, by_month, by_node = (
        cuts.get(cut, []) for cut in (report_store.BY_CATEGORY, report_store.BY_MONTH, report_store.BY_NODE)
    )
    return reports.Report(
        node_id=node_id,
        from_day=from_day,
        to_day=to_day,
        tree=tree,
        complete_until=reports.complete_until(from_day, to_day, clock.today(), waits_since),
        total=reports.Figures() if total is None else reports.Figures(**figures(total)),
        categories=tuple(reports.OfCategory(**figures(row), category=row.category) for row in by_category),
        months=tuple(reports.OfMonth(**figures(row), month=row.month) for row in by_month),
        nodes=tuple(reports.OfNode(**figures(row), node_id=row.node_id, name=row.name) for row in by_node),
    )
