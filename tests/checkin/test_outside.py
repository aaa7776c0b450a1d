"""Records for another platform: each in exactly one batch, corrections after it, and batches that never change."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from devtools.children import wait_until
from services.checkin.commands import attendances, outside, people
from services.checkin.domain.outside import NothingToExport, NumberTaken, Platform
from services.checkin.queries import outside as queries
from services.checkin.store import Activity, ExportBatch
from services.checkin.store import outside as store
from shared import clock, copies
from shared.db import session, transactional
from shared.errors import Conflict, Forbidden, Invalid
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import HERE, START, Station, after, own
from tests.support import Settings

DAY = date(2026, 11, 21)
PLATFORM = "izhiyuan"


def staff_of(station: Station, **fields: Any) -> Principal:
    return station.person(Grant(Role.STAFF, HERE), **fields)


def number(station: Station, staff: Principal, subject_id: UUID, text: str | None, kind: str = "member") -> None:
    outside.set_number(staff, platform=PLATFORM, kind=kind, subject_id=subject_id, number=text)


def make(staff: Principal, station: Station, batch_id: UUID | None = None, **fields: Any) -> ExportBatch:
    span: dict[str, Any] = {"platform": PLATFORM, "node_id": station.id, "from_day": DAY, "to_day": DAY}
    return outside.make_batch(staff, batch_id=batch_id or uuid4(), **span | fields)


def records(staff: Principal, batch: ExportBatch) -> list[dict[str, Any]]:
    found = queries.list_records(staff, batch_id=batch.id, limit=5000, after=0)
    session().rollback()
    return found


def served(station: Station, activity: Activity, staff: Principal, text: str | None) -> tuple[Principal, UUID]:
    """Somebody whose record is settled, known to the platform or not."""
    who = station.person()
    pair = station.attend(who, activity, 0, 120)
    if text is not None:
        number(station, staff, own(who), text)
    return who, pair.id


def test_a_batch_takes_each_settled_record_once_with_all_that_the_law_asks(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    _who, attendance_id = served(station, activity, staff, "G-1")
    number(station, staff, activity.id, "ACT-9", "activity")
    station.scan(station.person(), activity, "arrival", after(0))
    batch = make(staff, station)
    [record] = records(staff, batch)
    assert (record["attendance_id"], record["line"], batch.records, batch.number) == (attendance_id, 1, 1, 1)
    assert (record["member_number"], record["activity_number"], record["name_masked"]) == ("G-1", "ACT-9", "陈*芳")
    assert (record["title"], record["category"], record["place"]) == ("清扫和谐小区", "environment", "和谐小区")
    assert (record["service_day"], record["started_at"], record["ended_at"]) == (DAY, START, after(120))
    assert (record["minutes"], record["counts"], record["corrects_number"]) == (120, True, None)
    with pytest.raises(NothingToExport):
        make(staff, station)
    [entry] = station.rows("SELECT * FROM audit_log WHERE action = 'batch.make'")
    assert (entry["path"], entry["detail"]["quantity"]) == (HERE, 1)


def test_two_batches_at_once_share_no_record(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins when the first has written its records down, and not committed them."""
    staff, activity, written = staff_of(station), station.activity(), Event()
    for text in "ABCD":
        served(station, activity, staff, text)
    through = store.make

    def make_slowly(tx: Session, *arguments: Any, **fields: Any) -> ExportBatch | None:
        made: ExportBatch | None = through(tx, *arguments, **fields)
        if not written.is_set():
            written.set()
            waiting = sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
            wait_until(lambda: bool(tx.execute(waiting).scalar_one()), "the second batch waits for the first", 10)
        return made

    def attempt(is_second: bool) -> int:
        if is_second:
            assert written.wait(10)
        with station.app.app_context():
            try:
                return make(staff, station).records
            except NothingToExport:
                return 0

    monkeypatch.setattr(store, "make", make_slowly)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(attempt, (False, True))) == [4, 0]
    assert station.rows("SELECT count(DISTINCT attendance_id) AS n, count(*) AS m FROM export_record") == [
        {"n": 4, "m": 4}
    ]


def test_the_same_batch_asked_for_twice_is_one_and_another_under_its_id_is_refused(station: Station) -> None:
    staff = staff_of(station)
    served(station, station.activity(), staff, "G-1")
    batch_id = uuid4()
    first = make(staff, station, batch_id)
    assert make(staff, station, batch_id).number == first.number
    with pytest.raises(Conflict):
        make(staff, station, batch_id, to_day=date(2026, 11, 22))
    assert len(station.rows("SELECT * FROM export_batch")) == 1


