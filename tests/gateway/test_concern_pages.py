"""反映问题 and 投诉建议 on the pages: from the record to the answer, and without a login."""

import re
from datetime import timedelta

import pytest

from gateway.limits import OWN_MAX
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]


def text_of(page: str) -> str:
    """What stands in a page, one thing a line."""
    text = re.sub(r"<[^>]*>", "\n", page.partition("<main")[2].partition(">")[2].partition("</main>")[0])
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def number_in(page: str) -> str:
    found = re.search(r"\b(\d{3}) (\d{3})\b", text_of(page))
    assert found is not None, text_of(page)
    return found[1] + found[2]


def report(who: Browser) -> str:
    """Report something; the path of the page that says so."""
    answer = who.post("/concerns/new", "/concerns/new", words="周六的积分没有到账", day="2026-11-21")
    assert "已收到，请记下编号" in answer.text
    return str(answer.request.path)


def test_a_question_about_a_record_is_answered_and_the_answer_read(town: Town) -> None:
    who, staff = town.person("陈芳"), town.person("周站长", Role.STAFF)
    attendance_id = str(new_id())
    page = f"/concerns/new?attendance={attendance_id}&day=2026-11-21"
    answer = who.post(page, "/concerns/new", words="<b>周六</b>\n少记了一小时")
    number = number_in(answer.text)
    assert "&lt;b&gt;周六&lt;/b&gt;\n少记了一小时" in answer.text
    path = answer.request.path

    listed = staff.get("/staff/concerns").text
    assert f"{number[:3]} {number[3:]} · 陈芳" in listed
    here = f"/staff/concerns/{path.rpartition('/')[2]}"
    shown = staff.get(here).text
    assert f"/staff/members/{who.member_id}/day?day=2026-11-21" in shown
    staff.get(f"/staff/members/{who.member_id}/day?day=2026-11-21")
    assert "已接手" in staff.post(here, here, action="take").text
    assert "处理中" in text_of(who.get(path).text)
    answered = staff.post(here, here, action="answer", answer="已按签到表补上", corrected_id=attendance_id)
    assert "已答复，反映的人会看到" in answered.text
    told = text_of(who.get(path).text)
    assert "已答复" in told
    assert "已按签到表补上\n记录已经更正。" in told
    assert "周*长" in told
    assert "已答复" in text_of(who.get("/concerns").text)
    assert "已再次反映" in who.post(path, path, because="还少半小时").text
    assert "还少半小时" in text_of(staff.get(here).text)


def test_an_answer_stands_on_the_first_page_until_it_is_opened(town: Town) -> None:
    who, staff = town.person("陈芳"), town.person("周站长", Role.STAFF)
    path = report(who)
    assert "有答复" not in who.get("/").text
    here = path.replace("/concerns/", "/staff/concerns/").partition("?")[0]
    staff.post(here, here, action="answer", answer="已补上")
    shown = who.get("/").text
    assert "您反映的问题有答复" in shown
    link = re.search(r'href="(/concerns/[^"]+)"', shown)
    assert link is not None
    assert "已补上" in who.get(link[1]).text
    assert "有答复" not in who.get("/").text


def test_a_form_that_says_nothing_comes_back_with_what_stood_in_it(town: Town) -> None:
    who, staff = town.person("陈芳"), town.person("周站长", Role.STAFF)
    page = f"/concerns/new?attendance={new_id()}&day=2026-11-21"
    answer = who.post(page, "/concerns/new", 422, words=" ", above="1")
    assert "请写明是哪一天、哪次活动、什么不对" in answer.text
    kept = form_fields(answer.text, "/concerns/new")
    assert (kept["day"], kept["above"]) == ("2026-11-21", "1")
    assert f"attendance={kept['attendance']}&" in page
    here = report(who).replace("/concerns/", "/staff/concerns/")
    for verb, fault in (("answer", "请写明答复"), ("reopen", "请写明哪里还不对"), ("nonsense", "页面不完整")):
        assert fault in staff.post(here, here, 422, action=verb).text
    assert "还没有答复" in staff.post(here, here, 422, action="reopen", because="不对").text


