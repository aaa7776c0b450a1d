"""The roll call: what a tick comes to, on a fresh page and on an old one."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.checkin.commands import activities, attendances, roll, scans
from services.checkin.commands.roll import Ticked
from services.checkin.domain.attendances import State
from services.checkin.domain.roll import Tick, Wanted
from shared import clock
from shared.errors import Conflict, Forbidden
from shared.principal import Grant, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, Station, after, own, statements
from tests.checkin.test_races import at_once


def tick(
    who: Principal,
    activity: Any,
    member_id: UUID,
    wanted: str,
    minutes: float,
    *,
    seen: UUID | None = None,
    site: int | None = None,
    id_: UUID | None = None,
) -> Ticked:
    """One tick, so many minutes after the start."""
    site_id = None if site is None else activity.sites[site].id
    with clock.travel(after(minutes)):
        [ticked] = roll.tick(
            who, activity_id=activity.id, ticks=[Tick(id_ or uuid4(), member_id, Wanted(wanted), seen, site_id)]
        )
    return ticked


def seen(ticked: Ticked) -> UUID:
    assert ticked.standing is not None
    return ticked.standing.id


def told(ticked: Ticked) -> tuple[str, str | None]:
    return ticked.verdict.outcome.value, ticked.verdict.why and ticked.verdict.why.value


def acts(station: Station) -> list[str]:
    rows = station.rows("SELECT action FROM audit_log WHERE action NOT LIKE 'activity.%' ORDER BY id")
    return [row["action"] for row in rows]


def test_somebody_arrives_and_leaves_by_two_ticks_and_waits_to_be_confirmed(station: Station) -> None:
    activity, member = station.activity(), station.member()
    came = tick(station.organizer, activity, member, "arrived", 5)
    went = tick(station.organizer, activity, member, "left", 65, seen=seen(came))
    assert (told(came), told(went)) == (("done", None), ("done", None))
    pair = station.find(seen(came))
    assert (pair.state, pair.minutes, pair.evidence.value, pair.arrived_at) == (State.LEFT, 60, "organizer", after(5))
    assert acts(station) == ["attendance.add", "attendance.leave"]
    assert station.told() == []
    attendances.confirm_all(station.organizer, activity_id=activity.id)
    assert [fact["minutes"] for fact in station.told()] == [60]


def test_a_tick_that_comes_twice_is_written_once_and_answered_alike(station: Station) -> None:
    activity, member, id_ = station.activity(), station.member(), uuid4()
    answers = [told(tick(station.organizer, activity, member, "arrived", 5 + again, id_=id_)) for again in range(3)]
    assert answers == [("done", None)] * 3
    for again in range(2):
        went = tick(station.organizer, activity, member, "left", 65 + again, seen=id_)
    assert (told(went), went.standing and went.standing.left_at) == (("already", None), after(65))
    assert len(station.rows("SELECT * FROM attendance")) == 1
    assert acts(station) == ["attendance.add", "attendance.leave"]


def test_an_arrival_that_is_repeated_after_somebody_signed_out_says_so(station: Station) -> None:
    activity, member, id_ = station.activity(), station.member(), uuid4()
    tick(station.organizer, activity, member, "arrived", 5, id_=id_)
    tick(station.organizer, activity, member, "left", 15, seen=id_)
    again = tick(station.organizer, activity, member, "arrived", 16, id_=id_)
    assert (told(again), again.at) == (("changed", None), after(15))
    other = station.member()
    with pytest.raises(Conflict):
        tick(station.organizer, activity, other, "arrived", 16, id_=id_)


def test_who_has_scanned_is_there_already_and_gets_no_second_record(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0))
    came = tick(station.organizer, activity, own(volunteer), "arrived", 5)
    assert (told(came), came.by) == (("already", None), None)
    receipt = station.scan(volunteer, activity, "departure", after(60))
    went = tick(station.organizer, activity, own(volunteer), "left", 61, seen=seen(came))
    assert told(went) == ("already", None)
    assert went.standing is not None
    assert (went.standing.id, went.standing.left_at) == (receipt.attendance_id, after(60))
    assert len(station.told()) == 1


def test_who_was_ticked_and_scans_too_is_told_so(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    tick(station.organizer, activity, own(volunteer), "arrived", 0)
    assert station.scan(volunteer, activity, "arrival", after(1)).outcome.value == "duplicate"
    assert station.scan(volunteer, activity, "departure", after(60)).waits
    [pair] = station.rows("SELECT state, evidence, minutes FROM attendance")
    assert pair == {"state": "left", "evidence": "organizer", "minutes": 60}


def test_a_tick_on_an_old_page_changes_nothing_and_says_who_was_there_before(station: Station) -> None:
    activity, member, other = station.activity(), station.member(), station.person(Grant(Role.ORGANIZER, HERE))
    came = tick(other, activity, member, "arrived", 5)
    went = tick(other, activity, member, "left", 20, seen=seen(came))
    for wanted, old in (("arrived", None), ("left", None), ("not_arrived", seen(came)), ("not_left", None)):
        stale = tick(station.organizer, activity, member, wanted, 30, seen=old)
        assert (told(stale), stale.by, stale.at) == (("changed", None), "陈*芳", after(20)), wanted
        assert stale.standing == went.standing, wanted
    tick(other, activity, member, "not_left", 31, seen=seen(came))
    gone = tick(other, activity, member, "not_arrived", 32, seen=seen(came))
    assert gone.standing is None
    for wanted in ("left", "not_left", "arrived"):
        stale = tick(station.organizer, activity, member, wanted, 33, seen=seen(came))
        assert (told(stale), stale.at, stale.standing) == (("changed", None), after(32), None), wanted


def test_an_arrival_ticked_by_a_slip_never_counts_and_can_be_ticked_again(station: Station) -> None:
    activity, member = station.activity(), station.member()
    came = tick(station.organizer, activity, member, "arrived", 5)
    gone = tick(station.organizer, activity, member, "not_arrived", 6, seen=seen(came))
    assert (told(gone), gone.standing) == (("done", None), None)
    assert station.find(seen(came)).state is State.REJECTED
    assert told(tick(station.organizer, activity, member, "not_arrived", 7, seen=seen(came))) == ("already", None)
    again = tick(station.organizer, activity, member, "arrived", 8)
    assert told(again) == ("done", None)
    assert acts(station) == ["attendance.add", "attendance.reject", "attendance.add"]
    assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 0


def test_a_departure_ticked_by_a_slip_is_taken_back_and_no_minute_is_lost(station: Station) -> None:
    activity, member = station.activity(), station.member()
    came = tick(station.organizer, activity, member, "arrived", 0)
    tick(station.organizer, activity, member, "left", 30, seen=seen(came))
    back = tick(station.organizer, activity, member, "not_left", 35, seen=seen(came))
    assert (told(back), back.standing and back.standing.state) == (("done", None), State.OPEN)
    assert told(tick(station.organizer, activity, member, "not_left", 36, seen=seen(came))) == ("already", None)
    tick(station.organizer, activity, member, "left", 90, seen=seen(came))
    assert station.find(seen(came)).minutes == 90
    assert acts(station) == ["attendance.add", "attendance.leave", "attendance.reopen", "attendance.leave"]


def test_who_was_elsewhere_at_the_same_time_is_marked_until_the_departure_is_taken_back(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    station.attend(volunteer, station.activity(), 10, 60)
    came = tick(station.organizer, activity, own(volunteer), "arrived", 0)
    tick(station.organizer, activity, own(volunteer), "left", 30, seen=seen(came))
    assert station.find(seen(came)).marks == ("overlapping",)
    tick(station.organizer, activity, own(volunteer), "not_left", 31, seen=seen(came))
    assert station.find(seen(came)).marks == ()


def test_nobody_is_still_there_once_departure_has_closed(station: Station) -> None:
    activity, member = station.activity(), station.member()
    came = tick(station.organizer, activity, member, "arrived", 0)
    tick(station.organizer, activity, member, "left", 30, seen=seen(came))
    # Nobody has closed the activity, and the sweep has not come yet.
    assert told(tick(station.organizer, activity, member, "not_left", 241, seen=seen(came))) == ("refused", "over")
    assert told(tick(station.organizer, activity, member, "not_left", 239, seen=seen(came))) == ("done", None)


def test_what_people_scanned_themselves_and_what_is_confirmed_is_not_taken_back_by_a_tick(station: Station) -> None:
    volunteer, activity = station.person(), station.activity(confirm_each=True)
    station.scan(volunteer, activity, "arrival", after(0))
    [pair] = station.rows("SELECT id FROM attendance")
    here = partial(tick, station.organizer, activity, own(volunteer), seen=pair["id"])
    assert told(here("not_arrived", 1)) == ("refused", "by_scan")
    station.scan(volunteer, activity, "departure", after(60))
    assert told(here("not_left", 61)) == ("refused", "by_scan")
    attendances.confirm_attendance(station.organizer, attendance_id=pair["id"])
    assert told(here("not_left", 62)) == ("refused", "settled")
    assert station.find(pair["id"]).state is State.CONFIRMED


def test_who_left_and_comes_back_is_a_pair_more_when_the_organizer_saw_that_they_had_left(station: Station) -> None:
    activity, member = station.activity(), station.member()
    came = tick(station.organizer, activity, member, "arrived", 0)
    tick(station.organizer, activity, member, "left", 30, seen=seen(came))
    again = tick(station.organizer, activity, member, "arrived", 60, seen=seen(came))
    tick(station.organizer, activity, member, "left", 100, seen=seen(again))
    assert [row["minutes"] for row in station.rows("SELECT minutes FROM attendance ORDER BY pair")] == [30, 40]


def test_who_is_at_one_site_is_not_ticked_at_another(station: Station) -> None:
    from services.checkin.store.activities import SiteDraft

    activity = station.activity(sites=[SiteDraft(uuid4(), name, name) for name in ("东门", "西门")])
    member = station.member()
    came = tick(station.organizer, activity, member, "arrived", 0, site=1)
    assert came.standing is not None
    assert came.standing.site_id == activity.sites[1].id
    also = tick(station.organizer, activity, member, "arrived", 5, site=0)
    assert (told(also), also.standing) == (("already", None), came.standing)


@pytest.mark.parametrize(
    ("wanted", "minutes", "why"),
    [("arrived", -61, "too_early"), ("arrived", 181, "over"), ("left", 5, "no_arrival")],
)
def test_what_cannot_be_is_refused_with_the_reason(station: Station, wanted: str, minutes: float, why: str) -> None:
    activity, member = station.activity(), station.member()
    assert told(tick(station.organizer, activity, member, wanted, minutes)) == ("refused", why)
    assert station.rows("SELECT * FROM attendance") == []


def test_who_is_not_active_and_who_has_served_three_times_today_is_refused(station: Station) -> None:
    activity, gone, busy = station.activity(), station.member(status="left"), station.member()
    assert told(tick(station.organizer, activity, gone, "arrived", 5)) == ("refused", "not_active")
    assert told(tick(station.organizer, activity, uuid4(), "arrived", 5)) == ("refused", "not_active")
    for number in range(3):
        elsewhere = station.activity()
        came = tick(station.organizer, elsewhere, busy, "arrived", number)
        tick(station.organizer, elsewhere, busy, "left", number + 0.5, seen=seen(came))
    assert told(tick(station.organizer, activity, busy, "arrived", 5)) == ("refused", "pairs_used_up")


def test_nobody_is_ticked_at_what_is_a_draft_or_called_off(station: Station) -> None:
    draft, member = station.draft(), station.member()
    assert told(tick(station.organizer, draft, member, "arrived", 5)) == ("refused", "not_running")
    activity = station.activity()
    came = tick(station.organizer, activity, member, "arrived", 5)
    with clock.travel(after(60)):
        activities.close_activity(station.organizer, activity_id=activity.id)
    # Closing has signed them out: the departure that is ticked now is so already, and nothing is lost.
    went = tick(station.organizer, activity, member, "left", 61, seen=seen(came))
    assert (told(went), went.standing and went.standing.minutes) == (("already", None), 55)
    assert told(tick(station.organizer, activity, member, "not_left", 62, seen=seen(came))) == ("refused", "over")
    assert told(tick(station.organizer, activity, station.member(), "arrived", 62)) == ("refused", "over")


def test_an_organizer_who_ticks_the_own_household_is_refused_and_it_is_kept(station: Station) -> None:
    household = uuid4()
    organizer = station.person(Grant(Role.ORGANIZER, HERE), household_id=household)
    husband, activity = station.member(household_id=household), station.activity()
    for member in (own(organizer), husband):
        for wanted in Wanted:
            assert told(tick(organizer, activity, member, wanted.value, 5)) == ("refused", "own_case")
    assert station.rows("SELECT * FROM attendance") == []
    kept = station.rows("SELECT subject_id, subject_type, path, detail FROM audit_log WHERE action LIKE 'roll.%'")
    tried = [(row["subject_id"], row["detail"].pop("wanted")) for row in kept]
    assert sorted(tried, key=str) == sorted(product((own(organizer), husband), map(str, Wanted)), key=str)
    assert all((row["subject_type"], row["path"]) == ("member", HERE) for row in kept)
    assert all(row["detail"] == {"title": activity.title} for row in kept)


def test_who_leads_a_site_signs_all_out_but_themselves_and_their_household(station: Station) -> None:
    from services.checkin.store.activities import SiteDraft

    household = uuid4()
    leader, husband, other = (
        station.person(household_id=household),
        station.member(household_id=household),
        station.member(),
    )
    activity = station.activity(sites=[SiteDraft(uuid4(), "东门", "东门", own(leader))])
    for member in (own(leader), husband, other):
        assert told(tick(station.organizer, activity, member, "arrived", 5)) == ("done", None)
    with clock.travel(after(30)):
        assert activities.leave_all(leader, activity_id=activity.id) == 1
        assert activities.leave_all(station.organizer, activity_id=activity.id) == 2


def test_others_than_the_stations_organizers_call_no_roll(station: Station) -> None:
    activity, member = station.activity(), station.member()
    for who in (station.person(), station.person(Grant(Role.ORGANIZER, ELSEWHERE)),
                station.person(Grant(Role.AUDITOR, HERE))):  # fmt: skip
        with pytest.raises(Forbidden):
            tick(who, activity, member, "arrived", 5)
    assert acts(station) == []


def test_a_tick_tells_nothing_of_what_somebody_did_at_another_activity(station: Station) -> None:
    elsewhere, activity, there, here = station.activity(), station.activity(), station.member(), station.member()
    foreign = tick(station.organizer, elsewhere, there, "arrived", 5)
    answer = tick(station.organizer, activity, here, "not_left", 6, seen=seen(foreign))
    assert (told(answer), answer.by, answer.at) == (("changed", None), None, None)


def test_who_leads_a_site_calls_its_roll_and_no_other_without_a_role(station: Station) -> None:
    from services.checkin.commands.sign_ups import sign_up
    from services.checkin.queries import rolls as queries
    from services.checkin.store.activities import SiteDraft

    leader = station.person(family=(station.member(),))
    sites = [SiteDraft(uuid4(), "东门", "东门", own(leader)), SiteDraft(uuid4(), "西门", "西门", leader.member_ids[1])]
    activity = station.activity(sites=sites)
    at_east, at_west, anywhere, walks_in = (station.member() for _ in range(4))
    for member, site_id in ((at_east, sites[0].id), (at_west, sites[1].id), (anywhere, None)):
        sign_up(station.organizer, request_id=uuid4(), activity_id=activity.id, member_ids=[member], site_id=site_id)
    called = queries.list_roll(leader, activity_id=activity.id, limit=9)
    assert called == queries.list_roll(leader, activity_id=activity.id, limit=len(called["lines"]))
    assert {line["member_id"] for line in called["lines"]} == {at_east, anywhere}
    assert (called["site_ids"], called["as_organizer"]) == ([sites[0].id], False)
    came = tick(leader, activity, at_east, "arrived", 5, site=0)
    assert told(came) == ("done", None)
    assert told(tick(leader, activity, at_east, "left", 65, seen=seen(came))) == ("done", None)
    assert told(tick(leader, activity, walks_in, "arrived", 5, site=0)) == ("done", None)
    # The other site is for its own leader: the login's other member leads that one, and gives no right.
    assert told(tick(leader, activity, at_west, "arrived", 5, site=1)) == ("refused", "other_site")
    there = tick(station.organizer, activity, at_west, "arrived", 5, site=1)
    for wanted in ("left", "not_arrived"):
        refused = tick(leader, activity, at_west, wanted, 6, seen=seen(there))
        assert (told(refused), refused.standing) == (("refused", "other_site"), None)
    for oneself in leader.member_ids:
        assert told(tick(leader, activity, oneself, "arrived", 5, site=0)) == ("refused", "own_case")
    kept = station.rows("SELECT action, detail FROM audit_log WHERE member_id = :id", id=own(leader))
    assert sorted(row["action"] for row in kept) == [
        "attendance.add", "attendance.add", "attendance.leave", "roll.refuse_own", "roll.refuse_own"
    ]  # fmt: skip
    assert {row["detail"]["as"] for row in kept} == {"site_leader"}
    elsewhere = station.activity()
    with pytest.raises(Forbidden):
        tick(leader, elsewhere, at_east, "arrived", 5)
    with pytest.raises(Forbidden):
        queries.list_roll(leader, activity_id=elsewhere.id, limit=9)


def test_a_batch_is_decided_line_by_line_with_as_many_statements_as_one(station: Station) -> None:
    activity, wife = station.activity(), own(station.organizer)

    def batch(count: int) -> tuple[list[Ticked], int]:
        came = [tick(station.organizer, activity, station.member(), "arrived", 5) for _ in range(3 * count)]
        kinds: Sequence[tuple[str, Any]] = [
            *((("left"), one) for one in came[:count]),
            *((("not_arrived"), one) for one in came[count : 2 * count]),
            *((("arrived"), one) for one in came[2 * count :]),
        ]
        ticks = [Tick(uuid4(), one.member_id, Wanted(wanted), seen(one), None) for wanted, one in kinds]
        ticks += [Tick(uuid4(), station.member(), Wanted.ARRIVED, None, None) for _ in range(count)]
        ticks.append(Tick(uuid4(), wife, Wanted.ARRIVED, None, None))
        with clock.travel(after(65)), statements() as sent:
            return roll.tick(station.organizer, activity_id=activity.id, ticks=ticks), len(sent)

    one, asked = batch(1)
    assert [told(each)[0] for each in one] == ["done", "done", "already", "done", "refused"]
    many, asked_of_many = batch(9)
    assert [told(each)[0] for each in many] == ["done"] * 18 + ["already"] * 9 + ["done"] * 9 + ["refused"]
    # The try for oneself is known by now, and not written again.
    assert asked_of_many == asked - 1 <= 19


# --- At once --------------------------------------------------------------------------------------------


def test_two_organizers_who_tick_one_person_at_once_make_one_record(station: Station) -> None:
    for _ in range(5):
        activity, member = station.activity(), station.member()
        organizers = [station.organizer, station.person(Grant(Role.ORGANIZER, HERE))]
        came = at_once(
            station, after(5), [partial(_tick, who, activity, member, "arrived", None) for who in organizers * 3]
        )
        assert sorted(told(one)[0] for one in came) == ["already"] * 5 + ["done"]
        [pair_id] = {seen(one) for one in came}
        went = at_once(
            station, after(65), [partial(_tick, who, activity, member, "left", pair_id) for who in organizers * 3]
        )
        assert sorted(told(one)[0] for one in went) == ["already"] * 5 + ["done"]
        assert len(station.rows("SELECT * FROM attendance WHERE member_id = :id", id=member)) == 1


def test_a_tick_and_a_scan_at_once_are_one_record(station: Station) -> None:
    for _ in range(6):
        volunteer, activity = station.person(), station.activity()
        code = station.code(activity, "arrival", shown_at=after(5))
        acts_: list[Callable[[], Any]] = [
            partial(_tick, station.organizer, activity, own(volunteer), "arrived", None),
            partial(scans.record_scan, volunteer, code=code, member_id=own(volunteer)),
        ]
        ticked, receipt = at_once(station, after(5), acts_)
        [pair] = station.rows("SELECT id FROM attendance WHERE member_id = :id", id=own(volunteer))
        assert {seen(ticked), receipt.attendance_id} == {pair["id"]}
        assert {told(ticked)[0], receipt.outcome.value} in ({"done", "duplicate"}, {"already", "ok"})
        leaving = station.code(activity, "departure", shown_at=after(65))
        acts_ = [
            partial(_tick, station.organizer, activity, own(volunteer), "left", pair["id"]),
            partial(scans.record_scan, volunteer, code=leaving, member_id=own(volunteer)),
        ]
        at_once(station, after(65), acts_)
        assert station.find(pair["id"]).minutes == 60


@pytest.mark.parametrize("ending", ["cancel", "close"])
def test_who_is_ticked_while_an_activity_is_ended_is_signed_out_or_refused_and_nobody_is_lost(
    station: Station, ending: str
) -> None:
    for _ in range(4):
        activity, people = station.activity(), [station.member() for _ in range(8)]
        there = station.member()
        came = tick(station.organizer, activity, there, "arrived", 0)
        end: dict[str, Callable[[], Any]] = {
            "cancel": partial(activities.cancel_activity, station.organizer, activity_id=activity.id, reason="雨"),
            "close": partial(activities.close_activity, station.organizer, activity_id=activity.id),
        }
        acts_ = [partial(_tick, station.organizer, activity, member, "arrived", None) for member in people]
        leaving = partial(_tick, station.organizer, activity, there, "left", seen(came))
        *ticked, went, _ended = at_once(station, after(30), [*acts_, leaving, end[ending]])
        done = [one for one in ticked if told(one)[0] == "done"]
        assert {told(one) for one in ticked} <= {("done", None), ("refused", "over"), ("refused", "not_running")}
        assert told(went)[0] in ("done", "already")
        rows = station.rows("SELECT state, minutes FROM attendance WHERE activity_id = :id", id=activity.id)
        assert len(rows) == len(done) + 1
        assert not [row for row in rows if row["state"] == "open"]
        assert station.find(seen(came)).minutes == 30


def _tick(who: Principal, activity: Any, member_id: UUID, wanted: str, old: UUID | None) -> Ticked:
    ticks = [Tick(uuid4(), member_id, Wanted(wanted), old, None)]
    return roll.tick(who, activity_id=activity.id, ticks=ticks)[0]


# --- Whatever the order -------------------------------------------------------------------------------


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrived", "left", "not_left", "scan in", "scan out"]),
        st.integers(0, 1),
        st.booleans(),
        st.integers(1, 20),
    ),
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_ticks_and_scans_leaves_one_open_pair_at_most_and_no_minute_less_than_was_ticked(
    station: Station, steps: list[tuple[str, int, bool, int]]
) -> None:
    """Two organizers, each with a page that may be old, and the volunteer's own phone."""
    volunteer, activity = station.person(), station.activity()
    organizers = [station.organizer, station.person(Grant(Role.ORGANIZER, HERE))]
    pages: list[UUID | None] = [None, None]
    moment = 0.0
    stays: dict[UUID, list[float | None]] = {}
    """By record, when it began and when it ended, in minutes."""
    for what, organizer, fresh, minutes in steps:
        moment += minutes
        standing = _standing(station, own(volunteer))
        if what.startswith("scan"):
            direction = "arrival" if what == "scan in" else "departure"
            station.scan(volunteer, activity, direction, after(moment))
        else:
            if fresh:
                pages[organizer] = None if standing is None else standing["id"]
            ticked = tick(organizers[organizer], activity, own(volunteer), what, moment, seen=pages[organizer])
            pages[organizer] = None if ticked.standing is None else ticked.standing.id
        rows = station.rows("SELECT state FROM attendance WHERE member_id = :id", id=own(volunteer))
        assert sum(row["state"] == "open" for row in rows) <= 1
        now = _standing(station, own(volunteer))
        there = now["id"] if now is not None and now["state"] == "open" else None
        for pair_id, stay in stays.items():
            if pair_id != there and stay[1] is None:
                stay[1] = moment
        if there is not None:
            stays.setdefault(there, [moment, None])[1] = None
    with clock.travel(after(moment)):
        activities.leave_all(station.organizer, activity_id=activity.id)
    expected = sum((moment if until is None else until) - (since or 0) for since, until in stays.values())
    [summed] = station.rows("SELECT coalesce(sum(minutes), 0) AS minutes FROM attendance WHERE member_id = :id",
                            id=own(volunteer))  # fmt: skip
    assert summed["minutes"] == expected


def _standing(station: Station, member_id: UUID) -> dict[str, Any] | None:
    rows = station.rows(
        "SELECT id, state, arrived_at FROM attendance WHERE member_id = :id"
        " ORDER BY state = 'open' DESC, arrived_at DESC, id DESC LIMIT 1",
        id=member_id,
    )
    return rows[0] if rows else None
