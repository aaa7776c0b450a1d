"""The desk with paper: badges, the balance list and what is typed in from it, the passbook, and numbers to call."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from tests.gateway.real import form_fields, town
from tests.gateway.test_desk_pages import PRICE, Desk, _line_of, badge_of, desk

if TYPE_CHECKING:
    pass

__all__ = ["desk", "town"]


def test_a_badge_and_a_short_code_open_the_person_until_the_badge_is_lost(desk: Desk) -> None:
    badge = badge_of(desk)
    for text in (badge["badge"], badge["badge"].lower(), badge["short_code"], badge["volunteer_number"]):
        assert desk.organizer.get(f"/desk/serve?q={text}").request.path == desk.page
    lost = f"/staff/members/{desk.volunteer.member_id}/badge"
    assert "旧证已作废" in desk.staff.post(lost, lost).text
    void = desk.organizer.get(f"/desk/serve?q={badge['badge']}")
    assert "已经挂失" in void.text
    assert desk.organizer.get(f"/desk/serve?q={badge_of(desk)['badge']}").request.path == desk.page


def test_a_name_of_eight_letters_is_no_short_code(desk: Desk) -> None:
    desk.town.person("陈芳芳芳")
    assert "陈芳芳芳" in desk.organizer.get("/desk/serve?q=chenfang").text


def test_the_balance_list_has_points_limits_and_room_to_sign(desk: Desk) -> None:
    desk.serve({desk.soap: "1"})
    listed = desk.organizer.get(f"/desk/list?station_id={desk.town.station_id}").text
    for text in ("单号", "打印时间", "陈芳", "香皂还可 2 件", "签名"):
        assert text in listed
    code = badge_of(desk)["short_code"]
    assert f"{code[:4]} {code[4:]}" in listed
    assert desk.organizer.get(f"/desk/paper?station_id={desk.town.station_id}").text.count("/desk/badges") > 1


def test_a_paper_list_is_typed_in_twice_and_booked_once(desk: Desk) -> None:
    before, code = desk.points(), badge_of(desk)["short_code"]
    typed: dict[str, Any] = {"list_number": "250101-ab23"}
    typed |= {"line-1": "3", "who-1": code, "gift-1": desk.soap, "pieces-1": "2", "at-1": "9:40"}
    typed |= {"line-2": "9", "who-2": code, "gift-2": desk.rice, "pieces-2": "1"}
    for repeated in (False, True):
        told = desk.organizer.post("/desk/typed", "/desk/typed", **typed).text
        assert "香皂 × 2：已记账" in told
        assert ("这一行已经登记过" in told) is repeated
        assert "大米 × 1：没有扣积分" in told
        assert desk.points() == before - 2 * PRICE
    other = desk.organizer.post("/desk/typed", "/desk/typed", **typed | {"pieces-1": "1"}).text
    assert "陈*，香皂 × 2" in other
    assert "和这次写的不一样" in other
    assert desk.points() == before - 2 * PRICE
    desk.staff.api("PATCH", f"/rewards/gifts/{desk.soap}", {"points": 2 * PRICE})
    dearer = desk.organizer.post("/desk/typed", "/desk/typed", **typed | {"at-1": "10:15"}).text
    assert "这一行已经登记过" in dearer, "whatever the price and the time are now"
    assert "大米 × 1：没有扣积分" in dearer
    assert desk.points() == before - 2 * PRICE
    wrong = desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed | {"who-1": "QQQQQQQQ", "pieces-2": "x"})
    assert "件数请填整数" in wrong.text
    for number in ("12", "261125-AB2", "261125AB23", "261125-AB23C", "261125-AAAAAA"):
        refused = desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed | {"list_number": number})
        assert "照名单上面的单号" in refused.text
    unknown = desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed | {"who-1": "QQQQQQQQ"})
    assert "没有这个短码或编号" in unknown.text


def test_a_line_that_came_to_nothing_stands_on_the_page_of_its_day_until_it_is_made_good(desk: Desk) -> None:
    line: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "gift-1": desk.rice, "pieces-1": "1"}
    line["who-1"] = badge_of(desk)["short_code"]
    desk.organizer.post("/desk/typed", "/desk/typed", **line)
    shown = desk.organizer.get("/desk/typed").text
    assert "没有办成的" in shown
    assert "250101-AB23 · 大米 × 1" in shown
    before = (clock.today() - timedelta(days=1)).isoformat()
    assert "没有办成的" not in desk.organizer.get(f"/desk/typed?day={before}").text
    soap = desk.organizer.post("/desk/typed", "/desk/typed", **line | {"gift-1": desk.soap}).text
    assert "香皂 × 1：已记账" in soap, "it was soap, and rice by mistake"
    assert "没有办成的" not in desk.organizer.get("/desk/typed").text


def test_a_line_in_which_no_gift_was_chosen_books_none(desk: Desk) -> None:
    preset = form_fields(desk.organizer.get("/desk/typed").text, "/desk/typed")
    assert {preset[f"gift-{row}"] for row in range(1, 16)} == {""}, "the first of the list is nobody's choice"
    before = desk.points()
    line: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "pieces-1": "1"}
    line["who-1"] = badge_of(desk)["short_code"]
    assert "请选择礼品" in desk.organizer.post("/desk/typed", "/desk/typed", 422, **line).text
    assert desk.points() == before
    told = desk.organizer.post("/desk/typed", "/desk/typed", **line | {"gift-1": desk.soap}).text
    assert told.count("香皂 × 1：已记账") == 1, "said once"


def test_a_line_that_names_two_people_is_a_question_and_books_nothing(desk: Desk) -> None:
    before, badge, other = desk.points(), badge_of(desk), desk.town.person("王秀英")
    desk.staff.api("POST", f"/members/members/{other.member_id}/confirm")
    query = f"node_id={desk.town.station_id}&member_id={other.member_id}"
    (others,) = desk.organizer.api("GET", f"/members/badges?{query}")
    typed: dict[str, Any] = {"list_number": "250101-AB23"}
    for row, who in (("1", badge["volunteer_number"]), ("2", others["short_code"])):
        typed |= {f"line-{row}": "3", f"who-{row}": who, f"gift-{row}": desk.soap, f"pieces-{row}": "1"}
    asked = desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed).text
    assert re.search("编号是陈芳[^<]*，短码是王秀英[^<]*，请核对", asked)
    assert badge["volunteer_number"] in asked, "what was typed is kept"
    both = {"who-2": f"{badge['volunteer_number']} / {others['short_code']}"}
    assert "短码是王秀英" in desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed | both).text
    codes = {"who-1": badge["short_code"]}
    assert "同一行号写了两个人：陈芳" in desk.organizer.post("/desk/typed", "/desk/typed", 422, **typed | codes).text
    assert desk.points() == before
    same = {"who-2": f"{badge['volunteer_number']} / {badge['short_code']}"}
    told = desk.organizer.post("/desk/typed", "/desk/typed", **typed | same).text
    assert "香皂 × 2：已记账" in told, "number and short code of one person are one line"
    assert desk.points() == before - 2 * PRICE


def test_a_line_that_came_to_nothing_is_typed_in_otherwise_and_what_stands_is_not(desk: Desk) -> None:
    before, code = desk.points(), badge_of(desk)["short_code"]
    typed: dict[str, Any] = {"list_number": "250101-AB23", "line-1": "3", "who-1": code, "pieces-1": "1"}

    def told(gift: str, pieces: str = "1") -> str:
        fields = typed | {"gift-1": gift, "pieces-1": pieces}
        return desk.organizer.post("/desk/typed", "/desk/typed", **fields).text

    assert "大米 × 1：没有扣积分" in told(desk.rice)
    for _twice in range(2):
        answer = told(desk.soap)
        assert "香皂 × 1：已记账" in answer, "it was soap, and rice by mistake"
    assert "大米 × 1：没有扣积分" in told(desk.rice), "the other helper has the first answer"
    assert "和这次写的不一样" in told(desk.soap, "2")
    assert desk.points() == before - PRICE
    order = re.search(r'href="/desk/orders/([0-9a-f-]{36})"', answer)
    assert order is not None
    line = _line_of(desk.organizer.get(f"/desk/orders/{order[1]}").text)
    desk.organizer.post(f"/desk/{line}", f"/desk/{line}/undo", reason="录错了")
    desk.town.deliver()
    assert "香皂 × 1：录过，又收回了" in told(desk.soap)
    assert "香皂 × 2：已记账" in told(desk.soap, "2")
    assert "和这次写的不一样" in told(desk.soap, "3")
    assert desk.points() == before - 2 * PRICE


def test_a_printed_number_is_typed_in_as_it_is_and_not_with_a_wrong_letter(desk: Desk) -> None:
    listed = desk.organizer.get(f"/desk/list?station_id={desk.town.station_id}").text
    number = re.search(r"单号 ([0-9]{6}-[2-9A-HJ-NP-Z]{6}) ", listed)
    assert number is not None
    typed: dict[str, Any] = {"line-1": "3", "who-1": badge_of(desk)["short_code"], "gift-1": desk.soap, "pieces-1": "1"}
    wrong = [number[1][:7] + letter + number[1][8:] for letter in "23456789" if letter != number[1][7]]
    refused = 0
    for one in wrong:
        odd = typed | {"list_number": one, "pieces-1": "x"}
        refused += "请照名单上面的单号" in desk.organizer.post("/desk/typed", "/desk/typed", 422, **odd).text
    assert refused >= len(wrong) - 2
    assert "已记账" in desk.organizer.post("/desk/typed", "/desk/typed", **typed, list_number=number[1].lower()).text


def test_the_passbook_has_both_units_line_by_line(desk: Desk) -> None:
    desk.serve({desk.soap: "1"})
    for who, page in ((desk.staff, f"/staff/members/{desk.volunteer.member_id}"), (desk.volunteer, "/records")):
        book = who.get(f"{page}/passbook").text
        for text in ("积分存折", "陈芳", "现场兑换 香皂 × 1", "余额", "服务时长", "2 小时"):
            assert text in book
        assert len(re.findall(r'<td class="date">\d{4}年\d{1,2}月\d{1,2}日</td>', book)) == 3
    sheet = desk.staff.get("/static/css/paper.css").text
    assert re.search(r"td\.date \{[^}]*white-space: nowrap", sheet), "no day is broken before 日"


def test_two_desks_call_two_numbers(desk: Desk) -> None:
    here = f"/desk/serve?station_id={desk.town.station_id}"
    filled = form_fields(desk.organizer.get(here).text, "/desk/calls")
    for _twice in range(2):
        desk.organizer.client.post("/desk/calls", data=filled)
    assert "刚叫到 1 号" in desk.organizer.get(here).text
    desk.staff.post(here, "/desk/calls")
    assert "刚叫到 2 号" in desk.organizer.get(here).text
    numbers = desk.organizer.get("/desk/numbers?from=5&to=7").text
    assert re.findall(r'class="name">(\d+)<', numbers) == ["5", "6", "7"]
