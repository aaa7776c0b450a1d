"""How long points live, for `./dev verify`: each lot ends when the rule says by which it was awarded.

A part that a merge moved is of the award it came from, and what was given within a family is of the lot it was taken
from, as one of the same amount. A refund lets a lot that had expired live on for a while. Nothing else sets or moves
the end.
"""

from collections.abc import Callable, Iterator

from services.points.domain.booking import REFUND_LIVES_DAYS_MIN
from services.points.queries.streaming import rows


def lots_live_as_long_as_their_rules_say() -> Iterator[str]:
    """By the rule that the award names, from when it was booked; opening balances for ever. What lives longer does so
    by a refund to a lot of the same award after its end.
    """
    for row in rows(
        """
        WITH RECURSIVE parent (id, from_id) AS (
            SELECT id, origin_id FROM lot WHERE origin_id IS NOT NULL
            UNION
            SELECT came.id, allocation.lot_id FROM transfer came JOIN lot ON lot.id = came.id
            JOIN transfer went ON went.source_id = came.source_id AND went.kind = 'gift'
            JOIN allocation ON allocation.transfer_id = went.id AND allocation.amount = came.amount
            WHERE came.kind = 'gift'
        ), line (id, award_id) AS (
            SELECT id, from_id FROM parent
            UNION
            SELECT line.id, parent.from_id FROM line JOIN parent ON parent.id = line.award_id
        ), family AS (
            SELECT line.id, line.award_id FROM line LEFT JOIN parent further ON further.id = line.award_id
            WHERE further.id IS NULL
            UNION ALL
            SELECT lot.id, lot.id FROM lot LEFT JOIN parent ON parent.id = lot.id WHERE parent.id IS NULL
        ), born AS (
            SELECT transfer.id AS award_id, recorded_at
                + make_interval(hours => 24 * CAST(body ->> 'points_live_days' AS integer)) AS ends_at
            FROM lot JOIN transfer ON transfer.id = lot.id LEFT JOIN rule ON rule.id = transfer.rule_id
        ), may AS (
            SELECT award_id, ends_at FROM born
            UNION ALL
            SELECT award_id, refund.recorded_at + make_interval(hours => 24 * :refund_days)
            FROM family JOIN born USING (award_id) JOIN allocation ON allocation.lot_id = family.id AND amount < 0
            JOIN transfer refund ON refund.id = allocation.transfer_id AND refund.kind = 'refund'
            WHERE refund.recorded_at >= born.ends_at
        ), sound AS (
            SELECT lot.id FROM lot JOIN family ON family.id = lot.id JOIN may USING (award_id)
            WHERE may.ends_at IS NOT DISTINCT FROM lot.expires_at
        )
        SELECT lot.id, account.owner_id, lot.expires_at FROM lot JOIN account ON account.id = lot.account_id
        WHERE NOT EXISTS (SELECT FROM sound WHERE sound.id = lot.id)
        """,
        refund_days=REFUND_LIVES_DAYS_MIN,
    ):
        ends = "never ends" if row.expires_at is None else f"ends at {row.expires_at:%Y-%m-%d %H:%M}"
        yield f"lot {row.id} of {row.owner_id} {ends}, which its rule does not say"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "lots live as long as their rules say": lots_live_as_long_as_their_rules_say,
}
