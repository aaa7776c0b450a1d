"""What every page stands on: the browser's session, CSRF, guards, cookies, headers, error pages, parallel calls."""

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask, redirect
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from gateway import backend, guards, visitor
from gateway.app import create_app
from gateway.backend import Call
from shared import clock
from shared.errors import RuleBroken, Unavailable
from shared.principal import Role
from tests.gateway.conftest import ALICE, MUM, STRANGER, StandIn, json_answer, problem_answer

Services = dict[str, StandIn]
LogIn = Callable[..., str]


@pytest.fixture
def gateway(gateway_environment: dict[str, str]) -> Flask:
    """A gateway with a few pages that only tests have."""
    gateway = create_app()

    def form() -> str:
        return visitor.csrf_token()

    def post() -> str:
        return "done"

    def mine() -> str:
        return str(visitor.member_id())

    def staff() -> str:
        return "staff"

    def enter() -> Response:
        response = redirect("/test/form", 303)
        visitor.begin(response, "token-of-alice", clock.now() + timedelta(days=30))
        return response

    def leave() -> Response:
        response = redirect("/", 303)
        visitor.end(response)
        return response

    gateway.add_url_rule("/test/form", view_func=guards.open_page(form))
    gateway.add_url_rule("/test/post", view_func=guards.open_page(post), methods=["POST"])
    gateway.add_url_rule("/test/enter", view_func=guards.open_page(enter), methods=["POST"])
    gateway.add_url_rule("/test/leave", view_func=guards.open_page(leave), methods=["POST"])
    gateway.add_url_rule("/test/mine", view_func=guards.logged_in(mine))
    gateway.add_url_rule("/test/staff", view_func=guards.holding(Role.STAFF)(staff))
    return gateway


def page_token(client: FlaskClient) -> str:
    return client.get("/test/form").text


def cookie_attributes(response: object, name: str) -> set[str]:
    for line in response.headers.getlist("Set-Cookie"):  # type: ignore[attr-defined]
        if line.startswith(f"{name}="):
            return {part.strip().partition("=")[0] for part in line.split(";")[1:]}
    raise AssertionError(name)


def test_a_form_of_ours_is_taken_and_another_sites_is_not(client: FlaskClient) -> None:
    assert client.post("/test/post").status_code == 403
    token = page_token(client)
    assert client.post("/test/post", data={"csrf_token": token}).text == "done"
    assert client.post("/test/post", headers={"Huzhu-Csrf": token}).text == "done"
    for forged in ("", "x", token[:-1], token + "x", "陈"):
        answer = client.post("/test/post", data={"csrf_token": forged})
        assert answer.status_code == 403
        assert "页面放得太久了" in answer.text


def test_a_token_is_of_one_browser_and_of_one_session(gateway: Flask, log_in: LogIn) -> None:
    log_in()
    mallory, alice = gateway.test_client(), gateway.test_client()
    stolen = page_token(mallory)
    page_token(alice)
    assert alice.post("/test/post", data={"csrf_token": stolen}).status_code == 403
    before = page_token(alice)
    assert alice.post("/test/enter", data={"csrf_token": before}).status_code == 303
    assert alice.post("/test/post", data={"csrf_token": before}).status_code == 403
    assert alice.post("/test/post", data={"csrf_token": page_token(alice)}).status_code == 200


def test_login_needs_the_token_too(client: FlaskClient) -> None:
    assert client.post("/test/enter").status_code == 403


