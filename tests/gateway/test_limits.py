"""Rate limits: by login; by address only for failures, and then not against who is known to be honest."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from gateway import known_devices
from gateway.known_devices import NUMBERS_MAX
from gateway.limits import COUNTED_MAX, COUNTED_WINDOW_S, OWN_MAX, OWN_SPARED_MAX, Limits, SlowDown, network
from gateway.parts import parts
from gateway.routes import WATCHED
from shared import clock
from tests.gateway.conftest import StandIn, json_answer, problem_answer
from tests.gateway.real import token_of
from tests.support import Settings

Services = dict[str, StandIn]
LogIn = Callable[..., str]
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
        for _ in range(COUNTED_MAX["login"]):
            limits.count("login", "10.0.0.1")
        with pytest.raises(SlowDown):
            limits.refuse_blocked("login", "10.0.0.1")


@pytest.mark.parametrize("status", [401, 429])
def test_guesses_of_one_time_codes_are_counted_by_address_also_while_they_have_to_wait(
    client: FlaskClient, services: Services, status: int
) -> None:
    services["members"].answering = lambda _request: problem_answer(status, "wrong_code")
    with clock.travel(START):
        for _ in range(COUNTED_MAX["login"]):
            assert client.post("/api/v1/members/passwords", json={}).json["code"] == "wrong_code"  # type: ignore[index]
        assert client.post("/api/v1/members/passwords", json={}).json["code"] == "rate_limited"  # type: ignore[index]


def test_failed_logins_block_an_address_for_logins_alone_and_until_the_window_ends(
    client: FlaskClient, services: Services
) -> None:
    def members(_request: object) -> object:
        return problem_answer(401, "wrong_login")

    services["members"].answering = members  # type: ignore[assignment]
    with clock.travel(START):
        statuses = [client.post("/api/v1/members/sessions", json={}).status_code for _ in range(COUNTED_MAX["login"])]
        assert set(statuses) == {401}
        answer = client.post("/api/v1/members/sessions", json={})
        assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")  # type: ignore[index]
        assert "Retry-After" in answer.headers
        other = client.post("/api/v1/members/sessions", json={}, environ_overrides={"REMOTE_ADDR": "10.0.0.2"})
        assert other.status_code == 401
        services["members"].answering = None
        assert client.get("/api/v1/members/nodes").status_code == 200
    with clock.travel(START + timedelta(seconds=COUNTED_WINDOW_S)):
        assert client.post("/api/v1/members/sessions", json={}).status_code == 200


def test_members_are_told_the_network_of_a_guess_and_nobody_names_another(
    client: FlaskClient, services: Services
) -> None:
    for path in ("sessions", "passwords", "consent-texts"):
        client.post(
            f"/api/v1/members/{path}",
            json={},
            headers={"Huzhu-Network": "10.9.9.9"},
            environ_overrides={"REMOTE_ADDR": "2001:db8:1:2:aaaa::1"},
        )
    told = [seen.headers.get("Huzhu-Network") for seen in services["members"].forwarded]
    assert told == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", None]


# --- Forged codes: by login first -----------------------------------------------------------------------


def refused(why: str) -> Callable[[object], Response]:
    outcome = {"outcome": "invalid_code", "why": why}
    return lambda _request: problem_answer(422, "invalid_code", errors={"outcomes": [outcome]})


def scan(client: FlaskClient, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return client.post("/api/v1/checkin/scans", json={}, headers=headers).status_code


def login(log_in: LogIn, number: int) -> str:
    return log_in(f"token-{number}", login_id=f"10910000-0000-7000-8000-{number:012}")


def test_forged_codes_stop_who_forges_and_nobody_else_of_the_town(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    forger, neighbour = login(log_in, 1), login(log_in, 2)
    services["checkin"].answering = refused("forged")
    with clock.travel(START):
        assert {scan(client, forger) for _ in range(OWN_MAX["code"])} == {422}
        assert scan(client, forger) == 429
        services["checkin"].answering = None
        assert scan(client, forger) == 429
        assert scan(client, neighbour) == 200
        assert client.get("/api/v1/checkin/x", headers={"Authorization": f"Bearer {forger}"}).status_code == 200
    with clock.travel(START + timedelta(seconds=COUNTED_WINDOW_S)):
        assert scan(client, forger) == 200


def test_an_address_past_its_limit_hinders_only_logins_that_forged_themselves(
    client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    forgers = [login(log_in, number) for number in range(COUNTED_MAX["code"] // (OWN_MAX["code"] - 1) + 1)]
    guesser, mistaken, honest = (login(log_in, number) for number in (100, 101, 102))
    with clock.travel(START):
        assert scan(client, honest) == 200
        services["checkin"].answering = refused("forged")
        assert {scan(client, guesser) for _ in range(OWN_SPARED_MAX + 1)} == {422}
        assert scan(client, mistaken) == 422
        assert {scan(client, forger) for forger in forgers for _ in range(OWN_MAX["code"] - 1)} <= {422, 429}
        services["checkin"].answering = None
        assert scan(client, forgers[0]) == 429
        assert scan(client, guesser) == 429
        assert scan(client, mistaken) == 200
        assert scan(client, honest) == 200
        assert scan(client, login(log_in, 103)) == 200


def test_a_login_that_forges_is_known_to_all_processes(settings: Settings, redis_client: Redis) -> None:
    one, other = Limits(settings.redis_url, 100), Limits(settings.redis_url, 100)
    with clock.travel(START):
        for _ in range(OWN_MAX["code"] - 1):
            one.count("code", "10.0.0.1", login="forger")
        other.count("code", "10.0.0.2", login="forger")
        with pytest.raises(SlowDown):
            other.refuse_blocked("code", "10.0.0.3", login="forger")
        other.refuse_blocked("code", "10.0.0.3", login="honest")


@pytest.mark.parametrize(
    "answer",
    [
        refused("not_shown_yet"),
        lambda _request: problem_answer(422, "expired_code"),
        lambda _request: problem_answer(422, "invalid_code"),
    ],
)
def test_codes_that_are_genuine_and_not_for_now_count_against_nobody(
    client: FlaskClient, services: Services, log_in: LogIn, answer: Callable[[object], Response]
) -> None:
    services["checkin"].answering = answer
    token = log_in()
    with clock.travel(START):
        assert {scan(client, token) for _ in range(COUNTED_MAX["code"] + 5)} == {422}


# --- Known devices --------------------------------------------------------------------------------------


def type_in(client: FlaskClient, phone: str) -> TestResponse:
    """Log in at the page."""
    filled = {"csrf_token": token_of(client), "phone": phone, "password": "梅花三弄 1949"}
    return client.post("/login", data=filled)


def test_guesses_of_others_keep_nobody_from_logging_in_where_they_logged_in_before(
    gateway: Flask, services: Services, log_in: LogIn
) -> None:
    opened = {"token": log_in(), "expires_at": "2099-01-01T00:00:00+00:00"}
    wrong = problem_answer(401, "wrong_login")

    def members(request: Request) -> Response | None:
        if not request.path.endswith("/sessions"):
            return None
        typed = json.loads(request.get_data())
        return json_answer(opened) if typed.get("phone") in ("13900000001", "13900000002") else wrong

    services["members"].answering = members
    at_home, shared, elsewhere = (gateway.test_client() for _ in range(3))
    with clock.travel(START):
        for browser, phone in ((at_home, "13900000001"), (shared, "13900000002"), (shared, "13900000001")):
            assert type_in(browser, phone).status_code == 303
            browser.post("/logout", data={"csrf_token": token_of(browser)})
        guesser = gateway.test_client()
        for _ in range(COUNTED_MAX["login"]):
            assert guesser.post("/api/v1/members/sessions", json={"phone": "13911111111"}).status_code == 401
        assert "操作太频繁" in type_in(elsewhere, "13900000001").text
        assert "操作太频繁" in type_in(at_home, "13900000002").text
        assert type_in(at_home, "13900000001").status_code == 303
        assert {type_in(shared, "13900000002").status_code} == {303}


def test_what_a_device_keeps_names_no_number_and_is_made_by_nobody_else(
    gateway: Flask, services: Services, log_in: LogIn
) -> None:
    opened = {"token": log_in(), "expires_at": "2099-01-01T00:00:00+00:00"}
    services["members"].answering = lambda request: (
        json_answer(opened) if request.path.endswith("/members/sessions") else None
    )
    browser = gateway.test_client()
    for number in range(NUMBERS_MAX + 3):
        response = type_in(browser, f"1390000000{number}")
        assert response.status_code == 303
        browser.delete_cookie("huzhu_session")
    kept = browser.get_cookie("huzhu_device")
    assert kept is not None
    assert len(kept.value.split(".")) == NUMBERS_MAX
    assert "1390000000" not in kept.value
    for cookie, phone, known in (
        (kept.value, "13900000007", True),
        (kept.value, "13900000000", False),
        (kept.value[:20], "13900000007", False),
        ("13900000007", "13900000007", False),
        ("", "13900000007", False),
        (".陈.", "13900000007", False),
    ):
        with gateway.test_request_context("/", headers={"Cookie": f"huzhu_device={cookie}"}):
            assert known_devices.knows(phone) is known


def test_an_address_of_ipv6_is_the_network_that_somebody_has() -> None:
    assert network("2001:db8:1:2:aaaa::1") == network("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:10.0.0.1") == "10.0.0.1"
    assert network("not an address") == "unknown"


def test_no_query_hides_a_watched_route(client: FlaskClient, services: Services) -> None:
    services["members"].answering = lambda _request: problem_answer(401, "wrong_login")
    with clock.travel(START):
        for number in range(COUNTED_MAX["login"]):
            assert client.post(f"/api/v1/members/sessions?x={number}", json={}).status_code == 401
        assert client.post("/api/v1/members/sessions?y=1", json={}).status_code == 429


def test_mistyped_and_spent_vouchers_hinder_nobody_and_unknown_ones_only_the_desk_that_typed_them(
    client: FlaskClient, services: Services, log_in: Callable[..., str]
) -> None:
    desk, other = login(log_in, 1), login(log_in, 2)

    def read(token: str = desk) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.post("/api/v1/rewards/vouchers/read", json={}, headers=headers).status_code

    with clock.travel(START):
        for status, code in ((422, "voucher_expired"), (404, "not_found")):
            services["rewards"].answering = lambda _request, answer=(status, code): problem_answer(*answer)
            assert {read() for _ in range(COUNTED_MAX["voucher"] + 5)} == {status}
        services["rewards"].answering = lambda _request: problem_answer(404, "unknown_voucher")
        assert {read() for _ in range(OWN_MAX["voucher"])} == {404}
        assert read() == 429
        assert read(other) == 404
        assert scan(client, desk) == 200


def test_a_hall_of_newcomers_registers_from_one_address_and_a_loop_does_not(
    client: FlaskClient, services: Services
) -> None:
    services["members"].answering = lambda _request: json_answer({}, 201)

    def register() -> int:
        return client.post("/api/v1/members/logins", json={}).status_code

    registered = 0
    for window in range(6):
        with clock.travel(START + timedelta(seconds=window * COUNTED_WINDOW_S)):
            registered += [register() for _ in range(COUNTED_MAX["registration"])].count(201)
            assert register() == 429
            elsewhere = client.post("/api/v1/members/logins", json={}, environ_overrides={"REMOTE_ADDR": "10.0.0.2"})
            assert elsewhere.status_code == 201
    assert registered >= 300


def test_forms_that_were_filled_in_wrong_are_no_registrations(client: FlaskClient, services: Services) -> None:
    services["members"].answering = lambda _request: problem_answer(422, "weak_password")
    with clock.travel(START):
        statuses = {client.post("/api/v1/members/logins", json={}).status_code for _ in range(170)}
    assert statuses == {422}


def test_one_address_has_no_more_than_a_few_registrations_on_their_way(
    gateway: Flask, client: FlaskClient, services: Services
) -> None:
    most = WATCHED["POST", "/api/v1/members/logins"].at_once_max
    assert most is not None
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def slowly(_request: object) -> Response:
        arrived.release()
        go_on.wait(20)
        return json_answer({}, 201)

    def register(address: str = "10.0.0.1") -> int:
        asked = gateway.test_client()
        return asked.post("/api/v1/members/logins", json={}, environ_overrides={"REMOTE_ADDR": address}).status_code

    services["members"].answering = slowly
    with ThreadPoolExecutor(most + 1) as pool:
        try:
            waiting = [pool.submit(register) for _ in range(most)]
            assert all(arrived.acquire(timeout=10) for _ in waiting)
            assert register() == 429
            neighbour = pool.submit(register, "10.0.0.2")
            assert arrived.acquire(timeout=10)
        finally:
            go_on.set()
        assert [asked.result(10) for asked in [*waiting, neighbour]] == [201] * (most + 1)
    assert register() == 201


def test_who_reads_announcements_leaves_room_for_others_and_is_counted_nowhere(
    gateway: Flask, client: FlaskClient, services: Services
) -> None:
    path = "/api/v1/checkin/announcement"
    most = WATCHED["GET", path].at_once_max
    assert most is not None
    with clock.travel(START):
        for answer in (json_answer({}), problem_answer(404, "not_found")):
            services["checkin"].answering = lambda _request, answer=answer: answer
            assert {client.get(path).status_code for _ in range(COUNTED_MAX["code"] + 5)} == {answer.status_code}
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def slowly(request: Request) -> Response:
        if request.path == path:
            arrived.release()
            go_on.wait(20)
        return json_answer({})

    services["checkin"].answering = slowly
    with ThreadPoolExecutor(most) as pool:
        try:
            reading = [pool.submit(lambda: gateway.test_client().get(path).status_code) for _ in range(most)]
            assert all(arrived.acquire(timeout=10) for _ in reading)
            assert client.get(path).status_code == 429
            assert client.post("/api/v1/checkin/scans", json={}).status_code == 200
        finally:
            go_on.set()
        assert [asked.result(10) for asked in reading] == [200] * most


def test_the_sessions_of_one_login_share_its_allowance(
    gateway: Flask, client: FlaskClient, services: Services, log_in: LogIn
) -> None:
    for token in ("one", "other"):
        log_in(token)
        for _ in range(2):
            answer = client.get("/api/v1/points/rules", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
    with gateway.app_context():
        counted = parts().limits._requests
    assert list(counted.values()) == [4]
