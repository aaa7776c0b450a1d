"""The sign-in sheet of a site on paper (签到表), and typing it in later: filled in, checked line by line, taken in; by
an organizer, or by who leads the site, who finds nobody beyond those on the sheet.

Lines are counted as on the paper: those who were signed up, then the empty ones. What belongs to line 7 is called
`came_7` (a member who stood there, ticked), `name_7` (as it was written by hand), `chosen_7` (who was meant by the text
in `of_7`), `from_7` and `to_7`; all of it goes along from page to page.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.forms import Form, uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages import signed_up
from gateway.pages.attendance_words import evidence_shown
from gateway.pages.files import in_full
from gateway.pages.places import describe
from gateway.pages.roll import asking_for_names, page_of, sites_called
from shared import clock
from shared.errors import HuzhuError, Unavailable

FIRST_PAGE_LINES = 20
NEXT_PAGE_LINES = 28
"""So many lines of a sheet come with its head and its signatures on one page, and so many more on each further one."""
BLANK_LINES_MIN = 4
MORE_LINES = 20
LINES_MAX = 1000
NAME_MAX = 80
LOOKED_UP_AT_ONCE = 200
"""So many lines of such a length are one pasted list."""

pages = Blueprint("sheets", __name__)


@dataclass(frozen=True, slots=True)
class Written:
    """A line as it was typed in: somebody who stood on the sheet, or what was written by hand."""

    number: int
    member_id: str | None
    text: str
    start: str
    end: str
    arrived_at: datetime | None = None
    left_at: datetime | None = None
    problem: str = ""
    """Why it cannot be taken in as it stands."""
    options: tuple[tuple[str, str], ...] = ()
    """Who may be meant, where there is something to choose."""
    unknown: str = ""
    """The name, where nobody of the station has it."""
    left_over: str = ""
    """What else stands on the line: somebody without a name, or what was not understood."""


# --- On paper -------------------------------------------------------------------------------------------


@pages.get("/organize/activities/<uuid:activity_id>/sheet")
@logged_in
def print_sheet(activity_id: UUID) -> ResponseReturnValue:
    sheet = _get_sheet(activity_id, _site_asked_for(), request.args.get("number") or None)
    activity, site = sheet["activity"], sheet["site"]
    leader_id = site["leader_member_id"]
    listed = [*(line["member_id"] for line in sheet["lines"]), *([leader_id] if leader_id else [])]
    names = _names(sheet, listed)
    anywhere = _anywhere(sheet)
    return render_template(
        "sheets/paper.html",
        back=_back(activity, sheet["as_organizer"]),
        activity=activity,
        when=in_full(activity["starts_at"], activity["ends_at"]),
        site=site,
        sites=activity["sites"] if sheet["as_organizer"] else sites_called(activity),
        number=sheet["number"],
        leader=names.get(leader_id, {}).get("name", "–"),
        lines=[names.get(line["member_id"], {"name": describe(None)}) for line in sheet["lines"]],
        anywhere=anywhere,
        all_lines=len(sheet["lines"]) + blank_lines(len(sheet["lines"]) + (anywhere is not None)),
    )


def _anywhere(sheet: dict[str, Any]) -> int | None:
    """The number of the first line of who named no site, where there are several; None without such."""
    if len(sheet["activity"]["sites"]) == 1:
        return None
    return next((line["number"] for line in sheet["lines"] if line["site_id"] is None), None)


def blank_lines(printed: int) -> int:
    """Empty lines below those that are printed: at least a few, and as many as fill the last page."""
    further = max(0, printed + BLANK_LINES_MIN - FIRST_PAGE_LINES)
    return FIRST_PAGE_LINES + -(-further // NEXT_PAGE_LINES) * NEXT_PAGE_LINES - printed


def _site_asked_for() -> UUID | None:
    return uuid_or_none(request.args.get("site"))


def _get_sheet(
    activity_id: UUID, site_id: UUID | str | None, number: str | None, *, or_now: bool = False
) -> dict[str, Any]:
    """A sheet with its site; that of the first site, where none is named. `or_now`: as of now, where its number is none
    of the site any more.
    """
    if site_id is None:
        site_id = sites_called(backend.call("checkin", "GET", f"/activities/{activity_id}"))[0]["id"]
    query = {"site_id": site_id, "number": number}
    try:
        sheet: dict[str, Any] = backend.call("checkin", "GET", f"/activities/{activity_id}/sheet", query=query)
    except HuzhuError as refusal:
        if not or_now or refusal.code != "no_such_sheet":
            raise
        return _get_sheet(activity_id, site_id, None)
    site = next(site for site in sheet["activity"]["sites"] if site["id"] == str(site_id))
    return sheet | {"site": site}


def _names(sheet: dict[str, Any], member_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Who stands on a list: asked for in one question, and waited for, since a list without names is none. Who leads a
    site has the masked names of the sheet as long as they have nobody to call (ADR 145).
    """
    if not sheet["may_name"]:
        return {
            line["member_id"]: line | {"name": line["name_masked"], "volunteer_number": line["number_tail"]}
            for line in sheet["lines"]
            if line["name_masked"]
        }
    wanted = list(dict.fromkeys(member_ids))
    if not wanted:
        return {}
    asked = asking_for_names(sheet["activity"], wanted, sheet["as_organizer"])
    return {one["id"]: one for one in backend.together(names=asked)["names"].needed()}


