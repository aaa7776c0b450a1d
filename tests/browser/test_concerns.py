"""Somebody's points are missing: reported from the record, looked into, answered, read."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from devtools.crowd import PASSWORD, Crowd
from devtools.supervisor import System
from tests.town import gather

Phone = Callable[[], Page]


@pytest.fixture(scope="module")
def crowd(system: System) -> Crowd:
    return gather(system, members=1, stock=1, served="confirmed")


def log_in(page: Page, person: dict[str, str]) -> None:
    page.goto("/login")
    page.get_by_label("手机号").fill(person["phone"])
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).not_to_have_url(re.compile("/login"))


def test_a_volunteer_asks_about_a_record_and_reads_what_staff_found(crowd: Crowd, phone: Phone) -> None:
    volunteer, staff = phone(), phone()
    log_in(volunteer, crowd.members[0])
    volunteer.goto("/records")
    volunteer.get_by_role("link", name="反映问题").first.click()
    volunteer.get_by_label("什么不对").fill("少记了半小时")
    volunteer.get_by_role("button", name="反映").click()
    expect(volunteer.get_by_text("已收到，请记下编号")).to_be_visible()
    heading = volunteer.get_by_role("heading", level=1).inner_text()
    number = heading.removeprefix("反映 ")
    assert re.fullmatch(r"\d{3} \d{3}", number), heading

    log_in(staff, crowd.staff)
    staff.goto("/staff/concerns")
    staff.get_by_role("link", name=number).click()
    staff.get_by_role("link", name="一人一天").click()
    expect(staff.get_by_role("heading", name="按时间先后")).to_be_visible()
    expect(staff.get_by_text("现在怎样，为什么")).to_be_visible()
    staff.go_back()
    staff.get_by_label("答复").fill("按签到表，记录没有错")
    staff.get_by_role("button", name="答复").click()
    expect(staff.get_by_text("已答复，反映的人会看到")).to_be_visible()

    volunteer.reload()
    expect(volunteer.get_by_text("按签到表，记录没有错")).to_be_visible()
    for page in (volunteer, staff):
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(fits), "a phone need not scroll sideways"
