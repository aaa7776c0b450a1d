"""Statements of the desk: orders of several gifts, and who is called. Its daily closes are in `desk_closes`.

Whatever hands over or takes back at a station holds the station's desk shared, a close holds it alone: so a close sees
nothing half done. It is taken before all rows; these then as everywhere: redemptions, taken, stock, each by id. Queue
numbers have a lock of their own, so that nobody who calls one waits for who is being served.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Select,
    Update,
    Uuid,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session, aliased

from services.rewards.domain.desk import DeskOrder as Wanted
from services.rewards.domain.redemption import State
from services.rewards.store.splits import serves_part
from services.rewards.store.tables import (
    FRESH,
    DeskCall,
    DeskOrder,
    Gift,
    Redemption,
    Stock,
    Taken,
    desk_order_table,
    redemption_table,
)
from shared.copies import PERSONS, member_card, merged_line, station

MISSED_MAX = 200
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:station AS text), 0))")
_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(CAST(:station AS text), 0))")
_CALLING = text("SELECT pg_advisory_xact_lock(hashtextextended('call ' || CAST(:station AS text), 0))")
_SHARED_OF = text("""
    SELECT pg_advisory_xact_lock_shared(hashtextextended(CAST(station_id AS text), 0)) FROM redemption WHERE id = :id
""")


def hold_desk(tx: Session, station_id: UUID, *, alone: bool = False) -> None:
    """Until we are done no close runs at this station; `alone`: nothing is handed over or taken back there, either."""
    tx.execute(_ALONE if alone else _SHARED, {"station": str(station_id)})


def hold_calls(tx: Session, station_id: UUID) -> None:
    """Until we are done nobody else calls a number at this station; its desk goes on."""
    tx.execute(_CALLING, {"station": str(station_id)})


def hold_desk_of(tx: Session, redemption_id: UUID) -> None:
    """The same, shared, of the station where something was redeemed."""
    tx.execute(_SHARED_OF, {"id": redemption_id})


# --- Orders -------------------------------------------------------------------------------------------


def find_at_station(tx: Session, station_id: UUID, member_id: UUID) -> Row[Any] | None:
    """A station and, where the copies know them, the card of a member; None when there is no such station."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            station.c.name,
            station.c.path,
            station.c.closed,
            member_card.c.status.label("member_status"),
            member_card.c.confirmed,
            member_card.c.station_id.label("home_station_id"),
            serves_part(station).label("serves_part"),
            member_card.c.household_id,
            member_card.c.merged_into,
            member_card.c.version.label("card_version"),
            member_card.c.name_masked.label("member_name"),
        )
        .outerjoin(member_card, member_card.c.member_id == member_id)
        .where(station.c.node_id == station_id)
    )
    return tx.execute(statement).first()


