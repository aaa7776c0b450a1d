"""Tables of rewards and the statements on them.

Locks are taken in one order everywhere: redemption, taken, stock. The stock row, which everybody at a
station wants, comes last, so that it is held for one statement and the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Index, Row, and_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import OPEN, Order, State
from shared import clock
from shared.copies import member_card, station
from shared.db import APPEND_ONLY, create_database

db = create_database()
if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model

_STATE = Enum(State, native_enum=False, length=20, values_callable=lambda states: [state.value for state in states])
_FRESH = {"populate_existing": True}
"""Rows are changed by statements, never through objects, so what a statement returns is the truth."""


class Gift(Model):
    """What may be redeemed, at the stations of the node that offers it. Gifts are never deleted."""

    __tablename__ = "gift"
    __table_args__ = (
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("limit_per_quarter > 0", name="limit_per_quarter"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    node_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger, comment="price of one piece, hundredths of a point")
    limit_per_quarter: Mapped[int | None] = mapped_column(comment="pieces for one member; null: no limit")
    withdrawn: Mapped[bool]
    request_digest: Mapped[bytes]
    created_at: Mapped[datetime]


class Stock(Model):
    """A gift at a station. `on_hand` is what nobody has reserved."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("on_hand + reserved + issued = received - written_off", name="equation"),
        CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND issued >= 0 AND received >= 0 AND written_off >= 0", name="not_negative"
        ),
        Index("ix_stock_station_id", "station_id"),
    )

    gift_id: Mapped[UUID] = mapped_column(ForeignKey("gift.id"), primary_key=True)
    station_id: Mapped[UUID] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(BigInteger)
    written_off: Mapped[int] = mapped_column(BigInteger)
    on_hand: Mapped[int] = mapped_column(BigInteger)
    reserved: Mapped[int] = mapped_column(BigInteger)
    issued: Mapped[int] = mapped_column(BigInteger)


