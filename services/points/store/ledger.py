"""Tables of the ledger proper: accounts, transfers, lots, and how the words of domain/ledger become rows."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.points.store.database import Model
from shared.db import APPEND_ONLY


class Account(Model):
    """One unit of one owner. Members' sums are always up to date, stations' as far as they are sealed."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("NOT limited OR credits - debits - held >= 0", name="limited"),
        CheckConstraint("kind <> 'debt' OR debits >= credits", name="debt"),
        UniqueConstraint("owner_id", "kind", "unit"),
        Index("ix_account_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        # Rows are rewritten by every booking; room on the page keeps the index out of it.
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain_id: Mapped[UUID]
    unit: Mapped[str]
    kind: Mapped[str]
    owner_id: Mapped[UUID]
    limited: Mapped[bool]
    credits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    debits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    salt: Mapped[bytes | None]
    """Random; dropped when the member is forgotten."""
    digest: Mapped[bytes]
    """Of salt and id: what stands for the account in the chain. It stays as it is (a trigger sees to it)."""
    merged_into: Mapped[UUID | None]
    """On the points account of a member who was merged: the member whose accounts took over."""


class Transfer(Model):
    """One debit, one credit; never changed. Holds no words, so that persons can be forgotten."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("credit_id <> debit_id", name="two_accounts"),
        UniqueConstraint("source_id", "source_version", "line"),
        Index(
            "uq_transfer_reverses_kind", "reverses", "kind", unique=True, postgresql_where=text("reverses IS NOT NULL")
        ),
        Index("ix_transfer_debit_id_id", "debit_id", "id"),
        Index("ix_transfer_credit_id_id", "credit_id", "id"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source_type: Mapped[str]
    source_id: Mapped[UUID]
    source_version: Mapped[int]
    line: Mapped[int] = mapped_column(SmallInteger)
    chain_id: Mapped[UUID]
    unit: Mapped[str]
    kind: Mapped[str]
    debit_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    credit_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    service_day: Mapped[date]
    recorded_at: Mapped[datetime]
    rule_id: Mapped[UUID | None]
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))


class Lot(Model):
    """What is left of one award, or of a part of it that moved, and until when."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("original > 0", name="original"),
        CheckConstraint("remaining BETWEEN 0 AND original", name="remaining"),
        Index("ix_lot_open", "account_id", "expires_at", "id", postgresql_where=text("remaining > 0")),
        Index("ix_lot_origin_id", "origin_id", postgresql_where=text("origin_id IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    original: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None]
    origin_id: Mapped[UUID | None]
    """The lot of the award, where this is a part of it that moved from another member's account."""


class Allocation(Model):
    """Which transfer took how much of which lot."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_allocation_lot_id", "lot_id"),
        {"comment": APPEND_ONLY},
    )

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


class Unsealed(Model):
    """Transfers the sealer has yet to take; written with them, because late commits have early ids."""

    __tablename__ = "unsealed"

    transfer_id: Mapped[UUID] = mapped_column(primary_key=True)


class Seal(Model):
    """A transfer's place in its station's chain."""

    __tablename__ = "seal"
    __table_args__ = ({"comment": APPEND_ONLY},)

    chain_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), unique=True)
    prev: Mapped[bytes]
    hash: Mapped[bytes]
    encoding: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    """Which of the ways in domain/seal the hash was made."""


class SealHead(Model):
    """The end of a station's chain."""

    __tablename__ = "seal_head"

    chain_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
    sealed_through: Mapped[datetime]
    """When the last sealed transfer was recorded."""
