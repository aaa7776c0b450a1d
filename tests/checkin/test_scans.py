"""Scanning a place code: what becomes of it, and that it becomes that only once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, attendances, scans
from services.checkin.commands.confirm_each import switch_confirm_each
from services.checkin.store.activities import SiteDraft
from shared import clock, copies
from shared.db import transactional
from shared.errors import Forbidden, NotFound
from shared.events import StationChanged
from shared.principal import Grant, Role
from tests.checkin.support import ELSEWHERE, END, HERE, START, Station, after, own, statements


def test_a_member_arrives_and_leaves_and_the_minutes_are_told_to_points(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    arrival = station.scan(volunteer, activity, "arrival", after(-10))
    assert (arrival.outcome, arrival.marks, arrival.title) == ("ok", ("early",), "清扫和谐小区")
    departure = station.scan(volunteer, activity, "departure", after(130))
    assert (departure.outcome, departure.waits) == ("ok", False)
    [told] = station.told()
    assert (told["member_id"], told["minutes"], told["activity_minutes"]) == (str(own(volunteer)), 130, 180)
    assert (told["evidence"], told["state"], told["version"]) == ("own_scan", "confirmed", 1)
    assert (told["minutes_together"], told["service_day"]) == (130, "2026-11-21")


def test_an_arrival_tells_points_nothing(station: Station) -> None:
    station.scan(station.person(), station.activity(), "arrival", after(0))
    assert station.rows("SELECT * FROM outbox") == []


def test_the_same_scan_again_is_answered_as_the_first_time(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    code = station.code(activity, "arrival", shown_at=after(0))
    with clock.travel(after(0)):
        first = scans.record_scan(volunteer, code=code, member_id=own(volunteer))
    station.scan(volunteer, activity, "departure", after(100))
    with clock.travel(after(5000)):
        assert scans.record_scan(volunteer, code=code, member_id=own(volunteer)) == first
        url = f"http://huzhu.test/s/{code}"
        assert scans.record_scan(volunteer, code=url, member_id=own(volunteer)) == first
    assert len(station.rows("SELECT * FROM scan")) == 2


def test_a_refusal_is_kept_and_repeated_even_when_it_would_pass_by_now(station: Station) -> None:
    volunteer, activity = station.person(), station.draft()
    code = station.code(activity, "arrival", shown_at=after(0))
    with clock.travel(after(0)):
        refused = scans.record_scan(volunteer, code=code, member_id=own(volunteer))
        activities.publish_activity(station.organizer, activity_id=activity.id)
        again = scans.record_scan(volunteer, code=code, member_id=own(volunteer))
    assert (refused.outcome, refused.why, again) == ("activity_closed", "not_published", refused)


def test_the_next_code_of_somebody_who_is_there_is_a_duplicate(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    first = station.scan(volunteer, activity, "arrival", after(0))
    second = station.scan(volunteer, activity, "arrival", after(1))
    assert (second.outcome, second.attendance_id) == ("duplicate", first.attendance_id)
    left = station.scan(volunteer, activity, "departure", after(60))
    again = station.scan(volunteer, activity, "departure", after(61))
    assert (again.outcome, again.attendance_id) == ("duplicate", left.attendance_id)
    assert len(station.told()) == 1
    assert station.find(left.attendance_id or uuid4()).minutes == 60


def test_forged_codes_are_refused_and_kept(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    code = station.code(activity, "arrival", shown_at=after(0))
    with clock.travel(after(0)):
        for text in (code[:-1] + ("A" if code[-1] != "A" else "B"), "V1.x", "http://example.com/", "你好"):
            receipt = scans.record_scan(volunteer, code=text, member_id=own(volunteer))
            assert (receipt.outcome, receipt.why, receipt.activity_id) == ("invalid_code", "forged", None)
            assert scans.record_scan(volunteer, code=text, member_id=own(volunteer)) == receipt
    assert len(station.rows("SELECT * FROM scan WHERE outcome = 'invalid_code'")) == 4


def test_the_code_of_a_site_that_was_removed_from_the_draft_is_invalid(station: Station) -> None:
    volunteer, activity = station.person(), station.draft()
    code = station.code(activity, "arrival", shown_at=after(0))
    activities.change_activity(
        station.organizer, activity_id=activity.id, changes={}, sites=[SiteDraft(uuid4(), "西门", "西门岗亭")]
    )
    with clock.travel(after(0)):
        receipt = scans.record_scan(volunteer, code=code, member_id=own(volunteer))
        assert receipt.outcome == "invalid_code"
        assert scans.record_scan(volunteer, code=code, member_id=own(volunteer)) == receipt


@pytest.mark.parametrize(
    ("late_minutes", "outcome"), [(0.5, "ok"), (0.6, "late_scan"), (29, "late_scan"), (31, "expired_code")]
)
def test_how_old_a_code_may_be(station: Station, late_minutes: float, outcome: str) -> None:
    receipt = station.scan(station.person(), station.activity(), "arrival", after(60), late_minutes=late_minutes)
    assert receipt.outcome == outcome
    assert receipt.waits is (outcome == "late_scan")
    assert len(station.rows("SELECT * FROM attendance")) == (outcome != "expired_code")


@pytest.mark.parametrize("late", ["arrival", "departure"])
def test_a_late_scan_on_either_side_waits_for_the_nod(station: Station, late: str) -> None:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0), late_minutes=10 if late == "arrival" else 0)
    receipt = station.scan(volunteer, activity, "departure", after(90), late_minutes=10 if late == "departure" else 0)
    assert receipt.waits
    assert receipt.attendance_id is not None
    found = station.find(receipt.attendance_id)
    assert (found.state, found.minutes, found.evidence, "late_scan" in found.marks) == ("left", 90, "organizer", True)
    assert station.told() == []


def test_what_counts_is_when_the_gateway_saw_the_code(station: Station) -> None:
    activity = station.activity()
    volunteer = replace(station.person(), read_at=after(0))
    code = station.code(activity, "arrival", shown_at=after(0))
    with clock.travel(after(9)):  # nine minutes of registering
        receipt = scans.record_scan(volunteer, code=code, member_id=own(volunteer))
    assert (receipt.outcome, receipt.at) == ("ok", after(0))
    [scan] = station.rows("SELECT at, received_at FROM scan")
    assert (scan["at"], scan["received_at"]) == (after(0), after(9))


def test_a_reading_in_the_future_counts_as_now(station: Station) -> None:
    volunteer = replace(station.person(), read_at=after(100))
    assert station.scan(volunteer, station.activity(), "arrival", after(0)).at == after(0)


def test_one_login_signs_in_several_but_nobody_elses(station: Station) -> None:
    mother, stranger = station.member(), station.member()
    daughter, activity = station.person(family=(mother,)), station.activity()
    code = station.code(activity, "arrival", shown_at=after(0))
    with clock.travel(after(0)):
        receipts = scans.record_scans(daughter, code=code, member_ids=[own(daughter), mother])
        assert [(receipt.member_id, receipt.outcome) for receipt in receipts] == [
            (own(daughter), "ok"),
            (mother, "ok"),
        ]
        with pytest.raises(Forbidden):
            scans.record_scans(daughter, code=code, member_ids=[own(daughter), stranger])
    assert len(station.rows("SELECT * FROM scan")) == 2


def test_somebody_whose_card_has_not_come_yet_is_let_in_and_an_erased_one_is_not(station: Station) -> None:
    new, gone = uuid4(), station.member(status="erased")
    volunteer, activity = station.person(family=(new, gone)), station.activity()
    assert station.scan(volunteer, activity, "arrival", after(0), member_id=new).outcome == "ok"
    assert station.scan(volunteer, activity, "arrival", after(0), member_id=gone).why == "not_active"


def test_capacity_is_soft(station: Station) -> None:
    activity = station.activity(capacity=2)
    marks = [station.scan(station.person(), activity, "arrival", after(1)).marks for _ in range(3)]
    assert marks == [(), (), ("surplus",)]


def test_who_comes_back_after_lunch_takes_no_second_seat(station: Station) -> None:
    activity, volunteer = station.activity(capacity=1), station.person()
    station.attend(volunteer, activity, 0, 60)
    assert station.scan(volunteer, activity, "arrival", after(90)).marks == ()


def test_a_second_pair_re_rates_the_first(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    first = station.attend(volunteer, activity, 0, 50)
    second = station.attend(volunteer, activity, 60, 130)
    assert (first.pair, second.pair) == (1, 2)
    told = [
        (body["attendance_id"], body["version"], body["minutes"], body["minutes_together"]) for body in station.told()
    ]
    assert told == [(str(first.id), 1, 50, 50), (str(second.id), 1, 70, 120), (str(first.id), 2, 50, 120)]
    assert station.find(first.id).version == 2
    assert station.told()[2]["reason"]
    assert [(body["attendance_id"], body["carries_visit"]) for body in station.told()] == [
        (str(first.id), True),
        (str(second.id), False),
        (str(first.id), True),
    ]


def test_a_second_pair_of_no_minutes_knows_the_sum_all_the_same(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.attend(volunteer, activity, 0, 50)
    station.attend(volunteer, activity, 60, 60.5)
    assert [(body["version"], body["minutes"], body["minutes_together"]) for body in station.told()] == [
        (1, 50, 50),
        (1, 0, 50),
    ]


def test_the_fourth_time_on_one_day_is_refused_and_the_next_day_is_a_new_one(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    for number in range(3):
        station.attend(volunteer, activity, number * 10, number * 10 + 5)
    assert station.scan(volunteer, activity, "arrival", after(60)).why == "pairs_used_up"
    tomorrow = station.activity(starts_at=START + timedelta(days=1), ends_at=END + timedelta(days=1))
    assert station.scan(volunteer, tomorrow, "arrival", after(24 * 60)).outcome == "ok"


def test_a_shift_over_midnight_belongs_to_the_day_of_arrival(station: Station) -> None:
    start = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai
    activity, volunteer = station.activity(starts_at=start, ends_at=start + timedelta(hours=4)), station.person()
    station.scan(volunteer, activity, "arrival", start)
    station.scan(volunteer, activity, "departure", start + timedelta(hours=4))
    [told] = station.told()
    assert (told["service_day"], told["minutes"]) == ("2026-11-21", 240)


def test_being_in_two_places_at_once_is_marked_and_both_wait(station: Station) -> None:
    volunteer, here, there = station.person(), station.activity(), station.activity(title="义诊")
    station.scan(volunteer, here, "arrival", after(0))
    assert station.scan(volunteer, there, "arrival", after(30)).marks == ("overlapping",)
    first = station.scan(volunteer, here, "departure", after(100))
    second = station.scan(volunteer, there, "departure", after(150))
    assert (first.marks, first.waits, second.marks, second.waits) == (("overlapping",), True, ("overlapping",), True)
    assert station.told() == []


def test_two_sites_of_one_activity_at_once_overlap_too(station: Station) -> None:
    sites = [SiteDraft(uuid4(), name, name) for name in ("东门", "西门")]
    volunteer, activity = station.person(), station.activity(sites=sites)
    station.scan(volunteer, activity, "arrival", after(0))
    assert station.scan(volunteer, activity, "arrival", after(10), site=1).marks == ("overlapping",)


def test_a_forgotten_departure_does_not_overlap_with_what_starts_after_the_end(station: Station) -> None:
    volunteer, morning = station.person(), station.activity()
    noon = station.activity(starts_at=END, ends_at=END + timedelta(hours=2))
    station.scan(volunteer, morning, "arrival", after(0))
    assert station.scan(volunteer, noon, "arrival", after(170)).marks == ("early",)
    departure = station.scan(volunteer, noon, "departure", after(300))
    assert (departure.marks, departure.waits) == ((), False)


def test_an_overlap_that_was_only_feared_on_arrival_is_forgotten_on_leaving(station: Station) -> None:
    """The other departure was scanned late: by its time nobody was in two places."""
    volunteer, here = station.person(), station.activity()
    there = station.activity(starts_at=after(60), ends_at=after(240))
    station.scan(volunteer, here, "arrival", after(0))
    slow = replace(volunteer, read_at=after(58))
    code = station.code(here, "departure", shown_at=after(58))
    assert station.scan(volunteer, there, "arrival", after(59)).marks == ("early", "overlapping")
    with clock.travel(after(61)):
        scans.record_scan(slow, code=code, member_id=own(volunteer))
    departure = station.scan(volunteer, there, "departure", after(200))
    assert (departure.marks, departure.waits) == ((), False)
    assert departure.attendance_id is not None
    assert station.find(departure.attendance_id).marks == ("early",)


def test_a_station_may_want_to_confirm_each(station: Station) -> None:
    attended = station.attend(station.person(), station.activity(confirm_each=True))
    assert (attended.state, attended.evidence, station.told()) == ("left", "own_scan", [])


def test_a_station_and_each_node_above_it_may_want_to_confirm_everything(station: Station) -> None:
    town = uuid4()
    transactional(copies.take_stations)(
        [StationChanged(node_id=town, version=1, level="city", name="市", path="/town/")]
    )
    staff, activity = station.person(Grant(Role.STAFF, "/town/")), station.activity()
    for node_id, waits in ((station.id, True), (town, True), (station.elsewhere_id, False)):
        for _ in range(2):
            switch_confirm_each(staff, node_id=node_id, on=True)
        attended = station.attend(station.person(), activity)
        assert attended.state == ("left" if waits else "confirmed"), node_id
        for _ in range(2):
            switch_confirm_each(staff, node_id=node_id, on=False)
    assert station.attend(station.person(), activity).state == "confirmed"
    acts = station.rows("SELECT action, subject_id, path FROM audit_log WHERE subject_type = 'node' ORDER BY id")
    assert [(row["action"], row["subject_id"], row["path"]) for row in acts[:2]] == [
        ("confirm_each.switch_on", station.id, HERE),
        ("confirm_each.switch_off", station.id, HERE),
    ]
    assert len(acts) == 6
    with pytest.raises(Forbidden):
        switch_confirm_each(station.organizer, node_id=station.id, on=True)
    with pytest.raises(NotFound):
        switch_confirm_each(staff, node_id=uuid4(), on=True)


def test_one_code_that_many_read_can_be_told_from_the_scans(station: Station) -> None:
    activity = station.activity()
    for minute in (-90, -90, -80):
        station.scan(station.person(), activity, "arrival", after(minute))
    digests = [row["code_digest"] for row in station.rows("SELECT code_digest FROM scan ORDER BY received_at, id")]
    assert digests[0] == digests[1] != digests[2]


def test_who_scans_at_a_cancelled_activity_is_told_why(station: Station) -> None:
    activity, volunteer = station.activity(), station.person()
    activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    for _ in range(2):
        receipt = station.scan(volunteer, activity, "arrival", after(0))
        assert (receipt.why, receipt.reason) == ("cancelled", "下雨")


def test_a_departure_after_the_organizers_arrival_waits(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    with clock.travel(after(5)):
        attendances.add_attendance(
            station.organizer,
            attendance_id=uuid4(),
            activity_id=activity.id,
            member_id=own(volunteer),
            site_id=activity.sites[0].id,
            arrived_at=after(0),
        )
    departure = station.scan(volunteer, activity, "departure", after(100))
    assert (departure.outcome, departure.waits) == ("ok", True)


def sites_led_by(*leaders: UUID) -> list[SiteDraft]:
    return [SiteDraft(uuid4(), name, name, leader) for name, leader in zip(("东门", "西门"), leaders, strict=False)]


def test_whoever_may_show_the_codes_needs_somebody_elses_nod(station: Station) -> None:
    """Codes can be read from home: nobody publishes, scans and is paid alone."""
    mother, activity = station.member(), station.activity()
    centre = station.person(Grant(Role.STAFF, "/town/"))
    alone = replace(station.organizer, member_ids=(own(station.organizer), mother))
    for who, member_id in ((alone, own(alone)), (alone, mother), (centre, own(centre))):
        arrival = station.scan(who, activity, "arrival", after(0), member_id=member_id)
        assert (arrival.outcome, arrival.marks, arrival.waits) == ("ok", ("own_case",), True)
        departure = station.scan(who, activity, "departure", after(100), member_id=member_id)
        assert (departure.outcome, departure.marks, departure.waits) == ("ok", ("own_case",), True)
    assert station.told() == []
    left_out = attendances.confirm_all(alone, activity_id=activity.id).left_out
    assert {left.member_id: left.reason for left in left_out} == {own(alone): "own_case", mother: "own_case"}
    another = station.person(Grant(Role.ORGANIZER, HERE))
    assert attendances.confirm_all(another, activity_id=activity.id).confirmed == 2
    assert {body["evidence"] for body in station.told()} == {"own_scan"}


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.STAFF])
def test_who_acts_for_somebody_who_may_show_the_codes_needs_a_nod_too(station: Station, role: Role) -> None:
    """A second login of the organizer, left by a merge, and the family's: the codes are read at home all the same."""
    for whose in ("the organizer's, by the second login", "the organizer's, by the family's", "the daughter's"):
        organizer = station.member()
        daughter = station.person(family=(organizer,))
        login = replace(daughter, own_member_id=None, member_ids=(organizer,)) if "second" in whose else daughter
        member_id = own(daughter) if whose == "the daughter's" else organizer
        who, activity = replace(login, grants_of_others=(Grant(role, HERE),)), station.activity()
        assert not who.may(Role.ORGANIZER, HERE)
        station.scan(who, activity, "arrival", after(0), member_id=member_id)
        departure = station.scan(who, activity, "departure", after(100), member_id=member_id)
        assert (departure.marks, departure.waits) == (("own_case",), True), whose
        away = replace(login, grants_of_others=(Grant(role, ELSEWHERE), Grant(Role.AUDITOR, HERE)))
        arrival = station.scan(away, station.activity(), "arrival", after(0), member_id=member_id)
        assert "own_case" not in arrival.marks, whose
    assert station.told() == []


