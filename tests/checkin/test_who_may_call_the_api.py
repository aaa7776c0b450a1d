"""The public API: who may call what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.checkin.store import Activity
from shared.principal import Grant, Principal, Role
from tests.checkin.support import ELSEWHERE, HERE, Station, after, own
from tests.checkin.wire import activity_body
from tests.support import principal_headers


@dataclass
class Scene:
    """What the routes' placeholders stand for."""

    station: Station
    activity: Activity
    attendance_id: UUID
    member_id: UUID

    def path(self, template: str) -> str:
        return template.format(
            activity=self.activity.id,
            site=self.activity.sites[0].id,
            attendance=self.attendance_id,
            member=self.member_id,
            other=uuid4(),
        )

    def body(self, name: str) -> dict[str, Any]:
        attendance = {
            "id": str(uuid4()),
            "member_id": str(self.station.member()),
            "site_id": str(self.activity.sites[0].id),
            "arrived_at": after(0).isoformat(),
            "left_at": after(60).isoformat(),
        }
        correction = {
            "version": 0,
            "arrived_at": after(0).isoformat(),
            "left_at": after(60).isoformat(),
            "reason": "早退",
        }
        bodies: dict[str, dict[str, Any]] = {
            "activity": activity_body(self.station),
            "change": {"title": "大扫除"},
            "nothing": {},
            "reason": {"reason": "下雨"},
            "attendance": attendance,
            "correction": correction,
            "ticks": {"ticks": [{"id": str(uuid4()), "member_id": str(self.member_id), "wanted": "arrived"}]},
        }
        return bodies[name]


@pytest.fixture
def scene(station: Station) -> Scene:
    volunteer, activity = station.person(), station.activity()
    station.scan(volunteer, activity, "arrival", after(0), late_minutes=5)
    receipt = station.scan(volunteer, activity, "departure", after(100))
    assert receipt.attendance_id is not None
    return Scene(station, activity, receipt.attendance_id, own(volunteer))


ORGANIZERS: list[tuple[str, str, str | None, int]] = [
    ("POST", "/activities", "activity", 201),
    ("PATCH", "/activities/{activity}", "change", 200),
    ("POST", "/activities/{activity}/publish", None, 200),
    ("POST", "/activities/{activity}/cancel", "reason", 200),
    ("POST", "/activities/{activity}/close", None, 200),
    ("GET", "/activities/{activity}/codes?site_id={site}&direction=arrival&minutes=2", None, 200),
    ("GET", "/activities/{activity}/presence", None, 200),
    ("GET", "/activities/{activity}/attendances", None, 200),
    ("GET", "/activities/{activity}/waiting", None, 200),
    ("POST", "/activities/{activity}/attendances", "attendance", 201),
    ("GET", "/activities/{activity}/scans?refused=1", None, 200),
    ("POST", "/activities/{activity}/leave-all", "nothing", 200),
    ("POST", "/activities/{activity}/confirm-all", None, 200),
    ("GET", "/activities/{activity}/roll", None, 200),
    ("POST", "/activities/{activity}/ticks", "ticks", 200),
    ("POST", "/attendances/{attendance}/leave", None, 200),
    ("POST", "/attendances/{attendance}/confirm", None, 200),
    ("POST", "/attendances/{attendance}/reject", "reason", 200),
    ("POST", "/attendances/{attendance}/correct", "correction", 200),
]


RULED_OUT = [
    ("POST", "/activities/{activity}/postpone", "nothing", 422),  # somebody has served already
    ("POST", "/attendances/{attendance}/annul", "reason", 422),  # it is not confirmed yet
]


READS = {
    "/activities/{activity}/presence",
    "/activities/{activity}/attendances",
    "/activities/{activity}/waiting",
    "/activities/{activity}/scans?refused=1",
}


LOGGED_IN: list[tuple[str, str, str | None, int]] = [
    ("GET", "/activities", None, 200),
    ("GET", "/activities/{activity}", None, 200),
    ("GET", "/confirm-each?node_ids={activity}", None, 200),
]


KEPT_FROM_OTHERS = ("GET", "/attendances?member_id={member}", None, 200)


ONE_KEPT_FROM_OTHERS = ("GET", "/attendances/{attendance}", None, 200)


def send(scene: Scene, who: Principal, method: str, path: str, body: str | None) -> Any:
    options: dict[str, Any] = {} if body is None else {"json": scene.body(body)}
    return scene.station.request(who, method, scene.path(path), after(300), **options)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"), [*ORGANIZERS, *RULED_OUT, *LOGGED_IN, KEPT_FROM_OTHERS, ONE_KEPT_FROM_OTHERS]
)
def test_the_stations_organizer_may(scene: Scene, method: str, path: str, body: str | None, status: int) -> None:
    response = send(scene, scene.station.organizer, method, path, body)
    assert response.status_code == status, response.json


