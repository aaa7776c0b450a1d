"""The organizer's screen in a real browser: what it shows can be scanned, rotates, and outlives the network."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from shared.principal import Role
from tests.gateway.organizing import publish
from tests.gateway.real import Town, serving, town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["town"]


@pytest.fixture
def screen(town: Town, browser: "Browser") -> "Iterator[Page]":
    """The screen of an activity that begins now, its clock stopped at our own."""
    from playwright.sync_api import expect

    organizer = town.person("李组织", Role.ORGANIZER)
    page_of_activity = publish(organizer)
    session = organizer.client.get_cookie("huzhu_session")
    assert session is not None
    with serving(town.gateway) as url:
        context = browser.new_context(viewport={"width": 800, "height": 900})
        context.add_cookies([{"name": "huzhu_session", "value": session.value, "url": url}])
        page = context.new_page()
        page.clock.install()
        page.goto(f"{url}{page_of_activity}/code")
        expect(page.locator("[data-countdown]")).not_to_be_empty()
        yield page
        context.close()


def read(page: "Page") -> str:
    """What a phone would read off the screen."""
    import zxingcpp
    from PIL import Image

    found = zxingcpp.read_barcode(Image.open(io.BytesIO(page.screenshot())))
    assert found is not None
    return str(found.text)


def step(code: str) -> int:
    return int(code.split(".")[-2], 36)


def test_the_code_is_read_rotates_and_goes_on_without_network_until_none_is_left(screen: "Page") -> None:
    first = read(screen)
    assert re.match(r"http://huzhu\.test/s/V1\.", first)
    screen.clock.fast_forward(15_000)
    second = read(screen)
    # While a code is being read the page's time goes on, and may come to the next one.
    assert step(second) - step(first) in (1, 2)
    screen.context.set_offline(True)
    screen.clock.fast_forward(20 * 60_000)
    late = read(screen)
    assert step(late) - step(second) in (80, 81)
    screen.get_by_text("掉线，码照常更换").wait_for()
    screen.clock.fast_forward(15 * 60_000)
    screen.get_by_text("码用完了，请恢复网络").wait_for()
    assert screen.locator("[data-drawing] svg").count() == 0


def test_a_closed_activity_shows_no_more_codes(screen: "Page") -> None:
    other = screen.context.new_page()
    other.goto(screen.url.replace("/code", "/close"))
    other.get_by_role("button", name="现在结束").click()
    other.get_by_text("活动已结束").wait_for()
    screen.route("**/codes.json*", lambda route: route.abort())  # the codes it has would last for half an hour
    screen.clock.fast_forward(9_000)
    screen.get_by_text("这个活动已经结束").wait_for()
    assert screen.locator("[data-drawing]").count() == 0
    screen.get_by_role("link", name="返回活动").click()
    screen.get_by_role("heading", name="楼道大扫除").wait_for()


def test_the_badge_stays_while_no_new_codes_come(screen: "Page") -> None:
    from playwright.sync_api import expect

    badge = screen.get_by_text("掉线，码照常更换")
    screen.route("**/codes.json*", lambda route: route.abort())
    screen.clock.fast_forward(121_000)
    expect(badge).to_be_visible()
    with screen.expect_response("**/presence.json"):
        screen.clock.fast_forward(9_000)
    expect(badge).to_be_visible()
    screen.unroute("**/codes.json*")
    screen.clock.fast_forward(9_000)
    # The try before may still be failing while the clock jumps: then the next one comes eight seconds later.
    expect(badge).to_be_hidden(timeout=30_000)


def test_the_code_fills_the_screen(screen: "Page") -> None:
    box = screen.locator("[data-drawing] svg").bounding_box()
    assert box is not None
    assert box["height"] >= 0.7 * 900