# --- Typed in -------------------------------------------------------------------------------------------


@pages.get("/organize/activities/<uuid:activity_id>/sheet/enter")
@logged_in
def ask(activity_id: UUID) -> ResponseReturnValue:
    """Which sheet it is, and then its lines."""
    number = request.args.get("number", "").strip()
    if not number and not request.args.get("now"):
        activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
        return _number_page(activity, Form(request.args))
    try:
        sheet = _get_sheet(activity_id, _site_asked_for(), number or None)
    except HuzhuError as refusal:
        if refusal.code != "no_such_sheet":
            raise
        filled = Form(request.args)
        filled.blame(refusal, {"no_such_sheet": "number"})
        return _number_page(backend.call("checkin", "GET", f"/activities/{activity_id}"), filled), 422
    return _lines_page(sheet, Form())


@pages.post("/organize/activities/<uuid:activity_id>/sheet/enter")
@logged_in
def take(activity_id: UUID) -> ResponseReturnValue:
    """The next step of typing it in, as the pressed button says: `all` ticks everybody, `more` adds empty lines,
    `check` says what would become of each line, and `enter` takes the sheet in.
    """
    filled = Form.posted()
    sheet_id, site_id = (filled.uuid(name, _("页面不完整，请刷新再试")) for name in ("id", "site_id"))
    if not filled:
        return _number_page(backend.call("checkin", "GET", f"/activities/{activity_id}"), filled), 422
    action = filled.text("action", "check")
    back_to_lines = action in ("all", "more", "back")
    # By its number each line is who stood there; what was ticked on it goes along by the person, and needs none.
    sheet = _get_sheet(activity_id, site_id, filled.text("number") or None, or_now=not back_to_lines)
    if back_to_lines:
        return _lines_page(sheet, filled)
    entered = {one["number"]: one["member_id"] for one in sheet["entered"]} if filled.text("number") else {}
    lines = _meant(_read(filled, sheet["activity"]), sheet["activity"]["station_id"], entered)
    ready = [line for line in lines if line.member_id and not line.problem]
    if not lines:
        filled.fail("", _("还没有勾选谁来了，也没有写姓名"))
        return _lines_page(sheet, filled), 422
    receipt: dict[str, Any] = {"lines": [], "evidence": None}
    if ready:
        content = {
            "id": sheet_id,
            "site_id": site_id,
            "number": filled.text("number") or None,
            "only_check": action != "enter",
            "lines": [_on_wire(line) for line in ready],
        }
        try:
            receipt = backend.call("checkin", "POST", f"/activities/{activity_id}/sheets", json=content)
        except HuzhuError as refusal:
            filled.blame(refusal)
            status = 503 if isinstance(refusal, Unavailable) else 422
            return _outcome_page(sheet, filled, lines, receipt, is_done=False), status
    return _outcome_page(sheet, filled, lines, receipt, is_done=action == "enter")


def _on_wire(line: Written) -> dict[str, Any]:
    assert line.arrived_at is not None
    return {
        "member_id": line.member_id,
        "number": line.number,
        "arrived_at": line.arrived_at.isoformat(),
        "left_at": line.left_at.isoformat() if line.left_at else None,
    }


# --- Reading what was typed -----------------------------------------------------------------------------


def _read(filled: Form, activity: dict[str, Any]) -> list[Written]:
    """The lines on which somebody is said to have been there, in the order of the paper."""
    numbers = sorted(
        {int(found[1]) for name in filled.typed if (found := re.fullmatch(r"(?:came|name)_(\d{1,4})", name))}
    )
    lines = []
    for number in numbers[:LINES_MAX]:
        came = uuid_or_none(filled.text(f"came_{number}"))
        text = signed_up.visible(filled.text(f"name_{number}"))[:NAME_MAX]
        if came or text:
            # Who was chosen for another name is not meant by this one.
            is_chosen = filled.text(f"of_{number}") == filled.text(f"name_{number}")
            chosen = (uuid_or_none(filled.text(f"chosen_{number}")) if is_chosen else None) if text else came
            lines.append(_with_times(filled, activity, number, str(chosen) if chosen else None, text))
    return lines


