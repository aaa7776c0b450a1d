"""`./dev bench event`: 2,000 members arrive within a minute at one activity while an organizer enters 200 more.

Scans come evenly over the minute from 50 connections, and two hours later, which are moved by the rows' own
times, all leave again the same way; the organizer signs out who was entered, and confirms. A wait counts from
the moment a member would have scanned, so that whoever stands in a queue is not forgotten.

The last line is one JSON object: `p99_ms` of all scans, `organizer_p99_ms`, `answered` (everyone must be),
and `settled_after_s`, from the organizer's confirmation until ledger, seal and board are whole.
"""

import argparse
import json
import selectors
import socket
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from devtools.bench._client import ask, gather, hear, request, running_system
from devtools.bench._drain import is_whole
from devtools.children import wait_until
from devtools.crowd import Crowd
from devtools.servers import admin_connection
from devtools.supervisor import System
from shared import clock

MEMBERS = 2000
ENTERED = 200
CONNECTIONS = 50
SECONDS = 60
SETTLED_SECONDS_MAX = 300
SILENCE_SECONDS_MAX = 30

# As if they had come two hours ago and the activity ended in ten minutes.
_MOVE = (
    "UPDATE activity SET starts_at = starts_at - interval '2 hours', ends_at = %(now)s + interval '10 minutes'"
    " WHERE id = %(id)s",
    "UPDATE attendance SET arrived_at = arrived_at - interval '2 hours' WHERE activity_id = %(id)s",
)


@dataclass(frozen=True, slots=True)
class Due:
    """A request, at which second it is to be sent, and what its answer must hold."""

    at_s: float
    content: bytes
    expected: bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--entered", type=int, default=ENTERED)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    chosen = parser.parse_args()
    with running_system("event") as system:
        crowd = gather(system, members=chosen.members + chosen.entered)
        result = _measure(system, crowd, chosen.members, chosen.seconds)
    print(json.dumps(result))
    return 0


def _measure(system: System, crowd: Crowd, scanning: int, seconds: float) -> dict[str, Any]:
    members, entered = crowd.members[:scanning], crowd.members[scanning:]
    coming, entering = _at_once(
        system, _scans(system, crowd, members, "arrival", seconds), _entries(crowd, entered, seconds)
    )
    print(f"{len(coming):,} arrived, p99 {_p99(coming):.0f} ms", flush=True)
    place = system.installation
    with admin_connection(place.admin_url, place.database("checkin")) as connection:
        for statement in _MOVE:
            connection.execute(statement, {"id": crowd.activity_id, "now": clock.now()})
    going, _none = _at_once(system, _scans(system, crowd, members, "departure", seconds), [])
    print(f"{len(going):,} left, p99 {_p99(going):.0f} ms", flush=True)
    path = f"/checkin/activities/{crowd.activity_id}"
    left = ask(system, crowd.organizer["token"], "POST", f"{path}/leave-all", {})
    confirmed = ask(system, crowd.organizer["token"], "POST", f"{path}/confirm-all", {})
    if (left["left"], confirmed["confirmed"]) != (len(entered), len(entered)):
        raise RuntimeError(f"not all were signed out and confirmed: {left}, {confirmed}")
    began = time.perf_counter()
    wait_until(lambda: is_whole(system), "everything settled", SETTLED_SECONDS_MAX, pause_s=0.1)
    return {
        "p99_ms": round(_p99([*coming, *going]), 1),
        "organizer_p99_ms": round(_p99(entering), 1),
        "answered": len(coming) + len(going) + len(entering),
        "settled_after_s": round(time.perf_counter() - began, 1),
    }


def _p99(waits_ms: Sequence[float]) -> float:
    return statistics.quantiles(waits_ms, n=100)[-1]


def _scans(
    system: System, crowd: Crowd, members: Sequence[dict[str, str]], direction: str, seconds: float
) -> list[Due]:
    """Each member reads the code that the screen will show at that moment."""
    path = f"/checkin/activities/{crowd.activity_id}/codes?site_id={crowd.site_id}&direction={direction}&minutes=3"
    shown = ask(system, crowd.organizer["token"], "GET", path)
    now = datetime.fromisoformat(shown["server_now"])
    codes = [(datetime.fromisoformat(one["shown_until"]), str(one["url"])) for one in shown["codes"]]
    scans = []
    for number, member in enumerate(members):
        at_s = number * seconds / len(members)
        code = next(url for until, url in codes if now + timedelta(seconds=at_s) < until)
        content = {"code": code, "member_ids": [member["member_id"]]}
        scans.append(Due(at_s, request(member["token"], "POST", "/checkin/scans", content), b'"ok"'))
    return scans


def _entries(crowd: Crowd, members: Sequence[dict[str, str]], seconds: float) -> list[Due]:
    """What the organizer enters meanwhile, evenly too."""
    entries = []
    for number, member in enumerate(members):
        content = {
            "id": str(uuid4()),
            "member_id": member["member_id"],
            "site_id": crowd.site_id,
            "arrived_at": clock.now().isoformat(),
        }
        path = f"/checkin/activities/{crowd.activity_id}/attendances"
        made = request(crowd.organizer["token"], "POST", path, content)
        entries.append(Due(number * seconds / len(members), made, b'"open"'))
    return entries


# --- Clients that keep to a timetable ------------------------------------------------------------------


def _at_once(system: System, scans: Sequence[Due], entries: Sequence[Due]) -> tuple[list[float], list[float]]:
    """How many milliseconds each waited, of the scans and of the organizer's entries."""
    lines = [_Line(system.ports["gateway"], scans[own::CONNECTIONS]) for own in range(CONNECTIONS)]
    organizer = _Line(system.ports["gateway"], entries)
    with selectors.DefaultSelector() as selector:
        for line in (*lines, organizer):
            selector.register(line.connection, selectors.EVENT_READ, line)
        began = heard_at = time.perf_counter()
        while waiting := [line for line in (*lines, organizer) if line.due]:
            for line in waiting:
                line.send_if_due(began)
            for key, _events in selector.select(0.002):
                heard_at = time.perf_counter()
                key.data.hear(began)
            if time.perf_counter() - heard_at > SILENCE_SECONDS_MAX:
                raise RuntimeError(f"no answer in {SILENCE_SECONDS_MAX} s")
    for line in (*lines, organizer):
        line.connection.close()
    return [waited for line in lines for waited in line.waits_ms], organizer.waits_ms


class _Line:
    """A kept-open connection, what it has yet to send, and the answer it waits for."""

    def __init__(self, port: int, dues: Sequence[Due]) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = deque(dues)
        self.waits_ms: list[float] = []
        self._heard: bytearray | None = None

    def send_if_due(self, began: float) -> None:
        if self._heard is None and self.due[0].at_s <= time.perf_counter() - began:
            self._heard = bytearray()
            self.connection.sendall(self.due[0].content)

    def hear(self, began: float) -> None:
        """Take in what has come; RuntimeError for another answer than the expected one."""
        if self._heard is None:
            raise RuntimeError("the listener closed a connection, or answered what nobody asked")
        if not hear(self.connection, self._heard):
            return
        due = self.due.popleft()
        if due.expected not in self._heard:
            raise RuntimeError(self._heard.decode(errors="replace"))
        self.waits_ms.append((time.perf_counter() - began - due.at_s) * 1000)
        self._heard = None


if __name__ == "__main__":
    raise SystemExit(main())
