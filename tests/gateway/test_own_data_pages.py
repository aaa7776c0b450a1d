"""One's own data as a file to take away: every line of every service, for whoever knows the password."""

import io
from datetime import timedelta
from typing import Any

import pytest
import python_calamine

from gateway import backend
from gateway.pages import own_data
from shared import clock
from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import PASSWORD, Browser, Town, form_fields, token_of, town

__all__ = ["town"]


def serve(town: Town, organizer: Browser, member_id: str, days_ago: int) -> None:
    """Two hours in the past, entered and confirmed."""
    starts = clock.now() - timedelta(days=days_ago, hours=3)
    activity_id, site_id, attendance_id = str(new_id()), str(new_id()), str(new_id())
    content = {
        "id": activity_id,
        "title": f"第{days_ago}次扫除",
        "category": "environment",
        "station_id": town.station_id,
        "place": "东门",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(),
        "sites": [{"id": site_id, "name": "东门", "place": "东门", "leader_member_id": organizer.member_id}],
    }
    organizer.api("POST", "/checkin/activities", content)
    organizer.api("POST", f"/checkin/activities/{activity_id}/publish")
    attendance = {
        "id": attendance_id,
        "member_id": member_id,
        "site_id": site_id,
        "arrived_at": starts.isoformat(),
        "left_at": (starts + timedelta(hours=2)).isoformat(),
    }
    organizer.api("POST", f"/checkin/activities/{activity_id}/attendances", attendance)
    organizer.api("POST", f"/checkin/attendances/{attendance_id}/confirm")
    town.deliver()


def download(who: Browser, how: str, password: str = PASSWORD) -> Any:
    filled = form_fields(who.get("/me/export").text, "/me/export")
    return who.client.post("/me/export", data=filled | {"password": password, "format": how})


def test_every_line_is_in_the_workbook_and_in_the_json(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_data, "ROWS", 2)
    organizer, who = town.person("罗负责", Role.ORGANIZER), town.person("陈芳")
    for days_ago in (1, 2, 3):
        serve(town, organizer, who.member_id, days_ago)
    who.client.post(
        "/api/v1/checkin/scans",
        json={"code": "V1.1.aaaa.bbbb.a.0.cccc", "member_ids": [who.member_id]},
        headers={"Huzhu-Csrf": token_of(who.client)},
    )
    answer = download(who, "json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    content = answer.json
    titles = ["第1次扫除", "第2次扫除", "第3次扫除"]
    assert content["member"]["name"] == "陈芳"
    assert sorted(one["title"] for one in content["attendances"]) == titles
    assert sorted(one["title"] for one in content["minutes"]) == titles
    assert [one["outcome"] for one in content["scans"]] == ["invalid_code"]
    assert {"consents", "logins", "acts", "points", "redemptions", "grants"} <= content.keys()

    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(download(who, "xlsx").get_data()))
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    assert ["姓名", "陈芳"] in sheets["个人资料"]
    assert sorted(row[1] for row in sheets["服务记录"][1:]) == titles
    assert [row[3] for row in sheets["时长明细"][1:]] == [120, 120, 120]
    assert len(sheets["扫码"]) == 2


def test_without_the_password_nothing_is_given(town: Town) -> None:
    who = town.person("陈芳")
    for password, told in (("", "请填写密码"), ("falsch 1949", "密码不对")):
        answer = download(who, "json", password)
        assert answer.status_code == 422
        assert told in answer.text


def test_a_service_that_is_away_breaks_no_file_in_two(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    who = town.person("陈芳")
    through = backend.call

    def call(service: str, *arguments: Any, **fields: Any) -> Any:
        if service == "rewards":
            raise Unavailable
        return through(service, *arguments, **fields)

    monkeypatch.setattr(backend, "call", call)
    answer = download(who, "xlsx")
    assert answer.status_code == 503
    assert "Content-Disposition" not in answer.headers
