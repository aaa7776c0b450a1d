"""The public API: who is vouched for, what is let through, what comes back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.sessions import BELIEVED_S
from shared import clock
from shared.errors import Unauthenticated
from shared.principal import HEADER, Kind
from tests.gateway.conftest import ALICE, MUM, STRANGER, StandIn, json_answer, problem_answer

Services = dict[str, StandIn]
LogIn = Callable[..., str]


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


def test_a_bearer_is_vouched_for_to_the_service_it_asks_and_to_no_other(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    answer = client.get("/api/v1/points/balances?member_ids=1", headers=bearer(log_in()))
    assert answer.json == {"service": "points"}
    (seen,) = services["points"].seen
    assert seen.target == "/api/v1/points/balances?member_ids=1"
    who = seen.principal("points")
    assert (who.kind, who.member_id, who.member_ids) == (Kind.LOGIN, ALICE, (ALICE, MUM))
    with pytest.raises(Unauthenticated):
        seen.principal("rewards")


def test_somebody_without_credentials_is_anonymous(client: FlaskClient, services: Services) -> None:
    client.get("/api/v1/members/nodes")
    assert services["members"].seen[0].principal("members").kind is Kind.ANONYMOUS


def test_what_a_client_says_of_itself_does_not_reach_the_service(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    posing = {
        HEADER: "forged.forged",
        "huzhu_principal": "forged.forged",
        "Huzhu-Service": "forged",
        "Huzhu-Request-Id": "chosenbyme",
        "Huzhu-Read-At": "2020-01-01T00:00:00Z",
        "Connection": "keep-alive, Huzhu-Principal",
        "X-Forwarded-For": "1.2.3.4",
        "Cookie": "a=b",
        "Te": "trailers",
    }
    client.get("/api/v1/points/statement", headers=bearer(log_in(), **posing))
    (seen,) = services["points"].seen
    assert seen.principal("points").own_member_id == ALICE
    assert seen.principal("points").read_at is None
    assert set(seen.headers) <= {"Host", "Accept-Encoding", "User-Agent", HEADER, "Huzhu-Request-Id"}
    assert seen.headers["Huzhu-Request-Id"] != "chosenbyme"


def test_a_header_that_http_cannot_carry_is_left_out(client: FlaskClient, services: Services) -> None:
    assert client.get("/api/v1/members/nodes", environ_overrides={"HTTP_USER_AGENT": "你好"}).status_code == 200
    assert "User-Agent" not in services["members"].seen[0].headers


def test_an_unknown_token_is_refused_and_not_asked_about_again_at_once(client: FlaskClient, services: Services) -> None:
    for _ in range(3):
        answer = client.get("/api/v1/points/statement", headers=bearer("nobody-knows-me"))
        assert (answer.status_code, answer.json["code"]) == (401, "wrong_token")  # type: ignore[index]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert services["members"].resolved == 1
    assert services["points"].seen == []


def test_a_revoked_session_is_out_within_ten_seconds(client: FlaskClient, services: Services, log_in: LogIn) -> None:
    headers = bearer(log_in())
    for _ in range(3):
        assert client.get("/api/v1/points/statement", headers=headers).status_code == 200
    assert services["members"].resolved == 1
    services["members"].sessions.clear()
    assert client.get("/api/v1/points/statement", headers=headers).status_code == 200
    with clock.travel(clock.now() + timedelta(seconds=BELIEVED_S)):
        assert client.get("/api/v1/points/statement", headers=headers).status_code == 401


def test_one_acts_for_ones_own_members_only(client: FlaskClient, services: Services, log_in: LogIn) -> None:
    headers = bearer(log_in())
    client.get("/api/v1/points/statement", headers=headers | {"Huzhu-Member": str(MUM)})
    assert services["points"].seen[-1].principal("points").member_id == MUM
    for wrong, status in ((str(STRANGER), 403), ("mother", 400)):
        answer = client.get("/api/v1/points/statement", headers=headers | {"Huzhu-Member": wrong})
        assert answer.status_code == status
    assert len(services["points"].seen) == 1


def test_cookie_and_bearer_together_are_refused(client: FlaskClient, services: Services, log_in: LogIn) -> None:
    client.set_cookie("huzhu_session", log_in(), domain="localhost")
    answer = client.get("/api/v1/points/statement", headers=bearer("token-of-alice"))
    assert (answer.status_code, answer.json["code"]) == (400, "two_credentials")  # type: ignore[index]
    assert services["points"].seen == []


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bearer", "Token x", "Bearer " + "x" * 600, ""])
def test_other_ways_to_authorize_are_refused(client: FlaskClient, services: Services, header: str) -> None:
    assert client.get("/api/v1/points/statement", headers={"Authorization": header}).status_code == 401
    assert services["points"].seen == []


def test_the_answer_comes_back_whole_without_what_belongs_to_the_hop(client: FlaskClient, services: Services) -> None:
    services["rewards"].answering = lambda _request: json_answer(
        {"id": 7}, 201, ETag='"x"', Location="/api/v1/rewards/gifts/7", **{"Set-Cookie": "a=b", "X-Own": "kept"}
    )
    answer = client.post("/api/v1/rewards/gifts", json={"name": "雨伞"})
    assert (answer.status_code, answer.json) == (201, {"id": 7})
    assert answer.headers["ETag"] == '"x"'
    assert answer.headers["X-Own"] == "kept"
    assert answer.headers["Huzhu-Request-Id"] == services["rewards"].seen[0].headers["Huzhu-Request-Id"]
    assert "Set-Cookie" not in answer.headers
    assert "Server" not in answer.headers


def test_a_redirect_does_not_tell_where_the_service_lives(client: FlaskClient, services: Services) -> None:
    services["rewards"].answering = lambda request: json_answer({}, 308, Location=request.url + "/")
    assert client.get("/api/v1/rewards/gifts").headers["Location"] == "/api/v1/rewards/gifts/"


def test_a_refusal_of_the_service_is_passed_on(client: FlaskClient, services: Services) -> None:
    services["points"].answering = lambda _request: problem_answer(422, "insufficient_points")
    answer = client.get("/api/v1/points/statement")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json["code"] == "insufficient_points"  # type: ignore[index]


def test_a_service_that_is_down_is_503_with_the_id_of_the_request(
    gateway_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.app import create_app

    monkeypatch.setenv("HUZHU_POINTS_URL", "http://127.0.0.1:9")
    answer = create_app().test_client().get("/api/v1/points/statement")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")  # type: ignore[index]
    assert answer.json["request_id"] == answer.headers["Huzhu-Request-Id"]  # type: ignore[index]
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nobody/x",
        "/api/v1/members/../../internal/v1/points/events",
        "/api/v1/members/%2e%2e/x",
        "/api/v1/members//nodes",
        "/api/v1/members/nodes/",
        "/api/v1/members/a%00b",
        "/api/v1/members/%ff%fe",
        "/api/v1/members/a%20b",
        "/api/v1/members/陈",
        "/api/v1/members/a\\b",
        "/api/v1/members/a%0d%0aHost:%20evil",
        "/api/v1/",
        "/api",
        "/api/v2/members/nodes",
        "/internal/v1/points/events",
        "/internal/v1/members/sessions/resolve",
        "/openapi.json",
    ],
)
def test_paths_that_no_route_has_are_not_found_and_reach_nobody(
    client: FlaskClient, services: Services, path: str
) -> None:
    assert client.get(path).status_code == 404
    assert not any(stand_in.seen for stand_in in services.values())


@pytest.mark.parametrize("query", ["q=\x7f", "q=\xff", "q=a b", "q=" + "x" * 9000])
def test_queries_that_are_none_are_refused(client: FlaskClient, services: Services, query: str) -> None:
    answer = client.get("/api/v1/members/nodes", environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == 400
    assert services["members"].seen == []


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "get"])
def test_other_methods_are_refused_with_those_that_are_allowed(client: FlaskClient, method: str) -> None:
    answer = client.open("/api/v1/members/nodes", method="GET", environ_overrides={"REQUEST_METHOD": method})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_body_up_to_one_mebibyte_passes_and_more_is_refused(client: FlaskClient, services: Services) -> None:
    most = b"x" * (1024 * 1024)
    assert client.post("/api/v1/rewards/gifts", data=most).status_code == 200
    assert services["rewards"].seen[-1].body == most
    for extra in (b"x", b"x" * 1024 * 1024 * 4):
        answer = client.post("/api/v1/rewards/gifts", data=most + extra)
        assert (answer.status_code, answer.json["code"]) == (413, "content_too_large")  # type: ignore[index]
    assert len(services["rewards"].seen) == 1


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "0x10", "1 ", "99999999999999999999"])
def test_lengths_that_make_no_sense_are_refused(client: FlaskClient, services: Services, length: str) -> None:
    answer = client.post("/api/v1/rewards/gifts", data=b"abc", environ_overrides={"CONTENT_LENGTH": length})
    assert answer.status_code in (400, 413)
    assert services["rewards"].seen == []


def test_a_body_that_was_cut_is_refused(client: FlaskClient, services: Services) -> None:
    answer = client.post("/api/v1/rewards/gifts", data=b"abc", environ_overrides={"CONTENT_LENGTH": "10"})
    assert answer.status_code == 400
    assert services["rewards"].seen == []


def test_a_bug_is_500_and_tells_nothing(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_fields: Any) -> Any:
        raise RuntimeError("secret")

    monkeypatch.setattr("gateway.upstreams.Upstreams.send", broken)
    answer = client.get("/api/v1/points/statement")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")  # type: ignore[index]
    assert b"secret" not in answer.data