def name_of(tx: Session, member_id: UUID | None) -> str | None:
    """Masked."""
    return tx.scalar(select(member_card.c.name_masked).where(member_card.c.member_id == member_id))


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order and what became of each of its lines, refused ones too."""

    order: DeskOrder
    station_name: str
    member_name: str | None
    """Masked, like the next."""
    by_name: str | None
    lines: Sequence[Redemption]
    repeated: bool = False
    """Whether the order was there already when it was asked for."""


def masked_names(tx: Session, member_ids: Collection[UUID | None]) -> dict[UUID, str]:
    rows = tx.execute(
        select(member_card.c.member_id, member_card.c.name_masked).where(
            member_card.c.member_id == func.any([key for key in member_ids if key is not None])
        )
    )
    return {row.member_id: row.name_masked for row in rows}


def add_order(tx: Session, values: Mapping[str, Any]) -> bool:
    """False when there is an order of this id already."""
    statement = insert_once(desk_order_table).values(dict(values)).on_conflict_do_nothing()
    return tx.execute(statement.returning(desk_order_table.c.id)).first() is not None


def find_order_at_desk(tx: Session, order_id: UUID) -> DeskOrder | None:
    return tx.scalars(select(DeskOrder).where(DeskOrder.id == order_id), execution_options=FRESH).first()


def list_offered(tx: Session, order: Wanted, quarter: date) -> dict[UUID, Row[Any]]:
    """The gifts of an order with what is on hand, None where one never came in, and what the member has taken of them,
    by id; `taken_by_merged` of it by the same person's entries that were merged into this one.
    """
    gift_ids = [line.gift_id for line in order.lines]
    here = and_(Stock.gift_id == Gift.id, Stock.station_id == order.station_id)
    own = and_(Taken.gift_id == Gift.id, Taken.member_id == order.member_id, Taken.quarter == quarter)
    line = merged_line(literal(order.member_id, Uuid))
    in_all = (
        select(func.coalesce(func.sum(Taken.quantity), 0))
        .where(Taken.gift_id == Gift.id, Taken.member_id.in_(line), Taken.quarter == quarter)
        .correlate(Gift)
        .scalar_subquery()
    )
    statement: Select[*tuple[Any, ...]] = (
        select(
            Gift.id,
            Gift.name,
            Gift.points,
            Gift.limit_per_quarter,
            Gift.withdrawn,
            Stock.on_hand,
            in_all.label("taken"),
            (in_all - func.coalesce(Taken.quantity, 0)).label("taken_by_merged"),
        )
        .outerjoin(Stock, here)
        .outerjoin(Taken, own)
        .where(Gift.id == func.any(gift_ids))
    )
    return {row.id: row for row in tx.execute(statement)}


# The limit stands in the gift's row: who comes at the same moment is told apart here, like in `redemptions.take`.
_TAKE_ALL = text("""
    INSERT INTO taken (member_id, gift_id, quarter, quantity)
    SELECT :member, wanted.gift_id, :quarter, wanted.quantity
    FROM unnest(CAST(:gifts AS uuid[]), CAST(:quantities AS integer[])) AS wanted (gift_id, quantity)
    ORDER BY wanted.gift_id
    ON CONFLICT (member_id, gift_id, quarter) DO UPDATE SET quantity = taken.quantity + excluded.quantity
    WHERE taken.quantity + excluded.quantity <= coalesce((
        SELECT limit_per_quarter - merged.quantity
        FROM gift JOIN unnest(CAST(:gifts AS uuid[]), CAST(:merged AS integer[])) AS merged (gift_id, quantity)
            ON merged.gift_id = gift.id
        WHERE gift.id = taken.gift_id
    ), 2147483647)
    RETURNING gift_id
""")


def take_all(
    tx: Session, member_id: UUID, quarter: date, quantities: Mapping[UUID, int], by_merged: Mapping[UUID, int]
) -> set[UUID]:
    """Count gifts against their limits; returns those that stay within theirs. `by_merged`: what the same person's
    merged entries have taken of each.
    """
    merged = [int(by_merged[gift_id]) for gift_id in quantities]
    given = {"member": member_id, "quarter": quarter, "merged": merged, **_columns(quantities)}
    return set(tx.scalars(_TAKE_ALL, given))


_UNTAKE_ALL = text("""
    UPDATE taken SET quantity = taken.quantity - back.quantity
    FROM unnest(CAST(:gifts AS uuid[]), CAST(:quantities AS integer[])) AS back (gift_id, quantity)
    WHERE taken.member_id = :member AND taken.quarter = :quarter AND taken.gift_id = back.gift_id