class StockMovement(Model):
    """What came in and what was written off, and the write-offs that were refused."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("kind IN ('receive', 'write_off')", name="kind"),
        Index("ix_stock_movement_gift_id_station_id", "gift_id", "station_id"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_id: Mapped[UUID]
    station_id: Mapped[UUID]
    kind: Mapped[str]
    quantity: Mapped[int]
    reason: Mapped[str]
    refusal: Mapped[str | None] = mapped_column(comment="why nothing moved, in words")
    at: Mapped[datetime]
    login_id: Mapped[UUID | None]


class Taken(Model):
    """How many pieces of a gift a member has redeemed in a quarter; given back when it comes to nothing."""

    __tablename__ = "taken"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity"),)

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_id: Mapped[UUID] = mapped_column(primary_key=True)
    quarter: Mapped[date] = mapped_column(primary_key=True, comment="its first day, in Shanghai")
    quantity: Mapped[int]


class Redemption(Model):
    """A member's request for a gift and what became of it; its id is the key of its spend.

    No foreign key to gift or stock: it would lock the station's hottest rows once more for each
    redemption, and neither is ever deleted.
    """

    __tablename__ = "redemption"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND points > 0", name="amounts"),
        CheckConstraint(
            "state IN ('requested', 'confirmed', 'declined', 'fulfilled', 'cancelled', 'expired', 'refused')",
            name="state",
        ),
        CheckConstraint("(state = 'fulfilled') = (fulfilled_at IS NOT NULL)", name="fulfilled"),
        CheckConstraint(
            "state NOT IN ('confirmed', 'fulfilled') OR (confirmed_at IS NOT NULL AND code_digest IS NOT NULL)",
            name="confirmed",
        ),
        CheckConstraint(
            "(state IN ('declined', 'cancelled', 'expired', 'refused')) = (ended_at IS NOT NULL)", name="ended"
        ),
        Index("ix_redemption_member_id_requested_at_id", "member_id", "requested_at", "id"),
        Index("ix_redemption_station_id_requested_at_id", "station_id", "requested_at", "id"),
        Index("ix_redemption_open", "expires_at", postgresql_where=text("state IN ('requested', 'confirmed')")),
        Index("ix_redemption_code_digest", "code_digest", postgresql_where=text("code_digest IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_id: Mapped[UUID]
    gift_name: Mapped[str] = mapped_column(comment="as it was when it was redeemed, like points")
    station_id: Mapped[UUID]
    member_id: Mapped[UUID]
    quantity: Mapped[int]
    points: Mapped[int] = mapped_column(BigInteger, comment="of all pieces, hundredths of a point")
    quarter: Mapped[date] = mapped_column(comment="the one whose limit it counts against")
    state: Mapped[State] = mapped_column(_STATE)
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    request_digest: Mapped[bytes]
    requested_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    fulfilled_at: Mapped[datetime | None]
    fulfilled_by: Mapped[UUID | None] = mapped_column(comment="login")
    ended_at: Mapped[datetime | None] = mapped_column(comment="declined, cancelled, expired or refused")
    voucher_key_id: Mapped[str | None]
    code_digest: Mapped[bytes | None]

    @property
    def undo_until(self) -> datetime | None:
        """Until when handing over may be undone: the end of that day in Shanghai."""
        if self.fulfilled_at is None:
            return None
        return clock.day_starts(clock.day_of(self.fulfilled_at) + timedelta(days=1))

    def require_issuable(self) -> None:
        """Raise why this cannot be handed over now."""
        rules.require_issuable(
            self.state,
            expires_at=_local(self.expires_at),
            now=_local(clock.now()),
            fulfilled_at=None if self.fulfilled_at is None else _local(self.fulfilled_at),
        )


def _local(moment: datetime) -> datetime:
    return moment.astimezone(clock.SHANGHAI)


# --- Gifts and stock ----------------------------------------------------------------------------------


def find_gift(tx: Session, gift_id: UUID) -> Gift | None:
    return tx.scalars(select(Gift).where(Gift.id == gift_id), execution_options=_FRESH).first()


def add_gift(tx: Session, values: dict[str, Any]) -> Gift | None:
    """None when there is a gift of this id already."""
    statement = insert(Gift).values(values).on_conflict_do_nothing().returning(Gift)
    return tx.scalars(statement, execution_options=_FRESH).first()


def lock_gift(tx: Session, gift_id: UUID) -> Gift | None:
    statement = select(Gift).where(Gift.id == gift_id).with_for_update(key_share=True)
    return tx.scalars(statement, execution_options=_FRESH).first()


def change_gift(tx: Session, gift_id: UUID, changes: dict[str, Any]) -> Gift:
    statement = update(Gift).where(Gift.id == gift_id).values(changes).returning(Gift)
    return tx.scalars(statement, execution_options=_FRESH).one()


def lock_stock(tx: Session, gift_id: UUID, station_id: UUID) -> Stock:
    """The stock of a gift at a station, made empty when there is none, for this transaction alone."""
    nothing = dict.fromkeys(("received", "written_off", "on_hand", "reserved", "issued"), 0)
    tx.execute(insert(Stock).values(gift_id=gift_id, station_id=station_id, **nothing).on_conflict_do_nothing())
    statement = select(Stock).where(Stock.gift_id == gift_id, Stock.station_id == station_id)
    return tx.scalars(statement.with_for_update(key_share=True), execution_options=_FRESH).one()


def find_movement(tx: Session, movement_id: UUID) -> StockMovement | None:
    return tx.scalars(select(StockMovement).where(StockMovement.id == movement_id), execution_options=_FRESH).first()


def add_movement(tx: Session, values: dict[str, Any]) -> bool:
    """False when there is a movement of this id already."""
    statement = insert(StockMovement).values(values).on_conflict_do_nothing().returning(StockMovement.id)
    return tx.execute(statement).first() is not None


def move_stock(tx: Session, gift_id: UUID, station_id: UUID, **by: int) -> Stock | None:
    """Add to the counters of a stock row, e.g. `on_hand=-2, reserved=2`; None when one would be negative."""
    statement = update(Stock).where(Stock.gift_id == gift_id, Stock.station_id == station_id)
    for name, amount in by.items():
        counter = getattr(Stock, name)
        statement = statement.values({name: counter + amount})
        if amount < 0:
            statement = statement.where(counter >= -amount)
    return tx.scalars(statement.returning(Stock), execution_options=_FRESH).first()


# --- Redemptions --------------------------------------------------------------------------------------


def find_order(tx: Session, order: Order, quarter: date) -> Row[Any] | None:
    """All that an order is judged by, in one statement; None when there is no such gift.

    Columns: redemption (who already has this id), gift, stock, taken, and of the copies station_id, closed,
    member_status, confirmed; all but gift may be None.
    """
    statement = (
        select(
            Redemption,
            Gift,
            Stock,
            Taken.quantity.label("taken"),
            station.c.node_id.label("station_id"),
            station.c.closed,
            member_card.c.status.label("member_status"),
            member_card.c.confirmed,
        )
        .select_from(Gift)
        .outerjoin(Redemption, Redemption.id == order.id)
        .outerjoin(Stock, and_(Stock.gift_id == Gift.id, Stock.station_id == order.station_id))
        .outerjoin(Taken, and_(Taken.member_id == order.member_id, Taken.gift_id == Gift.id, Taken.quarter == quarter))
        .outerjoin(station, station.c.node_id == order.station_id)
        .outerjoin(member_card, member_card.c.member_id == order.member_id)
        .where(Gift.id == order.gift_id)
    )
    return tx.execute(statement, execution_options=_FRESH).first()


def add_redemption(tx: Session, values: dict[str, Any]) -> Redemption | None:
    """None when there is one of this id already."""
    statement = insert(Redemption).values(values).on_conflict_do_nothing().returning(Redemption)
    return tx.scalars(statement, execution_options=_FRESH).first()


def find_redemption(tx: Session, redemption_id: UUID) -> Redemption | None:
    """Also a remembered refusal."""
    return tx.scalars(select(Redemption).where(Redemption.id == redemption_id), execution_options=_FRESH).first()


def lock_redemption(tx: Session, redemption_id: UUID) -> Redemption | None:
    statement = select(Redemption).where(Redemption.id == redemption_id, Redemption.state != State.REFUSED)
    return tx.scalars(statement.with_for_update(key_share=True), execution_options=_FRESH).first()


def move_redemption(tx: Session, redemption_id: UUID, states: Sequence[State], **changes: Any) -> Redemption | None:
    """Change a redemption that is in one of the states; None, and nothing changed, when it is not."""
    statement = update(Redemption).where(Redemption.id == redemption_id, Redemption.state.in_(states))
    return tx.scalars(statement.values(changes).returning(Redemption), execution_options=_FRESH).first()


def take(tx: Session, redemption: Redemption, limit: int | None) -> bool:
    """Count a redemption against the limit of its quarter; False when it would pass it."""
    statement = insert(Taken).values(
        member_id=redemption.member_id,
        gift_id=redemption.gift_id,
        quarter=redemption.quarter,
        quantity=redemption.quantity,
    )
    total = Taken.quantity + statement.excluded.quantity
    statement = statement.on_conflict_do_update(
        index_elements=["member_id", "gift_id", "quarter"],
        set_={"quantity": total},
        where=None if limit is None else total <= limit,
    )
    return tx.execute(statement.returning(Taken.quantity)).first() is not None


def give_back(tx: Session, redemption: Redemption) -> None:
    """Release what an ended redemption had reserved: the member's limit and the stock."""
    tx.execute(
        update(Taken)
        .where(
            Taken.member_id == redemption.member_id,
            Taken.gift_id == redemption.gift_id,
            Taken.quarter == redemption.quarter,
        )
        .values(quantity=Taken.quantity - redemption.quantity)
    )
    moved = move_stock(
        tx, redemption.gift_id, redemption.station_id, on_hand=redemption.quantity, reserved=-redemption.quantity
    )
    assert moved is not None, "a redemption ended that had reserved nothing"


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


