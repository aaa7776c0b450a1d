"""The desk in front of the real services: found, served, told, taken back, closed."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, hold_activity
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

PRICE = 50


@pytest.fixture
def desk(town: Town) -> Iterator["Desk"]:
    """On the afternoon of a service."""
    with town.at(START + timedelta(hours=3)):
        yield Desk(town)


class Desk:
    """An organizer at the desk, staff, and 陈芳, who has two points; soap, and rice that nobody can pay."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.organizer, self.staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
        self.volunteer = town.person("陈芳")
        self.staff.api("POST", f"/members/members/{self.volunteer.member_id}/confirm")
        self.soap, self.rice = self.gift("香皂", PRICE, limit=3), self.gift("大米", 1800)
        town.deliver()
        self.earn(self.volunteer)
        self.page = f"/desk/serve/{self.volunteer.member_id}"
        self.shown = f"{self.page}?station_id={town.station_id}"

    def gift(self, name: str, points: int, limit: int | None = None, stock: int = 10) -> str:
        gift_id = str(new_id())
        content = {"id": gift_id, "node_id": self.town.station_id, "name": name, "points": points}
        self.staff.api("POST", "/rewards/gifts", content | {"limit_per_quarter": limit})
        movement = {"station_id": self.town.station_id, "kind": "receive", "quantity": stock, "reason": "捐赠"}
        self.staff.api("POST", f"/rewards/gifts/{gift_id}/stock", {"id": str(new_id()), **movement})
        return gift_id

    def earn(self, who: Browser) -> None:
        """Two hours in the morning, confirmed: two points."""
        activity = hold_activity(self.town, self.organizer)
        attend(self.organizer, activity, who, 120)
        self.staff.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        self.town.deliver()

    def serve(self, pieces: Mapping[str, str], status: int = 200) -> Any:
        typed: dict[str, Any] = {f"pieces-{gift_id}": count for gift_id, count in pieces.items()}
        return self.organizer.post(self.shown, self.page, status, **typed)

    def points(self) -> int:
        path = f"/points/balances?member_ids={self.volunteer.member_id}"
        return int(self.volunteer.api("GET", path)[0]["points_available"])


def test_one_person_is_found_served_and_the_slip_is_printed(desk: Desk) -> None:
    asked = desk.organizer.get("/desk/serve?q=陈芳")
    assert asked.request.path == desk.page, "the only match is opened at once"
    for text in ("可用积分", "香皂", "还有 10 件", "本季度还可兑 3 件", "还差"):
        assert text in asked.text
    before = desk.points()
    done = desk.serve({desk.soap: "2"})
    assert "已发放" in done.text
    assert desk.points() == before - 2 * PRICE
    slip = desk.organizer.get(f"{done.request.path}/slip").text
    for text in ("礼品签领单", "陈芳", "香皂", "签名"):
        assert text in slip
    day = desk.organizer.get(f"/desk/slips?station_id={desk.town.station_id}").text
    assert "陈*" in day
    assert "香皂" in day
    assert "本季度还可兑 1 件" in desk.organizer.get(desk.shown).text


def test_a_form_sent_again_after_its_answer_was_lost_is_the_same_receipt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.upstreams import Upstreams

    filled = form_fields(desk.organizer.get(desk.shown).text, desk.page) | {f"pieces-{desk.soap}": "3"}
    through, before = Upstreams.send, desk.points()

    def cut(self: Upstreams, service: str, method: str, target: str, **fields: Any) -> Any:
        answer = through(self, service, method, target, **fields)
        if target.endswith("/desk-orders"):
            raise Unavailable
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Upstreams, "send", cut)
        lost = desk.organizer.client.post(desk.page, data=filled)
    assert lost.status_code == 503
    assert "再按一次" in lost.text
    again = desk.organizer.client.post(desk.page, data=form_fields(lost.text, desk.page) | filled)
    assert again.location == f"/desk/orders/{filled['id']}"
    assert "已发放" in desk.organizer.get(again.location).text
    assert desk.points() == before - 3 * PRICE, "taken once"


def test_what_the_points_do_not_cover_is_said_before_anything_is_taken(desk: Desk) -> None:
    before = desk.points()
    dear = desk.gift("春联", 10, stock=50)
    refused = desk.serve({dear: "40", desk.soap: "1"}, 422)
    assert "还差" in refused.text
    assert desk.points() == before
    assert "请至少给一种礼品填上件数" in desk.serve({}, 422).text
    assert "件数请填整数" in desk.serve({desk.soap: "两件"}, 422).text


