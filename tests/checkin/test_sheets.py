"""A printed sheet comes out again as it was printed, and typed in however often it counts once."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import attendances, sheets, sign_ups
from services.checkin.commands.sheets import SheetReceipt
from services.checkin.domain.activities import ActivityInWrongState
from services.checkin.domain.sheets import LeaderTooLate, Line, NoSuchSheet
from services.checkin.queries import rolls as queries
from services.checkin.store import Activity
from services.checkin.store.activities import NoSuchSite, SiteDraft
from shared import clock
from shared.errors import Forbidden
from shared.principal import Grant, Principal, Role
from tests.checkin.support import ELSEWHERE, END, HERE, START, Station, after, own, statements
from tests.checkin.test_races import at_once


def two_sites(station: Station, **fields: Any) -> Activity:
    return station.activity(sites=[SiteDraft(uuid4(), name, name) for name in ("东门", "西门")], **fields)


def line(member_id: UUID, arrived: float = 0, left: float | None = 120) -> Line:
    return Line(member_id, after(arrived), None if left is None else after(left))


def enter(
    station: Station,
    activity: Activity,
    *lines: Line,
    at: float = 200,
    by: Principal | None = None,
    site: int = 0,
    sheet_id: UUID | None = None,
    **fields: Any,
) -> SheetReceipt:
    with clock.travel(after(at)):
        return sheets.enter_sheet(
            by or station.organizer,
            sheet_id=sheet_id or uuid4(),
            activity_id=activity.id,
            site_id=activity.sites[site].id,
            lines=lines,
            **fields,
        )


def outcomes(receipt: SheetReceipt) -> list[str]:
    return [one.outcome.value for one in receipt.lines]


def sign_up(station: Station, activity: Activity, member_id: UUID, at: float, site: int | None = 0) -> UUID:
    site_id = None if site is None else activity.sites[site].id
    with clock.travel(after(at)):
        [one] = sign_ups.sign_up(
            station.organizer, request_id=uuid4(), activity_id=activity.id, member_ids=[member_id], site_id=site_id
        )
    assert one.id is not None
    return one.id


def printed(station: Station, activity: Activity, at: float, *, site: int = 0, **fields: Any) -> tuple[str, list[UUID]]:
    with clock.travel(after(at)):
        sheet = queries.get_sheet(station.organizer, activity_id=activity.id, site_id=activity.sites[site].id, **fields)
    assert [row.number for row in sheet["lines"]] == list(range(1, len(sheet["lines"]) + 1))
    return sheet["number"], [row.member_id for row in sheet["lines"]]


# --- As printed ----------------------------------------------------------------------------------------


def test_a_sheet_comes_out_again_as_it_was_printed(station: Station) -> None:
    activity = two_sites(station)
    anywhere, first, second, late, elsewhere = (station.member() for _ in range(5))
    for nth, (member_id, site) in enumerate([(anywhere, None), (first, 0), (second, 0), (elsewhere, 1)]):
        sign_up_id = sign_up(station, activity, member_id, nth - 50, site)
    number, lines = printed(station, activity, -30)
    assert number == "1-261121-083000"
    assert lines == [first, second, anywhere]
    called_off = sign_up(station, activity, late, -20)
    with clock.travel(after(-10)):
        sign_ups.cancel_sign_up(station.organizer, sign_up_id=sign_up_id)
    assert printed(station, activity, 200, number=number) == (number, lines)
    assert printed(station, activity, 200, number=" 1－261121 083000 ") == (number, lines)
    with clock.travel(after(-5)):
        sign_ups.cancel_sign_up(station.organizer, sign_up_id=called_off)
    assert printed(station, activity, 0)[1] == lines
    assert printed(station, activity, -15)[1] != lines
    # Who has chosen no site may come to any: they stand on each sheet, behind its own.
    assert printed(station, activity, -30, site=1) == ("2-261121-083000", [elsewhere, anywhere])
    assert printed(station, activity, 0, site=1) == ("2-261121-090000", [anywhere])


@pytest.mark.parametrize(
    "number", ["", "1", "2-261121-083000", "1-261131-083000", "1-261121-236060", "1-301121-083000"]
)
def test_a_number_that_is_on_no_sheet_of_the_site_is_refused(station: Station, number: str) -> None:
    with pytest.raises(NoSuchSheet):
        printed(station, two_sites(station), 0, number=number)


def test_the_sheet_says_who_has_a_record_by_now(station: Station) -> None:
    activity, who, absent = two_sites(station), station.person(), station.member()
    sign_up(station, activity, own(who), -40)
    sign_up(station, activity, absent, -40)
    station.attend(who, activity, 2, 90, site=1)
    with clock.travel(after(200)):
        sheet = queries.get_sheet(station.organizer, activity_id=activity.id, site_id=activity.sites[0].id)
    came, none = sheet["lines"]
    assert (came.site_name, came.arrived_at, came.left_at, came.evidence) == ("西门", after(2), after(90), "own_scan")
    assert (none.attendance_id, none.evidence) == (None, None)


def test_a_sheet_is_for_organizers_of_the_station(station: Station) -> None:
    activity = station.activity()
    for who in (station.person(), station.person(Grant(Role.ORGANIZER, ELSEWHERE))):
        with pytest.raises(Forbidden):
            queries.get_sheet(who, activity_id=activity.id, site_id=activity.sites[0].id)
        with pytest.raises(Forbidden):
            enter(station, activity, line(station.member()), by=who)
    with pytest.raises(NoSuchSite):
        queries.get_sheet(station.organizer, activity_id=activity.id, site_id=uuid4())


# --- By who leads the site -----------------------------------------------------------------------------


def led_sites(station: Station, leader: Principal) -> Activity:
    """Two sites, the first of which is the leader's."""
    return station.activity(sites=[SiteDraft(uuid4(), "东门", "东门", own(leader)), SiteDraft(uuid4(), "西门", "西门")])


