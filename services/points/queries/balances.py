"""What members have."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.points.domain.ledger import AccountKind, Unit, account_id
from services.points.queries.visibility import may_read_at, require_may_read
from shared import clock
from shared.copies import find_station, member_card
from shared.db import session
from shared.errors import Forbidden, NotFound
from shared.principal import Principal

EXPIRING_DAYS = 30
AT_STATION_MAX = 10_000

_BALANCES = text("""
    SELECT who.member_id,
        coalesce(points.credits - points.debits - points.held, 0) - coalesce(lots.expired, 0) AS points_available,
        coalesce(debt.debits - debt.credits, 0) AS points_debt,
        coalesce(minutes.credits - minutes.debits, 0) AS minutes_total,
        coalesce(year.minutes, 0) AS minutes_year,
        coalesce(lots.expiring, 0) AS points_expiring
    FROM unnest(CAST(:members AS uuid[]), CAST(:points AS uuid[]), CAST(:minutes AS uuid[]), CAST(:debts AS uuid[]))
        WITH ORDINALITY AS who (member_id, points_id, minutes_id, debt_id, place)
    LEFT JOIN account points ON points.id = who.points_id
    LEFT JOIN account minutes ON minutes.id = who.minutes_id
    LEFT JOIN account debt ON debt.id = who.debt_id
    LEFT JOIN LATERAL (
        SELECT CAST(sum(remaining) FILTER (WHERE expires_at <= :now) AS bigint) AS expired,
            CAST(sum(remaining) FILTER (WHERE expires_at > :now) AS bigint) AS expiring
        FROM lot WHERE account_id = who.points_id AND remaining > 0 AND expires_at <= :soon
    ) lots ON true
    LEFT JOIN LATERAL (
        SELECT CAST(sum(CASE WHEN credit_id = who.minutes_id THEN amount ELSE -amount END) AS bigint) AS minutes
        FROM transfer WHERE (credit_id = who.minutes_id OR debit_id = who.minutes_id)
            AND 'opening' NOT IN (source_type, kind)
            AND service_day >= :year_from AND service_day < :year_to
    ) year ON true
    ORDER BY place
""")


def list_balances(caller: Principal, *, member_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Balances of members, in the order asked for; lots that have expired no longer count."""
    tx = session()
    require_may_read(tx, caller, member_ids)
    return _balances(tx, member_ids)


def list_at_station(
    caller: Principal, station_id: UUID, *, member_ids: Sequence[UUID] | None = None
) -> list[dict[str, Any]]:
    """What a desk must know of those who are at home at its station, or of these of them: what they may spend, and
    their hours. For its organizers too, who see no lines.
    """
    tx = session()
    place = find_station(tx, station_id)
    if place is None:
        raise NotFound("没有这个站点")
    if not may_read_at(caller, place.path):
        raise Forbidden
    cards = member_card.c
    at_home = select(cards.member_id).where(cards.station_id == station_id, cards.status == "active")
    if member_ids is not None:
        at_home = at_home.where(cards.member_id == func.any(list(member_ids)))
    known = list(tx.scalars(at_home.order_by(cards.member_id).limit(AT_STATION_MAX)))
    names = ("member_id", "points_available", "minutes_total")
    return [{name: balance[name] for name in names} for balance in _balances(tx, known)]


def _balances(tx: Session, member_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    now, today = clock.now(), clock.today()
    rows = tx.execute(
        _BALANCES,
        {
            "members": list(member_ids),
            "points": [account_id(AccountKind.MEMBER, Unit.PTS, member_id) for member_id in member_ids],
            "minutes": [account_id(AccountKind.MEMBER, Unit.MIN, member_id) for member_id in member_ids],
            "debts": [account_id(AccountKind.DEBT, Unit.PTS, member_id) for member_id in member_ids],
            "now": now,
            "soon": now + timedelta(days=EXPIRING_DAYS),
            "year_from": today.replace(month=1, day=1),
            "year_to": today.replace(year=today.year + 1, month=1, day=1),
        },
    )
    return [dict(row._mapping) for row in rows]
