"""What pages ask of the services, as the browser's login:

member = backend.call("members", "GET", "/me")
panels = backend.together(balance=Call("points", "/balances", {"member_ids": ...}), gifts=Call(...))
panels["balance"].content, panels["balance"].error
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from flask import g, request

from gateway import visitor
from gateway.parts import parts
from gateway.proxy import client_address
from gateway.upstreams import PANEL_TIMEOUT_S, problem_of
from shared import errors
from shared.errors import HuzhuError, Unavailable
from shared.settings import SERVICES
from shared.upstream import Response

_KINDS: dict[int, type[HuzhuError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    422: errors.RuleBroken,
    429: errors.TooMany,
}
_PANELS_AT_ONCE_MAX = 8
# Threads of its own for each service: one that hangs holds a thread for a second each time it is asked, and
# would leave none to the others.
_pools = {
    service: ThreadPoolExecutor(_PANELS_AT_ONCE_MAX, thread_name_prefix=f"panel-{service}") for service in SERVICES
}

Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One question for a panel; path without the service's prefix. A GET, but for one with `content`, which is too
    long for an address.

    `by_gateway`: asked by the gateway itself, of a path that is for nobody else; whether the login may have the answer
    another service has said before.
    """

    service: str
    path: str
    query: Query | None = None
    content: Any = None
    by_gateway: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """What became of a call: content, or the error that stands in its place."""

    content: Any = None
    error: HuzhuError | None = None

    def needed(self, *but_for: type[HuzhuError]) -> Any:
        """The content, where a page is nothing without it: raises what came in its place.

        `but_for` are kinds that are an answer too; the content is None then.
        """
        if self.error is not None and not isinstance(self.error, but_for):
            raise self.error
        return self.content


def call(
    service: str,
    method: str,
    path: str,
    *,
    json: Any = None,
    query: Query | None = None,
    member_id: UUID | None = None,
    read_at: datetime | None = None,
    known_device: bool = False,
) -> Any:
    """Ask a service and wait; the decoded JSON of a 2xx (None when empty), else a HuzhuError with its code and words.

    `path` comes after /api/v1/<service>. `member_id` acts for another member of the login than the chosen one;
    `read_at` goes along with a code that was read earlier; `known_device` with a login that was here before.
    """
    answer = parts().upstreams.send(
        service,
        method,
        _target(service, path, query),
        signed_principal=_signed(service, member_id, read_at),
        request_id=g.request_id,
        address=_address(),
        login=_login(),
        known_device=known_device,
        **({} if json is None else _json(json)),
    )
    if service == "members" and method != "GET" and answer.status < 300:
        visitor.refresh()
    return _content(answer)


def fetch(service: str, path: str) -> bytes:
    """A file of a service; a HuzhuError like `call`."""
    answer = parts().upstreams.send(
        service,
        "GET",
        _target(service, path, None),
        signed_principal=_signed(service, None, None),
        request_id=g.request_id,
        address=_address(),
        login=_login(),
    )
    if answer.status != 200:
        _content(answer)
    return answer.body


def together(**calls: Call) -> dict[str, Panel]:
    """Ask several things at once and wait a second at most; what did not come is an error in its panel."""
    futures: dict[str, Future[Response]] = {}
    for name, asked in calls.items():
        body = {} if asked.content is None else _json(asked.content)
        futures[name] = _pools[asked.service].submit(
            parts().upstreams.send,
            asked.service,
            "POST" if body else "GET",
            asked.path if asked.by_gateway else _target(asked.service, asked.path, asked.query),
            signed_principal=(
                parts().sessions.sign_service(asked.service, "gateway")
                if asked.by_gateway
                else _signed(asked.service, None, None)
            ),
            request_id=g.request_id,
            address=_address(),
            hasty=True,
            **body,
        )
    wait(futures.values(), timeout=PANEL_TIMEOUT_S)
    return {name: _panel(future) for name, future in futures.items()}


def _json(content: Any) -> dict[str, Any]:
    return {"body": msgspec.json.encode(content), "headers": {"Content-Type": "application/json"}}


def _panel(future: Future[Response]) -> Panel:
    if not future.done():
        future.cancel()
        return Panel(error=Unavailable())
    try:
        return Panel(content=_content(future.result()))
    except HuzhuError as error:
        return Panel(error=error)


def _target(service: str, path: str, query: Query | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"/api/v1/{service}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")


def _signed(service: str, member_id: UUID | None, read_at: datetime | None) -> str:
    session = visitor.session()
    if session is None:
        return parts().sessions.sign_anonymous(service)
    return parts().sessions.sign(session, service, member_id or visitor.member_id(), read_at)


def _address() -> str:
    return client_address(request.environ, parts().settings.proxy_hops)


def _login() -> str | None:
    session = visitor.session()
    return None if session is None else str(session.known.login_id)


def _content(answer: Response) -> Any:
    if 200 <= answer.status < 300:
        return msgspec.json.decode(answer.body) if answer.body else None
    problem = problem_of(answer)
    kind = _KINDS.get(answer.status, Unavailable)
    details: Any = problem.get("errors")
    raise _refusal(kind, str(problem.get("code", kind.code)))(str(problem.get("detail", kind.detail)), errors=details)


def _refusal(kind: type[HuzhuError], code: str) -> type[HuzhuError]:
    """The error of this kind that carries the service's slug."""
    return kind if kind.code == code else type(kind.__name__, (kind,), {"code": code})
