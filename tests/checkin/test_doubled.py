"""One person was confirmed twice for the same hours, under two entries that were merged later."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import attendances, people
from services.checkin.domain.attendances import PARTED, NotDoubled
from services.checkin.queries import day as day_queries
from services.checkin.queries import doubled as doubled_queries
from services.checkin.queries import reports
from shared import clock, copies
from shared.db import transactional
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, Station, after, own
from tests.checkin.test_merged import merge


@dataclass
class Twins:
    """Two entries of one person that were both confirmed for hours of one morning, and merged since."""

    station: Station
    twin: Principal
    chen: Principal
    staff: Principal

    def merge(self) -> None:
        card = replace(self.station.card(own(self.twin)), version=2, status="merged", merged_into=own(self.chen))
        transactional(people.take_members)([card])

    def part(self) -> None:
        transactional(people.take_members)([replace(self.station.card(own(self.twin)), version=3)])

    def doubled(self) -> list[tuple[UUID, int, list[UUID]]]:
        """Who, for how many minutes, and the two stays."""
        found = doubled_queries.list_doubled(self.staff, limit=9)
        return [(one["member_id"], one["minutes"], [stay["id"] for stay in one["stays"]]) for one in found]

    def told(self) -> list[tuple[str, int, str, int]]:
        return [(one["attendance_id"], one["version"], one["state"], one["minutes"]) for one in self.station.told()]


@pytest.fixture
def twins(station: Station) -> Twins:
    return Twins(station, station.person(), station.person(), station.person(Grant(Role.STAFF, HERE)))


@pytest.mark.parametrize("same", [True, False])
def test_two_confirmed_stays_at_the_same_hours_are_shown_to_staff_from_the_merge_on(
    twins: Twins, station: Station, *, same: bool
) -> None:
    activity = station.activity()
    first = station.attend(twins.twin, activity, 0, 120)
    second = station.attend(twins.chen, activity if same else station.activity(), 60, 180)
    assert twins.doubled() == []
    twins.merge()
    assert twins.doubled() == [(own(twins.chen), 60, [first.id, second.id])]
    for who, found in ((twins.chen, 1), (twins.staff, 0)):
        assert len(doubled_queries.list_doubled(twins.staff, limit=9, member_id=own(who))) == found
    day = day_queries.show_day(twins.staff, member_id=own(twins.chen), day=after(0).date())
    assert set(day.doubled) == {first.id, second.id}
    twins.part()
    assert twins.doubled() == []


def test_stays_one_after_the_other_and_those_that_do_not_count_are_not_doubled(twins: Twins, station: Station) -> None:
    station.attend(twins.twin, station.activity(), 0, 60)
    station.attend(twins.chen, station.activity(), 60, 180)
    refused = station.attend(twins.twin, station.activity(confirm_each=True), 90, 120)
    twins.merge()
    assert station.find(refused.id).state == "left"
    assert twins.doubled() == []


def test_doubled_stays_are_told_where_they_were_and_where_the_person_lives_and_nowhere_else(
    twins: Twins, station: Station
) -> None:
    activity = station.activity()
    for who in (twins.twin, twins.chen):
        station.attend(who, activity)
    twins.merge()
    auditor, stranger = station.person(Grant(Role.AUDITOR, HERE)), station.person(Grant(Role.STAFF, ELSEWHERE))
    assert doubled_queries.list_doubled(stranger, limit=9) == []
    [seen] = doubled_queries.list_doubled(auditor, limit=9)
    assert [stay["may_annul"] for stay in seen["stays"]] == [False, False]
    [seen] = doubled_queries.list_doubled(twins.staff, limit=9)
    assert [stay["may_annul"] for stay in seen["stays"]] == [True, True]
    home = replace(station.card(own(twins.chen)), version=2, station_id=station.elsewhere_id)
    transactional(people.take_members)([home])
    [seen] = doubled_queries.list_doubled(stranger, limit=9)
    assert [stay["may_annul"] for stay in seen["stays"]] == [False, False]


def test_one_of_two_is_taken_back_and_comes_back_when_the_merge_is_undone(twins: Twins, station: Station) -> None:
    activity = station.activity()
    first, second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    with pytest.raises(NotDoubled):
        attendances.annul_doubled(twins.staff, attendance_id=first.id)
    twins.merge()
    for _ in range(2):
        attendances.annul_doubled(twins.staff, attendance_id=first.id)
    assert station.find(first.id).state == "annulled"
    assert twins.doubled() == []
    with pytest.raises(NotDoubled):
        attendances.annul_doubled(twins.staff, attendance_id=second.id)
    for _ in range(2):
        twins.part()
    back = station.find(first.id)
    assert (back.state, back.version, back.minutes, back.reason) == ("confirmed", 3, 120, PARTED)
    assert twins.told()[-2:] == [(str(first.id), 2, "annulled", 0), (str(first.id), 3, "confirmed", 120)]
    assert station.told()[-1]["reason"] == PARTED


def test_what_was_taken_back_comes_back_also_when_the_entry_went_into_somebody_else_by_the_same_news(
    twins: Twins, station: Station
) -> None:
    activity, right_one = station.activity(), station.person()
    first, _second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    twins.merge()
    attendances.annul_doubled(twins.staff, attendance_id=first.id)
    card = replace(station.card(own(twins.twin)), version=4, status="merged", merged_into=own(right_one))
    transactional(people.take_members)([card])
    assert station.find(first.id).state == "confirmed"


def test_what_was_corrected_before_comes_back_as_corrected(twins: Twins, station: Station) -> None:
    activity = station.activity()
    first, _second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    with clock.travel(after(200)):
        attendances.correct_attendance(
            station.organizer, attendance_id=first.id, version=1, arrived_at=after(0), left_at=after(90), reason="早退"
        )
    twins.merge()
    attendances.annul_doubled(twins.staff, attendance_id=first.id)
    twins.part()
    assert (station.find(first.id).state, station.find(first.id).minutes) == ("corrected", 90)


def test_what_was_annulled_for_another_reason_does_not_come_back(twins: Twins, station: Station) -> None:
    activity = station.activity()
    first, _second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    twins.merge()
    attendances.annul_attendance(twins.staff, attendance_id=first.id, reason="没有来")
    twins.part()
    assert station.find(first.id).state == "annulled"


def test_of_three_entries_only_what_is_doubled_no_more_comes_back(twins: Twins, station: Station) -> None:
    third, activity = station.person(), station.activity()
    stays = [station.attend(who, activity, 0, 120).id for who in (twins.twin, third, twins.chen)]
    twins.merge()
    merge(station, own(third), own(twins.chen))
    assert len(twins.doubled()) == 3
    for attendance_id in stays[:2]:
        attendances.annul_doubled(twins.staff, attendance_id=attendance_id)
    twins.part()
    assert [station.find(attendance_id).state for attendance_id in stays] == ["confirmed", "annulled", "confirmed"]


def test_nobody_takes_back_one_of_two_for_the_own_household(twins: Twins, station: Station) -> None:
    activity, family = station.activity(), uuid4()
    first, _second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    twins.merge()
    card = replace(station.card(own(twins.twin)), version=5, household_id=family)
    transactional(copies.take_members)([replace(card, status="merged", merged_into=own(twins.chen))])
    relative = station.person(Grant(Role.STAFF, HERE), household_id=family)
    with pytest.raises(OwnCase):
        attendances.annul_doubled(relative, attendance_id=first.id)


def test_a_doubled_visit_is_one_visit_of_one_person_in_the_report(twins: Twins, station: Station) -> None:
    activity = station.activity()
    first, _second = (station.attend(who, activity, 0, 120) for who in (twins.twin, twins.chen))
    twins.merge()
    day = after(0).date()
    made = reports.report(twins.staff, node_id=station.id, from_=day, to=day)
    assert (made.total.persons, made.total.visits, made.total.minutes) == (1, 1, 240)
    attendances.annul_doubled(twins.staff, attendance_id=first.id)
    made = reports.report(twins.staff, node_id=station.id, from_=day, to=day)
    assert (made.total.persons, made.total.visits, made.total.minutes) == (1, 1, 120)
