"""The earning rules."""

from datetime import date
from typing import Any
from uuid import UUID

from services.points.domain.rating import rule_of
from services.points.store.settlement import list_rules
from shared import clock
from shared.copies import find_station
from shared.db import session
from shared.errors import NotFound


def list_rules_of_day(*, station_id: UUID | None = None, day: date | None = None) -> list[dict[str, Any]]:
    """The rule of each category for services of a day, today's for None. All stations have the same; an unknown one is
    NotFound.
    """
    tx, service_day = session(), day or clock.today()
    if station_id is not None and find_station(tx, station_id) is None:
        raise NotFound
    rules = (rule_of(versions, service_day) for versions in list_rules(tx).values())
    return [
        {
            "id": rule.id,
            "version": rule.version,
            "category": rule.category,
            "base": rule.body.base,
            "coefficient_percent": rule.body.coefficient_percent,
            "share_min_percent": rule.body.share_min_percent,
            "points_daily_max": rule.body.points_daily_max,
            "category_daily_max": rule.body.category_daily_max,
            "evidence": rule.body.evidence,
            "points_live_days": rule.body.points_live_days,
            "from_day": rule.from_day,
        }
        for rule in rules
        if rule is not None
    ]
