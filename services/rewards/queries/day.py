"""What one member redeemed, took home, gave up or lost on one day, and who handed it over."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, literal, or_, select

from services.rewards.domain.redemption import State
from services.rewards.store import Redemption
from shared import clock, copies
from shared.audit import REFUSED_OWN, audit_log
from shared.copies import member_card, station
from shared.db import session
from shared.errors import Forbidden
from shared.principal import Principal, Role

ROWS_MAX = 200


@dataclass(frozen=True, slots=True)
class Day:
    """`is_whole`: not only what was redeemed where the caller has a role."""

    member_id: UUID
    day: date
    is_whole: bool
    redemptions: list[dict[str, Any]]
    acts: list[dict[str, Any]]


def show_day(caller: Principal, *, member_id: UUID, day: date) -> Day:
    """The whole day of one's own members and, for staff and auditors, of those at home below their nodes; for
    organizers and auditors elsewhere what was redeemed there. Forbidden when that is nothing.
    """
    tx = session()
    is_whole = caller.acts_for(member_id) or _is_at_home(caller, member_id)
    since, until = clock.day_starts(day), clock.day_starts(day + timedelta(days=1))
    moments = (Redemption.requested_at, Redemption.fulfilled_at, Redemption.ended_at)
    rows = tx.execute(
        select(Redemption, station.c.name, station.c.path)
        .outerjoin(station, station.c.node_id == Redemption.station_id)
        .where(
            Redemption.member_id.in_(copies.merged_line(literal(member_id, Uuid))),
            Redemption.state != State.REFUSED,
            Redemption.requested_at < until,
            or_(*((moment >= since) & (moment < until) for moment in moments)),
        )
        .order_by(Redemption.requested_at, Redemption.id)
        .limit(ROWS_MAX)
    ).all()
    roles = (Role.ORGANIZER, Role.AUDITOR)
    seen = [row for row in rows if is_whole or any(caller.may(role, row.path or "") for role in roles)]
    if not is_whole and not seen:
        raise Forbidden
    return Day(
        member_id=member_id,
        day=day,
        is_whole=is_whole,
        redemptions=[_as_told(redemption, name) for redemption, name, _path in seen],
        acts=_list_acts([redemption for redemption, _name, _path in seen]),
    )


def _is_at_home(caller: Principal, member_id: UUID) -> bool:
    roles = (Role.STAFF, Role.AUDITOR)
    if not any(caller.has(role) for role in roles):
        return False
    path = session().scalar(
        select(station.c.path)
        .join(member_card, member_card.c.station_id == station.c.node_id)
        .where(member_card.c.member_id == member_id)
    )
    return path is not None and any(caller.may(role, path) for role in roles)


def _as_told(redemption: Redemption, station_name: str | None) -> dict[str, Any]:
    kept = ("id", "gift_name", "quantity", "points", "state", "reason", "requested_at", "confirmed_at", "fulfilled_at")
    told = {name: getattr(redemption, name) for name in (*kept, "ended_at")}
    return told | {"station_name": station_name}


def _list_acts(redemptions: list[Redemption]) -> list[dict[str, Any]]:
    """Who handed these over, one by one or in an order at the desk, or took them back, and why."""
    if not redemptions:
        return []
    log, orders = audit_log.c, {redemption.order_id for redemption in redemptions if redemption.order_id}
    what = {redemption.id: f"{redemption.gift_name} × {redemption.quantity}" for redemption in redemptions}
    rows = session().execute(
        select(log.id, log.at, log.member_id.label("by_member_id"), log.action, log.subject_id, log.detail)
        .where(
            log.subject_id.in_([*what, *orders]),
            ~log.action.endswith(REFUSED_OWN, autoescape=True),
        )
        .order_by(log.id)
        .limit(ROWS_MAX)
    )
    return [
        {
            "id": row.id,
            "at": row.at,
            "what": what.get(row.subject_id) or row.detail["gift"],
            "action": row.action,
            "by_member_id": row.by_member_id,
            "reason": row.detail.get("reason"),
        }
        for row in rows
    ]
