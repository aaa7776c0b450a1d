"""Many people at the same moment, on whatever processes there are."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from devtools.supervisor import System
from tests.town import Client, Clock, at_once, gather, redeem, rows, verify


def scan_fifty_times_at_once(system: System, time: Clock) -> None:
    """Fifty scans of one member, with four codes, are one attendance; each code's first scan is kept."""
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


def redeem_two_hundred_at_once(system: System, stock: int) -> None:
    """Two hundred members want one each: as many are confirmed as there are, and nobody is left without an answer."""
    crowd = gather(system, members=200, stock=stock, served="confirmed")

    def ask(number: int) -> str:
        member = crowd.members[number]
        answer = redeem(Client(system, member["token"]), crowd, member)
        return str(answer.content["state"] if answer.status == 201 else answer.content["code"])

    # The earlier service must have been settled before anybody can spend.
    verify(system)
    answers = Counter(at_once((partial(ask, number) for number in range(200)), threads=200))
    assert answers["confirmed"] == stock, answers
    assert set(answers) <= {"confirmed", "out_of_stock"}, answers
    assert rows(system, "rewards", "SELECT on_hand, reserved FROM stock WHERE gift_id = %s", crowd.gift_id) == [
        (0, stock)
    ]
    verify(system)
