"""Acting in a running system: clients of the public API, crowds, and waiting for what must come."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from devtools.children import wait_until
from devtools.crowd import Crowd
from devtools.servers import admin_connection
from devtools.supervisor import System
from shared import clock
from shared.settings import SERVICES
from shared.upstream import Upstream
from tests import warm
from tests.support import move_clock

T = TypeVar("T")
SETTLED_SECONDS_MAX = 60


@dataclass(frozen=True)
class Answer:
    status: int
    content: Any

    def expect(self, status: int) -> Any:
        """The content, when the status is the one expected."""
        assert self.status == status, (self.status, self.content)
        return self.content


class Client:
    """One caller of the public API."""

    def __init__(self, system: System, token: str | None = None) -> None:
        self._upstream = Upstream(f"http://127.0.0.1:{system.ports['gateway']}", timeout_s=30)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> Answer:
        return self._ask("GET", f"/api/v1{path}" + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, content: Mapping[str, Any] | None = None) -> Answer:
        return self._ask("POST", f"/api/v1{path}", content or {})

    def put(self, path: str, content: Mapping[str, Any]) -> Answer:
        return self._ask("PUT", f"/api/v1{path}", content)

    def _ask(self, method: str, target: str, content: Mapping[str, Any] | None = None) -> Answer:
        headers, body = dict(self._headers), None
        if content is not None:
            headers["Content-Type"], body = "application/json", msgspec.json.encode(content)
        answer = self._upstream.request(method, target, headers=headers, body=body)
        return Answer(answer.status, msgspec.json.decode(answer.body) if answer.body else None)


def gather(system: System, *, members: int, stock: int = 0, served: str = "nobody", logins: int | None = None) -> Crowd:
    """A crowd at a station of its own; see `devtools.crowd`."""
    wanted = [f"--members={members}", f"--stock={stock}", f"--served={served}"]
    made = warm.run(system, "devtools.crowd", *wanted, *([] if logins is None else [f"--logins={logins}"]))
    assert made.returncode == 0, made.stderr
    return Crowd(**json.loads(made.stdout))


def clients(system: System, crowd: Crowd) -> list[Client]:
    """One client for each member."""
    return [Client(system, member["token"]) for member in crowd.members]


class Clock:
    """The system's time. It begins at three in the afternoon, so that no test meets midnight by chance; on the day
    after the one that it is for a system whose time somebody has moved before.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self.offset = timedelta(seconds=float((system.root / "clock").read_text()))
        present = self.now
        afternoon = present.replace(hour=15, minute=0, second=0) + timedelta(days=1)
        self.pass_by(afternoon - present)

    @property
    def now(self) -> datetime:
        return datetime.now(clock.SHANGHAI) + self.offset

    def pass_by(self, time: timedelta) -> None:
        """Let time go by."""
        self.offset += time
        move_clock(self._system, self.offset.total_seconds())


def code_now(organizer: Client, crowd: Crowd, direction: str) -> str:
    """The code that the organizer's screen shows now."""
    shown = organizer.get(
        f"/checkin/activities/{crowd.activity_id}/codes", site_id=crowd.site_id, direction=direction, minutes=1
    ).expect(200)
    now = shown["server_now"]
    return next(str(code["url"]) for code in shown["codes"] if code["shown_from"] <= now < code["shown_until"])


def redeem(client: Client, crowd: Crowd, member: Mapping[str, str], redemption_id: str | None = None) -> Answer:
    return client.post(
        "/rewards/redemptions",
        {
            "id": redemption_id or str(uuid4()),
            "gift_id": crowd.gift_id,
            "station_id": crowd.station_id,
            "member_id": member["member_id"],
            "quantity": 1,
        },
    )


def at_once(acts: Iterable[Callable[[], T]], threads: int = 50) -> list[T]:
    """Do everything at the same time."""
    waiting = list(acts)
    with ThreadPoolExecutor(min(threads, len(waiting))) as pool:
        return [future.result(120) for future in [pool.submit(act) for act in waiting]]


def rows(system: System, service: str, statement: str, *values: Any) -> list[Any]:
    """Ask a service's database as a superuser."""
    place = system.installation
    with admin_connection(place.admin_url, place.database(service)) as connection:
        return connection.execute(statement, values).fetchall()


def awards_at(system: System, activity_id: str | None) -> int:
    """How many live awards with points there are of an activity."""
    (count,) = rows(
        system,
        "points",
        """
        SELECT count(*) FROM (
            SELECT DISTINCT ON (attendance_id) * FROM outcome WHERE activity_id = %s
            ORDER BY attendance_id, version DESC
        ) latest WHERE award_version IS NOT NULL AND points > 0
        """,
        activity_id,
    )[0]
    return int(count)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = SETTLED_SECONDS_MAX) -> None:
    wait_until(condition, what, seconds)


def is_quiet(system: System) -> bool:
    """Whether nothing is on its way any more: no fact, no transfer to its seal, no standing to its boards."""
    outbox = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL"
    waiting = sum(rows(system, service, outbox)[0][0] for service in SERVICES)
    following = "SELECT (SELECT count(*) FROM unsealed) + (SELECT count(*) FROM board_dirty)"
    return not waiting and not rows(system, "points", following)[0][0]


def verify(system: System) -> None:
    """Wait until all is quiet, then `./dev verify` must find nothing."""
    wait_for(functools.partial(is_quiet, system), "nothing on its way")
    done = warm.run(system, "devtools.verify.__main__")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pending" not in done.stdout, done.stdout
    assert "not checked" not in done.stdout, done.stdout
