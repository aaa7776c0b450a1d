"""The public API's hot path, before Flask: who calls, may it pass, send it on, hand the answer back.

Nothing of a request is forwarded but what is named here, so no header of a client can pose as one of
ours, and nothing hop-by-hop passes.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from flask import Flask, g
from werkzeug.exceptions import BadRequest, HTTPException, LengthRequired, MethodNotAllowed, RequestEntityTooLarge

from gateway import credentials, routes
from gateway.credentials import SAFE_METHODS, WrongToken
from gateway.limits import Limits
from gateway.sessions import Session, Sessions
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams
from shared import http
from shared.errors import HuzhuError, Invalid, NotFound
from shared.upstream import Response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
# Every path of the API is made of plain words and ids: no dots, no empty segments, nothing encoded.
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-]+)+\Z")
_QUERY = re.compile(r"[!-~]{0,8000}\Z")
_FORWARDED = (
    ("CONTENT_TYPE", "Content-Type"),
    ("HTTP_ACCEPT", "Accept"),
    ("HTTP_IF_NONE_MATCH", "If-None-Match"),
    ("HTTP_IF_MATCH", "If-Match"),
    ("HTTP_USER_AGENT", "User-Agent"),
)
_OF_THE_HOP = ("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade")
_OURS_TO_SAY = ("content-length", "date", "server", "set-cookie")
_NOT_PASSED_BACK = frozenset(_OF_THE_HOP + _OURS_TO_SAY)


class PublicApi:
    """Answers /api/v1/<service>/…; everything else is Flask's."""

    def __init__(
        self, app: Flask, settings: GatewaySettings, sessions: Sessions, upstreams: Upstreams, limits: Limits
    ) -> None:
        self._app, self._flask = app, app.wsgi_app
        self._settings, self._sessions, self._upstreams, self._limits = settings, sessions, upstreams, limits

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        service = routes.service_of(path)
        if service is None:
            return self._flask(environ, start_response)
        request_id = uuid4().hex
        try:
            answer = self._forward(environ, service, path, request_id)
        except Exception as error:
            return refuse(self._app, environ, start_response, error, request_id)
        return hand_back(answer, request_id, start_response)

    def _forward(self, environ: Environ, service: str, path: str, request_id: str) -> Response:
        method: str = environ["REQUEST_METHOD"]
        if method not in METHODS:
            raise MethodNotAllowed(METHODS)
        target = read_target(environ, path)
        session = self._session(environ, method, request_id)
        if session is None:
            signed = self._sessions.sign_anonymous(service)
        else:
            self._limits.count_request(str(session.known.login_id))
            signed = self._sessions.sign(session, service, _acting_member(environ, session))
        answer = self._upstreams.send(
            service,
            method,
            target,
            signed_principal=signed,
            request_id=request_id,
            address=client_address(environ, self._settings.proxy_hops),
            login=None if session is None else str(session.known.login_id),
            body=read_body(environ, routes.body_bytes_max(method, path)),
            headers=forwarded_headers(environ),
        )
        if session is not None and service == "members" and method not in SAFE_METHODS:
            self._sessions.forget(session)
        return answer

    def _session(self, environ: Environ, method: str, request_id: str) -> Session | None:
        given = credentials.read(environ)
        if given.token is None:
            return None
        if given.by_cookie and method not in SAFE_METHODS:
            header = environ.get(credentials.CSRF_HEADER, "")
            credentials.require_csrf(self._settings.cookie_secret, given.cookies, header)
        session = self._sessions.find(given.token, request_id=request_id)
        if session is None:
            raise WrongToken
        return session


def read_target(environ: Environ, path: str) -> str:
    """Path and query to ask the service for; NotFound and Invalid for what no route can be."""
    if not _PATH.match(path):
        raise NotFound("没有找到这个地址")
    query: str = environ.get("QUERY_STRING", "")
    if not query:
        return path
    if not _QUERY.match(query):
        raise Invalid("地址中的参数有误")
    return f"{path}?{query}"


def forwarded_headers(environ: Environ) -> dict[str, str]:
    return {name: value for key, name in _FORWARDED if (value := environ.get(key)) and value.isascii()}


def read_body(environ: Environ, bytes_max: int = routes.BODY_BYTES_MAX) -> bytes | None:
    """The whole body; an HTTP error when it is too long, cut, or its length is not said.

    Chunked bodies are refused: the server hands over a broken one like one that ended.
    """
    if "HTTP_TRANSFER_ENCODING" in environ:
        raise LengthRequired
    length_text: str = environ.get("CONTENT_LENGTH") or ""
    if not length_text:
        return None
    if not (length_text.isascii() and length_text.isdigit()):
        raise BadRequest
    if len(length_text) > 9 or int(length_text) > bytes_max:
        raise RequestEntityTooLarge
    missing, pieces = int(length_text), []
    while missing > 0:
        piece = environ["wsgi.input"].read(missing)
        if not piece:
            raise BadRequest
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def client_address(environ: Environ, proxy_hops: int) -> str:
    """Whom failures are counted against; X-Forwarded-For is believed as far as our own proxies wrote it."""
    if proxy_hops:
        said = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(said) >= proxy_hops:
            return str(said[-proxy_hops].strip())
    return str(environ.get("REMOTE_ADDR", ""))


def _acting_member(environ: Environ, session: Session) -> UUID | None:
    text = environ.get(credentials.MEMBER_HEADER)
    if text is None:
        return session.default_member_id
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("Huzhu-Member 应为志愿者的编号") from error


def hand_back(answer: Response, request_id: str, start_response: StartResponse) -> Iterable[bytes]:
    """The service's answer as the client's, without what belongs to the hop."""
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_BACK]
    if 300 <= answer.status < 400:
        headers = [(name, _local(value) if name.lower() == "location" else value) for name, value in headers]
    if not any(name.lower() == "huzhu-request-id" for name, _ in headers):
        headers.append((http.REQUEST_ID, request_id))
    headers.append(("X-Content-Type-Options", "nosniff"))
    start_response(f"{answer.status} ", headers)
    return [answer.body]


def _local(location: str) -> str:
    """A redirect without the service's own address, which is nobody's business."""
    parts = urlsplit(location)
    return parts._replace(scheme="", netloc="").geturl() or "/"


def refuse(
    app: Flask, environ: Environ, start_response: StartResponse, error: Exception, request_id: str
) -> Iterable[bytes]:
    """The problem document of an error raised outside of Flask."""
    with app.app_context():
        g.request_id = request_id
        if isinstance(error, HuzhuError):
            response = http.on_refusal(error)
        elif isinstance(error, HTTPException):
            response = http.on_http(error)
        else:
            response = http.on_bug(error)
        response = http.finish_request(response)
    return response(environ, start_response)
