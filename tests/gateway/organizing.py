"""What the tests of several pages do as an organizer: publish an activity, read its code and scan it."""

import re
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from tests.gateway.real import Browser

START = datetime.combine(clock.today() + timedelta(days=1), datetime.min.time(), clock.SHANGHAI) + timedelta(hours=9)


ACTIVITY: dict[str, Any] = {
    "title": "楼道大扫除",
    "category": "environment",
    "day": START.date().isoformat(),
    "start": "09:00",
    "end": "11:30",
    "place": "和谐小区门口",
    "window_before_minutes": "60",
    "capacity": "20",
}


def publish(organizer: Browser, **typed: str) -> str:
    """Publish an activity by the form; returns its page."""
    shown = organizer.post(
        "/organize/activities/new", "/organize/activities/new", action="publish", **(ACTIVITY | typed)
    )
    assert "已发布" in shown.text
    return shown.request.path


def scan(organizer: Browser, volunteer: Browser, page: str, direction: str) -> str:
    """Read the code off the organizer's screen and use it as the volunteer does; the page that comes."""
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    query = f"site_id={activity['sites'][0]['id']}&direction={direction}&minutes=1"
    codes = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    url = codes["codes"][0]["url"]
    volunteer.client.get("/s/" + url.rpartition("/s/")[2])
    return volunteer.post("/scan", "/scan").text


def arrival_code(organizer: Browser, page: str) -> str:
    """What stands in the arrival code that the screen shows."""
    activity = organizer.api("GET", f"/checkin/activities/{page.rpartition('/')[2]}")
    query = f"site_id={activity['sites'][0]['id']}&direction=arrival&minutes=30"
    codes = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    return str(codes["codes"][0]["url"]).rpartition("/s/")[2]


def offer(staff: Browser) -> None:
    new = "/staff/gifts/new"
    made = staff.post(new, new, name="香皂", points="1.5", limit_per_quarter="2")
    here = made.request.path
    assert "香皂" in made.text
    stocked = staff.post(
        f"{here}?{made.request.query_string.decode()}",
        f"{here}/stock",
        kind="receive",
        quantity="10",
        reason="爱心商家捐赠",
    )
    assert re.search(r"可兑</dt><dd>10<", stocked.text)
    assert "库存已记账" in stocked.text
