"""What the boards count, kept in the transaction that books it."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session


class Delta(NamedTuple):
    """What a batch of bookings changed for one member at one station on one service day.

    `points` in hundredths, `minutes` whole; all three may be negative after a correction.
    """

    station_id: UUID
    service_day: date
    member_id: UUID
    points: int
    minutes: int
    attendances: int


def add(tx: Session, deltas: Sequence[Delta]) -> None:
    """Add to the standings. At most one delta a station, day and member; none of them all zero."""
