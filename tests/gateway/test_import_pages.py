"""Staff's pages for spreadsheets: a template, a file, its dry run, taking it in, the bad rows, and taking it back."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from gateway.pages import imports
from services.members.commands import work_imports
from shared import clock
from shared.principal import Role
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

DATA = Path(__file__).parents[1] / "data"
PAGE = "/staff/imports"


def work(town: Town) -> None:
    """The worker's turns."""
    with town.apps["members"].app_context():
        while work_imports.work():
            pass


def bring(who: Browser, content: bytes, name: str = "花名册.xlsx", status: int = 200, **typed: str) -> Any:
    filled = form_fields(who.get(PAGE).text, PAGE) | typed
    answer = who.client.post(PAGE, data=filled | {"file": (io.BytesIO(content), name)}, follow_redirects=True)
    assert answer.status_code == status, answer.text[-3000:]
    return answer


def id_in(page: str) -> str:
    found = re.search(rf"{PAGE}/([0-9a-f-]{{36}})", page)
    assert found is not None
    return found[1]


def sheet_of(content: bytes) -> list[list[Any]]:
    return python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def step(who: Browser, here: str, verb: str, **typed: Any) -> Any:
    return who.post(here, here, action=verb, **typed)


def test_a_roster_goes_the_whole_way_by_pages(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    brought = bring(staff, (DATA / "roster.xlsx").read_bytes())
    assert "正在检查" in brought.text
    assert 'http-equiv="refresh"' in brought.text
    here = f"{PAGE}/{id_in(brought.text)}"
    work(town)
    checked = staff.get(here).text
    assert "http-equiv" not in checked
    assert "导入没有问题的 1 行" in checked
    assert "电话号码被存成了数量，后面几位丢了" in checked
    assert "没有的小区" in checked
    step(staff, here, "start")
    work(town)
    town.deliver()
    assert "已导入" in staff.get(here).text
    assert "李建国" in staff.get("/staff/members").text
    assert "花名册.xlsx" in staff.get(PAGE).text
    staff.post(f"{here}/undo", here)
    town.deliver()
    assert "已撤销" in staff.get(here).text
    assert "李建国" not in staff.get("/staff/members").text


def test_a_workbook_with_a_sheet_for_each_month_says_which_were_not_read_and_how_they_come_in(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        for name, who in (("一月", "李建国"), ("二月", "刘洋"), ("空页", "")):
            sheet = book.add_worksheet(name)
            if who:
                sheet.write_row(0, 0, ["姓名", "手机"])
                sheet.write_row(1, 0, [who, "13812345678"])
    here = f"{PAGE}/{id_in(bring(staff, content.getvalue()).text)}"
    work(town)
    checked = staff.get(here).text
    assert "另有 1 页没有读：二月" in checked
    assert "这次读的是“一月”" in checked


def test_who_has_the_name_of_somebody_at_the_station_is_shown_before_the_roster_is_taken_in(town: Town) -> None:
    staff, _chen = town.person("周站长", Role.STAFF), town.person("陈芳")
    content = "姓名,手机,家庭住址\n陈芳,13912340000,和谐小区 2 栋\n刘洋,,东兴小区\n".encode()
    here = f"{PAGE}/{id_in(bring(staff, content).text)}"
    work(town)
    checked = staff.get(here).text
    assert "有 1 行的姓名，本站已有同名的人" in checked
    assert "第 2 行。" in checked
    assert "导入没有问题的 2 行" in checked, "staff decides"
    rows = checked.partition('<caption class="unseen">可以导入的行</caption>')[2].partition("</table>")[0]
    chen, liu = re.findall(r"<tr>(.*?)</tr>", rows, re.DOTALL)[1:]
    assert "本站已有 1 位同名的" in chen
    assert '/staff/members?q=%E9%99%88%E8%8A%B3"' in chen
    assert "刘洋" in liu
    assert "同名" not in liu


def test_a_table_of_wages_is_no_roster(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    brought = bring(staff, "姓名,基本工资,实发\n刘洋,3200,2980\n".encode())
    here = f"{PAGE}/{id_in(brought.text)}"
    work(town)
    assert "不认识“基本工资、实发”，像是别的表格" in staff.get(here).text


def test_bad_rows_are_taken_home_with_the_reason_in_the_last_column(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    brought = bring(staff, (DATA / "roster.xlsx").read_bytes())
    work(town)
    answer = staff.get(f"{PAGE}/{id_in(brought.text)}/errors.xlsx")
    assert "filename*=UTF-8''%E8%8A%B1" in answer.headers["Content-Disposition"]
    heads, *rows = sheet_of(answer.data)
    assert heads == ["序号", "姓  名*", "联系电话", "小区", "楼栋", "出生年月日", "队伍", "特长", "备注", "原因"]
    assert [row[1] for row in rows] == ["王 秀 英", "陈　芳", "王秀英", "赵六", "孙小小", "周九"]
    assert rows[-1][-1] == "小区：本站没有这个小区，请先在“实践站和小区”里添加"


def test_the_corrected_rows_come_back_as_they_were_taken_home(town: Town) -> None:
    """The last column is one nobody knows, so it does no harm."""
    staff = town.person("周站长", Role.STAFF)
    brought = bring(staff, (DATA / "roster.xlsx").read_bytes())
    work(town)
    content = staff.get(f"{PAGE}/{id_in(brought.text)}/errors.xlsx").data
    again = bring(staff, content, "改过的.xlsx")
    work(town)
    assert "原因" in staff.get(f"{PAGE}/{id_in(again.text)}").text


def test_the_template_is_read_by_what_reads_the_files(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    content = staff.get(f"{PAGE}/roster.xlsx").data
    assert sheet_of(content)[2][:2] == ["姓名", "手机"]
    brought = bring(staff, content)
    work(town)
    shown = staff.get(f"{PAGE}/{id_in(brought.text)}").text
    assert "检查好了" in shown
    assert "不认识的列" not in shown


def test_records_brought_as_a_roster_lead_to_where_records_are_brought(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    brought = bring(staff, (DATA / "past.csv").read_bytes(), "记录.csv")
    work(town)
    shown = staff.get(f"{PAGE}/{id_in(brought.text)}").text
    assert "这像是过往服务记录" in shown
    assert "有问题的格子" not in shown
    link = re.search(rf'href="({PAGE}\?kind=\w+)"', shown)
    assert link is not None
    assert form_fields(staff.get(link[1]).text, PAGE)["kind"] == "past"


def test_the_same_file_leads_to_where_it_is_already(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    content = (DATA / "roster.csv").read_bytes()
    first = id_in(bring(staff, content).text)
    again = bring(staff, content, status=422)
    assert "这个文件已经交来过" in again.text
    assert first in again.text


def test_what_is_no_file_is_said_at_the_field(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    answer = staff.post(PAGE, PAGE, status=422)
    assert "请选择文件" in answer.text
    large = bring(staff, b"x" * (10 * 1024 * 1024 + 1), status=422)
    assert "最多 10 MB" in large.text
    assert bring(staff, b"x" * (12 * 1024 * 1024), status=413)


def test_a_file_of_ten_megabytes_reaches_the_service(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    rows = b"\n".join([b"\xe5\xa7\x93\xe5\x90\x8d"] + [b"x" * 400] * 24_000)
    brought = bring(staff, rows, "大.csv")
    work(town)
    assert "表格太大" in staff.get(f"{PAGE}/{id_in(brought.text)}").text


def test_other_pages_still_take_short_bodies_alone(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    answer = staff.client.post("/staff/members/new", data={"name": "x" * (2 * 1024 * 1024)})
    assert answer.status_code == 413


def test_an_auditor_sees_what_was_brought_and_may_read_the_file(town: Town) -> None:
    staff, auditor = town.person("周站长", Role.STAFF), town.person("吴监督", Role.AUDITOR)
    content = (DATA / "roster.csv").read_bytes()
    here = f"{PAGE}/{id_in(bring(staff, content, '名单.csv').text)}"
    work(town)
    assert "交一个文件" not in auditor.get(PAGE).text
    assert "导入没有问题的" not in auditor.get(here).text
    assert auditor.get(f"{here}/file").data == content
    assert "下载交来的文件" in town.administrator.get("/staff/audit").text


def official_above(town: Town) -> Browser:
    """Staff of the city, above the station."""
    return town.person("钱所长", Role.STAFF, at=town.nodes["咸宁市"])


def test_opening_balances_go_the_whole_way_by_pages(town: Town) -> None:
    staff, second, chen = town.person("周站长", Role.STAFF), official_above(town), town.person("陈芳")
    number = town.administrator.api("GET", f"/members/members/{chen.member_id}")["volunteer_number"]
    content = f"姓名,志愿者编号,时长,积分\n陈芳,{number},120小时30分,86.5\n陈芳,,半天,\n合计,,,86.5\n".encode()
    here = f"{PAGE}/{id_in(bring(staff, content, '台账.csv', kind='opening').text)}"
    work(town)
    checked = staff.get(here).text
    assert "把 1 行交去审核" in checked
    assert "120 小时 30 分钟" in checked
    assert "只有姓名，分不清是谁" in checked
    assert who_gets(checked) == [["2", "陈芳", f"陈芳 · 编号尾号 {number[-4:]}", "120 小时 30 分钟", "86.5"]]
    assert "等上一级的另一位审核" in step(staff, here, "start").text
    assert "审核通过，记账" not in staff.get(here).text
    assert "份文件等您审核" not in staff.get("/staff").text
    for page in ("/staff", "/organize"):
        assert re.search(rf'href="{PAGE}\?state=waiting".*?1 份文件等您审核', second.get(page).text, re.DOTALL), page
    assert here in second.get(f"{PAGE}?state=waiting").text
    assert who_gets(second.get(here).text) == who_gets(checked), "nobody approves a sum"
    step(second, here, "approve")
    work(town)
    town.deliver()
    assert town.administrator.api("GET", "/members/backlog")["waiting"] == 0
    shown = chen.get("/records/points").text
    assert "期初结转" in shown
    assert "台账.csv" not in shown, "what an office called its file says nothing to a volunteer"
    assert "86.5" in shown
    assert "谁审核的" in staff.get(here).text
    audit = town.administrator.get("/staff/audit").text
    assert "审核通过要导入的文件" in audit
    assert "期初结转记账" in audit
    assert "要请上一级（所或中心）的工作人员来撤销" in staff.get(here).text
    assert staff.client.get(f"{here}/undo").headers["Location"] == here, "nobody is asked who may not"
    second.post(f"{here}/undo", here)
    work(town)
    town.deliver()
    assert "期初结转撤回" in chen.get("/records/points").text
    assert chen.api("GET", f"/points/balances?member_ids={chen.member_id}")[0]["points_available"] == 0


def who_gets(page: str) -> list[list[str]]:
    """The rows of the table that says who gets how much."""
    rows = page.partition('<caption class="unseen">逐行看：谁得多少</caption>')[2].partition("</table>")[0]
    body = re.findall(r"<tr>(.*?)</tr>", rows, re.DOTALL)[1:]
    return [[re.sub(r"<[^>]*>", "", cell).strip() for cell in re.split(r"</t[hd]>", row)[:-1]] for row in body]


def test_good_rows_come_in_pages(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "GOOD_ROWS_SHOWN", 1)
    staff = town.person("周站长", Role.STAFF)
    people = [town.person(name) for name in ("陈芳", "李梅")]
    numbers = [staff.api("GET", f"/members/members/{who.member_id}")["volunteer_number"] for who in people]
    content = f"姓名,志愿者编号,时长\n陈芳,{numbers[0]},3\n李梅,{numbers[1]},4\n".encode()
    here = f"{PAGE}/{id_in(bring(staff, content, '台账.csv', kind='opening').text)}"
    work(town)
    first = staff.get(here).text
    assert [row[1] for row in who_gets(first)] == ["陈芳"]
    assert f'href="{here}?after=2"' in first
    assert [row[1] for row in who_gets(staff.get(f"{here}?after=2").text)] == ["李梅"]


def test_opening_balances_are_sent_back_with_a_reason(town: Town) -> None:
    staff, second, chen = town.person("周站长", Role.STAFF), official_above(town), town.person("陈芳")
    number = town.administrator.api("GET", f"/members/members/{chen.member_id}")["volunteer_number"]
    content = f"姓名,志愿者编号,时长\n陈芳,{number},3\n".encode()
    here = f"{PAGE}/{id_in(bring(staff, content, '台账.csv', kind='opening').text)}"
    work(town)
    step(staff, here, "start")
    assert "请写明原因" in second.post(here, here, status=422, action="reject", reason="").text
    step(second, here, "reject", reason="台账上是 2 小时")
    assert "台账上是 2 小时" in staff.get(here).text


def test_the_template_of_opening_balances_is_read_by_what_reads_the_files(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    content = staff.get(f"{PAGE}/opening.xlsx").data
    here = f"{PAGE}/{id_in(bring(staff, content, kind='opening').text)}"
    work(town)
    assert "不认识的列" not in staff.get(here).text


def test_past_services_go_the_whole_way_by_pages(town: Town) -> None:
    staff, second, chen = town.person("周站长", Role.STAFF), official_above(town), town.person("陈芳")
    number = town.administrator.api("GET", f"/members/members/{chen.member_id}")["volunteer_number"]
    lines = [
        "三月服务记录",
        "姓名,志愿者编号,日期,时长,活动名称",
        f"陈芳,{number},3月8日,半天,清扫楼道",
        "陈芳,,3月9日,2,夜巡",
    ]
    content = "\n".join(lines).encode()
    here = f"{PAGE}/{id_in(bring(staff, content, '三月.csv', kind='past').text)}"
    work(town)
    town.deliver()
    assert "没有写类别，请补上这一列，或者在页面上选一个" in staff.get(here).text
    step(staff, here, "check", category="environment", half_day_minutes="180")
    work(town)
    assert "http-equiv" in staff.get(here).text, "check-in has not said yet what it knows"
    town.deliver()
    checked = staff.get(here).text
    assert "把 1 行交去审核" in checked
    assert "有 1 行的日期没有写年份" in checked
    assert "只有姓名，分不清是谁" in checked
    whose = f"陈芳 · 编号尾号 {number[-4:]}"
    day = f"{clock.today().year}年3月8日"
    assert who_gets(checked) == [["3", "陈芳", whose, day, "3 小时", "环境整治"]]
    assert "等上一级的另一位审核" in step(staff, here, "start").text
    assert who_gets(second.get(here).text) == who_gets(checked)
    step(second, here, "approve")
    work(town)
    town.deliver()
    record = chen.get("/records").text
    assert "清扫楼道" in record
    assert "事后补录" in record
    balance = chen.api("GET", f"/points/balances?member_ids={chen.member_id}")[0]
    assert (balance["points_available"], balance["minutes_total"]) == (0, 180)
    day = staff.get(f"/staff/members/{chen.member_id}/day?day={clock.today().year}-03-08").text
    assert "事后补录" in day
    assert "钱所长" in day
    audit = town.administrator.get("/staff/audit").text
    assert "补录过往活动" in audit
    assert "导入过往服务记录" in audit
    other = bring(staff, "\n".join([*lines, ""]).encode(), "三月改.csv", kind="past")
    again = f"{PAGE}/{id_in(other.text)}"
    step_checked(town, staff, again)
    assert "这一天已有同一活动的记录：清扫楼道，180 分钟" in staff.get(again).text
    assert "时长收回" in second.get(f"{here}/undo").text
    second.post(f"{here}/undo", here)
    work(town)
    town.deliver()
    assert chen.api("GET", f"/points/balances?member_ids={chen.member_id}")[0]["minutes_total"] == 0
    assert "已撤销" in staff.get(here).text


def step_checked(town: Town, staff: Browser, here: str) -> None:
    """Check it with a category for rows that have none."""
    work(town)
    town.deliver()
    step(staff, here, "check", category="environment")
    work(town)
    town.deliver()


def test_the_template_of_past_services_is_read_by_what_reads_the_files(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    content = staff.get(f"{PAGE}/past.xlsx").data
    here = f"{PAGE}/{id_in(bring(staff, content, kind='past').text)}"
    work(town)
    shown = staff.get(here).text
    assert "检查好了" in shown
    assert "不认识的列" not in shown