def _with_times(filled: Form, activity: dict[str, Any], number: int, member_id: str | None, text: str) -> Written:
    """Arrival and departure out of two times of day: on the activity's day, or after its midnight."""
    start, end = (filled.text(f"{name}_{number}")[:10] for name in ("from", "to"))
    line = Written(number, member_id, text, start, end)
    arrived = filled.time_of_day(f"from_{number}", _("请填写签到时间"))
    left = filled.time_of_day(f"to_{number}", "") if end else None
    faults = [fault for name in ("from", "to") if (fault := filled.errors.pop(f"{name}_{number}", None))]
    if arrived is None or faults:
        return replace(line, problem=faults[0] if faults else _("请填写签到时间"))
    opens_at, closes_at = (
        presentation.read_moment(activity[name]) for name in ("arrival_opens_at", "departure_closes_at")
    )
    arrived_at = datetime.combine(opens_at.date(), arrived, clock.SHANGHAI)
    if arrived_at < opens_at and arrived_at + timedelta(days=1) <= closes_at:
        arrived_at += timedelta(days=1)
    if clock.now() < opens_at:
        return replace(
            line, problem=_("活动还没有开始，%(time)s 开放签到以后才能录入", time=presentation.moment(opens_at))
        )
    if left is None:
        return replace(line, arrived_at=arrived_at)
    left_at = datetime.combine(arrived_at.date(), left, clock.SHANGHAI)
    if left_at <= arrived_at:
        left_at += timedelta(days=1)
        if left_at > closes_at:
            return replace(line, problem=_("签退时间比签到时间早"))
    return replace(line, arrived_at=arrived_at, left_at=left_at)


def _meant(lines: list[Written], station_id: str, entered: dict[int, str]) -> list[Written]:
    """Who is meant by what was written by hand: taken is whom it names beyond doubt, or who was chosen before, also
    when the same paper was typed in (`entered`, by line): asked again one might choose the other of two namesakes.
    """
    unknown = [line for line in lines if line.member_id is None]
    meant: dict[int, Written] = {}
    for at in range(0, len(unknown), LOOKED_UP_AT_ONCE):
        part = unknown[at : at + LOOKED_UP_AT_ONCE]
        # With a number in front each is a person's line, as on a list from a chat.
        text = "\n".join(f"{number}. {line.text}" for number, line in enumerate(part, 1))
        read = backend.call("checkin", "POST", "/sign-up-lists/read", json={"text": text})
        judged = {one["number"]: one for one in signed_up.look_up(station_id, read)}
        # Two people in one row of the sheet are no row of anybody.
        written = Counter(one["number"] for one in read)
        judged = {number: one for number, one in judged.items() if written[number] == 1}
        meant |= {
            line.number: _as_meant(line, judged.get(number), entered.get(line.number))
            for number, line in enumerate(part, 1)
        }
    return [meant.get(line.number, line) for line in lines]


def _as_meant(line: Written, judged: dict[str, Any] | None, entered: str | None) -> Written:
    comes_to = judged["comes_to"] if judged else "not_understood"
    members = judged["members"] if judged else []
    line = replace(line, left_over=judged["note"] if judged else "")
    if comes_to == "one":
        return replace(line, member_id=members[0]["id"])
    if comes_to == "not_coming":
        return replace(line, problem=_("这一行写着不来，没有录入"))
    if comes_to == "choose" and entered in {member["id"] for member in members}:
        return replace(line, member_id=entered)
    if comes_to == "choose":
        options = tuple((member["id"], describe(member)) for member in members)
        return replace(line, problem=_("请选是哪一位"), options=options)
    if judged and comes_to == "unknown" and (own := visitor.own_called(judged["name"])):
        # Who organizes here may live elsewhere; check-in says, and records, that nobody enters themselves.
        return replace(line, member_id=str(own))
    if judged and comes_to == "unknown":
        return replace(line, problem=_("本站没有这个人"), unknown=judged["name"] or line.text)
    return replace(line, problem=_("没有看懂"))


# --- Pages ----------------------------------------------------------------------------------------------


def _number_page(activity: dict[str, Any], filled: Form) -> str:
    sites = [(site["id"], site["name"]) for site in sites_called(activity)]
    return render_template("sheets/number.html", activity=activity, filled=filled, sites=sites, back=page_of(activity))


def _back(activity: dict[str, Any], as_organizer: bool) -> str:
    return f"{'/organize' if as_organizer else ''}/activities/{activity['id']}"


