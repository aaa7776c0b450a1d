"""Members who were merged in the middle of an activity: the stay that is open is left, and nobody comes twice."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, attendances, newcomers, people, reviews, scans, sheets, sign_ups
from services.checkin.domain.attendances import AlreadyRecorded, Mark, PairsUsedUp
from services.checkin.domain.outside import NothingToExport
from services.checkin.domain.sheets import Line
from services.checkin.domain.sign_ups import Outcome
from services.checkin.queries import activities as activity_queries
from services.checkin.queries import attendances as attendance_queries
from services.checkin.queries import day as day_queries
from services.checkin.queries import outside as outside_queries
from services.checkin.queries import rolls as roll_queries
from services.checkin.queries.attendances import get_attendance, list_attendances
from services.checkin.store import Activity
from services.checkin.store.activities import SiteDraft
from shared import clock, copies
from shared.db import transactional
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import HERE, Station, after, own
from tests.checkin.test_outside import PLATFORM, make, number, records
from tests.checkin.test_reviews import approve
from tests.checkin.test_roll import tick as roll_tick
from tests.checkin.test_sign_ups import sign_up, signed_up
from tests.support import Settings


def merge(station: Station, goes: UUID, into: UUID) -> None:
    card = replace(station.card(goes), version=2, status="merged", merged_into=into)
    transactional(copies.take_members)([card])


def unmerge(station: Station, member_id: UUID) -> None:
    transactional(copies.take_members)([replace(station.card(member_id), version=3)])


def test_who_came_before_the_merge_leaves_as_who_stays(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    arrival = station.scan(twin, activity, "arrival", after(0))
    merge(station, own(twin), own(chen))
    again = station.scan(chen, activity, "arrival", after(5))
    assert (again.outcome, again.attendance_id) == ("duplicate", arrival.attendance_id)
    code = station.code(activity, "departure", shown_at=after(90))
    with clock.travel(after(90)):
        left = scans.record_scan(chen, code=code, member_id=own(chen))
        assert (left.outcome, left.attendance_id, left.waits) == ("ok", arrival.attendance_id, False)
        assert scans.record_scan(chen, code=code, member_id=own(chen)) == left
    assert station.scan(chen, activity, "departure", after(95)).outcome == "duplicate"
    (told,) = station.told()
    assert (told["member_id"], told["minutes"]) == (str(own(twin)), 90)
    assert len(station.rows("SELECT * FROM attendance")) == 1


def test_who_has_left_may_come_again_as_who_stays(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    station.attend(twin, activity, 0, 60)
    merge(station, own(twin), own(chen))
    station.attend(chen, activity, 90, 120)
    assert [told["member_id"] for told in station.told()] == [str(own(twin)), str(own(chen))]


@pytest.mark.parametrize("stays_open", ["of who stays", "of who went"])
@pytest.mark.parametrize(("left_at", "is_doubled"), [(80, True), (10, False)])
def test_who_leaves_over_hours_that_another_entry_of_theirs_has_confirmed_waits(
    station: Station, left_at: float, is_doubled: bool, stays_open: str
) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    first, second = (twin, chen) if stays_open == "of who stays" else (chen, twin)
    station.scan(first, activity, "arrival", after(0))
    station.scan(second, activity, "arrival", after(20))
    assert station.scan(first, activity, "departure", after(left_at)).waits is False
    merge(station, own(twin), own(chen))
    left = station.scan(chen, activity, "departure", after(100))
    assert left.outcome == "ok"
    assert (Mark.OVERLAPPING in left.marks, left.waits) == (is_doubled, is_doubled)
    assert len(station.told()) == (1 if is_doubled else 2)


def test_lists_of_who_stays_have_those_of_the_others(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    served = station.attend(twin, activity)
    assert _listed(chen) == []
    merge(station, own(twin), own(chen))
    assert _listed(chen) == [served.id]
    assert get_attendance(chen, attendance_id=served.id)["member_id"] == own(twin)


def _listed(who: Principal) -> list[UUID]:
    return [row["id"] for row in list_attendances(who, member_id=own(who), limit=9)]


@pytest.mark.parametrize("direction", ["arrival", "departure"])
def test_who_was_merged_scans_nothing_any_more(station: Station, direction: str) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    merge(station, own(twin), own(chen))
    assert station.scan(twin, activity, direction, after(0)).why == "not_active"


# --- Sign-ups -----------------------------------------------------------------------------------------------


def test_a_sign_up_of_who_was_merged_is_that_of_who_stays(station: Station) -> None:
    twin, chen, other, activity = station.person(), station.person(), station.person(), station.activity()
    [taken] = sign_up(twin, activity.id)
    sign_up(other, activity.id)
    merge(station, own(twin), own(chen))
    [again] = sign_up(chen, activity.id)
    assert (again.outcome, again.id, again.place) == (Outcome.ALREADY, taken.id, 1)
    [mine] = roll_queries.list_sign_ups(chen, member_ids=[own(chen)], limit=9)
    assert (mine["id"], mine["member_id"], mine["place"]) == (taken.id, own(chen), 1)
    station.scan(chen, activity, "arrival", after(0))
    assert [(one["member_id"], one["place"], one["came"]) for one in signed_up(station, activity.id)] == [
        (own(chen), 1, True),
        (own(other), 2, False),
    ]
    unmerge(station, own(twin))
    assert [(one["member_id"], one["place"], one["came"]) for one in signed_up(station, activity.id)] == [
        (own(twin), 1, False),
        (own(other), 2, False),
        (own(chen), None, True),
    ]


def test_who_was_signed_up_under_both_entries_stands_there_once_and_calls_off_at_once(station: Station) -> None:
    twin, chen, other, activity = station.person(), station.person(), station.person(), station.activity()
    [first] = sign_up(twin, activity.id)
    sign_up(chen, activity.id)
    sign_up(other, activity.id)
    merge(station, own(twin), own(chen))
    listed = [(one["id"], one["member_id"], one["place"]) for one in signed_up(station, activity.id)]
    assert (listed[0], listed[1][1:]) == ((first.id, own(chen), 1), (own(other), 2))
    assert activity_queries.get_activity(other, activity_id=activity.id).signed_up == 2
    assert len(roll_queries.list_sign_ups(chen, member_ids=[own(chen)], limit=9)) == 1
    [behind] = roll_queries.list_sign_ups(other, member_ids=[own(other)], limit=9)
    assert behind["place"] == 2
    assert first.id is not None
    sign_ups.cancel_sign_up(chen, sign_up_id=first.id)
    assert [one["member_id"] for one in signed_up(station, activity.id)] == [own(other)]


def test_who_was_signed_up_under_entries_that_were_merged_at_several_removes_is_one_until_that_is_undone(
    station: Station,
) -> None:
    first, second, chen, other = (station.person() for _ in range(4))
    activity = station.activity()

    def count() -> int:
        return activity_queries.get_activity(other, activity_id=activity.id).signed_up

    for who in (first, second, other):
        sign_up(who, activity.id)
    merge(station, own(first), own(second))
    assert count() == 2
    merge(station, own(second), own(chen))
    assert count() == 2, "chen, who never signed up, and the other"
    sign_up(chen, activity.id)
    assert count() == 2
    unmerge(station, own(second))
    unmerge(station, own(first))
    assert count() == 3


# --- One day, and other platforms ---------------------------------------------------------------------------


def test_the_day_of_who_stays_has_what_happened_to_the_other_entry(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    served = station.attend(twin, activity)
    day = after(0).date()
    merge(station, own(twin), own(chen))
    staff = station.person(Grant(Role.STAFF, HERE))
    found = day_queries.show_day(staff, member_id=own(chen), day=day)
    assert [row["id"] for row in found.attendances] == [served.id]
    assert [row["direction"] for row in found.scans] == ["arrival", "departure"]
    assert len(attendance_queries.list_own_scans(chen, member_id=own(chen), limit=9)) == 2
    unmerge(station, own(twin))
    assert day_queries.show_day(staff, member_id=own(chen), day=day).scans == []


def test_a_record_goes_out_once_by_name_and_number_of_whoever_stays_in_the_end(station: Station) -> None:
    staff = station.person(Grant(Role.STAFF, HERE))
    first, second, third = station.person(), station.person(), station.person()
    served = station.attend(first, station.activity(), 0, 120)
    merge(station, own(first), own(second))
    merge(station, own(second), own(third))
    number(station, staff, own(first), "G-1")
    number(station, staff, own(third), "G-3")
    [record] = records(staff, make(staff, station))
    assert (record["attendance_id"], record["member_number"]) == (served.id, "G-3")
    assert record["volunteer_number"] == station.card(own(third)).volunteer_number
    unmerge(station, own(second))
    with pytest.raises(NothingToExport):
        make(staff, station)


def test_the_number_that_a_merged_entry_has_is_who_stays_own(station: Station) -> None:
    staff, twin, chen = station.person(Grant(Role.STAFF, HERE)), station.person(), station.person()
    station.attend(chen, station.activity(), 0, 120)
    number(station, staff, own(twin), "G-1")
    merge(station, own(twin), own(chen))
    number(station, staff, own(chen), "G-1")
    assert _numbers(staff, chen) == [(PLATFORM, "G-1")]
    assert [record["member_number"] for record in records(staff, make(staff, station))] == ["G-1"]
    number(station, staff, own(chen), "G-2")
    assert _numbers(staff, chen) == [(PLATFORM, "G-2")]
    number(station, staff, own(chen), None)
    assert _numbers(staff, chen) == []


def _numbers(staff: Principal, who: Principal) -> list[tuple[str, str]]:
    return [
        (row.platform, row.number)
        for row in outside_queries.list_outside_numbers(staff, kind="member", subject_id=own(who))
    ]


def test_three_arrivals_a_day_are_those_of_the_person(station: Station) -> None:
    first, second, chen = (station.person() for _ in range(3))
    sites = [SiteDraft(uuid4(), name, name) for name in ("东门", "西门", "南门", "北门")]
    activity = station.activity(sites=sites)
    *_, last = (
        station.attend(who, activity, began, began + 10, site=site)
        for site, (who, began) in enumerate(((first, 0), (second, 30), (chen, 60)))
    )
    merge(station, own(first), own(second))
    merge(station, own(second), own(chen))
    assert station.scan(chen, activity, "arrival", after(90), site=3).why == "pairs_used_up"
    ticked = roll_tick(station.organizer, activity, own(chen), "arrived", 91, site=3, seen=last.id)
    assert ticked.verdict.why == "pairs_used_up"
    written = [Line(own(chen), after(100), after(110))]
    with clock.travel(after(120)):
        taken = sheets.enter_sheet(
            station.organizer, sheet_id=uuid4(), activity_id=activity.id, site_id=sites[3].id, lines=written
        )
        with pytest.raises(PairsUsedUp):
            attendances.add_attendance(
                station.organizer, attendance_id=uuid4(), activity_id=activity.id, member_id=own(chen),
                site_id=sites[3].id, arrived_at=after(100), left_at=after(110),
            )  # fmt: skip
    assert [line.outcome for line in taken.lines] == ["pairs_used_up"]
    unmerge(station, own(second))
    assert station.scan(chen, activity, "arrival", after(125), site=3).outcome == "ok"


# --- Own cases ------------------------------------------------------------------------------------------------


def test_who_stays_decides_nothing_for_an_entry_however_long_the_line_and_late_the_news(station: Station) -> None:
    """The card of the first entry still says that they live elsewhere."""
    before, now, activity = uuid4(), uuid4(), station.activity(confirm_each=True)
    grants = (Grant(Role.ORGANIZER, HERE), Grant(Role.STAFF, HERE))
    first, second = station.person(*grants, household_id=before), station.person(household_id=before)
    chen, stranger = station.person(*grants, household_id=now), station.person(*grants)
    reviews.switch_review(chen, node_id=station.id, on=True)
    asked = activities.publish_activity(first, activity_id=station.draft().id)
    served = station.attend(first, activity, 0, 60)
    for goes, into in ((first, second), (second, chen)):
        card = replace(station.card(own(goes)), version=2, status="merged", merged_into=own(into))
        transactional(copies.take_members)([replace(card, household_id=before)])
    attempts: list[Callable[[Principal], Any]] = [
        lambda who: attendances.confirm_attendance(who, attendance_id=served.id),
        lambda who: attendances.reject_attendance(who, attendance_id=served.id, reason="没有来"),
        lambda who: newcomers.sign_in_newcomer(
            who,
            attendance_id=uuid4(),
            activity_id=activity.id,
            site_id=activity.sites[0].id,
            member_id=own(first),
        ),
        lambda who: number(station, who, own(first), "G-1"),
        lambda who: approve(who, asked),
    ]
    with clock.travel(after(70)):
        for attempt in attempts:
            with pytest.raises(OwnCase) as refused:
                attempt(chen)
            assert refused.value.tried is not None
        done = attendances.confirm_all(chen, activity_id=activity.id)
        assert (done.confirmed, [one.reason for one in done.left_out]) == (0, ["own_case"])
        assert attendances.confirm_all(stranger, activity_id=activity.id).confirmed == 1
        assert approve(stranger, asked).state == "published"


# --- By the organizer's word ---------------------------------------------------------------------------------


def _ticked(station: Station, activity: Activity, who: Principal, wanted: str, minutes: float, seen: Any = None) -> Any:
    return roll_tick(station.organizer, activity, own(who), wanted, minutes, seen=seen)


def test_who_came_before_the_merge_is_ticked_as_who_stays_and_stands_on_one_line(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    for each in (twin, chen):
        sign_up(each, activity.id)
    came = _ticked(station, activity, twin, "arrived", 0).standing
    merge(station, own(twin), own(chen))
    [line] = roll_queries.list_roll(station.organizer, activity_id=activity.id, limit=9)["lines"]
    assert (line["member_id"], line["attendance_id"], line["state"]) == (own(chen), came.id, "open")
    assert _ticked(station, activity, chen, "arrived", 5).verdict.outcome == "already"
    assert _ticked(station, activity, chen, "left", 60, came.id).verdict.outcome == "done"
    with clock.travel(after(61)):
        assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 1
    assert [told["minutes"] for told in station.told()] == [60]


def test_what_who_was_merged_scanned_no_tick_takes_back(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    arrival = station.scan(twin, activity, "arrival", after(0))
    merge(station, own(twin), own(chen))
    assert _ticked(station, activity, chen, "not_arrived", 5, arrival.attendance_id).verdict.why == "by_scan"


def test_a_sheet_knows_who_was_merged_and_adds_no_second_stay(station: Station) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    sign_up(twin, activity.id)
    served = station.attend(twin, activity)
    merge(station, own(twin), own(chen))
    site_id = activity.sites[0].id
    with clock.travel(after(200)):
        [line] = roll_queries.get_sheet(station.organizer, activity_id=activity.id, site_id=site_id)["lines"]
        assert (line.member_id, line.attendance_id) == (own(chen), served.id)
        written = Line(own(chen), after(0), after(180))
        receipt = sheets.enter_sheet(
            station.organizer, sheet_id=uuid4(), activity_id=activity.id, site_id=site_id, lines=[written]
        )
        with pytest.raises(AlreadyRecorded):
            attendances.add_attendance(
                station.organizer, attendance_id=uuid4(), activity_id=activity.id, member_id=own(chen),
                site_id=site_id, arrived_at=after(10), left_at=after(20),
            )  # fmt: skip
    [line] = receipt.lines
    assert (line.outcome, line.attendance and line.attendance.id) == ("already", served.id)


@pytest.mark.parametrize("left_before", [True, False])
def test_nobody_is_confirmed_for_being_there_twice_under_two_entries(station: Station, *, left_before: bool) -> None:
    twin, chen, activity = station.person(), station.person(), station.activity()
    for each in (twin, chen):
        came = _ticked(station, activity, each, "arrived", 0).standing
        if left_before:
            _ticked(station, activity, each, "left", 60, came.id)
    card = replace(station.card(own(twin)), version=2, status="merged", merged_into=own(chen))
    transactional(people.take_members)([card])
    with clock.travel(after(90)):
        activities.leave_all(station.organizer, activity_id=activity.id)
        done = attendances.confirm_all(station.organizer, activity_id=activity.id)
    assert (done.confirmed, [one.reason for one in done.left_out]) == (0, ["overlapping"] * 2)


# --- How many there are --------------------------------------------------------------------------------------


def test_who_is_there_under_two_entries_is_counted_once_from_the_merge_on(station: Station) -> None:
    twin, chen, other, activity = station.person(), station.person(), station.person(), station.activity(capacity=2)

    def count() -> tuple[int, int, int, int]:
        counted = activity_queries.count_presence(station.organizer, activity_id=activity.id)
        return counted.present, counted.arrived, counted.left, counted.surplus

    for who in (twin, chen, other):
        _ticked(station, activity, who, "arrived", 0)
    left = _ticked(station, activity, twin, "arrived", 10).standing
    _ticked(station, activity, twin, "left", 20, left.id)
    assert count() == (2, 3, 1, 1)
    merge(station, own(twin), own(chen))
    assert count() == (2, 2, 0, 0)
    unmerge(station, own(twin))
    assert count() == (2, 3, 1, 1)


def test_who_came_under_two_entries_takes_one_place_and_the_own_entries_none(station: Station) -> None:
    twin, chen, other, late = (station.person() for _ in range(4))
    activity = station.activity(capacity=2)
    for who in (twin, chen):
        station.attend(who, activity, 0, 10)
    full = station.activity(capacity=1)
    station.attend(twin, full, 20, 30)
    merge(station, own(twin), own(chen))
    assert Mark.SURPLUS not in station.scan(chen, full, "arrival", after(31)).marks
    assert Mark.SURPLUS not in station.scan(other, activity, "arrival", after(20)).marks
    assert Mark.SURPLUS in station.scan(late, activity, "arrival", after(20)).marks
    assert Mark.SURPLUS in station.scan(late, full, "arrival", after(40)).marks


def test_who_was_merged_is_found_without_reading_every_card(settings: Settings) -> None:
    connection = settings.database("checkin").connection
    with connection.transaction(force_rollback=True):
        connection.execute("""
            INSERT INTO member_card (member_id, version, status, confirmed, merged_into, volunteer_number, name_masked,
                ranked, team_ids)
            SELECT md5(text(n))::uuid, 1, 'active', true, CASE WHEN n <= 200 THEN md5(text(n + 200))::uuid END,
                '123456789012', '陈*', false, '{}' FROM generate_series(1, 20000) n
        """)
        connection.execute("ANALYZE member_card")
        plan = connection.execute(f"EXPLAIN WITH RECURSIVE {copies.PERSONS} SELECT * FROM person").fetchall()
        assert "Seq Scan on member_card" not in str(plan)
        found = connection.execute(f"WITH RECURSIVE {copies.PERSONS} SELECT count(*) FROM person").fetchone()
    assert found == (200,)
