"""What is asked for at the desk: several gifts for one person, in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from services.rewards.domain.redemption import Order, content_digest
from shared.errors import RuleBroken

LINES_MAX = 10
"""Gifts in one order, so that it costs a bounded time however it was made."""
OF_DESK_VERSION = 5
"""Of the UUIDs of redemptions at the desk, which uuid5 makes."""


class ChangedMeanwhile(RuleBroken):
    code = "counted_meanwhile"
    detail = "盘点期间又有发放或出入库，请按新的应存数重新核对"


class DifferenceUnexplained(RuleBroken):
    code = "difference_unexplained"
    detail = "实点数和应存数不一样，请写明原因"


class HandedOverLater(RuleBroken):
    code = "handed_over_later"
    detail = "发放的时间还没有到，请核对日期和几点"


class HandedOverBeforePrinting(RuleBroken):
    code = "handed_over_before_printing"
    detail = "发放的日期比名单打印的日期还早，请核对日期和单号"


@dataclass(frozen=True, slots=True)
class Line:
    """One gift of an order."""

    gift_id: UUID
    quantity: int
    points: int
    """What the desk showed as the cost of all pieces, in hundredths."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Where an order was written down while the network was away."""

    list_number: str
    line: int
    handed_over_at: datetime

    def require_possible(self, now: datetime, day: date) -> None:
        """Raise unless it can have been handed over then, `day` in Shanghai: not later than now, and not before the
        day with which the list's number begins, where it begins with one.
        """
        if self.handed_over_at > now:
            raise HandedOverLater
        try:
            printed_on = datetime.strptime(self.list_number[:7], "%y%m%d-").date()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            return
        if day < printed_on:
            raise HandedOverBeforePrinting


@dataclass(frozen=True, slots=True)
class DeskOrder:
    """What one person takes at one visit, under an id the client made."""

    id: UUID
    station_id: UUID
    member_id: UUID
    lines: Sequence[Line]
    paper: Paper | None = None

    @property
    def digest(self) -> bytes:
        """The same whatever the order of the lines."""
        lines = sorted((str(line.gift_id), line.quantity, line.points) for line in self.lines)
        return content_digest(self.station_id, self.member_id, lines, self.paper)

    @property
    def pieces(self) -> dict[UUID, int]:
        """How many of each gift."""
        return {line.gift_id: line.quantity for line in self.lines}

    def redemption_of(self, line: Line) -> Order:
        """A line as a redemption of its own. Its id follows from the order's, so that a repeated order repeats it."""
        key = uuid5(self.id, str(line.gift_id))
        return Order(key, line.gift_id, self.station_id, self.member_id, line.quantity, line.points)


def is_of_desk(redemption_id: UUID) -> bool:
    """Whether an id has the form of those that follow from an order's: who could take one could take the place of a
    line that is still on paper, whose ids can be foreseen.
    """
    return redemption_id.version == OF_DESK_VERSION


@dataclass(frozen=True, slots=True)
class Count:
    """What somebody counted of a gift, and what the books said when they counted."""

    gift_id: UUID
    expected: int
    """On the shelf by the books."""
    pieces: int
    """Handed over since the last close, by the books."""
    counted: int
    reason: str = ""
