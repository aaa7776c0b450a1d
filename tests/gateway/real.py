"""The gateway in front of the real services, all in this process, with people who use its pages as browsers do."""

import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from werkzeug.serving import make_server

from gateway import credentials
from shared import clock, delivery
from shared.ids import new_id
from shared.principal import Role
from shared.settings import SERVICES, secret
from tests.gateway.conftest import KeepsConnections, forget
from tests.support import Settings

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.serving import BaseWSGIServer
    from werkzeug.test import TestResponse

PASSWORD = "梅花三弄 1949"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an app served from threads of this process."""
    server = _serve(app)
    try:
        yield _address(server)
    finally:
        server.shutdown()
        server.server_close()


def _serve(app: Any) -> "BaseWSGIServer":
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=KeepsConnections)
    server.daemon_threads = True  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


def _address(server: "BaseWSGIServer") -> str:
    return f"http://127.0.0.1:{server.server_port}"


@dataclass
class Browser:
    """Somebody at the pages: keeps cookies, follows redirects, fills in the forms as they stand there."""

    client: "FlaskClient"
    member_id: str = ""

    def get(self, path: str, status: int = 200) -> "TestResponse":
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-3000:])
        return answer

    def post(self, page: str, to: str, /, status: int = 200, **typed: Any) -> "TestResponse":
        """Open a page and post the form on it that goes to `to`, with everything hidden in it."""
        shown = self.get(page).text
        filled = form_fields(shown, to) | {name: value for name, value in typed.items() if value is not None}
        answer = self.client.post(to, data=filled, follow_redirects=True)
        assert answer.status_code == status, (to, answer.status_code, answer.text[-3000:])
        return answer

    def api(self, method: str, path: str, content: Any = None) -> Any:
        answer = self._ask(method, path, content)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json if answer.data else None

    def refused(self, method: str, path: str, content: Any = None) -> Any:
        """The problem with which it is refused."""
        answer = self._ask(method, path, content)
        assert answer.status_code >= 400, (path, answer.text)
        return answer.json

    def _ask(self, method: str, path: str, content: Any) -> "TestResponse":
        headers = {"Huzhu-Csrf": token_of(self.client)}
        return self.client.open(f"/api/v1{path}", method=method, json=content, headers=headers)


def token_of(client: "FlaskClient") -> str:
    """The CSRF token that this browser's pages carry."""
    return form_fields(client.get("/display").text, "/display")["csrf_token"]


def form_fields(page: str, action: str) -> dict[str, str]:
    """What the form holds as it stands: inputs with values, ticked boxes, chosen options."""
    for found in re.finditer(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL):
        if 'method="post"' in found[1] and f'action="{action}"' in found[1]:
            return dict(_fields(found[2]))
    raise AssertionError(f"no form goes to {action}: {re.findall(r'action=.[^ ]*', page)}")


def _fields(form: str) -> Iterator[tuple[str, str]]:
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        choice = attributes.get("type") in ("radio", "checkbox")
        if "name" in attributes and (not choice or " checked" in tag):
            yield attributes["name"], html.unescape(attributes.get("value", ""))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</textarea>', form):
        yield name, html.unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        values = re.findall(r'<option value="([^"]*)"( selected)?', options)
        yield name, next((value for value, chosen in values if chosen), values[0][0] if values else "")


@dataclass
class Town:
    """One station with its people, made through the pages' own API."""

    gateway: "Flask"
    apps: dict[str, "Flask"]
    station_id: str
    nodes: dict[str, str]
    administrator: Browser
    clock_file: Path
    phones: Iterator[int] = field(default_factory=lambda: iter(range(13800000001, 13800009999)))

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Within the block it is this moment, for every thread of the services too."""
        offset_s = (moment - datetime.now(UTC)).total_seconds()
        self.clock_file.write_text(str(offset_s))
        try:
            yield
        finally:
            self.clock_file.write_text("0")

    def browser(self) -> Browser:
        return Browser(self.gateway.test_client())

    def person(self, name: str, role: Role | None = None, at: str | None = None) -> Browser:
        """Somebody who registered and logged in, with a role at the station, or at another node, or none."""
        who = self.browser()
        phone = str(next(self.phones))
        registered = who.api(
            "POST",
            "/members/logins",
            {
                "id": str(new_id()),
                "phone": phone,
                "password": PASSWORD,
                "name": name,
                "station_id": self.station_id,
                "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
            },
        )
        who.member_id = registered["member_id"]
        if role is not None:
            self.administrator.api("POST", f"/members/members/{who.member_id}/confirm")
            grant = {"id": str(new_id()), "member_id": who.member_id, "role": role, "node_id": at or self.station_id}
            self.administrator.api("POST", "/members/grants", grant)
        typed = form_fields(who.get("/login").text, "/login") | {"phone": phone, "password": PASSWORD}
        # Where a login leads is not asked for: a home page takes as long as all the rest.
        assert who.client.post("/login", data=typed).status_code == 303
        self.deliver()
        return who

    def deliver(self) -> None:
        """Do the worker's part: everything that was told arrives."""
        from services.members.commands import work_imports
        from services.rewards.commands import redemptions

        outcomes: dict[str, Callable[..., None]] = {
            "members": work_imports.take_outcome,
            "rewards": redemptions.take_outcome,
        }
        for service, app in self.apps.items():
            own = app.config["SETTINGS"]
            app.config["SETTINGS"] = replace(own, signing_key=secret("HUZHU_WORKER_SIGNING_KEY"))
            with app.app_context():
                delivery.drain(outcomes.get(service))
            app.config["SETTINGS"] = own


