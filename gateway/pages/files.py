"""The file of an activity (台账) as a page to print, the activities of a month with their files, and the summary."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.attendance_words import evidence_shown, state_shown
from gateway.pages.places import IDS_MAX, chosen_node, describe, nodes_of, people
from shared import clock
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 200
HELD = "published,closed,cancelled"
PHOTO_PLACES = 4

pages = Blueprint("files", __name__)


@pages.get("/staff/files")
@holding(Role.ORGANIZER, Role.AUDITOR)
def list_files() -> ResponseReturnValue:
    """What took place in a month at the own places, each with its file."""
    first = _month(request.args.get("month", ""))
    end = (first + timedelta(days=31)).replace(day=1)
    mine = list(dict.fromkeys([*nodes_of(Role.ORGANIZER), *nodes_of(Role.AUDITOR)]))
    node_id = chosen_node(mine, uuid_or_none(request.args.get("node_id")))
    query = {
        "station_id": node_id,
        "from": _midnight(first),
        "to": _midnight(end),
        "state": HELD,
        "limit": ROWS,
        "after": uuid_or_none(request.args.get("after")),
    }
    # Mostly the own places are among them; the one asked for may lie below.
    ids = dict.fromkeys(str(one) for one in [node_id, *mine] if one is not None)
    panels = backend.together(
        activities=Call("checkin", "/activities", query),
        **({"nodes": Call("members", "/nodes", {"ids": ",".join(list(ids)[:IDS_MAX])})} if ids else {}),
    )
    found = panels["activities"].needed()
    names = {one["id"]: one["name"] for one in panels["nodes"].content or []} if ids else {}
    here = f"/staff/files?node_id={node_id or ''}&month="
    return render_template(
        "files/month.html",
        name=names.get(str(node_id), "") if node_id else _("全部地方"),
        name_away=bool(node_id) and str(node_id) not in names,
        own=[
            (names[str(one)], f"/staff/files?node_id={one}&month={first:%Y-%m}", one == node_id)
            for one in mine
            if str(one) in names
        ],
        month=presentation.month(f"{first:%Y-%m}"),
        # What began the evening before belongs to the month before.
        activities=[one for one in found if presentation.read_moment(one["starts_at"]).date() >= first],
        older=f"{here}{first - timedelta(days=1):%Y-%m}",
        newer=f"{here}{end:%Y-%m}" if end <= clock.today() else None,
        more=f"{here}{first:%Y-%m}&after={found[-1]['id']}" if len(found) == ROWS else None,
    )


def _month(text: str) -> date:
    """The first of a month given as 2026-11; of this month for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day, no moment
    except ValueError:
        return clock.today().replace(day=1)


def _midnight(day: date) -> str:
    return datetime.combine(day, datetime.min.time(), clock.SHANGHAI).isoformat()


@pages.get("/organize/activities/<uuid:activity_id>/file")
@holding(Role.ORGANIZER, Role.AUDITOR)
def print_file(activity_id: UUID) -> ResponseReturnValue:
    file = backend.call("checkin", "GET", f"/activities/{activity_id}/file")
    activity, lines = file["activity"], file["lines"]
    leaders = [site["leader_member_id"] for site in activity["sites"] if site["leader_member_id"]]
    named = [one[name] for one in lines for name in ("member_id", "confirmed_by") if one[name]]
    known = people([*leaders, *named, *([activity["created_by"]] if activity["created_by"] else [])])
    counting = [one for one in lines if one["state"] in ("confirmed", "corrected")]
    return render_template(
        "files/file.html",
        activity=activity,
        sites=[(site["name"], site["place"], _name(known, site["leader_member_id"])) for site in activity["sites"]],
        made_by=_name(known, activity["created_by"]),
        when=in_full(activity["starts_at"], activity["ends_at"]),
        lines=[_line(number, one, known, activity["starts_at"]) for number, one in enumerate(lines, 1)],
        visits=len({one["member_id"] for one in counting}),
        minutes=sum(one["minutes"] for one in counting),
        waiting=Counter(one["state"] in ("open", "left") for one in lines)[True],
        names_away=bool(named) and not known,
        photo_places=PHOTO_PLACES,
        back=f"/organize/activities/{activity_id}"
        if visitor.require_session().has(Role.ORGANIZER)
        else f"/staff/files?month={presentation.read_moment(activity['starts_at']):%Y-%m}",
    )


def in_full(start: str, end: str) -> str:
    """From when to when, with the year: a file is kept for long."""
    return f"{presentation.day(start)} {presentation.hour(start)}–{_on_that_day(end, start)}"


def _on_that_day(moment: str, other: str) -> str:
    """The time of day alone where the day is that of another moment."""
    same = presentation.read_moment(moment).date() == presentation.read_moment(other).date()
    return presentation.hour(moment) if same else presentation.moment(moment)


def _line(number: int, one: dict[str, Any], known: dict[str, dict[str, Any]], starts_at: str) -> dict[str, Any]:
    """A line of the sign-in sheet in words."""
    is_settled = one["state"] in ("confirmed", "corrected")
    by_scans = is_settled and one["confirmed_by"] is None
    return {
        "number": number,
        "who": describe(known.get(one["member_id"])),
        "site": one["site_name"],
        "arrived": _on_that_day(one["arrived_at"], starts_at),
        "left": _on_that_day(one["left_at"], starts_at) if one["left_at"] else "–",
        "minutes": one["minutes"] if is_settled else "–",
        "evidence": evidence_shown(one["evidence"]) + (_("（自动签退）") if one["automatic_departure"] else ""),
        "confirmed": _("按时扫码，自动确认")
        if by_scans
        else _name(known, one["confirmed_by"])
        if is_settled
        else state_shown(one["state"])[0],
    }


def _name(known: dict[str, dict[str, Any]], member_id: str | None) -> str:
    return str(known.get(member_id or "", {}).get("name", "–"))


@pages.get("/organize/activities/<uuid:activity_id>/summary")
@holding(Role.ORGANIZER)
def ask_summary(activity_id: UUID) -> ResponseReturnValue:
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    return render_template("files/summary.html", activity=activity, filled=Form())


@pages.post("/organize/activities/<uuid:activity_id>/summary")
@holding(Role.ORGANIZER)
def summarize(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    summary = filled.required("summary", _("请写小结"), length_max=300)
    if filled:
        try:
            backend.call("checkin", "PUT", f"/activities/{activity_id}/summary", json={"summary": summary})
            return done.back(f"/organize/activities/{activity_id}", "saved")
        except HuzhuError as refusal:
            filled.blame(refusal)
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    return render_template("files/summary.html", activity=activity, filled=filled), 422
