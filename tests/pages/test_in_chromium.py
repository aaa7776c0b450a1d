"""The volunteers' pages in a real browser: largest text on the narrowest screen, keyboard, without scripts."""

import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.pages.town import Town, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


STRANGERS = (
    "/",
    "/login",
    "/reset",
    "/register",
    "/register?station_id={station}",
    "/activities/{activity}",
    "/terms",
    "/complaints",
    "/nowhere",
)
VOLUNTEERS = (
    *("/", "/scan", "/records", "/records/points", "/gifts", "/gifts/{gift}/confirm", "/redemptions", "{voucher}"),
    *("/boards", "/me", "/me/edit", "/choose", "/family/new", "/display"),
)

# Widest box, smallest text and smallest thing to press, all as computed by the browser. Links inside a
# sentence are read, not aimed at; the rules let them be.
MEASURE = """() => {
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(element).visibility !== "hidden";
  };
  const inSentence = (link) => link.tagName === "A" && getComputedStyle(link).display === "inline"
    && link.parentElement.textContent.trim() !== link.textContent.trim();
  const aimed = (element) => element.closest("label, .choice, .row:has(.cover), .brief tr") ?? element;
  const pressed = [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
    .filter((element) => seen(element) && !inSentence(element) && !element.matches(".skip"));
  // The samples on the page where the size is chosen show their own.
  const texts = [...document.querySelectorAll("body *")].filter((element) => seen(element)
    && !element.closest(".sample")
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    smallText: texts.filter((element) => parseFloat(getComputedStyle(element).fontSize) < %(text)s)
      .map((element) => element.textContent.trim().slice(0, 20)),
    smallTargets: pressed.filter((element) => aimed(element).getBoundingClientRect().height < %(target)s)
      .map((element) => element.outerHTML.slice(0, 90)),
  };
}"""


@pytest.fixture(scope="module")
def volunteer(town: Town) -> tuple[Visitor, dict[str, str]]:
    """Somebody with a record, a voucher and a relative, and the addresses of their things."""
    who = town.volunteer("陈芳")
    gift = town.offer("一件名字很长很长的礼品：家用急救包（大号）", hundredths=50)
    town.serve(who)
    page = f"/gifts/{gift}/confirm"
    voucher = who.post(page, page).path
    assert voucher.startswith("/vouchers/")
    relative = who.post("/family/new", "/family/new", name="王秀英", relation="parent", guardian="1", privacy="1")
    assert relative.path.startswith("/me")
    activity = town.publish("一个名字很长很长的活动：和谐小区楼道大扫除和垃圾分类宣传")
    return who, {"gift": gift, "voucher": voucher, "station": town.station_id, "activity": activity["id"]}


def context_of(browser: "Browser", town: Town, who: Visitor | None, **options: Any) -> "BrowserContext":
    context = browser.new_context(**options)
    if who is not None:
        context.add_cookies(
            [{"name": "huzhu_session", "value": who.cookie("huzhu_session") or "", "url": town.address}]
        )
    return context


@pytest.mark.parametrize(("size", "smallest_px", "target_px"), [("standard", 16, 44), ("largest", 26, 60)])
def test_every_page_fits_320_pixels_with_large_enough_text_and_targets(
    browser: "Browser",
    town: Town,
    volunteer: tuple[Visitor, dict[str, str]],
    size: str,
    smallest_px: int,
    target_px: int,
) -> None:
    who, places = volunteer
    for paths, visitor in ((STRANGERS, None), (VOLUNTEERS, who)):
        context = context_of(browser, town, visitor, viewport={"width": 320, "height": 640})
        context.add_cookies([{"name": "huzhu_text", "value": size, "url": town.address}])
        for path in paths:
            page = context.new_page()
            heard = _listen(page)
            page.goto(town.address + path.format(**places))
            found = page.evaluate(MEASURE % {"text": smallest_px, "target": target_px})
            assert found == {"overflow": 0, "smallText": [], "smallTargets": []}, path
            assert [words for words in heard if not words.startswith(town.address)] == [], path
            page.close()
        context.close()