@dataclass(frozen=True)
class Street:
    """The services at their addresses, and the gateway in front of them."""

    urls: dict[str, str]
    internal_url: str
    gateway: "Flask"


_STREETS: dict[Path, Street] = {}


def _street(settings: Settings, apps: dict[str, "Flask"]) -> Street:
    """Built once in a process, since that takes longer than most tests; its servers end with the process."""
    from gateway.app import create_app, create_internal_app

    session = settings.session.root
    if session not in _STREETS:
        urls = {service: _address(_serve(app)) for service, app in apps.items()}
        with pytest.MonkeyPatch.context() as patch:
            for service, url in urls.items():
                patch.setenv(f"HUZHU_{service.upper()}_URL", url)
            _STREETS[session] = Street(urls, _address(_serve(create_internal_app())), create_app())
    return _STREETS[session]


@pytest.fixture
def town(
    settings: Settings,
    members_app: "Flask",
    checkin_app: "Flask",
    points_app: "Flask",
    rewards_app: "Flask",
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Town]:
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    monkeypatch.setattr(clock, "_OFFSET_FILE", clock_file)
    # How long a page waits for a panel is a test of its own; here a busy machine must leave none out.
    for room in ("upstreams", "backend"):
        monkeypatch.setattr(f"gateway.{room}.PANEL_TIMEOUT_S", 20.0)
    apps = dict(zip(SERVICES, (members_app, checkin_app, points_app, rewards_app), strict=True))
    street = _street(settings, apps)
    for service, url in street.urls.items():
        monkeypatch.setenv(f"HUZHU_{service.upper()}_URL", url)
    with ExitStack() as stack:
        for app in apps.values():
            own = replace(app.config["SETTINGS"], gateway_internal_url=street.internal_url)
            stack.callback(app.config.__setitem__, "SETTINGS", app.config["SETTINGS"])
            app.config["SETTINGS"] = own
        forget(street.gateway)
        administrator = Browser(street.gateway.test_client())
        made = Town(street.gateway, apps, "", {}, administrator, clock_file)
        founded = _FOUNDED.get(settings.session.root)
        if founded is None:
            _found(made)
            founded = _FOUNDED[settings.session.root] = _remember(settings, made)
        else:
            for service in SERVICES:
                settings.database(service).restore(_TOWN)
        for name, value in founded.cookies.items():
            administrator.client.set_cookie(name, value)
        made.nodes, made.station_id = dict(founded.nodes), founded.nodes["南昌路社区实践站"]
        yield made


_TOWN = "town"


@dataclass(frozen=True)
class Founded:
    """What a town is before anybody comes to it: rows that the databases keep, and the administrator's login."""

    nodes: dict[str, str]
    cookies: dict[str, str]


_FOUNDED: dict[Path, Founded] = {}
"""Founded once in a process, since every second test begins with it."""


def _remember(settings: Settings, town: Town) -> Founded:
    for service in SERVICES:
        settings.database(service).keep(_TOWN)
    cookies = {
        name: cookie.value
        for name in (credentials.SESSION_COOKIE, credentials.DEVICE_COOKIE)
        if (cookie := town.administrator.client.get_cookie(name)) is not None
    }
    return Founded(town.nodes, cookies)


def _found(town: Town) -> None:
    """An administrator comes by the first code and makes the tree."""
    from services.members.commands import administrators

    with town.apps["members"].app_context():
        code = administrators.make_first_code().code
    town.administrator.api(
        "POST",
        "/members/administrators",
        {
            "id": str(new_id()),
            "code": code,
            "phone": "13700000001",
            "password": PASSWORD,
            "name": "管理员",
            "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
        },
    )
    town.administrator.post("/login", "/login", phone="13700000001", password=PASSWORD)
    town.nodes = _nodes(town.administrator)
    town.deliver()


def _nodes(administrator: Browser) -> dict[str, str]:
    base = UUID("70000000-0000-4000-8000-000000000000")
    nodes: dict[str, str] = {}
    for name, level, parent in (
        ("咸宁市", "city", None),
        ("南昌路社区实践站", "station", "咸宁市"),
        ("岔路口社区实践站", "station", "咸宁市"),
        ("和谐小区", "compound", "南昌路社区实践站"),
    ):
        nodes[name] = str(uuid5(base, name))
        administrator.api(
            "POST",
            "/members/nodes",
            {
                "id": nodes[name],
                "level": level,
                "name": name,
                "parent_id": nodes[parent] if parent else None,
            },
        )
    return nodes
