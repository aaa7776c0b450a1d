"""A town that has been lived in, and what is done to its databases behind the services' backs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from shared import clock
from shared.ids import new_id
from tests.gateway.real import Browser, Town
from tests.support import Settings

START = datetime.combine(clock.today() + timedelta(days=1), datetime.min.time(), clock.SHANGHAI) + timedelta(hours=9)


def found(town: Town, invariant: int) -> list[str]:
    """What the checks of this invariant find."""
    checks = all_checks(Databases(town.apps))
    return [fault for number, _, find in checks if number == invariant for fault in find()]


@contextmanager
def without(settings: Settings, service: str, action: str) -> Iterator[int]:
    """Within the block the audit log has lost the entries of one action; how many there were."""
    connection: Any = settings.database(service).connection
    connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM audit_log WHERE action = '{action}'")
    try:
        yield connection.execute(f"DELETE FROM audit_log WHERE action = '{action}'").rowcount
    finally:
        connection.execute("INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept")


@contextmanager
def damaged(
    settings: Settings, service: str, table: str, change: str, *, guards: tuple[str, str] = ("", "")
) -> Iterator[None]:
    """Within the block a table is changed behind the service's back; `guards` takes away what stops the change, and
    puts it back.
    """
    connection: Any = settings.database(service).connection
    connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}; {guards[0]}")
    try:
        assert connection.execute(change).rowcount > 0, change
        yield
    finally:
        connection.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept; {guards[1]}")


def attend(organizer: Browser, activity: dict[str, Any], who: Browser, minutes: int = 50) -> str:
    """An attendance that the organizer entered; its id."""
    attendance_id = str(new_id())
    content = {"id": attendance_id, "member_id": who.member_id, "site_id": activity["sites"][0]["id"]}
    times = {"arrived_at": START.isoformat(), "left_at": (START + timedelta(minutes=minutes)).isoformat()}
    organizer.api("POST", f"/checkin/activities/{activity['id']}/attendances", content | times)
    return attendance_id


def hold_activity(town: Town, organizer: Browser) -> dict[str, Any]:
    activity_id, site_id = str(new_id()), str(new_id())
    made: dict[str, Any] = organizer.api(
        "POST",
        "/checkin/activities",
        {
            "id": activity_id,
            "title": "楼道大扫除",
            "category": "environment",
            "station_id": town.station_id,
            "place": "和谐小区门口",
            "starts_at": START.isoformat(),
            "ends_at": (START + timedelta(hours=2)).isoformat(),
            "sites": [{"id": site_id, "name": "东门", "place": "东门岗亭"}],
        },
    )
    organizer.api("POST", f"/checkin/activities/{activity_id}/publish")
    return made
