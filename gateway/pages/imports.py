"""Taking over what offices have in spreadsheets: templates, bringing a file, its dry run, taking it in and back."""

import base64
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway import backend, exports, presentation
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import asking_for_stations, describe, every, stations_in
from shared import categories, clock
from shared.errors import HuzhuError
from shared.principal import Role

FILE_BYTES_MAX = 10 * 1024 * 1024
ROWS = 50
BAD_ROWS_SHOWN = 30
GOOD_ROWS_SHOWN = 50
BAD_ROWS_AT_ONCE = 2000
HALF_DAYS_H = (3, 3.5, 4, 5)
"""What 半天 may stand for."""
ROSTER_HEADS = ("姓名", "手机", "小区", "楼栋", "出生日期", "队伍", "单位", "技能")
"""As offices title them, in every language of the pages."""
OPENING_HEADS = ("姓名", "志愿者编号", "手机", "小区", "楼栋", "时长", "积分")
PAST_HEADS = ("姓名", "志愿者编号", "手机", "小区", "日期", "时长", "活动名称", "类别")
VOUCHED = ("opening", "past")
"""What a second person above the station answers for, too."""
YEARS = 10
"""So many are offered for days without one."""
AT_WORK = ("reading", "importing", "undoing")

pages = Blueprint("imports", __name__)


def kind_names() -> dict[str, str]:
    return {"roster": _("志愿者名册"), "opening": _("期初结转"), "past": _("过往服务记录")}


def state_shown(state: str) -> tuple[str, str]:
    """The word for how far an import has come, and the kind of its badge."""
    return {
        "reading": (_("正在检查"), "wait"),
        "refused": (_("读不了"), "refused"),
        "checked": (_("检查好了，还没有导入"), "wait"),
        "dropped": (_("没有导入"), "plain"),
        "waiting": (_("等待审核"), "wait"),
        "rejected": (_("审核没有通过"), "refused"),
        "importing": (_("正在导入"), "wait"),
        "done": (_("已导入"), "ok"),
        "undoing": (_("正在撤销"), "wait"),
        "undone": (_("已撤销"), "plain"),
    }[state]


def _stands(found: dict[str, Any]) -> tuple[str, str]:
    """As `state_shown`; what was read, and could be taken in no more, has its rows to say why."""
    if found["state"] == "refused" and found["counts"].get("bad"):
        return _("没有导入"), "refused"
    return state_shown(found["state"])


@pages.get("/staff/imports")
@holding(Role.STAFF, Role.AUDITOR)
def list_imports() -> ResponseReturnValue:
    return _list_page(Form())


def _list_page(filled: Form, same_file: str | None = None) -> str:
    state = "waiting" if request.args.get("state") == "waiting" else None
    query = {"limit": ROWS, "state": state, "before": uuid_or_none(request.args.get("before"))}
    found = backend.call("members", "GET", "/imports", query=query)
    return render_template(
        "imports/list.html",
        imports=found,
        kinds=kind_names(),
        kind=request.args.get("kind", "roster"),
        state_shown=state_shown,
        stations=[(node["id"], node["name"]) for node in stations_in(every(**asking_for_stations(Role.STAFF)))],
        filled=filled,
        same_file=same_file,
        only_waiting=state is not None,
        more=f"/staff/imports?{urlencode({'state': state or '', 'before': found[-1]['id']})}"
        if len(found) == ROWS
        else None,
    )


@pages.post("/staff/imports")
@holding(Role.STAFF)
def bring_import() -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "kind": filled.required("kind", _("请选择要导入什么")),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
        **_read_file(filled),
    }
    same_file = None
    if filled:
        try:
            found = backend.call("members", "POST", "/imports", json=content)
            return done.back(f"/staff/imports/{found['id']}", "brought")
        except HuzhuError as refusal:
            if refusal.code == "same_file" and refusal.errors:
                same_file = str(refusal.errors["import_id"][0])
                filled.fail("file", _(refusal.detail))
            filled.blame(refusal, {"import_id": "file"})
    filled.renew()
    return _list_page(filled, same_file), 422


def _read_file(filled: Form) -> dict[str, str]:
    given = request.files.get("file")
    if given is None or not given.filename:
        filled.fail("file", _("请选择文件"))
        return {}
    content = given.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        filled.fail("file", _("文件太大，最多 10 MB"))
    return {"file_name": given.filename[-200:], "content": base64.b64encode(content).decode()}


@pages.get("/staff/imports/roster.xlsx")
@holding(Role.STAFF)
def roster_template() -> ResponseReturnValue:
    above = ("志愿者名册", "姓名必填；小区、楼栋要和系统里的名称一样；有手机和出生日期，才分得清同名的人")
    return exports.workbook("志愿者名册", ROSTER_HEADS, (), above=above)


