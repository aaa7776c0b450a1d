"""The roll call (点名): everybody who is expected on one page, found by whatever is known of them, and ticked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, routes, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import ROWS_MAX, asking_who, is_code, meant_by
from gateway.pages.roll_lines import (
    Line,
    buttons,
    has_one,
    lines_of,
    mark_namesakes,
    matches,
    others_beside,
    plain,
    state_of,
    value_of,
    when,
)
from shared import http
from shared.errors import Forbidden, HuzhuError, TooMany, Unavailable
from shared.principal import Role

MODES = ("arrived", "left")
"""What Enter ticks of the one person that a search leaves."""

pages = Blueprint("roll", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/roll")
@logged_in
def show_roll(activity_id: UUID) -> ResponseReturnValue:
    return roll_page(activity_id, Form(), None)


@pages.post("/organize/activities/<uuid:activity_id>/roll")
@logged_in
def tick(activity_id: UUID) -> ResponseReturnValue:
    """One tick, and the roll as it is then: without scripts."""
    filled = Form.posted()
    try:
        told = _tick(activity_id, filled)
    except HuzhuError as refusal:
        filled.blame(refusal)
        told = None
    return roll_page(activity_id, filled, told), 200 if filled else 422


@pages.post("/organize/activities/<uuid:activity_id>/roll.json")
@logged_in
def tick_by_script(activity_id: UUID) -> ResponseReturnValue:
    """One tick, and how its row is to be drawn now. Sent again it is the same tick."""
    filled = Form.posted()
    try:
        told = _tick(activity_id, filled)
    except (TooMany, Unavailable):
        raise
    except HuzhuError as refusal:
        filled.blame(refusal)
        told = None
    if told is None:
        answer = http.answer({"kind": "refused", "words": next(iter(filled.errors.values()))})
        answer.status_code = 422
        return answer
    return http.answer(
        {
            "kind": told.kind,
            "words": told.words,
            **_drawn(told.line),
            "undo": told.undo,
        }
    )


# --- A tick ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a tick, as the page says it: the kind of panel, words without the name, the line as it stands
    now, and the value that takes it back.
    """

    kind: str
    words: str
    line: Line
    undo: str | None


def _tick(activity_id: UUID, filled: Form) -> Told | None:
    wanted, *ids = filled.text("tick").split(".")
    once = filled.uuid("id", _("页面不完整，请刷新再试"))
    if wanted not in _DONE_BY or len(ids) != 3 or (member_id := uuid_or_none(ids[0])) is None:
        filled.fail("", _("页面不完整，请刷新再试"))
    if not filled:
        return None
    member_id = UUID(ids[0])
    asked = {
        # The same form sent again is the same tick.
        "id": str(uuid5(UUID(once), filled.text("tick"))),
        "member_id": str(member_id),
        "wanted": wanted,
        "seen": ids[1] or None,
        "site_id": ids[2] or None,
    }
    answer = backend.call("checkin", "POST", f"/activities/{activity_id}/ticks", json={"ticks": [asked]})
    [ticked] = answer["ticks"]
    stands = ticked["standing"] or {}
    line = Line(
        member_id=str(member_id),
        name="",
        state=state_of(stands.get("state")),
        seen=stands.get("attendance_id") or "",
        was_ticked=bool(stands.get("was_ticked")),
        arrived_at=stands.get("arrived_at"),
        left_at=stands.get("left_at"),
        site_id=stands.get("site_id") or ids[2],
        own_case=ticked["why"] == "own_case",
        runs=ticked["why"] not in ("over", "not_running"),
    )
    undo = {"arrived": "not_arrived", "left": "not_left"}.get(wanted) if ticked["outcome"] == "done" else None
    kind = {"done": "ok", "already": "plain", "changed": "wait", "refused": "refused"}[ticked["outcome"]]
    return Told(kind, _words(wanted, ticked, line, ids[2]), line, value_of(line, undo) if undo else None)


_DONE_BY: dict[str, Callable[[Line], str]] = {
    "arrived": lambda line: _("到了，%(when)s", when=when(line)),
    "left": lambda line: _("走了，%(when)s", when=when(line)),
    "not_arrived": lambda _line: _("已撤回，没有到"),
    "not_left": lambda _line: _("已撤回，还在现场"),
}


def _words(wanted: str, ticked: dict[str, Any], line: Line, site_id: str) -> str:
    """What became of a tick that was made at this site."""
    if ticked["outcome"] == "done":
        return _DONE_BY[wanted](line)
    if ticked["outcome"] == "refused":
        return _refusals().get(ticked["why"]) or str(ticked["detail"])
    by = _("%(name)s %(time)s 点的", name=ticked["by"], time=presentation.hour(ticked["at"])) if ticked["by"] else ""
    stands = when(line) or _("没有到")
    if line.site_id != site_id:
        stands = " · ".join((stands, _("在别的点位")))
    if ticked["outcome"] == "already":
        said = _("原来就是这样，没有重复记：%(stands)s", stands=stands)
    else:
        said = _("刚才有人改过，这次没有记。现在是：%(stands)s", stands=stands)
    return f"{said}（{by}）" if by else said