def test_who_leads_a_site_types_in_its_sheet_and_no_other_and_it_is_said_as_what(station: Station) -> None:
    leader = station.person()
    activity, other_activity = led_sites(station, leader), station.activity()
    came = station.member()
    receipt = enter(station, activity, line(came), line(own(leader)), by=leader)
    assert (receipt.evidence, outcomes(receipt)) == ("organizer", ["taken", "own_case"])
    entries = station.rows("SELECT * FROM audit_log WHERE detail ->> 'as' = 'site_leader' ORDER BY action")
    assert [entry["action"] for entry in entries] == ["attendance.add", "sheet.enter", "sheet.refuse_own"]
    assert {entry["member_id"] for entry in entries} == {own(leader)}
    for elsewhere, site in ((activity, 1), (other_activity, 0)):
        with pytest.raises(Forbidden):
            enter(station, elsewhere, line(station.member()), by=leader, site=site)
        with pytest.raises(Forbidden):
            queries.get_sheet(leader, activity_id=elsewhere.id, site_id=elsewhere.sites[site].id)
    assert [one["member_id"] for one in station.rows("SELECT member_id FROM attendance")] == [came]
    # The organizer's typing of the same paper adds nothing, and takes what is not the leader's to say.
    again = enter(station, activity, line(came, 10), line(own(leader)))
    assert outcomes(again) == ["already", "taken"]
    with pytest.raises(Forbidden):
        attendances.confirm_all(leader, activity_id=activity.id)


def test_who_leads_a_site_types_until_the_end_of_the_next_day_and_the_organizer_after(station: Station) -> None:
    leader = station.person()
    activity, first, second = led_sites(station, leader), station.member(), station.member()
    next_midnight = clock.day_starts(clock.today() + timedelta(days=2))
    in_time = (next_midnight - START) / timedelta(minutes=1) - 1
    assert outcomes(enter(station, activity, line(first), at=in_time, by=leader)) == ["taken"]
    for refused in (
        lambda: enter(station, activity, line(second), at=in_time + 1, by=leader),
        lambda: queries.get_sheet(leader, activity_id=activity.id, site_id=activity.sites[0].id),
    ):
        with clock.travel(next_midnight), pytest.raises(LeaderTooLate):
            refused()
    assert [one["member_id"] for one in station.rows("SELECT member_id FROM attendance")] == [first]
    assert enter(station, activity, line(second), at=in_time + 1).evidence == "entered_later"


def test_who_leads_a_site_reads_masked_names_and_nothing_of_other_sites(station: Station) -> None:
    leader, here, elsewhere = station.person(), station.person(), station.person()
    activity = led_sites(station, leader)
    for who in (here, elsewhere):
        sign_up(station, activity, own(who), -40)
    station.attend(here, activity, 2, 90)
    station.attend(elsewhere, activity, 2, 90, site=1)
    with clock.travel(after(200)):
        own_sheet, whole = (
            queries.get_sheet(who, activity_id=activity.id, site_id=activity.sites[0].id)
            for who in (leader, station.organizer)
        )
    assert (own_sheet["as_organizer"], whole["as_organizer"]) == (False, True)
    assert [row.arrived_at for row in own_sheet["lines"]] == [after(2), None]
    assert [row.arrived_at for row in whole["lines"]] == [after(2), after(2)]
    assert all(row.name_masked and row.number_tail for row in own_sheet["lines"])
    told, whole_told = (
        enter(station, activity, line(own(here)), line(own(elsewhere)), by=by) for by in (leader, station.organizer)
    )
    assert outcomes(told) == outcomes(whole_told) == ["already", "already"]
    assert [one.attendance is not None for one in told.lines] == [True, False]
    assert [one.attendance is not None for one in whole_told.lines] == [True, True]


