"""Builders for the ledger: a town of two stations, members, facts about attendances and redemptions."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy.orm import Session

from services.points.commands.boards import take_members, take_stations
from services.points.commands.book_attendances import book_attendances
from services.points.commands.spend_points import request_spends, void_redemptions
from services.points.domain.ledger import AccountKind, Unit, account_id
from services.points.domain.rating import hash_of
from services.points.queries import verify
from services.points.queries.balances import list_balances
from services.points.queries.statement import list_statement
from services.points.store.settlement import Rule, list_rules
from shared import clock
from shared.db import session, transactional
from shared.events import (
    Answer,
    AttendanceSettled,
    Evidence,
    MemberChanged,
    RedemptionVoided,
    SpendRequested,
    StationChanged,
)
from shared.principal import Grant, Kind, Principal, Role

T = TypeVar("T")

TOWN, NANCHANG, CHALUKOU = UUID(int=1), UUID(int=2), UUID(int=3)
DAY = date(2026, 11, 21)
PATHS = {TOWN: f"/{TOWN.hex}/", NANCHANG: f"/{TOWN.hex}/{NANCHANG.hex}/", CHALUKOU: f"/{TOWN.hex}/{CHALUKOU.hex}/"}

settle = transactional(book_attendances)
spend = transactional(request_spends)
void = transactional(void_redemptions)


def plant_tree() -> None:
    names = {TOWN: "温泉街道实践所", NANCHANG: "南昌路社区实践站", CHALUKOU: "岔路口社区实践站"}
    transactional(take_stations)(
        [
            StationChanged(
                node_id=node_id,
                version=1,
                level="sub_centre" if node_id == TOWN else "station",
                name=names[node_id],
                path=path,
                parent_id=None if node_id == TOWN else TOWN,
            )
            for node_id, path in PATHS.items()
        ]
    )


def member(
    station_id: UUID = NANCHANG, *, confirmed: bool = True, member_id: UUID | None = None, **fields: Any
) -> UUID:
    """Somebody at home at a station; with `member_id` and a higher version what is told of somebody known."""
    member_id = member_id or uuid4()
    card: dict[str, Any] = {
        "version": 1,
        "status": "active",
        "volunteer_number": "123456789012",
        "name_masked": "陈*芳",
        "station_id": station_id,
        "confirmed": confirmed,
    }
    transactional(take_members)([MemberChanged(member_id=member_id, **card | fields)])
    return member_id


def confirm(member_id: UUID, *, version: int) -> None:
    """Staff has seen a member of NANCHANG."""
    card: dict[str, Any] = {"status": "active", "volunteer_number": "123456789012", "name_masked": "陈*芳"}
    transactional(take_members)(
        [MemberChanged(member_id=member_id, version=version, station_id=NANCHANG, confirmed=True, **card)]
    )


def attendance(member_id: UUID, minutes: int = 60, **fields: Any) -> AttendanceSettled:
    """A confirmed attendance that earns by the hour and lasted the whole activity."""
    day = fields.get("service_day", DAY)
    start = clock.day_starts(day) + timedelta(hours=9)
    known: dict[str, Any] = {
        "attendance_id": uuid4(),
        "version": 1,
        "state": "confirmed",
        "activity_id": uuid4(),
        "activity_title": "周六楼道大扫除",
        "category": "stairwell",
        "station_id": NANCHANG,
        "service_day": day,
        "started_at": start,
        "ended_at": start + timedelta(minutes=minutes),
        "minutes": minutes,
        "minutes_together": minutes,
        "activity_minutes": minutes,
        "evidence": Evidence.OWN_SCAN,
    }
    return AttendanceSettled(member_id=member_id, **known | fields)


def corrected(fact: AttendanceSettled, minutes: int, **fields: Any) -> AttendanceSettled:
    known: dict[str, Any] = {
        "version": fact.version + 1,
        "state": "corrected",
        "minutes": minutes,
        "minutes_together": minutes,
        "reason": "签退时间有误",
    }
    return replace(fact, **known | fields)


def annulled(fact: AttendanceSettled) -> AttendanceSettled:
    return replace(fact, version=fact.version + 1, state="annulled", reason="未到现场")


def redemption(member_id: UUID, points: int, **fields: Any) -> SpendRequested:
    known: dict[str, Any] = {"redemption_id": uuid4(), "station_id": NANCHANG, "description": "洗衣液 × 1"}
    return SpendRequested(member_id=member_id, points=points, **known | fields)


def voided(fact: SpendRequested) -> RedemptionVoided:
    return RedemptionVoided(redemption_id=fact.redemption_id, member_id=fact.member_id, reason="本人取消")


def outcome_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """The outcome of the only answer."""
    (answer,) = answers
    assert answer.status == "done", answer
    assert answer.outcome is not None
    return dict(answer.outcome)


def balance(member_id: UUID) -> dict[str, Any]:
    session().rollback()
    (found,) = list_balances(acting_for(member_id), member_ids=[member_id])
    return found


def points_of(member_id: UUID) -> int:
    return int(balance(member_id)["points_available"])


def lines_of(member_id: UUID, unit: str = "points") -> list[dict[str, Any]]:
    """The statement, oldest first."""
    session().rollback()
    return list_statement(acting_for(member_id), member_id=member_id, unit=unit, limit=200)[::-1]


def acting_for(*member_ids: UUID) -> Principal:
    return Principal(kind=Kind.LOGIN, audience="points", login_id=uuid4(), member_ids=member_ids)


def holding(role: Role, node_id: UUID) -> Principal:
    grants = (Grant(role, PATHS[node_id]),)
    return Principal(kind=Kind.LOGIN, audience="points", login_id=uuid4(), grants=grants)


def points_account(member_id: UUID) -> UUID:
    return account_id(AccountKind.MEMBER, Unit.PTS, member_id)


def broken() -> dict[str, list[str]]:
    """What `./dev verify` would find, by check."""
    session().rollback()
    found = {name: lines for name, check in verify.CHECKS.items() if (lines := list(check()))}
    session().rollback()
    return found


def digest() -> str:
    session().rollback()
    found = verify.state_digest()
    session().rollback()
    return found


def at_once(app: Flask, calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls at the same moment, each in its own thread and database session."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        with app.app_context():
            barrier.wait(timeout=10)
            return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def make_rule(category: str, *, version: int = 2, from_day: date = date(2000, 1, 1), **fields: Any) -> None:
    """A newer version of a category's rule."""

    @transactional
    def add(tx: Session) -> None:
        known = asdict(list_rules(tx)[category][-1].body) | fields
        tx.add(
            Rule(
                id=uuid4(),
                category=category,
                version=version,
                from_day=from_day,
                body=known,
                hash=hash_of(category, version, from_day, known),
            )
        )

    add()


def shanghai(day: date, hour: int) -> datetime:
    return (clock.day_starts(day) + timedelta(hours=hour)).astimezone(UTC)
