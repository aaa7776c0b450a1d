"""What volunteers' pages make of single answers, in front of stand-ins for the services."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.wrappers import Request, Response

from tests.gateway.conftest import StandIn, json_answer, problem_answer

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
    for service in ("points", "checkin"):
        services[service].answering = lambda _request: json_answer([])
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