""")


def untake_all(tx: Session, member_id: UUID, quarter: date, quantities: Mapping[UUID, int]) -> None:
    tx.execute(_UNTAKE_ALL, {"member": member_id, "quarter": quarter, **_columns(quantities)})


def _columns(quantities: Mapping[UUID, int]) -> dict[str, list[Any]]:
    return {"gifts": list(quantities), "quantities": list(quantities.values())}


def lock_stocks(tx: Session, station_id: UUID, gift_ids: Collection[UUID] | None = None) -> dict[UUID, Stock]:
    """Stock of these gifts at a station, or of all it has, for this transaction alone; by gift."""
    statement = select(Stock).where(Stock.station_id == station_id).order_by(Stock.gift_id)
    if gift_ids is not None:
        statement = statement.where(Stock.gift_id == func.any(list(gift_ids)))
    locked = tx.scalars(statement.with_for_update(key_share=True), execution_options=FRESH)
    return {stock.gift_id: stock for stock in locked}


_MOVE_ALL = text("""
    UPDATE stock SET on_hand = stock.on_hand + moved.on_hand, reserved = stock.reserved + moved.reserved,
        issued = stock.issued + moved.issued
    FROM unnest(CAST(:gifts AS uuid[]), CAST(:on_hand AS bigint[]), CAST(:reserved AS bigint[]),
        CAST(:issued AS bigint[])) AS moved (gift_id, on_hand, reserved, issued)
    WHERE stock.gift_id = moved.gift_id AND stock.station_id = :station
    RETURNING stock.gift_id
""")


def move_stocks(tx: Session, station_id: UUID, moves: Mapping[UUID, Mapping[str, int]]) -> None:
    """Add to counters by gift, e.g. `{gift_id: {"on_hand": -2, "reserved": 2}}`, of rows that are locked."""
    counters = {name: [by.get(name, 0) for by in moves.values()] for name in ("on_hand", "reserved", "issued")}
    moved = tx.scalars(_MOVE_ALL, {"station": station_id, "gifts": list(moves), **counters}).all()
    assert len(moved) == len(moves), "every gift that is counted has a stock"


def add_lines(tx: Session, rows: Sequence[dict[str, Any]]) -> None:
    """The redemptions of a new order, refused ones too."""
    tx.execute(insert(redemption_table), list(rows))


def list_lines(tx: Session, order_id: UUID, *, lock: bool = False) -> list[Redemption]:
    """The redemptions of an order, by id."""
    statement = select(Redemption).where(Redemption.order_id == order_id).order_by(Redemption.id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    return list(tx.scalars(statement, execution_options=FRESH))


def _changing(*names: str) -> Update:
    """A statement that sets these columns of one redemption, to be run for several at once."""
    changed = {name: bindparam(f"new_{name}", type_=redemption_table.c[name].type) for name in names}
    return update(redemption_table).where(redemption_table.c.id == bindparam("of")).values(changed)


_HAND_OVER = _changing(
    "state", "confirmed_at", "expires_at", "voucher_key_id", "code_digest", "fulfilled_at", "fulfilled_by"
)
_DECLINE = _changing("state", "reason_code", "reason", "ended_at")


def hand_over_all(tx: Session, changes: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Mark locked redemptions as handed over, each with all that this says of it."""
    _change_all(tx, _HAND_OVER, {key: {"state": State.FULFILLED, **given} for key, given in changes.items()})


def decline_all(tx: Session, changes: Mapping[UUID, Mapping[str, Any]]) -> None:
    _change_all(tx, _DECLINE, {key: {"state": State.DECLINED, **given} for key, given in changes.items()})


def _change_all(tx: Session, statement: Update, changes: Mapping[UUID, Mapping[str, Any]]) -> None:
    rows = [{"of": key, **{f"new_{name}": value for name, value in given.items()}} for key, given in changes.items()]
    if rows:
        tx.connection().execute(statement, rows)


# --- The queue ----------------------------------------------------------------------------------------


_CALL = text("""
    INSERT INTO desk_call (id, station_id, day, number)
    SELECT :id, :station, :day, coalesce(max(number), 0) + 1 FROM desk_call WHERE station_id = :station AND day = :day
    ON CONFLICT (id) DO NOTHING RETURNING number
""")


def find_call(tx: Session, call_id: UUID) -> DeskCall | None:
    return tx.scalars(select(DeskCall).where(DeskCall.id == call_id)).first()


