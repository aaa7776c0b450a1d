"""The audit log: privileged acts of all services in one list, newest first."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, routes
from gateway.backend import Call
from gateway.forms import uuid_or_none
from gateway.guards import holding
from gateway.pages import acts
from gateway.pages.places import asking_for_people, by_id, describe
from gateway.pages.stuck import service_names
from shared.principal import Role

ROWS = 50

pages = Blueprint("audit", __name__)


@pages.get("/staff/audit")
@holding(Role.AUDITOR, Role.ADMINISTRATOR)
def list_audit() -> ResponseReturnValue:
    asked = {
        "action": request.args.get("action", "").strip()[:60] or None,
        "subject_id": uuid_or_none(request.args.get("subject_id")),
    }
    query = {**asked, "limit": ROWS, "before": uuid_or_none(request.args.get("before"))}
    panels = backend.together(**{service: Call(service, "/audit", query) for service in routes.PUBLIC.values()})
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
        entry["subject"] = " ".join(
            (acts.subject_name(entry["subject_type"]), names.get(entry["subject_id"] or "", ""))
        ).strip()
        entry["facts"] = acts.detail_shown(entry["detail"], names)
    kept = {name: value for name, value in asked.items() if value is not None}
    return render_template(
        "audit/audit.html",
        entries=shown,
        names=service_names(),
        acts=acts.act_names(),
        away=[service for service, panel in panels.items() if panel.error is not None],
        asked=asked,
        older="/staff/audit?" + urlencode({**kept, "before": shown[-1]["id"]}) if len(shown) == ROWS else None,
    )


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


def _places(entries: list[dict[str, Any]]) -> list[str]:
    """The places named in these entries."""
    wanted = {entry["subject_id"] for entry in entries if entry["subject_type"] == "node"}
    wanted |= {entry["detail"].get(name) for entry in entries for name in ("node_id", "successor_id", "parent_id")}
    return sorted(str(node_id) for node_id in wanted if uuid_or_none(str(node_id)))
