"""Statements on stations that were split off others."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.rewards.store.tables import SplitOff, Stock
from shared.copies import member_card, station


def note_splits(tx: Session, whole_by_part: Mapping[UUID, UUID]) -> None:
    """Remember of which station others were a part, which never changes."""
    rows = [{"station_id": part, "from_id": whole} for part, whole in sorted(whole_by_part.items())]
    tx.execute(insert(SplitOff).values(rows).on_conflict_do_nothing())


def serves_part(serving: FromClause) -> ColumnElement[bool]:
    """Whether the home of the member in a statement was split off this station, or off one that was merged into it,
    and no gift ever came in there. A merged station lies below its heir (ADR 143).
    """
    whole = station.alias("whole")
    came_in = select(Stock.gift_id).where(Stock.station_id == SplitOff.station_id, Stock.received > 0)
    part = (
        select(SplitOff.station_id)
        .join(whole, whole.c.node_id == SplitOff.from_id)
        .where(
            SplitOff.station_id == member_card.c.station_id,
            func.starts_with(whole.c.path, serving.c.path),
            ~came_in.exists(),
        )
    )
    return part.correlate(serving, member_card).exists()