# --- The desk -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtDesk:
    """A redemption with what the desk must know to hand it over."""

    redemption: Redemption
    station_name: str
    station_path: str
    member_name: str | None
    """Masked; None while the copy of the member has not come."""
    household_id: UUID | None


def find_at_desk(
    tx: Session, *, redemption_id: UUID | None = None, code_digests: Sequence[bytes] = (), lock: bool = False
) -> AtDesk | None:
    """By id, or by the digests of a typed code, one for each key. `lock` holds the redemption's row."""
    statement = (
        select(Redemption, station.c.name, station.c.path, member_card.c.name_masked, member_card.c.household_id)
        .join(station, station.c.node_id == Redemption.station_id)
        .outerjoin(member_card, member_card.c.member_id == Redemption.member_id)
        .where(Redemption.state != State.REFUSED)
    )
    if redemption_id is not None:
        statement = statement.where(Redemption.id == redemption_id)
    else:
        # Two redemptions share a code once in 10¹⁸ pairs; the younger one is meant.
        statement = statement.where(Redemption.code_digest.in_(code_digests)).order_by(Redemption.requested_at.desc())
    if lock:
        statement = statement.with_for_update(of=Redemption, key_share=True)
    row = tx.execute(statement.limit(1), execution_options=_FRESH).first()
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
    return [(redemption, name) for redemption, name in tx.execute(statement, execution_options=_FRESH)]
