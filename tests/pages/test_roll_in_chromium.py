"""The roll call on a phone: it narrows while one types, ticks in place, and a tick outlives the network."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared.ids import new_id
from tests.pages.test_in_chromium import MEASURE, context_of
from tests.pages.town import Town, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("陈芳", "王秀英", "赵志远", "陈小芳")


@pytest.fixture(scope="module")
def roll(town: Town) -> tuple[Visitor, str]:
    """The station's staff, and the roll of an activity that four people have signed up for."""
    people = [town.volunteer(name).member_id for name in NAMES]
    town.volunteer("孙大圣")
    activity = town.publish(starts_in_h=-0.5)
    path = f"/checkin/activities/{activity['id']}"
    town.api("POST", f"{path}/sign-ups", {"id": str(new_id()), "member_ids": people}, town.organizer)
    staff = town.visitor()
    staff.log_in("13900000001")
    return staff, f"/organize/activities/{activity['id']}/roll"


def seen(page: "Page") -> list[str]:
    return [row.text_content() or "" for row in page.locator(".tick:visible strong").all()]


def counted(page: "Page") -> list[str]:
    return re.findall(r"\d+", page.locator(".counts").inner_text())


def record(town: Town, path: str) -> list[dict[str, Any]]:
    activity_id = path.split("/")[3]
    return list(town.api("GET", f"/checkin/activities/{activity_id}/attendances", None, town.organizer))


def test_a_phone_calls_the_roll_without_loading_the_page_again(
    browser: "Browser", town: Town, roll: tuple[Visitor, str]
) -> None:
    from playwright.sync_api import expect

    staff, path = roll
    context = context_of(browser, town, staff, viewport={"width": 390, "height": 844})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(town.address + path)
    page.evaluate("window.stays = true")
    box, told = page.get_by_role("searchbox"), page.locator(".told")
    assert counted(page) == ["0", "4", "0"]
    for wanted, left in (("wxy", ["王秀英"]), ("陈", ["陈芳", "陈小芳"]), ("zhaozhi", ["赵志远"])):
        box.fill(wanted)
        assert seen(page) == left, wanted
    # One is left, who has no namesake: Enter ticks.
    box.press("Enter")
    expect(told).to_contain_text("赵志远 到了")
    assert (counted(page), box.input_value(), len(seen(page))) == (["1", "4", "1"], "", 4)
    page.get_by_role("button", name="陈芳 到了").click()
    expect(told).to_contain_text("陈芳 到了")
    told.get_by_role("button", name="撤回").click()
    expect(told).to_contain_text("陈芳 已撤回，没有到")
    assert counted(page) == ["1", "4", "1"]
    page.get_by_role("button", name="赵志远 走了").click()
    expect(told).to_contain_text("赵志远 走了")
    page.get_by_role("button", name="赵志远 没走").click()
    expect(told).to_contain_text("还在现场")
    # The network goes before the answer comes: the tick is kept, sent again, and written once.
    gone = {"times": 0}

    def cut(route: Any) -> None:
        gone["times"] += 1
        if gone["times"] == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/roll.json", cut)
    page.get_by_role("button", name="王秀英 到了").click()
    expect(told).to_contain_text("网络不通")
    expect(told).to_contain_text("王秀英 到了", timeout=15_000)
    assert gone["times"] == 2
    assert sorted(one["state"] for one in record(town, path)) == ["open", "open", "rejected"]
    assert counted(page) == ["2", "4", "2"]
    assert page.evaluate("window.stays")
    # Whoever is not on the roll is looked for in the whole station, and the next Enter ticks them.
    box.fill("孙大")
    expect(page.get_by_text("名单上没有")).to_be_visible()
    box.press("Enter")
    expect(page.get_by_role("heading", name="没有报名的人")).to_be_visible()
    assert seen(page) == ["孙大圣"]
    expect(page.locator("[data-scripted]")).to_be_visible()
    box.press("Enter")
    expect(told).to_contain_text("孙大圣 到了")
    assert counted(page) == ["3", "4", "3"]
    assert errors == []
    context.close()


def test_a_second_tap_of_a_nervous_finger_takes_nothing_back(browser: "Browser", town: Town) -> None:
    from playwright.sync_api import expect

    people = [town.volunteer(name).member_id for name in ("罗慢", "罗快")]
    activity = town.publish(starts_in_h=-0.5)
    sign_ups = f"/checkin/activities/{activity['id']}/sign-ups"
    town.api("POST", sign_ups, {"id": str(new_id()), "member_ids": people}, town.organizer)
    staff = town.visitor()
    staff.log_in("13900000001")
    path = f"/organize/activities/{activity['id']}/roll"
    context = context_of(browser, town, staff, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.clock.install()
    page.goto(town.address + path)
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    told, spot = page.locator(".told"), page.get_by_role("button", name="罗慢 到了").bounding_box()
    assert spot is not None
    finger = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.click(*finger)
    expect(told).to_contain_text("罗慢 到了")
    # By the layout the opposite lies there now.
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).textContent.trim()", finger) == "撤回"
    page.clock.run_for(1000)
    page.mouse.click(*finger)
    # Ticks are sent one after the other: what is told of the next one is after all that the second tap did.
    page.get_by_role("button", name="罗快 到了").click()
    expect(told).to_contain_text("罗快 到了")
    assert [one["state"] for one in record(town, path)] == ["open", "open"]
    # What is told can be read and taken back also where the page goes on below: the tabs do not lie over it.
    page.set_viewport_size({"width": 390, "height": 560})
    assert page.evaluate(
        "() => { const { x, y, width, height } = document.querySelector('.told button').getBoundingClientRect();"
        " return document.elementFromPoint(x + width / 2, y + height / 2).closest('.told') !== null; }"
    )
    context.close()


