"""The start page, and the few pages of plain text."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, guards, presentation, read_codes, visitor
from gateway.backend import Call
from gateway.guards import open_page
from gateway.i18n import _
from gateway.pages import activities, texts
from gateway.pages.login import waits_for_first_administrator
from shared import clock

ACTIVITIES_SHOWN = 3
ACTIVITIES_ASKED = 20
RECORDS_ASKED = 5

pages = Blueprint("home", __name__)


@pages.get("/")
@open_page
def start() -> ResponseReturnValue:
    visitor.session()  # members being away is the whole page's matter here, not the frame's
    viewer = presentation.viewer()
    if (asked := guards.to_consents()) is not None:
        return asked
    if viewer is None:
        scan_kept = read_codes.find(read_codes.SCAN) is not None
        return render_template("home/welcome.html", scan_kept=scan_kept, is_first=waits_for_first_administrator())
    panels = backend.together(
        balance=Call("points", "/balances", {"member_ids": viewer.member_id}),
        records=Call("checkin", "/attendances", {"member_id": viewer.member_id, "limit": RECORDS_ASKED, "slips": 0}),
        activities=Call(
            "checkin",
            "/activities",
            {
                "station_id": viewer.station_id,
                "from": clock.now().isoformat(),
                "state": "published,postponed,cancelled",
                "limit": ACTIVITIES_ASKED,
            },
        ),
        # At whatever station: who helps elsewhere may be asked to lead there.
        led=Call(
            "checkin",
            "/activities",
            {"led": 1, "from": clock.now().isoformat(), "state": "published", "limit": ACTIVITIES_ASKED},
        ),
        mine=activities.asking_for_sign_ups(),
        # Of everybody this login acts for: a mother without a phone is told through her daughter's.
        handed_over=Call("rewards", "/handed-over"),
        answers=Call("members", "/concerns/unseen"),
    )
    balances = panels["balance"].content
    records = panels["records"].content
    mine = activities.of_own(panels["mine"].content)
    return render_template(
        "home/start.html",
        balance=balances[0] if balances else None,
        activities=_coming(panels["activities"].content),
        led=_led(panels["led"].content or []),
        present=next((one for one in records or [] if one["state"] == "open"), None),
        is_new=records == [],
        mine=mine,
        to_come=activities.to_come(mine),
        handed_over=panels["handed_over"].content,
        answers=panels["answers"].content,
        names={str(member.member_id): member.name for member in viewer.members},
    )


def _led(activities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these activities those of which this login leads sites, with their names and whether it is the day."""
    own_id = str(visitor.require_session().own_member_id)
    found = []
    for one in activities:
        names = [site["name"] for site in one["sites"] if site["leader_member_id"] == own_id]
        if names:
            is_today = presentation.read_moment(one["arrival_opens_at"]).date() <= clock.today()
            found.append(one | {"led": "、".join(names), "is_today": is_today})
    return found


def _coming(activities: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """The next ones by start, and those that were called off: who meant to come must know."""
    if activities is None:
        return None
    published = [one for one in activities if one["state"] == "published"][:ACTIVITIES_SHOWN]
    called_off = [one for one in activities if one["state"] != "published"][:ACTIVITIES_SHOWN]
    return [one for one in activities if one in published or one in called_off]


@pages.get("/terms")
@open_page
def terms() -> ResponseReturnValue:
    return render_template(
        "home/text.html", title=_("志愿服务协议"), sections=texts.terms(), version=texts.VERSIONS["terms"]
    )


@pages.get("/privacy")
@open_page
def privacy() -> ResponseReturnValue:
    return render_template(
        "home/text.html", title=_("个人信息保护说明"), sections=texts.privacy(), version=texts.VERSIONS["privacy"]
    )
