"""What is in sight on a phone without scrolling: the button to scan, and a record in three lines."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devtools.children import wait_until
from shared.ids import new_id
from tests.pages.test_in_chromium import MEASURE, context_of
from tests.pages.town import Town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PHONE = {"width": 390, "height": 844}
LINES_MAX = 3


def was_there(town: Town, activity: dict[str, Any], member_id: str) -> None:
    """Somebody whom the organizer enters, once check-in has heard of them."""
    entry = {
        "id": str(new_id()),
        "member_id": member_id,
        "site_id": activity["sites"][0]["id"],
        "arrived_at": activity["starts_at"],
        "left_at": (datetime.fromisoformat(activity["starts_at"]) + timedelta(minutes=130)).isoformat(),
    }
    path = f"/checkin/activities/{activity['id']}/attendances"
    wait_until(lambda: town.ask("POST", path, entry, town.organizer)[0] == 201, "check-in to hear of them", 20)


def confirming(browser: "Browser", town: Town) -> tuple["BrowserContext", "Page"]:
    """The page on which two people wait, on the phone of the station's staff."""
    activity = town.publish(starts_in_h=-3)
    for name in ("陈芳", "欧阳秀英"):
        was_there(town, activity, town.volunteer(name).member_id)
    staff = town.visitor()
    staff.log_in("13900000001")
    context = context_of(browser, town, staff, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{town.address}/organize/activities/{activity['id']}/confirm")
    return context, page


@pytest.mark.parametrize("confirmed", [True, False])
def test_in_the_largest_letters_one_need_not_scroll_to_scan(browser: "Browser", town: Town, confirmed: bool) -> None:
    who = town.volunteer("欧阳秀英", confirmed=confirmed)
    relative = who.post("/family/new", "/family/new", name="王秀英", relation="parent", guardian="1", privacy="1")
    assert relative.path.startswith("/me")
    town.serve(who)
    context = context_of(browser, town, who, viewport=PHONE)
    context.add_cookies([{"name": "huzhu_text", "value": "largest", "url": town.address}])
    page = context.new_page()
    page.goto(town.address + "/")
    box = page.get_by_role("link", name="扫码签到").bounding_box()
    tabs = page.get_by_role("navigation", name="主要页面").bounding_box()
    assert box is not None
    assert tabs is not None
    assert box["y"] + box["height"] <= tabs["y"]
    context.close()


def test_a_record_to_confirm_takes_three_lines_on_a_phone(browser: "Browser", town: Town) -> None:
    context, page = confirming(browser, town)
    rows = page.locator(".brief tbody tr")
    assert rows.count() == 2
    for row in rows.all():
        lines, height = row.evaluate(
            """(row) => {
              const style = getComputedStyle(row);
              const inside = row.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
              return [inside / parseFloat(style.lineHeight), row.clientHeight];
            }"""
        )
        assert lines < LINES_MAX + 0.5, row.inner_text()
        assert height >= 44
    for size, text_px, target_px in (("standard", 16, 44), ("largest", 26, 60)):
        page.evaluate(f"document.documentElement.dataset.text = '{size}'")
        found = page.evaluate(MEASURE % {"text": text_px, "target": target_px})
        assert found == {"overflow": 0, "smallText": [], "smallTargets": []}, size
        table = page.locator(".wide")
        assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") == 0, size
    rows.first.click(position={"x": 20, "y": 60})  # below the name: the whole record leads there
    assert "/attendances/" in page.url
    context.close()
