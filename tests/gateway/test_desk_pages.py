"""The desk in front of the real services: found, served, told, taken back, closed."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateway.pages.paper import by_service
from gateway.sessions import BELIEVED_S
from shared import clock
from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, hold_activity
from tests.gateway.real import Browser, Town, form_fields, town
from tests.gateway.test_merging_stations import HEIR, OLD, follow

if TYPE_CHECKING:
    pass

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
    assert "<td>陈芳</td>" in day, "nobody signs beside 陈*"
    assert "香皂" in day
    assert "本季度还可兑 1 件" in desk.organizer.get(desk.shown).text


def test_who_left_the_phone_at_home_gets_what_waits_on_it(desk: Desk) -> None:
    asked = {"id": str(new_id()), "gift_id": desk.soap, "station_id": desk.town.station_id, "points": PRICE}
    desk.volunteer.api("POST", "/rewards/redemptions", {**asked, "member_id": desk.volunteer.member_id, "quantity": 1})
    waiting = f'href="/desk/{asked["id"]}"'
    shown = desk.organizer.get(desk.shown).text
    assert "待领取" in shown
    assert waiting in shown
    issued = desk.organizer.post(f"/desk/{asked['id']}", f"/desk/{asked['id']}/issue").text
    assert "已发放" in issued
    assert waiting not in desk.organizer.get(desk.shown).text


def test_the_receipt_says_what_is_left(desk: Desk) -> None:
    assert f"还剩 {(desk.points() - PRICE) / 100:g} 积分" in desk.serve({desk.soap: "1"}).text


def test_what_is_left_of_a_limit_is_shown_before_choosing_also_of_merged_entries(desk: Desk) -> None:
    twin = desk.town.person("陈芳")
    desk.staff.api("POST", f"/members/members/{twin.member_id}/confirm")
    desk.town.deliver()
    desk.earn(twin)
    theirs: dict[str, Any] = {f"pieces-{desk.soap}": "2"}
    page = f"/desk/serve/{twin.member_id}"
    with desk.town.at(clock.now() + timedelta(seconds=BELIEVED_S)):
        for path in ("/gifts", f"/gifts/{desk.soap}/confirm"):
            assert "本季度还可兑 3 件" in desk.volunteer.get(path).text
        desk.organizer.post(f"{page}?station_id={desk.town.station_id}", page, **theirs)
        merge = {"id": str(new_id()), "merged_id": twin.member_id, "reason": "本人到场"}
        desk.staff.api("POST", f"/members/members/{desk.volunteer.member_id}/merge", merge)
        desk.town.deliver()
        for path in ("/gifts", f"/gifts/{desk.soap}/confirm"):
            assert "本季度还可兑 1 件" in desk.volunteer.get(path).text
        assert "本季度还可兑 1 件" in desk.organizer.get(desk.shown).text
        desk.serve({desk.soap: "1"})
        for browser, path in ((desk.volunteer, "/gifts"), (desk.organizer, desk.shown)):
            assert "本季度已兑满 3 件" in browser.get(path).text


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
    again = desk.organizer.client.post(desk.page, data=form_fields(lost.text, desk.page))
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
    for gift, most in ((desk.soap, 3), (desk.gift("雪梨", 1, stock=6), 6)):
        assert f"最多只能给 {most} 件" in desk.serve({gift: f"{most + 1}"}, 422).text
    assert desk.points() == before


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
    statement = desk.volunteer.get("/records/points").text
    assert "现场兑换 香皂 × 1" in statement
    assert "李*" not in statement, "the ledger is for ever, and whoever stood at the desk may ask to be forgotten"


def test_staff_reads_to_a_person_who_handed_over_what_at_the_desk(desk: Desk) -> None:
    desk.serve({desk.soap: "2"})
    pears = desk.gift("雪梨", 10)
    line = _line_of(desk.serve({pears: "1"}).text)
    desk.organizer.post(f"/desk/{line}", f"/desk/{line}/undo", reason="拿错了")
    desk.town.deliver()
    page = desk.staff.get(f"/staff/members/{desk.volunteer.member_id}/day?day={START.date()}").text
    told = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "现场兑换 香皂 × 2 经办：李组织" in told
    assert "现场兑换 雪梨 × 1 经办：李组织" in told
    assert "收回发放 雪梨 × 1 经办：李组织 原因：拿错了" in told
    assert "积分账：兑换退回 现场兑换 雪梨 × 1" in told


def test_a_line_is_taken_back_until_the_close_and_not_after(desk: Desk) -> None:
    before = desk.points()
    line = _line_of(desk.serve({desk.soap: "1"}).text)
    back = desk.organizer.post(f"/desk/{line}", f"/desk/{line}/undo", reason="拿错了")
    assert "已收回" in back.text
    desk.town.deliver()
    assert desk.points() == before
    order = desk.serve({desk.soap: "1"})
    line = _line_of(order.text)
    assert "日结以前都可以" in order.text
    counted = desk.staff.get("/desk/close").text
    assert "发放 1 件，用去 0.5 积分" in counted
    short: dict[str, Any] = {f"counted-{desk.soap}": "8", f"counted-{desk.rice}": "10"}
    assert "香皂：应存 9 件，实点 8 件，请写明原因" in desk.staff.post("/desk/close", "/desk/close", 422, **short).text
    closed = desk.staff.post("/desk/close", "/desk/close", **short | {f"reason-{desk.soap}": "受潮一块"})
    for text in ("礼品发放日结单", "签字人：周*", "受潮一块", "发放 1 件，等于用去 0.5 积分"):
        assert text in closed.text
    assert "undo" not in desk.organizer.get(f"/desk/{line}").text
    for path in (f"/desk/{line}", order.request.path):
        shown = desk.organizer.get(path).text
        assert "已日结，不能收回，请找工作人员更正" in shown, path
        assert "日结以前都可以" not in shown, path
    refused = desk.organizer.client.post(
        f"/desk/{line}/undo", data=form_fields(desk.organizer.get("/desk").text, "/desk") | {"reason": "拿错了"}
    )
    assert refused.status_code == 422
    assert "已经日结" in refused.text
    auditor = desk.town.person("钱监督", Role.AUDITOR)
    logged = auditor.get("/staff/audit?action=desk.close").text
    (link,) = set(re.findall(r'href="(/desk/closes/[^"]*)"', logged))
    seen = auditor.get(link).text
    assert "受潮一块" in seen
    assert 'href="/staff/audit?action=desk.close"' in seen
    auditor.get("/desk/close", status=403)


def test_on_the_day_after_it_is_said_that_it_is_too_late_to_take_back(desk: Desk) -> None:
    order = desk.serve({desk.soap: "1"})
    with desk.town.at(clock.now() + timedelta(days=1)):
        for path in (f"/desk/{_line_of(order.text)}", order.request.path):
            assert "发放当天已过，不能收回" in desk.organizer.get(path).text, path


def test_a_close_counted_before_something_went_out_is_asked_for_again(desk: Desk) -> None:
    filled = form_fields(desk.staff.get("/desk/close").text, "/desk/close")
    filled |= {f"counted-{desk.soap}": "10", f"counted-{desk.rice}": "10"}
    desk.serve({desk.soap: "1"})
    refused = desk.staff.client.post("/desk/close", data=filled)
    assert refused.status_code == 422
    assert "重新核对" in refused.text
    assert "应存 9 件" in refused.text
    assert "香皂：点数以后又有发放或出入库，原来应存 10 件，现在 9 件" in refused.text
    assert "大米：" not in refused.text, "nothing of it moved"


def test_faults_of_a_close_name_their_gift_and_keep_what_was_typed(desk: Desk) -> None:
    filled = form_fields(desk.staff.get("/desk/close").text, "/desk/close")
    pears = desk.gift("雪梨", 10, stock=6)
    filled |= {f"counted-{desk.soap}": "八块", f"reason-{desk.soap}": "受潮两块", f"counted-{desk.rice}": ""}
    refused = desk.staff.client.post("/desk/close", data=filled)
    assert refused.status_code == 422
    summary, page = refused.text.split("</section>", 1)
    for text in ("香皂：“八块”不是件数", "大米：请填写实际点到的件数", "雪梨：刚有发放或出入库，现在应存 6 件"):
        assert text in summary
        assert text in page, "at the field in the same words"
    for typed in ('value="八块"', 'value="受潮两块"', f'aria-describedby="counted-{pears}-fault"'):
        assert typed in page


def test_a_desk_whose_station_was_merged_at_noon_is_closed_next_door(desk: Desk) -> None:
    town, here = desk.town, f"/staff/nodes/{desk.town.station_id}"
    desk.serve({desk.soap: "2"})
    line: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "gift-1": desk.soap, "pieces-1": "1"}
    line["who-1"] = badge_of(desk)["short_code"]
    assert "已记账" in desk.organizer.post("/desk/typed", "/desk/typed", **line).text
    query = f"closed_on={START.date()}&successor_id={town.nodes[HEIR]}"
    assert "已保存" in town.administrator.post(f"{here}/close?{query}", f"{here}/close").text
    follow(town)
    with town.at(clock.now() + timedelta(seconds=BELIEVED_S)):
        page = desk.staff.get("/desk/close").text
        assert f"{OLD}（已撤并，3 件没有日结）" in page
        assert "发放 3 件" not in page, "the successor's own desk first"
        left = f"/desk/close?station_id={town.station_id}"
        shelf: dict[str, Any] = {f"counted-{desk.soap}": "0"}
        closed = desk.staff.post(left, "/desk/close", **shelf).text
        assert "发放 3 件，等于用去 1.5 积分" in closed
        assert OLD in closed
        assert "已撤并" not in desk.staff.get("/desk/close").text
        slips = desk.organizer.get(f"/desk/slips?station_id={town.nodes[HEIR]}").text
        assert OLD in slips
        assert "香皂" in slips
        again = desk.organizer.post("/desk/typed", "/desk/typed", **line).text
        assert "已经登记过" in again, "typed in at the old desk, and once more at the new"
        assert desk.points() == 50


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


def test_who_is_found_by_four_digits_says_which_number_ends_so(desk: Desk) -> None:
    number = desk.staff.api("GET", f"/members/members/{desk.volunteer.member_id}")["volunteer_number"]
    phone = f"1390000{number[-4:]}"
    content = {"id": str(new_id()), "name": "赵云", "station_id": desk.town.station_id, "phone": phone}
    desk.staff.api("POST", "/members/members", content)
    found = desk.organizer.get(f"/desk/serve?q={number[-4:]}").text.partition("请选一位")[2]
    lines = {name: line for line in found.split("<li") for name in ("陈芳", "赵云") if name in line}
    assert "编号尾号相符" in lines["陈芳"]
    assert "手机尾号相符" in lines["赵云"]
    desk.town.person("陈芳")
    assert "相符" not in desk.organizer.get("/desk/serve?q=陈芳").text


def test_the_search_takes_a_voucher_too(desk: Desk) -> None:
    order = {"id": str(new_id()), "gift_id": desk.soap, "station_id": desk.town.station_id}
    redemption = desk.volunteer.api("POST", "/rewards/redemptions", order | {"member_id": desk.volunteer.member_id})
    voucher = desk.volunteer.api("GET", f"/rewards/redemptions/{redemption['id']}/voucher")
    for text in (voucher["code"], voucher["url"]):
        assert desk.organizer.get(f"/desk/serve?q={text}").request.path == f"/desk/{redemption['id']}"


# --- On paper -----------------------------------------------------------------------------------------


def badge_of(desk: Desk) -> dict[str, Any]:
    query = f"node_id={desk.town.station_id}&member_id={desk.volunteer.member_id}"
    (badge,) = desk.organizer.api("GET", f"/members/badges?{query}")
    return dict(badge)


def test_a_line_of_a_day_to_come_is_refused_and_one_without_a_time_was_before_now(desk: Desk) -> None:
    line: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "gift-1": desk.soap, "pieces-1": "1"}
    line["who-1"] = badge_of(desk)["short_code"]
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    assert "发放的时间还没有到" in desk.organizer.post("/desk/typed", "/desk/typed", **line, day=tomorrow).text
    with desk.town.at(START):
        assert "已记账" in desk.organizer.post("/desk/typed", "/desk/typed", **line).text, "at nine, noon is to come"


def test_the_passbook_tells_a_merged_entrys_service_by_its_own_name_and_day(desk: Desk) -> None:
    stays = desk.town.person("陈芳二")
    here = f"/staff/members/{desk.volunteer.member_id}/merge"
    with_it = f"{here}?with={stays.member_id}"
    before = desk.staff.get(f"/staff/members/{desk.volunteer.member_id}/passbook").text
    desk.staff.post(with_it, here, stays=stays.member_id, reason="本人到场")
    desk.town.deliver()
    after = desk.staff.get(f"/staff/members/{stays.member_id}/passbook").text
    assert "并入" not in after
    assert after.partition("<h2>")[2] == before.partition("<h2>")[2], "every line as it was"


def test_hours_in_the_passbook_stand_in_the_order_of_service() -> None:
    booked = [("2026-11-26", 60, 180), ("2026-08-29", 90, 120), ("2026-09-03", 30, 30)]
    lines = [{"service_day": day, "minutes": minutes, "balance_after": after} for day, minutes, after in booked]
    ordered = [(line["service_day"], line["balance_after"]) for line in by_service(lines)]
    assert ordered == [("2026-08-29", 90), ("2026-09-03", 120), ("2026-11-26", 180)]


# --- In a browser -------------------------------------------------------------------------------------


def test_the_very_same_again_within_minutes_is_asked_about(desk: Desk) -> None:
    before = desk.points()
    desk.serve({desk.soap: "1"})
    asked = desk.serve({desk.soap: "1"}, 422)
    assert "12:00 刚给这位发过同样的礼品" in asked.text
    assert desk.points() == before - PRICE
    typed = form_fields(asked.text, desk.page) | {f"pieces-{desk.soap}": "1"}
    assert desk.organizer.client.post(desk.page, data=typed).location == f"/desk/orders/{typed['id']}"
    assert desk.points() == before - 2 * PRICE, "pressed again it is meant"
    with desk.town.at(START + timedelta(hours=3, minutes=11)):
        assert "已发放" in desk.serve({desk.soap: "1"}).text


def _line_of(page: str) -> str:
    found = re.search(r'href="/desk/([0-9a-f-]{36})"', page)
    assert found is not None
    return found[1]
