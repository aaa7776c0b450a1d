"""What is refused for its shape, and changes nothing."""

from typing import Any
from uuid import uuid4

import pytest

from tests.checkin.support import Station, after
from tests.checkin.test_who_may_call_the_api import Scene, scene
from tests.checkin.wire import activity_body

__all__ = ["scene"]


FAR_OUT = ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59+00:00"]
FAR_OUT += ["2100-01-01T00:00:01+00:00", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("moment", FAR_OUT)
@pytest.mark.parametrize("which", ["first", "last", "both"])
def test_times_beyond_all_reason_are_refused_and_nothing_is_kept(scene: Scene, moment: str, which: str) -> None:
    station, organizer = scene.station, scene.station.organizer

    def times(body: dict[str, Any], first: str, last: str) -> dict[str, Any]:
        named = {"first": (first,), "last": (last,), "both": (first, last)}[which]
        return {first: after(0).isoformat(), last: after(60).isoformat(), **body, **dict.fromkeys(named, moment)}

    draft = station.draft()
    of_activity, of_attendance = ("starts_at", "ends_at"), ("arrived_at", "left_at")
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/activities", times(activity_body(station), *of_activity)),
        ("PATCH", f"/activities/{draft.id}", times({}, *of_activity)),
        ("PATCH", f"/activities/{scene.activity.id}", times({}, *of_activity)),
        ("POST", f"/activities/{station.activity().id}/postpone", times({}, *of_activity)),
        ("POST", "/activities/{activity}/attendances", times(scene.body("attendance"), *of_attendance)),
        ("POST", "/attendances/{attendance}/correct", times(scene.body("correction"), *of_attendance)),
    ]
    tables = ("activity", "attendance", "outbox", "audit_log")
    before = [station.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]
    for method, path, body in asked:
        response = station.request(organizer, method, scene.path(path), after(300), json=body)
        assert response.status_code == 400, (path, response.json)
    assert [station.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables] == before
    for name in ("from", "to"):
        response = station.request(organizer, "GET", "/activities", query_string={name: moment})
        assert response.status_code == 400, response.json
    for path in ("/activities", "/activities/{activity}/attendances", "/attendances?member_id={member}"):
        assert station.request(organizer, "GET", scene.path(path)).status_code == 200


def test_the_first_and_the_last_moment_there_is_can_be_asked_for(station: Station) -> None:
    station.activity()
    for moment, found in (("2000-01-01T00:00:00+00:00", 1), ("2100-01-01T00:00:00+00:00", 0)):
        response = station.request(station.organizer, "GET", "/activities", query_string={"from": moment})
        assert (response.status_code, len(response.json or [])) == (200, found)


ANY_ID = "0198f5a0-0000-7000-8000-000000000000"
"""Always the same, since it is part of the tests' names."""


BAD_ACTIVITIES: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "x" * 81},
    {"title": "a\x00b"},
    {"title": 5},
    {"category": "gambling"},
    {"starts_at": "2026-11-21T09:00:00"},
    {"starts_at": "yesterday"},
    {"capacity": 0},
    {"capacity": "10"},
    {"capacity": True},
    {"capacity": 10**30},
    {"window_before_minutes": -1},
    {"confirm_each": "yes"},
    {"confirm_each": 1},
    {"sites": []},
    {"sites": [{"id": "x", "name": "东门", "place": "东门"}]},
    {"sites": [{"id": ANY_ID, "name": "东门"}]},
    {"sites": [{"id": ANY_ID, "name": "东门", "place": "东门", "extra": 1}]},
    {"station_id": "here"},
    {"id": None},
    {"state": "published"},
    {"unknown": 1},
]


@pytest.mark.parametrize("wrong", BAD_ACTIVITIES, ids=str)
def test_a_malformed_activity_is_refused(station: Station, wrong: dict[str, Any]) -> None:
    response = station.request(station.organizer, "POST", "/activities", json=activity_body(station, **wrong))
    assert (response.status_code, response.json and response.json["code"]) == (400, "invalid")
    assert next(iter(wrong)) in (response.json or {})["errors"]
    if "id" not in wrong and "state" not in wrong:
        draft = station.draft()
        assert station.request(station.organizer, "PATCH", f"/activities/{draft.id}", json=wrong).status_code == 400
    assert len(station.rows("SELECT * FROM audit_log WHERE action = 'activity.change'")) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"code": "x"},
        {"code": "x", "member_ids": []},
        {"code": "x" * 301, "member_ids": [ANY_ID]},
        {"code": "\ud800", "member_ids": [ANY_ID]},
        {"code": "x", "member_ids": [ANY_ID] * 11},
        {"code": "x", "member_ids": ["me"]},
        {"code": "x", "member_ids": [ANY_ID], "at": "2026-11-21T01:00:00Z"},
        [],
        "code",
    ],
    ids=str,
)
def test_a_malformed_scan_is_refused(station: Station, wrong: Any) -> None:
    import json

    response = station.request(
        station.person(), "POST", "/scans", data=json.dumps(wrong), content_type="application/json"
    )
    assert response.status_code == 400, response.json
    assert station.rows("SELECT * FROM scan") == []


@pytest.mark.parametrize(
    "query",
    [
        "site_id={site}&direction=up",
        "site_id={site}&direction=arrival&minutes=31",
        "direction=arrival",
        "site_id={site}&direction=arrival&minutes=1.5",
    ],
)
def test_a_malformed_query_is_refused(scene: Scene, query: str) -> None:
    path = scene.path("/activities/{activity}/codes?" + query)
    assert scene.station.request(scene.station.organizer, "GET", path).status_code == 400


def test_half_a_postponement_is_refused(station: Station) -> None:
    activity = station.activity()
    for body in ({"starts_at": after(1).isoformat()}, {"ends_at": after(1).isoformat()}):
        response = station.request(station.organizer, "POST", f"/activities/{activity.id}/postpone", json=body)
        assert response.status_code == 400


def test_what_is_not_there_is_not_found(station: Station) -> None:
    for method, path in (
        ("GET", f"/activities/{uuid4()}"),
        ("POST", f"/activities/{uuid4()}/publish"),
        ("GET", f"/activities/{uuid4()}/presence"),
        ("POST", f"/attendances/{uuid4()}/confirm"),
        ("POST", f"/activities/{uuid4()}/confirm-all"),
    ):
        response = station.request(station.organizer, method, path)
        assert (response.status_code, response.json and response.json["code"]) == (404, "not_found"), path


@pytest.mark.parametrize("content", [{"member_ids": [0] * 10_001}, {f"field_{n}": 0 for n in range(10_001)}])
def test_a_list_of_very_many_wrong_things_is_refused_in_a_word(station: Station, content: dict[str, Any]) -> None:
    activity = station.activity()
    answer = station.request(station.person(), "POST", f"/activities/{activity.id}/sign-ups", json=content)
    assert (answer.status_code, answer.json and answer.json["detail"]) == (400, "一次提交的内容太多，请分几次提交")
    assert len(answer.data) < 1000