def test_organizers_of_other_places_scan_as_everybody_does(station: Station) -> None:
    guests = [
        station.person(Grant(Role.ORGANIZER, ELSEWHERE)),
        station.person(Grant(Role.AUDITOR, HERE)),
        station.person(Grant(Role.VOLUNTEER, HERE)),
    ]
    for guest in guests:
        assert station.attend(guest, station.activity()).state == "confirmed"


def test_an_arrival_by_an_organizers_login_makes_the_pair_wait(station: Station) -> None:
    mother = station.person()
    son = station.person(Grant(Role.ORGANIZER, HERE), family=(own(mother),))
    activity = station.activity()
    station.scan(son, activity, "arrival", after(0), member_id=own(mother))
    departure = station.scan(mother, activity, "departure", after(100))
    assert (departure.marks, departure.waits) == ((), True)
    assert departure.attendance_id is not None
    assert station.find(departure.attendance_id).marks == ("own_case",)


@pytest.mark.parametrize("role", ["made it", "leads a site"])
def test_the_household_of_who_made_or_leads_it_waits_with_logins_of_their_own_too(station: Station, role: str) -> None:
    household = uuid4()
    leader = station.person(Grant(Role.ORGANIZER, HERE), household_id=household)
    wife, neighbour = station.person(household_id=household), station.person(household_id=uuid4())
    other = station.person()
    led = sites_led_by(own(other), own(leader)) if role == "leads a site" else sites_led_by(own(other))
    if role == "made it":
        station.organizer = leader
    activity = station.activity(sites=led)
    station.scan(wife, activity, "arrival", after(0))
    departure = station.scan(wife, activity, "departure", after(100))
    assert (departure.marks, departure.waits) == (("own_case",), True)
    assert station.attend(neighbour, activity).state == "confirmed"
    assert station.attend(station.person(), activity).state == "confirmed"


