"""One person, one day: all that the services know, in the order of time, with the sentence that explains it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form
from gateway.guards import holding
from gateway.pages.attendance_words import state_shown
from gateway.pages.day_words import standing, timeline
from gateway.pages.places import asking_for_people, by_id, describe
from gateway.pages.stuck import service_names
from shared import clock
from shared.errors import Forbidden
from shared.principal import Role

SERVICES = ("checkin", "points", "rewards")

pages = Blueprint("day", __name__)


@pages.get("/staff/members/<uuid:member_id>/day")
@holding(Role.ORGANIZER, Role.AUDITOR)
def show_day(member_id: UUID) -> ResponseReturnValue:
    """One call a service, and then the names of who acted."""
    asked = Form(request.args)
    day = asked.day("day") or clock.today().isoformat()
    query = {"member_id": member_id, "day": day}
    panels = backend.together(**{service: Call(service, "/day", query) for service in SERVICES})
    # Who may see nothing of it in any service has no business here.
    if all(isinstance(panels[service].error, Forbidden) for service in SERVICES):
        raise Forbidden
    names = backend.together(**asking_for_people({str(member_id), *_actors(panels)}))
    people = by_id(names)
    told = {service: panels[service].content for service in SERVICES}
    known = {one: member["name"] for one, member in people.items()}
    organizes = visitor.require_session().has(Role.ORGANIZER)
    return render_template(
        "day/day.html",
        member_id=member_id,
        name=describe(people[str(member_id)]) if str(member_id) in people else _masked(told["checkin"]),
        day=day,
        before=(date.fromisoformat(day) - timedelta(days=1)).isoformat(),
        after=(date.fromisoformat(day) + timedelta(days=1)).isoformat(),
        is_whole=all(told[service] is None or told[service]["is_whole"] for service in SERVICES),
        records=[
            _record(pair, told, known, organizes=organizes)
            for pair in (told["checkin"] or {"attendances": ()})["attendances"]
        ],
        happened=timeline(told["checkin"], told["points"], told["rewards"], known),
        away=[service_names()[service] for service in SERVICES if _is_away(panels[service])],
        names_away=any(panel.error is not None for panel in names.values()),
        asked=asked,
    )


def _is_away(panel: Panel) -> bool:
    return not isinstance(panel.error, Forbidden | None)


def _actors(panels: dict[str, Panel]) -> set[str]:
    acts = [act for name in ("checkin", "rewards") for act in (panels[name].content or {"acts": ()})["acts"]]
    return {act["by_member_id"] for act in acts if act["by_member_id"]}


def _masked(told: dict[str, Any] | None) -> str:
    return (told or {}).get("name_masked") or ""


def _record(pair: dict[str, Any], told: dict[str, Any], names: dict[str, str], *, organizes: bool) -> dict[str, Any]:
    return {
        "title": pair["title"],
        # An auditor reads this page, and none of an organizer's.
        "href": f"/organize/activities/{pair['activity_id']}/attendances/{pair['id']}" if organizes else None,
        "state": state_shown(pair["state"]),
        "pair": pair,
        "sentence": standing(pair, told["checkin"], told["points"], names),
    }
