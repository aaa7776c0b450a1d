"""Many people at the same moment: nothing is doubled, nothing oversold, nobody left without an answer."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from devtools.supervisor import System
from tests.town import Client, Clock, at_once, clients, gather, redeem, rows, verify


def test_fifty_scans_of_one_member_at_once_are_one_attendance(system: System, time: Clock) -> None:
    crowd = gather(system, members=1)
    organizer, member = Client(system, crowd.organizer["token"]), crowd.members[0]
    shown = organizer.get(
        f"/checkin/activities/{crowd.activity_id}/codes", site_id=crowd.site_id, direction="arrival", minutes=2
    ).expect(200)
    # Each code is a scan of its own. At the start of the third one's time all of these four are current.
    valid = shown["codes"][:4]
    now, third = (datetime.fromisoformat(moment) for moment in (shown["server_now"], valid[2]["shown_from"]))
    time.pass_by(third - now + timedelta(seconds=1))

    def scan(code: str) -> str:
        content = {"code": code, "member_ids": [member["member_id"]]}
        answer = Client(system, member["token"]).post("/checkin/scans", content)
        return str(answer.expect(200)["outcomes"][0]["outcome"])

    told = at_once(partial(scan, str(valid[number % 4]["url"])) for number in range(50))
    assert set(told) == {"ok", "duplicate"}
    kept = rows(
        system,
        "checkin",
        "SELECT attendance_id, outcome FROM scan WHERE member_id = %s ORDER BY outcome",
        member["member_id"],
    )
    assert [outcome for _, outcome in kept] == ["duplicate"] * 3 + ["ok"]
    pairs = rows(system, "checkin", "SELECT id FROM attendance WHERE member_id = %s", member["member_id"])
    assert {pair for pair, _ in kept} == {pair for (pair,) in pairs}
    assert len(pairs) == 1
    verify(system)


@pytest.mark.parametrize(("stock", "confirmed"), [(10, 10), (200, 200)])
def test_of_two_hundred_redemptions_at_once_as_many_are_confirmed_as_there_are_gifts(
    system: System, time: Clock, stock: int, confirmed: int
) -> None:
    crowd = gather(system, members=200, stock=stock, served="confirmed")

    def ask(number: int) -> str:
        member = crowd.members[number]
        answer = redeem(Client(system, member["token"]), crowd, member)
        return str(answer.content["state"] if answer.status == 201 else answer.content["code"])

    # The earlier service must have been settled before anybody can spend.
    verify(system)
    answers = Counter(at_once((partial(ask, number) for number in range(200)), threads=200))
    assert answers["confirmed"] == confirmed, answers
    assert set(answers) <= {"confirmed", "out_of_stock"}, answers
    assert rows(system, "rewards", "SELECT on_hand, reserved FROM stock WHERE gift_id = %s", crowd.gift_id) == [
        (stock - confirmed, confirmed)
    ]
    verify(system)


def test_cancelling_while_the_spend_is_under_way_gives_every_point_back(system: System, time: Clock) -> None:
    crowd = gather(system, members=20, stock=20, served="confirmed")
    verify(system)
    ids = [str(uuid4()) for _ in crowd.members]
    everybody = list(zip(clients(system, crowd), crowd.members, ids, strict=True))

    def cancel(client: Client, redemption_id: str) -> int:
        """As soon as it exists, which may be before or after points have answered."""
        for _ in range(200):
            answer = client.post(f"/rewards/redemptions/{redemption_id}/cancel")
            if answer.status != 404:
                return answer.status
        return 404

    acts = [partial(redeem, client, crowd, member, redemption_id) for client, member, redemption_id in everybody]
    at_once(acts + [partial(cancel, client, redemption_id) for client, _, redemption_id in everybody], threads=40)
    verify(system)
    states = rows(
        system, "rewards", "SELECT state, count(*) FROM redemption WHERE gift_id = %s GROUP BY 1", crowd.gift_id
    )
    assert dict(states) == {"cancelled": 20}
    for client, member, _ in everybody:
        assert client.get("/points/balances", member_ids=member["member_id"]).expect(200)[0]["points_available"] == 200
