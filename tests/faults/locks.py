"""Holding a service up at a place, so that a fault falls in the middle."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devtools.servers import admin_connection
from devtools.supervisor import System
from tests.town import rows


@contextmanager
def locked(system: System, service: str, table: str) -> Iterator[Any]:
    """Nobody writes to a table within the block."""
    place = system.installation
    with admin_connection(place.admin_url, place.database(service)) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield connection


def somebody_waits(system: System, service: str) -> bool:
    """Whether a statement in this service's database waits for a lock."""
    database = system.installation.database(service)
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    return bool(rows(system, service, statement, database)[0][0])


@contextmanager
def frozen(system: System, part: str) -> Iterator[None]:
    """A process that neither runs nor ends within the block; its sockets stay open."""
    child = system.parts[part].child
    assert child is not None
    os.killpg(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(child.pid, signal.SIGCONT)