@pages.get("/staff/imports/opening.xlsx")
@holding(Role.STAFF)
def opening_template() -> ResponseReturnValue:
    above = (
        "期初结转",
        "写志愿者编号，或手机，或小区和楼栋，才分得清是谁；时长可以写 120.5、2小时30分、半天；积分最多两位小数",
    )
    return exports.workbook("期初结转", OPENING_HEADS, (), above=above)


@pages.get("/staff/imports/past.xlsx")
@holding(Role.STAFF)
def past_template() -> ResponseReturnValue:
    above = (
        "过往服务记录",
        "一人一次一行；写志愿者编号，或手机（尾号四位也行），或小区，才分得清是谁；"
        "日期写 2026-03-08 或 3月8日，时长写 2.5、2小时、半天、9:00-11:30；类别要是系统里有的",
    )
    return exports.workbook("过往服务记录", PAST_HEADS, (), above=above)


@pages.get("/staff/imports/<uuid:import_id>")
@holding(Role.STAFF, Role.AUDITOR)
def show_import(import_id: UUID) -> ResponseReturnValue:
    return _import_page(import_id, Form())


def _import_page(import_id: UUID, filled: Form) -> str:
    found = backend.call("members", "GET", f"/imports/{import_id}")
    panels = backend.together(**_asking_for_rows(found))
    rows, good = (panels[name].content or [] if name in panels else [] for name in ("bad", "good"))
    return render_template(
        "imports/import.html",
        found=found,
        here=f"/staff/imports/{import_id}",
        kind=kind_names().get(found["kind"], ""),
        kinds=kind_names(),
        state=_stands(found),
        at_work=found["state"] in AT_WORK,
        progress=_progress(found),
        rows=rows,
        good=_people_lines(good) if found["kind"] == "roster" else _good_lines(found["kind"], good),
        more=f"?after={good[-1]['number']}" if len(good) == GOOD_ROWS_SHOWN else None,
        is_first=not _after(),
        vouched=found["kind"] in VOUCHED,
        years=[(str(year), str(year)) for year in range(clock.today().year, clock.today().year - YEARS, -1)],
        categories=[(slug, _(name)) for slug, name in categories.NAMES.items()],
        half_days=[(str(round(hours * 60)), _("%(hours)s 小时", hours=f"{hours:g}")) for hours in HALF_DAYS_H],
        filled=filled,
        told=done.said(),
    )


def _asking_for_rows(found: dict[str, Any]) -> dict[str, Call]:
    """The first bad rows; a page of the good ones; and of what a second person answers for also of what was taken over,
    row by row: nobody approves a sum.
    """
    path, asked = f"/imports/{found['id']}/rows", {}
    if found["counts"].get("bad") and found["has_file"]:
        asked["bad"] = Call("members", path, {"limit": BAD_ROWS_SHOWN})
    state = "added" if found["state"] == "done" else "good"
    listed = found["kind"] in VOUCHED or state == "good"
    if listed and found["counts"].get(state) and found["state"] not in AT_WORK:
        query = {"state": state, "limit": GOOD_ROWS_SHOWN, "after": _after()}
        asked["good"] = Call("members", path, query)
    return asked


def _after() -> int:
    """The row after which the page of good rows begins."""
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def _good_lines(kind: str, good: list[dict[str, Any]]) -> list[list[str]]:
    """What each row comes to, as the table has it: whose it is stands beside the name in the file."""
    return [
        [
            str(row["number"]),
            row["read"]["name"],
            _("（看不到）") if row["member"] is None else describe(row["member"]),
            *([presentation.day(row["read"]["day"])] if kind == "past" else []),
            presentation.minutes(row["read"]["minutes"]),
            _(categories.NAMES.get(row["read"]["category"], "–"))
            if kind == "past"
            else presentation.points(row["read"]["points"]),
        ]
        for row in good
        if row["read"]
    ]


def _people_lines(good: list[dict[str, Any]]) -> list[list[str]]:
    """Each row of a roster as it is in the file, and whether somebody of that name is there already."""
    width = max((len(row["cells"]) for row in good), default=0)
    return [[str(row["number"]), _alike(row["problems"]), *_as_wide(row["cells"], width)] for row in good]


def _alike(problems: list[dict[str, str]]) -> str:
    """What may be the same person, and where to see those."""
    link = Markup('{said} <a href="/staff/members?{query}" target="_blank">{see}</a>')
    said = [
        link.format(said=one["sentence"], query=urlencode({"q": one["value"]}), see=_("看同名的人")) for one in problems
    ]
    return Markup("；").join(said)


def asking_for_waiting() -> Call:
    """Files that wait for a second person; `to_approve` reads the answer."""
    return Call("members", "/imports", {"state": "waiting", "limit": ROWS})


