"""The desk in a browser: scanner and keyboard alone, a network that breaks, and what is printed."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from PIL import Image

from gateway import qr
from shared.ids import new_id
from tests.chromium import wait_for_focus
from tests.gateway.real import serving, town
from tests.gateway.test_desk_pages import PRICE, Desk, badge_of, desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser as ChromiumBrowser
    from playwright.sync_api import Page, Route

__all__ = ["desk", "town"]


@pytest.fixture
def page(desk: Desk, browser: "ChromiumBrowser") -> Iterator["Page"]:
    """The organizer's browser, in front of a gateway that listens."""
    with serving(desk.town.gateway) as address:
        context = browser.new_context(base_url=address)
        cookie = desk.organizer.client.get_cookie("huzhu_session")
        assert cookie is not None
        context.add_cookies([{"name": "huzhu_session", "value": cookie.value, "url": address}])
        yield context.new_page()
        context.close()


def test_one_person_is_served_by_scanner_and_keyboard_alone(desk: Desk, page: "Page") -> None:
    """The scanner types the badge and Enter; then the keys of a person are counted."""
    badge, before = badge_of(desk)["badge"], desk.points()
    page.goto(f"/desk/serve?station_id={desk.town.station_id}")
    wait_for_focus(page)
    page.keyboard.type(badge + "\n")
    page.wait_for_url(f"**{desk.page}*")
    wait_for_focus(page)
    keys = ["2", "Enter"]
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url("**/desk/orders/*")
    wait_for_focus(page)
    assert "已发放" in page.inner_text("main")
    for key in ("Tab", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/slip")
    wait_for_focus(page)
    assert page.evaluate("document.activeElement.matches('[data-print]')"), "one key prints"
    page.go_back()
    page.locator("[autofocus]").press("Enter")
    page.wait_for_url("**/desk/serve?*")
    wait_for_focus(page)
    assert page.evaluate("document.activeElement.id") == "q", "the next person can be scanned"
    assert desk.points() == before - 2 * PRICE
    assert len(keys) + 1 <= 6


def test_an_order_of_twelve_gifts_needs_no_scrolling_on_an_old_office_laptop(desk: Desk, page: "Page") -> None:
    for number in range(10):
        desk.gift(f"礼品 {number}", 10, limit=2)
    shown: dict[int, dict[str, int]] = {}
    for width, height in ((1366, 768), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(desk.shown)
        shown[width] = page.evaluate("""() => {
            const at = (what) => document.querySelector(what).getBoundingClientRect()
            return {wide: document.documentElement.scrollWidth, tabs: at(".tabs").top,
                    confirm: at(".order .button").bottom, person: at(".person").right, order: at(".order").left}
        }""")
        assert shown[width]["wide"] == width, "nothing scrolls sideways"
    assert shown[1366]["confirm"] <= shown[1366]["tabs"]
    assert shown[1366]["person"] <= shown[1366]["order"], "side by side"
    assert shown[390]["order"] < shown[390]["person"], "one below the other"


def test_the_network_breaks_between_confirm_and_answer_and_nothing_is_given_twice(desk: Desk, page: "Page") -> None:
    """The browser shows its own fault then, and whoever goes back stands before an empty form."""
    before, answers = desk.points(), list[int]()

    def cut(route: "Route") -> None:
        if route.request.method == "POST" and not answers:
            answers.append(route.fetch(max_redirects=0).status)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(f"**{desk.page}*", cut)
    page.goto(desk.shown)
    with page.expect_event("requestfailed"):
        page.locator(".pieces").first.type("2\n")
    page.wait_for_url("chrome-error://**")
    assert (answers, desk.points()) == ([303], before - 2 * PRICE)
    page.goto(desk.shown)
    assert "今天已经在这里兑换过" in page.inner_text("main")
    assert "12:00 香皂 × 2" in page.inner_text("main")
    page.locator(".pieces").first.type("1\n")
    page.wait_for_url("**/desk/orders/*")
    assert desk.points() == before - 3 * PRICE, "something else is no repetition"


def test_nothing_is_cut_from_paper_with_names_of_thirty_characters(desk: Desk, page: "Page") -> None:
    name, station_id = "买买提吐尔逊·阿卜杜热合曼·伊敏江·艾力·库尔班江·亚森江"[:30], desk.town.station_id
    entered = {"id": str(new_id()), "name": name, "station_id": station_id, "birth_date": "1950-03-08"}
    desk.staff.api("POST", "/members/members", entered)
    desk.staff.api("POST", f"/members/members/{entered['id']}/confirm")
    kits = [desk.gift(f"多功能家庭应急救援急救医药包套装大号礼盒第 {number} 种", 1, limit=2) for number in range(10)]
    desk.town.deliver()
    order = desk.serve(dict.fromkeys(kits, "1")).request.path
    page.emulate_media(media="print")
    for path, width_mm in (
        (f"/desk/list?station_id={station_id}", 273),
        (f"/desk/badges?node_id={station_id}", 186),
        (f"/desk/slips?station_id={station_id}", 186),
        (f"{order}/slip", 186),
    ):
        page.set_viewport_size({"width": int(width_mm / 25.4 * 96), "height": 1000})
        page.goto(path)
        told = page.evaluate("""() => {
            const wide = (one) => one.scrollWidth > one.clientWidth + 1
            const cut = (one) => wide(one) || one.scrollHeight > one.clientHeight + 1
            const foot = document.querySelector("tfoot"), names = document.querySelector("thead th:nth-child(2)")
            return {cut: [...document.querySelectorAll("td, th, .member-badge")].filter(cut).length
                        + wide(document.documentElement),
                    total: foot ? getComputedStyle(foot).display : "table-row-group",
                    names_mm: names ? names.offsetWidth / 96 * 25.4 : 99}
        }""")
        assert (told["cut"], told["total"]) == (0, "table-row-group"), f"{path}: a total stands once"
        assert told["names_mm"] > 30, f"{path}: a name is not set letter by letter"


def test_a_printed_badge_is_large_enough_and_can_be_read(desk: Desk, page: "Page") -> None:
    badge = badge_of(desk)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.goto(f"/desk/badges?node_id={desk.town.station_id}&member_id={desk.volunteer.member_id}")
    assert "陈芳" in page.inner_text(".member-badge")
    drawing = page.locator(".member-badge .qr")
    box = drawing.bounding_box()
    assert box is not None
    modules = page.evaluate("document.querySelector('.member-badge .qr').viewBox.baseVal.width")
    symbol_mm = box["width"] / 96 * 25.4 * (modules - 2 * qr.QUIET_ZONE) / modules
    assert symbol_mm >= 25
    assert modules - 2 * qr.QUIET_ZONE == 33, "version 4, as the capitals and digits allow at level Q"
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(drawing.screenshot())))
    assert found is not None
    assert found.text == badge["badge"]
    assert found.ec_level == "Q"
    for personal in ("陈芳", badge["volunteer_number"], badge["short_code"]):
        assert personal not in found.text