# --- Typed in ------------------------------------------------------------------------------------------


def test_a_sheet_is_taken_in_and_waits_to_be_confirmed(station: Station) -> None:
    activity, people = station.activity(), [station.member() for _ in range(3)]
    done = enter(station, activity, *(line(member_id, 5, 125) for member_id in people), number="1-261121-083000")
    assert (outcomes(done), done.evidence) == (["taken"] * 3, "organizer")
    pairs = station.rows("SELECT * FROM attendance ORDER BY id")
    assert {(pair["state"], pair["minutes"], pair["evidence"]) for pair in pairs} == {("left", 120, "organizer")}
    assert {pair["member_id"] for pair in pairs} == set(people)
    added = station.rows("SELECT * FROM audit_log WHERE action = 'attendance.add'")
    assert {entry["subject_id"] for entry in added} == {pair["id"] for pair in pairs}
    assert {entry["detail"]["member_id"] for entry in added} == {str(member_id) for member_id in people}
    [entry] = station.rows("SELECT * FROM audit_log WHERE action = 'sheet.enter'")
    assert entry["detail"] == {"title": activity.title, "number": "1-261121-083000", "added": 3}
    assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 3


def test_until_the_end_of_the_next_day_it_is_the_leaders_word_and_later_it_was_entered_later(station: Station) -> None:
    activity, first, second = station.activity(), station.member(), station.member()
    next_midnight = clock.day_starts(clock.today() + timedelta(days=2))
    in_time = (next_midnight - START) / timedelta(minutes=1) - 1
    assert enter(station, activity, line(first), at=in_time).evidence == "organizer"
    assert enter(station, activity, line(second), at=in_time + 1).evidence == "entered_later"
    rows = station.rows("SELECT member_id, evidence FROM attendance")
    assert {(row["member_id"], row["evidence"]) for row in rows} == {(first, "organizer"), (second, "entered_later")}


def test_a_sheet_typed_in_twice_doubles_nothing_and_says_so(station: Station) -> None:
    activity, people, sheet_id = station.activity(), [station.member() for _ in range(2)], uuid4()
    lines = [line(member_id) for member_id in people]
    first = enter(station, activity, *lines, sheet_id=sheet_id)
    assert enter(station, activity, *lines, sheet_id=sheet_id).lines == first.lines
    again = enter(station, activity, *lines, at=300)
    assert outcomes(again) == ["already"] * 2
    # Not even where the times have nothing in common, in the same form or another: on a sheet one was there once.
    for form_id in (sheet_id, uuid4()):
        apart = enter(station, activity, line(people[0], 130, 170), line(people[1], 10, 120), sheet_id=form_id)
        assert outcomes(apart) == ["already"] * 2
        assert [one.attendance and one.attendance.left_at for one in apart.lines] == [after(120)] * 2
    assert len(station.rows("SELECT * FROM attendance")) == 2
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'sheet.enter'")) == 1


def test_who_scanned_too_keeps_the_own_scan(station: Station) -> None:
    activity, done, there = station.activity(), station.person(), station.person()
    scanned = station.attend(done, activity, 3, 170)
    station.scan(there, activity, "arrival", after(4))
    receipt = enter(station, activity, line(own(done)), line(own(there)), at=175)
    assert outcomes(receipt) == ["already", "already"]
    first, second = (one.attendance for one in receipt.lines)
    assert first == scanned
    assert second is not None
    assert (second.arrived_at, second.left_at, second.evidence) == (after(4), None, "own_scan")


def test_who_was_at_another_site_meanwhile_is_not_there_twice(station: Station) -> None:
    activity, who = two_sites(station), station.person()
    station.attend(who, activity, 0, 60, site=1)
    assert outcomes(enter(station, activity, line(own(who), 30, 120))) == ["already"]
    assert outcomes(enter(station, activity, line(own(who), 60, 120))) == ["taken"]


def test_a_second_line_of_one_person_is_said_to_be_one(station: Station) -> None:
    activity, member_id = station.activity(), station.member()
    assert outcomes(enter(station, activity, line(member_id), line(member_id, 130, 150))) == ["taken", "twice"]


