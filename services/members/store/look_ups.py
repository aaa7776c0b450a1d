"""Who has a name or a phone that stands on a list, and the buildings by which a home is judged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from services.members.domain.places import Level
from services.members.store import cards, homes
from services.members.store.models import Member, Node


def list_called(
    tx: Session, path: str, others: Iterable[str], names: Sequence[str], phones: Mapping[str, bytes]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The active ones at or below a station's path (`is_here`), or below one of the `others`, who have one of these
    names or one of these phones, by number with their hashes.
    """
    here = homes.at_home_or_moving_to(path)
    statement = (
        cards.view()
        .add_columns(Member.phone_hash, here.label("is_here"))
        .where(
            or_(cards.below_any(others), here),
            Member.status == "active",
            or_(Member.name == func.any(list(names)), Member.phone_hash == func.any(list(phones.values()))),
        )
        .order_by(Member.id)
    )
    return tx.execute(statement).all()


def buildings_of(tx: Session, compound_ids: Iterable[UUID]) -> dict[UUID | None, list[str]]:
    """The names of the open buildings of these compounds."""
    rows = tx.execute(
        select(Node.parent_id, Node.name).where(
            Node.parent_id == func.any(list(compound_ids)),
            Node.level == Level.BUILDING.value,
            Node.closed_on.is_(None),
        )
    )
    found: dict[UUID | None, list[str]] = {}
    for compound_id, name in rows:
        found.setdefault(compound_id, []).append(name)
    return found