def to_approve(panel: Panel) -> list[dict[str, Any]]:
    """Those of them that this login may approve; none when members is away."""
    return [one for one in panel.content or [] if "approve" in one["may"]]


def _progress(found: dict[str, Any]) -> tuple[int, int]:
    """How many rows the worker is through with, and how many there are for it."""
    counts = found["counts"]
    if found["state"] == "reading":
        return found["found"].get("looked_up", 0), found["found"].get("to_look_up", 0)
    through = sum(counts.get(state, 0) for state in ("added", "known", "undone", "kept"))
    if found["state"] == "undoing":
        through -= counts.get("added", 0) + counts.get("known", 0)
    return through, through + counts.get("added" if found["state"] == "undoing" else "good", 0)


@pages.post("/staff/imports/<uuid:import_id>")
@holding(Role.STAFF)
def act(import_id: UUID) -> ResponseReturnValue:
    """Go a step further: check again, start, approve, reject, drop, undo."""
    filled = Form.posted()
    verb = filled.text("action")
    content: dict[str, Any] | None = None
    if verb == "check":
        content = _how_to_read(filled)
    elif verb == "reject":
        content = {"reason": filled.required("reason", _("请写明原因"), length_max=200)}
    elif verb not in ("start", "approve", "drop", "undo"):
        filled.fail("", _("页面不完整，请刷新再试"))
    if filled:
        try:
            backend.call("members", "POST", f"/imports/{import_id}/{verb}", json=content)
            return done.back(f"/staff/imports/{import_id}", "stepped")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _import_page(import_id, filled), 422


def _how_to_read(filled: Form) -> dict[str, Any]:
    """What was chosen for what the file leaves out; nothing chosen leaves it as it is."""
    content: dict[str, Any] = {
        name: filled.whole(name, _("请选择")) for name in ("half_day_minutes", "year") if filled.text(name)
    }
    return content | ({"category": filled.text("category")} if filled.text("category") else {})


@pages.get("/staff/imports/<uuid:import_id>/undo")
@holding(Role.STAFF)
def ask_undo(import_id: UUID) -> ResponseReturnValue:
    """Who may not, or no longer, is led back to where the file stands and says who may."""
    found = backend.call("members", "GET", f"/imports/{import_id}")
    if "undo" not in found["may"]:
        return redirect(f"/staff/imports/{import_id}", 303)
    follows = {
        "opening": _("结转的时长和积分会全部收回；已经花掉的积分记为待抵扣，以后的积分先抵扣。"),
        "past": _("这次导入的服务记录会全部撤销，时长收回；改好的文件可以再交一次。"),
    }.get(found["kind"], _("这次导入的人会退出名册。导入以后已经签到、登录、有了角色、改过资料或合并过的人不受影响。"))
    here = f"/staff/imports/{import_id}"
    return done.ask(_("撤销这次导入？"), found["file_name"], follows, here, _("撤销"), here, action="undo")


@pages.get("/staff/imports/<uuid:import_id>/errors.xlsx")
@holding(Role.STAFF)
def download_errors(import_id: UUID) -> ResponseReturnValue:
    """The rows that were not taken in as they came, and why in a last column: to be corrected and brought again."""
    found = backend.call("members", "GET", f"/imports/{import_id}")
    rows: list[dict[str, Any]] = []
    while True:
        query = {"limit": BAD_ROWS_AT_ONCE, "after": rows[-1]["number"] if rows else 0}
        page = backend.call("members", "GET", f"/imports/{import_id}/rows", query=query)
        rows += page
        if len(page) < BAD_ROWS_AT_ONCE:
            break
    heads = [*found["found"].get("heads", []), "原因"]
    written = [
        [*_as_wide(row["cells"], len(heads) - 1), "；".join(map(problem_shown, row["problems"]))] for row in rows
    ]
    return exports.workbook(f"{found['file_name'].rpartition('.')[0]}-没有导入的行", heads, written)


def _as_wide(cells: list[str], width: int) -> list[str]:
    return [*cells[:width], *[""] * (width - len(cells))]


def problem_shown(problem: dict[str, str]) -> str:
    """What is wrong with a cell, in the words of members."""
    return f"{problem['title']}：{problem['sentence']}" if problem["title"] else problem["sentence"]


@pages.get("/staff/imports/<uuid:import_id>/file")
@holding(Role.STAFF, Role.AUDITOR)
def download_file(import_id: UUID) -> Response:
    """The file as it was brought. Reading it is recorded."""
    found = backend.call("members", "GET", f"/imports/{import_id}")
    return exports.as_it_came(found["file_name"], backend.fetch("members", f"/imports/{import_id}/file"))