def test_a_phone_shows_what_another_ticks_and_leaves_the_row_alone_that_a_finger_is_at(
    browser: "Browser", town: Town
) -> None:
    from playwright.sync_api import expect

    people = [town.volunteer(name).member_id for name in ("钟一", "钟二")]
    activity = town.publish(starts_in_h=-0.5)
    path = f"/checkin/activities/{activity['id']}"
    town.api("POST", f"{path}/sign-ups", {"id": str(new_id()), "member_ids": people}, town.organizer)
    staff = town.visitor()
    staff.log_in("13900000001")
    context = context_of(browser, town, staff, viewport={"width": 390, "height": 844})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{town.address}/organize/activities/{activity['id']}/roll")
    page.get_by_role("button", name="钟二 到了").focus()
    ticks = [
        {"id": str(new_id()), "member_id": member_id, "wanted": "arrived", "seen": None, "site_id": None}
        for member_id in people
    ]
    town.api("POST", f"{path}/ticks", {"ticks": ticks}, town.organizer)
    expect(page.get_by_role("button", name="钟一 走了")).to_be_enabled(timeout=20_000)
    expect(page.get_by_role("button", name="钟二 到了")).to_be_focused()
    page.get_by_role("searchbox").focus()
    expect(page.get_by_role("button", name="钟二 走了")).to_be_visible(timeout=20_000)
    assert counted(page) == ["2", "2", "2"]
    # Whom nobody is called like is registered under the name that was typed, without searching first.
    page.get_by_role("searchbox").fill("古丽娜尔")
    page.get_by_role("link", name="现场登记").click()
    expect(page.get_by_label("姓名")).to_have_value("古丽娜尔")
    assert errors == []
    context.close()


def test_a_phone_ticks_nobody_unseen_and_searches_the_station_also_when_somebody_on_the_roll_is_found(
    browser: "Browser", town: Town
) -> None:
    from playwright.sync_api import expect

    people = [town.volunteer(name).member_id for name in ("何静", "何小静", "罗成")]
    town.volunteer("何静")
    activity = town.publish(starts_in_h=-0.5)
    sign_ups = f"/checkin/activities/{activity['id']}/sign-ups"
    town.api("POST", sign_ups, {"id": str(new_id()), "member_ids": people}, town.organizer)
    staff = town.visitor()
    staff.log_in("13900000001")
    path = f"/organize/activities/{activity['id']}/roll"
    context = context_of(browser, town, staff, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(town.address + path)
    box, told, search = page.get_by_role("searchbox"), page.locator(".told"), page.get_by_role("button", name="查找")
    # The button searches, though one is left whom Enter would tick.
    box.fill("罗成")
    search.first.click()
    expect(page).to_have_url(re.compile("q="))
    assert seen(page) == ["罗成"]
    # One of two namesakes is not ticked by Enter, but shown beside the other, who is not on the roll.
    page.goto(town.address + path)
    for _ in range(2):
        box.fill("何静")
        box.press("Enter")
        expect(page.get_by_role("heading", name="没有报名的人")).to_be_visible()
        assert seen(page) == ["何静", "何静"]
    expect(told).to_contain_text("请点名字后面的按钮")
    # Where several on the roll are found, others in the station may be meant all the same.
    page.goto(town.address + path)
    expect(page.get_by_role("button", name="在全站查找")).to_be_hidden()
    box.fill("何")
    assert seen(page) == ["何静", "何小静"]
    page.get_by_role("button", name="在全站查找").click()
    expect(page.get_by_role("heading", name="没有报名的人")).to_be_visible()
    assert sorted(seen(page)) == ["何小静", "何静", "何静"]
    assert record(town, path) == []
    box.fill("罗成")
    box.press("Enter")
    expect(page).to_have_url(re.compile("q=%E7%BD%97%E6%88%90"))
    box.press("Enter")
    expect(told).to_contain_text("罗成 到了")
    assert [one["member_id"] for one in record(town, path)] == [people[2]]
    context.close()


@pytest.mark.parametrize(("size", "text_px", "target_px"), [("standard", 16, 44), ("largest", 26, 60)])
def test_the_roll_fits_a_narrow_phone(
    browser: "Browser", town: Town, roll: tuple[Visitor, str], size: str, text_px: int, target_px: int
) -> None:
    staff, path = roll
    context = context_of(browser, town, staff, viewport={"width": 320, "height": 640})
    context.add_cookies([{"name": "huzhu_text", "value": size, "url": town.address}])
    page = context.new_page()
    page.goto(town.address + path)
    found = page.evaluate(MEASURE % {"text": text_px, "target": target_px})
    assert found == {"overflow": 0, "smallText": [], "smallTargets": []}
    context.close()
