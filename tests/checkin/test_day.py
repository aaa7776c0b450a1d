"""One member on one day as check-in knows it, and who may read it."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.checkin.commands import activities, attendances
from services.checkin.domain.attendances import NotYours
from services.checkin.queries import day as queries
from shared import audit, clock
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, SATURDAY, START, Station, after, own, statements

DAY = date(2026, 11, 21)


def day_of(reader: Principal, who: Principal, day: date = DAY) -> queries.Day:
    return queries.show_day(reader, member_id=own(who), day=day)


def elsewhere(station: Station) -> Any:
    return station.activity(station_id=station.elsewhere_id)


def test_everybody_reads_as_much_as_their_role_reaches(station: Station) -> None:
    who = station.person()
    station.organizer = station.person(Grant(Role.ORGANIZER, "/town/"))
    here, there = station.activity(), elsewhere(station)
    station.scan(who, here, "arrival", after(0))
    station.scan(who, there, "arrival", after(30))

    def seen(role: Role, path: str) -> tuple[bool, int]:
        found = day_of(station.person(Grant(role, path)), who)
        return found.is_whole, len(found.scans)

    assert (day_of(who, who).is_whole, len(day_of(who, who).scans)) == (True, 2)
    assert seen(Role.STAFF, HERE) == (True, 2)
    assert seen(Role.AUDITOR, HERE) == (True, 2)
    assert seen(Role.ORGANIZER, HERE) == (False, 1)
    assert seen(Role.STAFF, ELSEWHERE) == (False, 1)
    for stranger in (station.person(), station.person(Grant(Role.STAFF, "/town/third/"))):
        with pytest.raises(NotYours):
            day_of(stranger, who)
    nobody = station.person()
    with pytest.raises(NotYours):
        day_of(station.person(Grant(Role.ORGANIZER, HERE)), nobody)
    assert day_of(station.person(Grant(Role.STAFF, HERE)), nobody).scans == []


def test_a_shift_over_midnight_is_whole_on_the_day_it_began_and_no_other_day_is_told(station: Station) -> None:
    who = station.person()
    evening = SATURDAY + timedelta(hours=14)
    night = station.activity(starts_at=evening, ends_at=evening + timedelta(hours=4))
    station.scan(who, night, "arrival", evening)
    station.scan(who, night, "departure", evening + timedelta(hours=3))
    found = day_of(who, who)
    assert [scan["direction"] for scan in found.scans] == ["arrival", "departure"]
    assert [row["version"] for row in found.on_their_way] == ["1"]
    sunday = day_of(who, who, DAY + timedelta(days=1))
    assert [scan["direction"] for scan in sunday.scans] == ["departure"]
    assert sunday.attendances == []
    assert day_of(who, who, DAY - timedelta(days=1)).scans == []


def test_an_act_on_everybody_is_told_without_who_else_was_there(station: Station) -> None:
    who, other, activity = station.person(), station.person(), station.activity()
    for each in (who, other):
        station.scan(each, activity, "arrival", after(0), late_minutes=5)
    with clock.travel(after(60)):
        activities.leave_all(station.organizer, activity_id=activity.id)
        attendances.confirm_all(station.organizer, activity_id=activity.id)
    found = day_of(who, who)
    assert [act["action"] for act in found.acts] == ["activity.leave_all", "activity.confirm_all"]
    assert {act["by_member_id"] for act in found.acts} == {own(station.organizer)}
    assert [act["detail"] for act in found.acts] == [{}, {}]
    late = station.person()
    station.scan(late, activity, "arrival", after(70))
    assert day_of(late, late).acts == []


def test_who_tried_to_confirm_their_own_did_nothing_that_day(station: Station) -> None:
    who, activity = station.person(Grant(Role.ORGANIZER, HERE)), station.activity()
    attendance_id = station.attend(who, activity, 0, 60).id
    with pytest.raises(OwnCase) as refused:
        attendances.confirm_attendance(who, attendance_id=attendance_id)
    with station.app.app_context():
        audit.keep_own_case(who, refused.value)
    assert day_of(who, who).acts == []


def test_a_day_takes_six_statements_however_much_happened(station: Station) -> None:
    who = station.person()
    sent = []
    for number in range(3):
        activity = station.activity(starts_at=START, ends_at=START + timedelta(hours=1))
        station.scan(who, activity, "arrival", after(number))
        station.scan(who, activity, "departure", after(30 + number))
        with statements() as within:
            day_of(who, who)
        sent.append(len(within))
    assert sent == [6, 6, 6]