def _lines_page(sheet: dict[str, Any], filled: Form) -> str:
    activity = sheet["activity"]
    starts_at, ends_at = (presentation.read_moment(activity[name]) for name in ("starts_at", "ends_at"))
    printed = len(sheet["lines"])
    names = _names(sheet, (line["member_id"] for line in sheet["lines"]))
    shown = filled.text("blank")[:4]
    blank = int(shown) if shown.isdecimal() else blank_lines(printed)
    blank = min(blank + (MORE_LINES if filled.text("action") == "more" else 0), LINES_MAX - printed)
    if not sheet["as_organizer"]:
        blank = 0
    return render_template(
        "sheets/enter.html",
        activity=activity,
        back=_back(activity, sheet["as_organizer"]),
        as_organizer=sheet["as_organizer"],
        site=sheet["site"],
        number=sheet["number"],
        filled=filled,
        everybody=filled.text("action") == "all",
        anywhere=_anywhere(sheet),
        rows=[
            line | {"who": describe(names.get(line["member_id"])), "stands": _stands(line)} for line in sheet["lines"]
        ],
        blank_numbers=range(printed + 1, printed + blank + 1),
        blank=blank,
        start=f"{starts_at:%H:%M}",
        # Nobody can have left later than now: who is still there is typed in without a departure.
        end=f"{ends_at:%H:%M}" if ends_at <= clock.now() else "",
    )


def _stands(record: dict[str, Any]) -> str:
    """The record that somebody has, in words; nothing where there is none."""
    if not record.get("arrived_at"):
        return ""
    left = presentation.hour(record["left_at"]) if record["left_at"] else _("未签退")
    return f"{evidence_shown(record['evidence'])} {presentation.hour(record['arrived_at'])}–{left}"


def _outcome_page(
    sheet: dict[str, Any], filled: Form, lines: list[Written], receipt: dict[str, Any], *, is_done: bool
) -> str:
    """What becomes of each line, or became of it; what could not be taken in stays there to be put right."""
    activity = sheet["activity"]
    names = _names(sheet, (line.member_id for line in lines if line.member_id))
    outcomes = dict(
        zip((one.number for one in lines if one.member_id and not one.problem), receipt["lines"], strict=False)
    )
    sites = {site["id"]: site["name"] for site in activity["sites"]}
    rows = [_row(line, outcomes.get(line.number), names, sites, is_done=is_done) for line in lines]
    counts = {comes_to: sum(row["comes_to"] == comes_to for row in rows) for comes_to in ("taken", "already", "open")}
    return render_template(
        "sheets/outcome.html",
        activity=activity,
        back=_back(activity, sheet["as_organizer"]),
        as_organizer=sheet["as_organizer"],
        filled=filled,
        rows=rows,
        counts=counts,
        evidence=evidence_shown(receipt["evidence"]) if receipt["evidence"] else "",
        is_done=is_done,
    )


def _row(
    line: Written,
    receipt: dict[str, Any] | None,
    names: dict[str, dict[str, Any]],
    sites: dict[str, str],
    *,
    is_done: bool,
) -> dict[str, Any]:
    outcome = receipt["outcome"] if receipt else None
    words, kind = _words(is_done=is_done).get(outcome or "", (line.problem or _("还没有核对"), "refused"))
    stands = receipt["attendance"] if receipt and outcome == "already" else None
    settled = outcome in ("taken", "already", "twice", "own_case")
    return {
        "line": line,
        "who": describe(names.get(line.member_id)) if line.member_id else line.text,
        "comes_to": outcome if outcome in ("taken", "already") else "settled" if settled else "open",
        "badge": (words, kind),
        "stands": "" if stands is None else f"{sites.get(stands['site_id'], '')} {_stands(stands)}",
        "differs": stands is not None and not _is_same(line, stands),
    }


def _is_same(line: Written, stands: dict[str, Any]) -> bool:
    left_at = presentation.read_moment(stands["left_at"]) if stands["left_at"] else None
    return presentation.read_moment(stands["arrived_at"]) == line.arrived_at and left_at == line.left_at


def _words(*, is_done: bool) -> dict[str, tuple[str, str]]:
    """What becomes of a line: its word and the kind of badge."""
    return {
        "taken": (_("已录入"), "ok") if is_done else (_("可以录入"), "ok"),
        "already": (_("已有记录，保留原来的"), "plain"),
        "twice": (_("上面已有这个人"), "plain"),
        "own_case": (_("您自己或家人的，请另一位负责人录入"), "wait"),
        "unknown": (_("没有这位志愿者，或者登记已停用"), "refused"),
        "impossible_times": (_("时间不对：要在签到开放之后、现在之前"), "refused"),
        "pairs_used_up": (_("这一天已经签到三次"), "refused"),
    }