def test_the_typists_own_lines_are_refused_and_recorded_and_the_others_go_through(station: Station) -> None:
    home, other = uuid4(), station.member()
    typist = station.person(Grant(Role.ORGANIZER, HERE), household_id=home)
    wife, activity = station.member(household_id=home), station.activity()
    receipt = enter(station, activity, line(own(typist)), line(wife), line(other), by=typist)
    assert outcomes(receipt) == ["own_case", "own_case", "taken"]
    assert [row["member_id"] for row in station.rows("SELECT member_id FROM attendance")] == [other]
    kept = station.rows("SELECT member_id, subject_id FROM audit_log WHERE action = 'sheet.refuse_own' ORDER BY id")
    assert [(row["member_id"], row["subject_id"]) for row in kept] == [(own(typist), own(typist)), (own(typist), wife)]
    assert outcomes(enter(station, activity, line(own(typist)), line(wife))) == ["taken", "taken"]


def test_each_bad_line_has_its_reason_and_stops_no_other(station: Station) -> None:
    activity, worn_out = station.activity(), station.person()
    for at in (0, 40, 80):
        station.attend(worn_out, station.activity(), at, at + 20)
    receipt = enter(
        station,
        activity,
        line(uuid4()),
        line(station.member(status="left")),
        line(station.member(), 120, 60),
        line(station.member(), -90),
        line(station.member(), 0, 500),
        line(station.member(), 0, None),
        line(own(worn_out), 100, 150),
        line(station.member()),
        at=300,
    )
    impossible = ["impossible_times"] * 4
    assert outcomes(receipt) == ["unknown", "unknown", *impossible, "pairs_used_up", "taken"]


def test_while_it_goes_on_a_line_without_departure_is_somebody_who_is_there(station: Station) -> None:
    activity, member_id = station.activity(), station.member()
    assert outcomes(enter(station, activity, line(member_id, 5, None), at=20)) == ["taken"]
    [pair] = station.rows("SELECT state, left_at FROM attendance")
    assert (pair["state"], pair["left_at"]) == ("open", None)


def test_a_check_writes_nothing_and_says_the_same(station: Station) -> None:
    activity = station.activity()
    lines = [line(station.member()), line(own(station.organizer)), line(uuid4())]
    sheet_id = uuid4()
    checked = enter(station, activity, *lines, sheet_id=sheet_id, only_check=True)
    assert station.rows("SELECT * FROM attendance") == []
    assert station.rows("SELECT * FROM audit_log WHERE action LIKE 'sheet.%'") == []
    assert enter(station, activity, *lines, sheet_id=sheet_id) == checked


def test_no_sheet_is_taken_of_what_has_not_taken_place(station: Station) -> None:
    with pytest.raises(ActivityInWrongState):
        enter(station, station.draft(), line(station.member()))


def test_who_was_elsewhere_at_the_same_time_is_marked(station: Station) -> None:
    who, activity, other = station.person(), station.activity(), station.activity()
    station.attend(who, other, 0, 100)
    enter(station, activity, line(own(who)))
    [pair] = station.rows("SELECT marks FROM attendance WHERE evidence = 'organizer'")
    assert pair["marks"] == ["overlapping"]
    left_out = attendances.confirm_all(station.organizer, activity_id=activity.id).left_out
    assert [one.reason for one in left_out] == ["overlapping"]


def test_two_organizers_type_the_same_sheet_at_once(station: Station) -> None:
    activity, people = station.activity(), [station.member() for _ in range(5)]
    lines = [line(member_id) for member_id in people]
    done = at_once(
        station,
        END + timedelta(minutes=5),
        [lambda: enter(station, activity, *lines), lambda: enter(station, activity, *reversed(lines))],
    )
    assert sorted(outcomes(receipt)[0] for receipt in done) == ["already", "taken"]
    assert len(station.rows("SELECT * FROM attendance")) == 5


def test_three_hundred_lines_take_as_many_statements_as_three(station: Station) -> None:
    from shared import copies
    from shared.db import transactional

    few, many = station.activity(), station.activity()
    people = [station.card(uuid4()) for _ in range(300)]
    transactional(copies.take_members)(people)
    sent: list[int] = []
    for activity, count in ((few, 3), (many, 300)):
        with statements() as asked:
            done = enter(station, activity, *(line(one.member_id) for one in people[:count]))
        assert outcomes(done) == ["taken"] * count
        sent.append(len(asked))
    assert sent[0] == sent[1] <= 12
