"""What organizers do with attendances, and what nobody may do for oneself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, attendances
from services.checkin.domain.attendances import (
    AlreadyRecorded,
    Attendance,
    AttendanceInWrongState,
    ImpossibleTimes,
    NoSuchAttendance,
    NoSuchMember,
    Outdated,
    PairsUsedUp,
)
from services.checkin.domain.schedule import service_day
from services.checkin.queries import activities as activity_queries
from services.checkin.queries import attendances as attendance_queries
from services.checkin.queries import rolls as roll_queries
from services.checkin.store import Activity
from services.checkin.store.activities import NoSuchSite
from shared import clock, copies
from shared.db import transactional
from shared.errors import Conflict, Forbidden, RuleBroken
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import ELSEWHERE, END, HERE, START, Station, after, own, statements


def waiting(station: Station, activity: Activity, who: Principal | None = None, **times: float) -> Attendance:
    """An attendance that waits for the nod, since its arrival was scanned late."""
    volunteer = who or station.person()
    station.scan(volunteer, activity, "arrival", after(times.get("arrived", 0)), late_minutes=10)
    receipt = station.scan(volunteer, activity, "departure", after(times.get("left", 120)))
    assert receipt.attendance_id is not None
    return station.find(receipt.attendance_id)


def add(station: Station, activity: Activity, member_id: UUID, at: float = 200, **fields: Any) -> Attendance:
    content: dict[str, Any] = {
        "attendance_id": uuid4(),
        "activity_id": activity.id,
        "member_id": member_id,
        "site_id": activity.sites[0].id,
        "arrived_at": after(0),
        "left_at": after(120),
    }
    with clock.travel(after(at)):
        return attendances.add_attendance(fields.pop("by", station.organizer), **content | fields)


def test_a_confirmation_tells_points_and_the_audit_log(station: Station) -> None:
    pair = waiting(station, station.activity())
    confirmed = attendances.confirm_attendance(station.organizer, attendance_id=pair.id)
    assert (confirmed.state, confirmed.version) == ("confirmed", 1)
    [told] = station.told()
    assert (told["attendance_id"], told["minutes"], told["evidence"]) == (str(pair.id), 120, "organizer")
    [entry] = station.rows("SELECT * FROM audit_log WHERE action = 'attendance.confirm'")
    assert (entry["subject_id"], entry["path"], entry["who"]) == (pair.id, HERE, station.organizer.who)


def test_confirming_the_confirmed_changes_nothing(station: Station) -> None:
    pair = waiting(station, station.activity())
    first = attendances.confirm_attendance(station.organizer, attendance_id=pair.id)
    assert attendances.confirm_attendance(station.organizer, attendance_id=pair.id) == first
    assert len(station.told()) == 1
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'attendance.confirm'")) == 1


def test_a_rejected_one_is_never_told(station: Station) -> None:
    pair = waiting(station, station.activity())
    rejected = attendances.reject_attendance(station.organizer, attendance_id=pair.id, reason="不在现场")
    assert (rejected.state, rejected.reason) == ("rejected", "不在现场")
    again = attendances.reject_attendance(station.organizer, attendance_id=pair.id, reason="又一次")
    assert again == rejected
    with pytest.raises(AttendanceInWrongState):
        attendances.confirm_attendance(station.organizer, attendance_id=pair.id)
    assert station.told() == []


def test_annulling_takes_it_back_with_a_reason(station: Station) -> None:
    pair = station.attend(station.person(), station.activity())
    annulled = attendances.annul_attendance(station.organizer, attendance_id=pair.id, reason="代签")
    assert (annulled.state, annulled.version) == ("annulled", 2)
    assert attendances.annul_attendance(station.organizer, attendance_id=pair.id, reason="代签") == annulled
    told = station.told()[1:]
    assert [(body["state"], body["version"], body["minutes"], body["reason"]) for body in told] == [
        ("annulled", 2, 0, "代签")
    ]


def test_annulling_one_of_two_re_rates_the_other(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    first, second = station.attend(volunteer, activity, 0, 60), station.attend(volunteer, activity, 70, 150)
    attendances.annul_attendance(station.organizer, attendance_id=second.id, reason="代签")
    told = {(body["attendance_id"], body["version"]): body for body in station.told()}
    assert told[str(second.id), 2]["minutes_together"] == 60
    assert (told[str(first.id), 3]["state"], told[str(first.id), 3]["minutes_together"]) == ("confirmed", 60)


def test_annulling_the_pair_that_carries_the_visit_gives_it_to_the_other(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    first, second = station.attend(volunteer, activity, 0, 60), station.attend(volunteer, activity, 70, 150)
    attendances.annul_attendance(station.organizer, attendance_id=first.id, reason="代签")
    told = {(body["attendance_id"], body["version"]): body["carries_visit"] for body in station.told()}
    assert (told[str(second.id), 1], told[str(first.id), 3], told[str(second.id), 2]) == (False, False, True)


def test_a_correction_is_a_new_version_with_new_times(station: Station) -> None:
    pair = station.attend(station.person(), station.activity())
    change: dict[str, Any] = {
        "attendance_id": pair.id,
        "version": 1,
        "arrived_at": after(0),
        "left_at": after(90),
        "reason": "早退",
    }
    with clock.travel(after(400)):
        corrected = attendances.correct_attendance(station.organizer, **change)
        assert (corrected.state, corrected.version, corrected.minutes, corrected.evidence) == (
            "corrected",
            2,
            90,
            "organizer",
        )
        assert attendances.correct_attendance(station.organizer, **change) == corrected
        with pytest.raises(Outdated):
            attendances.correct_attendance(station.organizer, **change | {"left_at": after(95)})
    told = station.told()[-1]
    assert (told["state"], told["version"], told["minutes"], told["reason"]) == ("corrected", 2, 90, "早退")
    [entry] = station.rows("SELECT detail FROM audit_log WHERE action = 'attendance.correct'")
    assert (entry["detail"]["before"]["minutes"], entry["detail"]["after"]["minutes"]) == (180, 90)


def test_one_that_waits_is_confirmed_with_the_corrected_times(station: Station) -> None:
    pair = waiting(station, station.activity())
    with clock.travel(after(400)):
        corrected = attendances.correct_attendance(
            station.organizer,
            attendance_id=pair.id,
            version=0,
            arrived_at=after(0),
            left_at=after(60),
            reason="中途离开",
        )
    assert (corrected.state, corrected.version, corrected.minutes) == ("corrected", 1, 60)
    assert [(body["state"], body["version"]) for body in station.told()] == [("corrected", 1)]


def test_who_never_signed_out_is_signed_out_with_the_known_times_in_one_act(station: Station) -> None:
    receipt = station.scan(station.person(), station.activity(), "arrival", after(5))
    assert receipt.attendance_id is not None
    known: dict[str, Any] = {"attendance_id": receipt.attendance_id, "version": 0, "reason": "先走了"}
    with clock.travel(after(100)):
        with pytest.raises(ImpossibleTimes):
            attendances.correct_attendance(station.organizer, **known, arrived_at=after(-90), left_at=after(60))
        assert station.find(receipt.attendance_id).state == "open"
        attendances.correct_attendance(station.organizer, **known, arrived_at=after(5), left_at=after(60))
    assert [(one["version"], one["state"], one["minutes"]) for one in station.told()] == [(1, "corrected", 55)]
    acts = station.rows("SELECT action FROM audit_log WHERE action LIKE 'attendance.%'")
    assert acts == [{"action": "attendance.correct"}]


def test_a_correction_cannot_run_into_the_next_pair(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    first = station.attend(volunteer, activity, 0, 60)
    station.attend(volunteer, activity, 70, 150)
    with clock.travel(after(400)), pytest.raises(AlreadyRecorded):
        attendances.correct_attendance(
            station.organizer, attendance_id=first.id, version=2, arrived_at=after(0), left_at=after(80), reason="补"
        )


def test_confirm_all_takes_what_waits_and_lists_the_rest(station: Station) -> None:
    household = uuid4()
    sister = station.person(household_id=household)
    organizer = replace(station.organizer, household_ids=(household,))
    activity, other = station.activity(), station.activity(title="义诊")
    usual = [waiting(station, activity) for _ in range(3)]
    mine, hers = waiting(station, activity, organizer), waiting(station, activity, sister)
    busy = station.person()
    station.scan(busy, other, "arrival", after(0))
    elsewhere = waiting(station, activity, busy)
    still_there = station.scan(station.person(), activity, "arrival", after(10))
    result = attendances.confirm_all(organizer, activity_id=activity.id)
    assert result.confirmed == 3
    assert {(left.attendance_id, left.reason) for left in result.left_out} == {
        (mine.id, "own_case"),
        (hers.id, "own_case"),
        (elsewhere.id, "overlapping"),
        (still_there.attendance_id, "open"),
    }
    assert {body["attendance_id"] for body in station.told()} == {str(pair.id) for pair in usual}
    assert attendances.confirm_all(organizer, activity_id=activity.id).confirmed == 0
    [entry] = station.rows("SELECT detail FROM audit_log WHERE action = 'activity.confirm_all'")
    assert set(entry["detail"]["attendance_ids"]) == {str(pair.id) for pair in usual}


def test_five_hundred_leave_and_are_confirmed_in_a_handful_of_statements(station: Station) -> None:
    activity = station.activity()
    transactional(copies.take_members)([station.card(uuid4()) for _ in range(500)])
    from sqlalchemy import text

    from shared.db import session

    session().execute(
        text("""
            INSERT INTO attendance
                (id, activity_id, site_id, member_id, pair, state, service_day, arrived_at, evidence, marks)
            SELECT gen_random_uuid(), :activity, :site, member_id, 1, 'open', '2026-11-21', :at, 'own_scan', '{}'
            FROM member_card WHERE member_id <> :organizer
        """),
        {
            "activity": activity.id,
            "site": activity.sites[0].id,
            "at": after(0),
            "organizer": own(station.organizer),
        },
    )
    session().commit()
    with clock.travel(after(180)), statements() as sent:
        assert activities.leave_all(station.organizer, activity_id=activity.id) == 500
        assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 500
    assert len(sent) <= 14, sent
    told = station.told()
    assert len(told) == 500
    assert {body["minutes"] for body in told} == {180}


def test_all_leave_now_at_one_site_or_everywhere(station: Station) -> None:
    from services.checkin.store.activities import SiteDraft

    sites = [SiteDraft(uuid4(), name, name) for name in ("东门", "西门")]
    activity = station.activity(sites=sites)
    for site in (0, 0, 1):
        station.scan(station.person(), activity, "arrival", after(0), site=site)
    with clock.travel(after(90)):
        assert activities.leave_all(station.organizer, activity_id=activity.id, site_id=activity.sites[1].id) == 1
        with pytest.raises(NoSuchSite):
            activities.leave_all(station.organizer, activity_id=activity.id, site_id=uuid4())
        assert activities.leave_all(station.organizer, activity_id=activity.id) == 2
        assert activities.leave_all(station.organizer, activity_id=activity.id) == 0
    rows = station.rows("SELECT DISTINCT state, minutes, evidence, automatic_departure FROM attendance")
    assert rows == [{"state": "left", "minutes": 90, "evidence": "organizer", "automatic_departure": False}]


def test_one_member_is_signed_out(station: Station) -> None:
    activity = station.activity()
    arrival = station.scan(station.person(), activity, "arrival", after(0))
    assert arrival.attendance_id is not None
    with clock.travel(after(70)):
        left = attendances.leave_attendance(station.organizer, attendance_id=arrival.attendance_id)
    assert (left.state, left.minutes) == ("left", 70)
    assert attendances.leave_attendance(station.organizer, attendance_id=arrival.attendance_id) == left


@pytest.mark.parametrize(("hours", "evidence"), [(4, "organizer"), (38, "organizer"), (40, "entered_later")])
def test_a_sheet_typed_in_after_the_next_day_was_entered_later(station: Station, hours: int, evidence: str) -> None:
    """The activity ends at noon in Shanghai; the next day ends 39 hours after its start at nine."""
    activity = station.activity()
    added = add(station, activity, station.member(), at=hours * 60)
    assert (added.state, added.evidence, added.minutes, added.pair) == ("left", evidence, 120, 1)
    assert station.told() == []


def test_adding_twice_with_one_id_is_adding_once(station: Station) -> None:
    activity, member, id_ = station.activity(), station.member(), uuid4()
    first = add(station, activity, member, attendance_id=id_)
    assert add(station, activity, member, attendance_id=id_) == first
    with pytest.raises(Conflict):
        add(station, activity, member, attendance_id=id_, left_at=after(100))
    assert len(station.rows("SELECT * FROM attendance")) == 1
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'attendance.add'")) == 1


def test_what_cannot_be_added(station: Station) -> None:
    activity, member = station.activity(), station.member()
    add(station, activity, member)
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (AlreadyRecorded, {"arrived_at": after(100), "left_at": after(150)}),
        (ImpossibleTimes, {"arrived_at": after(130), "left_at": after(300)}),
        (ImpossibleTimes, {"arrived_at": after(-70), "left_at": after(-65)}),
        (NoSuchSite, {"site_id": uuid4(), "arrived_at": after(130), "left_at": after(140)}),
        (NoSuchMember, {"member_id": uuid4()}),
        (NoSuchMember, {"member_id": station.member(status="left")}),
    ]
    for error, fields in refused:
        with pytest.raises(error):
            add(station, activity, **{"member_id": member} | fields)
    with pytest.raises(ImpossibleTimes):  # over for good: when did she leave?
        add(station, activity, station.member(), at=300, left_at=None)
    for number in (125, 135):
        add(station, activity, member, arrived_at=after(number), left_at=after(number + 5))
    with pytest.raises(PairsUsedUp):
        add(station, activity, member, arrived_at=after(150), left_at=after(160))


def test_nothing_is_added_to_a_draft_or_a_cancelled_activity(station: Station) -> None:
    draft, cancelled = station.draft(), station.activity()
    activities.cancel_activity(station.organizer, activity_id=cancelled.id, reason="下雨")
    for activity in (draft, cancelled):
        with pytest.raises(RuleBroken):
            add(station, activity, station.member())


def test_an_added_one_may_overlap_with_another_station_and_is_marked(station: Station) -> None:
    volunteer, here, there = station.person(), station.activity(), station.activity(title="义诊")
    station.attend(volunteer, here, 0, 90)
    assert add(station, there, own(volunteer)).marks == ("overlapping",)


def test_an_added_open_one_can_leave_by_scan(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    added = add(station, activity, own(volunteer), at=30, left_at=None)
    assert (added.state, added.left_at) == ("open", None)
    assert station.scan(volunteer, activity, "arrival", after(40)).outcome == "duplicate"
    assert station.scan(volunteer, activity, "departure", after(100)).attendance_id == added.id


Act = Callable[[Principal, UUID], object]
ACTS: dict[str, Act] = {
    "confirm": lambda who, it: attendances.confirm_attendance(who, attendance_id=it),
    "reject": lambda who, it: attendances.reject_attendance(who, attendance_id=it, reason="不在现场"),
    "annul": lambda who, it: attendances.annul_attendance(who, attendance_id=it, reason="代签"),
    "leave": lambda who, it: attendances.leave_attendance(who, attendance_id=it),
    "correct": lambda who, it: attendances.correct_attendance(
        who, attendance_id=it, version=0, arrived_at=after(0), left_at=after(10), reason="早退"
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_nobody_acts_for_themselves_their_family_or_their_household(station: Station, act: str) -> None:
    household, child = uuid4(), station.member()
    organizer = station.person(Grant(Role.STAFF, HERE), household_id=household, family=(child,))
    wife = station.person(household_id=household)
    activity = station.activity()
    station.scan(organizer, activity, "arrival", after(0), member_id=child, late_minutes=5)
    childs = station.scan(organizer, activity, "departure", after(50), member_id=child).attendance_id
    assert childs is not None
    for it in (waiting(station, activity, organizer).id, waiting(station, activity, wife).id, childs):
        before = station.find(it)
        with pytest.raises(OwnCase):
            ACTS[act](organizer, it)
        assert station.find(it) == before
    with pytest.raises(OwnCase):
        add(station, activity, own(wife), by=organizer)


INTRUDERS: dict[str, tuple[Grant, ...]] = {
    "another station's organizer": (Grant(Role.ORGANIZER, ELSEWHERE),),
    "another volunteer": (),
    "a volunteer by grant": (Grant(Role.VOLUNTEER, HERE),),
    "the auditor": (Grant(Role.AUDITOR, HERE),),
}


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_acts_beyond_their_station_or_role(station: Station, intruder: str) -> None:
    who, activity = station.person(*INTRUDERS[intruder]), station.activity()
    it = waiting(station, activity)
    acts: list[Act] = [*ACTS.values(), lambda who, _it: add(station, activity, station.member(), by=who)]
    for act in acts:
        with pytest.raises(Forbidden):
            act(who, it.id)
    for everyone in (attendances.confirm_all, activities.leave_all):
        with pytest.raises(Forbidden):
            everyone(who, activity_id=activity.id)
    assert station.find(it.id) == it
    assert station.told() == []


def test_what_is_not_there_is_not_found(station: Station) -> None:
    for act in ACTS.values():
        with pytest.raises(NoSuchAttendance):
            act(station.organizer, uuid4())


def test_who_forgot_to_sign_out_leaves_at_the_scheduled_end(station: Station) -> None:
    night = station.activity(starts_at=after(720), ends_at=after(1020))  # 21:00 to 02:00 in Shanghai
    station.scan(station.person(), night, "arrival", after(730))
    with clock.travel(after(1079)):
        assert attendances.depart_automatically() == 0
    with clock.travel(after(1081)):
        assert attendances.depart_automatically() == 1
        assert attendances.depart_automatically() == 0
    [row] = station.rows("SELECT * FROM attendance")
    assert (row["state"], row["left_at"], row["minutes"]) == ("left", after(1020), 290)
    assert (row["automatic_departure"], row["evidence"], str(row["service_day"])) == (True, "organizer", "2026-11-21")
    [state] = station.rows("SELECT state FROM activity")
    assert state == {"state": "closed"}
    assert station.told() == []


def test_the_sweep_finds_who_slipped_into_a_closed_activity(station: Station) -> None:
    activity = station.activity()
    station.scan(station.person(), activity, "arrival", after(0))
    from sqlalchemy import text

    from shared.db import session

    session().execute(text("UPDATE activity SET state = 'cancelled'"))
    session().commit()
    with clock.travel(after(30)):
        assert attendances.depart_automatically() == 1
    [row] = station.rows("SELECT state, minutes FROM attendance")
    assert row == {"state": "left", "minutes": 30}


def test_the_minutes_of_a_stay_end_with_the_activity(station: Station) -> None:
    it = station.attend(station.person(), station.activity(), -50, 235)
    assert (it.minutes, it.left_at) == (180, START + timedelta(minutes=235))
    [told] = station.told()
    assert (told["started_at"], told["ended_at"]) == (
        START.isoformat().replace("+00:00", "Z"),
        END.isoformat().replace("+00:00", "Z"),
    )


def test_who_waits_and_stayed_for_less_than_the_whole_is_told_with_all_minutes(station: Station) -> None:
    activity, twice, settled = station.activity(), station.person(), station.person()
    station.attend(twice, activity, 0, 30)
    waiting(station, activity, twice, arrived=40, left=60)
    once = waiting(station, activity, arrived=0, left=100)
    waiting(station, activity, arrived=-5, left=180)  # to the end: whatever the share, that is enough
    station.attend(settled, activity, 0, 10)  # nothing of theirs waits
    rejected = waiting(station, activity, arrived=0, left=20)
    attendances.reject_attendance(station.organizer, attendance_id=rejected.id, reason="不在现场")
    told = attendance_queries.list_waiting(station.organizer, activity_id=activity.id, limit=10)
    assert [tuple(row) for row in told.members] == [(own(twice), 50), (once.member_id, 100)]
    assert (told.activity_minutes, told.service_day) == (180, service_day(START))
    with pytest.raises(Forbidden):
        attendance_queries.list_waiting(station.person(), activity_id=activity.id, limit=10)


def test_who_is_there_by_a_late_scan_is_nodded_to_or_refused_while_it_goes_on(station: Station) -> None:
    activity, (here, away, in_time) = station.activity(), (station.person() for _ in range(3))
    for who, minutes in ((here, 9), (away, 9), (in_time, 0)):
        station.scan(who, activity, "arrival", after(5), late_minutes=minutes)

    def late() -> int:
        counted = activity_queries.count_presence(station.organizer, activity_id=activity.id).late
        lines = roll_queries.list_roll(station.organizer, activity_id=activity.id, limit=9)["lines"]
        records = attendance_queries.list_attendances_at(station.organizer, activity_id=activity.id, limit=9)
        assert [sum(row["awaits_nod"] for row in rows) for rows in (lines, records)] == [counted] * 2
        return counted

    found = {row["member_id"]: row["id"] for row in station.rows("SELECT id, member_id FROM attendance")}
    assert late() == 2
    with clock.travel(after(20)):
        for _again in range(2):
            nodded = attendances.confirm_attendance(station.organizer, attendance_id=found[own(here)])
            assert (nodded.state.value, nodded.evidence.value) == ("open", "organizer")
        assert late() == 1
        refused = attendances.reject_attendance(station.organizer, attendance_id=found[own(away)], reason="不在现场")
        assert (refused.state.value, late()) == ("rejected", 0)
        # Who came in time is there, and neither is to be said of them before they leave.
        with pytest.raises(AttendanceInWrongState):
            attendances.confirm_attendance(station.organizer, attendance_id=found[own(in_time)])
        with pytest.raises(AttendanceInWrongState):
            attendances.reject_attendance(station.organizer, attendance_id=found[own(in_time)], reason="不在现场")
    assert station.told() == []
    actions = [row["action"] for row in station.rows("SELECT action FROM audit_log WHERE action LIKE 'attendance.%'")]
    assert sorted(actions) == ["attendance.confirm", "attendance.leave", "attendance.reject"]
    assert station.scan(here, activity, "departure", after(90)).waits
    attendances.confirm_all(station.organizer, activity_id=activity.id)
    assert [fact["member_id"] for fact in station.told()] == [str(own(here))]
