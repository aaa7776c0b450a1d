"""What must always hold of gifts and redemptions, for `./dev verify`: each check yields what breaks it.

Every check reads in one statement, so it sees one moment and may run while people redeem. What is
still on its way is `list_pending`, not broken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import select, text

from services.rewards.domain import voucher
from services.rewards.domain.desk import OF_DESK_VERSION
from services.rewards.domain.redemption import State
from services.rewards.store import Redemption
from shared import clock
from shared.db import session
from shared.outbox import KEPT_DAYS
from shared.settings import Keyring

SWEEP_LATE_MAX = timedelta(hours=1)
_STREAMED_ROWS = 2000


def stock_follows_its_equation() -> Iterator[str]:
    """On hand + reserved + issued = received − written off, none of them negative."""
    for row in _rows("""
        SELECT gift_id, station_id, on_hand, reserved, issued, received, written_off FROM stock
        WHERE on_hand + reserved + issued <> received - written_off
           OR least(on_hand, reserved, issued, received, written_off) < 0
    """):
        yield f"stock of {row.gift_id} at {row.station_id}: {row}"


def stock_is_the_sum_of_its_movements() -> Iterator[str]:
    for row in _rows("""
        WITH moved AS (
            SELECT gift_id, station_id,
                coalesce(sum(quantity) FILTER (WHERE kind = 'receive'), 0) AS received,
                coalesce(sum(quantity) FILTER (WHERE kind = 'write_off'), 0) AS written_off
            FROM stock_movement WHERE refusal IS NULL GROUP BY gift_id, station_id
        )
        SELECT gift_id, station_id, s.received, s.written_off, m.received AS came, m.written_off AS went
        FROM stock s FULL JOIN moved m USING (gift_id, station_id)
        WHERE coalesce(s.received, 0) <> coalesce(m.received, 0)
           OR coalesce(s.written_off, 0) <> coalesce(m.written_off, 0)
    """):
        yield f"stock of {row.gift_id} at {row.station_id} is not what its movements say: {row}"


def stock_counts_the_redemptions() -> Iterator[str]:
    """Reserved are the open redemptions, issued the fulfilled ones."""
    for row in _rows("""
        WITH held AS (
            SELECT gift_id, station_id,
                coalesce(sum(quantity) FILTER (WHERE state IN ('requested', 'confirmed')), 0) AS reserved,
                coalesce(sum(quantity) FILTER (WHERE state = 'fulfilled'), 0) AS issued
            FROM redemption WHERE state IN ('requested', 'confirmed', 'fulfilled') GROUP BY gift_id, station_id
        )
        SELECT gift_id, station_id, s.reserved, s.issued, h.reserved AS open_pieces, h.issued AS fulfilled_pieces
        FROM stock s FULL JOIN held h USING (gift_id, station_id)
        WHERE coalesce(s.reserved, 0) <> coalesce(h.reserved, 0) OR coalesce(s.issued, 0) <> coalesce(h.issued, 0)
    """):
        yield f"stock of {row.gift_id} at {row.station_id} is not what its redemptions say: {row}"


def limits_count_the_redemptions() -> Iterator[str]:
    for row in _rows("""
        WITH counted AS (
            SELECT member_id, gift_id, quarter, sum(quantity) AS quantity FROM redemption
            WHERE state IN ('requested', 'confirmed', 'fulfilled') GROUP BY member_id, gift_id, quarter
        )
        SELECT member_id, gift_id, quarter, t.quantity, c.quantity AS redeemed
        FROM taken t FULL JOIN counted c USING (member_id, gift_id, quarter)
        WHERE coalesce(t.quantity, 0) <> coalesce(c.quantity, 0)
    """):
        yield f"{row.member_id} took {row.redeemed or 0} of {row.gift_id} in {row.quarter}, counted: {row.quantity}"


def redemptions_end() -> Iterator[str]:
    """None waits for an answer that was already given or cannot be given, and none is long overdue."""
    for row in _rows("""
        SELECT r.id, o.delivered_at, o.dead_at FROM redemption r
        LEFT JOIN outbox o ON o.name = 'SpendRequested' AND o.body ->> 'redemption_id' = r.id::text
        WHERE r.state = 'requested' AND (o.id IS NULL OR o.delivered_at IS NOT NULL OR o.dead_at IS NOT NULL)
    """):
        told = "told to points" if row.delivered_at else "a dead letter" if row.dead_at else "gone from the outbox"
        yield f"redemption {row.id} is requested, but its spend is {told}"
    for row in _rows(
        "SELECT id, expires_at FROM redemption WHERE state IN ('requested', 'confirmed') AND expires_at < :limit",
        limit=clock.now() - SWEEP_LATE_MAX,
    ):
        yield f"redemption {row.id} is open and expired at {row.expires_at.isoformat()}"


def points_are_told_of_what_will_not_happen() -> Iterator[str]:
    """Each cancelled or expired redemption has its void in the outbox, which keeps a week of them."""
    for row in _rows(
        """
        SELECT r.id, r.state, o.dead_at FROM redemption r
        LEFT JOIN outbox o ON o.name = 'RedemptionVoided' AND o.body ->> 'redemption_id' = r.id::text
        WHERE r.state IN ('cancelled', 'expired') AND r.ended_at > :kept AND (o.id IS NULL OR o.dead_at IS NOT NULL)
        """,
        # A day less than the outbox keeps: a row may be forgotten while this runs.
        kept=clock.now() - timedelta(days=KEPT_DAYS - 1),
    ):
        yield f"redemption {row.id} is {row.state}, and points {'refuses' if row.dead_at else 'was not told'}"


def vouchers_can_be_read() -> Iterator[str]:
    """A voucher that is out can be found by its code, and no other has the same."""
    keys: Keyring = current_app.config["VOUCHER_KEYS"]
    for redemption_id, key_id, stored in session().execute(
        select(Redemption.id, Redemption.voucher_key_id, Redemption.code_digest)
        .where(Redemption.state == State.CONFIRMED)
        .execution_options(yield_per=_STREAMED_ROWS)
    ):
        key = keys.keys.get(key_id or "")
        if key is None:
            yield f"the voucher of {redemption_id} is signed with key {key_id}, which is gone"
        elif stored != voucher.code_digest(key, voucher.short_code(key, redemption_id)):
            yield f"the voucher of {redemption_id} is not found by its code"
    for row in _rows("""
        SELECT min(id::text) AS one, max(id::text) AS other FROM redemption
        WHERE state IN ('confirmed', 'fulfilled') GROUP BY code_digest HAVING count(*) > 1
    """):
        yield f"the vouchers of {row.one} and {row.other} have the same code"


def closes_hold_what_was_handed_over() -> Iterator[str]:
    """Pieces and points of each close are those of its redemptions, and nothing falls between two closes: what a
    station has ever issued of a gift rises from close to close by the pieces in it.
    """
    for row in _rows("""
        WITH held AS (
            SELECT close_id, gift_id, sum(quantity) AS pieces, sum(points) AS points FROM redemption
            WHERE close_id IS NOT NULL GROUP BY close_id, gift_id
        )
        SELECT close_id, gift_id, c.pieces, c.points, h.pieces AS held, h.points AS cost
        FROM desk_count c FULL JOIN held h USING (close_id, gift_id)
        WHERE coalesce(c.pieces, 0) <> coalesce(h.pieces, 0) OR coalesce(c.points, 0) <> coalesce(h.points, 0)
    """):
        yield f"close {row.close_id} says {row.pieces} of {row.gift_id} for {row.points}, its redemptions: {row}"
    for row in _rows("""
        SELECT close_id FROM (SELECT close_id FROM desk_count UNION SELECT close_id FROM redemption) held
        LEFT JOIN desk_close ON desk_close.id = close_id WHERE close_id IS NOT NULL AND desk_close.id IS NULL
        UNION SELECT close_id FROM redemption JOIN desk_close ON desk_close.id = close_id
        WHERE redemption.station_id <> desk_close.station_id
        UNION SELECT close_id FROM desk_count WHERE expected <> received - written_off - issued + carried
    """):
        yield f"close {row.close_id} is not there, of another station, or expected what its books do not say"
    for row in _rows("""
        WITH line AS (
            SELECT desk_count.*, station_id, at,
                lag(issued) OVER (PARTITION BY station_id, gift_id ORDER BY at, desk_close.id) AS before
            FROM desk_count JOIN desk_close ON desk_close.id = close_id
        )
        SELECT close_id, gift_id, before, pieces, issued FROM line WHERE issued <> coalesce(before, 0) + pieces
    """):
        yield f"between close {row.close_id} and the one before, {row.gift_id} went out that neither counts: {row}"


def orders_are_those_of_their_lines() -> Iterator[str]:
    """Each line of the desk is of an order for its member at its station, no order is without lines, and no queue
    number was left out.
    """
    for row in _rows(f"""
        SELECT redemption.id FROM redemption LEFT JOIN desk_order ON desk_order.id = order_id
            AND (desk_order.station_id, desk_order.member_id) = (redemption.station_id, redemption.member_id)
        WHERE order_id IS NOT NULL AND desk_order.id IS NULL
            OR (order_id IS NOT NULL) <> (get_byte(uuid_send(redemption.id), 6) >> 4 = {OF_DESK_VERSION})
    """):  # noqa: S608 - a number of ours
        yield f"redemption {row.id} is of no order at the desk for its member and station, or should be of one"
    for row in _rows("""
        SELECT id FROM desk_order WHERE NOT EXISTS (SELECT FROM redemption WHERE order_id = desk_order.id)
    """):
        yield f"order {row.id} at the desk has no lines"
    for row in _rows("""
        SELECT station_id, day, count(*), max(number) FROM desk_call GROUP BY 1, 2
        HAVING count(*) <> max(number) OR min(number) <> 1
    """):
        yield f"at {row.station_id} {row.count} numbers were called on {row.day}, the last was {row.max}"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "stock: on hand + reserved + issued = received − written off": stock_follows_its_equation,
    "stock is the sum of its movements": stock_is_the_sum_of_its_movements,
    "stock counts the redemptions": stock_counts_the_redemptions,
    "limits count the redemptions": limits_count_the_redemptions,
    "redemptions end": redemptions_end,
    "points are told of what will not happen": points_are_told_of_what_will_not_happen,
    "vouchers can be read": vouchers_can_be_read,
    "closes hold what was handed over": closes_hold_what_was_handed_over,
    "orders at the desk are those of their lines": orders_are_those_of_their_lines,
}


def list_pending() -> Iterator[str]:
    """Spends and voids that points has not answered yet."""
    for row in _rows("""
        SELECT name, body ->> 'redemption_id' AS redemption_id FROM outbox
        WHERE destination = 'points' AND delivered_at IS NULL AND dead_at IS NULL
    """):
        yield f"{row.name} of redemption {row.redemption_id}"


@dataclass(frozen=True, slots=True)
class Due:
    """What points should hold of a redemption once nothing is pending: invariant 5 across the services."""

    redemption_id: UUID
    member_id: UUID
    points: int
    """Hundredths taken and not given back; 0 for one that came to nothing."""


def list_dues() -> Iterator[Due]:
    """Of every redemption that points has answered, in the order of their ids."""
    statement = (
        select(Redemption.id, Redemption.member_id, Redemption.points, Redemption.state)
        .where(Redemption.state.not_in([State.REFUSED, State.REQUESTED])).order_by(Redemption.id)
    )  # fmt: skip
    taken = (State.CONFIRMED, State.FULFILLED)
    for redemption_id, member_id, points, state in session().execute(
        statement.execution_options(yield_per=_STREAMED_ROWS)
    ):
        yield Due(redemption_id, member_id, points if state in taken else 0)


def _rows(statement: str, **values: Any) -> Any:
    return session().execute(text(statement), values)