def test_staff_writes_down_for_somebody_without_a_phone_and_reads_the_number_out(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    elder = staff.api(
        "POST",
        "/members/members",
        {"id": str(new_id()), "name": "王奶奶", "station_id": town.station_id},
    )["id"]
    here = f"/staff/members/{elder}/concern"
    told = staff.post(here, here, words="我上周扫地没有记", above="1").text
    number = number_in(told)
    # To be answered above: the station that wrote it down does not see it any more.
    assert number not in staff.get("/staff/concerns").text.replace(" ", "")
    assert number in town.administrator.get("/staff/concerns").text.replace(" ", "")


def test_what_is_overdue_says_so(town: Town) -> None:
    who, staff = town.person("陈芳"), town.person("周站长", Role.STAFF)
    report(who)
    assert "已逾期" not in staff.get("/staff/concerns").text
    with town.at(clock.now() + timedelta(days=9)):
        assert "已逾期" in staff.get("/staff/concerns").text


def test_what_waits_is_counted_where_staff_begins_and_overdue_ones_apart(town: Town) -> None:
    who, staff, organizer = (
        town.person("陈芳"),
        town.person("周站长", Role.STAFF),
        town.person("李组织", Role.ORGANIZER),
    )
    pages = ("/staff", "/organize")
    assert not any("条待处理" in staff.get(page).text for page in pages)
    report(who)
    for page in pages:
        assert "反映和投诉\n1 条待处理" in text_of(staff.get(page).text).replace("\n逾期的排在最前", "")
    assert "条待处理" not in organizer.get("/organize").text
    with town.at(clock.now() + timedelta(days=9)):
        assert all("1 条待处理，1 条逾期" in staff.get(page).text for page in pages)


def test_anybody_complains_without_a_login_and_is_not_known(town: Town) -> None:
    stranger, staff = town.browser(), town.person("周站长", Role.STAFF)
    for page in ("/", "/records", "/boards"):
        assert 'href="/complaints"' in stranger.get(page).text
    told = stranger.post("/complaints", "/complaints", node_id=town.station_id, words="签到码太小").text
    number = number_in(told)
    listed = text_of(staff.get("/staff/concerns?kind=complaint").text)
    assert f"{number[:3]} {number[3:]} · 匿名" in listed
    (here,) = re.findall(r'href="(/staff/concerns/[0-9a-f-]{36})"', staff.get("/staff/concerns").text)
    shown = staff.get(here).text
    assert "匿名的不用答复" in shown
    for said in (listed, text_of(shown)):
        assert "最晚" in said
        assert "阅看" in said
        assert not re.search(r"最晚[^\n]*答复", said)
    assert 'name="answer"' not in shown
    staff.post(here, here, action="read")
    assert "没有待答复的" in staff.get("/staff/concerns").text


def test_who_leaves_a_telephone_number_can_be_called(town: Town) -> None:
    stranger, staff = town.browser(), town.person("周站长", Role.STAFF)
    stranger.post(
        "/complaints", "/complaints", node_id=town.station_id, words="没人接电话", contact="孙先生 13812345678"
    )
    (here,) = re.findall(r'href="(/staff/concerns/[0-9a-f-]{36})"', staff.get("/staff/concerns").text)
    assert "孙先生" not in staff.get(here).text
    assert "联系方式：孙先生 13812345678" in staff.post(here, here, action="contact").text


def test_a_login_complains_under_its_name_or_under_none(town: Town) -> None:
    who = town.person("陈芳")
    for how in ("named", "anonymous"):
        answer = who.post("/complaints", "/complaints", words=how, who=how)
        assert "已收到" in answer.text
    mine = who.get("/concerns").text
    assert "named" in text_of(mine)
    assert "anonymous" not in text_of(mine)


def test_complaints_are_limited_by_login(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    who = town.person("陈芳")
    for number in range(OWN_MAX["complaint"]):
        who.post("/complaints", "/complaints", words=f"第 {number} 条")
    answer = who.post("/complaints", "/complaints", 422, words="再来一条")
    assert "操作太频繁" in answer.text
    assert "再来一条" in answer.text
    town.person("王秀英").post("/complaints", "/complaints", words="别人照样可以说")
