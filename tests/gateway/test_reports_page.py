"""What a station reports, on the page, on paper and as files; and the file of an activity."""

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import python_calamine

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, publish, scan
from tests.gateway.real import Browser, Town, town

__all__ = ["town"]

END = START + timedelta(hours=2, minutes=30)
DAY = clock.day_of(START)
PERIOD = f"from_day={DAY}&to_day={DAY}"
HEADS = [
    "统计项目", "名称", "活动场次", "参与人次", "参与人数", "服务时长（小时）", "服务时长（分钟）", "待确认（条）",
    "居民人数", "每千居民参与人数", "每千居民服务时长（小时）",
]  # fmt: skip


def serve(town: Town) -> tuple[Browser, str]:
    """Two volunteers at an activity, one of whom forgot to leave; 500 people live there. The organizer, its page."""
    organizer, first, second = town.person("李组织", Role.ORGANIZER), town.person("陈芳"), town.person("王秀英")
    count = {"residents": 500, "from_day": "2026-01-01"}
    town.administrator.api("PATCH", f"/members/nodes/{town.station_id}", count)
    page = publish(organizer, title="=清扫@和谐小区")
    with town.at(START - timedelta(minutes=5)):
        for who in (first, second):
            scan(organizer, who, page, "arrival")
    with town.at(END + timedelta(minutes=5)):
        scan(organizer, first, page, "departure")
        town.deliver()
    return organizer, page


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text.partition("<main")[2].partition("</main>")[0]))


def test_staff_sees_the_figures_of_its_station_with_what_they_rest_on(town: Town) -> None:
    organizer, _page = serve(town)
    staff = town.person("周社工", Role.STAFF)
    with town.at(END + timedelta(days=1)):
        assert "统计上报" in staff.get("/staff").text
        shown = words(staff.get(f"/staff/reports?{PERIOD}").text)
        assert "南昌路社区实践站" in shown
        assert "场次 1 人次 1 人数 1 每千居民 2.0 人 时长 2.5 小时 每千居民 5.0 小时" in shown
        assert "按服务日期统计，只算已经确认的时长。" in shown
        assert "这段时间的数字还不完整，以后还会变。 另有 1 条记录待确认，不在内。" in shown
        assert "南昌路社区实践站（本级） 1 1 1 2.5 1 500 2.0 5.0" in shown
        then = words(staff.get(f"/staff/reports?{PERIOD}&tree=then").text)
        assert "按服务当天的上下级和名称。居民人数按这段时间第一天的算" in then
        assert "这段时间没有服务记录" in staff.get(f"/staff/reports?{PERIOD}&category=health").text
        assert "不能早于开始日期" in staff.get(f"/staff/reports?from_day={DAY}&to_day=2026-01-01").text
        assert "日期不对" in staff.get("/staff/reports?from_day=foo").text
    organizer.get("/staff/reports", status=403)


def test_staff_of_another_station_see_nothing_of_it(town: Town) -> None:
    _organizer, page = serve(town)
    stranger = town.person("赵外站")
    elsewhere = town.nodes["岔路口社区实践站"]
    town.administrator.api("POST", f"/members/members/{stranger.member_id}/confirm")
    grant = {"id": str(new_id()), "member_id": stranger.member_id, "role": "staff", "node_id": elsewhere}
    town.administrator.api("POST", "/members/grants", grant)
    with town.at(END + timedelta(days=1)):
        own = words(stranger.get(f"/staff/reports?{PERIOD}").text)
        assert "岔路口社区实践站" in own
        assert "这段时间没有服务记录" in own
        for path in ("/staff/reports", "/staff/reports/print", "/staff/reports.xlsx", "/staff/reports.csv"):
            stranger.get(f"{path}?{PERIOD}&node_id={town.station_id}", status=403)
        stranger.get(f"{page}/file", status=403)


def test_who_is_above_goes_down_from_place_to_place_and_up_again(town: Town) -> None:
    serve(town)
    admin, city = town.administrator, town.nodes["咸宁市"]
    with town.at(END + timedelta(days=1)):
        whole = admin.get(f"/staff/reports?{PERIOD}").text
        assert "全部地方" in whole
        link = f"/staff/reports?node_id={city}&amp;from_day={DAY}&amp;to_day={DAY}&amp;tree=now"
        assert link in whole
        below = admin.get(link.replace("&amp;", "&")).text
        assert link.replace(city, town.station_id) in below
        assert link in admin.get(link.replace(city, town.station_id).replace("&amp;", "&")).text


