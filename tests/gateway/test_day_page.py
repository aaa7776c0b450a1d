"""One person, one day: what staff reads to somebody who says that points are missing."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import Browser, Town, token_of, town

__all__ = ["town"]

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
"""Saturday at nine, in Shanghai."""
DAY = "2026-11-21"


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Saturday:
    """An activity of three hours with its organizer, a member of staff and an auditor."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.organizer, self.staff = town.person("李组长", Role.ORGANIZER), town.person("周站长", Role.STAFF)
        self.auditor = town.person("郑监督", Role.AUDITOR)
        self.site_id, self.activity_id = str(new_id()), str(new_id())
        self.organizer.api("POST", "/checkin/activities", self._activity())
        self.organizer.api("POST", f"/checkin/activities/{self.activity_id}/publish")

    def _activity(self) -> dict[str, Any]:
        return {
            "id": self.activity_id,
            "title": "楼道大扫除",
            "category": "stairwell",
            "station_id": self.town.station_id,
            "place": "东门",
            "starts_at": START.isoformat(),
            "ends_at": after(180).isoformat(),
            "sites": [{"id": self.site_id, "name": "东门", "place": "东门岗亭"}],
        }

    def scan(self, who: Browser, direction: str, minutes: float, *, read_after: float = 0) -> str:
        """The outcome of a code that was shown so many minutes before it is read."""
        with self.town.at(after(minutes)):
            query = f"site_id={self.site_id}&direction={direction}&minutes=1"
            code = self.organizer.api("GET", f"/checkin/activities/{self.activity_id}/codes?{query}")["codes"][0]["url"]
        with self.town.at(after(minutes + read_after)):
            headers = {"Huzhu-Csrf": token_of(who.client)}
            content = {"code": code, "member_ids": [who.member_id]}
            answer = who.client.post("/api/v1/checkin/scans", json=content, headers=headers).json
        assert answer is not None
        return str((answer.get("errors") or answer)["outcomes"][0]["outcome"])

    def attendance_id(self, who: Browser) -> str:
        return str(who.api("GET", f"/checkin/attendances?member_id={who.member_id}")[0]["id"])

    def act(self, who: Browser, verb: str, minutes: float = 200, **content: Any) -> None:
        with self.town.at(after(minutes)):
            self.organizer.api("POST", f"/checkin/attendances/{self.attendance_id(who)}/{verb}", content or None)

    def sweep(self, minutes: float) -> None:
        from services.checkin.commands.attendances import depart_automatically

        with self.town.at(after(minutes)), self.town.apps["checkin"].app_context():
            depart_automatically()

    def deliver(self, minutes: float = 300) -> None:
        with self.town.at(after(minutes)):
            self.town.deliver()

    def page(self, reader: Browser, who: Browser, status: int = 200) -> str:
        with self.town.at(after(400)):
            return reader.get(f"/staff/members/{who.member_id}/day?day={DAY}", status).text

    def read(self, reader: Browser, who: Browser, status: int = 200) -> str:
        """The page as text, one thing a line."""
        page = self.page(reader, who, status)
        text = re.sub(r"<[^>]*>", "\n", page.partition("<main")[2].partition(">")[2].partition("</main>")[0])
        return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@pytest.fixture
def saturday(town: Town) -> Saturday:
    return Saturday(town)


def test_a_forgotten_departure_is_told_in_one_sentence(saturday: Saturday) -> None:
    who = saturday.town.person("陈芳")
    assert saturday.scan(who, "arrival", 5) == "ok"
    saturday.sweep(250)
    told = saturday.read(saturday.staff, who)
    assert "签到成功，签退没有扫，系统按活动结束时间签退，等负责人确认。" in told
    assert told.index("扫码签到") < told.index("系统代为签退")


def test_who_came_before_the_start_is_told_from_when_time_counts(saturday: Saturday) -> None:
    who, punctual = saturday.town.person("陈芳"), saturday.town.person("王秀英")
    for one, minutes in ((who, -40), (punctual, 0)):
        assert saturday.scan(one, "arrival", minutes) == "ok"
        assert saturday.scan(one, "departure", 170) == "ok"
    told = saturday.read(saturday.staff, who)
    assert "签到成功，来得早，服务时长从活动开始算起，签退成功，两次扫码都及时，自动确认" in told
    assert "2 小时 50 分钟" in told
    assert "来得早" not in saturday.read(saturday.staff, punctual)


def test_a_refused_scan_says_why_and_what_the_member_was_told(saturday: Saturday) -> None:
    who = saturday.town.person("陈芳")
    assert saturday.scan(who, "arrival", 20, read_after=45) == "expired_code"
    assert saturday.scan(who, "departure", 100) == "not_qualified"
    told = saturday.read(saturday.staff, who)
    assert "扫签到码，没有记上\n楼道大扫除 · 东门 · 南昌路社区实践站\n码已经过期，没有对着现场的屏幕扫" in told
    assert "当时的提示：二维码已经换了，请对着现场的屏幕重新扫码" in told
    assert told.index("扫签到码，没有记上") < told.index("扫签退码，没有记上")
    assert "现在怎样" not in told