def add_call(tx: Session, call_id: UUID, station_id: UUID, day: date) -> int | None:
    """The next number of the day. The station's calls are held, so that two desks call two. None when another station,
    whose calls we do not hold, has just called under this id.
    """
    number: int | None = tx.execute(_CALL, {"id": call_id, "station": station_id, "day": day}).scalar()
    return number


def last_called(tx: Session, station_id: UUID, day: date) -> int:
    """0 before the first."""
    called = select(func.max(DeskCall.number)).where(DeskCall.station_id == station_id, DeskCall.day == day)
    return tx.scalar(called) or 0


# --- Looking ------------------------------------------------------------------------------------------


def list_orders(tx: Session, *where: Any, limit: int, since: datetime) -> list[Row[Any]]:
    """Handed over by order at a desk since a moment, newest first: redemption, station, who was at the desk, order."""
    by = member_card.alias("by_card")
    statement = (
        select(Redemption, station.c.name, by.c.name_masked, DeskOrder, member_card.c.name_masked)
        .join(DeskOrder, DeskOrder.id == Redemption.order_id)
        .join(station, station.c.node_id == Redemption.station_id)
        .outerjoin(by, by.c.member_id == DeskOrder.by_member_id)
        .outerjoin(member_card, member_card.c.member_id == Redemption.member_id)
        .where(Redemption.state == State.FULFILLED, Redemption.fulfilled_at >= since, *where)
        .order_by(Redemption.fulfilled_at.desc(), Redemption.id.desc())
        .limit(limit)
    )
    return list(tx.execute(statement, execution_options=FRESH))


def list_missed(tx: Session, station_ids: Sequence[UUID], since: datetime, until: datetime) -> list[Row[Any]]:
    """What stands on paper as handed over in a span at these stations and was refused when it was typed in, and whose
    line was not typed in otherwise since: redemption, order, who was at the desk.
    """
    other, booked = aliased(DeskOrder), aliased(Redemption)
    made_good = (
        select(other.id)
        .join(booked, booked.order_id == other.id)
        .where(
            other.paper_list == DeskOrder.paper_list,
            other.paper_line == DeskOrder.paper_line,
            other.station_id == DeskOrder.station_id,
            other.at >= since,
            other.id != DeskOrder.id,
            booked.state == State.FULFILLED,
        )
    )
    statement = (
        select(Redemption, DeskOrder, member_card.c.name_masked)
        .join(DeskOrder, DeskOrder.id == Redemption.order_id)
        .outerjoin(member_card, member_card.c.member_id == DeskOrder.member_id)
        .where(
            DeskOrder.station_id == func.any(list(station_ids)),
            DeskOrder.at >= since,
            DeskOrder.handed_over_at >= since,
            DeskOrder.handed_over_at < until,
            Redemption.state.in_((State.REFUSED, State.DECLINED)),
            ~made_good.exists(),
        )
        .order_by(DeskOrder.paper_list, DeskOrder.paper_line, Redemption.id)
        .limit(MISSED_MAX)
    )
    return list(tx.execute(statement, execution_options=FRESH))


_LIST_TAKEN = text(f"""
    WITH RECURSIVE {PERSONS}
    SELECT card.member_id, taken.gift_id, gift.limit_per_quarter, sum(taken.quantity) AS quantity
    FROM taken JOIN gift ON gift.id = taken.gift_id AND gift.limit_per_quarter IS NOT NULL
    LEFT JOIN person USING (member_id)
    JOIN member_card card ON card.member_id = coalesce(person.person_id, taken.member_id)
    WHERE card.station_id = :station AND taken.quarter = :quarter AND taken.quantity > 0
    GROUP BY card.member_id, taken.gift_id, gift.limit_per_quarter
""")  # noqa: S608 - a statement of ours


def list_taken(tx: Session, station_id: UUID, quarter: date) -> list[Row[Any]]:
    """What those at home at a station have taken this quarter of what has a limit: member_id, gift_id, limit, taken.
    What merged entries took counts with who stays.
    """
    return list(tx.execute(_LIST_TAKEN, {"station": station_id, "quarter": quarter}))
