"""The public API: how it looks on the wire."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from services.checkin.commands.scans import record_scan
from shared import clock, copies
from shared.db import transactional
from shared.events import StationChanged
from shared.principal import Grant, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, Station, after, own
from tests.checkin.test_who_may_call_the_api import Scene, scene
from tests.checkin.wire import activity_body

__all__ = ["scene"]


def test_an_attendance_on_the_wire(scene: Scene) -> None:
    response = scene.station.request(
        scene.station.organizer, "POST", f"/attendances/{scene.attendance_id}/confirm", after(300)
    )
    assert response.json == {
        "id": str(scene.attendance_id),
        "activity_id": str(scene.activity.id),
        "title": "清扫和谐小区",
        "category": "environment",
        "station_id": str(scene.station.id),
        "station_name": "南昌路站",
        "site_id": str(scene.activity.sites[0].id),
        "site_name": "东门",
        "member_id": str(scene.member_id),
        "pair": 1,
        "state": "confirmed",
        "status": "settling",
        "version": 1,
        "service_day": "2026-11-21",
        "arrived_at": "2026-11-21T01:00:00+00:00",
        "left_at": "2026-11-21T02:40:00+00:00",
        "minutes": 100,
        "activity_starts_at": "2026-11-21T01:00:00+00:00",
        "activity_ends_at": "2026-11-21T04:00:00+00:00",
        "evidence": "organizer",
        "marks": ["late_scan"],
        "reason": None,
        "automatic_departure": False,
        "awaits_nod": False,
    }


def test_the_status_line_follows_the_day(station: Station) -> None:
    volunteer, activity = station.person(), station.activity(confirm_each=True)

    def status(at: float) -> str:
        path = f"/attendances?member_id={own(volunteer)}"
        return str(station.request(volunteer, "GET", path, after(at)).json[0]["status"])  # type: ignore[index]

    station.scan(volunteer, activity, "arrival", after(0))
    assert [status(10), status(190)] == ["signed_in", "not_signed_out"]
    station.scan(volunteer, activity, "departure", after(200))
    assert status(201) == "waiting"
    station.request(station.organizer, "POST", f"/activities/{activity.id}/confirm-all", after(210))
    assert status(211) == "settling"


def scan(station: Station, who: Principal, code: str, at: float, *members: UUID) -> Any:
    body = {"code": code, "member_ids": [str(member) for member in members or (own(who),)]}
    return station.request(who, "POST", "/scans", after(at), json=body)


def test_a_scan_on_the_wire(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    code = station.code(activity, "arrival", shown_at=after(-5))
    response = scan(station, volunteer, f"http://huzhu.test/s/{code}", -5)
    assert response.status_code == 200
    [outcome] = response.json["outcomes"]
    assert outcome.pop("attendance_id")
    assert outcome == {
        "member_id": str(own(volunteer)),
        "outcome": "ok",
        "detail": "签到成功，离开时请记得扫码签退",
        "why": None,
        "marks": ["early"],
        "waits": False,
        "direction": "arrival",
        "at": "2026-11-21T00:55:00+00:00",
        "activity_id": str(activity.id),
        "title": "清扫和谐小区",
        "window": {"opens_at": "2026-11-21T00:00:00+00:00", "closes_at": "2026-11-21T04:00:00+00:00"},
        "reason": None,
    }


def test_a_refused_scan_is_a_problem_that_holds_the_outcome(station: Station) -> None:
    volunteer, activity = station.person(), station.activity()
    code = station.code(activity, "arrival", shown_at=after(-70))
    for _ in range(2):  # a repeat is answered alike
        response = scan(station, volunteer, code, -70)
        assert (response.status_code, response.mimetype) == (422, "application/problem+json")
        assert (response.json["code"], response.json["detail"]) == ("outside_window", "还没到签到时间")
        [outcome] = response.json["errors"]["outcomes"]
        assert (outcome["outcome"], outcome["why"], outcome["title"]) == ("outside_window", "too_early", activity.title)
        assert outcome["window"]["opens_at"] == "2026-11-21T00:00:00+00:00"


def test_forged_codes_are_counted_by_their_code(station: Station) -> None:
    """The gateway slows an address down by this answer."""
    response = scan(station, station.person(), "V1.1.nothing", 0)
    assert (response.status_code, response.json["code"]) == (422, "invalid_code")


def test_with_several_members_one_accepted_scan_makes_it_an_answer(station: Station) -> None:
    gone = station.member(status="erased")
    volunteer, activity = station.person(family=(gone,)), station.activity()
    response = scan(station, volunteer, station.code(activity, "arrival", shown_at=after(0)), 0, own(volunteer), gone)
    assert response.status_code == 200
    assert [outcome["outcome"] for outcome in response.json["outcomes"]] == ["ok", "not_qualified"]
    refused = scan(station, volunteer, "nothing", 0, own(volunteer), gone)
    assert len(refused.json["errors"]["outcomes"]) == 2


def test_nobody_scans_for_a_stranger(station: Station) -> None:
    activity = station.activity()
    response = scan(
        station, station.person(), station.code(activity, "arrival", shown_at=after(0)), 0, station.member()
    )
    assert response.status_code == 403
    assert station.rows("SELECT * FROM scan") == []


def test_refused_scans_are_listed_for_the_organizer(station: Station) -> None:
    activity = station.activity()
    for minute in (-90, -80, 10):
        station.scan(station.person(), activity, "arrival", after(minute))
    path = f"/activities/{activity.id}/scans"
    everything = station.request(station.organizer, "GET", path).json
    assert [row["outcome"] for row in everything] == ["ok", "outside_window", "outside_window"]  # type: ignore[union-attr]
    first = station.request(station.organizer, "GET", f"{path}?refused=1&limit=1").json
    assert first is not None
    assert (first[0]["received_at"], first[0]["detail"]) == ("2026-11-20T23:40:00+00:00", "还没到签到时间")
    second = station.request(station.organizer, "GET", f"{path}?refused=1&limit=5&before={first[0]['id']}").json
    assert [row["received_at"] for row in second] == ["2026-11-20T23:30:00+00:00"]  # type: ignore[union-attr]


def test_the_same_code_has_the_same_digest_in_the_list(station: Station) -> None:
    activity = station.activity()
    for _ in range(2):
        station.scan(station.person(), activity, "arrival", after(-90))
    rows = station.request(station.organizer, "GET", f"/activities/{activity.id}/scans").json
    assert rows is not None
    assert rows[0]["code_digest"] == rows[1]["code_digest"]
    assert len(rows[0]["code_digest"]) == 32


def test_who_read_a_code_is_counted_beyond_the_page_and_whether_it_was_accepted_or_not(station: Station) -> None:
    activity, other = station.activity(), station.activity()
    for one in (activity, activity, other):
        station.scan(station.person(), one, "arrival", after(-61))
    code = station.code(activity, "arrival", shown_at=after(0))
    for minutes in (0, 120, 121):
        who = station.person()
        with clock.travel(after(minutes)):
            record_scan(who, code=code, member_id=own(who))
    path = f"/activities/{activity.id}/scans?refused=1"

    def counted(query: str = "") -> list[tuple[str, int]]:
        rows = list(station.request(station.organizer, "GET", path + query).json or [])
        return [(row["outcome"], row["code_readers"]) for row in rows]

    assert counted("&limit=1") == [("expired_code", 3)]
    assert counted() == [("expired_code", 3), ("expired_code", 3), ("outside_window", 2), ("outside_window", 2)]


def test_people_are_counted_at_several_activities_at_once(station: Station) -> None:
    activities = [station.activity() for _ in range(2)]
    station.scan(station.person(), activities[1], "arrival", after(0))
    path = f"/activities/presence?ids={activities[0].id},{activities[1].id},{uuid4()}"
    found = station.request(station.organizer, "GET", path).json
    assert found is not None
    assert {row["activity_id"]: row["present"] for row in found} == {
        str(activities[0].id): 0,
        str(activities[1].id): 1,
    }
    assert station.request(station.person(Grant(Role.ORGANIZER, ELSEWHERE)), "GET", path).json == []
    assert station.request(station.person(), "GET", path).status_code == 403
    assert station.request(station.organizer, "GET", "/activities/presence").status_code == 400


def test_staff_switches_confirming_and_anybody_may_ask(station: Station) -> None:
    staff = station.person(Grant(Role.STAFF, HERE))
    path, asked = f"/confirm-each/{station.id}", f"/confirm-each?node_ids={station.id},{station.elsewhere_id}"
    for who, node_id, status in (
        (station.organizer, station.id, 403),
        (staff, station.elsewhere_id, 403),
        (staff, uuid4(), 404),
        (staff, station.id, 204),
    ):
        done = station.request(who, "PUT", f"/confirm-each/{node_id}", json={"on": True})
        assert done.status_code == status, node_id
    assert station.request(staff, "PUT", path, json={"on": "yes"}).status_code == 400
    found = station.request(station.person(), "GET", asked).json
    assert found is not None
    assert {row["node_id"]: (row["on"], row["above"]) for row in found} == {
        str(station.id): (True, False),
        str(station.elsewhere_id): (False, False),
    }


def test_staff_sees_the_switches_of_its_node_and_of_all_below_it_in_pages(station: Station) -> None:
    town_id, district_id, closed_id, building_id = (uuid4() for _ in range(4))
    transactional(copies.take_stations)(
        [
            StationChanged(node_id=town_id, version=1, level="city", name="咸宁市", path="/town/"),
            StationChanged(
                node_id=district_id, version=1, level="centre", name="温泉", path="/town/hill/", parent_id=town_id
            ),
            StationChanged(
                node_id=closed_id, version=1, level="station", name="旧站", path="/town/hill/old/", closed=True
            ),
            StationChanged(node_id=building_id, version=1, level="building", name="3 栋", path=f"{HERE}3/"),
        ]
    )
    staff, of_all = (station.person(Grant(Role.STAFF, path)) for path in (HERE, "/town/"))
    path = "/confirm-each/switches"
    assert station.request(of_all, "PUT", f"/confirm-each/{district_id}", json={"on": True}).status_code == 204
    assert station.request(of_all, "PUT", f"/confirm-each/{town_id}", json={"on": True}).status_code == 204

    def rows(who: Principal, query: str = "") -> list[dict[str, Any]]:
        return list(station.request(who, "GET", path + query).json or [])

    whole = rows(of_all)
    assert [(row["node_id"], row["level"], row["parent_name"], row["on"], row["above"]) for row in whole] == [
        (str(town_id), "city", None, True, False),
        (str(station.elsewhere_id), "station", None, False, True),
        (str(station.id), "station", None, False, True),
        (str(district_id), "centre", "咸宁市", True, True),
    ]
    assert [row["node_id"] for row in rows(staff)] == [str(station.id)]
    assert rows(of_all, "?limit=3") == whole[:3]
    assert rows(of_all, f"?limit=3&after={whole[2]['node_id']}") == whole[3:]
    assert station.request(station.organizer, "GET", path).status_code == 403


def test_a_list_of_activities_takes_several_states_and_refuses_what_is_none(station: Station) -> None:
    station.activity()
    for states, status, count in (("published,closed", 200, 1), ("closed", 200, 0), ("", 400, 0), ("closed,x", 400, 0)):
        answer = station.request(station.person(), "GET", f"/activities?state={states}")
        assert answer.status_code == status, states
        assert status != 200 or len(answer.json or []) == count, states


def test_lists_are_leafed_through_in_the_order_of_arrival(station: Station) -> None:
    activity, volunteer = station.activity(confirm_each=True), station.person()
    made = [station.attend(volunteer, activity, minute, minute + 5).id for minute in (0, 10, 20)]

    def ids(who: Principal, path: str) -> list[int]:
        rows = station.request(who, "GET", path).json
        assert rows is not None
        return [made.index(UUID(row["id"])) for row in rows]

    at, mine = f"/activities/{activity.id}/attendances", f"/attendances?member_id={own(volunteer)}"
    assert ids(station.organizer, f"{at}?limit=2") == [0, 1]
    assert ids(station.organizer, f"{at}?after={made[1]}") == [2]
    assert ids(station.organizer, f"{at}?state=left") == [0, 1, 2]
    assert ids(station.organizer, f"{at}?state=open") == []
    assert ids(volunteer, f"{mine}&limit=2") == [2, 1]
    assert ids(volunteer, f"{mine}&before={made[1]}") == [0]


def test_a_repeated_post_is_answered_alike_and_another_content_is_a_conflict(station: Station) -> None:
    body = activity_body(station)
    first, second = (station.request(station.organizer, "POST", "/activities", json=body) for _ in range(2))
    assert (first.status_code, second.status_code, first.json) == (201, 201, second.json)
    assert station.request(station.organizer, "POST", "/activities", json=body | {"title": "别的"}).status_code == 409


def test_the_scan_carries_when_the_gateway_saw_the_code(station: Station) -> None:
    activity, volunteer = station.activity(), replace(station.person(), read_at=after(0))
    response = scan(station, volunteer, station.code(activity, "arrival", shown_at=after(0)), 8)
    assert response.json["outcomes"][0]["at"] == "2026-11-21T01:00:00+00:00"


def test_every_refusal_of_the_whole_api_is_documented(station: Station) -> None:
    client = station.app.test_client()
    paths = client.get("/openapi.json").json["paths"]  # type: ignore[index]
    for path, operations in paths.items():
        if path.startswith("/api/v1/checkin/") and path.split("/")[4] in ("activities", "attendances", "scans"):
            for method in operations.keys() & {"get", "post", "patch"}:
                assert {"400", "401", "403"} <= operations[method]["responses"].keys(), (method, path)


def test_the_organizers_morning_through_the_api(station: Station) -> None:
    """Draft, publish, codes, scan, count, leave all, confirm all."""
    organizer, volunteer, body = station.organizer, station.person(), activity_body(station)
    created = station.request(organizer, "POST", "/activities", json=body).json
    assert created is not None
    assert (created["state"], created["arrival_opens_at"]) == ("draft", "2026-11-21T00:00:00+00:00")
    path, site = f"/activities/{created['id']}", created["sites"][0]["id"]
    assert station.request(organizer, "POST", f"{path}/publish").json["state"] == "published"  # type: ignore[index]
    codes = station.request(organizer, "GET", f"{path}/codes?site_id={site}&direction=arrival&minutes=1", after(0)).json
    assert codes is not None
    assert scan(station, volunteer, codes["codes"][0]["url"], 0.1).status_code == 200
    presence = station.request(organizer, "GET", f"{path}/presence", after(1)).json
    assert presence is not None
    assert presence.pop("activity_id") == created["id"]
    counted = {"present": 1, "arrived": 1, "left": 0, "waiting": 0, "late": 0, "surplus": 0}
    assert presence == {"state": "published"} | counted
    assert station.request(organizer, "POST", f"{path}/leave-all", after(90.1), json={}).json == {"left": 1}
    confirmed = station.request(organizer, "POST", f"{path}/confirm-all", after(91)).json
    assert confirmed == {"confirmed": 1, "left_out": []}
    with clock.travel(after(92)):
        [told] = station.told()
    assert told["minutes"] == 90
