"""The main job as its people do it: on phones, with their eyes on the screen."""

import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from devtools.crowd import PASSWORD, Crowd
from devtools.supervisor import System
from tests.town import Clock, gather, verify

Phone = Callable[[], Page]


@pytest.fixture(scope="module")
def time(system: System) -> Clock:
    return Clock(system)


@pytest.fixture(scope="module")
def crowd(system: System, time: Clock) -> Crowd:
    return gather(system, members=2, stock=3, served="confirmed")


def log_in(page: Page, person: dict[str, str]) -> None:
    page.goto("/login")
    page.get_by_label("手机号").fill(person["phone"])
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).not_to_have_url(re.compile("/login"))


def read_code(page: Page) -> str:
    """What a camera sees on the screen."""
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    return str(found.text)


def test_a_volunteer_scans_earns_redeems_and_takes_the_gift_home(
    system: System, crowd: Crowd, time: Clock, phone: Phone
) -> None:
    organizer, volunteer = phone(), phone()
    log_in(organizer, crowd.organizer)

    organizer.goto(f"/organize/activities/{crowd.activity_id}/code")
    arrival = read_code(organizer)
    volunteer.goto(arrival)  # not logged in: the scan waits for the login
    assert "V1." not in volunteer.url, "the code is in no address that is kept"
    volunteer.get_by_label("手机号").fill(crowd.members[0]["phone"])
    volunteer.get_by_label("密码").fill(PASSWORD)
    volunteer.get_by_role("button", name="登录").click()
    volunteer.get_by_role("button", name="签到").click()
    expect(volunteer.get_by_role("heading", name="签到成功")).to_be_visible()

    time.pass_by(timedelta(hours=2))
    organizer.goto(f"/organize/activities/{crowd.activity_id}/code")
    expect(organizer.locator("[data-present]")).to_have_text("1")
    organizer.get_by_role("link", name="签退").click()
    volunteer.goto(read_code(organizer))
    volunteer.get_by_role("button", name="签退").click()
    expect(volunteer.get_by_role("heading", name="签退成功")).to_be_visible()

    def settled() -> bool:
        volunteer.goto("/records")
        return volunteer.get_by_text("已到账").count() == 2  # this one, and the morning's

    for _ in range(50):
        if settled():
            break
        volunteer.wait_for_timeout(200)
    assert settled(), volunteer.locator("main").inner_text()

    volunteer.goto("/gifts")
    volunteer.get_by_role("link", name="兑换香皂").click()
    volunteer.get_by_role("button", name="确认兑换").click()
    expect(volunteer.get_by_role("heading", name="香皂")).to_be_visible()
    voucher_page = volunteer.url

    organizer.goto(read_code(volunteer))
    organizer.get_by_role("button", name="确认发放").click()
    expect(organizer.get_by_role("button", name="收回").or_(organizer.get_by_text("发错了，收回"))).to_be_visible()
    volunteer.goto(voucher_page)
    expect(volunteer.get_by_text("已领取").first).to_be_visible()

    volunteer.goto("/boards")
    expect(volunteer.get_by_role("row").filter(has_text="群众")).to_have_count(2)
    verify(system)


def test_the_organizers_screen_shows_a_new_code_every_fifteen_seconds_and_without_network(
    crowd: Crowd, phone: Phone
) -> None:
    organizer = phone()
    log_in(organizer, crowd.organizer)
    organizer.clock.install()
    organizer.goto(f"/organize/activities/{crowd.activity_id}/code")
    organizer.wait_for_load_state("networkidle")
    seen = {read_code(organizer)}
    organizer.context.set_offline(True)
    for _ in range(3):
        organizer.clock.fast_forward(15_000)
        organizer.wait_for_timeout(100)
        seen.add(read_code(organizer))
    assert len(seen) == 4