def _refusals() -> dict[str, str]:
    """Why nothing was written, by the rule that says so."""
    return {
        "own_case": _("不能为自己或家人点名，请另一位负责人来点"),
        "other_site": _("您只给自己负责的点位点名，这位在别的点位"),
        "not_active": _("没有这位志愿者，或者登记已停用；刚登记的请过几秒再点"),
        "not_running": _("活动现在不在进行，不能点名"),
        "too_early": _("还没到签到时间"),
        "over": _("活动已经结束；当时在场的，请用“补签”填写时间"),
        "pairs_used_up": _("每人每天最多 3 次签到"),
        "recorded": _("这段时间已有记录"),
        "no_arrival": _("还没有签到，不能点“走了”"),
        "by_scan": _("这是本人扫的码，点名时不能撤回；有误的请到“确认时长”里改"),
        "settled": _("已经确认过了；有误的请到“确认时长”里更正"),
    }


# --- The page -------------------------------------------------------------------------------------------


def roll_page(activity_id: UUID, filled: Form, told: Told | None) -> str:
    wanted = Form(request.args).narrow("q")
    asked = {
        "activity": Call("checkin", f"/activities/{activity_id}"),
        "roll": Call("checkin", f"/activities/{activity_id}/roll"),
    }
    if wanted and visitor.require_session().has(Role.ORGANIZER):
        asked |= asking_who(wanted, ROWS_MAX)
    panels = backend.together(**asked)
    activity, roll = panels["activity"].needed(), panels["roll"].needed()
    # Who leads a site calls its roll alone.
    activity["sites"] = [site for site in activity["sites"] if site["id"] in roll["site_ids"]]
    asked_of_members = _asking_names(activity, roll, told) if roll["may_name"] else {}
    if roll["may_name"] and not roll["as_organizer"] and is_code(wanted):
        # Who shows a badge stands there with it: whose it is may be known by who lets them in, too (ADR 162).
        asked_of_members["read"] = Call("members", routes.SHOWN, content={"code": wanted}, by_gateway=True)
    panels |= backend.together(**asked_of_members)
    named = panels.get("names", Panel([] if roll["may_name"] else None))
    lines = lines_of(activity, roll["lines"], named.content or [])
    meant = meant_by(panels.get("read"))
    found = panels["found"].content or [] if "found" in panels else []
    search_away = any(panels[name].error for name in ("found", "read") if name in panels)
    candidates = found if meant is None else [meant["member"]] if meant["member"] else []
    others = others_beside(activity, candidates, {line.member_id for line in lines})
    if wanted and not others and meant is None and (own := visitor.own_called(wanted)):
        # Who organizes here may live elsewhere, and is not to register themselves once more.
        others = [Line(str(own), wanted, own_case=True)] if str(own) not in {line.member_id for line in lines} else []
    for line in (*lines, *others):
        line.code = plain(wanted) if meant and meant["member"] and meant["member"]["id"] == line.member_id else ""
    chosen = {name: request.args.get(name, "") for name in ("site", "compound", "building", "show", "mode")}
    at_site = [line for line in lines if not chosen["site"] or line.site_id in ("", chosen["site"])]
    shown = [line for line in at_site if _is_chosen(line, chosen)]
    if wanted:
        # Not narrowed, or one of two namesakes would be ticked for the other, who is expected at another site.
        ids = {line.member_id for line in shown}
        of_all = sorted(lines, key=lambda line: line.member_id not in ids)
        shown = [line for line in of_all if (matches(line, wanted) if meant is None else line.code)]
    mark_namesakes([*lines, *others], unknown=roll["as_organizer"] and named.error is not None)
    for line in (*shown, *at_site, *others):
        line.site_id = _site_of(line, activity, chosen["site"])
    name = next((line.name for line in (*lines, *others) if told and line.member_id == told.line.member_id), "")
    return render_template(
        "roll/roll.html",
        activity=activity,
        here=_here(activity_id, chosen | {"q": wanted}),
        narrowed=urlencode({name: value for name, value in chosen.items() if value}),
        lines=shown,
        others=others,
        counts=_counts(at_site),
        wanted=wanted,
        mode=chosen["mode"] if chosen["mode"] in MODES else MODES[0],
        chosen=chosen,
        switchers=_switchers(activity_id, activity, at_site, chosen),
        as_organizer=roll["as_organizer"],
        may_name=roll["may_name"],
        said=done.said(),
        away=[_("姓名")] * (named.error is not None),
        search_away=search_away,
        # What the station has answered to this is all on the page.
        answered="" if search_away or len(found) >= ROWS_MAX else wanted,
        is_void=meant is not None and meant["outcome"] == "void",
        needs_site=not has_one(activity) and not chosen["site"],
        told=told,
        name=name,
        buttons=buttons,
        when=when,
        filled=filled,
    )


