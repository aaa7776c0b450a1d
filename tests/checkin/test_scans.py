"""Scanning a place code: what becomes of it, and that it becomes that only once."""

from tests.checkin.support import Station, after, own


def test_a_member_arrives_and_leaves_and_the_minutes_are_told_to_points(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    arrival = station.scan(volunteer, activity, "arrival", after(-10))
    assert (arrival.outcome, arrival.marks) == ("ok", ("early",))
    departure = station.scan(volunteer, activity, "departure", after(130))
    assert (departure.outcome, departure.waits) == ("ok", False)
    [told] = station.told()
    assert (told["member_id"], told["minutes"], told["activity_minutes"]) == (str(own(volunteer)), 130, 180)
    assert (told["evidence"], told["state"], told["version"]) == ("own_scan", "confirmed", 1)
