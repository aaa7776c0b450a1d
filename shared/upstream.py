"""HTTP to a neighbour over kept-open connections: one a thread and neighbour.

The standard library's client costs half of what urllib3's pool does, and this is the hottest line
of the gateway.
"""

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """The neighbour could not be reached, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Upstream:
    """A neighbour at a fixed address."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http address: {url}")
        self._host, self._port, self._timeout_s = parts.hostname, parts.port or 80, timeout_s
        self._kept = threading.local()

    def request(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Send one request and read the whole answer; NoAnswer when there is none.

        A connection that went stale while idle is replaced and the request sent once more: every
        write carries an idempotency key, so a repetition changes nothing.
        """
        connection: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if connection is not None:
            try:
                return self._send(connection, method, target, headers, body)
            except TimeoutError as error:
                self._drop(connection)
                raise NoAnswer(f"{self._host}:{self._port} timed out") from error
            except (OSError, http.client.HTTPException):
                self._drop(connection)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            response = self._send(connection, method, target, headers, body)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(f"{self._host}:{self._port} {type(error).__name__}") from error
        if connection.sock is not None:
            self._kept.connection = connection
        return response

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Response:
        connection.request(method, target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._kept.connection = None