def test_a_place_without_a_count_of_its_own_has_that_of_the_places_below_it_if_each_has_one(town: Town) -> None:
    serve(town)
    path = f"/staff/reports?{PERIOD}&node_id={town.nodes['咸宁市']}"
    with town.at(END + timedelta(days=1)):
        assert "每千居民" not in words(town.administrator.get(path).text).partition("时长 2.5")[0]
        count = {"residents": 1500, "from_day": "2026-01-01"}
        town.administrator.api("PATCH", f"/members/nodes/{town.nodes['岔路口社区实践站']}", count)
        assert "人数 1 每千居民 0.5 人" in words(town.administrator.get(path).text)
        town.administrator.api("PATCH", f"/members/nodes/{town.nodes['咸宁市']}", count | {"residents": 1000})
        assert "人数 1 每千居民 1.0 人" in words(town.administrator.get(path).text)


def test_who_administers_a_place_that_nobody_has_counted_is_led_to_where_that_is_entered(town: Town) -> None:
    here, link = f"/staff/reports?{PERIOD}&node_id=", "登记居民人数："
    other = town.nodes["岔路口社区实践站"]
    seen = town.administrator.get(here + other).text
    assert f'href="/staff/nodes/{other}#residents"' in seen
    assert 'id="residents"' in town.administrator.get(f"/staff/nodes/{other}").text
    town.administrator.api("PATCH", f"/members/nodes/{other}", {"residents": 400, "from_day": "2026-01-01"})
    assert link not in town.administrator.get(here + other).text
    # Who may not enter it is not led there.
    assert link not in town.person("周社工", Role.STAFF).get(here + town.station_id).text


def test_after_a_merge_as_many_live_at_the_heir_as_at_both_also_where_it_is_counted_as_it_was(town: Town) -> None:
    serve(town)
    admin, heir = town.administrator, town.nodes["岔路口社区实践站"]
    with town.at(END + timedelta(days=1)):
        count = {"residents": 1500, "from_day": "2026-01-01"}
        admin.api("PATCH", f"/members/nodes/{heir}", count)
        merged = {"closed_on": str((END + timedelta(days=1)).date()), "successor_id": str(heir)}
        admin.api("PATCH", f"/members/nodes/{town.station_id}", merged)
        town.deliver()
        day = END.date()
        for to_day in (day, day + timedelta(days=1)):
            path = f"/staff/reports?from_day={day}&to_day={to_day}&node_id="
            heirs = words(admin.get(f"{path}{heir}&tree=now").text)
            above = [words(admin.get(f"{path}{town.nodes['咸宁市']}&tree={tree}").text) for tree in ("now", "then")]
            assert "人数 1 每千居民 0.5 人" in heirs, "of two thousand, also on a day before the merge"
            assert all("人数 1 每千居民 0.5 人" in whole for whole in above)
    assert ["2.0" in whole for whole in above] == [False, True], "of the five hundred who lived there then"


