"""What volunteers see of activities: those to come at their station, one of them, and signing up for it; and what
everybody sees of one whom a notice or a poster led here.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import logged_in, open_page, to_consents
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.choose import member_options
from gateway.pages.places import people
from gateway.presentation import require_viewer
from shared import clock
from shared.errors import HuzhuError, Unavailable

ACTIVITIES_SHOWN = 50
MEMBERS_MAX = 10

pages = Blueprint("activities", __name__)


@pages.get("/activities")
@logged_in
def list_activities() -> ResponseReturnValue:
    """What is coming at the station of whom this browser acts for, and what the whole login is signed up for."""
    viewer = require_viewer()
    query = {
        "station_id": viewer.station_id,
        "from": clock.now().isoformat(),
        "state": "published,postponed,cancelled",
        "limit": ACTIVITIES_SHOWN,
    }
    panels = backend.together(activities=Call("checkin", "/activities", query), mine=asking_for_sign_ups())
    mine = of_own(panels["mine"].content)
    return render_template(
        "activities/list.html",
        activities=panels["activities"].content,
        mine=mine,
        to_come=to_come(mine),
    )


@pages.get("/activities/<uuid:activity_id>")
@open_page
def show_activity(activity_id: UUID) -> ResponseReturnValue:
    """The address in notices and on posters: who is not logged in reads the same there, and is led in (ADR 129)."""
    if visitor.session() is None:
        return _announcement_page(activity_id)
    return to_consents() or _activity_page(activity_id, Form())


@pages.post("/activities/<uuid:activity_id>/sign-up")
@logged_in
def sign_up(activity_id: UUID) -> ResponseReturnValue:
    """For one or several of the login; who is signed up already stays so."""
    filled = Form.posted()
    mine = {str(member.member_id) for member in visitor.require_session().members}
    chosen = [member_id for member_id in dict.fromkeys(filled.chosen("member_ids")) if member_id in mine]
    if not chosen:
        filled.fail("member_ids", _("请至少选一位"))
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_ids": chosen[:MEMBERS_MAX],
        "site_id": filled.text("site_id") or None,
    }
    return _after(activity_id, filled, f"/activities/{activity_id}/sign-ups", content, "signed_up")


@pages.post("/activities/<uuid:activity_id>/cancel")
@logged_in
def cancel(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    sign_up_id = filled.uuid("sign_up_id", _("页面不完整，请刷新再试"))
    return _after(activity_id, filled, f"/sign-ups/{sign_up_id}/cancel", None, "signed_off")


def _after(
    activity_id: UUID, filled: Form, path: str, content: dict[str, Any] | None, said: str
) -> ResponseReturnValue:
    status = 422
    if filled:
        try:
            backend.call("checkin", "POST", path, json=content)
            return done.back(f"/activities/{activity_id}", said)
        except HuzhuError as refusal:
            filled.blame(refusal)
            status = 503 if isinstance(refusal, Unavailable) else 422
    return _activity_page(activity_id, filled), status


def _announcement_page(activity_id: UUID) -> str:
    activity = backend.call("checkin", "GET", "/announcement", query={"activity_id": activity_id})
    onward = urlencode({"next": f"/activities/{activity_id}"})
    return render_template("activities/announcement.html", activity=activity, is_over=_is_over(activity), onward=onward)


def _is_over(activity: dict[str, Any]) -> bool:
    return bool(activity["state"] == "closed" or presentation.read_moment(activity["ends_at"]) <= clock.now())


def _takes_sheets(activity: dict[str, Any]) -> bool:
    """Whether who leads a site may type in its sheet now: from the start to the end of the next day."""
    starts_at, ends_at = (presentation.read_moment(activity[name]) for name in ("starts_at", "ends_at"))
    in_time = starts_at <= clock.now() and clock.today() <= ends_at.date() + timedelta(days=1)
    return in_time and activity["state"] in ("published", "closed")


def _activity_page(activity_id: UUID, filled: Form) -> str:
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"), mine=asking_for_sign_ups(activity_id)
    )
    activity = panels["activity"].needed()
    leaders = people(site["leader_member_id"] for site in activity["sites"] if site["leader_member_id"])
    mine = of_own(panels["mine"].content)
    own_id = str(visitor.require_session().own_member_id)
    taken = {one["member_id"] for one in mine or []}
    return render_template(
        "activities/activity.html",
        activity=activity,
        leaders={member_id: member["name_masked"] for member_id, member in leaders.items()},
        leads=any(site["leader_member_id"] == own_id for site in activity["sites"]),
        may_type_in=_takes_sheets(activity),
        mine=mine,
        options=[option for option in member_options() if str(option[0]) not in taken],
        own=[str(visitor.member_id())],
        sites=[("", _("都可以，听安排"))] + [(site["id"], site["name"]) for site in activity["sites"]],
        is_over=_is_over(activity),
        told=done.said(),
        filled=filled,
    )


def asking_for_sign_ups(activity_id: UUID | None = None) -> Call:
    """What everybody of this login is signed up for: all that is not over, or at one activity."""
    members = [str(member.member_id) for member in visitor.require_session().members[:MEMBERS_MAX]]
    return Call("checkin", "/sign-ups", {"member_ids": ",".join(members), "activity_id": activity_id})


def of_own(sign_ups: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """The same with the name of each; None when check-in could not say."""
    if sign_ups is None:
        return None
    names = {str(member.member_id): member.name for member in visitor.require_session().members}
    return [one | {"name": names.get(one["member_id"], "")} for one in sign_ups]


def to_come(mine: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Of those the ones for which nobody has come yet: who was there has a record."""
    return [one for one in mine or [] if not one["came"]]
