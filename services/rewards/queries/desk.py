"""What the desk sees: one person, one order, one day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, func, literal, select

from services.rewards import store
from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import State
from services.rewards.queries.gifts import GiftAtStation, list_for_desk
from services.rewards.store import DeskClose, DeskCount, DeskOrder, Receipt, Redemption, successors
from shared import clock, copies
from shared.db import session
from shared.errors import HuzhuError, NotFound
from shared.principal import OwnCase, Principal, Role

TOLD_DAYS = 7
TOLD_MAX = 5
LINES_MAX = 1000
DAY_LINES_MAX = 10_000
"""Three hundred people with some gifts each are more than a thousand lines; each is there to be signed."""


@dataclass(frozen=True, slots=True)
class Served:
    """Who stands at the desk, and what could be handed over."""

    station_name: str
    obstacle_code: str | None
    obstacle: str | None
    """Why nothing can be redeemed for this person now, in a sentence."""
    gifts: Sequence[GiftAtStation]
    served: Sequence[Redemption]
    """What this desk gave or is giving to this person today, oldest first."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A gift that was handed over by an order at a desk."""

    redemption: Redemption
    station_name: str
    by_name: str | None
    """Who gave it out, masked, like the member."""
    order: DeskOrder
    member_name: str | None


def show_desk(caller: Principal, station_id: UUID, *, member_id: UUID) -> Served:
    place = store.find_at_station(session(), station_id, member_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.ORGANIZER, place.path)
    refusal = _refusal(caller, station_id, member_id, place)
    return Served(
        station_name=place.name,
        obstacle_code=refusal.code if refusal else None,
        obstacle=refusal.detail if refusal else None,
        gifts=list_for_desk(station_id, member_id),
        served=_list_served(station_id, member_id),
    )


def _list_served(station_id: UUID, member_id: UUID) -> Sequence[Redemption]:
    standing = (State.REQUESTED, State.CONFIRMED, State.FULFILLED)
    return (
        session()
        .scalars(
            select(Redemption)
            .where(
                Redemption.member_id.in_(copies.merged_line(literal(member_id, Uuid))),
                Redemption.requested_at >= clock.day_starts(clock.today()),
                Redemption.station_id == station_id,
                Redemption.order_id.is_not(None),
                Redemption.state.in_(standing),
            )
            .order_by(Redemption.requested_at, Redemption.id)
            .limit(LINES_MAX)
        )
        .all()
    )


def _refusal(caller: Principal, station_id: UUID, member_id: UUID, place: Row[tuple[object, ...]]) -> HuzhuError | None:
    if caller.is_own_case(member_id, place.household_id):
        return OwnCase()
    try:
        rules.judge_member(
            station_id,
            active=place.member_status in (None, "active"),
            confirmed=bool(place.confirmed),
            home_station_id=place.home_station_id,
            serves_part=place.serves_part,
            station_closed=place.closed,
        )
    except HuzhuError as refusal:
        return refusal
    return None


def show_order(caller: Principal, order_id: UUID) -> Receipt:
    """An order as it stands, for the station's organizers."""
    tx = session()
    order = store.find_order_at_desk(tx, order_id)
    place = None if order is None else store.find_at_station(tx, order.station_id, order.member_id)
    if order is None or place is None:
        raise NotFound("没有这次兑换")
    caller.require(Role.ORGANIZER, place.path)
    by_name = store.name_of(tx, order.by_member_id)
    return Receipt(order, place.name, place.member_name, by_name, store.list_lines(tx, order_id))


def list_day(caller: Principal, station_id: UUID, *, day: date | None) -> list[HandedOver]:
    """What was handed over by order at a station, or at one merged into it, on a Shanghai day, today when none is
    given, oldest first.
    """
    path = _require_organizer(caller, station_id)
    stations = [station_id, *successors.list_merged_into(session(), path)]
    begins = clock.day_starts(day or clock.today())
    ends = clock.day_starts((day or clock.today()) + timedelta(days=1))
    on_the_day = (Redemption.station_id.in_(stations), Redemption.fulfilled_at < ends)
    return _handed_over(*on_the_day, since=begins, limit=DAY_LINES_MAX)[::-1]


@dataclass(frozen=True, slots=True)
class Missed:
    """A gift that paper says was handed over, and for which no points were taken."""

    redemption: Redemption
    order: DeskOrder
    member_name: str | None


def list_missed(caller: Principal, station_id: UUID, *, day: date | None) -> list[Missed]:
    """Lines of paper of a Shanghai day, today when none is given, that were refused and not made good since: they wait
    for staff.
    """
    path = _require_organizer(caller, station_id)
    stations = [station_id, *successors.list_merged_into(session(), path)]
    begins = clock.day_starts(day or clock.today())
    ends = clock.day_starts((day or clock.today()) + timedelta(days=1))
    return [Missed(*tuple(row)) for row in store.list_missed(session(), stations, begins, ends)]


