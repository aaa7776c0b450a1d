"""Confirming service time: who was there, all in one tap, and signing everybody out."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding, logged_in
from gateway.i18n import _
from gateway.pages import done, refused
from gateway.pages.attendance_words import evidence_shown, marks_shown, state_shown
from gateway.pages.places import asking_for_people, by_id, describe, told_apart
from gateway.pages.roll import roll_page, sites_called
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 200
SHORT_ROWS = 100
"""So many who stayed too short are named; the others are counted."""
EVERYWHERE = "all"
"""The choice of all sites, where one has to be made."""

pages = Blueprint("confirm", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/confirm")
@holding(Role.ORGANIZER)
def list_attendances(activity_id: UUID) -> ResponseReturnValue:
    return _list_page(activity_id, Form())


def _list_page(activity_id: UUID, filled: Form, **outcome: Any) -> str:
    after = uuid_or_none(request.args.get("after"))
    state, site_id = request.args.get("state") or None, uuid_or_none(request.args.get("site"))
    # What a roll call took back is looked up among those that did not pass, and in nobody's way elsewhere.
    slips = int(state == "rejected")
    listed = {"limit": ROWS, "after": after, "state": state, "site_id": site_id, "slips": slips}
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        attendances=Call("checkin", f"/activities/{activity_id}/attendances", listed),
        presence=Call("checkin", f"/activities/{activity_id}/presence"),
        refused=refused.asked(activity_id),
        waiting=Call("checkin", f"/activities/{activity_id}/waiting"),
    )
    activity = panels["activity"].needed()
    found: list[dict[str, Any]] = panels["attendances"].needed()
    waiting = panels["waiting"].content
    answers = backend.together(
        **asking_for_people(one["member_id"] for one in [*found, *outcome.get("left_out", []), *_shortest(waiting)]),
        **_asking_for_rules(waiting),
    )
    known = by_id(answers)
    chosen = {"state": state, "site": str(site_id) if site_id else None}
    return render_template(
        "confirm/list.html",
        activity=activity,
        presence=panels["presence"].content,
        short=_short(activity, waiting, answers.get("rules"), known),
        short_away=waiting is None or ("rules" in answers and answers["rules"].error is not None),
        turned_away=_turned_away(found, panels["refused"].content) if not (after or state or site_id) else 0,
        rows=[_row(one, known, activity_id) for one in found],
        more=_here(activity_id, chosen | {"after": found[-1]["id"]}) if len(found) == ROWS else None,
        switchers=_switchers(activity, chosen),
        site_id=chosen["site"],
        told=done.said(),
        filled=filled,
        names={member_id: describe(member) for member_id, member in known.items()},
        **outcome,
    )


def _here(activity_id: UUID | str, query: dict[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"/organize/activities/{activity_id}/confirm" + (f"?{urlencode(given)}" if given else "")


def _switchers(
    activity: dict[str, Any], chosen: dict[str, str | None]
) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Ways to narrow the records: each a name and its choices as (text, address, whether it is chosen)."""
    sites: list[tuple[str | None, str]] = [(site["id"], site["name"]) for site in activity["sites"]]
    offered: dict[str, tuple[str, list[tuple[str | None, str]]]] = {
        "site": (_("点位"), sites if len(sites) > 1 else []),
        "state": (_("状态"), [("left", _("待确认")), ("open", _("未签退")), ("rejected", _("没有通过"))]),
    }
    return [
        (
            label,
            [
                (text, _here(activity["id"], chosen | {name: value}), chosen[name] == value)
                for value, text in ((None, _("全部")), *values)
            ],
        )
        for name, (label, values) in offered.items()
        if values
    ]


def _turned_away(attendances: list[dict[str, Any]], scans: list[dict[str, Any]] | None) -> int:
    """How many people only ever scanned in vain; told where all records are on the page, else 0."""
    if len(attendances) >= ROWS:
        return 0
    return len({scan["member_id"] for scan in scans or []} - {one["member_id"] for one in attendances})


def _asking_for_rules(waiting: dict[str, Any] | None) -> dict[str, Call]:
    """The question how much of the activity one must stay for, where somebody has not stayed for all of it."""
    if not waiting or not waiting["members"]:
        return {}
    return {"rules": Call("points", "/rules", {"day": waiting["service_day"]})}


