"""Statements on stations that were split off others."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.rewards.store.tables import SplitOff, Stock
from shared.copies import member_card


def note_splits(tx: Session, whole_by_part: Mapping[UUID, UUID]) -> None:
    """Remember of which station others were a part, which never changes."""
    rows = [{"station_id": part, "from_id": whole} for part, whole in sorted(whole_by_part.items())]
    tx.execute(insert(SplitOff).values(rows).on_conflict_do_nothing())


def serves_part(station_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the home of the member in a statement was split off this station, and no gift ever came in there."""
    came_in = select(Stock.gift_id).where(Stock.station_id == SplitOff.station_id, Stock.received > 0)
    part = select(SplitOff.station_id).where(
        SplitOff.station_id == member_card.c.station_id, SplitOff.from_id == station_id, ~came_in.exists()
    )
    return part.exists()
