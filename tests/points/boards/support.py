"""Builders: a small tree, members with consents, and standings booked as the settlement books them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from services.points.commands.boards import take_members, take_stations
from services.points.domain.boards import Metric, Period
from services.points.queries.boards import ShownBoard, read_board
from services.points.queries.verify_boards import CHECKS
from services.points.store import standings
from services.points.store.standings import Delta
from shared import clock
from shared.db import session, transactional
from shared.events import MemberChanged, StationChanged
from shared.principal import Grant, Kind, Principal, Role

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
GROWN_UP = date(1980, 1, 1)

CITY, CENTRE, SUB_CENTRE, NANCHANG, CHALUKOU = (UUID(int=number) for number in range(1, 6))
_PARENTS = {CITY: None, CENTRE: CITY, SUB_CENTRE: CENTRE, NANCHANG: SUB_CENTRE, CHALUKOU: SUB_CENTRE}
_LEVELS = {CITY: "city", CENTRE: "centre", SUB_CENTRE: "sub_centre", NANCHANG: "station", CHALUKOU: "station"}


def path_of(node_id: UUID) -> str:
    parent = _PARENTS[node_id]
    return (path_of(parent) if parent else "/") + f"{node_id.hex}/"


def station(node_id: UUID, *, path: str | None = None, version: int = 1, **fields: Any) -> StationChanged:
    return StationChanged(
        **{
            "node_id": node_id,
            "version": version,
            "level": _LEVELS.get(node_id, "station"),
            "name": "站",
            "path": path or path_of(node_id),
            "parent_id": _PARENTS.get(node_id),
            **fields,
        }
    )


def member(member_id: UUID, **fields: Any) -> MemberChanged:
    return MemberChanged(
        **{
            "member_id": member_id,
            "version": 1,
            "status": "active",
            "confirmed": True,
            "volunteer_number": "100000000000",
            "name_masked": "陈*",
            "ranked": True,
            "birth_date": GROWN_UP,
            **fields,
        }
    )


@transactional
def tell_stations(tx: "Session", *facts: StationChanged) -> None:
    take_stations(tx, facts)


@transactional
def tell_members(tx: "Session", *facts: MemberChanged) -> None:
    take_members(tx, facts)


@transactional
def book(tx: "Session", *deltas: Delta) -> None:
    standings.add(tx, deltas)


def plant_tree() -> None:
    tell_stations(*(station(node_id) for node_id in _PARENTS))


def served(
    member_id: UUID,
    minutes: int = 60,
    *,
    points: int | None = None,
    at: UUID = NANCHANG,
    day: date = TODAY,
    attendances: int = 1,
) -> Delta:
    return Delta(at, day, member_id, minutes if points is None else points, minutes, attendances)


def login(*member_ids: UUID, role: Role | None = None, path: str = "/") -> Principal:
    grants = (Grant(role, path),) if role else ()
    return Principal(
        kind=Kind.LOGIN,
        audience="points",
        login_id=uuid4(),
        member_ids=member_ids,
        grants=grants,
        member_id=member_ids[0] if member_ids else None,
        own_member_id=member_ids[0] if member_ids else None,
    )


def look(
    node_id: UUID = NANCHANG,
    period: Period = Period.MONTH,
    metric: Metric = Metric.HOURS,
    own: UUID | None = None,
    day: date | None = None,
    *,
    or_newest: bool = False,
) -> ShownBoard:
    caller = login(own) if own else login()
    return read_board(
        caller, node_id=node_id, period=period, metric=metric, day=day, member_id=own, or_newest=or_newest
    )


@contextmanager
def statements(app: Any) -> Iterator[list[str]]:
    """The statements that reach the database inside the block, without BEGIN and COMMIT."""
    from sqlalchemy import event

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def today_is(moment: datetime = NOON) -> Any:
    return clock.travel(moment)


def faults() -> list[str]:
    """What `./dev verify` would say."""
    found = [sentence for check in CHECKS.values() for sentence in check()]
    session().rollback()
    return found


def pending() -> int:
    marked = len(standings.list_marked(session()))
    session().rollback()
    return marked