def test_a_leader_without_the_right_to_organize_waits_too(station: Station) -> None:
    leader = station.person()
    attended = station.attend(leader, station.activity(sites=sites_led_by(own(leader))))
    assert (attended.state, attended.marks) == ("left", ("own_case",))


def test_after_the_automatic_departure_a_scan_is_a_duplicate(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0))
    with clock.travel(after(241)):
        assert attendances.depart_automatically() == 1
    slow = replace(volunteer, read_at=after(239))
    assert station.scan(slow, activity, "departure", after(242), late_minutes=3).outcome == "duplicate"


def test_an_arrival_takes_two_statements_and_a_departure_three(station: Station) -> None:
    volunteer, activity = station.person(), station.activity(capacity=1)
    code = {direction: station.code(activity, direction, shown_at=after(0)) for direction in ("arrival", "departure")}
    with clock.travel(after(0)):
        for direction, expected in (("arrival", 2), ("arrival", 2), ("departure", 3), ("departure", 2)):
            with statements() as sent:
                scans.record_scan(volunteer, code=code[direction], member_id=own(volunteer))
            assert len(sent) == expected, sent


def test_a_departure_that_re_rates_earlier_pairs_takes_five(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.attend(volunteer, activity, 0, 30)
    station.attend(volunteer, activity, 40, 70)
    station.scan(volunteer, activity, "arrival", after(80))
    with statements() as sent:
        station.scan(volunteer, activity, "departure", after(100))
    assert len(sent) == 5, sent
    assert len(station.told()) == 6


def test_a_refused_scan_takes_two_statements(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    with statements() as sent:
        assert station.scan(volunteer, activity, "arrival", after(300)).outcome == "outside_window"
    assert len(sent) == 2, sent