def list_told(caller: Principal) -> list[HandedOver]:
    """What was handed over at desks in the last days to whom this login acts for, newest first."""
    own = func.unnest(literal(list(caller.member_ids), ARRAY(Uuid)))
    mine = Redemption.member_id.in_(copies.merged_line(own))
    return _handed_over(mine, since=clock.now() - timedelta(days=TOLD_DAYS), limit=TOLD_MAX)


def _handed_over(*where: object, since: datetime, limit: int) -> list[HandedOver]:
    return [HandedOver(*tuple(row)) for row in store.list_orders(session(), *where, since=since, limit=limit)]


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody may still have this quarter of a gift of which they had some."""

    member_id: UUID
    gift_id: UUID
    left: int


def list_limits(caller: Principal, station_id: UUID) -> list[Left]:
    """For a list on paper: of those at home at a station, the limits that are not whole any more."""
    _require_organizer(caller, station_id)
    rows = store.list_taken(session(), station_id, rules.quarter_of(clock.today()))
    return [Left(row.member_id, row.gift_id, rules.left(row.limit_per_quarter, row.quantity)) for row in rows]


def last_called(caller: Principal, station_id: UUID) -> int:
    """The queue number that was called last today; 0 before the first."""
    _require_organizer(caller, station_id)
    return store.last_called(session(), station_id, clock.today())


def _require_organizer(caller: Principal, station_id: UUID) -> str:
    """The path of the station; Forbidden for who does not organize there."""
    place = copies.find_station(session(), station_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require(Role.ORGANIZER, place.path)
    return str(place.path)


# --- Daily closes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToCount:
    """A gift in the next close, by the books."""

    gift_id: UUID
    gift_name: str
    pieces: int
    points: int
    expected: int
    carried: int
    """In `expected`, what is on this shelf by the books of merged stations; below zero: own pieces on the heir's."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A close that was signed off."""

    close: DeskClose
    station_name: str
    by_name: str | None
    counts: Sequence[DeskCount]


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A merged or closed station whose last hand-overs nobody has signed for."""

    station_id: UUID
    station_name: str
    pieces: int


def list_left_open(caller: Principal) -> list[LeftOpen]:
    """What the caller, as staff of it or above it, is still to close where no desk opens any more, by name."""
    rows = store.list_left_open(session(), caller.paths(Role.STAFF))
    return [LeftOpen(row.node_id, row.name, int(row.pieces)) for row in rows]


def list_to_count(caller: Principal, station_id: UUID) -> list[ToCount]:
    """What the next close of a station would hold now: whatever went out or should be on the shelf."""
    tx = session()
    _require_staff(caller, station_id)
    gone = store.list_unclosed(tx, station_id)
    nothing = store.Gone("", 0, 0)
    carried = successors.list_carried(tx, station_id)
    stocks = store.list_stocks(tx, station_id)
    names = {gift_id: name for gift_id, (_, name) in stocks.items()} | store.names_of(
        tx, carried.keys() - stocks.keys()
    )
    found = []
    for gift_id, name in names.items():
        went, also = gone.get(gift_id, nothing), carried.get(gift_id, 0)
        expected = also + (stocks[gift_id][0].on_shelf if gift_id in stocks else 0)
        if went.pieces or expected:
            found.append(ToCount(gift_id, name, went.pieces, went.points, expected, also))
    return sorted(found, key=lambda one: (one.gift_name, one.gift_id))


def show_close(caller: Principal, close_id: UUID) -> Closed:
    close = store.find_close(session(), close_id)
    if close is None:
        raise NotFound("没有这次日结")
    name = _require_reader(caller, close.station_id)
    return _closed([close], name)[0]


def list_closes(caller: Principal, station_id: UUID, *, limit: int) -> list[Closed]:
    """The closes of a station, newest first."""
    name = _require_reader(caller, station_id)
    return _closed(store.list_closes(session(), station_id, limit), name)


def _closed(closes: Sequence[DeskClose], station_name: str) -> list[Closed]:
    tx = session()
    counts = store.list_counts(tx, [close.id for close in closes])
    names = store.masked_names(tx, [close.by_member_id for close in closes])
    return [
        Closed(
            close,
            station_name,
            names.get(close.by_member_id) if close.by_member_id else None,
            [count for count in counts if count.close_id == close.id],
        )
        for close in closes
    ]


def _require_reader(caller: Principal, station_id: UUID) -> str:
    """The name of the station; Forbidden for who neither signs its closes nor checks them."""
    return _require(caller, station_id, (Role.STAFF, Role.AUDITOR))


def _require_staff(caller: Principal, station_id: UUID) -> str:
    """The name of the station; Forbidden for who is not of its staff."""
    return _require(caller, station_id, (Role.STAFF,))


def _require(caller: Principal, station_id: UUID, roles: Sequence[Role]) -> str:
    place = copies.find_station(session(), station_id)
    if place is None:
        raise NotFound("没有这个站点")
    caller.require_any(roles, place.path)
    return str(place.name)
