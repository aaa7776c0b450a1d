"""Many people at the same moment: nothing is doubled, nothing oversold, nobody left without an answer."""

from functools import partial
from uuid import uuid4

import pytest

from devtools.supervisor import System
from tests.faults import rush
from tests.town import Client, Clock, at_once, clients, gather, redeem, rows, verify


def test_fifty_scans_of_one_member_at_once_are_one_attendance(system: System, time: Clock) -> None:
    rush.scan_fifty_times_at_once(system, time)


@pytest.mark.parametrize("stock", [10, 200])
def test_of_two_hundred_redemptions_at_once_as_many_are_confirmed_as_there_are_gifts(
    system: System, time: Clock, stock: int
) -> None:
    rush.redeem_two_hundred_at_once(system, stock)


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
