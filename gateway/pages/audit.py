"""The audit log: privileged acts of all services in one list, newest first."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, routes, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import acts
from gateway.pages.places import asked_for, asking_for_people, by_id, describe
from gateway.pages.stuck import service_names
from shared import clock
from shared.principal import Role

ROWS = 50
MATCHES_MAX = 20
PAGES = {
    "activity": "/organize/activities/",
    "close": "/desk/closes/",
    "gift": "/staff/gifts/",
    "member": "/staff/members/",
    "node": "/staff/nodes/",
}
"""Where an administrator finds a subject."""
FOR_AUDITORS = ("close",)
"""Of these what an auditor opens, too."""
REFUSED_OWN = ".refuse_own"
"""As the services are asked for it: how all acts end that were refused because they were for one's own."""

pages = Blueprint("audit", __name__)


@pages.get("/staff/audit")
@holding(Role.AUDITOR, Role.ADMINISTRATOR)
def list_audit() -> ResponseReturnValue:
    asked = Form(request.args)
    query, unknown = _read_query(asked)
    services = () if unknown or not asked else routes.PUBLIC.values()
    panels = backend.together(**{service: Call(service, "/audit", query) for service in services})
    entries: list[dict[str, Any]] = [
        {**entry, "service": service} for service, panel in panels.items() for entry in panel.content or []
    ]
    # Ids are UUIDs of version 7, so their order is that of time in all services together.
    entries.sort(key=lambda entry: str(entry["id"]), reverse=True)
    shown = entries[:ROWS]
    names = _names(shown)
    for entry in shown:
        own = names.get(entry["member_id"] or "")
        entry["by"] = own or acts.who_shown(entry["who"])
        name = names.get(entry["subject_id"] or "") or acts.called(entry["detail"])
        if entry["subject_type"] == "grant":
            name = names.get(str(entry["detail"].get("member_id"))) or name
        tail = f"…{entry['subject_id'][-6:]}" if entry["subject_id"] else ""
        entry["subject"] = f"{acts.subject_name(entry['subject_type'])} {name or tail}".strip()
        entry["page"] = _page_of(entry)
        entry["facts"] = acts.detail_shown(entry["detail"], names, name)
    kept = {name: asked.text(name) for name in ("action", "subject_id", *_FILTERS) if asked.text(name)}
    return render_template(
        "audit/audit.html",
        entries=shown,
        names=service_names(),
        acts={REFUSED_OWN: _("为自己或家人办理，被拒绝的（所有种类）"), **acts.act_names()},
        away=[service for service, panel in panels.items() if panel.error is not None],
        asked=asked,
        unknown=unknown,
        older="/staff/audit?" + urlencode({**kept, "before": shown[-1]["id"]}) if len(shown) == ROWS else None,
    )


_FILTERS = ("who", "place", "from_day", "to_day")


def _read_query(asked: Form) -> tuple[dict[str, Any], list[str]]:
    """What to ask every service, and which people and places nothing was found for."""
    query: dict[str, Any] = {
        "action": asked.text("action")[:60] or None,
        "subject_id": uuid_or_none(asked.text("subject_id")),
        "limit": ROWS,
        "before": uuid_or_none(asked.text("before")),
    }
    if first := asked.day("from_day"):
        query["from"] = _midnight(date.fromisoformat(first))
    if last := asked.day("to_day"):
        query["to"] = _midnight(date.fromisoformat(last) + timedelta(days=1))
    calls: dict[str, Call] = {}
    if who := asked.text("who")[:50]:
        calls["member_ids"] = asked_for(who)
    if place := asked.text("place")[:30]:
        calls["node_ids"] = Call("members", "/nodes", {"q": place, "limit": MATCHES_MAX})
    unknown = []
    for name, panel in (backend.together(**calls) if calls else {}).items():
        query[name] = ",".join(found["id"] for found in panel.needed())
        if not panel.content:
            unknown.append(who if name == "member_ids" else place)
    return query, unknown


def _midnight(day: date) -> str:
    return datetime.combine(day, datetime.min.time(), clock.SHANGHAI).isoformat()


def _page_of(entry: dict[str, Any]) -> str | None:
    """The subject's own page, for who may open it."""
    beginning = PAGES.get(entry["subject_type"])
    may_open = entry["subject_type"] in FOR_AUDITORS or visitor.require_session().has(Role.ADMINISTRATOR)
    if not beginning or not entry["subject_id"] or not may_open:
        return None
    if entry["subject_type"] != "gift":
        return f"{beginning}{entry['subject_id']}"
    # A gift is shown as it stands at a place: that of the act.
    above = entry["path"].strip("/").rpartition("/")[2]
    return f"{beginning}{entry['subject_id']}?station_id={UUID(above)}" if above else None


def _names(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Of all people and places in these entries."""
    calls = asking_for_people(_members(entries))
    if places := _places(entries):
        calls["places"] = Call("members", "/nodes", {"ids": ",".join(places)})
    panels = backend.together(**calls)
    found = panels["places"].content if places else None
    people = {member_id: describe(member) for member_id, member in by_id(panels).items()}
    return people | {node["id"]: str(node["name"]) for node in found or []}


def _members(entries: list[dict[str, Any]]) -> set[str]:
    """Everybody named in these entries."""
    found = {entry["member_id"] for entry in entries if entry["member_id"]}
    found |= {entry["subject_id"] for entry in entries if entry["subject_type"] == "member" and entry["subject_id"]}
    return found | {member_id for entry in entries for member_id in acts.ids_in(entry["detail"])}


_PLACES = ("node_id", "successor_id", "split_off", "parent_id", "from", "to")


def _places(entries: list[dict[str, Any]]) -> list[str]:
    """The places named in these entries."""
    wanted = {entry["subject_id"] for entry in entries if entry["subject_type"] == "node"}
    wanted |= {str(entry["detail"].get(name)) for entry in entries for name in _PLACES}
    return sorted(str(node_id) for node_id in wanted if uuid_or_none(str(node_id)))
