"""The daily close of a desk: what went out, what is on the shelf, and who signs for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.domain import desk as rules
from services.rewards.domain.desk import Count
from services.rewards.domain.redemption import content_digest
from services.rewards.store import Gone, Stock, successors
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict, NotFound
from shared.principal import Principal, Role

_REUSED = "这个编号已经用于另一次日结"


@dataclass(frozen=True, slots=True)
class Close:
    """What somebody counted at a station, under an id the client made."""

    id: UUID
    station_id: UUID
    counts: Sequence[Count]

    @property
    def digest(self) -> bytes:
        return content_digest(self.station_id, sorted(map(repr, self.counts)))


@transactional
def close_desk(tx: Session, caller: Principal, close: Close) -> UUID:
    """Count everything that was handed over since the close before, and sign it off; returns the close's id.

    The desk is held meanwhile: what is handed over or taken back is in this close or in the next, never between. What
    the counting was based on must still be so (`counted_meanwhile`), and differences need a reason. Nothing is kept of
    a close that is refused. The stock is not changed by it: staff books what is missing, with a reason, as ever. What
    merged stations still have by their books lies on the successor's shelf, and is counted there.
    """
    place = copies.find_station(tx, close.station_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.STAFF, place.path)
    store.hold_desk(tx, close.station_id, alone=True)
    known = store.find_close(tx, close.id)
    if known is not None:
        if known.request_digest != close.digest:
            raise Conflict(_REUSED)
        return known.id
    gone = store.close_all(tx, close.id, close.station_id)
    stocks = store.lock_stocks(tx, close.station_id)
    counts = {count.gift_id: count for count in close.counts}
    carried = successors.list_carried(tx, close.station_id)
    _require_as_counted(counts, gone, stocks, carried)
    names = store.names_of(tx, counts)
    values = {
        "id": close.id,
        "station_id": close.station_id,
        "at": clock.now(),
        "login_id": caller.login_id,
        "by_member_id": caller.own_member_id,
        "request_digest": close.digest,
    }
    if not store.add_close(tx, values):
        raise Conflict(_REUSED)
    rows = [
        _row(close.id, count, gone.get(gift_id), stocks.get(gift_id), names) | {"carried": carried.get(gift_id, 0)}
        for gift_id, count in counts.items()
    ]
    store.add_counts(tx, rows)
    detail = {
        "quantity": sum(row["pieces"] for row in rows),
        "points": sum(row["points"] for row in rows),
        "differences": sum(row["counted"] != row["expected"] for row in rows),
    }
    audit.add(tx, caller, "desk.close", "close", close.id, path=place.path, detail=detail)
    return close.id


def _require_as_counted(
    counts: Mapping[UUID, Count], gone: Mapping[UUID, Gone], stocks: Mapping[UUID, Stock], carried: Mapping[UUID, int]
) -> None:
    """Raise when anything moved since the shelf was counted, or a difference has no reason."""
    now = {}
    for gift_id in stocks.keys() | carried.keys():
        on_shelf = carried.get(gift_id, 0) + (stocks[gift_id].on_shelf if gift_id in stocks else 0)
        pieces = gone[gift_id].pieces if gift_id in gone else 0
        if pieces or on_shelf:
            now[gift_id] = (on_shelf, pieces)
    if now != {gift_id: (count.expected, count.pieces) for gift_id, count in counts.items()}:
        raise rules.ChangedMeanwhile
    if any(count.counted != count.expected and not count.reason for count in counts.values()):
        raise rules.DifferenceUnexplained


def _row(
    close_id: UUID, count: Count, gone: Gone | None, stock: Stock | None, names: Mapping[UUID, str]
) -> dict[str, Any]:
    return {
        "close_id": close_id,
        "gift_id": count.gift_id,
        "gift_name": names[count.gift_id],
        "pieces": gone.pieces if gone else 0,
        "points": gone.points if gone else 0,
        "received": stock.received if stock else 0,
        "written_off": stock.written_off if stock else 0,
        "issued": stock.issued if stock else 0,
        "expected": count.expected,
        "counted": count.counted,
        "reason": count.reason or None,
    }
