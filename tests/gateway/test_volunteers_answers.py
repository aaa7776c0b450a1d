"""What volunteers' pages make of single answers, in front of stand-ins for the services."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.wrappers import Request, Response

from tests.gateway.conftest import ALICE, MUM, StandIn, json_answer, problem_answer
from tests.gateway.real import form_fields

LogIn = Callable[..., str]
Services = dict[str, StandIn]
REDEMPTION = "00000000-0000-7000-8000-000000000001"


def test_what_nobody_can_search_for_is_a_wrong_question_and_not_a_busy_system(
    client: FlaskClient, services: Services
) -> None:
    services["members"].answering = lambda _request: problem_answer(400, "invalid", "填写的内容有误，请检查后再试")
    shown = client.get("/register?q=%00")
    assert shown.status_code == 400
    assert "系统忙" not in shown.text
    assert "填写的内容有误" in shown.text


def test_an_auditor_finds_the_way_in_and_others_do_not(client: FlaskClient, services: Services, log_in: LogIn) -> None:
    for service in ("points", "checkin", "rewards"):
        services[service].answering = lambda _request: json_answer([])
    services["members"].answering = lambda request: json_answer([]) if request.path.endswith("/unseen") else None
    client.set_cookie("huzhu_session", log_in("auditor", (("auditor", "/1/"),)))
    assert 'href="/staff"' in client.get("/").text
    client.set_cookie("huzhu_session", log_in("volunteer"))
    assert 'href="/staff"' not in client.get("/").text


def test_a_busy_system_speaks_of_what_was_typed_only_to_who_typed(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    client.set_cookie("huzhu_session", log_in())
    services["rewards"].answering = lambda _request: problem_answer(503, "unavailable")
    shown = client.get(f"/redemptions/{REDEMPTION}/cancel")
    assert shown.status_code == 503
    assert "刚才填写的内容" not in shown.text
    assert "<code>" in shown.text


def test_nothing_is_left_to_cancel_of_what_was_handed_over(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    redemption: dict[str, Any] = {"id": REDEMPTION, "gift_name": "香皂", "points": 100}

    def answer(_request: Request) -> Response:
        return json_answer(redemption)

    client.set_cookie("huzhu_session", log_in())
    services["rewards"].answering = answer
    for redemption["state"] in ("fulfilled", "cancelled"):
        gone = client.get(f"/redemptions/{REDEMPTION}/cancel")
        assert (gone.status_code, gone.headers["Location"]) == (303, f"/vouchers/{REDEMPTION}")
    redemption["state"] = "confirmed"
    assert "确认取消" in client.get(f"/redemptions/{REDEMPTION}/cancel").text


def test_what_is_on_its_way_can_be_refreshed(client: FlaskClient, services: Services, log_in: LogIn) -> None:
    redemption = {"id": REDEMPTION, "gift_name": "香皂", "points": 100, "member_id": "", "member_name": "陈芳"}
    redemption |= {"requested_at": "2026-11-22T01:05:00Z", "station_name": "南昌路社区实践站", "quantity": 1}
    services["rewards"].answering = lambda _request: json_answer(redemption | {"state": "requested"})
    client.set_cookie("huzhu_session", log_in())
    shown = client.get(f"/vouchers/{REDEMPTION}").text
    assert "正在办理" in shown
    assert re.search(rf'href="/vouchers/{REDEMPTION}"[^>]*>.*刷新', shown)


def test_who_comes_back_after_redeeming_is_not_told_what_another_one_lacks(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    gift = {"id": REDEMPTION, "name": "春联", "points": 100, "available": 3, "left_for_member": 1}
    done = {"id": REDEMPTION, "gift_id": REDEMPTION, "state": "confirmed"}
    available = {"points_available": 50}
    services["points"].answering = lambda _request: json_answer([available])
    services["rewards"].answering = lambda request: json_answer(
        [done] if "member_id" in request.args and request.path.endswith("/redemptions") else gift
    )
    member = {
        "member_id": str(ALICE),
        "name": "陈芳",
        "station_id": REDEMPTION,
        "station_name": "站",
        "confirmed": True,
    }
    client.set_cookie("huzhu_session", log_in(members=[member]))
    for points, more in ((50, False), (200, True)):
        available["points_available"] = points
        shown = client.get(f"/gifts/{REDEMPTION}/confirm").text
        assert "春联已经兑换成功，还没有领取。" in shown
        assert "还差" not in shown
        assert ("就是再要一件" in shown) is more


def test_nothing_is_said_about_booking_while_points_is_away(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    record = {
        "id": REDEMPTION,
        "title": "楼道大扫除",
        "status": "settling",
        "version": 1,
        "arrived_at": "2026-03-22T01:00:00Z",
        "left_at": "2026-03-22T03:00:00Z",
        "activity_ends_at": "2026-03-22T03:00:00Z",
        "minutes": 120,
        "marks": [],
        "evidence": "own_scan",
        "reason": None,
    }
    services["checkin"].answering = lambda _request: json_answer([record])
    services["points"].answering = lambda _request: problem_answer(503, "unavailable")
    client.set_cookie("huzhu_session", log_in())
    away = client.get("/records").text
    assert "到账情况暂时看不到" in away
    assert "到账中" not in away
    services["points"].answering = lambda _request: json_answer([])
    assert "到账中" in client.get("/records").text


@pytest.mark.parametrize(("letter", "heading"), [("a", "签到结果"), ("d", "签退结果")])
def test_the_result_of_several_says_what_they_did(
    client: FlaskClient, services: Services, log_in: LogIn, letter: str, heading: str
) -> None:
    direction = "arrival" if letter == "a" else "departure"
    common: dict[str, Any] = {
        "outcome": "ok",
        "direction": direction,
        "at": "2026-11-22T01:05:00Z",
        "marks": [],
        "why": None,
    }
    common |= {"waits": False, "title": "楼道大扫除", "window": None, "reason": None, "attendance_id": None}

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return json_answer([])
        asked = json.loads(request.get_data())["member_ids"]
        return json_answer({"outcomes": [common | {"member_id": member_id} for member_id in asked]})

    services["checkin"].answering = answer
    client.set_cookie("huzhu_session", log_in())
    client.get(f"/s/V1.1.aaaa.bbbb.{letter}.0.cccc")
    filled = form_fields(client.get("/scan").text, "/scan")
    client.post("/scan", data=filled | {"member_ids": [str(ALICE), str(MUM)]})
    assert f"<h1>{heading}</h1>" in client.get("/scan/result").text


def test_a_refused_scan_of_no_activity_names_the_person_alone(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    outcome: dict[str, Any] = {"outcome": "invalid_code", "direction": None, "at": "2026-11-22T01:05:00Z"}
    outcome |= {"marks": [], "why": "forged"}
    outcome |= {"member_id": str(ALICE), "waits": False, "title": None, "window": None, "reason": None}
    outcomes = [outcome | {"attendance_id": None}]
    services["checkin"].answering = lambda _request: problem_answer(422, "invalid_code", errors={"outcomes": outcomes})
    client.set_cookie("huzhu_session", log_in())
    client.get("/s/V1.1.aaaa.bbbb.a.0.cccc")
    client.post("/scan", data=form_fields(client.get("/scan").text, "/scan") | {"member_ids": str(ALICE)})
    assert "<strong>陈芳</strong>" in client.get("/scan/result").text
