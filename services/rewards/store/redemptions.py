"""Statements on redemptions.

Locks are taken in one order everywhere: redemption, taken, stock. The stock row, which everybody at a
station wants, comes last, so that it is held for one statement and the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    Row,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.rewards.domain.redemption import OPEN, Order, State
from services.rewards.store.gifts import move_stock
from services.rewards.store.splits import serves_part
from services.rewards.store.tables import FRESH, Gift, Redemption, Stock, Taken, redemption_table, taken_table
from shared.copies import member_card, merged_line, station

_OF_MEMBER = bindparam("of_member", type_=Uuid())
# Together with the entries of the same person that were merged into this one.
_TAKEN_IN_ALL = (
    select(func.coalesce(func.sum(Taken.quantity), 0))
    .where(
        Taken.gift_id == Gift.id,
        Taken.member_id.in_(merged_line(_OF_MEMBER)),
        Taken.quarter == bindparam("of_quarter"),
    )
    .correlate(Gift)
    .scalar_subquery()
)
_ORDER = (
    select(
        Gift.name,
        Gift.points,
        Gift.limit_per_quarter,
        Gift.withdrawn,
        Stock.on_hand,
        _TAKEN_IN_ALL.label("taken"),
        func.coalesce(Taken.quantity, 0).label("taken_by_own"),
        station.c.node_id.label("station_id"),
        station.c.closed,
        member_card.c.status.label("member_status"),
        member_card.c.confirmed,
        member_card.c.station_id.label("home_station_id"),
        serves_part(station).label("serves_part"),
        member_card.c.version.label("card_version"),
        Redemption.id.label("known"),
    )
    .select_from(Gift)
    .outerjoin(Redemption, Redemption.id == bindparam("order_id"))
    .outerjoin(station, station.c.node_id == bindparam("of_station"))
    .outerjoin(Stock, and_(Stock.gift_id == Gift.id, Stock.station_id == bindparam("of_station")))
    .outerjoin(member_card, member_card.c.member_id == _OF_MEMBER)
    .outerjoin(
        Taken,
        and_(
            Taken.gift_id == Gift.id,
            Taken.member_id == _OF_MEMBER,
            Taken.quarter == bindparam("of_quarter"),
        ),
    )
    .where(Gift.id == bindparam("of_gift"))
)


def find_order(tx: Session, order: Order, quarter: date) -> Row[Any] | None:
    """All that an order is judged by, in one statement; None when there is no such gift. `taken` is in all,
    `taken_by_own` without the entries that were merged into this one.

    `known` is set when there is a redemption of this id already; `station_id`, `closed`, `member_status`,
    `confirmed`, `home_station_id` and `card_version` are None where the copies hold nothing, `on_hand` where the gift
    never came in.
    """
    given = {
        "order_id": order.id,
        "of_gift": order.gift_id,
        "of_station": order.station_id,
        "of_member": order.member_id,
        "of_quarter": quarter,
    }
    return tx.execute(_ORDER, given).first()


_ADD_REDEMPTION = insert(redemption_table).on_conflict_do_nothing().returning(redemption_table.c.id)


def add_redemption(tx: Session, values: dict[str, Any]) -> Redemption | None:
    """None when there is one of this id already."""
    return Redemption(**values) if tx.execute(_ADD_REDEMPTION, values).first() else None


def find_redemption(tx: Session, redemption_id: UUID) -> Redemption | None:
    """Also a remembered refusal."""
    return tx.scalars(select(Redemption).where(Redemption.id == redemption_id), execution_options=FRESH).first()


def lock_redemption(tx: Session, redemption_id: UUID) -> Redemption | None:
    statement = select(Redemption).where(Redemption.id == redemption_id, Redemption.state != State.REFUSED)
    return tx.scalars(statement.with_for_update(key_share=True), execution_options=FRESH).first()


def move_redemption(tx: Session, redemption_id: UUID, states: Sequence[State], **changes: Any) -> Redemption | None:
    """Change a redemption that is in one of the states; None, and nothing changed, when it is not."""
    statement = _moving_redemption(tuple(states), *changes)
    given = {f"new_{name}": value for name, value in changes.items()}
    row = tx.execute(statement, {"of_redemption": redemption_id, **given}).first()
    return Redemption(**row._mapping) if row else None


@cache
def _moving_redemption(states: tuple[State, ...], *changes: str) -> Executable:
    columns = redemption_table.c
    new: dict[str, ColumnElement[Any]] = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in changes}
    if {"expires_at", "confirmed_at"} <= new.keys():
        # What is over stays over, also when it is confirmed late: nobody comes for what somebody erased redeemed.
        is_over = columns.expires_at <= new["confirmed_at"]
        new["expires_at"] = case((is_over, columns.expires_at), else_=new["expires_at"])
    return (
        update(redemption_table)
        .where(columns.id == bindparam("of_redemption"), columns.state.in_(states))
        .values(new)
        .returning(*columns)
    )


_TAKE = insert(taken_table)
_TOTAL = taken_table.c.quantity + _TAKE.excluded.quantity
_LIMIT = bindparam("limit_now", type_=Integer)
_TAKE = _TAKE.on_conflict_do_update(
    index_elements=["member_id", "gift_id", "quarter"],
    set_={"quantity": _TOTAL},
    where=or_(_LIMIT.is_(None), _TOTAL <= _LIMIT),
)


def take(tx: Session, redemption: Redemption, limit: int | None) -> bool:
    """Count a redemption against the limit of its quarter; False when it would pass it."""
    given = {name: getattr(redemption, name) for name in ("member_id", "gift_id", "quarter", "quantity")}
    return tx.execute(_TAKE.returning(taken_table.c.quantity), given | {"limit_now": limit}).first() is not None


def give_back(tx: Session, redemption: Redemption, *, was_issued: bool = False) -> None:
    """Release what an ended redemption had reserved, or had issued: the member's limit and the stock."""
    tx.execute(
        update(Taken)
        .where(
            Taken.member_id == redemption.member_id,
            Taken.gift_id == redemption.gift_id,
            Taken.quarter == redemption.quarter,
        )
        .values(quantity=Taken.quantity - redemption.quantity)
    )
    by = {"on_hand": redemption.quantity, "issued" if was_issued else "reserved": -redemption.quantity}
    moved = move_stock(tx, redemption.gift_id, redemption.station_id, **by)
    assert moved, "a redemption ended that had reserved nothing"