@pages.get("/organize/activities/<uuid:activity_id>/standing.json")
@logged_in
def show_standing(activity_id: UUID) -> ResponseReturnValue:
    """How everybody stands now, for a roll that is open on a phone while others tick too; asked for every few seconds:
    304 when nothing has changed.
    """
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        roll=Call("checkin", f"/activities/{activity_id}/roll"),
    )
    activity, roll = panels["activity"].needed(), panels["roll"].needed()
    activity["sites"] = [site for site in activity["sites"] if site["id"] in roll["site_ids"]]
    site_id = request.args.get("site", "")
    lines = lines_of(activity, roll["lines"], [])
    counts = _counts([line for line in lines if not site_id or line.site_id in ("", site_id)])
    for line in lines:
        line.site_id = _site_of(line, activity, site_id)
    content = {"counts": counts, "rows": {line.member_id: _drawn(line) for line in lines}}
    answer = http.answer(content)
    answer.add_etag()
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def _drawn(line: Line) -> dict[str, Any]:
    """What of a row a tick changes."""
    return {
        "state": line.state,
        "when": when(line),
        "buttons": [[value, text, kind] for value, text, kind in buttons(line)],
    }


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    return {
        "arrived": sum(line.state != "absent" for line in lines),
        "signed_up": sum(line.signed_up for line in lines),
        "there": sum(line.state == "open" for line in lines),
        "late": sum(line.awaits_nod for line in lines),
    }


def _site_of(line: Line, activity: dict[str, Any], chosen: str) -> str:
    """Where a tick says somebody is: who has not come yet stands before who calls the roll, wherever they meant to."""
    if line.state == "absent" and chosen:
        return chosen
    return line.site_id or chosen or (activity["sites"][0]["id"] if has_one(activity) else "")


def _asking_names(activity: dict[str, Any], roll: dict[str, Any], told: Told | None) -> dict[str, Call]:
    """By what everybody on the roll is found; for an organizer also who was just ticked, and may have left the roll by
    it. Who leads a site is told of those on their roll (ADR 145), and elsewhere of who shows a code (ADR 162).
    """
    ids = [row["member_id"] for row in roll["lines"]]
    if told and roll["as_organizer"]:
        ids.append(told.line.member_id)
    wanted = list(dict.fromkeys(ids))
    return {"names": asking_for_names(activity, wanted, roll["as_organizer"])} if wanted else {}


def asking_for_names(activity: dict[str, Any], ids: Sequence[str], as_organizer: bool) -> Call:
    """By what people of an activity are found, for its organizer; else for who leads a site, and may know these."""
    if as_organizer:
        return Call("members", "/name-lists", content={"station_id": activity["station_id"], "ids": ids})
    return Call("members", routes.NAMES, content={"ids": ids}, by_gateway=True)


def _is_chosen(line: Line, chosen: dict[str, str]) -> bool:
    if chosen["compound"] and line.compound != chosen["compound"]:
        return False
    if chosen["building"] and line.building != chosen["building"]:
        return False
    return {"absent": line.state == "absent", "there": line.state == "open"}.get(chosen["show"], True)


def sites_called(activity: dict[str, Any]) -> list[dict[str, Any]]:
    """Whose roll, sheets and codes may be this login's: all for who holds the role somewhere, else those it leads.
    Forbidden for who leads none.
    """
    session = visitor.require_session()
    sites: list[dict[str, Any]] = activity["sites"]
    if not session.has(Role.ORGANIZER):
        sites = [site for site in sites if site["leader_member_id"] == str(session.own_member_id)]
    if not sites:
        raise Forbidden
    return sites


def page_of(activity: dict[str, Any]) -> str:
    """The page of an activity that this login has: the organizer's, or everybody's."""
    prefix = "/organize" if visitor.require_session().has(Role.ORGANIZER) else ""
    return f"{prefix}/activities/{activity['id']}"


def _here(activity_id: UUID, query: dict[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"/organize/activities/{activity_id}/roll" + (f"?{urlencode(given)}" if given else "")


def _switchers(
    activity_id: UUID, activity: dict[str, Any], lines: Sequence[Line], chosen: dict[str, str]
) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Ways to narrow the roll: each a name and its choices as (text, address, whether it is chosen)."""

    def choices(name: str, offered: Sequence[tuple[str, str]], **without: str) -> list[tuple[str, str, bool]]:
        return [
            (text, _here(activity_id, chosen | {name: value} | without), chosen[name] == value)
            for value, text in (("", _("全部")), *offered)
        ]

    found = [(_("点位"), choices("site", [(site["id"], site["name"]) for site in activity["sites"]]))]
    compounds = sorted({line.compound for line in lines if line.compound})
    found.append((_("小区"), choices("compound", [(name, name) for name in compounds], building="")))
    homes = {line.building: line.order[2] for line in lines if line.building and line.compound == chosen["compound"]}
    found.append((_("楼栋"), choices("building", [(name, name) for name in sorted(homes, key=homes.__getitem__)])))
    found.append((_("看谁"), choices("show", [("absent", _("还没到")), ("there", _("还没走"))])))
    return [(name, options) for name, options in found if len(options) > 2]
