"""Review before publication, where a station wants it."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, confirm_each, places, reviews, sign_ups
from services.checkin.domain.activities import ActivityInWrongState, FixedOnceMade
from services.checkin.queries import activities as queries
from services.checkin.store import Activity
from services.checkin.store.activities import NoSuchActivity, NoSuchStation
from shared import clock
from shared.db import transactional
from shared.errors import Conflict, Forbidden
from shared.events import StationChanged
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, START, Station, after, own


@pytest.fixture
def staff(station: Station) -> Principal:
    """Who has switched it on."""
    staff = station.person(Grant(Role.STAFF, HERE))
    reviews.switch_review(staff, node_id=station.id, on=True)
    return staff


def approve(who: Principal, activity: Activity, asked_at: datetime | None = None) -> Activity:
    return reviews.approve_activity(who, activity_id=activity.id, asked_at=asked_at or _asked(activity))


def send_back(who: Principal, activity: Activity, reason: str = "地点没有写清") -> Activity:
    return reviews.send_back_activity(who, activity_id=activity.id, asked_at=_asked(activity), reason=reason)


def change(station: Station, activity: Activity, **changes: Any) -> Activity:
    return activities.change_activity(station.organizer, activity_id=activity.id, changes=changes)


def _asked(activity: Activity) -> datetime:
    assert activity.asked_at is not None
    return activity.asked_at


def logged(station: Station, action: str) -> list[UUID]:
    rows = station.rows("SELECT member_id FROM audit_log WHERE action = :action ORDER BY at", action=action)
    return [row["member_id"] for row in rows]


def test_publishing_asks_and_somebody_else_publishes(station: Station, staff: Principal) -> None:
    waiting = station.activity()
    assert (waiting.state, waiting.asked_by, waiting.published_at) == ("in_review", own(station.organizer), None)
    assert activities.publish_activity(station.organizer, activity_id=waiting.id).asked_at == waiting.asked_at
    for _ in range(2):
        approved = approve(staff, waiting)
        assert (approved.state, approved.published_at) == ("published", clock.now())
    assert logged(station, "activity.ask_review") == [own(station.organizer)]
    assert logged(station, "activity.approve") == [own(staff)]
    assert logged(station, "activity.publish") == []
    assert station.scan(station.person(), approved, "arrival", after(0)).outcome == "ok"


def test_until_it_is_published_nobody_sees_it_signs_up_or_scans(station: Station, staff: Principal) -> None:
    waiting, volunteer = station.activity(), station.person()
    assert queries.list_activities(volunteer, limit=9) == []
    assert [one.id for one in queries.list_activities(station.organizer, limit=9)] == [waiting.id]
    with pytest.raises(NoSuchActivity):
        queries.get_activity(volunteer, activity_id=waiting.id)
    signing: dict[str, Any] = {"activity_id": waiting.id, "request_id": uuid4()}
    with pytest.raises(NoSuchActivity):
        sign_ups.sign_up(volunteer, member_ids=[own(volunteer)], **signing)
    with pytest.raises(ActivityInWrongState):
        sign_ups.sign_up(station.organizer, member_ids=[own(volunteer)], **signing)
    site: dict[str, Any] = {"site_id": waiting.sites[0].id, "direction": "arrival", "minutes": 1}
    with pytest.raises(ActivityInWrongState):
        queries.list_codes(station.organizer, activity_id=waiting.id, **site)
    assert station.scan(volunteer, waiting, "arrival", after(0)).why == "not_published"
    times = {"starts_at": after(60), "ends_at": after(120)}
    for postponed in ({}, times):
        with pytest.raises(ActivityInWrongState):
            activities.postpone_activity(station.organizer, activity_id=waiting.id, **postponed)
    # Called off before anybody could see it, it stays with those who made it.
    activities.cancel_activity(station.organizer, activity_id=waiting.id, reason="不办了")
    assert queries.list_activities(volunteer, limit=9) == []
    with pytest.raises(ActivityInWrongState):
        approve(staff, waiting)


def test_no_draft_is_published_by_postponing_it(station: Station) -> None:
    draft = station.draft()
    with pytest.raises(ActivityInWrongState):
        activities.postpone_activity(station.organizer, activity_id=draft.id, starts_at=after(60), ends_at=after(120))


def test_nobody_approves_what_they_or_their_household_asked_for(station: Station, staff: Principal) -> None:
    household = uuid4()
    asker = station.person(Grant(Role.STAFF, HERE), household_id=household)
    spouse = station.person(Grant(Role.STAFF, HERE), household_id=household)
    waiting = activities.publish_activity(asker, activity_id=station.draft().id)
    for who in (asker, spouse):
        with pytest.raises(OwnCase):
            approve(who, waiting)
    assert station.rows("SELECT state FROM activity") == [{"state": "in_review"}]
    # Whoever made it may review what somebody else handed in.
    assert approve(staff, waiting).state == "published"


def test_what_is_sent_back_says_why_until_it_is_handed_in_again(station: Station, staff: Principal) -> None:
    waiting, _never_handed_in = station.activity(), station.draft()
    first = _asked(waiting)
    for _ in range(2):
        back = send_back(staff, waiting)
        assert (back.state, back.reason) == ("draft", "地点没有写清")
    assert logged(station, "activity.send_back") == [own(staff)]
    assert [one.id for one in queries.list_reviews(station.organizer, for_="organizer", limit=9)] == [back.id]
    assert queries.list_reviews(staff, for_="staff", limit=9) == []
    assert change(station, back, place="和谐小区东门", category="health").reason == "地点没有写清"
    with clock.travel(after(-30)):
        again = activities.publish_activity(station.organizer, activity_id=back.id)
    assert (again.state, again.reason) == ("in_review", None)
    with pytest.raises(Conflict):
        approve(staff, again, first)
    assert approve(staff, again).state == "published"
    with pytest.raises(ActivityInWrongState):
        send_back(staff, again)


def test_changed_while_it_waits_it_is_a_draft_again(station: Station, staff: Principal) -> None:
    waiting = station.activity()
    assert change(station, waiting, title=waiting.title).state == "in_review"
    changed = change(station, waiting, title="别的事", category="health")
    assert (changed.state, changed.title) == ("draft", "别的事")
    [row] = station.rows("SELECT detail FROM audit_log WHERE action = 'activity.change'")
    assert row["detail"]["fields"] == ["category", "state", "title"]
    with pytest.raises(ActivityInWrongState):
        approve(staff, waiting)


def test_what_is_published_stays_so_and_is_postponed_and_changed_as_ever(station: Station) -> None:
    published = station.activity()
    staff = station.person(Grant(Role.STAFF, HERE))
    reviews.switch_review(staff, node_id=station.id, on=True)
    assert activities.publish_activity(station.organizer, activity_id=published.id).state == "published"
    assert change(station, published, title="大扫除").state == "published"
    with pytest.raises(FixedOnceMade):
        change(station, published, category="health")
    activities.postpone_activity(station.organizer, activity_id=published.id)
    moved = activities.postpone_activity(
        station.organizer, activity_id=published.id, starts_at=after(60), ends_at=after(120)
    )
    assert moved.state == "published"


def test_switched_off_what_waits_is_published_by_its_organizer(station: Station, staff: Principal) -> None:
    waiting, other = station.activity(), station.activity(starts_at=START, title="义诊")
    reviews.switch_review(staff, node_id=station.id, on=False)
    assert activities.publish_activity(station.organizer, activity_id=waiting.id).state == "published"
    assert approve(staff, other).state == "published"


def test_staff_switches_it_for_a_node_and_below(station: Station) -> None:
    above = station.person(Grant(Role.STAFF, "/town/"))
    for _ in range(2):
        reviews.switch_review(above, node_id=station.id, on=True)
    [rule] = queries.list_reviewed(node_ids=[station.id])
    assert (rule.is_on, rule.is_on_above) == (True, False)
    assert {row.node_id: row.is_on for row in queries.list_review_switches(above, limit=9)} == {
        station.id: True,
        station.elsewhere_id: False,
    }
    reviews.switch_review(above, node_id=station.id, on=False)
    assert station.activity().state == "published"
    assert (len(logged(station, "review.switch_on")), len(logged(station, "review.switch_off"))) == (1, 1)
    with pytest.raises(Forbidden):
        reviews.switch_review(station.organizer, node_id=station.id, on=True)
    with pytest.raises(NoSuchStation):
        reviews.switch_review(above, node_id=uuid4(), on=True)


def test_only_staff_of_the_place_decides(station: Station, staff: Principal) -> None:
    waiting = station.activity()
    for who in (station.organizer, station.person(Grant(Role.STAFF, ELSEWHERE)), station.person()):
        with pytest.raises(Forbidden):
            approve(who, waiting)
        with pytest.raises(Forbidden):
            send_back(who, waiting)
    assert [one.id for one in queries.list_reviews(staff, for_="staff", limit=9)] == [waiting.id]
    for who in (station.person(Grant(Role.STAFF, ELSEWHERE)), station.person(Grant(Role.ORGANIZER, HERE))):
        assert queries.list_reviews(who, for_="staff", limit=9) == []


def test_a_malformed_decision_is_refused(station: Station, staff: Principal) -> None:
    waiting = station.activity()
    path, seen = f"/activities/{waiting.id}", _asked(waiting).isoformat()
    wrong: list[tuple[str, Any]] = [
        ("approve", {}), ("approve", {"asked_at": seen, "reason": "好"}), ("send-back", {"asked_at": seen}),
        ("send-back", {"asked_at": seen, "reason": ""}), ("send-back", {"asked_at": seen, "reason": "长" * 501}),
    ]  # fmt: skip
    for step, body in wrong:
        assert station.request(staff, "POST", f"{path}/{step}", json=body).status_code == 400
    assert station.request(staff, "GET", "/reviews?for=volunteer").status_code == 400
    answer = station.request(staff, "POST", f"{path}/approve", json={"asked_at": seen})
    assert (answer.status_code, answer.json and answer.json["state"]) == (200, "published")


def test_a_station_that_is_split_off_begins_with_the_switches_of_the_one_it_was_a_part_of(station: Station) -> None:
    staff = station.person(Grant(Role.STAFF, "/town/"))
    reviews.switch_review(staff, node_id=station.id, on=True)
    confirm_each.switch_confirm_each(staff, node_id=station.id, on=True)
    part = StationChanged(
        node_id=uuid4(), version=1, level="station", name="南昌路二站", path="/town/part/", split_from_id=station.id
    )
    other = replace(part, node_id=uuid4(), path="/town/other/", split_from_id=station.elsewhere_id)
    transactional(places.take_stations)([part, other])
    node_ids = [part.node_id, other.node_id]
    for listed in (queries.list_reviewed, queries.list_confirm_each):
        found = {row.node_id: row.is_on for row in listed(node_ids=node_ids)}
        assert found == {part.node_id: True, other.node_id: False}
    reviews.switch_review(staff, node_id=part.node_id, on=False)
    transactional(places.take_stations)([part, replace(part, version=2)])
    assert [row.is_on for row in queries.list_reviewed(node_ids=[part.node_id])] == [False], "it was only to begin with"
