"""How long confirmed attendances take through the whole road: outbox, worker, internal listener, ledger,
board. For `./dev bench settle`."""

import time
from typing import Any
from uuid import UUID, uuid4

from devtools.bench._client import ask, gather, running_system
from devtools.children import wait_until
from devtools.crowd import Crowd
from devtools.servers import admin_connection
from devtools.supervisor import System
from shared.settings import SERVICES

MEMBERS = 500
SECONDS_MAX = 300

# The members served on this many days more, as they did on the day the crowd was made with.
_COPY_ACTIVITY = """
INSERT INTO activity (id, state, title, category, station_id, place, starts_at, ends_at, window_before_minutes,
    capacity, confirm_each, reason, digest, created_by, created_at)
SELECT %(new)s, 'closed', title, category, station_id, place, starts_at - %(days)s * interval '1 day',
    ends_at - %(days)s * interval '1 day', window_before_minutes, capacity, confirm_each, reason, digest, created_by,
    created_at
FROM activity WHERE id = %(old)s
"""
_COPY_SITE = """
INSERT INTO site (id, activity_id, number, name, place, leader_member_id)
SELECT %(site)s, %(new)s, number, name, place, leader_member_id FROM site WHERE activity_id = %(old)s
"""
_COPY_ATTENDANCES = """
INSERT INTO attendance (id, activity_id, site_id, member_id, pair, state, service_day, arrived_at, left_at, minutes,
    evidence, marks)
SELECT gen_random_uuid(), %(new)s, %(site)s, member_id, pair, 'left', service_day - %(days)s,
    arrived_at - %(days)s * interval '1 day', left_at - %(days)s * interval '1 day', minutes, evidence, marks
FROM attendance WHERE activity_id = %(old)s
"""


def drain_s(attendances: int) -> float:
    """Seconds from a full outbox, when the worker is started, until ledger, seal and board are whole."""
    members = min(MEMBERS, attendances)
    with running_system("drain") as system:
        crowd = gather(system, members=members, served="confirmed")
        _wait_for_board(system, crowd)
        activities = _serve_more(system, crowd, attendances // members)
        system.stop_part("worker")
        for activity_id in activities:
            path = f"/checkin/activities/{activity_id}/confirm-all"
            done = ask(system, crowd.organizer["token"], "POST", path, {})
            if done["confirmed"] != members:
                raise RuntimeError(f"not all were confirmed: {done}")
        print(f"{members * len(activities):,} attendances wait for the worker …", flush=True)
        began = time.perf_counter()
        system.start_part("worker")
        wait_until(lambda: is_whole(system), "everything settled", SECONDS_MAX, pause_s=0.05)
        seconds = time.perf_counter() - began
        found = _board(system, crowd)
        settled = _ask_points(system, "SELECT count(*) FROM outcome WHERE state = 'awarded'")
        if settled != members * (len(activities) + 1) or found["source"] != "cache":
            raise RuntimeError(f"{settled} are awarded, and the board comes from {found['source']}")
    return round(seconds, 1)


def _serve_more(system: System, crowd: Crowd, days: int) -> list[UUID]:
    activities = []
    place = system.installation
    with admin_connection(place.admin_url, place.database("checkin")) as connection:
        for day in range(1, days + 1):
            names = {"new": uuid4(), "site": uuid4(), "old": crowd.served_activity_id, "days": day}
            for statement in (_COPY_ACTIVITY, _COPY_SITE, _COPY_ATTENDANCES):
                connection.execute(statement, names)
            activities.append(names["new"])
    return activities  # type: ignore[return-value]


def _wait_for_board(system: System, crowd: Crowd) -> None:
    """Look at the station's board, so that it is kept in Redis from now on."""
    wait_until(lambda: _board(system, crowd)["source"] == "cache", "the board in Redis", 60, pause_s=0.5)


def _board(system: System, crowd: Crowd) -> Any:
    path = f"/points/boards?node_id={crowd.station_id}&period=all&metric=hours"
    return ask(system, crowd.members[0]["token"], "GET", path)


def is_whole(system: System) -> bool:
    """Whether nothing is on its way, unsealed, or yet to be shown on a board."""
    place = system.installation
    for service in SERVICES:
        with admin_connection(place.admin_url, place.database(service)) as connection:
            waiting = connection.execute("SELECT count(*) FROM outbox WHERE delivered_at IS NULL").fetchone()
            if waiting is None or waiting[0]:
                return False
    return not _ask_points(system, "SELECT (SELECT count(*) FROM unsealed) + (SELECT count(*) FROM board_dirty)")


def _ask_points(system: System, statement: str) -> int:
    place = system.installation
    with admin_connection(place.admin_url, place.database("points")) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])
