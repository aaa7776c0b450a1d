"""Rate limits: by login, and by address only for failures."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from redis import Redis

from gateway.limits import FAILURES_MAX, FAILURES_WINDOW_S, Limits, SlowDown, network
from shared import clock
from tests.gateway.conftest import StandIn, json_answer, problem_answer
from tests.support import Settings

Services = dict[str, StandIn]
START = clock.day_starts(clock.today())


def many(limits: Limits, login: str, count: int) -> None:
    for _ in range(count):
        limits.count_request(login)


def test_a_login_past_its_allowance_waits_for_the_next_minute(settings: Settings, redis_client: Redis) -> None:
    limits = Limits(settings.redis_url, 100)
    with clock.travel(START):
        with pytest.raises(SlowDown):
            many(limits, "greedy", 200)
        many(limits, "modest", 90)
        with pytest.raises(SlowDown):
            limits.count_request("greedy")
    with clock.travel(START + timedelta(minutes=1)):
        limits.count_request("greedy")


def test_the_processes_of_a_gateway_count_together(settings: Settings, redis_client: Redis) -> None:
    one, other = Limits(settings.redis_url, 100), Limits(settings.redis_url, 100)
    with clock.travel(START):
        many(one, "greedy", 80)
        many(other, "greedy", 39)
        with pytest.raises(SlowDown):
            many(other, "greedy", 1)


def test_without_redis_a_process_counts_alone_and_nobody_waits() -> None:
    limits = Limits("redis://127.0.0.1:9/0", 100)
    with clock.travel(START):
        many(limits, "somebody", 100)
        with pytest.raises(SlowDown):
            many(limits, "somebody", 20)
        for _ in range(FAILURES_MAX["login"]):
            limits.count_failure("login", "10.0.0.1")
        with pytest.raises(SlowDown):
            limits.refuse_blocked("login", "10.0.0.1")


def test_failed_logins_block_an_address_for_logins_alone_and_until_the_window_ends(
    client: FlaskClient, services: Services
) -> None:
    def members(_request: object) -> object:
        return problem_answer(401, "wrong_login")

    services["members"].answering = members  # type: ignore[assignment]
    with clock.travel(START):
        statuses = [client.post("/api/v1/members/sessions", json={}).status_code for _ in range(FAILURES_MAX["login"])]
        assert set(statuses) == {401}
        answer = client.post("/api/v1/members/sessions", json={})
        assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")  # type: ignore[index]
        assert "Retry-After" in answer.headers
        other = client.post("/api/v1/members/sessions", json={}, environ_overrides={"REMOTE_ADDR": "10.0.0.2"})
        assert other.status_code == 401
        services["members"].answering = None
        assert client.get("/api/v1/members/nodes").status_code == 200
    with clock.travel(START + timedelta(seconds=FAILURES_WINDOW_S)):
        assert client.post("/api/v1/members/sessions", json={}).status_code == 200


def test_forged_codes_count_and_expired_ones_do_not(
    client: FlaskClient, services: Services, log_in: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {log_in()}"}
    code = "expired_code"
    services["checkin"].answering = lambda _request: problem_answer(422, code)
    with clock.travel(START):
        for _ in range(FAILURES_MAX["code"] + 5):
            assert client.post("/api/v1/checkin/scans", json={}, headers=headers).status_code == 422
        code = "invalid_code"
        for _ in range(FAILURES_MAX["code"]):
            assert client.post("/api/v1/checkin/scans", json={}, headers=headers).status_code == 422
        assert client.post("/api/v1/checkin/scans", json={}, headers=headers).status_code == 429
        services["checkin"].answering = lambda _request: json_answer([])
        assert client.get("/api/v1/checkin/activities", headers=headers).status_code == 200


def test_an_address_of_ipv6_is_the_network_that_somebody_has() -> None:
    assert network("2001:db8:1:2:aaaa::1") == network("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:10.0.0.1") == "10.0.0.1"
    assert network("not an address") == "unknown"