def test_the_files_hold_what_the_page_shows_and_say_by_which_day_it_counts(town: Town) -> None:
    serve(town)
    admin = town.administrator
    with town.at(END + timedelta(days=1)):
        query = f"{PERIOD}&node_id={town.nodes['咸宁市']}"
        book = admin.get(f"/staff/reports.xlsx?{query}")
        table = admin.get(f"/staff/reports.csv?{query}")
        paper = words(admin.get(f"/staff/reports/print?{query}").text)
    total = ["合计", "合计", 1, 1, 1, 2.5, 150, 1, "", "", ""]
    station = ["按地方", "南昌路社区实践站", 1, 1, 1, 2.5, 150, 1, 500, 2.0, 5.0]
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(book.get_data())).get_sheet_by_index(0)
    rows: list[list[Any]] = sheet.to_python()
    at = rows.index(HEADS)
    assert rows[0][0] == f"咸宁市志愿服务统计表（{_day(DAY)}–{_day(DAY)}）"
    assert [row[0] for row in rows[1:3]] == [
        "按服务日期统计，只算已经确认的时长。",
        "这段时间的数字还不完整，以后还会变。",
    ]
    assert rows[at + 1] == total
    assert rows[-1] == station
    content = table.get_data()
    assert content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert lines[:2] == [HEADS, [str(cell) for cell in total]]
    assert [str(cell) for cell in station] in lines
    assert "按服务日期统计，只算已经确认的时长。" in [line[1] for line in lines if line[0] == "说明"]
    assert quote(f"志愿服务统计_咸宁市_{DAY}_{DAY}.csv") in table.headers["Content-Disposition"]
    assert "南昌路社区实践站 1 1 1 2.5 1 500 2.0 5.0" in paper
    assert "按服务日期统计" in paper
    assert "单位（盖章）：" in paper


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def test_the_file_of_an_activity_has_its_plan_its_sheet_and_its_summary(town: Town) -> None:
    organizer, page = serve(town)
    with town.at(END + timedelta(minutes=5)):
        organizer.post(f"{page}/close", f"{page}/close")
        town.deliver()
        organizer.post(f"{page}/confirm", f"{page}/confirm-all")
        assert "请写小结" in organizer.post(f"{page}/summary", f"{page}/summary", status=422, summary=" ").text
        said = organizer.post(f"{page}/summary", f"{page}/summary", summary="清运垃圾两车。\n居民反映良好。")
        assert "已保存" in said.text
        shown = words(organizer.get(f"{page}/file").text)
    assert "活动名称 =清扫@和谐小区" in shown
    assert f"{_day(DAY)} 09:00–11:30" in shown
    assert "08:55 11:35 150 本人扫码 按时扫码，自动确认" in shown
    assert "负责人确认 李组织" in shown
    assert "共 2 人次，服务时长 5 小时（只算已确认的）。" in shown
    assert "清运垃圾两车。 居民反映良好。" in shown
    assert "活动负责人（签字）：" in shown
    audit = town.administrator.get("/staff/audit?action=activity.summarize").text
    assert "写活动小结" in audit
    assert "清运垃圾两车" in audit


def test_the_file_names_in_full_who_published_and_led_though_they_live_elsewhere(town: Town) -> None:
    elsewhere = replace(town, station_id=town.nodes["岔路口社区实践站"])
    organizer = elsewhere.person("程建军", Role.ORGANIZER, at=town.station_id)
    volunteer, staff, auditor = (
        town.person("陈芳"),
        town.person("周社工", Role.STAFF),
        town.person("钱监", Role.AUDITOR),
    )
    page = publish(organizer, site_name_0="东门")
    for who in (staff, auditor):
        shown = words(who.get(f"{page}/file").text)
        assert "发布人 程建军" in shown
        assert "点位负责人 程建军" in shown
    # Nothing but the name, and nobody else's: a volunteer sees it masked, and a stranger's stays so for staff.
    [card] = staff.api("GET", f"/members/members?ids={organizer.member_id}")
    assert (card["full"], card["name_masked"], card["volunteer_number"][:8]) == (False, "程*军", "*" * 8)
    assert volunteer.api("GET", f"/members/members?ids={organizer.member_id}")[0]["name"] == "程*军"
    stranger = elsewhere.person("罗外站")
    assert staff.api("GET", f"/members/members?ids={stranger.member_id}")[0]["name"] == "罗*站"


def test_files_and_reports_are_those_of_the_station_that_was_chosen_last(town: Town) -> None:
    serve(town)
    staff, other = town.person("周社工", Role.STAFF), town.nodes["岔路口社区实践站"]
    grant = {"id": str(new_id()), "member_id": staff.member_id, "role": "staff", "node_id": other}
    town.administrator.api("POST", "/members/grants", grant)
    with town.at(END + timedelta(days=1)):
        for chosen in (other, town.station_id, other):
            shown = staff.get(f"/staff/files?node_id={chosen}&month={DAY:%Y-%m}").text
            assert ("=清扫@和谐小区" in shown) == (chosen == town.station_id)
            for page in ("/staff/files", "/staff/reports"):
                found = re.findall(r'node_id=([^"&]*)[^"]*" aria-current="true"', staff.get(page).text)
                assert found[0] == chosen, page


def test_a_months_activities_lead_to_their_files(town: Town) -> None:
    organizer, page = serve(town)
    auditor = town.person("钱监督", Role.AUDITOR)
    for who in (organizer, auditor):
        shown = who.get(f"/staff/files?month={DAY:%Y-%m}").text
        assert f"{page}/file" in shown
        assert "没有小结" in shown
        assert "这个月没有活动" in who.get("/staff/files?month=2020-01").text
        who.get("/staff/files?month=never")
    assert "陈芳" in auditor.get(f"{page}/file").text
