"""Many people at the same moment: nothing is doubled, nothing oversold, nobody left without an answer."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from devtools.crowd import GIFT_POINTS
from devtools.supervisor import System
from services.rewards.commands.redemptions import WORKER_TAKES_OVER
from tests.faults import rush
from tests.town import Client, Clock, at_once, clients, gather, redeem, rows, verify


# Fifty scans of one member, and two hundred who want ten, are tried where two processes of every service answer
# (test_settlement).
def test_two_hundred_redemptions_of_two_hundred_at_once_are_all_confirmed(system: System, time: Clock) -> None:
    rush.redeem_two_hundred_at_once(system, stock=200)


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


def test_phones_desks_and_paper_at_once_spend_no_point_twice(system: System, time: Clock) -> None:
    """Everybody can pay two, and closes count what goes out while it does."""
    crowd = gather(system, members=4, stock=40, served="confirmed")
    verify(system)
    desk, staff = Client(system, crowd.organizer["token"]), Client(system, crowd.staff["token"])
    line = {"gift_id": crowd.gift_id, "quantity": 1, "points": GIFT_POINTS}

    written = {"list_number": "250101-AB23CE", "handed_over_at": time.now.isoformat()}

    def serve(member: dict[str, str], paper_line: int | None) -> str:
        order: dict[str, Any] = {"station_id": crowd.station_id, "member_id": member["member_id"], "lines": [line]}
        if paper_line is None:
            order["id"] = str(uuid4())
        else:
            order["id"] = str(uuid5(NAMESPACE_OID, f"{member['member_id']} {paper_line}"))
            order["paper"] = {**written, "line": paper_line}
        told = desk.post("/rewards/desk-orders", order)
        return str(told.content["lines"][0]["state"] if told.status == 201 else told.content["code"])

    def order_by_phone(member: dict[str, str]) -> str:
        told = redeem(Client(system, member["token"]), crowd, member)
        return str(told.content["state"] if told.status == 201 else told.content["code"])

    def close() -> str:
        to_count = staff.get(f"/rewards/stations/{crowd.station_id}/to-count").expect(200)
        counts = [
            {name: one[name] for name in ("gift_id", "pieces", "expected")} | {"counted": one["expected"]}
            for one in to_count
        ]
        told = staff.post(
            "/rewards/desk-closes", {"id": str(uuid4()), "station_id": crowd.station_id, "counts": counts}
        )
        return "closed" if told.status == 201 else str(told.content["code"])

    acts: list[Callable[[], str]] = []
    for member in crowd.members:
        acts += [partial(order_by_phone, member), partial(serve, member, None)] * 2
        acts += [partial(serve, member, 3)] * 2 + [partial(serve, member, 4), close]
    told = Counter(at_once(acts, threads=len(acts)))
    known = {"confirmed", "fulfilled", "requested", "declined", "closed", "counted_meanwhile"}
    assert set(told) <= known, told
    time.pass_by(WORKER_TAKES_OVER + timedelta(seconds=1))
    verify(system)
    for client, member in zip(clients(system, crowd), crowd.members, strict=True):
        left = client.get("/points/balances", member_ids=member["member_id"]).expect(200)[0]["points_available"]
        paid = "SELECT count(*) FROM redemption WHERE member_id = %s AND state IN ('confirmed', 'fulfilled')"
        assert (left, rows(system, "rewards", paid, member["member_id"])[0][0]) == (0, 2)
    assert rows(system, "rewards", "SELECT on_hand FROM stock WHERE gift_id = %s", crowd.gift_id) == [(32,)]
