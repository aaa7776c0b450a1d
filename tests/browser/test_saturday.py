"""A Saturday's main steps on the phones of its two organizers, its desk and one of its volunteers.

The same day with three hundred people, over the API alone: tests/journeys/test_saturday.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, expect

from devtools.supervisor import System
from shared import clock
from shared.ids import new_id
from tests.pages.town import PASSWORD, Town
from tests.town import is_quiet, verify, wait_for

Phone = Callable[[], Page]

STAFF, VOLUNTEER, SECOND = "13900000001", "13900000002", "13900000003"
"""Phones, in the order in which the town registers people; without a phone in their hand are all others."""
RESIDENTS = {
    "王秀英": ("1 栋", "13800001111"),
    "孙桂兰": ("1 栋", "13800006666"),
    "刘国强": ("1 栋", "13800005555"),
    "陈芳": ("2 栋", "13800003333"),
    "赵志远": ("2 栋", None),
}
PASTED = """#接龙
周六大扫除 下午四点

1. 赵志远 2栋
2. 陈芳 13800003333
3. 刘国强+1
4. 孙桂兰
5. 周建华
6. 不认识的人
7. 👍👍"""


@dataclass
class Saturday:
    """The people of a station, and the activity that they come to."""

    town: Town
    organizer: Page
    second: Page
    volunteer: Page
    numbers: dict[str, str] = field(default_factory=dict)
    """Volunteer numbers, by name."""
    activity_id: str = field(default_factory=lambda: str(new_id()))

    @property
    def here(self) -> str:
        return f"/organize/activities/{self.activity_id}"

    # --- Before ---------------------------------------------------------------------------------------

    def gather(self) -> None:
        """Those of the list, an organizer beside the staff, two gifts, and an activity in an hour's time."""
        town = self.town
        town.volunteer("周建华")
        second = town.volunteer("何丽")
        grant = {"id": str(new_id()), "member_id": second.member_id, "role": "organizer", "node_id": town.station_id}
        town.api("POST", "/members/grants", grant, town.administrator)
        other = {"id": str(new_id()), "level": "building", "name": "2 栋", "parent_id": town.compound_id}
        town.api("POST", "/members/nodes", other, town.administrator)
        buildings = {"1 栋": town.building_id, "2 栋": other["id"]}
        for name, (building, phone) in RESIDENTS.items():
            person = {
                "id": str(new_id()),
                "name": name,
                "station_id": town.station_id,
                "compound_id": town.compound_id,
                "building_id": buildings[building],
                "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
            }
            made = town.api("POST", "/members/members", person | ({"phone": phone} if phone else {}), town.organizer)
            town.confirm(made["id"])
            self.numbers[name] = made["volunteer_number"]
        town.offer("毛巾", hundredths=50)
        town.offer("香皂", hundredths=100)
        sites = [{"id": str(new_id()), "name": name, "place": name} for name in ("东门", "西门")]
        town.publish("周六大扫除", id=self.activity_id, starts_in_h=1, lasts_h=2, capacity=5, sites=sites)
        wait_for(partial(is_quiet, town.system), "everybody's card")
        for page, phone in ((self.organizer, STAFF), (self.second, SECOND), (self.volunteer, VOLUNTEER)):
            log_in(page, phone)

    def sign_up(self) -> None:
        """The group's list is pasted, looked at line by line, and taken; pasted again it takes nobody."""
        page = self.organizer
        page.goto(f"{self.here}/sign-ups")
        page.get_by_label("微信群里的接龙").fill(PASTED)
        page.get_by_role("button", name="核对").click()
        expect(line(page, "周六大扫除 下午四点")).to_contain_text("标题，不算")
        for name in ("1. 赵志远", "2. 陈芳", "3. 刘国强", "4. 孙桂兰", "5. 周建华"):
            expect(line(page, name)).to_contain_text("可以报名")
        expect(line(page, "3. 刘国强")).to_contain_text("还带 1 人没有写姓名")
        expect(line(page, "6. 不认识的人")).to_contain_text("本站没有这个人")
        expect(line(page, "7. ")).to_contain_text("没有看懂")
        page.get_by_role("button", name="报名").click()
        expect(page.get_by_text("已报名 5 人")).to_be_visible()
        expect(page.locator(".rows .row").first).to_contain_text("1. 赵志远")  # as on the list
        page.get_by_label("微信群里的接龙").fill(PASTED)
        page.get_by_role("button", name="核对").click()
        expect(page.get_by_text("已经报过名")).to_have_count(5)
        expect(page.get_by_role("button", name="报名")).to_have_count(0)

    def postpone(self) -> None:
        """Half an hour later; the group is told with what the page has copied."""
        page = self.organizer
        page.goto(self.here)
        later = self.town.now().astimezone(clock.SHANGHAI) + timedelta(hours=1, minutes=30)
        page.locator("summary", has_text="延期").click()
        page.get_by_label("日期").fill(f"{later:%Y-%m-%d}")
        page.get_by_label("开始").fill(f"{later:%H:%M}")
        page.get_by_label("结束", exact=True).fill(f"{later + timedelta(hours=2):%H:%M}")
        page.get_by_label("第二天才结束").set_checked((later + timedelta(hours=2)).date() > later.date())
        page.get_by_role("button", name="延期").click()
        told = page.get_by_role("status").filter(has_text="已改时间")
        expect(told.get_by_role("link", name="电话通知名单")).to_be_visible()
        told.get_by_role("link", name="复制群通知").click()
        notice = page.get_by_label("粘贴到微信群的文字").input_value()
        assert notice.startswith("【改期】周六大扫除\n")
        assert f"{later:%H:%M}" in notice.splitlines()[2]
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="复制群通知").click()
        expect(page.get_by_text("已复制")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == notice
        self.town.pass_hours(1)

    # --- On the day -----------------------------------------------------------------------------------

    def call_the_roll(self) -> None:
        """Two organizers at two sites with one list; one of them loses the network for a moment."""
        page, other = self.organizer, self.second
        for each, site in ((page, "东门"), (other, "西门")):
            each.goto(self.here)
            each.get_by_role("link", name="点名").click()
            each.get_by_role("link", name=site).click()
        # Their pages tell each other every few seconds; this is about two who tick in the same ones.
        other.route("**/standing.json*", lambda route: route.abort())
        box, told = page.get_by_role("searchbox"), page.locator(".told")
        for wanted, found in (
            ("2栋", ["陈芳", "赵志远"]),
            ("二号楼", ["陈芳", "赵志远"]),
            ("6666", ["孙桂兰"]),
            ("sgl", ["孙桂兰"]),
        ):
            box.fill(wanted)
            expect(page.locator(".tick:visible strong")).to_have_text(found)
        box.press("Enter")
        expect(told).to_contain_text("孙桂兰 到了")
        other.get_by_role("button", name="孙桂兰 到了").click()
        expect(other.locator(".told")).to_contain_text(re.compile("孙桂兰.*没有重复记.*在别的点位.*李.*点的"))

        page.context.set_offline(True)
        page.get_by_role("button", name="陈芳 到了").click()
        expect(told).to_contain_text("这一下还没记上")
        page.context.set_offline(False)
        expect(told).to_contain_text("陈芳 到了")
        for name in ("赵志远", "周建华"):
            page.get_by_role("button", name=f"{name} 到了").click()
            expect(told).to_contain_text(f"{name} 到了")
        expect(page.locator(".counts")).to_contain_text("已到 4")

    def take_in_a_newcomer(self) -> None:
        """Nobody of that name is found: registered with compound alone, and signed in where the roll was called."""
        page = self.organizer
        box = page.get_by_role("searchbox")
        box.fill("郑大爷")
        box.press("Enter")
        expect(page.get_by_text("没有找到“郑大爷”")).to_be_visible()
        page.get_by_role("link", name="现场登记").click()
        expect(page.get_by_label("姓名")).to_have_value("郑大爷")
        page.get_by_label("小区和楼栋").select_option(label="和谐小区（不选楼栋）")
        page.get_by_label("本人同意").check()
        page.get_by_role("button", name="登记并签到").click()
        expect(page.get_by_text("郑大爷已签到")).to_be_visible()

    def leave(self) -> None:
        """All leave and are confirmed with one tap each; one went home earlier, and is put right by hand."""
        page = self.organizer
        self.town.pass_hours(2.6)
        page.goto(f"{self.here}/confirm")
        page.get_by_role("link", name="全员签退").click()
        page.get_by_label("全部地点").check()
        page.get_by_role("button", name="全员签退").click()
        expect(page.get_by_text("已为 5 人签退")).to_be_visible()
        page.get_by_role("button", name="一键确认全部").click()
        expect(page.get_by_text("已确认 5 条")).to_be_visible()
        page.get_by_role("link", name="周建华").click()
        page.locator("summary", has_text="更正时间").click()
        page.get_by_label("签退").fill(self.after_start(minutes=90))
        page.get_by_label("原因").first.fill("早走半小时")
        page.get_by_role("button", name="更正时间").click()
        expect(page.get_by_text("时间已更正")).to_be_visible()

    def after_start(self, *, minutes: int) -> str:
        starts = self.town.api("GET", f"/checkin/activities/{self.activity_id}", None, self.town.organizer)["starts_at"]
        return f"{datetime.fromisoformat(starts).astimezone(clock.SHANGHAI) + timedelta(minutes=minutes):%H:%M}"

    def see_the_points(self) -> None:
        page = self.volunteer
        record = page.locator(".record")

        def settled() -> bool:
            page.goto("/records")
            return "+1.5" in record.inner_text() and "已到账" in record.inner_text()

        wait_for(settled, "the points of an hour and a half")
        expect(record).to_contain_text("早走半小时")

    def type_in_a_sheet(self) -> None:
        """Somebody wrote their name on the paper, below one who was ticked too. It is typed in twice."""
        page = self.organizer
        page.goto(self.here)
        page.locator("summary", has_text="纸质签到表").click()
        page.get_by_role("link", name="打印东门的签到表").click()
        expect(page.get_by_role("heading", name="志愿服务签到表")).to_be_visible()
        found = re.search(r"\d-\d{6}-\d{6}", page.locator("body").inner_text())
        assert found is not None
        for taken, known in ((1, 1), (0, 2)):
            page.goto(f"{self.here}/sheet/enter")
            page.get_by_label("点位").select_option(label="东门")
            page.get_by_label("签到表编号").fill(found[0])
            page.keyboard.press("Enter")
            page.get_by_role("checkbox", name="孙桂兰").check()
            page.get_by_label("第 6 行的姓名").fill("王秀英")
            page.keyboard.press("Enter")
            expect(line(page, "孙桂兰")).to_contain_text("已有记录，保留原来的")
            page.get_by_role("button", name="录入", exact=True).click()
            expect(page.get_by_text(f"录入了 {taken} 人")).to_be_visible()
            expect(page.get_by_text(f"{known} 人已有记录，没有重复记")).to_be_visible()
        page.goto(f"{self.here}/confirm")
        expect(page.get_by_text("到过 6 人，还在场 0 人，待确认 1 条")).to_be_visible()
        page.get_by_role("button", name="一键确认全部").click()
        expect(page.get_by_text("已确认 1 条")).to_be_visible()
        wait_for(partial(is_quiet, self.town.system), "everybody's points")

    # --- At the desk ----------------------------------------------------------------------------------

    def serve(self) -> None:
        """By keys alone, from the number to the slip and back to the next one; one piece is taken back."""
        page, keys = self.second, self.second.keyboard
        page.goto("/desk/serve")
        expect(page.get_by_label("志愿者证、编号、短码或姓名")).to_be_focused()
        keys.type(self.numbers["孙桂兰"])
        keys.press("Enter")
        expect(page.get_by_label("毛巾")).to_be_focused()
        expect(page.locator(".balance")).to_contain_text("2")
        keys.type("1")
        keys.press("Tab")
        keys.type("1")
        keys.press("Enter")
        expect(page.get_by_text("用去 1.5 积分")).to_be_visible()
        expect(page.get_by_role("link", name="下一位")).to_be_focused()
        keys.press("Tab")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="礼品签领单")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="孙桂兰")).to_have_count(2)
        page.go_back()
        page.get_by_role("link", name="毛巾 × 1").press("Enter")
        page.locator("summary", has_text="发错了").press("Enter")
        page.get_by_label("原因").press_sequentially("拿错了")
        keys.press("Tab")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="已收回，积分退回")).to_be_visible()
        expect(page.get_by_text("前领取")).to_have_count(0)
        page.get_by_role("link", name="下一位").press("Enter")
        expect(page.get_by_label("志愿者证、编号、短码或姓名")).to_be_focused()

    def close_the_day(self) -> None:
        """One soap more on the shelf than there should be: not without a word."""
        page, keys = self.organizer, self.organizer.keyboard
        page.goto("/desk/close")
        expect(page.get_by_label("毛巾", exact=True)).to_be_focused()
        for counted in ("10", "10"):  # the towel is back; of the soaps there should be nine
            keys.type(counted)
            keys.press("Tab")
            keys.press("Tab")
        page.get_by_role("button", name="签字日结").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("请写明原因")
        page.get_by_role("alert").get_by_role("link").press("Enter")
        keys.type("多出一件，原因不明")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="礼品发放日结单")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="香皂")).to_contain_text("多出一件，原因不明")

    def explain_the_day(self) -> None:
        """All that happened to one person, on one page."""
        page = self.organizer
        page.goto("/staff/members")
        page.get_by_label("查找").fill("孙桂兰")
        page.get_by_role("button", name="查找").click()
        page.get_by_role("link", name="孙桂兰").click()
        page.get_by_role("link", name="一人一天").click()
        shown = page.locator("main")
        for words in ("登记签到", "全员签退", "一键确认", "积分到账", "现场兑换", "收回发放", "兑换退回", "拿错了"):
            expect(shown).to_contain_text(words)
        expect(shown.get_by_role("listitem").first).to_contain_text("已到账 2 积分")