INTRUDERS: dict[str, Callable[[Station], Principal]] = {
    "another station's organizer": lambda station: station.person(Grant(Role.ORGANIZER, ELSEWHERE)),
    "another volunteer": lambda station: station.person(),
    "a grant of no right": lambda station: station.person(Grant(Role.VOLUNTEER, HERE)),
    "another station's auditor": lambda station: station.person(Grant(Role.AUDITOR, ELSEWHERE)),
}


@pytest.mark.parametrize("intruder", INTRUDERS)
@pytest.mark.parametrize(("method", "path", "body", "_status"), [*ORGANIZERS, *RULED_OUT])
def test_intruders_may_not(scene: Scene, intruder: str, method: str, path: str, body: str | None, _status: int) -> None:
    tables = ("activity", "attendance", "outbox", "audit_log")
    before = [scene.station.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]
    response = send(scene, INTRUDERS[intruder](scene.station), method, path, body)
    assert response.status_code == 403, response.json
    assert [scene.station.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables] == before


@pytest.mark.parametrize(("method", "path", "body", "_status"), [*ORGANIZERS, *RULED_OUT])
def test_auditors_read_and_never_act(scene: Scene, method: str, path: str, body: str | None, _status: int) -> None:
    auditor = scene.station.person(Grant(Role.AUDITOR, HERE))
    response = send(scene, auditor, method, path, body)
    assert response.status_code == (200 if method == "GET" and path in READS else 403), response.json


@pytest.mark.parametrize(
    ("method", "path", "body", "_status"), [*ORGANIZERS, *RULED_OUT, *LOGGED_IN, KEPT_FROM_OTHERS, ONE_KEPT_FROM_OTHERS]
)
def test_nobody_without_a_login_may(scene: Scene, method: str, path: str, body: str | None, _status: int) -> None:
    client = scene.station.app.test_client()
    options: dict[str, Any] = {} if body is None else {"json": scene.body(body)}
    for headers in (
        {},
        principal_headers("checkin", kind="anonymous"),
        principal_headers("checkin", issuer="points"),
        principal_headers("members", login_id=uuid4(), grants=(Grant(Role.ADMINISTRATOR, "/"),)),
        {"Huzhu-Principal": "forged.forged"},
    ):
        with scene.station.app.app_context():
            response = client.open(f"/api/v1/checkin{scene.path(path)}", method=method, headers=headers, **options)
        assert response.status_code == 401, (headers, response.json)


def test_a_members_record_is_for_themselves_and_organizers_where_it_happened(scene: Scene) -> None:
    station = scene.station

    def seen_by(who: Principal) -> Any:
        response = send(scene, who, *KEPT_FROM_OTHERS[:3])
        return response.status_code if response.status_code != 200 else [row["id"] for row in response.json]

    daughter = station.person(family=(scene.member_id,))
    for who in (daughter, station.organizer, station.person(Grant(Role.AUDITOR, "/town/"))):
        assert seen_by(who) == [str(scene.attendance_id)]
    assert seen_by(station.person(Grant(Role.ORGANIZER, ELSEWHERE))) == []
    assert seen_by(station.person()) == 403


def test_one_record_is_for_the_same_people(scene: Scene) -> None:
    station = scene.station
    method, path, body, _status = ONE_KEPT_FROM_OTHERS
    daughter, auditor = station.person(family=(scene.member_id,)), station.person(Grant(Role.AUDITOR, "/town/"))
    listed = send(scene, daughter, *KEPT_FROM_OTHERS[:3]).json
    for who in (daughter, auditor, station.organizer):
        assert [send(scene, who, method, path, body).json] == listed
    for who in (station.person(), station.person(Grant(Role.ORGANIZER, ELSEWHERE))):
        response = send(scene, who, method, path, body)
        assert (response.status_code, response.json["title"] != "") == (403, True)
        assert str(scene.member_id) not in response.text
    assert send(scene, station.organizer, method, "/attendances/{other}", body).status_code == 404


def test_only_the_worker_brings_events(station: Station) -> None:
    login = principal_headers("checkin", login_id=uuid4(), grants=(Grant(Role.ADMINISTRATOR, "/"),))
    for headers, status in (
        (principal_headers("checkin", issuer="worker"), 200),
        (principal_headers("checkin", issuer="rewards"), 403),
        (login, 401),
    ):
        with station.app.app_context():
            client = station.app.test_client()
            response = client.post("/internal/v1/checkin/events", json={"events": []}, headers=headers)
        assert response.status_code == status
