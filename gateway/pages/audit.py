"""The audit log: privileged acts of all services in one list, newest first."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, routes
from gateway.backend import Call
from gateway.forms import uuid_or_none
from gateway.guards import holding
from gateway.pages.places import people
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
    kept = {name: value for name, value in asked.items() if value is not None}
    return render_template(
        "audit/audit.html",
        entries=shown,
        names=service_names(),
        people=people(entry["member_id"] for entry in shown if entry["member_id"]),
        away=[service for service, panel in panels.items() if panel.error is not None],
        asked=asked,
        older="/staff/audit?" + urlencode({**kept, "before": shown[-1]["id"]}) if len(shown) == ROWS else None,
    )
