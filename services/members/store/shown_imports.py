"""How imports are shown: to whom, and with what they may do next."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from services.members.domain.imports import About, Kind, State, steps
from services.members.domain.places import path_above
from services.members.store.imports import ImportFile, ImportNotFound, ImportRow, get
from services.members.store.models import Member, Node
from services.members.store.tree import get_standing, standing_path
from shared import clock
from shared.principal import Principal, Role

_author, _decider = aliased(Member), aliased(Member)
_counts = (
    select(func.coalesce(func.jsonb_object_agg(text("state"), text("count")), text("'{}'::jsonb")))
    .select_from(
        select(ImportRow.state, func.count().label("count"))
        .where(ImportRow.import_id == ImportFile.id)
        .group_by(ImportRow.state)
        .correlate(ImportFile)
        .subquery()
    )
    .scalar_subquery()
)


def view() -> Select[*tuple[Any, ...]]:
    """Everything that is shown of imports, one row each."""
    return (
        select(
            ImportFile.id,
            ImportFile.kind,
            ImportFile.state,
            ImportFile.station_id,
            Node.name.label("station_name"),
            standing_path.label("path"),
            ImportFile.file_name,
            ImportFile.size,
            ImportFile.content.is_not(None).label("has_file"),
            ImportFile.half_day_minutes,
            ImportFile.year,
            ImportFile.category,
            ImportFile.created_at,
            ImportFile.created_by_member_id,
            _author.name.label("created_by_name"),
            ImportFile.decided_at,
            ImportFile.decided_by_member_id,
            _decider.name.label("decided_by_name"),
            ImportFile.reason,
            ImportFile.done_at,
            ImportFile.undone_at,
            ImportFile.found,
            _counts.label("counts"),
        )
        .join(Node, Node.id == ImportFile.station_id)
        .join(_author, _author.id == ImportFile.created_by_member_id)
        .outerjoin(_decider, _decider.id == ImportFile.decided_by_member_id)
    )


def below_any(paths: Iterable[str]) -> ColumnElement[bool]:
    """Imports at stations at or below one of the paths."""
    return or_(*(Node.path.startswith(path, autoescape=True) for path in paths))


def get_seen(tx: Session, caller: Principal, import_id: UUID, *, lock: bool = False) -> tuple[ImportFile, str]:
    """An import and the path of its station, or of that one's heir; NotFound for who has no business there."""
    found = get(tx, import_id, lock=lock)
    path = get_standing(tx, found.station_id).path
    if not (caller.may(Role.STAFF, path) or caller.may(Role.AUDITOR, path)):
        raise ImportNotFound
    return found, path


def about(caller: Principal, found: Any, path: str) -> About:
    """How an import looks to this caller; `found` is a row of the table or of its view."""
    return About(
        kind=Kind(found.kind),
        state=State(found.state),
        good=found.found.get("good", 0),
        done_at=found.done_at,
        by_me=caller.own_member_id == found.created_by_member_id,
        staff_here=caller.may(Role.STAFF, path),
        staff_above=caller.may(Role.STAFF, path_above(path)),
    )


def show(tx: Session, caller: Principal, import_id: UUID) -> dict[str, Any]:
    """One import as the wire has it; for callers whose right to it has been checked."""
    return as_shown(caller, tx.execute(view().where(ImportFile.id == import_id)).one())


def as_shown(caller: Principal, row: Any) -> dict[str, Any]:
    """A row of `view()` as the wire has it, with what the caller may do next."""
    may = steps(about(caller, row, row.path), clock.now())
    return dict(row._mapping) | {"may": [str(one) for one in may]}
