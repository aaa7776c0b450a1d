"""HTTP to a neighbour over kept-open connections: one a thread and neighbour.

The standard library's client costs half of what urllib3's pool does, and this is the hottest line
of the gateway. Only its reading half is used: its writing half sends head and body apart, so that the
neighbour wakes up twice, and checks every header anew.
"""

import http.client
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


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
        sent = self._encode(method, target, headers, body)
        # Kept again only when the answer is whole: whatever breaks off the reading, a job's time limit too,
        # nobody may read the rest of it as the answer to another question.
        connection: socket.socket | None = self._take_kept()
        if connection is not None:
            try:
                return self._exchange(connection, method, sent)
            except TimeoutError as error:
                self._drop(connection)
                raise NoAnswer(f"{self._host}:{self._port} timed out") from error
            except (OSError, http.client.HTTPException):
                self._drop(connection)
        try:
            connection = socket.create_connection((self._host, self._port), self._timeout_s)
        except OSError as error:
            raise NoAnswer(f"{self._host}:{self._port} {type(error).__name__}") from error
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._exchange(connection, method, sent)
        except (OSError, http.client.HTTPException) as error:
            self._drop(connection)
            raise NoAnswer(f"{self._host}:{self._port} {type(error).__name__}") from error

    def _take_kept(self) -> socket.socket | None:
        connection: socket.socket | None = getattr(self._kept, "connection", None)
        self._kept.connection = None
        return connection

    def _encode(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None or method not in _WITHOUT_BODY:
            lines.append(f"Content-Length: {len(body or b'')}")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise ValueError("a line break in a header")
        return head.encode("latin-1") + b"\r\n\r\n" + (body or b"")

    def _exchange(self, connection: socket.socket, method: str, sent: bytes) -> Response:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        response = Response(answer.status, answer.headers, answer.read())
        if answer.will_close:
            self._drop(connection)
        else:
            self._kept.connection = connection
        return response

    def _drop(self, connection: socket.socket) -> None:
        connection.close()
        self._kept.connection = None
