"""Members who were merged in the middle of an activity: the stay that is open is left, and nobody comes twice."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.checkin.commands import scans
from services.checkin.queries import get_attendance, list_attendances
from shared import clock, copies
from shared.db import transactional
from shared.principal import Principal
from tests.checkin.support import Station, after, own


def merge(station: Station, goes: UUID, into: UUID) -> None:
    card = replace(station.card(goes), version=2, status="merged", merged_into=into)
    transactional(copies.take_members)([card])


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
