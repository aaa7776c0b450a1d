"""Requests that are none, at the real server in front of the gateway: refused, never 5xx, and nothing is forwarded."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devtools.children import wait_until
from tests.gateway.conftest import StandIn
from tests.support import PROJECT

Services = dict[str, StandIn]


@pytest.fixture
def port(gateway_environment: dict[str, str]) -> Iterator[int]:
    """The gateway under granian, as it is deployed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "gateway.app:create_app"]
    options = ["--port", str(number), "--blocking-threads", "2", "--no-ws", "--log-level", "warning"]
    process = subprocess.Popen([*server, *options], env=gateway_environment, cwd=PROJECT)
    try:
        wait_until(lambda: b"200" in talk(number, request(b"GET /health/live HTTP/1.1")), "the gateway", 20)
        yield number
    finally:
        process.terminate()
        process.wait(10)


def talk(port: int, sent: bytes, *, hang_up: bool = False) -> bytes:
    """What comes back for these bytes until the server closes; `hang_up`: nothing more will come from here."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received
    except ConnectionRefusedError:
        return b""
    except (ConnectionResetError, BrokenPipeError):
        return b"reset"


def request(first: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([first, b"Host: huzhu.test", b"Connection: close", *headers, b"", body])


POST = b"POST /api/v1/rewards/gifts HTTP/1.1"
GET = b"GET /api/v1/rewards/gifts HTTP/1.1"
MALFORMED = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    "no version": b"GET /api/v1/rewards/gifts\r\n\r\n",
    "bytes in the query": request(b"GET /api/v1/rewards/gifts?q=\xff\xfe HTTP/1.1"),
    "zero in the path": request(b"GET /api/v1/rewards/gi\x00fts HTTP/1.1"),
    "encoded zero": request(b"GET /api/v1/rewards/gi%00fts HTTP/1.1"),
    "broken encoding": request(b"GET /api/v1/rewards/%zz%e4 HTTP/1.1"),
    "encoded slash": request(b"GET /api/v1/rewards/..%2f..%2finternal HTTP/1.1"),
    "absolute elsewhere": request(b"GET http://evil.example/api/v1/nobody HTTP/1.1"),
    "connect": request(b"CONNECT 127.0.0.1:5432 HTTP/1.1"),
    "huge header": request(GET, b"X-Much: " + b"x" * 1024 * 1024),
    "many headers": request(GET, *(b"X-%d: 1" % number for number in range(2000))),
    "long target": request(b"GET /api/v1/rewards/gifts?q=" + b"x" * 100_000 + b" HTTP/1.1"),
    "odd length": request(POST, b"Content-Length: five", body=b"hello"),
    "negative length": request(POST, b"Content-Length: -5", body=b"hello"),
    "two lengths": request(POST, b"Content-Length: 5", b"Content-Length: 7", body=b"hello"),
    "far too long": request(POST, b"Content-Length: 9999999999", body=b"hello"),
    "cut": request(POST, b"Content-Length: 500", body=b"hello"),
    "chunks": request(POST, b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "broken chunks": request(POST, b"Transfer-Encoding: chunked", body=b"zz\r\nhello"),
    "cut chunks": request(POST, b"Transfer-Encoding: chunked", body=b"5\r\nhel"),
    "two credentials": request(GET, b"Cookie: huzhu_session=a", b"Authorization: Bearer b"),
    "two cookies": request(POST, b"Cookie: huzhu_session=a", b"Cookie: huzhu_session=b"),
    "bytes in authorization": request(GET, b"Authorization: Bearer \xff\xfe"),
}


def test_what_is_no_request_is_refused_and_reaches_nobody(port: int, services: Services) -> None:
    for name, sent in MALFORMED.items():
        received = talk(port, sent, hang_up=name.startswith("cut"))
        # An empty answer is a closed connection: the server could not make out a request at all.
        status = received.split(b" ", 2)[1:2]
        assert received in (b"", b"reset") or (status and status[0].startswith(b"4")), (name, received[:300])
        assert not services["rewards"].seen, name
        if b"problem+json" in received:
            assert b'"code"' in received, name


def test_odd_headers_pass_without_harm(port: int, services: Services) -> None:
    for agent in (b"\xe4\xbd\xa0\xe5\xa5\xbd", b"\xff\xfe"):
        odd = request(GET, b"User-Agent: " + agent, b"X-Odd: \xff", b"Cookie: a; =b; c==; \xff=1; huzhu_text=large")
        assert talk(port, odd).startswith(b"HTTP/1.1 200")
        assert "User-Agent" not in services["rewards"].seen[-1].headers
