"""Reports and files on a narrow phone in the largest text, and on A4 as a browser prints them."""

import re
from typing import TYPE_CHECKING

from tests.pages.test_in_chromium import MEASURE, context_of
from tests.pages.town import Town

if TYPE_CHECKING:
    from playwright.sync_api import Browser

A4_PX = {"upright": 794, "landscape": 1123}
"""Its width at 96 pixels an inch."""

WIDER_THAN_PAPER = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 90))"""


TWENTY_PEOPLE = """() => {
  const [row] = document.querySelectorAll("tbody td.number");
  const cells = [...row.parentElement.cells];
  const who = "王秀英 · 和谐小区 12 栋 · 编号尾号 1234";
  const said = ["20", who, "东门广场", "08:55", "11:30", "150", "本人扫码", "按时扫码，自动确认"];
  cells.forEach((cell, at) => { cell.textContent = said[at]; });
  const [line, sheet] = [row.parentElement, row.closest("tbody")];
  sheet.replaceChildren(...Array.from({length: 20}, () => line.cloneNode(true)));
  const [plan] = document.querySelectorAll("table tbody");
  for (let more = 0; more < 2; more++) plan.append(plan.rows[plan.rows.length - 1].cloneNode(true));
}"""
"""What a usual Saturday's file holds: twenty people and three sites."""


def test_the_file_of_twenty_people_is_one_page(browser: "Browser", town: Town) -> None:
    town.serve(town.volunteer("陈芳"))
    staff = town.visitor()
    staff.log_in("13900000001")
    (activity, *_more) = town.api("GET", "/checkin/activities", None, town.organizer)
    context = context_of(browser, town, staff, viewport={"width": A4_PX["upright"], "height": 1100})
    page = context.new_page()
    page.goto(f"{town.address}/organize/activities/{activity['id']}/file")
    page.evaluate(TWENTY_PEOPLE)
    assert page.locator("table").nth(1).locator("tbody tr").count() == 20
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    context.close()


def test_the_header_begins_where_a_broad_page_begins(browser: "Browser", town: Town) -> None:
    staff = town.visitor()
    staff.log_in("13900000001")
    context = context_of(browser, town, staff, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    for path in ("/staff", "/staff/reports"):
        page.goto(town.address + path)
        lefts = page.evaluate(
            "['.brand', 'h1'].map((name) => document.querySelector(name).getBoundingClientRect().left)"
        )
        assert abs(lefts[0] - lefts[1]) <= 1, path
    context.close()


def test_reports_fit_a_phone_and_what_is_printed_fits_its_paper(browser: "Browser", town: Town) -> None:
    for name in ("陈芳", "王秀英"):
        town.serve(town.volunteer(name))
    staff = town.visitor()
    staff.log_in("13900000001")
    (activity, *_more) = town.api("GET", "/checkin/activities", None, town.organizer)
    context = context_of(browser, town, staff, viewport={"width": 320, "height": 640})
    context.add_cookies([{"name": "huzhu_text", "value": "largest", "url": town.address}])
    for path in ("/staff/reports", "/staff/files", f"/organize/activities/{activity['id']}"):
        page = context.new_page()
        page.goto(town.address + path)
        found = page.evaluate(MEASURE % {"text": 26, "target": 60})
        assert found == {"overflow": 0, "smallText": [], "smallTargets": []}, path
        page.close()
    context.close()
    for path, turned in (
        ("/staff/reports/print", "landscape"),
        (f"/organize/activities/{activity['id']}/file", "upright"),
    ):
        context = context_of(browser, town, staff, viewport={"width": A4_PX[turned], "height": 1100})
        page = context.new_page()
        page.goto(town.address + path)
        page.emulate_media(media="print")
        assert page.evaluate(WIDER_THAN_PAPER) == [], path
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF"), path
        assert not page.get_by_role("button", name="打印").is_visible()
        context.close()