def test_while_points_are_away_nothing_is_handed_over_and_it_is_finished_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.rewards.commands import desk_orders

    with monkeypatch.context() as patched:
        patched.setattr(desk_orders, "ask_points", lambda asked: {})
        waiting = desk.serve({desk.soap: "1"})
    assert "这些先不要发" in waiting.text
    finished = desk.organizer.post(waiting.request.path, f"{waiting.request.path}/finish")
    assert "已发放" in finished.text
    assert "这些先不要发" not in finished.text


def test_the_family_is_told_at_home_and_in_the_statement(desk: Desk) -> None:
    desk.serve({desk.soap: "1"})
    home = desk.volunteer.get("/").text
    assert "最近在站里领的" in home
    assert "陈芳在" in home
    assert "经手人 李*" in home
    assert "现场兑换 香皂 × 1，经手人 李*" in desk.volunteer.get("/records/points").text


def test_a_line_is_taken_back_until_the_close_and_not_after(desk: Desk) -> None:
    before = desk.points()
    line = _line_of(desk.serve({desk.soap: "1"}).text)
    back = desk.organizer.post(f"/desk/{line}", f"/desk/{line}/undo", reason="拿错了")
    assert "已收回" in back.text
    desk.town.deliver()
    assert desk.points() == before
    line = _line_of(desk.serve({desk.soap: "1"}).text)
    counted = desk.staff.get("/desk/close").text
    assert "发放 1 件，用去 0.5 积分" in counted
    short: dict[str, Any] = {f"counted-{desk.soap}": "8", f"counted-{desk.rice}": "10"}
    assert "请写明原因" in desk.staff.post("/desk/close", "/desk/close", 422, **short).text
    closed = desk.staff.post("/desk/close", "/desk/close", **short | {f"reason-{desk.soap}": "受潮一块"})
    for text in ("礼品发放日结单", "签字人：周*", "受潮一块", "发放 1 件，等于用去 0.5 积分"):
        assert text in closed.text
    assert "undo" not in desk.organizer.get(f"/desk/{line}").text
    refused = desk.organizer.client.post(
        f"/desk/{line}/undo", data=form_fields(desk.organizer.get("/desk").text, "/desk") | {"reason": "拿错了"}
    )
    assert refused.status_code == 422
    assert "已经日结" in refused.text


def test_a_close_counted_before_something_went_out_is_asked_for_again(desk: Desk) -> None:
    filled = form_fields(desk.staff.get("/desk/close").text, "/desk/close")
    filled |= {f"counted-{desk.soap}": "10", f"counted-{desk.rice}": "10"}
    desk.serve({desk.soap: "1"})
    refused = desk.staff.client.post("/desk/close", data=filled)
    assert refused.status_code == 422
    assert "重新核对" in refused.text
    assert "应存 9 件" in refused.text


def test_nobody_is_served_by_themselves_or_before_staff_has_seen_them(desk: Desk) -> None:
    own = desk.organizer.get(f"/desk/serve/{desk.organizer.member_id}?station_id={desk.town.station_id}").text
    assert "不能为自己或家人办理" in own
    assert "确认发放" not in own
    stranger = desk.town.person("王秀英")
    seen = desk.organizer.get(f"/desk/serve/{stranger.member_id}?station_id={desk.town.station_id}").text
    assert "核实身份" in seen


def test_two_of_one_name_are_told_apart_and_nobody_is_found_in_words(desk: Desk) -> None:
    desk.town.person("陈芳")
    both = desk.organizer.get("/desk/serve?q=陈芳").text
    assert "请选一位" in both
    assert both.count("编号尾号") == 2
    assert "没有找到“赵云”" in desk.organizer.get("/desk/serve?q=赵云").text


def test_the_search_takes_a_voucher_too(desk: Desk) -> None:
    order = {"id": str(new_id()), "gift_id": desk.soap, "station_id": desk.town.station_id}
    redemption = desk.volunteer.api("POST", "/rewards/redemptions", order | {"member_id": desk.volunteer.member_id})
    voucher = desk.volunteer.api("GET", f"/rewards/redemptions/{redemption['id']}/voucher")
    for text in (voucher["code"], voucher["url"]):
        assert desk.organizer.get(f"/desk/serve?q={text}").request.path == f"/desk/{redemption['id']}"


def _line_of(page: str) -> str:
    found = re.search(r'href="/desk/([0-9a-f-]{36})"', page)
    assert found is not None
    return found[1]
