"""What the tests of the API send."""

from typing import Any
from uuid import uuid4

from tests.checkin.support import END, START, Station


def activity_body(station: Station, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "title": "清扫和谐小区",
        "category": "environment",
        "station_id": str(station.id),
        "place": "和谐小区",
        "starts_at": START.isoformat(),
        "ends_at": END.isoformat(),
        "sites": [{"id": str(uuid4()), "name": "东门", "place": "东门岗亭"}],
        **fields,
    }
