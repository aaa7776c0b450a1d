"""Lists of more activities than a page holds, in front of stand-ins."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.wrappers import Request, Response

from shared import clock
from shared.ids import new_id
from tests.gateway.conftest import StandIn, json_answer


def activity_at(node_id: str, starts_at: datetime, title: str) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "title": title,
        "station_id": node_id,
        "station_name": "南昌路社区实践站",
        "place": "东门",
        "state": "published",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
    }


def listing(activities: list[dict[str, Any]]) -> Callable[[Request], Response]:
    """Answers as check-in does: by start, from where to where and how many as asked."""
    by_start = sorted(activities, key=lambda one: (one["starts_at"], one["id"]))

    def answer(request: Request) -> Response:
        if not request.path.endswith("/activities"):
            return json_answer([])
        asked = request.args
        ordered = by_start[::-1] if asked.get("order") == "newest" else by_start
        after = next((place for place, one in enumerate(ordered, 1) if one["id"] == asked.get("after")), 0)
        found = [
            one
            for one in ordered[after:]
            if one["station_id"] == asked["station_id"]
            and datetime.fromisoformat(one["ends_at"]) >= datetime.fromisoformat(asked["from"])
            and ("to" not in asked or datetime.fromisoformat(one["starts_at"]) < datetime.fromisoformat(asked["to"]))
        ]
        return json_answer(found[: int(asked.get("limit", 50))])

    return answer


NODES = tuple(f"70000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


GRANTS = tuple(("organizer", f"/{node_id}/") for node_id in NODES)


def test_a_full_week_does_not_crowd_out_today(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str]
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12)
    week = [activity_at(NODES[0], noon - timedelta(hours=24 + 0.6 * number), "从前的") for number in range(220)]
    now = [activity_at(NODES[0], noon + timedelta(minutes=number), f"今天{number:03}号") for number in range(120)]
    coming = [activity_at(NODES[1], noon + timedelta(days=1), "明天的")]
    services["checkin"].answering = listing([*week, *now, *coming])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    shown = client.get("/organize").text
    assert [number for number in range(120) if f"今天{number:03}号" not in shown] == []
    assert shown.index("今天119号") < shown.index("明天的") < shown.index("从前的")
    assert "这里没有全部列出" not in shown


def test_the_workbench_says_when_it_does_not_list_everything(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str]
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12)
    services["checkin"].answering = listing([activity_at(NODES[0], noon, "太多了") for _number in range(201)])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    assert "这里没有全部列出" in client.get("/organize").text


@pytest.mark.parametrize(("query", "sign"), [("", 1), ("?when=past", -1)])
def test_turning_the_pages_of_several_nodes_shows_every_activity_once(
    client: FlaskClient, services: dict[str, StandIn], log_in: Callable[..., str], query: str, sign: int
) -> None:
    noon = clock.day_starts(clock.today()) + timedelta(hours=12 if sign > 0 else -12)
    minute, day = sign * timedelta(minutes=1), sign * timedelta(days=1)
    crowded = [activity_at(NODES[0], noon + minute * number, f"甲{number:03}号") for number in range(120)]
    sparse = [activity_at(NODES[1], noon + day * number, f"乙{number:03}号") for number in range(60)]
    services["checkin"].answering = listing([*crowded, *sparse])
    client.set_cookie("huzhu_session", log_in(grants=GRANTS))
    titles: list[str] = []
    path: str | None = f"/organize/activities{query}"
    while path and len(titles) < 400:
        shown = client.get(path).text
        titles += re.findall(r"[甲乙]\d{3}号", shown)
        more = re.search(r'href="(/organize/activities\?[^"]*after=[^"]*)"', shown)
        path = more[1].replace("&amp;", "&") if more else None
    # What is nearest to now comes first.
    wanted = sorted([*crowded, *sparse], key=lambda one: (one["starts_at"], one["id"]), reverse=sign < 0)
    assert titles == [one["title"] for one in wanted]
