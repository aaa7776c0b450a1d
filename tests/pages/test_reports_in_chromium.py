"""Reports and files on a narrow phone in the largest text, and on A4 as a browser prints them."""

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
