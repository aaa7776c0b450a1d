"""The gateway in front of stand-ins for the services: real HTTP servers in threads that record what reaches them."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from gateway.app import create_app, create_internal_app
from gateway.parts import Parts
from shared import principal, tokens
from shared import settings as environment
from shared.principal import Principal
from shared.settings import SERVICES
from tests.support import Settings

ALICE = UUID("a11ce000-0000-7000-8000-000000000001")
MUM = UUID("a11ce000-0000-7000-8000-000000000002")
TOKEN = "token-of-alice"
STRANGER = UUID("57a4c000-0000-7000-8000-000000000003")


class KeepsConnections(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any) -> None:
        pass


@dataclass
class Seen:
    """One request as it reached a service."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def principal(self, audience: str) -> Principal:
        """Whom the gateway vouched for, verified as the service would."""
        return principal.verify(
            self.headers[principal.HEADER], environment.secret("HUZHU_GATEWAY_PUBLIC_KEY"), audience
        )


Answering = Callable[[Request], Response | None]


@dataclass
class StandIn:
    """A service that answers as told and remembers every request."""

    name: str
    answering: Answering | None = None
    seen: list[Seen] = field(default_factory=list)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By token digest; what members would answer to resolve."""
    url: str = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        target = request.full_path.rstrip("?")
        self.seen.append(Seen(request.method, target, dict(request.headers), request.get_data()))
        answer = self.answering(request) if self.answering is not None else None
        if answer is None and request.path.endswith("/sessions/resolve"):
            answer = self._resolve(request)
        return (answer or json_answer({"service": self.name}))(environ, start_response)

    def _resolve(self, request: Request) -> Response:
        known = self.sessions.get(json.loads(request.get_data())["token_digest"])
        return json_answer(known) if known else problem_answer(404, "not_found")

    @property
    def forwarded(self) -> list[Seen]:
        """What was asked of the service, without the gateway's own questions."""
        return [seen for seen in self.seen if not seen.target.startswith("/internal/v1/members/sessions")]

    @property
    def resolved(self) -> int:
        return len(self.seen) - len(self.forwarded)


@dataclass
class Stage:
    """A service's address, where each test puts a stand-in of its own."""

    url: str = ""
    actor: StandIn | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.actor is not None
        return self.actor(environ, start_response)


def json_answer(content: Any, status: int = 200, **headers: str) -> Response:
    return Response(json.dumps(content), status, headers, content_type="application/json")


def problem_answer(status: int, code: str, detail: str = "不行", **extra: Any) -> Response:
    body = {"type": "about:blank", "title": "x", "status": status, "detail": detail, "code": code, "request_id": "1"}
    body |= extra
    return Response(json.dumps(body), status, content_type="application/problem+json")


@pytest.fixture(scope="session")
def stages(settings: Settings) -> Iterator[dict[str, Stage]]:
    """An address for each service, the same for all tests of this process, so that they can share one gateway."""
    made, servers = {name: Stage() for name in SERVICES}, []
    for stage in made.values():
        server = make_server("127.0.0.1", 0, stage, threaded=True, request_handler=KeepsConnections)
        server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stage.url = f"http://127.0.0.1:{server.server_port}"
        servers.append(server)
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def services(stages: dict[str, Stage]) -> dict[str, StandIn]:
    """The four services, stood in for."""
    for name, stage in stages.items():
        stage.actor = StandIn(name, url=stage.url)
    return {name: stage.actor for name, stage in stages.items() if stage.actor is not None}


@pytest.fixture
def gateway_environment(
    services: dict[str, StandIn], settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    urls = {name: stand_in.url for name, stand_in in services.items()}
    made = replace(settings.installation, service_urls=urls).gateway()
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made


_GATEWAYS: list[Flask] = []


@pytest.fixture
def gateway(gateway_environment: dict[str, str]) -> Flask:
    """The public listener's app, which has met nobody yet. Made once in a process, since that takes long."""
    if not _GATEWAYS:
        _GATEWAYS.append(create_app())
    forget(_GATEWAYS[0])
    return _GATEWAYS[0]


def forget(gateway: Flask) -> None:
    """Nobody has asked the gateway for anything yet, and it knows no session."""
    parts: Parts = gateway.extensions["huzhu"]
    for known in (
        *(parts.limits._counts, parts.limits._requests, parts.limits._too_many, parts.limits._blocked),
        *(parts.sessions._cached, parts.sessions._unknown, parts.sessions._system),
    ):
        known.clear()
    parts.limits._redis_back_at = 0


@pytest.fixture
def client(gateway: Flask) -> FlaskClient:
    return gateway.test_client()


@pytest.fixture
def internal(gateway_environment: dict[str, str]) -> FlaskClient:
    """The internal listener."""
    return create_internal_app().test_client()


@pytest.fixture
def log_in(services: dict[str, StandIn]) -> Callable[..., str]:
    """Make members know a session; returns its token."""

    def make(token: str = TOKEN, grants: tuple[tuple[str, str], ...] = (), **fields: Any) -> str:
        services["members"].sessions[tokens.digest(token).hex()] = {
            "session_id": "5e551000-0000-7000-8000-000000000001",
            "login_id": "10910000-0000-7000-8000-000000000001",
            "own_member_id": str(ALICE),
            "member_ids": [str(ALICE), str(MUM)],
            "household_ids": [],
            "grants": [{"role": role, "path": path} for role, path in grants],
            "members": [{"member_id": str(ALICE), "name": "陈芳"}, {"member_id": str(MUM), "name": "王秀英"}],
            "expires_at": "2099-01-01T00:00:00+00:00",
            "kind": "session",
            **fields,
        }
        return token

    return make
