"""The main job, end to end, through all processes and the public API alone."""

from datetime import timedelta

import pytest

from devtools.crowd import Crowd
from devtools.supervisor import System
from tests.town import Client, Clock, clients, code_now, gather, redeem, verify, wait_for


@pytest.fixture(scope="module")
def time(system: System) -> Clock:
    return Clock(system)


@pytest.fixture(scope="module")
def crowd(system: System, time: Clock) -> Crowd:
    return gather(system, members=3, stock=5, served="confirmed")


def test_service_becomes_points_points_become_a_gift_and_the_board_shows_it(
    system: System, crowd: Crowd, time: Clock
) -> None:
    organizer, staff = Client(system, crowd.organizer["token"]), Client(system, crowd.staff["token"])
    volunteer, member = Client(system, crowd.members[0]["token"]), crowd.members[0]
    mine = {"member_ids": [member["member_id"]]}

    def balance() -> int:
        shown = volunteer.get("/points/balances", member_ids=member["member_id"]).expect(200)
        return int(shown[0]["points_available"])

    wait_for(lambda: balance() == 200, "the earlier service's points")

    arrival = code_now(organizer, crowd, "arrival")
    first = volunteer.post("/checkin/scans", {"code": arrival, **mine}).expect(200)
    assert volunteer.post("/checkin/scans", {"code": arrival, **mine}).expect(200) == first, "a repeat changes nothing"
    presence = organizer.get(f"/checkin/activities/{crowd.activity_id}/presence").expect(200)
    assert presence["present"] == 1

    time.pass_by(timedelta(hours=2, minutes=10))
    left = volunteer.post("/checkin/scans", {"code": code_now(organizer, crowd, "departure"), **mine}).expect(200)
    attendance_id = left["outcomes"][0]["attendance_id"]

    def award() -> dict[str, object]:
        found = volunteer.get("/points/awards", attendance_ids=attendance_id).expect(200)
        return dict(found[0]) if found else {}

    wait_for(lambda: award().get("state") is not None, "the award")
    # 200 of the day's 400 were earned in the morning: hours count whole, points stop at the cap.
    assert (award()["minutes"], award()["points"]) == (130, 200)
    assert "上限" in str(award()["reason"])

    redeemed = redeem(volunteer, crowd, member).expect(201)
    assert redeemed["state"] == "confirmed"
    assert balance() == 300
    voucher = volunteer.get(f"/rewards/redemptions/{redeemed['id']}/voucher").expect(200)
    read = organizer.post("/rewards/vouchers/read", {"code": voucher["code"]}).expect(200)
    assert read["id"] == redeemed["id"]
    issued = organizer.post(f"/rewards/redemptions/{redeemed['id']}/issue").expect(200)
    assert issued["state"] == "fulfilled"

    def board() -> dict[str, object]:
        query = {"node_id": crowd.station_id, "period": "month", "metric": "points", "member_id": member["member_id"]}
        return dict(volunteer.get("/points/boards", **query).expect(200))

    wait_for(lambda: len(board()["rows"]) == 3, "the board")  # type: ignore[arg-type]
    lines = volunteer.get("/points/statement", member_id=member["member_id"], unit="points").expect(200)
    assert [line["points"] for line in lines] == [-100, 200, 200]
    assert staff.get("/members/members", station_id=crowd.station_id).status == 200
    verify(system)


def test_a_volunteer_sees_nobody_elses_things(system: System, crowd: Crowd) -> None:
    mine, other = clients(system, crowd)[1:3], crowd.members[0]["member_id"]
    for path, query in (
        ("/points/balances", {"member_ids": other}),
        ("/points/statement", {"member_id": other, "unit": "points"}),
        ("/checkin/attendances", {"member_id": other}),
        ("/rewards/redemptions", {"member_id": other}),
    ):
        assert mine[0].get(path, **query).status in (403, 404), path


def test_a_revoked_token_ends_within_the_gateways_cache(system: System, crowd: Crowd) -> None:
    client = Client(system, crowd.members[1]["token"])
    (token,) = client.get("/members/tokens").expect(200)
    assert client.get("/members/me").status == 200
    assert client._ask("DELETE", f"/api/v1/members/tokens/{token['id']}").status == 204
    wait_for(lambda: client.get("/members/me").status == 401, "the token's end", seconds=15)