def _shortest(waiting: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Those of whom the names are shown, should they have stayed too short."""
    shortest: list[dict[str, Any]] = (waiting or {"members": []})["members"][:SHORT_ROWS]
    return shortest


def _short(
    activity: dict[str, Any], waiting: dict[str, Any] | None, rules: Panel | None, known: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Whom the rule of the day gives hours and no points, since they stayed for less than its share; None for nobody.
    The words are those that points gives as the reason then.
    """
    if waiting is None or rules is None or rules.content is None:
        return None
    of_category = (rule for rule in rules.content if rule["category"] == activity["category"])
    share = next((rule["share_min_percent"] for rule in of_category), 0)
    needed = waiting["activity_minutes"] * share
    count = sum(one["minutes"] * 100 < needed for one in waiting["members"])
    if not count:
        return None
    shown = _shortest(waiting)[:count]
    return {
        "count": count,
        "share": share,
        "minutes": waiting["activity_minutes"],
        "rows": [(describe(known.get(one["member_id"])), one["minutes"]) for one in shown],
    }


def _row(attendance: dict[str, Any], known: dict[str, dict[str, Any]], activity_id: UUID) -> dict[str, Any]:
    member = known.get(attendance["member_id"])
    return {
        "name": member["name"] if member else describe(None),
        "apart": told_apart(member) if member else "",
        "href": f"/organize/activities/{activity_id}/attendances/{attendance['id']}",
        "arrived": presentation.hour(attendance["arrived_at"]),
        "left": presentation.hour(attendance["left_at"]) if attendance["left_at"] else "–",
        "site": attendance["site_name"],
        "minutes": attendance["minutes"],
        "marks": marks_shown(attendance),
        "evidence": evidence_shown(attendance["evidence"]),
        "state": state_shown(attendance["state"]),
        "awaits_nod": attendance["awaits_nod"],
    }


@pages.post("/organize/activities/<uuid:activity_id>/confirm-all")
@holding(Role.ORGANIZER)
def confirm_all(activity_id: UUID) -> ResponseReturnValue:
    """One tap; who was left out is shown with the reason."""
    done = backend.call("checkin", "POST", f"/activities/{activity_id}/confirm-all")
    return _list_page(activity_id, Form(), confirmed=done["confirmed"], left_out=done["left_out"])


@pages.get("/organize/activities/<uuid:activity_id>/leave-all")
@logged_in
def ask_leave_all(activity_id: UUID) -> ResponseReturnValue:
    """For an organizer of all, or of one site; for who leads sites of those who are there."""
    if visitor.require_session().has(Role.ORGANIZER):
        return _leave_all_page(activity_id, Form({"site_id": request.args.get("site", "")}))
    here, activity = f"/organize/activities/{activity_id}", backend.call("checkin", "GET", f"/activities/{activity_id}")
    what = f"{activity['title']} · {'、'.join(site['name'] for site in sites_called(activity))}"
    follows = _(
        "您的点位上还在场的人都按现在签退，不能撤回；时间不对的请活动负责人更正。您自己和家人不在内，请活动负责人签退。"
    )
    return done.ask(_("全员签退？"), what, follows, f"{here}/leave-all", _("全员签退"), f"{here}/roll")


def _leave_all_page(activity_id: UUID, filled: Form) -> str:
    activity, presence = (
        backend.call("checkin", "GET", f"/activities/{activity_id}{part}") for part in ("", "/presence")
    )
    return render_template(
        "confirm/leave_all.html",
        activity=activity,
        presence=presence,
        site_options=[(site["id"], site["name"]) for site in activity["sites"]],
        filled=filled,
    )


@pages.post("/organize/activities/<uuid:activity_id>/leave-all")
@logged_in
def leave_all(activity_id: UUID) -> ResponseReturnValue:
    """At the site that was chosen, or at all: with several nobody leaves where none was chosen."""
    filled, content, organizes = Form.posted(), {}, visitor.require_session().has(Role.ORGANIZER)
    if filled.text("site_id", EVERYWHERE) != EVERYWHERE or filled.text("several"):
        content = {} if filled.text("site_id") == EVERYWHERE else {"site_id": filled.uuid("site_id", _("请选择点位"))}
    if not filled:
        return _leave_all_page(activity_id, filled), 422
    try:
        left = backend.call("checkin", "POST", f"/activities/{activity_id}/leave-all", json=content)["left"]
    except HuzhuError as refusal:
        filled = Form()
        filled.blame(refusal)
        return _list_page(activity_id, filled) if organizes else roll_page(activity_id, filled, None), 422
    if not organizes:
        return done.back(f"/organize/activities/{activity_id}/roll", "left_all")
    return _list_page(activity_id, Form(), left=left, left_at=content.get("site_id"))
