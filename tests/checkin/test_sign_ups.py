"""Signing up: own members, an order in which nobody is turned away, and who came in the end."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.commands import activities, sign_ups
from services.checkin.commands.sign_ups import Receipt
from services.checkin.domain.activities import ActivityInWrongState
from services.checkin.domain.sign_ups import NoSuchSignUp, NotYourSignUp, Outcome
from services.checkin.queries import activities as activity_queries
from services.checkin.queries import rolls as roll_queries
from services.checkin.store.activities import NoSuchActivity, NoSuchSite, SiteDraft
from shared import clock
from shared.errors import Conflict, Forbidden
from shared.principal import Grant, Principal, Role
from tests.checkin.support import ELSEWHERE, END, HERE, SATURDAY, START, Station, after, own, statements
from tests.checkin.test_races import at_once


def sign_up(who: Principal, activity_id: UUID, *member_ids: UUID, **fields: Any) -> list[Receipt]:
    wanted = member_ids or (own(who),)
    return sign_ups.sign_up(who, **{"request_id": uuid4(), "activity_id": activity_id, "member_ids": wanted, **fields})


def signed_up(station: Station, activity_id: UUID) -> list[dict[str, Any]]:
    return roll_queries.list_signed_up(station.organizer, activity_id=activity_id, limit=100)


def test_one_login_signs_up_several_members_in_order(station: Station) -> None:
    mother = station.member()
    daughter, activity = station.person(family=(mother,)), station.activity(capacity=1)
    first, second = sign_up(daughter, activity.id, mother, own(daughter))
    assert (first.member_id, first.place, first.is_beyond) == (mother, 1, False)
    assert (second.outcome, second.place, second.is_beyond) == (Outcome.TAKEN, 2, True)
    mine = roll_queries.list_sign_ups(daughter, member_ids=[mother, own(daughter)], limit=10)
    assert [(one["member_id"], one["place"], one["is_beyond"]) for one in mine] == [
        (mother, 1, False),
        (own(daughter), 2, True),
    ]
    assert station.rows("SELECT * FROM audit_log WHERE action LIKE 'sign_up.%'") == []


def test_each_of_a_list_is_signed_up_for_the_site_they_named(station: Station) -> None:
    east, west = (SiteDraft(uuid4(), name, name) for name in ("东门", "西门"))
    activity, people = station.activity(sites=[east, west]), [station.member() for _ in range(3)]
    sites = [west.id, None, east.id]
    sign_up(station.organizer, activity.id, *people, site_ids=sites, from_list=True)
    assert [(one["member_id"], one["site_id"]) for one in signed_up(station, activity.id)] == list(
        zip(people, sites, strict=True)
    )
    with pytest.raises(NoSuchSite):
        sign_up(station.organizer, activity.id, station.member(), site_ids=[uuid4()])


def test_signing_up_again_in_whatever_way_is_being_signed_up(station: Station) -> None:
    who, activity = station.person(), station.activity()
    request = uuid4()
    [taken] = sign_up(who, activity.id, request_id=request)
    assert sign_up(who, activity.id, request_id=request)[0].id == taken.id
    [again] = sign_up(who, activity.id)
    assert (again.outcome, again.id, again.place) == (Outcome.ALREADY, taken.id, 1)
    assert len(station.rows("SELECT * FROM sign_up")) == 1


def test_a_request_that_was_of_another_activity_says_of_nobody_that_they_are_signed_up(station: Station) -> None:
    who, activity, other, request = station.person(), station.activity(), station.activity(), uuid4()
    sign_up(who, activity.id, request_id=request)
    with pytest.raises(Conflict):
        sign_up(who, other.id, request_id=request)
    assert roll_queries.list_sign_ups(who, member_ids=[own(who)], activity_id=other.id, limit=9) == []


def test_a_late_repeat_signs_up_nobody_who_has_called_off_since(station: Station) -> None:
    who, activity, request = station.person(), station.activity(), uuid4()
    [taken] = sign_up(who, activity.id, request_id=request)
    assert taken.id is not None
    sign_ups.cancel_sign_up(who, sign_up_id=taken.id)
    sign_ups.cancel_sign_up(who, sign_up_id=taken.id)
    [late] = sign_up(who, activity.id, request_id=request)
    assert (late.outcome, late.id) == (Outcome.CANCELLED, None)
    [anew] = sign_up(who, activity.id)
    assert anew.outcome is Outcome.TAKEN
    [late] = sign_up(who, activity.id, request_id=request)
    assert (late.outcome, late.id) == (Outcome.ALREADY, anew.id)


def test_who_stood_behind_moves_up(station: Station) -> None:
    activity, people = station.activity(capacity=1), [station.person() for _ in range(3)]
    receipts = [sign_up(who, activity.id)[0] for who in people]
    assert [(one.place, one.is_beyond) for one in receipts] == [(1, False), (2, True), (3, True)]
    assert receipts[0].id is not None
    sign_ups.cancel_sign_up(people[0], sign_up_id=receipts[0].id)
    assert [(one["member_id"], one["place"], one["is_beyond"]) for one in signed_up(station, activity.id)] == [
        (own(people[1]), 1, False),
        (own(people[2]), 2, True),
    ]
    assert activity_queries.get_activity(people[0], activity_id=activity.id).signed_up == 2


def test_two_at_once_at_the_last_place_are_the_last_and_the_one_beyond(station: Station) -> None:
    activity, people = station.activity(capacity=1), [station.person() for _ in range(8)]
    receipts = [
        receipt for [receipt] in at_once(station, SATURDAY, [partial(sign_up, who, activity.id) for who in people])
    ]
    assert sorted(receipt.place or 0 for receipt in receipts) == list(range(1, 9))
    assert sum(not receipt.is_beyond for receipt in receipts) == 1
    told = {receipt.member_id: receipt.place for receipt in receipts}
    assert told == {one["member_id"]: one["place"] for one in signed_up(station, activity.id)}


def test_two_at_once_for_one_member_are_one_sign_up(station: Station) -> None:
    who, activity = station.person(), station.activity()
    receipts = at_once(station, SATURDAY, [partial(sign_up, who, activity.id) for _ in range(8)])
    assert len({receipt.id for [receipt] in receipts}) == 1
    assert len(station.rows("SELECT * FROM sign_up")) == 1


def test_an_organizer_signs_up_anybody_who_is_active_here_and_it_is_recorded(station: Station) -> None:
    activity, member, gone = station.activity(), station.member(), station.member(status="left")
    receipts = sign_up(station.organizer, activity.id, member, gone, uuid4(), from_list=True)
    assert [one.outcome for one in receipts] == [Outcome.TAKEN, Outcome.REFUSED, Outcome.REFUSED]
    [entry] = station.rows("SELECT subject_id, path, detail FROM audit_log WHERE action = 'sign_up.add'")
    assert (entry["subject_id"], entry["path"]) == (activity.id, HERE)
    assert entry["detail"]["member_ids"] == [str(member)]
    [row] = station.rows("SELECT by_member_id, list_id IS NOT NULL AS listed FROM sign_up")
    assert row == {"by_member_id": own(station.organizer), "listed": True}


def test_nobody_signs_up_or_calls_off_for_people_of_another_login(station: Station) -> None:
    stranger, elsewhere = station.person(), station.person(Grant(Role.ORGANIZER, ELSEWHERE))
    who, activity = station.person(), station.activity()
    [taken] = sign_up(who, activity.id)
    assert taken.id is not None
    for caller in (stranger, elsewhere):
        with pytest.raises(Forbidden):
            sign_up(caller, activity.id, station.member())
        with pytest.raises(NotYourSignUp):
            sign_ups.cancel_sign_up(caller, sign_up_id=taken.id)
        with pytest.raises(Forbidden):
            roll_queries.list_sign_ups(caller, member_ids=[own(who)], limit=10)
        with pytest.raises(Forbidden):
            roll_queries.list_signed_up(caller, activity_id=activity.id, limit=10)
    with pytest.raises(Forbidden):
        sign_up(stranger, activity.id, from_list=True)
    with pytest.raises(NoSuchSignUp):
        sign_ups.cancel_sign_up(who, sign_up_id=uuid4())
    sign_ups.cancel_sign_up(station.organizer, sign_up_id=taken.id)
    [entry] = station.rows("SELECT detail FROM audit_log WHERE action = 'sign_up.cancel'")
    assert entry["detail"]["member_id"] == str(own(who))


def test_one_signs_up_for_what_is_published_and_not_over(station: Station) -> None:
    who, draft = station.person(), station.draft()
    with pytest.raises(NoSuchActivity):
        sign_up(who, draft.id)
    with pytest.raises(ActivityInWrongState):
        sign_up(station.organizer, draft.id)
    activity = station.activity()
    with clock.travel(after(179)):
        [taken] = sign_up(who, activity.id)  # late comers are welcome
    with clock.travel(END):
        with pytest.raises(ActivityInWrongState):
            sign_up(station.person(), activity.id)
        assert taken.id is not None
        with pytest.raises(ActivityInWrongState):
            sign_ups.cancel_sign_up(who, sign_up_id=taken.id)
        assert roll_queries.list_sign_ups(who, member_ids=[own(who)], limit=10)[0]["ends_at"] == END


def test_sign_ups_outlive_a_postponement_and_a_cancellation(station: Station) -> None:
    who, activity = station.person(), station.activity()
    sign_up(who, activity.id)
    activities.postpone_activity(station.organizer, activity_id=activity.id)
    with pytest.raises(ActivityInWrongState):
        sign_up(station.person(), activity.id)
    activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    [mine] = roll_queries.list_sign_ups(who, member_ids=[own(who)], limit=10)
    assert (mine["state"], mine["reason"]) == ("cancelled", "下雨")
    assert [one["member_id"] for one in signed_up(station, activity.id)] == [own(who)]


def test_one_may_say_at_which_site_one_wants_to_help(station: Station) -> None:
    sites = [SiteDraft(uuid4(), name, name) for name in ("东门", "西门")]
    who, activity = station.person(), station.activity(sites=sites)
    with pytest.raises(NoSuchSite):
        sign_up(who, activity.id, site_id=uuid4())
    sign_up(who, activity.id, site_id=sites[1].id)
    [mine] = roll_queries.list_sign_ups(who, member_ids=[own(who)], activity_id=activity.id, limit=10)
    assert (mine["site_id"], mine["site_name"]) == (sites[1].id, "西门")


def test_the_list_says_who_came_who_is_there_and_who_came_without_signing_up(station: Station) -> None:
    came, absent, walk_in, activity = station.person(), station.person(), station.person(), station.activity()
    for who in (absent, came):
        sign_up(who, activity.id)
    station.attend(came, activity)
    station.scan(walk_in, activity, "arrival", after(10))
    found = [(one["member_id"], one["place"], one["came"], one["is_there"]) for one in signed_up(station, activity.id)]
    assert found == [
        (own(absent), 1, False, False),
        (own(came), 2, True, False),
        (own(walk_in), None, True, True),
    ]


def test_however_many_sign_up_at_once_it_takes_the_same_statements(station: Station) -> None:
    activity = station.activity()
    counted = []
    for count in (1, 30):
        with statements() as sent:
            sign_up(
                station.organizer, activity.id, *(uuid4() for _ in range(count - 1)), station.person().member_ids[0]
            )
        counted.append(len(sent))
    assert counted[0] == counted[1]


def test_a_sign_up_does_not_hold_up_a_scan(station: Station) -> None:
    """What signs people up holds the activity's row; a scan asks for nothing of it but to read."""
    from sqlalchemy import text

    from services.checkin.store import db

    volunteer, activity = station.person(), station.activity()
    with db.engine.begin() as connection:
        connection.execute(text("SELECT FROM activity WHERE id = :id FOR NO KEY UPDATE"), {"id": activity.id})
        assert station.scan(volunteer, activity, "arrival", START).outcome.accepted


