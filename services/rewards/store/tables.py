"""The tables of rewards."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Index, Table, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import State
from shared import clock
from shared.db import APPEND_ONLY, create_database

db = create_database()
if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model

_STATE = Enum(State, native_enum=False, length=20, values_callable=lambda states: [state.value for state in states])


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

    @property
    def on_shelf(self) -> int:
        """What should lie there: reserved pieces too, until they are fetched."""
        return self.on_hand + self.reserved


class SplitOff(Model):
    """A station that was a part of another one, where its people are served until it has gifts of its own."""

    __tablename__ = "split_off"

    station_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_id: Mapped[UUID]


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
        Index("ix_redemption_order_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_redemption_close_id", "close_id", postgresql_where=text("close_id IS NOT NULL")),
        Index(
            "ix_redemption_unclosed",
            "station_id",
            postgresql_where=text("state = 'fulfilled' AND close_id IS NULL"),
        ),
        CheckConstraint("close_id IS NULL OR state = 'fulfilled'", name="closed"),
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
    order_id: Mapped[UUID | None] = mapped_column(comment="of the desk, when it was redeemed there")
    close_id: Mapped[UUID | None] = mapped_column(comment="the daily close that counted it")

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


class DeskOrder(Model):
    """One person's visit to the desk; what was taken are its redemptions. It only ever groups them."""

    __tablename__ = "desk_order"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(paper_list, paper_line, handed_over_at) IN (0, 3)",
            name="paper",
        ),
        Index("ix_desk_order_member_id_at", "member_id", "at"),
        Index("ix_desk_order_station_id_at", "station_id", "at"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    station_id: Mapped[UUID]
    member_id: Mapped[UUID]
    at: Mapped[datetime]
    login_id: Mapped[UUID | None]
    by_member_id: Mapped[UUID | None] = mapped_column(comment="the person at the desk")
    paper_list: Mapped[str | None] = mapped_column(comment="number of the printed list, when it was typed in later")
    paper_line: Mapped[int | None]
    handed_over_at: Mapped[datetime | None] = mapped_column(comment="as the paper has it")
    request_digest: Mapped[bytes]


class DeskCall(Model):
    """A queue number that a desk called, each once a day."""

    __tablename__ = "desk_call"
    __table_args__ = (UniqueConstraint("station_id", "day", "number"), {"comment": APPEND_ONLY})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    station_id: Mapped[UUID]
    day: Mapped[date]
    number: Mapped[int]


class DeskClose(Model):
    """A station's desk counted and signed off: everything handed over since the close before it."""

    __tablename__ = "desk_close"
    __table_args__ = (Index("ix_desk_close_station_id_at", "station_id", "at"), {"comment": APPEND_ONLY})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    station_id: Mapped[UUID]
    at: Mapped[datetime]
    login_id: Mapped[UUID | None]
    by_member_id: Mapped[UUID | None]
    request_digest: Mapped[bytes]


class DeskCount(Model):
    """One gift in a close: what went out for how many points, and what was on the shelf."""

    __tablename__ = "desk_count"
    __table_args__ = (
        CheckConstraint("pieces >= 0 AND points >= 0 AND expected >= 0 AND counted >= 0", name="amounts"),
        CheckConstraint("counted = expected OR reason IS NOT NULL", name="explained"),
        {"comment": APPEND_ONLY},
    )

    close_id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_name: Mapped[str]
    pieces: Mapped[int] = mapped_column(BigInteger, comment="handed over since the close before")
    points: Mapped[int] = mapped_column(BigInteger, comment="what these cost, hundredths of a point")
    received: Mapped[int] = mapped_column(BigInteger, comment="ever, as of this close, like issued")
    written_off: Mapped[int] = mapped_column(BigInteger)
    issued: Mapped[int] = mapped_column(BigInteger)
    carried: Mapped[int] = mapped_column(
        BigInteger,
        server_default="0",
        comment="of merged stations on this shelf; below zero: own ones on the successor's",
    )
    expected: Mapped[int] = mapped_column(BigInteger, comment="on the shelf by the books, reserved pieces too")
    counted: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(comment="of a difference")


# What was done with a redemption is asked for by it.
Index("ix_audit_log_subject_id", db.metadata.tables["audit_log"].c.subject_id)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(clock.SHANGHAI)


stock_table = cast(Table, Stock.__table__)
taken_table = cast(Table, Taken.__table__)
redemption_table = cast(Table, Redemption.__table__)
desk_order_table = cast(Table, DeskOrder.__table__)
desk_close_table = cast(Table, DeskClose.__table__)
desk_count_table = cast(Table, DeskCount.__table__)

FRESH = {"populate_existing": True}
"""Execution options: rows are changed by statements, not through objects, so what a statement returns is the truth."""