def test_a_late_scan_and_the_nod_for_it_are_told_with_who_nodded(saturday: Saturday) -> None:
    who = saturday.town.person("陈芳")
    assert saturday.scan(who, "arrival", 5, read_after=10) == "late_scan"
    assert saturday.scan(who, "departure", 170.5) == "ok"
    assert "签到成功，但码读得比较晚，签退成功，留意：扫得晚，等负责人确认。" in saturday.read(saturday.staff, who)
    saturday.act(who, "confirm")
    waiting = saturday.read(saturday.staff, who)
    assert "由 李组长 确认，正在送往积分，还没有记账" not in waiting
    assert "由 李组长 确认，正在送往积分。" in waiting
    saturday.deliver()
    booked = saturday.read(saturday.staff, who)
    assert "由 李组长 确认，已到账 2.58 积分。" in booked
    assert "确认时长\n楼道大扫除\n经办：李组长" in booked
    assert "+2.58，余额 2.58" in booked


def test_a_correction_and_an_annulment_are_told_with_reason_and_what_they_took(saturday: Saturday) -> None:
    who = saturday.town.person("陈芳")
    saturday.scan(who, "arrival", 0)
    saturday.scan(who, "departure", 180)
    saturday.deliver(190)
    times = {"arrived_at": START.isoformat(), "left_at": after(120).isoformat()}
    saturday.act(who, "correct", 200, version=1, reason="提前走了", **times)
    saturday.deliver(210)
    corrected = saturday.read(saturday.staff, who)
    assert "时间已更正（李组长），原因：提前走了，已到账 2 积分。" in corrected
    assert "已确认 11月21日 周六 09:00–12:00 → 已更正 11月21日 周六 09:00–11:00" in corrected
    saturday.act(who, "annul", 220, reason="记错了人")
    saturday.deliver(230)
    annulled = saturday.read(saturday.staff, who)
    assert "已撤销（李组长），原因：记错了人，积分和时长已扣回。" in annulled
    assert "−2，余额 0" in annulled


def test_what_points_will_not_take_in_waits_for_the_administrator(saturday: Saturday) -> None:
    who = saturday.town.person("陈芳")
    saturday.scan(who, "arrival", 0)
    saturday.scan(who, "departure", 180)
    with saturday.town.apps["checkin"].app_context():
        from sqlalchemy import text

        from shared.db import transactional

        dies = text("UPDATE outbox SET dead_at = created_at, error = 'no_rule' WHERE name = 'AttendanceSettled'")
        transactional(lambda tx: tx.execute(dies))()
    assert "自动确认，没有送到积分，等管理员处理。" in saturday.read(saturday.auditor, who)


def test_who_is_organizer_there_sees_what_happened_there_and_nobody_elsewhere_sees_anything(
    saturday: Saturday,
) -> None:
    town = saturday.town
    who, other = town.person("陈芳"), town.person("王秀英")
    saturday.scan(who, "arrival", 0)
    seen = saturday.read(saturday.organizer, who)
    assert "扫码签到" in seen
    assert "只看得到在您负责的地方发生的事。" in seen
    record = 'href="/organize/activities/'
    assert record in saturday.page(saturday.organizer, who)
    assert record not in saturday.page(saturday.auditor, who), "records are not an auditor's"
    assert "您没有权限" in saturday.read(saturday.organizer, other, 403)
    saturday.read(other, who, 403)


def test_a_gift_of_the_day_is_told_with_who_handed_it_over(saturday: Saturday) -> None:
    town, who = saturday.town, saturday.town.person("陈芳")
    saturday.staff.api("POST", f"/members/members/{who.member_id}/confirm")
    town.deliver()
    saturday.scan(who, "arrival", -5)
    saturday.scan(who, "departure", 181)
    saturday.deliver(190)
    gift = {"id": str(new_id()), "node_id": town.station_id, "name": "香皂", "points": 100}
    saturday.staff.api("POST", "/rewards/gifts", gift)
    stock = {"id": str(new_id()), "station_id": town.station_id, "kind": "receive", "quantity": 5, "reason": "捐赠"}
    saturday.staff.api("POST", f"/rewards/gifts/{gift['id']}/stock", stock)
    order = {"id": str(new_id()), "gift_id": gift["id"], "station_id": town.station_id, "member_id": who.member_id}
    with town.at(after(240)):
        assert who.api("POST", "/rewards/redemptions", order)["state"] == "confirmed"
        saturday.organizer.api("POST", f"/rewards/redemptions/{order['id']}/issue")
        saturday.organizer.api("POST", f"/rewards/redemptions/{order['id']}/undo", {"reason": "发错了"})
    told = saturday.read(saturday.staff, who)
    assert "−1，余额 2" in told
    assert re.search(r"发放礼品\n香皂 × 1\n经办：李组长[^收]*收回发放\n香皂 × 1\n经办：李组长\n原因：发错了", told)