def test_who_has_come_is_told_apart_from_who_is_still_to_come(station: Station) -> None:
    mother = station.member()
    daughter, activity = station.person(family=(mother,)), station.activity()
    sign_up(daughter, activity.id, mother, own(daughter))

    def came(at: float) -> dict[UUID, bool]:
        with clock.travel(after(at)):
            mine = roll_queries.list_sign_ups(daughter, member_ids=[mother, own(daughter)], limit=10)
        return {one["member_id"]: one["came"] for one in mine}

    assert came(-10) == {mother: False, own(daughter): False}
    station.scan(daughter, activity, "arrival", after(0))
    assert came(1) == {mother: False, own(daughter): True}
    station.scan(daughter, activity, "departure", after(30))
    assert came(31) == {mother: False, own(daughter): True}


def test_nobody_is_signed_up_any_more_for_what_was_ended_before_its_time(station: Station) -> None:
    who, activity = station.person(), station.activity()
    sign_up(who, activity.id)
    with clock.travel(after(60)):
        activities.close_activity(station.organizer, activity_id=activity.id)
        assert roll_queries.list_sign_ups(who, member_ids=[own(who)], limit=10) == []
        assert len(roll_queries.list_sign_ups(who, member_ids=[own(who)], activity_id=activity.id, limit=10)) == 1
