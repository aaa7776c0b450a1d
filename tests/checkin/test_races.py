"""Many at once: the database decides, and everybody gets a true answer."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, attendances, scans
from services.checkin.domain.attendances import AlreadyRecorded, Attendance, PairsUsedUp
from shared import clock
from tests.checkin.support import Station, after, own


def at_once(station: Station, moment: datetime, acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all of these in threads of their own, started together, each with its own session."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        with station.app.app_context(), clock.travel(moment):
            gate.wait(timeout=20)
            return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_fifty_simultaneous_scans_of_one_member_are_one_attendance(station: Station) -> None:
    """Ten of each code that is valid at the moment: retries, double taps, two phones."""
    volunteer, activity = station.person(), station.activity()
    codes = [station.code(activity, "arrival", shown_at=after(0.25 * step)) for step in range(-2, 2)]
    acts = [
        partial(scans.record_scan, volunteer, code=codes[number % 4], member_id=own(volunteer)) for number in range(50)
    ]
    receipts = at_once(station, after(0), acts)
    [pair] = station.rows("SELECT id, state FROM attendance")
    assert {receipt.attendance_id for receipt in receipts} == {pair["id"]}
    kept = Counter(row["outcome"] for row in station.rows("SELECT outcome FROM scan"))
    assert kept == {"ok": 1, "duplicate": 3}


def test_fifty_simultaneous_departures_are_one_award(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0))
    codes = [station.code(activity, "departure", shown_at=after(100 + 0.25 * step)) for step in range(-2, 2)]
    acts = [
        partial(scans.record_scan, volunteer, code=codes[number % 4], member_id=own(volunteer)) for number in range(50)
    ]
    receipts = at_once(station, after(100), acts)
    assert {receipt.outcome.value for receipt in receipts} == {"ok", "duplicate"}
    assert len(station.told()) == 1
    assert len(station.rows("SELECT * FROM scan WHERE direction = 'departure'")) == 4


def test_arrivals_everywhere_at_once_are_three_pairs_a_day(station: Station) -> None:
    for _ in range(3):
        volunteer, places = station.person(), [station.activity() for _ in range(6)]
        acts: list[Callable[[], Any]] = [
            partial(
                scans.record_scan,
                volunteer,
                code=station.code(place, "arrival", shown_at=after(0)),
                member_id=own(volunteer),
            )
            for place in places
        ]

        def add(place: Any, member_id: UUID) -> Any:
            try:
                return attendances.add_attendance(
                    station.organizer,
                    attendance_id=uuid4(),
                    activity_id=place.id,
                    member_id=member_id,
                    site_id=place.sites[0].id,
                    arrived_at=after(-1),
                )
            except PairsUsedUp:
                return None

        acts += [partial(add, station.activity(), own(volunteer)) for _ in range(3)]
        at_once(station, after(0), acts)
        assert len(station.rows("SELECT * FROM attendance WHERE member_id = :id", id=own(volunteer))) == 3


@pytest.mark.parametrize("ending", ["cancel", "close", "postpone"])
def test_nobody_slips_into_an_activity_that_is_being_ended(station: Station, ending: str) -> None:
    """Either the arrival came first and is signed out, or it finds the activity closed."""
    for _ in range(4):
        activity, people = station.activity(), [station.person() for _ in range(8)]
        code = station.code(activity, "arrival", shown_at=after(-30))
        end: dict[str, Callable[[], Any]] = {
            "cancel": partial(activities.cancel_activity, station.organizer, activity_id=activity.id, reason="雨"),
            "close": partial(activities.close_activity, station.organizer, activity_id=activity.id),
            "postpone": partial(activities.postpone_activity, station.organizer, activity_id=activity.id),
        }
        acts: list[Callable[[], Any]] = [
            partial(scans.record_scan, who, code=code, member_id=own(who)) for who in people
        ]
        receipts = at_once(station, after(-30), [*acts[:4], end[ending], *acts[4:]])
        receipts.pop(4)
        came = [receipt for receipt in receipts if receipt.outcome.accepted]
        assert {receipt.outcome.value for receipt in receipts} <= {"ok", "activity_closed"}
        rows = station.rows("SELECT state FROM attendance WHERE activity_id = :id", id=activity.id)
        assert len(rows) == len(came)
        assert not [row for row in rows if row["state"] == "open"]


def test_two_organizers_confirm_all_at_once_and_each_is_told_once(station: Station) -> None:
    activity = station.activity(confirm_each=True)
    for _ in range(20):
        station.attend(station.person(), activity)
    confirm_all = partial(attendances.confirm_all, station.organizer, activity_id=activity.id)
    done = at_once(station, after(200), [confirm_all] * 4)
    assert sorted(one.confirmed for one in done) == [0, 0, 0, 20]
    assert len(station.told()) == 20


def test_pairs_that_settle_at_once_know_each_other(station: Station) -> None:
    """Whichever is last, the newest version of every pair carries the sum of all."""
    for _ in range(5):
        volunteer, activity = station.person(), station.activity()
        first = _late(station, volunteer, activity, 0, 30)
        second = _late(station, volunteer, activity, 40, 60)
        station.scan(volunteer, activity, "arrival", after(70))
        code = station.code(activity, "departure", shown_at=after(100))
        acts: list[Callable[[], Any]] = [
            partial(attendances.confirm_attendance, station.organizer, attendance_id=first.id),
            partial(attendances.confirm_attendance, station.organizer, attendance_id=second.id),
            partial(scans.record_scan, volunteer, code=code, member_id=own(volunteer)),
        ]
        at_once(station, after(100), acts)
        newest: dict[str, dict[str, Any]] = {}
        for body in sorted(station.told(), key=lambda body: int(body["version"])):
            if body["activity_id"] == str(activity.id):
                newest[body["attendance_id"]] = body
        assert [(body["minutes_together"]) for body in newest.values()] == [80, 80, 80]
        stored = {row["id"]: row["version"] for row in station.rows("SELECT id, version FROM attendance")}
        assert all(stored[UUID(key)] == body["version"] for key, body in newest.items())


def test_whoever_settles_while_an_activity_is_ended_early_is_rated_by_its_real_length(station: Station) -> None:
    for _ in range(4):
        activity = station.activity()
        for _ in range(3):
            _late(station, station.person(), activity, 0, 30)
        leaver = station.person()
        station.scan(leaver, activity, "arrival", after(10))
        code = station.code(activity, "departure", shown_at=after(60))
        acts: list[Callable[[], Any]] = [
            partial(attendances.confirm_all, station.organizer, activity_id=activity.id),
            partial(activities.close_activity, station.organizer, activity_id=activity.id),
            partial(scans.record_scan, leaver, code=code, member_id=own(leaver)),
        ]
        at_once(station, after(60), acts)
        newest = {
            body["attendance_id"]: body
            for body in sorted(station.told(), key=lambda body: int(body["version"]))
            if body["activity_id"] == str(activity.id)
        }
        assert {body["activity_minutes"] for body in newest.values()} <= {60}


def test_adding_one_attendance_from_two_desks_is_one(station: Station) -> None:
    activity, member = station.activity(), station.member()

    def add() -> Any:
        try:
            return attendances.add_attendance(
                station.organizer,
                attendance_id=uuid4(),
                activity_id=activity.id,
                member_id=member,
                site_id=activity.sites[0].id,
                arrived_at=after(0),
                left_at=after(60),
            ).state
        except AlreadyRecorded as refusal:
            return refusal.code

    assert sorted(at_once(station, after(200), [add] * 6)) == ["already_recorded"] * 5 + ["left"]


def test_making_an_activity_twice_at_once_is_making_it_once(station: Station) -> None:
    from services.checkin.store.activities import SiteDraft

    content: dict[str, Any] = {"activity_id": uuid4(), "sites": [SiteDraft(uuid4(), "东门", "东门岗亭")]}
    made = at_once(station, after(0), [lambda: station.draft(**content).id] * 6)
    assert set(made) == {content["activity_id"]}
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'activity.create'")) == 1


def _late(station: Station, who: Any, activity: Any, arrived: float, left: float) -> Attendance:
    station.scan(who, activity, "arrival", after(arrived), late_minutes=5)
    receipt = station.scan(who, activity, "departure", after(left))
    assert receipt.attendance_id is not None
    return station.find(receipt.attendance_id)