def test_who_has_no_number_is_left_for_the_next_batch_and_listed(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    served(station, activity, staff, "G-1")
    stranger, _ = served(station, activity, staff, None)
    batch = make(staff, station)
    assert batch.records == 1
    [left] = queries.list_left_out(staff, batch_id=batch.id)
    assert (left.member_id, left.records) == (own(stranger), 1)
    session().rollback()
    number(station, staff, own(stranger), "G-2")
    assert list(queries.list_left_out(staff, batch_id=batch.id)) == []
    session().rollback()
    assert [record["member_number"] for record in records(staff, make(staff, station))] == ["G-2"]


def test_records_of_an_activity_without_a_number_can_wait_and_corrections_do_not(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    _who, attendance_id = served(station, activity, staff, "G-1")
    with pytest.raises(NothingToExport):
        make(staff, station, with_unnumbered=False)
    number(station, staff, activity.id, "A-1", "activity")
    batch = make(staff, station, with_unnumbered=False)
    assert [record["activity_number"] for record in records(staff, batch)] == ["A-1"]
    number(station, staff, activity.id, None, "activity")
    with clock.travel(after(300)):
        attendances.annul_attendance(station.organizer, attendance_id=attendance_id, reason="记错了人")
    [annulled] = records(staff, make(staff, station, with_unnumbered=False))
    assert (annulled["counts"], annulled["activity_number"]) == (False, None)


def test_what_was_put_right_comes_again_as_a_correction_and_the_first_stays_as_it_was(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    _, attendance_id = served(station, activity, staff, "G-1")
    first = make(staff, station)
    before = records(staff, first)
    with clock.travel(after(200)):
        attendances.correct_attendance(
            station.organizer,
            attendance_id=attendance_id,
            version=1,
            arrived_at=START,
            left_at=after(60),
            reason="提前走了",
        )
    second = make(staff, station, from_day=date(2026, 12, 1), to_day=date(2026, 12, 1))
    [correction] = records(staff, second)
    assert (correction["minutes"], correction["corrects_number"], correction["counts"]) == (60, first.number, True)
    with clock.travel(after(300)):
        attendances.annul_attendance(station.organizer, attendance_id=attendance_id, reason="记错了人")
    [annulled] = records(staff, make(staff, station))
    assert (annulled["minutes"], annulled["corrects_number"], annulled["counts"]) == (0, first.number, False)
    assert records(staff, first) == before
    with pytest.raises(NothingToExport):
        make(staff, station)


def test_a_version_that_says_nothing_else_is_no_correction(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    who, _ = served(station, activity, staff, "G-1")
    make(staff, station)
    # A second stay at the same activity: both are rated together, and the first has a new version.
    station.scan(who, activity, "arrival", after(130))
    station.scan(who, activity, "departure", after(150))
    assert {row["version"] for row in station.rows("SELECT version FROM attendance WHERE pair = 1")} == {2}
    [record] = records(staff, make(staff, station))
    assert (record["minutes"], record["corrects_number"]) == (20, None)


def test_what_never_was_in_a_batch_and_was_annulled_never_comes(station: Station) -> None:
    staff = staff_of(station)
    _, attendance_id = served(station, station.activity(), staff, "G-1")
    with clock.travel(after(300)):
        attendances.annul_attendance(station.organizer, attendance_id=attendance_id, reason="记错了人")
    with pytest.raises(NothingToExport):
        make(staff, station)


def test_each_platform_has_its_own_batches(station: Station) -> None:
    staff = staff_of(station)
    who, _ = served(station, station.activity(), staff, "G-1")
    make(staff, station)
    outside.set_number(staff, platform="other", kind="member", subject_id=own(who), number="G-1")
    assert make(staff, station, platform="other").number == 1


def test_a_number_is_one_members_alone_and_may_be_taken_back(station: Station) -> None:
    staff, one, other = staff_of(station), station.member(), station.member()
    number(station, staff, one, "G-1")
    number(station, staff, one, "G-1")
    with pytest.raises(NumberTaken):
        number(station, staff, other, "G-1")
    number(station, staff, one, None)
    number(station, staff, other, "G-1")
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'outside_number.set'")) == 3
    found = queries.list_outside_numbers(staff, kind="member", subject_id=other)
    assert [tuple(row) for row in found] == [(PLATFORM, "G-1")]


def test_whoever_was_merged_goes_by_the_number_of_whom_they_are_now(station: Station) -> None:
    staff = staff_of(station)
    who, _ = served(station, station.activity(), staff, None)
    survivor = station.member()
    number(station, staff, survivor, "G-7")
    merged = replace(station.card(own(who)), version=2, status="merged", merged_into=survivor)
    transactional(copies.take_members)([merged])
    assert [record["member_number"] for record in records(staff, make(staff, station))] == ["G-7"]


def test_only_staff_of_the_place_enters_numbers_and_makes_batches_and_nobody_for_the_own_household(
    station: Station,
) -> None:
    household = uuid4()
    mother = station.member(household_id=household)
    daughter = staff_of(station, household_id=household)
    for subject in (mother, own(daughter)):
        with pytest.raises(OwnCase):
            number(station, daughter, subject, "G-1")
    batch = make_one(station)
    for role, path in ((Role.ORGANIZER, HERE), (Role.AUDITOR, HERE), (Role.STAFF, "/town/elsewhere/")):
        caller = station.person(Grant(role, path))
        with pytest.raises(Forbidden):
            number(station, caller, mother, "G-1")
        with pytest.raises(Forbidden):
            make(caller, station)
        if role is not Role.AUDITOR:
            with pytest.raises(Forbidden):
                queries.get_batch(caller, batch_id=batch.id)
    assert records(station.person(Grant(Role.AUDITOR, HERE)), batch)


def make_one(station: Station) -> ExportBatch:
    staff = staff_of(station)
    served(station, station.activity(), staff, "G-0")
    return make(staff, station)


@pytest.mark.parametrize(("first", "last"), [("2026-11-22", "2026-11-21"), ("2025-11-20", "2026-11-21")])
def test_a_span_that_is_none_is_refused(station: Station, first: str, last: str) -> None:
    span: dict[str, Any] = {"from_day": date.fromisoformat(first), "to_day": date.fromisoformat(last)}
    with pytest.raises(Invalid):
        make(staff_of(station), station, **span)


@pytest.mark.parametrize("together", [True, False])
def test_who_was_erased_has_no_number_of_another_platform_any_more(station: Station, together: bool) -> None:
    staff = staff_of(station)
    first, then, other = station.person(), station.person(), station.person()
    for who, code in ((first, "G-1"), (then, "G-2"), (other, "G-3")):
        number(station, staff, own(who), code)
    merged = replace(station.card(own(first)), version=2, status="merged", merged_into=own(then))
    erased = replace(station.card(own(then)), version=2, status="erased", name_masked="已注销", station_id=None)
    # The news of the merge may come last.
    for news in ([merged, erased],) if together else ([erased], [merged]):
        transactional(people.take_members)(news)
    assert [row["number"] for row in station.rows("SELECT number FROM outside_number")] == ["G-3"]


def test_no_batch_is_made_while_somebody_is_forgotten(station: Station, settings: Settings) -> None:
    other, gone = settings.database("checkin").connection, own(station.person())

    @transactional
    def forget(tx: Session) -> None:
        store.forget_members(tx, [gone])
        for platform in Platform:
            free = "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))"
            assert other.execute(free, [store._LOCK, platform.value]).fetchone() == (False,), platform

    forget()


def test_a_batch_forgets_whose_its_records_were_with_who_was_erased_and_keeps_what_they_say(station: Station) -> None:
    staff, activity = staff_of(station), station.activity()
    merged, erased, other = (served(station, activity, staff, text)[0] for text in ("G-1", "G-2", "G-3"))
    batch = make(staff, station)
    before = records(staff, batch)
    joined = replace(station.card(own(merged)), version=2, status="merged", merged_into=own(erased))
    gone = replace(station.card(own(erased)), version=2, status="erased", name_masked="已注销", station_id=None)
    transactional(people.take_members)([joined, gone])
    after_it = records(staff, batch)
    whose = ("member_number", "volunteer_number", "name_masked")
    assert sorted(tuple(record[name] for name in whose) for record in after_it) == sorted(
        [("", "", "已注销")] * 2
        + [tuple(record[name] for name in whose) for record in before if record["member_id"] == own(other)]
    )
    of_all = [{name: value for name, value in one.items() if name not in (*whose, "member_id")} for one in before]
    assert [{name: one[name] for name in of_all[0]} for one in after_it] == of_all
    assert [row["member_id"] for row in station.rows("SELECT member_id FROM export_person")] == [own(other)]
    with pytest.raises(NothingToExport):
        make(staff, station)
