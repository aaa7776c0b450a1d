"""The whole system for a bench, and eight clients that take as little of its two cores as can be.

The clients are one loop over kept-open connections that sends requests made beforehand: `http.client`
in threads or processes of their own would cost as much as the gateway that is to be measured.
"""

import http.client
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devtools.crowd import Crowd
from devtools.servers import remove
from devtools.supervisor import PROJECT, Options, System

CLIENTS = 8
SILENCE_SECONDS_MAX = 30
_END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def running_system(name: str, *extra: tuple[str, str]) -> Iterator[System]:
    """All processes on ports and in a folder of their own, writing through to the disk as in production; `extra`:
    settings that differ from it.
    """
    root = Path(tempfile.mkdtemp(prefix=f"huzhu-{name}-"))
    system = System(root, Options(port=0, extra=extra), say=lambda words: print(words, flush=True))
    try:
        system.start()
        try:
            yield system
        finally:
            system.stop()
    finally:
        remove(root)


def gather(system: System, *, members: int, stock: int = 0, served: str = "nobody") -> Crowd:
    """A crowd at a station of its own; see `devtools.crowd`."""
    print(f"gathering {members:,} members …", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "devtools.crowd", f"--members={members}", f"--stock={stock}", f"--served={served}"],
        env=system.installation.everything(),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Crowd(**json.loads(made.stdout))


def start_beside(
    system: System,
    name: str,
    like: str,
    port: int,
    *,
    target: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start one more process like one of the system's, with as many workers and threads, on another port."""
    part = system.parts[like]
    argv = [str(port) if word == str(part.port) else word for word in part.command.argv]
    if target is not None:
        argv[argv.index("--factory") + 1] = target
    command = replace(part.command, argv=tuple(argv), environment={**part.command.environment, **(environment or {})})
    system.parts[name] = replace(part, command=command, port=port, child=None, pump=None)
    system.start_part(name)
    system.wait_ready([name])


def ask(system: System, token: str, method: str, path: str, content: Any = None) -> Any:
    """One request outside of the measurement; the content of an answer that must be a success."""
    connection = http.client.HTTPConnection("127.0.0.1", system.ports["gateway"], timeout=30)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", None if content is None else json.dumps(content), headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {body.decode()}")
    return json.loads(body)


def request(token: str, method: str, path: str, content: Any = None) -> bytes:
    """A request as it goes over the wire."""
    body = b"" if content is None else json.dumps(content).encode()
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


@dataclass(frozen=True)
class Run:
    """How long a number of requests took."""

    seconds: float
    waits_ms: tuple[float, ...]

    @property
    def per_s(self) -> float:
        return len(self.waits_ms) / self.seconds

    @property
    def p95_ms(self) -> float:
        return statistics.quantiles(self.waits_ms, n=20)[-1]


class Clients:
    """Eight kept-open connections to one listener."""

    def __init__(self, port: int, count: int = CLIENTS) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def run(self, requests: Sequence[bytes], expected: bytes) -> Run:
        """Send them all, each client one after the other of its own; RuntimeError for another answer.

        Which client sends a request depends on its position alone. `expected` is what every answer holds.
        """
        waits_ms: list[float] = []
        with selectors.DefaultSelector() as selector:
            began = time.perf_counter()
            for number, each in enumerate(self._sockets):
                line = iter(requests[number :: len(self._sockets)])
                if (first := next(line, None)) is not None:
                    selector.register(each, selectors.EVENT_READ, [line, bytearray(), time.perf_counter()])
                    each.sendall(first)
            while selector.get_map():
                ready = selector.select(SILENCE_SECONDS_MAX)
                if not ready:
                    raise RuntimeError(f"no answer in {SILENCE_SECONDS_MAX} s")
                for key, _events in ready:
                    connection: Any = key.fileobj
                    line, heard, sent_at = key.data
                    if not hear(connection, heard):
                        continue
                    waits_ms.append((time.perf_counter() - sent_at) * 1000)
                    if expected not in heard:
                        raise RuntimeError(heard.decode(errors="replace"))
                    if (following := next(line, None)) is None:
                        selector.unregister(connection)
                        continue
                    key.data[1:] = bytearray(), time.perf_counter()
                    connection.sendall(following)
            return Run(time.perf_counter() - began, tuple(waits_ms))


def hear(connection: Any, heard: bytearray) -> bool:
    """Take in what has come; whether the answer is whole."""
    piece = connection.recv(65536)
    if not piece:
        raise RuntimeError("the listener closed the connection")
    heard += piece
    head, found, body = heard.partition(_END_OF_HEAD)
    if not found:
        return False
    _, _, rest = bytes(head).lower().partition(b"content-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0])


def clock_ticks(system: System, *names: str) -> dict[str, float]:
    """Seconds of CPU that each of these processes and all below it have taken so far; empty without /proc."""
    if not Path("/proc/self/stat").exists():
        return {}
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(words[1])
        spent[pid] = sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")  # own, and of children that ended
    roots = {name: child.pid for name in names if (child := system.parts[name].child)}
    found = dict.fromkeys(names, 0.0)
    for name, root in roots.items():
        for pid, seconds in spent.items():
            above = pid
            while above not in (0, root):
                above = parents.get(above, 0)
            if above == root:
                found[name] += seconds
    return found