def test_what_a_board_counts_is_cut_off_in_no_text_size(
    browser: "Browser", town: Town, volunteer: tuple[Visitor, dict[str, str]]
) -> None:
    who, _places = volunteer
    context = context_of(browser, town, who, viewport={"width": 320, "height": 640})
    context.add_cookies([{"name": "huzhu_text", "value": "largest", "url": town.address}])
    page = context.new_page()
    page.goto(f"{town.address}/boards")
    page.evaluate(
        """() => document.querySelector("main").insertAdjacentHTML("beforeend", `<div class="wide" id="board"><table>
        <thead><tr><th>名次</th><th>志愿者</th><th class="number">服务时长</th></tr></thead>
        <tbody><tr><th>10</th><td>欧阳秀英（我）</td><td class="number">112 小时 30 分钟</td></tr></tbody>
        </table></div>`)"""
    )
    assert (
        page.evaluate("document.querySelector('#board').scrollWidth - document.querySelector('#board').clientWidth")
        <= 0
    )
    context.close()


def _listen(page: "Page") -> list[str]:
    """Every address the page asks for, and every error of its scripts."""
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def test_the_voucher_is_read_off_the_screen_without_scrolling(
    browser: "Browser", town: Town, volunteer: tuple[Visitor, dict[str, str]]
) -> None:
    import zxingcpp
    from PIL import Image

    who, places = volunteer
    context = context_of(browser, town, who, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(town.address + places["voucher"])
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(page.screenshot())))
    assert found is not None
    assert found.text.startswith(f"{town.address}/v/")
    context.close()


def test_the_whole_way_in_works_without_scripts(browser: "Browser", town: Town) -> None:
    phone, _ = town.register("李不用脚本")
    context = context_of(browser, town, None, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(town.code(town.publish(), "arrival"))
    page.get_by_label("手机号").fill(phone)
    page.get_by_label("密码").fill("梅花三弄 1949")
    page.get_by_role("button", name="登录").click()
    page.get_by_role("button", name="签到").click()
    assert page.get_by_role("heading", name="签到成功").is_visible()
    page.reload()
    assert page.get_by_role("heading", name="签到成功").is_visible()
    context.close()


def test_faults_take_the_focus_and_lead_to_their_fields_by_keyboard(browser: "Browser", town: Town) -> None:
    context = context_of(browser, town, None, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{town.address}/login")
    page.keyboard.press("Tab")
    assert _focused(page) == "跳到正文"
    page.get_by_label("手机号").fill("123")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    page.keyboard.press("Tab")
    assert _focused(page) == "手机号应为 11 位数字"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "phone"
    context.close()


def test_what_has_the_focus_is_never_under_the_tabs(
    browser: "Browser", town: Town, volunteer: tuple[Visitor, dict[str, str]]
) -> None:
    who, _places = volunteer
    context = context_of(browser, town, who, viewport={"width": 320, "height": 560})
    page = context.new_page()
    page.goto(f"{town.address}/me")
    for _press in range(40):
        page.keyboard.press("Tab")
        covered = page.evaluate("""() => {
          const focused = document.activeElement, box = focused.getBoundingClientRect();
          const tabs = document.querySelector(".tabs");
          return !tabs.contains(focused) && focused !== document.body && box.top >= tabs.getBoundingClientRect().top;
        }""")
        assert not covered, _focused(page)
    context.close()


def _focused(page: "Page") -> str:
    return str(page.evaluate("document.activeElement.textContent.trim()"))


def test_the_screen_of_codes_warns_of_nothing_while_all_is_well(browser: "Browser", town: Town) -> None:
    organizer = town.visitor()
    organizer.log_in("13900000001")
    activity = town.publish()
    for width, height in ((390, 844), (1920, 1080)):
        context = context_of(browser, town, organizer, viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto(f"{town.address}/organize/activities/{activity['id']}/code")
        page.locator("[data-countdown]").filter(has_text="秒后换码").wait_for()
        assert (
            page.locator("[data-offline], [data-empty]").evaluate_all(
                "all => all.filter((one) => one.checkVisibility())"
            )
            == []
        )
        assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
        context.set_offline(True)
        page.evaluate("document.querySelector('[data-offline]').hidden = false")
        assert page.locator("[data-offline]").is_visible()
        context.close()
