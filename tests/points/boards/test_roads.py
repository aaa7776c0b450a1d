"""The boards' part in the service: booked attendances, news of members, jobs, verification."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from services.points import jobs
from services.points.commands.book_attendances import book_attendances
from services.points.domain.boards import Metric, Period, keys_of
from services.points.queries.verify_boards import list_pending
from services.points.store.standings import Standing
from shared import clock, events
from shared.db import session, transactional
from shared.events import Answer, AttendanceSettled, Evidence
from tests.points.boards.support import CHALUKOU, CITY, NANCHANG, TODAY, faults, look, member, pending, tell_members
from tests.support import principal_headers

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

ANNA, BOB = UUID(int=101), UUID(int=102)
pytestmark = pytest.mark.usefixtures("boards_app")


def settled(
    attendance_id: UUID,
    version: int = 1,
    *,
    member_id: UUID = ANNA,
    minutes: int = 60,
    at: UUID = NANCHANG,
    day: date = TODAY,
    state: str = "confirmed",
) -> AttendanceSettled:
    started = clock.day_starts(day) + timedelta(hours=9)
    return AttendanceSettled(
        attendance_id=attendance_id,
        version=version,
        state=state,
        member_id=member_id,
        activity_id=UUID(int=1),
        activity_title="清扫楼道",
        category="environment",
        station_id=at,
        service_day=day,
        started_at=started,
        ended_at=started + timedelta(minutes=minutes),
        minutes=minutes,
        minutes_together=minutes,
        activity_minutes=minutes,
        evidence=Evidence.OWN_SCAN,
    )


@transactional
def settle(tx: "Session", *facts: AttendanceSettled) -> Sequence[Answer]:
    return book_attendances(tx, facts)


def test_a_settled_attendance_is_on_every_board_above_its_station() -> None:
    tell_members(member(ANNA))
    settle(settled(uuid4()))
    for metric, value in ((Metric.HOURS, 60), (Metric.POINTS, 100), (Metric.ATTENDANCES, 1)):
        for period in Period:
            assert [row.value for row in look(CITY, period, metric).rows] == [value]
    assert faults() == []


def test_a_correction_counts_at_the_new_place_and_day_alone() -> None:
    tell_members(member(ANNA))
    attendance_id = uuid4()
    settle(settled(attendance_id))
    settle(settled(attendance_id, 2, minutes=90, at=CHALUKOU, day=date(2026, 10, 31), state="corrected"))
    assert look(NANCHANG, Period.ALL).rows == []
    assert [row.value for row in look(CHALUKOU, Period.ALL).rows] == [90]
    assert look(CHALUKOU, Period.MONTH).rows == []
    assert faults() == []


def test_an_annulled_attendance_is_on_no_board() -> None:
    tell_members(member(ANNA))
    attendance_id = uuid4()
    settle(settled(attendance_id))
    settle(settled(attendance_id, 2, state="annulled"))
    for metric in Metric:
        assert look(CITY, Period.ALL, metric).rows == []
    assert faults() == []


def test_a_repeated_fact_counts_once() -> None:
    tell_members(member(ANNA))
    fact = settled(uuid4())
    settle(fact, fact)
    settle(fact)
    assert [row.value for row in look().rows] == [60]


_FACTS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(1, 4),
        st.integers(0, 300),
        st.sampled_from([NANCHANG, CHALUKOU]),
        st.integers(0, 40),
        st.sampled_from(["confirmed", "annulled"]),
    ),
    min_size=1,
    max_size=25,
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(_FACTS, min_size=1, max_size=3))
def test_standings_are_the_fold_of_the_awards_whatever_comes(batches: list[list[Any]]) -> None:
    run = uuid4().int >> 8
    for batch in batches:
        settle(
            *(
                # An attendance belongs to one member.
                settled(
                    UUID(int=run + number),
                    version,
                    member_id=BOB if number % 2 else ANNA,
                    minutes=minutes,
                    at=at,
                    day=TODAY - timedelta(days=days),
                    state=state,
                )
                for number, version, minutes, at, days, state in batch
            )
        )
    assert faults() == []


def test_a_standing_that_is_not_the_sum_of_awards_is_found() -> None:
    @transactional
    def tamper(tx: "Session") -> None:
        tx.execute(update(Standing).where(Standing.period == "2026-11").values(minutes=Standing.minutes + 1))

    tell_members(member(ANNA))
    settle(settled(uuid4()))
    tamper()
    found = faults()
    assert len(found) == 1
    assert "2026-11" in found[0]


def test_the_periods_of_a_standing_are_those_of_the_rule() -> None:
    settle(settled(uuid4(), day=date(2027, 1, 1)))
    kept = session().scalars(select(Standing.period).order_by(Standing.period)).all()
    assert kept == sorted(keys_of(date(2027, 1, 1)))


def test_a_ring_brings_a_booking_to_redis(raw: Any) -> None:
    tell_members(member(ANNA))
    settle(settled(uuid4()))
    assert look().source == "database"
    assert list(list_pending()) == ["the boards of 1 members wait for the refresher"]
    assert raw.exists("wake:points:refresh_boards")
    jobs.refresh_boards()
    assert not raw.exists("wake:points:refresh_boards")
    assert (look().source, pending()) == ("cache", 0)


def test_the_sweep_finds_what_no_ring_announced(raw: Any) -> None:
    tell_members(member(ANNA))
    settle(settled(uuid4()))
    look()
    raw.delete("wake:points:refresh_boards", "rq:queue:huzhu")
    jobs.sweep()
    assert (look().source, pending()) == ("cache", 0)


def test_a_withdrawn_consent_comes_by_event(boards_app: "Flask") -> None:
    def tell(fact: events.MemberChanged) -> None:
        item = {"id": str(uuid4()), "name": "MemberChanged", "body": events.dump(fact)}
        answer = boards_app.test_client().post(
            "/internal/v1/points/events",
            json={"events": [item]},
            headers=principal_headers("points", issuer="worker"),
        )
        assert answer.status_code == 200

    tell(member(ANNA, name_public="安娜"))
    settle(settled(uuid4()))
    look()
    jobs.refresh_boards()
    assert [row.name for row in look().rows] == ["安娜"]
    tell(member(ANNA, version=2, name_masked="安*"))
    assert [row.name for row in look().rows] == ["安*"]
    tell(member(ANNA, version=3, ranked=False))
    assert look().rows == []
    assert pending() == 1
    jobs.refresh_boards()
    assert (look().source, look().rows, pending()) == ("cache", [], 0)
