"""Who has just been registered is signed in before their card has come, and confirmed only after."""

from uuid import UUID, uuid4

import pytest

from services.checkin.commands import attendances, newcomers
from services.checkin.domain.activities import ActivityInWrongState
from services.checkin.domain.attendances import Attendance, ImpossibleTimes, NoSuchMember
from services.checkin.store import Activity
from services.checkin.store.activities import NoSuchSite
from shared import clock, copies
from shared.db import transactional
from shared.errors import Conflict, Forbidden
from shared.principal import Grant, OwnCase, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, Station, after, own
from tests.checkin.test_races import at_once


def sign_in(
    station: Station,
    activity: Activity,
    member_id: UUID,
    *,
    at: float = 10,
    by: Principal | None = None,
    attendance_id: UUID | None = None,
    site_id: UUID | None = None,
) -> Attendance:
    with clock.travel(after(at)):
        return newcomers.sign_in_newcomer(
            by or station.organizer,
            attendance_id=attendance_id or uuid4(),
            activity_id=activity.id,
            site_id=site_id or activity.sites[0].id,
            member_id=member_id,
        )


def tell(station: Station, member_id: UUID) -> None:
    """The card comes."""
    transactional(copies.take_members)([station.card(member_id)])


def test_somebody_whose_card_has_not_come_is_signed_in(station: Station) -> None:
    activity, newcomer = station.activity(), uuid4()
    pair = sign_in(station, activity, newcomer)
    assert (pair.state, pair.evidence, pair.arrived_at) == ("open", "organizer", after(10))
    [entry] = station.rows("SELECT * FROM audit_log WHERE action = 'attendance.add'")
    assert (entry["subject_id"], entry["detail"]["member_id"]) == (pair.id, str(newcomer))


def test_nothing_is_confirmed_before_the_card_has_come(station: Station) -> None:
    activity, newcomer = station.activity(), uuid4()
    pair = sign_in(station, activity, newcomer)
    with clock.travel(after(180)):
        attendances.leave_attendance(station.organizer, attendance_id=pair.id)
        with pytest.raises(NoSuchMember):
            attendances.confirm_attendance(station.organizer, attendance_id=pair.id)
        with pytest.raises(NoSuchMember):
            attendances.correct_attendance(
                station.organizer,
                attendance_id=pair.id,
                version=0,
                arrived_at=after(10),
                left_at=after(60),
                reason="早走",
            )
        done = attendances.confirm_all(station.organizer, activity_id=activity.id)
        assert (done.confirmed, [one.reason for one in done.left_out]) == (0, ["unknown"])
        assert station.told() == []
        tell(station, newcomer)
        assert attendances.confirm_all(station.organizer, activity_id=activity.id).confirmed == 1
    assert [fact["minutes"] for fact in station.told()] == [170]


def test_a_repeat_is_the_same_attendance_also_minutes_later(station: Station) -> None:
    activity, newcomer, attendance_id = station.activity(), uuid4(), uuid4()
    first = sign_in(station, activity, newcomer, attendance_id=attendance_id)
    assert sign_in(station, activity, newcomer, attendance_id=attendance_id, at=25) == first
    with pytest.raises(Conflict):
        sign_in(station, activity, uuid4(), attendance_id=attendance_id)
    assert len(station.rows("SELECT * FROM attendance")) == 1


def test_who_is_there_already_stays_as_they_are(station: Station) -> None:
    activity, who = station.activity(), station.person()
    scanned = station.scan(who, activity, "arrival", after(1))
    there = sign_in(station, activity, own(who), at=5)
    assert (there.id, there.arrived_at, there.evidence) == (scanned.attendance_id, after(1), "own_scan")


def test_two_organizers_at_once_sign_somebody_in_once(station: Station) -> None:
    activity, newcomer = station.activity(), uuid4()
    taken = at_once(station, after(10), [lambda: sign_in(station, activity, newcomer)] * 6)
    assert len({pair.id for pair in taken}) == 1
    assert len(station.rows("SELECT * FROM attendance")) == 1


@pytest.mark.parametrize("status", ["left", "merged", "erased"])
def test_who_is_known_to_be_gone_is_not_signed_in(station: Station, status: str) -> None:
    with pytest.raises(NoSuchMember):
        sign_in(station, station.activity(), station.member(status=status))


def test_nobody_signs_in_themselves_or_their_household_or_at_another_station(station: Station) -> None:
    activity, home = station.activity(), uuid4()
    organizer = station.person(Grant(Role.ORGANIZER, HERE), household_id=home)
    for member_id in (own(organizer), station.member(household_id=home)):
        with pytest.raises(OwnCase):
            sign_in(station, activity, member_id, by=organizer)
    with pytest.raises(Forbidden):
        sign_in(station, activity, uuid4(), by=station.person(Grant(Role.ORGANIZER, ELSEWHERE)))
    assert station.rows("SELECT * FROM attendance") == []


def test_nobody_is_signed_in_where_and_when_nobody_can_be(station: Station) -> None:
    activity = station.activity()
    with pytest.raises(NoSuchSite):
        sign_in(station, activity, uuid4(), site_id=uuid4())
    for at in (-61, 181):
        with pytest.raises(ImpossibleTimes):
            sign_in(station, activity, uuid4(), at=at)
    with pytest.raises(ActivityInWrongState):
        sign_in(station, station.draft(), uuid4())
