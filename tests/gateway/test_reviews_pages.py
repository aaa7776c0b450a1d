"""Review before publication on the pages, in front of the real services."""

import re
from datetime import timedelta

from shared.principal import Role
from tests.gateway.organizing import ACTIVITY, START, publish
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

NEW, HERE = "/organize/activities/new", "/staff/reviews"


def hand_in(organizer: Browser, **typed: str) -> str:
    """Publish where it is reviewed first; returns the activity's page."""
    shown = organizer.post(NEW, NEW, action="publish", **(ACTIVITY | typed))
    assert "已提交审核" in shown.text
    return shown.request.path


def test_an_activity_is_handed_in_sent_back_put_right_and_approved(town: Town) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    volunteer = town.person("陈芳")
    early = publish(organizer, title="早先发布的")
    assert "没有待审核的活动" in staff.get(HERE).text
    assert "先审核" in staff.post(HERE, f"{HERE}/{town.station_id}", on="1").text
    form = organizer.get(NEW).text
    assert "这些站的活动先审核再发布，请早些提交：南昌路社区实践站" in form
    assert publishing(form) == ["提交审核"]
    far = (START + timedelta(days=20)).date().isoformat()
    page = hand_in(organizer, day=far)
    shown = organizer.get(page).text
    assert "待审核" in shown
    for kept_back in ("签到码", "报名名单", "复制群通知", "海报", "通过并发布"):
        assert kept_back not in shown
    assert "等审核和被退回的活动" in organizer.get("/organize").text
    assert "楼道大扫除" not in volunteer.get("/activities").text
    volunteer.get(f"/activities/{page.rpartition('/')[2]}", status=404)
    assert "1 个活动待审核" in staff.get("/staff").text
    assert f'href="{page}"' in staff.get(HERE).text
    assert "李组织" in staff.get(page).text
    assert "请写明退回的原因" in staff.post(page, f"{page}/send-back", status=422).text
    sent = staff.post(page, f"{page}/send-back", sent_back_reason="集合地点没有写清").text
    assert "已退回，负责人会看到原因" in sent
    assert "没有待审核的活动" in sent
    workbench = organizer.get("/organize").text
    assert "已退回" in workbench
    assert "退回的原因：集合地点没有写清" in workbench
    assert "集合地点没有写清" in organizer.get(page).text
    organizer.post(f"{page}/edit", f"{page}/edit", place="和谐小区东门岗亭")
    assert "已提交审核" in organizer.post(page, f"{page}/publish").text
    assert "审核通过，活动已发布" in staff.post(page, f"{page}/approve").text
    assert "已发布" in organizer.get(page).text
    assert "楼道大扫除" in volunteer.get("/activities").text
    assert "已发布" in organizer.get(early).text


def publishing(page: str) -> list[str]:
    """What the button says that publishes or hands in."""
    return re.findall(r"<span>([^<]*(?:发布|提交审核)[^<]*)</span></button>", page)


def test_the_button_says_what_it_does_at_the_station_that_was_chosen(town: Town) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    draft = organizer.post(NEW, NEW, action="draft", **ACTIVITY).request.path
    assert publishing(organizer.get(NEW).text) == publishing(organizer.get(draft).text) == ["发布"]
    staff.post(HERE, f"{HERE}/{town.station_id}", on="1")
    assert publishing(organizer.get(draft).text) == ["提交审核"]
    both = town.administrator
    assert publishing(both.get(NEW).text) == ["发布（要审核的站：提交审核）"]
    for name, says in (("南昌路社区实践站", "提交审核"), ("岔路口社区实践站", "发布")):
        again = both.post(NEW, NEW, 422, **ACTIVITY | {"station_id": town.nodes[name], "title": ""}).text
        assert publishing(again) == [says]


def test_what_was_changed_since_it_was_read_is_not_approved(town: Town) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    staff.post(HERE, f"{HERE}/{town.station_id}", on="1")
    page = hand_in(organizer)
    read = form_fields(staff.get(page).text, f"{page}/approve")
    assert "现在修改就变回草稿" in organizer.get(page).text
    assert (
        "活动变回了草稿" in organizer.post(f"{page}/edit", f"{page}/edit", site_name_0="东门", site_name_1="西门").text
    )
    assert "活动变回了草稿" not in organizer.post(f"{page}/edit", f"{page}/edit", title="别的事").text
    refused = staff.client.post(f"{page}/approve", data=read)
    assert refused.status_code == 422
    assert "还没有发布" in refused.text
    organizer.post(page, f"{page}/publish")
    refused = staff.client.post(f"{page}/approve", data=read)
    assert "内容已被别人改动" in refused.text
    assert "待审核" in organizer.get(page).text
    assert "审核通过" in staff.post(page, f"{page}/approve").text


def test_staff_hands_in_too_and_somebody_else_approves(town: Town) -> None:
    staff, other = town.person("周站长", Role.STAFF), town.person("吴站长", Role.STAFF)
    staff.post(HERE, f"{HERE}/{town.station_id}", on="1")
    page = hand_in(staff)
    own = staff.get(page).text
    assert "要由另一位社区工作者或上级审核" in own
    assert "通过并发布" not in own
    assert "您提交的，由别人审核" in staff.get(HERE).text
    filled = form_fields(other.get(page).text, f"{page}/approve") | {
        "csrf_token": form_fields(own, f"{page}/cancel")["csrf_token"]
    }
    assert "不能审核自己或家人提交的活动" in staff.client.post(f"{page}/approve", data=filled).text
    assert "审核自己或家人提交的活动，被拒绝" in town.administrator.get("/staff/audit").text
    assert "审核通过" in other.post(page, f"{page}/approve").text
    copied = other.get(f"{NEW}?copy={page.rpartition('/')[2]}").text
    assert "楼道大扫除" in copied
    assert re.search(r"审核通过并发布活动", town.administrator.get("/staff/audit").text)
