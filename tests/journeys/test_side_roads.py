"""What does not go straight, through all processes: a newcomer, a change of mind, a mistake found too late, a fact
that nobody takes in.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from devtools.children import wait_until
from devtools.supervisor import System
from shared.ids import new_id
from tests.pages.town import PASSWORD, Town, Visitor
from tests.town import Clock, rows, verify

PATIENCE_S = 60


@pytest.fixture(scope="module")
def town(system: System) -> Town:
    time = Clock(system)
    founded = Town.found(system)
    founded.hours_gone = time.offset / timedelta(hours=1)
    founded.wait_for_station()
    return founded


def balance(town: Town, member_id: str) -> tuple[int, int]:
    """Points to spend, and points owed (待抵扣)."""
    (shown,) = town.api("GET", f"/points/balances?member_ids={member_id}", None, town.organizer)
    return shown["points_available"], shown["points_debt"]


def wait_for_balance(town: Town, member_id: str, available: int, debt: int = 0) -> None:
    wanted = (available, debt)
    wait_until(lambda: balance(town, member_id) == wanted, f"a balance of {wanted}", PATIENCE_S)


def redeem(town: Town, who: Visitor, gift_id: str) -> Any:
    order = {"id": str(new_id()), "gift_id": gift_id, "station_id": town.station_id, "member_id": who.member_id}
    return town.ask("POST", "/rewards/redemptions", order, town.token(PHONE_OF[who.member_id]))


PHONE_OF: dict[str, str] = {}
"""By member."""


def attendances_of(town: Town, who: Visitor) -> list[dict[str, Any]]:
    return list(town.api("GET", f"/checkin/attendances?member_id={who.member_id}", None, town.organizer))


def newcomer(town: Town, phone: str, code: str) -> Visitor:
    """Somebody whom a code on a screen makes register."""
    stranger = town.visitor()
    assert stranger.open(code).path.startswith("/login")
    shown = stranger.post(
        f"/register?station_id={town.station_id}", "/register",
        name="新来的人", phone=phone, password=PASSWORD, terms="1", privacy="1",
    )  # fmt: skip
    assert shown.path == "/scan", shown.words
    assert "签到成功" in stranger.post("/scan", "/scan").words
    (stranger.member_id,) = (each["id"] for each in town.api("GET", "/members/me", None, town.token(phone))["members"])
    PHONE_OF[stranger.member_id] = phone
    return stranger


def volunteer(town: Town, name: str) -> Visitor:
    who = town.visitor()
    phone, who.member_id = town.register(name)
    PHONE_OF[who.member_id] = phone
    town.confirm(who.member_id)
    assert who.log_in(phone).status == 200
    return who


def test_who_registers_while_scanning_redeems_once_confirmed_and_changes_their_mind(system: System, town: Town) -> None:
    activity = town.publish("楼道大扫除")
    who = newcomer(town, "13811110001", town.code(activity, "arrival"))
    town.pass_hours(2)
    who.open(town.code(activity, "departure"))
    assert "签退成功" in who.post("/scan", "/scan").words
    wait_until(lambda: balance(town, who.member_id)[0] >= 200, "the award", PATIENCE_S)
    earned, _ = balance(town, who.member_id)

    gift_id = town.offer("香皂", hundredths=100)
    status, refused = redeem(town, who, gift_id)
    assert (status, refused["code"]) == (422, "not_confirmed"), "nobody has seen who this is"
    assert balance(town, who.member_id) == (earned, 0)
    town.api("POST", f"/members/members/{who.member_id}/confirm", None, town.organizer)
    confirmed = "SELECT count(*) FROM member_card WHERE member_id = %s AND confirmed"
    wait_until(lambda: rows(system, "rewards", confirmed, who.member_id)[0][0] == 1, "the news", PATIENCE_S)

    status, redemption = redeem(town, who, gift_id)
    assert (status, redemption["state"]) == (201, "confirmed"), redemption
    assert balance(town, who.member_id) == (earned - 100, 0)
    shown = who.post(f"/redemptions/{redemption['id']}/cancel", f"/redemptions/{redemption['id']}/cancel")
    assert "已取消" in shown.words
    wait_for_balance(town, who.member_id, earned)
    desk = town.ask("POST", f"/rewards/redemptions/{redemption['id']}/issue", {}, town.organizer)
    assert desk[0] == 422, "nothing is handed over for it any more"
    verify(system)


def test_what_was_spent_before_a_mistake_was_found_is_owed_and_paid_by_later_service(
    system: System, town: Town
) -> None:
    who = volunteer(town, "陈芳")
    town.serve(who)
    wait_until(lambda: balance(town, who.member_id)[0] > 0, "the award", PATIENCE_S)
    earned, _ = balance(town, who.member_id)
    status, redemption = redeem(town, who, town.offer("大米", hundredths=earned))
    assert (status, redemption["state"]) == (201, "confirmed"), redemption
    town.api("POST", f"/rewards/redemptions/{redemption['id']}/issue", {}, town.organizer)

    (served,) = attendances_of(town, who)
    left = datetime.fromisoformat(served["arrived_at"]) + timedelta(minutes=96)
    correction = {
        "version": served["version"], "arrived_at": served["arrived_at"], "left_at": left.isoformat(),
        "reason": "签退时间有误",
    }  # fmt: skip
    town.api("POST", f"/checkin/attendances/{served['id']}/correct", correction, town.organizer)
    owed = earned - 160
    wait_for_balance(town, who.member_id, 0, owed)

    town.pass_hours(24)
    if who.open("/records").path.startswith("/login"):
        who.log_in(PHONE_OF[who.member_id])
    town.serve(who)
    wait_until(lambda: balance(town, who.member_id)[0] > 0, "the next award", PATIENCE_S)
    assert balance(town, who.member_id)[1] == 0, "the award pays what is owed first"

    newest = attendances_of(town, who)[0]
    town.api("POST", f"/checkin/attendances/{newest['id']}/annul", {"reason": "未到现场"}, town.organizer)
    wait_for_balance(town, who.member_id, 0, owed)
    statement = town.api("GET", f"/points/statement?member_id={who.member_id}", None, town.organizer)
    assert sum(line["points"] for line in statement) == 0
    verify(system)


def test_a_fact_nobody_takes_in_is_shown_sent_again_and_settled(system: System, town: Town) -> None:
    who = volunteer(town, "王秀英")
    activity = town.publish()
    who.open(town.code(activity, "arrival"))
    assert "签到成功" in who.post("/scan", "/scan").words
    town.pass_hours(2)
    who.open(town.code(activity, "departure"))
    system.stop_part("worker")
    assert "签退成功" in who.post("/scan", "/scan").words
    # As if check-in were newer than points.
    rename = "UPDATE outbox SET name = %s WHERE body->>'member_id' = %s AND name = %s RETURNING id"
    changed = rows(system, "checkin", rename, "AttendanceSettledAnew", who.member_id, "AttendanceSettled")
    assert len(changed) == 1
    system.restart_part("worker")
    dead = "SELECT count(*) FROM outbox WHERE id = %s AND dead_at IS NOT NULL"
    wait_until(lambda: rows(system, "checkin", dead, changed[0][0])[0][0] == 1, "the dead letter", PATIENCE_S)
    assert balance(town, who.member_id) == (0, 0)

    administrator = town.visitor()
    administrator.log_in("13700000001")
    assert "AttendanceSettledAnew" in administrator.open("/staff/stuck").text
    # As if points had been brought up to date.
    rows(system, "checkin", rename, "AttendanceSettled", who.member_id, "AttendanceSettledAnew")
    done = administrator.post("/staff/stuck", f"/staff/stuck/checkin/{changed[0][0]}")
    assert "AttendanceSettledAnew" not in done.text
    wait_until(lambda: balance(town, who.member_id)[0] >= 200, "the award", PATIENCE_S)
    assert "已到账" in who.open("/records").words
    audited = "SELECT count(*) FROM audit_log WHERE action = 'dead_letter.requeue' AND subject_id = %s"
    assert rows(system, "checkin", audited, changed[0][0]) == [(1,)]
    verify(system)
