"""Making, publishing, moving, cancelling and closing an activity."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, attendances
from services.checkin.domain.activities import ActivityInWrongState, FixedOnceMade, NoSuchLeader, TimesInUse
from services.checkin.domain.schedule import BadTimes, PostponedToThePast, TooLongAgo
from services.checkin.queries import activities as queries
from services.checkin.store.activities import NoSuchActivity, NoSuchStation, SiteDraft, SiteIdTaken
from shared import clock, copies
from shared.db import transactional
from shared.errors import Conflict, Forbidden
from shared.principal import Grant, Role
from tests.checkin.support import ELSEWHERE, END, HERE, START, Station, after, own, statements


def change(station: Station, activity_id: Any, sites: list[SiteDraft] | None = None, **changes: Any) -> Any:
    return activities.change_activity(station.organizer, activity_id=activity_id, changes=changes, sites=sites)


def test_making_it_twice_with_one_id_is_making_it_once(station: Station) -> None:
    content = {"activity_id": uuid4(), "sites": [SiteDraft(uuid4(), "东门", "东门岗亭")]}
    first = station.draft(**content)
    assert station.draft(**content).id == first.id
    with pytest.raises(Conflict):
        station.draft(**content, title="别的事")
    assert len(station.rows("SELECT * FROM activity")) == 1
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'activity.create'")) == 1


def test_an_activity_needs_a_station_that_stands(station: Station) -> None:
    from shared import copies
    from shared.db import transactional
    from shared.events import StationChanged

    def node(level: str, *, closed: bool = False) -> UUID:
        fact = StationChanged(
            node_id=uuid4(), version=1, level=level, name=level, path=f"{HERE}{level}/", closed=closed
        )
        transactional(copies.take_stations)([fact])
        return fact.node_id

    draft = station.draft()
    for station_id in (uuid4(), node("station", closed=True), node("compound"), node("building")):
        with pytest.raises(NoSuchStation):
            station.draft(station_id=station_id)
        with pytest.raises(NoSuchStation):
            change(station, draft.id, station_id=station_id)
    for level in ("sub_centre", "centre", "city"):
        assert station.draft(station_id=node(level)).state == "draft"
    with pytest.raises(Forbidden):
        station.draft(station_id=station.elsewhere_id)


def test_the_times_must_make_sense(station: Station) -> None:
    for ends_at in (START, START - timedelta(hours=1), START + timedelta(hours=25)):
        with pytest.raises(BadTimes):
            station.draft(ends_at=ends_at)
    draft = station.draft()
    with pytest.raises(BadTimes):
        change(station, draft.id, starts_at=END)


def test_a_site_belongs_to_one_activity(station: Station) -> None:
    draft = station.draft()
    taken = [SiteDraft(draft.sites[0].id, "西门", "西门岗亭")]
    with pytest.raises(SiteIdTaken):
        station.draft(sites=taken)
    with pytest.raises(SiteIdTaken):
        change(station, station.draft().id, sites=taken)
    assert len(station.rows("SELECT * FROM activity")) == 2


def test_a_draft_can_be_changed_in_everything(station: Station) -> None:
    draft = station.draft()
    sites = [SiteDraft(uuid4(), "西门", "西门岗亭"), SiteDraft(draft.sites[0].id, "东门", "东门岗亭")]
    changed = change(station, draft.id, category="health", title="义诊", sites=sites, starts_at=after(30))
    assert (changed.category, changed.title, changed.starts_at) == ("health", "义诊", after(30))
    assert [site.name for site in changed.sites] == ["西门", "东门"]
    changed = change(station, draft.id, sites=sites[:1])
    assert [site.name for site in changed.sites] == ["西门"]


def test_once_published_category_station_and_sites_stay(station: Station) -> None:
    activity = station.activity()
    with pytest.raises(FixedOnceMade):
        change(station, activity.id, category="health")
    with pytest.raises(FixedOnceMade):
        change(station, activity.id, sites=[SiteDraft(uuid4(), "西门", "西门岗亭")])
    keeping = [SiteDraft(activity.sites[0].id, "大门", "大门口"), SiteDraft(uuid4(), "西门", "西门岗亭")]
    changed = change(station, activity.id, sites=keeping, title="大扫除", capacity=30)
    assert ([site.name for site in changed.sites], changed.capacity) == (["大门", "西门"], 30)


def test_times_stay_once_minutes_depend_on_them(station: Station) -> None:
    activity, volunteer = station.activity(), station.person()
    station.scan(volunteer, activity, "arrival", after(0))
    assert change(station, activity.id, ends_at=after(200)).ends_at == after(200)
    station.scan(volunteer, activity, "departure", after(100))
    with pytest.raises(TimesInUse):
        change(station, activity.id, ends_at=after(120))
    assert change(station, activity.id, title="照样能改").title == "照样能改"


def test_the_leader_may_publish_and_doing_so_twice_is_once(station: Station) -> None:
    leader = station.organizer
    draft = station.draft(sites=[SiteDraft(uuid4(), "东门", "东门岗亭", own(leader))])
    for _ in range(2):
        assert activities.publish_activity(leader, activity_id=draft.id).state == "published"
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'activity.publish'")) == 1


def test_postponing_sends_the_early_ones_home_and_the_new_day_starts_afresh(station: Station) -> None:
    activity, volunteer = station.activity(), station.person()
    station.scan(volunteer, activity, "arrival", after(-20))
    old = activity.starts_at, activity.ends_at
    new = {"starts_at": after(1440), "ends_at": after(1620)}
    with clock.travel(after(-10)):
        moved = activities.postpone_activity(station.organizer, activity_id=activity.id, **new)
        assert activities.postpone_activity(station.organizer, activity_id=activity.id, **new).state == "published"
    assert (moved.state, moved.starts_at) == ("published", after(1440))
    assert (moved.was_starts_at, moved.was_ends_at) == old
    [row] = station.rows("SELECT state, reason FROM attendance")
    assert row == {"state": "rejected", "reason": "活动延期"}
    assert station.scan(volunteer, moved, "arrival", after(0)).why == "too_early"
    station.attend(volunteer, moved, 1440, 1620)
    assert [body["minutes"] for body in station.told()] == [180]


def test_without_new_times_it_is_off_until_they_are_known(station: Station) -> None:
    activity = station.activity()
    for _ in range(2):
        postponed = activities.postpone_activity(station.organizer, activity_id=activity.id)
        assert postponed.state == "postponed"
    assert station.scan(station.person(), activity, "arrival", after(0)).why == "postponed"
    with pytest.raises(ActivityInWrongState):
        activities.publish_activity(station.organizer, activity_id=activity.id)
    moved = activities.postpone_activity(
        station.organizer, activity_id=activity.id, starts_at=after(60), ends_at=after(120)
    )
    assert moved.state == "published"


def test_nothing_is_postponed_to_the_past_and_nothing_entered_from_years_ago(station: Station) -> None:
    activity = station.activity()
    with clock.travel(after(-600)), pytest.raises(PostponedToThePast):
        activities.postpone_activity(
            station.organizer, activity_id=activity.id, starts_at=after(-1440), ends_at=after(-1300)
        )
    with clock.travel(after(400 * 1440)), pytest.raises(TooLongAgo):
        station.activity()
    assert station.rows("SELECT count(*) AS number FROM activity")[0]["number"] == 1


def test_what_has_been_served_cannot_be_postponed(station: Station) -> None:
    for leaves in (False, True):
        activity, volunteer = station.activity(), station.person()
        station.scan(volunteer, activity, "arrival", after(0))
        if leaves:
            station.scan(volunteer, activity, "departure", after(20))
        with clock.travel(after(30)), pytest.raises(TimesInUse):
            activities.postpone_activity(
                station.organizer, activity_id=activity.id, starts_at=after(1440), ends_at=after(1620)
            )
    assert [row["state"] for row in station.rows("SELECT state FROM attendance ORDER BY state")] == [
        "confirmed",
        "open",
    ]


def test_cancelling_keeps_what_was_served_for_the_organizer_to_confirm(station: Station) -> None:
    activity = station.activity()
    station.attend(station.person(), activity, 0, 30)
    station.scan(station.person(), activity, "arrival", after(10))
    with clock.travel(after(40)):
        for _ in range(2):
            cancelled = activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    assert (cancelled.state, cancelled.reason) == ("cancelled", "下雨")
    rows = station.rows("SELECT state, minutes FROM attendance ORDER BY minutes DESC, state")
    assert rows == [{"state": "confirmed", "minutes": 30}, {"state": "left", "minutes": 30}]
    assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 1


def test_cancelling_before_the_start_leaves_nothing_to_confirm(station: Station) -> None:
    activity = station.activity()
    station.scan(station.person(), activity, "arrival", after(-30))
    with clock.travel(after(-20)):
        activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    [row] = station.rows("SELECT state, reason FROM attendance")
    assert row == {"state": "rejected", "reason": "活动取消：下雨"}


def test_closing_signs_everybody_out_and_takes_no_more_scans(station: Station) -> None:
    activity, volunteer = station.activity(), station.person()
    station.scan(volunteer, activity, "arrival", after(0))
    with clock.travel(after(170)):
        for _ in range(2):
            assert activities.close_activity(station.organizer, activity_id=activity.id).state == "closed"
    assert station.scan(station.person(), activity, "arrival", after(171)).why == "closed"
    [row] = station.rows("SELECT state, minutes FROM attendance")
    assert row == {"state": "left", "minutes": 170}
    with pytest.raises(ActivityInWrongState):
        activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    with pytest.raises(ActivityInWrongState):
        change(station, activity.id, title="晚了")


def test_ending_early_rates_who_has_left_by_the_real_length(station: Station) -> None:
    activity = station.activity()
    gone, twice = station.person(), station.person()
    station.attend(gone, activity, 0, 60)
    station.attend(twice, activity, 0, 30)
    station.attend(twice, activity, 40, 70)
    station.scan(station.person(), activity, "arrival", after(20))
    station.attend(station.person(), activity, -30, -10)  # served nothing: no share changes
    before = station.told()
    with clock.travel(after(75)):
        for _ in range(2):
            ended = activities.close_activity(station.organizer, activity_id=activity.id)
    assert ended.ended_at == after(75)
    told = station.told()[len(before) :]
    assert {one["activity_minutes"] for one in before} == {180}
    assert sorted((one["version"], one["minutes"], one["minutes_together"]) for one in told) == [
        (2, 30, 60),
        (2, 60, 60),
        (3, 30, 60),
    ]
    assert {(one["activity_minutes"], one["reason"]) for one in told} == {(75, "活动提前结束，按实际时长重新计算")}
    entry = station.rows("SELECT detail FROM audit_log WHERE action = 'activity.close'")
    assert [row["detail"]["rated_again"] for row in entry] == [3]
    assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 1
    assert (station.told()[-1]["minutes"], station.told()[-1]["activity_minutes"]) == (55, 75)


def test_ending_many_takes_no_more_statements(station: Station) -> None:
    counts = []
    for people in (2, 9):
        activity = station.activity()
        for _ in range(people):
            station.attend(station.person(), activity, 0, 60)
        with clock.travel(after(90)), statements() as sent:
            activities.close_activity(station.organizer, activity_id=activity.id)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_cancelling_what_has_begun_rates_by_the_real_length_too(station: Station) -> None:
    activity = station.activity()
    station.attend(station.person(), activity, 0, 30)
    with clock.travel(after(40)):
        activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    assert [(one["version"], one["activity_minutes"]) for one in station.told()] == [(1, 180), (2, 40)]


@pytest.mark.parametrize("by_the_sweep", [True, False])
def test_what_is_closed_after_its_end_is_as_long_as_planned(station: Station, by_the_sweep: bool) -> None:
    activity = station.activity()
    station.attend(station.person(), activity, 0, 60)
    station.scan(station.person(), activity, "arrival", after(10))
    with clock.travel(after(250)):
        if by_the_sweep:
            attendances.depart_automatically()
        else:
            activities.close_activity(station.organizer, activity_id=activity.id)
    [closed] = station.rows("SELECT state, ended_at FROM activity")
    assert closed == {"state": "closed", "ended_at": END if by_the_sweep else after(250)}
    attendances.confirm_all(station.organizer, activity_id=activity.id)
    assert [(one["version"], one["minutes"], one["activity_minutes"]) for one in station.told()] == [
        (1, 60, 180),
        (1, 170, 180),
    ]


def test_a_correction_after_an_early_end_counts_until_that_end(station: Station) -> None:
    activity = station.activity()
    pair = station.attend(station.person(), activity, 0, 30)
    with clock.travel(after(60)):
        activities.close_activity(station.organizer, activity_id=activity.id)
    times: dict[str, Any] = {"arrived_at": START, "left_at": after(100), "version": 2, "reason": "记错了"}
    with clock.travel(after(120)):
        attendances.correct_attendance(station.organizer, attendance_id=pair.id, **times)
    assert (station.told()[-1]["minutes"], station.told()[-1]["activity_minutes"]) == (60, 60)


def test_drafts_are_seen_only_by_those_who_organize_there(station: Station) -> None:
    draft, activity = station.draft(starts_at=after(-1)), station.activity()
    volunteer = station.person()
    assert [it.id for it in queries.list_activities(volunteer, limit=10)] == [activity.id]
    assert [it.id for it in queries.list_activities(station.organizer, limit=10)] == [draft.id, activity.id]
    with pytest.raises(NoSuchActivity):
        queries.get_activity(volunteer, activity_id=draft.id)
    assert queries.get_activity(station.organizer, activity_id=draft.id).station_name == "南昌路站"


def test_the_list_can_be_narrowed_and_leafed_through(station: Station) -> None:
    made = [
        station.activity(starts_at=START + timedelta(days=day), ends_at=END + timedelta(days=day)) for day in range(5)
    ]
    volunteer = station.person()

    def ids(**query: Any) -> list[int]:
        found = queries.list_activities(volunteer, **{"limit": 200} | query)
        return [[it.id for it in made].index(one.id) for one in found]

    assert ids() == [0, 1, 2, 3, 4]
    assert ids(limit=2) == [0, 1]
    assert ids(limit=2, after=made[1].id) == [2, 3]
    assert ids(order="newest", limit=2) == [4, 3]
    assert ids(order="newest", limit=2, after=made[3].id) == [2, 1]
    assert ids(from_=END + timedelta(days=3)) == [3, 4]
    assert ids(to=START + timedelta(days=1)) == [0]
    assert ids(station_id=station.id) == [0, 1, 2, 3, 4]
    assert ids(station_id=station.elsewhere_id) == []
    activities.cancel_activity(station.organizer, activity_id=made[2].id, reason="下雨")
    assert ids(state=["cancelled"]) == [2]
    activities.postpone_activity(station.organizer, activity_id=made[4].id)
    assert ids(state=["cancelled", "postponed"], limit=1) == [2]
    assert ids(state=["cancelled", "postponed"]) == [2, 4]


def test_the_longest_activity_is_listed_until_its_end(station: Station) -> None:
    longest = station.activity(starts_at=END - timedelta(days=1), ends_at=END)

    def ids(from_: datetime) -> list[UUID]:
        return [one.id for one in queries.list_activities(station.person(), limit=10, from_=from_)]

    assert ids(END) == [longest.id]
    assert ids(END + timedelta(seconds=1)) == []


def test_the_screen_gets_the_codes_of_the_coming_minutes(station: Station) -> None:
    activity = station.activity()
    with clock.travel(after(0.1)):
        found = queries.list_codes(
            station.organizer, activity_id=activity.id, site_id=activity.sites[0].id, direction="arrival", minutes=30
        )
    assert (found.server_now, found.step_s, len(found.codes)) == (after(0.1), 15, 121)
    assert found.codes[0].shown_from <= found.server_now < found.codes[0].shown_until
    assert found.codes[-1].shown_until >= after(30.1)
    assert found.codes[0].url.startswith("http://huzhu.test/s/V1.")
    from services.checkin.commands import scans

    volunteer = station.person()
    with clock.travel(after(20)):
        code = next(code for code in found.codes if code.shown_from <= after(20) < code.shown_until)
        assert scans.record_scan(volunteer, code=code.url, member_id=own(volunteer)).outcome == "ok"


def test_only_the_organizer_of_a_published_activity_gets_codes(station: Station) -> None:
    activity, draft = station.activity(), station.draft()

    def codes(who: Any, of: Any) -> Any:
        return queries.list_codes(who, activity_id=of.id, site_id=of.sites[0].id, direction="arrival", minutes=1)

    with pytest.raises(ActivityInWrongState):
        codes(station.organizer, draft)
    for who in (station.person(), station.person(Grant(Role.AUDITOR, HERE))):
        with pytest.raises(Forbidden):
            codes(who, activity)


def test_a_site_is_led_by_a_member_who_is_known_and_active(station: Station) -> None:
    gone, known = station.member(status="left"), station.member()
    for leader in (gone, uuid4()):
        with pytest.raises(NoSuchLeader):
            station.draft(sites=[SiteDraft(uuid4(), "东门", "东门岗亭", leader)])
    sites = [SiteDraft(uuid4(), "东门", "东门岗亭", known), SiteDraft(uuid4(), "西门", "西门", own(station.organizer))]
    made = station.draft(sites=sites)
    transactional(copies.take_members)([replace(station.card(known), version=2, status="left")])
    change(station, made.id, sites=sites)  # who led it stays as long as nobody else is named
    with pytest.raises(NoSuchLeader):
        change(station, made.id, sites=[sites[0], replace(sites[1], leader_member_id=gone)])


def test_presence_counts_people_and_what_waits(station: Station) -> None:
    activity = station.activity(capacity=3)
    back, gone, there = (station.person() for _ in range(3))
    station.attend(back, activity, 0, 20)
    station.scan(back, activity, "arrival", after(30))
    station.attend(gone, activity, 0, 40)
    late = station.person()
    station.scan(late, activity, "arrival", after(5), late_minutes=9)
    station.scan(late, activity, "departure", after(50))
    station.scan(there, activity, "arrival", after(10))
    false = station.scan(station.person(), activity, "arrival", after(10), late_minutes=9).attendance_id
    assert false is not None
    attendances.leave_attendance(station.organizer, attendance_id=false)
    attendances.reject_attendance(station.organizer, attendance_id=false, reason="不在现场")
    counted = queries.count_presence(station.organizer, activity_id=activity.id)
    assert counted == queries.Presence(activity.id, "published", present=2, arrived=4, left=2, waiting=1, surplus=1)
    quiet = station.activity()
    activities.cancel_activity(station.organizer, activity_id=quiet.id, reason="下雨")
    empty = queries.count_presence(station.organizer, activity_id=quiet.id)
    assert empty == queries.Presence(quiet.id, "cancelled", present=0, arrived=0, left=0, waiting=0, surplus=0)
    both = [activity.id, quiet.id, uuid4()]
    with statements() as sent:
        listed = queries.list_presence(station.organizer, ids=both)
    assert sorted(listed, key=lambda one: one.arrived) == [empty, counted]
    assert len(sent) == 3
    assert queries.list_presence(station.person(Grant(Role.ORGANIZER, ELSEWHERE)), ids=both) == []


def test_a_leader_in_another_grant_sees_what_lies_below(station: Station) -> None:
    centre = replace(station.person(), grants=(Grant(Role.ORGANIZER, "/town/"),))
    activity = station.activity()
    assert queries.count_presence(centre, activity_id=activity.id).present == 0
