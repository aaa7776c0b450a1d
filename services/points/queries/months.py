"""A member's year by months."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.points.domain.ledger import AccountKind, Unit, account_id
from services.points.queries.visibility import require_may_read
from shared import clock, copies
from shared.db import session
from shared.principal import Principal

YEAR_MIN, YEAR_MAX = 2000, 2100

# Points count in the month in which they were booked, hours in that of the service. What was earned and spent by who
# was merged counts on those accounts; minutes went over month by month. What a reversal
# could not take back is taken off all the same; paying that debt later is neither earned nor spent. What was taken
# over from paper is of no month.
_MONTHS = text("""
    WITH entry AS (
        SELECT to_char(recorded_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month,
            CASE WHEN kind = 'award' THEN amount WHEN kind IN ('reversal', 'reversal_owed') THEN -amount ELSE 0 END
                AS earned,
            CASE WHEN kind = 'spend' THEN amount WHEN kind = 'refund' THEN -amount ELSE 0 END AS spent,
            0 AS minutes
        FROM transfer
        WHERE (credit_id = ANY(:points) OR debit_id = ANY(:points) OR debit_id = ANY(:debts))
            AND source_type <> 'opening'
            AND recorded_at >= :from_moment AND recorded_at < :to_moment
        UNION ALL
        SELECT to_char(service_day, 'YYYY-MM'), 0, 0, CASE WHEN credit_id = :minutes THEN amount ELSE -amount END
        FROM transfer
        WHERE (credit_id = :minutes OR debit_id = :minutes) AND 'opening' NOT IN (source_type, kind)
            AND service_day >= :from_day AND service_day < :to_day
    )
    SELECT month, CAST(sum(earned) AS bigint) AS points_earned, CAST(sum(spent) AS bigint) AS points_spent,
        CAST(sum(minutes) AS bigint) AS minutes
    FROM entry GROUP BY month HAVING sum(abs(earned)) + sum(abs(spent)) + sum(abs(minutes)) > 0 ORDER BY month
""")


def list_months(caller: Principal, *, member_id: UUID, year: int | None = None) -> list[dict[str, Any]]:
    """Points earned and spent, and minutes served, in each month in which there was something, of a year or ever."""
    tx = session()
    require_may_read(tx, caller, [member_id])
    merged = copies.list_merged(tx, member_id)
    first = date(YEAR_MIN if year is None else year, 1, 1)
    after = date((YEAR_MAX if year is None else year) + 1, 1, 1)
    rows = tx.execute(
        _MONTHS,
        {
            "points": [account_id(AccountKind.MEMBER, Unit.PTS, one) for one in merged],
            "debts": [account_id(AccountKind.DEBT, Unit.PTS, one) for one in merged],
            "minutes": account_id(AccountKind.MEMBER, Unit.MIN, member_id),
            "from_day": first,
            "to_day": after,
            "from_moment": clock.day_starts(first),
            "to_moment": clock.day_starts(after),
        },
    )
    return [dict(row._mapping) for row in rows]
