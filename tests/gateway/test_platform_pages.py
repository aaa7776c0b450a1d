"""Batches of service records for another platform: from the number on the card to the same file twice."""

import csv
import io
import re
from datetime import date
from typing import Any

import python_calamine

from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, hold_activity
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

DAY = START.date()


def serve(town: Town, organizer: Browser, *people: Browser) -> None:
    """An activity at which these people were, confirmed."""
    activity = hold_activity(town, organizer)
    with town.at(START.replace(hour=13)):
        for who in people:
            attend(organizer, activity, who, 90)
        organizer.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")


def test_staff_enters_a_number_makes_a_batch_and_downloads_the_same_file_twice(town: Town) -> None:
    organizer, staff = town.person("李组长", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    who, unknown = town.person("陈芳"), town.person("=1+1")
    serve(town, organizer, who, unknown)
    here = f"/staff/outside/member/{who.member_id}"
    assert here in staff.get(f"/staff/members/{who.member_id}").text
    assert "已保存" in staff.post(here, here, izhiyuan="=G-1").text
    assert "已经登记在别处" in staff.post(
        f"/staff/outside/member/{unknown.member_id}", f"/staff/outside/member/{unknown.member_id}", 422, izhiyuan="=G-1"
    ).text  # fmt: skip
    span: dict[str, Any] = {"from_day": DAY.isoformat(), "to_day": DAY.isoformat(), "with_unnumbered": "1"}
    made = staff.post("/staff/batches", "/staff/batches", **span)
    assert "这一批已生成，可以下载" in made.text
    assert f"/staff/outside/member/{unknown.member_id}" in made.text
    assert "i志愿第 1 批" in staff.get("/staff/batches").text

    files = {form: staff.get(f"{made.request.path}/records.{form}") for form in ("xlsx", "csv")}
    [head, record] = list(csv.reader(io.StringIO(files["csv"].get_data().decode("utf-8-sig"))))
    told = dict(zip(head, record, strict=True))
    assert (told["平台志愿者编号"], told["姓名"]) == ("'=G-1", "陈芳"), "no platform takes a masked name"
    assert (told["服务日期"], told["开始时间"], told["结束时间"]) == (DAY.isoformat(), "09:00", "10:30")
    assert (told["服务时长（分钟）"], told["服务时长（小时）"], told["凭据"]) == ("90", "1.5", "负责人确认")
    assert (told["记录性质"], told["原批次"], told["服务评价"]) == ("新记录", "", "")
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"].get_data()))
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[2] == head
    assert (rows[3][1], rows[3][9], rows[3][12]) == ("=G-1", date.fromisoformat(DAY.isoformat()), 90.0)

    # Later, read in English: the same bytes, but for a name that was put right since.
    staff.client.set_cookie("huzhu_language", "en")
    with town.at(START.replace(hour=20)):
        for form, file in files.items():
            again = staff.get(f"{made.request.path}/records.{form}")
            assert again.get_data() == file.get_data(), form
            assert again.headers["Content-Disposition"] == file.headers["Content-Disposition"]
        staff.api("PATCH", f"/members/members/{who.member_id}", {"name": "陈小芳"})
        renamed = staff.get(f"{made.request.path}/records.csv").get_data().decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(renamed))) == [head, [cell.replace("陈芳", "陈小芳") for cell in record]]


def test_full_names_of_a_batch_are_read_by_its_staff_alone_and_each_is_in_the_log(town: Town) -> None:
    organizer, staff = town.person("李组长", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    auditor, who = town.person("郑监督", Role.AUDITOR), town.person("陈芳")
    serve(town, organizer, who)
    about = {"kind": "member", "subject_id": who.member_id, "platform": "izhiyuan", "number": "G-1"}
    staff.api("PUT", "/checkin/outside-numbers", about)
    span = {"platform": "izhiyuan", "node_id": town.station_id, "from_day": str(DAY), "to_day": str(DAY)}
    batch_id = staff.api("POST", "/checkin/batches", {"id": str(new_id()), **span})["id"]
    for reader, name in ((auditor, "陈*"), (staff, "陈芳")):
        file = reader.get(f"/staff/batches/{batch_id}/records.csv").get_data().decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(file)))[1][3] == name
    logged = town.administrator.get("/staff/audit?action=member.read_name").text.partition("<table")[2]
    assert logged.count("读取全名，交给别的平台") == 1, "what an auditor gets is masked, and read from nobody"
    assert "陈芳" in logged
    assert "周站长" in logged


