"""Dead letters by the hundred, and what a member is told whose fact is one of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.wrappers import Request, Response

from gateway.pages.stuck import ROWS
from shared import clock
from tests.gateway.conftest import StandIn, json_answer, problem_answer

LogIn = Callable[..., str]
Services = dict[str, StandIn]
DEAD = 2 * ROWS + 10
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def letter(number: int) -> dict[str, Any]:
    return {
        "id": str(UUID(int=number)),
        "destination": "points",
        "name": f"Fact{number:03}",
        "body": None,
        "created_at": "2026-11-20T01:00:00Z",
        "dead_at": "2026-11-20T01:10:00Z",
        "error": "invalid",
        "may_requeue": True,
    }


def full(request: Request) -> Response | None:
    """A service with DEAD dead letters."""
    if request.path.endswith("/backlog"):
        return json_answer({"waiting": 0, "dead": DEAD, "oldest_at": None})
    if request.path.endswith("/dead-letters"):
        before = UUID(request.args.get("before", str(UUID(int=DEAD + 1)))).int
        limit = int(request.args["limit"])
        return json_answer([letter(number) for number in range(before - 1, max(0, before - 1 - limit), -1)])
    return None


def empty(request: Request) -> Response | None:
    if request.path.endswith("/backlog"):
        return json_answer({"waiting": 0, "dead": 0, "oldest_at": None})
    return json_answer([]) if request.path.endswith("/dead-letters") else None


@pytest.fixture
def administrator(client: FlaskClient, services: Services, log_in: LogIn) -> FlaskClient:
    for service in services.values():
        service.answering = empty
    client.set_cookie("huzhu_session", log_in("admin", (("administrator", "/"),)))
    return client


def test_every_dead_letter_can_be_reached_and_their_number_is_told(
    administrator: FlaskClient, services: Services
) -> None:
    services["checkin"].answering = full
    shown = administrator.get("/staff/stuck").text
    seen: list[str] = []
    for _ in range(3):
        assert f"共 {DEAD} 条待处理" in shown
        seen += [name for number in range(DEAD, 0, -1) if (name := f"Fact{number:03}") in shown]
        older = shown.partition('href="/staff/stuck?service=checkin')[2].partition('"')[0]
        if older:
            shown = administrator.get("/staff/stuck?service=checkin" + older.replace("&amp;", "&")).text
            assert "回到最新的" in shown
    assert not older
    assert seen == [f"Fact{number:03}" for number in range(DEAD, 0, -1)]


def test_that_nothing_is_stuck_is_said_only_when_every_service_said_so(
    administrator: FlaskClient, services: Services
) -> None:
    assert "没有待人工处理的记录" in administrator.get("/staff/stuck").text
    services["rewards"].answering = lambda _request: problem_answer(503, "unavailable")
    shown = administrator.get("/staff/stuck").text
    assert "没有待人工处理的记录" not in shown
    assert "兑换暂时看不到" in shown


@pytest.mark.parametrize(
    ("hours_ago", "sentence", "other"),
    [(0.2, "一般一分钟内到账", "还没有到账"), (1.5, "还没有到账。刚确认的请等几分钟", "一般一分钟内到账")],
)
def test_what_is_not_booked_for_long_is_not_promised_within_a_minute(
    client: FlaskClient, services: Services, log_in: LogIn, hours_ago: float, sentence: str, other: str
) -> None:
    ended_at = NOW - timedelta(hours=hours_ago)
    attendance = {
        "id": str(UUID(int=1)),
        "title": "楼道大扫除",
        "status": "settling",
        "state": "confirmed",
        "version": 1,
        "arrived_at": (ended_at - timedelta(hours=2)).isoformat(),
        "left_at": (ended_at - timedelta(hours=1)).isoformat(),
        "activity_ends_at": ended_at.isoformat(),
        "minutes": 60,
        "marks": [],
        "evidence": "own_scan",
        "automatic_departure": False,
        "reason": None,
    }
    services["checkin"].answering = lambda _request: json_answer([attendance])
    services["points"].answering = lambda _request: json_answer([])
    client.set_cookie("huzhu_session", log_in())
    with clock.travel(NOW):
        shown = client.get("/records").text
        assert sentence in shown
        assert other not in shown
        award = {"attendance_id": attendance["id"], "version": 1, "state": "awarded", "points": 100, "reason": "1 × 1"}
        services["points"].answering = lambda _request: json_answer([award])
        assert "到账。" not in client.get("/records").text
