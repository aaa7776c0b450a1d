"""The internal listener: a service's signature comes in, a principal goes out.

Same code as the public one, own port and threads, not behind the reverse proxy: when services call
each other through the threads that wait for them, everybody waits for ever.
"""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed

from gateway import routes
from gateway.proxy import StartResponse, Wsgi, hand_back, read_body, refuse
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams
from shared import gateway_client
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.upstream import Response

_HEADER = "HTTP_" + gateway_client.HEADER.upper().replace("-", "_")


class InternalApi:
    """Answers /internal/…; everything else (health) is Flask's."""

    def __init__(self, app: Flask, settings: GatewaySettings, sessions: Sessions, upstreams: Upstreams) -> None:
        self._app = app
        self._flask: Wsgi = app.wsgi_app
        self._settings, self._sessions, self._upstreams = settings, sessions, upstreams

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/internal/"):
            return self._flask(environ, start_response)
        request_id = uuid4().hex
        try:
            answer = self._forward(environ, request_id)
        except Exception as error:
            return refuse(self._app, environ, start_response, error, request_id)
        return hand_back(answer, request_id, start_response)

    def _forward(self, environ: dict[str, Any], request_id: str) -> Response:
        path: str = environ["PATH_INFO"]
        method: str = environ["REQUEST_METHOD"]
        body = read_body(environ) or b""
        issuer = self._issuer(environ.get(_HEADER, ""), method, path, body)
        route = routes.INTERNAL.get(path)
        if route is None:
            raise NotFound("没有找到这个地址")
        if issuer not in route.callers:
            raise Forbidden
        if method != "POST":
            raise MethodNotAllowed(["POST"])
        return self._upstreams.send(
            route.service,
            method,
            path,
            signed_principal=self._sessions.sign_service(route.service, issuer),
            request_id=request_id,
            address="",
            body=body,
            headers={"Content-Type": "application/json"},
        )

    def _issuer(self, header: str, method: str, path: str, body: bytes) -> str:
        """Who signed exactly this request within the last 30 seconds."""
        issuer = gateway_client.issuer_of(header)
        key = self._settings.public_keys.get(issuer or "")
        if issuer is None or key is None or not gateway_client.is_genuine(header, key, method, path, body):
            raise Unauthenticated
        return issuer
