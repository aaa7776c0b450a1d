"""The words of the ledger: units, accounts, transfers, lots.

A transfer has one debit, one credit, a unit and an amount above zero, so every set of transfers
balances by construction. The transfers of one version of a source (an attendance, a redemption) form
a transaction and are numbered by `line`; source, version and line are together the transfer's
idempotency key.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from shared.errors import RuleBroken

_ACCOUNTS = UUID("6a7d5f0e-43f1-5d0b-9c55-0d7a1f2b9e10")


# Plain strings in classes, not enumerations: the driver writes a million of them.


class Unit:
    PTS: Final = "PTS"
    """Hundredths of a point."""
    MIN: Final = "MIN"
    """Minutes of service."""


class AccountKind:
    """Whose account it is. All but the first two are a station's, and may go below zero."""

    MEMBER: Final = "member"
    DEBT: Final = "debt"
    """待抵扣: what a reversal could not take back; stands at zero or below."""
    ISSUANCE: Final = "issuance"
    REDEMPTION: Final = "redemption"
    EXPIRY: Final = "expiry"
    OPENING: Final = "opening"
    """期初结转: where balances taken over from paper come from."""
    POOL: Final = "pool"
    """爱心积分池: points given to a station."""
    CLEARING: Final = "clearing"
    """Where a transaction crosses from one station's chain into another's."""


class TransferKind:
    AWARD: Final = "award"
    REVERSAL: Final = "reversal"
    REVERSAL_OWED: Final = "reversal_owed"
    """The part of a reversal that the member no longer had."""
    REVERSAL_EXPIRED: Final = "reversal_expired"
    """The part of a reversal that had expired: it is taken from there, not from the member."""
    DEBT_PAYMENT: Final = "debt_payment"
    SPEND: Final = "spend"
    REFUND: Final = "refund"
    EXPIRY: Final = "expiry"
    OPENING: Final = "opening"
    MERGE: Final = "merge"
    """What a member has goes over to the member who is the same person, or back."""
    GIFT: Final = "gift"
    """What somebody who is gone leaves to the family or to the station's pool."""
    DEBT_RESTORED: Final = "debt_restored"
    """A payment that a merge brought about is taken back with it."""


class SourceType:
    ATTENDANCE: Final = "attendance"
    REDEMPTION: Final = "redemption"
    OPENING: Final = "opening"
    MOVE: Final = "move"
    """From one member's accounts to another's; its id says nothing of either."""


class InsufficientPoints(RuleBroken):
    code = "insufficient_points"
    detail = "可用积分不够"


class Account(NamedTuple):
    id: UUID
    chain_id: UUID
    unit: str
    kind: str
    owner_id: UUID
    limited: bool


class Transfer(NamedTuple):
    id: UUID
    source_type: str
    source_id: UUID
    source_version: int
    line: int
    chain_id: UUID
    unit: str
    kind: str
    debit_id: UUID
    credit_id: UUID
    amount: int
    service_day: date
    recorded_at: datetime
    rule_id: UUID | None
    reverses: UUID | None


class Allocation(NamedTuple):
    """How much of a lot a transfer took; below zero where a refund gave it back."""

    transfer_id: UUID
    lot_id: UUID
    amount: int


@dataclass(slots=True)
class Lot:
    """What is left of one award, or of a part of it that moved. Its id is that of the transfer which brought it."""

    id: UUID
    account_id: UUID
    original: int
    remaining: int
    expires_at: datetime | None
    origin_id: UUID | None = None
    """The lot of the award, of which this is a part that moved here."""

    @property
    def origin(self) -> UUID:
        return self.origin_id or self.id

    def is_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


@lru_cache(maxsize=8192)
def account_id(kind: str, unit: str, owner_id: UUID) -> UUID:
    """The id of an account follows from what it is, so that no transfer must look it up."""
    return uuid5(_ACCOUNTS, f"{kind}:{unit}:{owner_id.hex}")


def station_account(kind: str, unit: str, station_id: UUID) -> Account:
    return Account(account_id(kind, unit, station_id), station_id, unit, kind, station_id, False)


def member_accounts(member_id: UUID, chain_id: UUID) -> list[Account]:
    """What is opened for a member: points, minutes and debt, in the chain of the home station."""
    kinds = ((AccountKind.MEMBER, Unit.PTS), (AccountKind.MEMBER, Unit.MIN), (AccountKind.DEBT, Unit.PTS))
    return [
        Account(account_id(kind, unit, member_id), chain_id, unit, kind, member_id, kind == AccountKind.MEMBER)
        for kind, unit in kinds
    ]