def test_unsafe_requests_to_the_api_by_cookie_need_the_token_and_by_bearer_none(
    gateway: Flask, services: Services, log_in: LogIn
) -> None:
    log_in()
    browser = gateway.test_client()
    browser.set_cookie("huzhu_session", "token-of-alice")
    token = page_token(browser)
    assert browser.get("/api/v1/points/statement").status_code == 200
    assert browser.post("/api/v1/rewards/redemptions", json={}).status_code == 403
    assert services["rewards"].seen == []
    assert browser.post("/api/v1/rewards/redemptions", json={}, headers={"Huzhu-Csrf": token}).status_code == 200
    program = gateway.test_client()
    headers = {"Authorization": "Bearer token-of-alice"}
    assert program.post("/api/v1/rewards/redemptions", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(("public_url", "secure"), [("https://huzhu.test", True), ("http://huzhu.test", False)])
def test_cookies_are_for_us_alone(
    gateway_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, public_url: str, secure: bool
) -> None:
    from gateway.app import create_app

    monkeypatch.setenv("PUBLIC_URL", public_url)
    app = create_app()
    client = app.test_client()
    expected = {"HttpOnly", "SameSite", "Path", "Expires", "Max-Age"} | ({"Secure"} if secure else set())
    assert cookie_attributes(client.get("/s/V1.1.a.b.a.0.c"), "huzhu_scan") == expected
    with app.test_request_context("/"):
        response = Response()
        visitor.begin(response, "token", clock.now() + timedelta(days=30))
        assert cookie_attributes(response, "huzhu_session") == expected


def test_a_page_for_logins_sends_strangers_to_log_in_and_back(client: FlaskClient, log_in: LogIn) -> None:
    answer = client.get("/test/mine?a=1&b=2")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Ftest%2Fmine%3Fa%3D1%26b%3D2")
    client.set_cookie("huzhu_session", log_in())
    assert client.get("/test/mine").text == str(ALICE)


def test_a_form_of_an_ended_session_was_not_sent_and_leads_back_to_its_page(
    gateway: Flask, client: FlaskClient
) -> None:
    client.set_cookie("huzhu_session", "ended-long-ago")
    token = page_token(client)
    activity = "/organize/activities/00000000-0000-4000-8000-000000000000"
    for to, page in (
        ("/family/new", "/family/new"),
        ("/me/consents", "/me"),
        (f"{activity}/publish", activity),
        (f"{activity}/leave-all", f"{activity}/leave-all"),
        (f"{activity}/confirm-all", activity),
        ("/desk/00000000-0000-4000-8000-000000000000/issue", "/desk/00000000-0000-4000-8000-000000000000"),
    ):
        shown = client.post(to, data={"csrf_token": token}, follow_redirects=True)
        assert shown.request.path == "/login", to
        assert "填的内容没有发出去" in shown.text, to
        assert f'name="next" value="{page}"' in shown.text, to


def test_a_form_whose_cookie_is_gone_was_not_sent_and_leads_back_to_its_page(client: FlaskClient) -> None:
    shown = client.post("/me/consents", data={"csrf_token": "of another time"})
    assert shown.status_code == 403
    assert "填的内容没有发出去" in shown.text
    assert 'href="/me"' in shown.text
    assert "evil" not in client.post("//evil.example/me", data={}).text.partition("<main")[2]


@pytest.mark.parametrize("path", ["/login", "/api/v1/points/statement", "/health/live"])
def test_a_request_id_is_ours_and_never_the_clients(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Huzhu-Request-Id": "anothersrequest"})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["Huzhu-Request-Id"])


def test_the_demo_says_on_every_page_that_it_is_one_and_nothing_else_does(
    client: FlaskClient, gateway_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.app import create_app

    assert "演示系统" not in client.get("/login").text
    monkeypatch.setenv("HUZHU_DEMO", "1")
    demo = create_app().test_client()
    for path in ("/", "/login", "/terms", "/nowhere"):
        assert "演示系统，人物均为虚构" in demo.get(path).text, path
    demo.set_cookie("huzhu_language", "en")
    assert "Demo: all people here are invented" in demo.get("/login").text


def test_a_browser_acts_for_the_member_it_chose_among_its_own(client: FlaskClient, log_in: LogIn) -> None:
    client.set_cookie("huzhu_session", log_in())
    for chosen, acting in ((str(MUM), MUM), (str(STRANGER), ALICE), ("nonsense", ALICE)):
        client.set_cookie("huzhu_member", chosen)
        assert client.get("/test/mine").text == str(acting)


def test_a_page_for_a_role_is_closed_to_others(client: FlaskClient, log_in: LogIn) -> None:
    client.set_cookie("huzhu_session", log_in("volunteer"))
    assert client.get("/test/staff").status_code == 403
    client.set_cookie("huzhu_session", log_in("staff", (("staff", "/1/"),)))
    assert client.get("/test/staff").text == "staff"


def test_logging_out_clears_the_browser(client: FlaskClient, log_in: LogIn) -> None:
    client.set_cookie("huzhu_session", log_in())
    client.post("/test/leave", data={"csrf_token": page_token(client)})
    assert client.get("/test/mine").status_code == 303


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/static/nowhere.css"])
def test_every_answer_tells_browsers_to_trust_nothing_else(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_errors_are_pages_for_people_and_documents_for_programs(client: FlaskClient) -> None:
    page = client.get("/nowhere")
    assert page.mimetype == "text/html"
    assert "没有找到" in page.text
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page.text)
    assert client.get("/api/nowhere").content_type == "application/problem+json"


def test_error_pages_are_english_for_who_chose_it(
    client: FlaskClient, services: Services, log_in: LogIn, gateway: Flask
) -> None:
    def broken() -> str:
        raise ValueError

    def busy() -> str:
        raise Unavailable

    gateway.add_url_rule("/test/broken", view_func=guards.open_page(broken))
    gateway.add_url_rule("/test/busy", view_func=guards.open_page(busy))
    client.set_cookie("huzhu_language", "en")
    client.set_cookie("huzhu_session", log_in())
    for path, status in (("/nowhere", 404), ("/organize", 403), ("/test/broken", 500), ("/test/busy", 503)):
        shown = client.get(path)
        assert shown.status_code == status
        assert not re.search(r"[\u4e00-\u9fff]", shown.text.partition("<main")[2].partition("</main>")[0]), path


def test_an_error_page_stands_when_members_is_down(
    gateway_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.app import create_app

    monkeypatch.setenv("HUZHU_MEMBERS_URL", "http://127.0.0.1:9")
    client = create_app().test_client()
    client.set_cookie("huzhu_session", "any")
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/gifts?page=2", "/gifts?page=2"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nb", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_one_goes_on_only_to_pages_of_ours(text: str | None, path: str) -> None:
    assert guards.local_path(text) == path


# --- Calls of pages -----------------------------------------------------------------------------------


def test_a_page_asks_as_its_browsers_login(gateway: Flask, services: Services, log_in: LogIn) -> None:
    cookie = {"Cookie": f"huzhu_session={log_in()}; huzhu_member={MUM}"}
    with gateway.test_request_context("/", headers=cookie):
        gateway.preprocess_request()
        moment = clock.now()
        backend.call("checkin", "POST", "/scans", json={"code": "x"}, read_at=moment)
    (seen,) = services["checkin"].seen
    who = seen.principal("checkin")
    assert (seen.target, seen.body, who.member_id, who.read_at) == (
        "/api/v1/checkin/scans",
        b'{"code":"x"}',
        MUM,
        moment,
    )


def test_a_refusal_arrives_as_the_error_it_is(gateway: Flask, services: Services) -> None:
    services["rewards"].answering = lambda _request: problem_answer(422, "limit_reached", "本季度已经兑换过两件")
    with gateway.test_request_context("/"):
        gateway.preprocess_request()
        with pytest.raises(RuleBroken) as caught:
            backend.call("rewards", "POST", "/redemptions", json={})
    assert (caught.value.code, caught.value.detail) == ("limit_reached", "本季度已经兑换过两件")
    assert RuleBroken.code == "rule_broken"


def test_panels_are_asked_at_once_and_one_that_is_slow_or_down_leaves_the_others_standing(
    gateway: Flask, services: Services
) -> None:
    release, both = threading.Event(), threading.Barrier(2, timeout=5)

    def meet(_request: object) -> Response:
        both.wait()
        return json_answer({"met": True})

    services["members"].answering = services["checkin"].answering = meet
    services["points"].answering = lambda _request: json_answer({"late": release.wait(5)})
    services["rewards"].answering = lambda _request: problem_answer(500, "internal_error")
    with gateway.test_request_context("/"):
        gateway.preprocess_request()
        began = time.monotonic()
        panels = backend.together(
            members=Call("members", "/nodes"),
            checkin=Call("checkin", "/activities"),
            points=Call("points", "/balances"),
            rewards=Call("rewards", "/gifts"),
        )
        took_s = time.monotonic() - began
    release.set()
    assert panels["members"].content == panels["checkin"].content == {"met": True}
    assert isinstance(panels["points"].error, Unavailable)
    assert isinstance(panels["rewards"].error, Unavailable)
    assert took_s < 2


def test_a_service_that_hangs_leaves_threads_to_the_others(
    gateway_environment: dict[str, str], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.app import create_app

    monkeypatch.setattr("gateway.upstreams.PANEL_TIMEOUT_S", 20.0)  # it holds its threads until the test is over
    gateway = create_app()
    arrived, release = threading.Semaphore(0), threading.Event()

    def hang(_request: object) -> Response:
        arrived.release()
        return json_answer({"late": release.wait(20)})

    services["points"].answering = hang
    try:
        with gateway.test_request_context("/"):
            gateway.preprocess_request()
            for _ in range(3):
                hung = backend.together(**{f"panel_{number}": Call("points", "/balances") for number in range(20)})
                assert {type(panel.error) for panel in hung.values()} == {Unavailable}
            assert arrived.acquire(timeout=5)
            panels = backend.together(nodes=Call("members", "/nodes"), gifts=Call("rewards", "/gifts"))
    finally:
        release.set()
    assert panels["nodes"].content == {"service": "members"}
    assert panels["gifts"].content == {"service": "rewards"}


def test_a_change_in_members_is_seen_on_the_next_page_in_every_process(
    gateway_environment: dict[str, str], services: Services, log_in: LogIn
) -> None:
    from gateway.app import create_app

    one, other = create_app(), create_app()
    for app in (one, other):
        app.add_url_rule("/test/count", view_func=guards.logged_in(_count), endpoint="count")
        app.add_url_rule("/test/add", view_func=guards.open_page(_add), methods=["POST"], endpoint="add")
        app.add_url_rule("/test/form", view_func=guards.open_page(visitor.csrf_token), endpoint="form")
    cookie = f"huzhu_session={log_in()}"
    assert other.test_client(use_cookies=False).get("/test/count", headers={"Cookie": cookie}).text == "2"
    token = one.test_client(use_cookies=False).get("/test/form", headers={"Cookie": cookie}).text
    log_in(members=[])
    changed = one.test_client(use_cookies=False).post("/test/add", headers={"Cookie": cookie, "Huzhu-Csrf": token})
    fresh = changed.headers["Set-Cookie"].partition(";")[0]
    assert fresh.startswith("huzhu_fresh=")
    assert other.test_client(use_cookies=False).get("/test/count", headers={"Cookie": f"{cookie}; {fresh}"}).text == "0"


def _count() -> str:
    return str(len(visitor.require_session().members))


def _add() -> str:
    backend.call("members", "POST", "/me/members", json={})
    return "added"


def test_what_is_posted_to_an_address_that_does_not_exist_is_not_found(client: FlaskClient) -> None:
    answer = client.post("/no/such/page", data={"name": "陈芳"})
    assert answer.status_code == 404
    assert "没有找到" in answer.text
    assert "放得太久了" not in answer.text
    assert "放得太久了" in client.post("/login", data={}).text