def list_overdue(tx: Session, now: datetime, rows_max: int) -> list[UUID]:
    """Open redemptions whose time is over, the oldest first."""
    return list(
        tx.scalars(
            select(Redemption.id)
            .where(Redemption.state.in_(OPEN), Redemption.expires_at <= now)
            .order_by(Redemption.expires_at)
            .limit(rows_max)
        )
    )


def end_time_of_erased(tx: Session, member_ids: Sequence[UUID], now: datetime) -> None:
    """Let the open redemptions of those of these members who were erased be over now, and of whom was merged into
    them.
    """
    tx.execute(
        update(Redemption)
        .where(
            Redemption.member_id.in_(_line_of(member_ids, "erased")),
            Redemption.state.in_(OPEN),
            Redemption.expires_at > now,
        )
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )


def list_open_of_gone(tx: Session, member_ids: Sequence[UUID]) -> list[UUID]:
    """Open redemptions of those of these members who have left, and of whom was merged into them."""
    theirs = Redemption.member_id.in_(_line_of(member_ids, "left"))
    return list(tx.scalars(select(Redemption.id).where(theirs, Redemption.state.in_(OPEN)).order_by(Redemption.id)))


def _line_of(member_ids: Sequence[UUID], status: str) -> Select[UUID]:
    card = member_card.c
    line = select(card.member_id).where(card.member_id.in_(member_ids), card.status == status).cte(recursive=True)
    return select(line.union(select(card.member_id).join(line, card.merged_into == line.c.member_id)).c.member_id)


# --- The desk -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtDesk:
    """A redemption with what the desk must know to hand it over."""

    redemption: Redemption
    station_name: str
    """Where it is collected: of a merged station the successor's."""
    station_path: str
    member_name: str | None
    """Masked; None while the copy of the member has not come."""
    household_id: UUID | None
    merged_into: UUID | None = None


# A merged station lies below its successor (ADR 143), however often that was merged in turn.
_heir = station.alias("heir")
_COLLECTED_AT = func.coalesce(
    select(_heir.c.name)
    .where(
        station.c.closed,
        station.c.successor_id.is_not(None),
        _heir.c.level == station.c.level,
        ~_heir.c.closed,
        func.starts_with(station.c.path, _heir.c.path),
    )
    .order_by(func.length(_heir.c.path).desc())
    .limit(1)
    .correlate(station)
    .scalar_subquery(),
    station.c.name,
)


def find_at_desk(
    tx: Session, *, redemption_id: UUID | None = None, code_digests: Sequence[bytes] = (), lock: bool = False
) -> AtDesk | None:
    """By id, or by the digests of a typed code, one for each key. `lock` holds the redemption's row."""
    card = member_card.c
    statement = (
        select(Redemption, _COLLECTED_AT, station.c.path, card.name_masked, card.household_id, card.merged_into)
        .join(station, station.c.node_id == Redemption.station_id)
        .outerjoin(member_card, card.member_id == Redemption.member_id)
        .where(Redemption.state != State.REFUSED)
    )
    if redemption_id is not None:
        statement = statement.where(Redemption.id == redemption_id)
    else:
        # Two redemptions share a code once in 10¹⁸ pairs; the younger one is meant.
        statement = statement.where(Redemption.code_digest.in_(code_digests)).order_by(Redemption.requested_at.desc())
    if lock:
        statement = statement.with_for_update(of=Redemption, key_share=True)
    row = tx.execute(statement.limit(1), execution_options=FRESH).first()
    return AtDesk(*row) if row else None


def list_redemptions(tx: Session, *where: Any, limit: int, before: UUID | None) -> list[tuple[Redemption, str | None]]:
    """Redemptions with the members' masked names, newest first, older than `before`."""
    statement = (
        select(Redemption, member_card.c.name_masked)
        .outerjoin(member_card, member_card.c.member_id == Redemption.member_id)
        .where(Redemption.state != State.REFUSED, *where)
        .order_by(Redemption.requested_at.desc(), Redemption.id.desc())
        .limit(limit)
    )
    if before is not None:
        last = select(Redemption.requested_at, Redemption.id).where(Redemption.id == before).subquery()
        statement = statement.where(
            tuple_(Redemption.requested_at, Redemption.id)
            < tuple_(select(last.c.requested_at).scalar_subquery(), select(last.c.id).scalar_subquery())
        )
    return [(redemption, name) for redemption, name in tx.execute(statement, execution_options=FRESH)]