def test_a_form_without_days_and_a_span_without_records_say_so(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    assert "请填写日期" in staff.post("/staff/batches", "/staff/batches", 422).text
    span: dict[str, Any] = {"from_day": DAY.isoformat(), "to_day": DAY.isoformat(), "with_unnumbered": "1"}
    assert "没有可以导出的新记录" in staff.post("/staff/batches", "/staff/batches", 422, **span).text
    unticked = staff.post("/staff/batches", "/staff/batches", 422, **span | {"with_unnumbered": None}).text
    assert "活动还没有平台活动编号的没有算在内" in unticked
    staff.get(f"/staff/batches/{new_id()}", 404)
    assert re.search(r"还没有", staff.get("/staff/batches").text)


def test_records_that_all_wait_for_numbers_are_counted_and_lead_to_where_numbers_are_entered(town: Town) -> None:
    organizer, staff = town.person("李组长", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    who = town.person("陈芳")
    serve(town, organizer, who)
    span: dict[str, Any] = {"from_day": DAY.isoformat(), "to_day": DAY.isoformat(), "with_unnumbered": "1"}
    told = staff.post("/staff/batches", "/staff/batches", 422, **span).text
    assert "有 1 条新记录在等平台编号" in told
    assert "没有可以导出的新记录" not in told
    here = f"/staff/outside/member/{who.member_id}"
    assert re.search(rf'href="{here}">陈芳 · ', told)
    staff.post(here, here, izhiyuan="G-1")
    filled = form_fields(told, "/staff/batches")
    assert (filled["from_day"], filled["platform"]) == (DAY.isoformat(), "izhiyuan")
    again = staff.client.post("/staff/batches", data=filled, follow_redirects=True)
    assert "这一批已生成" in again.text


def test_an_auditor_reads_batches_and_makes_none(town: Town) -> None:
    auditor = town.person("郑监督", Role.AUDITOR)
    assert 'name="from_day"' not in auditor.get("/staff/batches").text


def test_numbers_are_pasted_a_line_a_person_and_what_is_not_understood_stays_in_the_field(town: Town) -> None:
    staff, stranger = town.person("周站长", Role.STAFF), town.person("钱一")
    by_name, by_number, _twin, _other_twin = (town.person(name) for name in ("陈芳", "李梅", "王秀英", "王秀英"))
    number = staff.api("GET", f"/members/members/{by_number.member_id}")["volunteer_number"]
    wrong = ["王秀英 G-3", "孙没有 G-4", "只有姓名", f"陈芳 {number} G-5", "钱一 G-1"]
    told = staff.post(
        "/staff/outside",
        "/staff/outside",
        422,
        platform="izhiyuan",
        list="\r\n".join(["1、陈芳\tG-1", f"{number[:4]} {number[4:8]} {number[8:]}，G-2", *wrong]),
    ).text
    assert "登记了 2 位的平台编号" in told
    assert "有 5 行没有登记" in told
    for fault in ("有 2 位同名", "这里没有叫这个名字", "看不懂", "姓名和志愿者编号对不上", "已经登记在别处"):
        assert fault in told, fault
    assert form_fields(told, "/staff/outside")["list"].split() == " ".join(wrong).split()
    for who, known in ((by_name, "G-1"), (by_number, "G-2"), (stranger, None)):
        query = f"kind=member&subject_id={who.member_id}"
        numbers = [one["number"] for one in staff.api("GET", f"/checkin/outside-numbers?{query}")]
        assert numbers == ([known] if known else [])


def test_a_name_that_is_pasted_means_nobody_of_another_station(town: Town) -> None:
    """Though this login is responsible for both: the number would go into records that are never changed."""
    here = town.administrator.api("GET", f"/members/nodes/{town.station_id}")
    station = {"id": str(new_id()), "level": "station", "name": "别的站", "parent_id": here["parent_id"]}
    town.administrator.api("POST", "/members/nodes", station)
    namesake = {"id": str(new_id()), "name": "孙别处", "station_id": station["id"]}
    town.administrator.api("POST", "/members/members", namesake)
    town.deliver()
    told = town.administrator.post(
        "/staff/outside", "/staff/outside", 422, platform="izhiyuan", node_id=town.station_id, list="孙别处 G-77"
    ).text
    assert "这里没有叫这个名字" in told
    query = f"kind=member&subject_id={namesake['id']}"
    assert town.administrator.api("GET", f"/checkin/outside-numbers?{query}") == []


def test_two_numbers_for_one_person_in_a_list_are_a_question(town: Town) -> None:
    staff, who, other = town.person("周站长", Role.STAFF), town.person("陈芳"), town.person("李梅")
    number = staff.api("GET", f"/members/members/{who.member_id}")["volunteer_number"]
    lines = ["陈芳 G-1", "李梅 G-3", f"陈芳 {number} G-2", "李梅 G-3"]
    told = staff.post("/staff/outside", "/staff/outside", 422, platform="izhiyuan", list="\n".join(lines)).text
    assert "登记了 2 位的平台编号" in told
    assert told.count("两个不同的平台编号") == 2
    assert form_fields(told, "/staff/outside")["list"].splitlines() == [lines[0], lines[2]]
    known = [
        [one["number"] for one in staff.api("GET", f"/checkin/outside-numbers?kind=member&subject_id={each.member_id}")]
        for each in (who, other)
    ]
    assert known == [[], ["G-3"]]
