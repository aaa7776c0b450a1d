"""What every service answers: problems instead of surprises, and nobody without a principal."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import insert

from shared import audit, clock
from shared.db import session, transactional
from shared.ids import new_id
from shared.principal import Grant, Role
from tests.shared.conftest import DATABASE
from tests.support import json_of, principal_headers

ADMINISTRATOR = {"grants": (Grant(Role.ADMINISTRATOR, "/"),)}


def test_a_request_without_principal_is_unauthenticated(kernel_app: Flask) -> None:
    answer = kernel_app.test_client().get("/api/v1/points/dead-letters")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert json_of(answer)["code"] == "unauthenticated"
    assert json_of(answer)["request_id"] == answer.headers["Huzhu-Request-Id"]


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.ORGANIZER, Role.STAFF, Role.AUDITOR])
def test_only_administrators_see_dead_letters(kernel_app: Flask, role: Role) -> None:
    headers = principal_headers("points", grants=(Grant(role, "/"),))
    assert kernel_app.test_client().get("/api/v1/points/dead-letters", headers=headers).status_code == 403


def test_a_principal_for_another_service_is_unauthenticated(kernel_app: Flask) -> None:
    headers = principal_headers("rewards", **ADMINISTRATOR)
    assert kernel_app.test_client().get("/api/v1/points/dead-letters", headers=headers).status_code == 401


def test_unknown_query_fields_and_wrong_types_are_named(kernel_app: Flask) -> None:
    client, headers = kernel_app.test_client(), principal_headers("points", **ADMINISTRATOR)
    for query, field in (
        ("colour=red", "colour"),
        ("limit=many", "limit"),
        ("limit=0", "limit"),
        ("before=x", "before"),
    ):
        answer = client.get(f"/api/v1/points/audit?{query}", headers=headers)
        assert (answer.status_code, json_of(answer)["code"]) == (400, "invalid")
        assert field in json_of(answer)["errors"]


def test_unknown_addresses_and_methods_are_problems_and_say_what_is_allowed(kernel_app: Flask) -> None:
    client, headers = kernel_app.test_client(), principal_headers("points", **ADMINISTRATOR)
    assert json_of(client.get("/api/v1/points/nowhere", headers=headers))["status"] == 404
    wrong_method = client.post("/api/v1/points/backlog", headers=headers)
    assert wrong_method.status_code == 405
    assert "GET" in wrong_method.headers["Allow"]
    assert wrong_method.content_type == "application/problem+json"


def test_the_audit_log_shows_only_what_lies_below_the_callers_nodes(kernel_app: Flask) -> None:
    @transactional
    def write(tx: object, path: str) -> None:
        session().execute(
            insert(audit.audit_log).values(
                id=new_id(),
                at=clock.now(),
                who="login:x",
                action="member.confirm",
                subject_type="member",
                subject_id=uuid4(),
                path=path,
                detail={},
            )
        )

    with kernel_app.app_context():
        write("/a/b/")
        write("/a/c/")
    client = kernel_app.test_client()
    for held, seen in (("/a/b/", 1), ("/a/", 2), ("/x/", 0)):
        headers = principal_headers("points", grants=(Grant(Role.AUDITOR, held),))
        assert len(json_of(client.get("/api/v1/points/audit", headers=headers))) == seen


def test_events_are_taken_from_the_worker_only_and_bad_ones_are_answered_one_by_one(kernel_app: Flask) -> None:
    client = kernel_app.test_client()
    node = str(uuid4())
    body = {"node_id": node, "version": 1, "level": "station", "name": "站", "path": "/x/", "colour": "ignored"}
    good = {"name": "StationChanged", "body": body}
    batch = {"events": [good, {"name": "StationChanged", "body": {}}, {"name": "Unheard", "body": {}}, good]}
    path = "/internal/v1/points/events"
    answer = client.post(path, json=batch, headers=principal_headers("points", issuer="worker"))
    assert [item["status"] for item in json_of(answer)["answers"]] == ["done", "refused", "refused", "done"]
    assert client.post(path, json=batch, headers=principal_headers("points", issuer="checkin")).status_code == 403
    assert client.post(path, json=batch, headers=principal_headers("points", **ADMINISTRATOR)).status_code == 401
    for malformed in (b"", b"[]", b"{", b'{"events": 1}', b"\xff\xfe"):
        answer = client.post(path, data=malformed, headers=principal_headers("points", issuer="worker"))
        assert answer.status_code == 400


def test_a_service_that_may_bring_one_kind_of_event_may_not_bring_another(kernel_app: Flask) -> None:
    client, headers = kernel_app.test_client(), principal_headers("points", issuer="rewards")
    station = {"node_id": str(uuid4()), "version": 1, "level": "station", "name": "站", "path": "/x/"}
    member = {"member_id": str(uuid4()), "version": 1, "status": "active", "confirmed": True}
    member |= {"volunteer_number": "1" * 12, "name_masked": "陈*"}
    events = [{"name": "StationChanged", "body": station}, {"name": "MemberChanged", "body": member}]
    answers = json_of(client.post("/internal/v1/points/events", json={"events": events}, headers=headers))["answers"]
    assert [(answer["status"], answer["code"]) for answer in answers] == [("done", None), ("refused", "unwanted")]


def test_an_older_copy_never_replaces_a_newer_one(kernel_app: Flask) -> None:
    from shared import copies

    client, node = kernel_app.test_client(), uuid4()

    def tell(*versions: int) -> None:
        events = [
            {
                "name": "StationChanged",
                "body": {
                    "node_id": str(node),
                    "version": version,
                    "level": "station",
                    "name": f"v{version}",
                    "path": "/x/",
                },
            }
            for version in versions
        ]
        headers = principal_headers("points", issuer="worker")
        assert client.post("/internal/v1/points/events", json={"events": events}, headers=headers).status_code == 200

    tell(2)
    tell(1)
    tell(3, 5, 4)
    with kernel_app.app_context():
        found = copies.find_station(session(), node)
        assert found is not None
        assert found.name == "v5"


def test_a_service_on_a_database_of_another_migration_refuses_to_start(kernel_app: Flask) -> None:
    from sqlalchemy import text

    from shared.db import newest_revision, refuse_other_schema
    from shared.settings import Misconfigured

    def set_to(revision: str) -> None:
        with kernel_app.app_context(), DATABASE.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    try:
        for other in ("0000", "9999"):
            set_to(other)
            with pytest.raises(Misconfigured, match=other):
                refuse_other_schema(kernel_app)
    finally:
        set_to(newest_revision("points"))
    refuse_other_schema(kernel_app)
