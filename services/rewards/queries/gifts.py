"""The catalogue as a station shows it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, and_, func, literal, or_, select

from services.rewards.domain import redemption as rules
from services.rewards.store import Gift, Stock, Taken
from shared import clock, copies
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role

DESK_GIFTS_MAX = 200


@dataclass(frozen=True, slots=True)
class GiftAtStation:
    """A gift with its stock at one station and what one member may still have of it."""

    id: UUID
    node_id: UUID
    name: str
    description: str
    points: int
    limit_per_quarter: int | None
    withdrawn: bool
    station_id: UUID
    received: int
    written_off: int
    on_hand: int
    reserved: int
    issued: int
    left_for_member: int | None
    """None without a limit, and for a login that is nobody."""

    @property
    def available(self) -> int:
        """What can be redeemed now."""
        return 0 if self.withdrawn else self.on_hand


def list_gifts(
    caller: Principal,
    *,
    station_id: UUID,
    limit: int,
    after: UUID | None = None,
    member_id: UUID | None = None,
    everything: bool = False,
) -> list[GiftAtStation]:
    """Gifts a station has in its stock; for its staff, if they ask for everything, also those that are
    withdrawn or that never came in.
    """
    place = copies.find_station(session(), station_id)
    if place is None:
        raise NotFound("没有这个站点")
    statement = _gifts(_whose(caller, member_id), station_id).order_by(Gift.id).limit(limit)
    if everything:
        caller.require(Role.STAFF, place.path)
        offering = [UUID(hex=node) for node in place.path.split("/") if node]
        statement = statement.where(or_(Gift.node_id.in_(offering), Stock.gift_id.is_not(None)))
    else:
        statement = statement.where(~Gift.withdrawn, Stock.gift_id.is_not(None))
    if after is not None:
        statement = statement.where(Gift.id > after)
    return [_at_station(row, station_id) for row in session().execute(statement)]


def get_gift(caller: Principal, gift_id: UUID, *, station_id: UUID, member_id: UUID | None = None) -> GiftAtStation:
    """One gift at a station, also a withdrawn one, so that a link to it still says what it was."""
    if copies.find_station(session(), station_id) is None:
        raise NotFound("没有这个站点")
    row = session().execute(_gifts(_whose(caller, member_id), station_id).where(Gift.id == gift_id)).first()
    if row is None:
        raise NotFound("没有这件礼品")
    return _at_station(row, station_id)


def list_for_desk(station_id: UUID, member_id: UUID) -> list[GiftAtStation]:
    """What a station has, with what is left for somebody who stands at its desk; who may ask is the caller's to see."""
    offered = _gifts(member_id, station_id).where(~Gift.withdrawn, Stock.gift_id.is_not(None))
    rows = session().execute(offered.order_by(Gift.points, Gift.name, Gift.id).limit(DESK_GIFTS_MAX))
    return [_at_station(row, station_id) for row in rows]


def _whose(caller: Principal, member_id: UUID | None) -> UUID | None:
    """Whose limit is told: one of the login's own."""
    if member_id is not None:
        caller.require_acts_for(member_id)
    return member_id or caller.member_id


def _gifts(member_id: UUID | None, station_id: UUID) -> Select[*tuple[Any, ...]]:
    quarter = rules.quarter_of(clock.today())
    theirs = copies.merged_line(literal(member_id, Uuid))
    taken = (
        select(func.sum(Taken.quantity))
        .where(Taken.gift_id == Gift.id, Taken.member_id.in_(theirs), Taken.quarter == quarter)
        .correlate(Gift)
        .scalar_subquery()
    )
    return (
        # Columns, not objects: they come fresh, whatever the session has seen before.
        select(
            Gift.id,
            Gift.node_id,
            Gift.name,
            Gift.description,
            Gift.points,
            Gift.limit_per_quarter,
            Gift.withdrawn,
            Stock.received,
            Stock.written_off,
            Stock.on_hand,
            Stock.reserved,
            Stock.issued,
            taken.label("taken"),
        ).outerjoin(Stock, and_(Stock.gift_id == Gift.id, Stock.station_id == station_id))
    )


def _at_station(row: Row[Any], station_id: UUID) -> GiftAtStation:
    left = None if row.limit_per_quarter is None else rules.left(row.limit_per_quarter, row.taken or 0)
    return GiftAtStation(
        id=row.id,
        node_id=row.node_id,
        name=row.name,
        description=row.description,
        points=row.points,
        limit_per_quarter=row.limit_per_quarter,
        withdrawn=row.withdrawn,
        station_id=station_id,
        received=row.received or 0,
        written_off=row.written_off or 0,
        on_hand=row.on_hand or 0,
        reserved=row.reserved or 0,
        issued=row.issued or 0,
        left_for_member=left,
    )