def line(page: Page, text: str) -> Locator:
    """The row of a list that begins so."""
    return page.locator(".row").filter(has=page.locator("strong", has_text=text))


def log_in(page: Page, phone: str) -> None:
    page.goto("/login")
    page.get_by_label("手机号").fill(phone)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).not_to_have_url(re.compile("/login"))


@pytest.fixture(scope="module")
def town(system: System) -> Town:
    """Founded at three in the afternoon, so that no test meets midnight by chance."""
    founded = Town(system, system.public_url)
    now = datetime.now(clock.SHANGHAI)
    founded.pass_hours(((now + timedelta(days=1)).replace(hour=15, minute=0, second=0) - now) / timedelta(hours=1))
    made = Town.found(system)
    made.hours_gone = founded.hours_gone
    return made


def test_a_station_goes_through_its_saturday_from_the_pasted_list_to_the_daily_close(town: Town, phone: Phone) -> None:
    saturday = Saturday(town, phone(), phone(), phone())
    saturday.gather()
    saturday.sign_up()
    saturday.postpone()
    saturday.call_the_roll()
    saturday.take_in_a_newcomer()
    saturday.leave()
    saturday.see_the_points()
    saturday.type_in_a_sheet()
    saturday.serve()
    saturday.close_the_day()
    saturday.explain_the_day()
    for page in (saturday.organizer, saturday.second, saturday.volunteer):
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(fits), "a phone need not scroll sideways"
    verify(town.system)
