"""The newcomer's form on a narrow phone, the sign-in sheet on A4, and typing it in by keyboard alone."""

import re
from typing import TYPE_CHECKING, Any

from devtools.children import wait_until
from gateway.pages.sheets import NEXT_PAGE_LINES
from shared.ids import new_id
from tests.chromium import wait_for_focus
from tests.pages.test_in_chromium import MEASURE, context_of
from tests.pages.test_reports_in_chromium import A4_PX, WIDER_THAN_PAPER
from tests.pages.town import Town, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def organizer_of(town: Town) -> Visitor:
    visitor = town.visitor()
    visitor.log_in("13900000001")
    return visitor


def pages_of(page: "Page", *, longer_by: int) -> int:
    """How many pages of paper the sheet takes with so many lines more."""
    page.evaluate(
        """count => {
            document.querySelectorAll(".added").forEach((row) => row.remove());
            const [body] = document.querySelector(".sign-in").tBodies;
            for (let nth = 0; nth < count; nth++) {
                const row = body.rows[0].cloneNode(true);
                row.classList.add("added");
                body.append(row);
            }
        }""",
        longer_by,
    )
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


def signed_up(town: Town, *names: str) -> dict[str, Any]:
    """An activity that these are signed up for."""
    activity = town.publish()
    members = [town.register(name)[1] for name in names]
    path = f"/checkin/activities/{activity['id']}/sign-ups"

    def all_are_taken() -> bool:
        answer = town.api("POST", path, {"id": str(new_id()), "member_ids": members}, town.organizer)
        return all(one["outcome"] in ("taken", "already") for one in answer["sign_ups"])

    wait_until(all_are_taken, "the cards of who signs up", 20)
    return activity


def test_a_newcomer_is_found_while_the_name_is_typed(browser: "Browser", town: Town) -> None:
    activity = signed_up(town, "祝秀英")
    context = context_of(browser, town, organizer_of(town), viewport={"width": 320, "height": 640})
    context.add_cookies([{"name": "huzhu_text", "value": "largest", "url": town.address}])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{town.address}/organize/activities/{activity['id']}/newcomer")
    wait_for_focus(page)
    page.keyboard.type("祝秀英")
    page.get_by_text("是不是已经登记过的这位？").wait_for()
    assert page.evaluate(MEASURE % {"text": 26, "target": 60}) == {"overflow": 0, "smallText": [], "smallTargets": []}
    page.get_by_role("button", name="就是这位").click()
    page.get_by_text("祝秀英已签到").wait_for()
    wait_for_focus(page)
    page.keyboard.type("赵大爷")
    page.get_by_label("本人同意").check()
    page.get_by_role("button", name="登记并签到", exact=True).click()
    page.get_by_text("赵大爷已签到").wait_for()
    assert faults == []
    context.close()


def test_the_sheet_fits_its_paper_and_is_typed_in_by_keyboard_alone(browser: "Browser", town: Town) -> None:
    activity = signed_up(town, "陈芳", "刘国强")
    town.pass_hours(3)
    here, site = f"{town.address}/organize/activities/{activity['id']}", activity["sites"][0]["id"]
    who = organizer_of(town)
    context = context_of(browser, town, who, viewport={"width": A4_PX["upright"], "height": 1100})
    page = context.new_page()
    page.goto(f"{here}/sheet?site={site}")
    page.emulate_media(media="print")
    assert page.evaluate(WIDER_THAN_PAPER) == []
    # The sheet fills its page, and so do longer ones; who signs it is never alone on one: the last lines go along.
    assert [pages_of(page, longer_by=more) for more in (0, NEXT_PAGE_LINES, 2 * NEXT_PAGE_LINES)] == [1, 2, 3]
    assert page.evaluate("document.querySelector('.signatures').closest('tbody').rows.length") == 4
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.signatures').closest('tbody')).breakInside") == "avoid"
    )
    number = re.search(r"1-\d{6}-\d{6}", page.content())
    assert number is not None
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('.wide').scrollWidth") > 390, "the paper scrolls in its own box"
    page.set_viewport_size({"width": 320, "height": 640})
    context.add_cookies([{"name": "huzhu_text", "value": "largest", "url": town.address}])
    page.goto(f"{here}/sheet/enter?site={site}&now=1")
    assert page.evaluate(MEASURE % {"text": 26, "target": 60}) == {"overflow": 0, "smallText": [], "smallTargets": []}
    assert (
        page.evaluate("Math.max(...[...document.querySelectorAll('.wide')].map(e => e.scrollWidth - e.clientWidth))")
        <= 1
    )
    page.goto(f"{here}/sheet/enter?site={site}")
    wait_for_focus(page)
    keys = page.keyboard
    keys.type(number[0])
    keys.press("Enter")
    page.get_by_label("1. 陈芳").focus()
    keys.press("Space")
    for _ in range(3):
        keys.press("Tab")
    keys.press("Space")
    keys.press("Enter")
    page.get_by_role("heading", name="核对签到表").wait_for()
    page.get_by_role("button", name="录入", exact=True).focus()
    keys.press("Enter")
    page.get_by_text("录入了 2 人").wait_for()
    context.close()


def test_on_a_phone_whom_to_call_is_one_block_a_person(browser: "Browser", town: Town) -> None:
    activity = signed_up(town, "陈芳", "欧阳秀英")
    context = context_of(browser, town, organizer_of(town), viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{town.address}/organize/activities/{activity['id']}/calls")
    page.get_by_role("button", name="显示电话").click()
    page.get_by_text("欧阳秀英").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    widths = page.evaluate("[...document.querySelectorAll('.calls tbody th')].map((name) => name.clientWidth)")
    assert len(widths) == 2
    assert min(widths) > 250
    context.close()
