"""Another platform (i志愿 and the like): numbers of members and activities there, and records in batches for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, exports, presentation
from gateway.backend import Call
from gateway.exports import Cell
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import describe, nodes_of, people, station_options
from gateway.pages.signed_up import visible
from shared import categories
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 50
LINES_AT_ONCE = 5000
NAMES_AT_ONCE = 2000
PASTED_MAX = 100
CODES_AT_ONCE = 60
NUMBER_LENGTH_MAX = 40
NAME_LENGTH_MAX = 50

pages = Blueprint("platforms", __name__)


def platform_names() -> dict[str, str]:
    return {"izhiyuan": _("i志愿"), "china_volunteer": _("中国志愿服务网"), "other": _("其他平台")}


# --- Numbers --------------------------------------------------------------------------------------------


@pages.get("/staff/outside/<kind>/<uuid:subject_id>")
@holding(Role.STAFF)
def show_numbers(kind: str, subject_id: UUID) -> ResponseReturnValue:
    return _numbers_page(kind, subject_id, Form())


@pages.post("/staff/outside/<kind>/<uuid:subject_id>")
@holding(Role.STAFF)
def set_numbers(kind: str, subject_id: UUID) -> ResponseReturnValue:
    """What is otherwise than it stands is sent, a platform at a time; an empty field takes a number back."""
    filled = Form.posted()
    for platform, known in _numbers(kind, subject_id).items():
        number = filled.text(platform)
        if number != known:
            content = {"kind": kind, "subject_id": str(subject_id), "platform": platform, "number": number or None}
            try:
                backend.call("checkin", "PUT", "/outside-numbers", json=content)
            except HuzhuError as refusal:
                filled.blame(refusal, {"number": platform, "number_taken": platform})
    if filled:
        return done.back(f"/staff/outside/{kind}/{subject_id}", "saved")
    return _numbers_page(kind, subject_id, filled), 422


def _numbers(kind: str, subject_id: UUID) -> dict[str, str]:
    """By platform; empty where there is none."""
    if kind not in ("member", "activity"):
        abort(404)
    query = {"kind": kind, "subject_id": subject_id}
    found = backend.call("checkin", "GET", "/outside-numbers", query=query)
    return dict.fromkeys(platform_names(), "") | {one["platform"]: one["number"] for one in found}


def _numbers_page(kind: str, subject_id: UUID, filled: Form) -> str:
    back = f"/staff/members/{subject_id}" if kind == "member" else f"/organize/activities/{subject_id}"
    return render_template(
        "platforms/numbers.html",
        here=f"/staff/outside/{kind}/{subject_id}",
        back=back,
        kind=kind,
        names=platform_names(),
        numbers=_numbers(kind, subject_id),
        filled=filled,
        told=done.said(),
    )


# --- Many numbers at once -------------------------------------------------------------------------------


@pages.get("/staff/outside")
@holding(Role.STAFF)
def show_pasting() -> str:
    return _pasting_page(Form(request.args))


@pages.post("/staff/outside")
@holding(Role.STAFF)
def paste_numbers() -> ResponseReturnValue:
    """A line for each person. Who is meant beyond doubt gets the number at once; the other lines stay in the field,
    each with what is wrong with it.
    """
    filled = Form.posted()
    platform = filled.required("platform", _("请选择平台"))
    node_id = filled.uuid("node_id", _("请选择在哪里"))
    lines = [line for line in visible(filled.text("list")).splitlines() if line.strip()]
    if not lines:
        filled.fail("list", _("请把名单粘贴进来，一行一个人"))
    elif len(lines) > PASTED_MAX:
        filled.fail("list", _("一次最多 %(count)s 行，其余的请再粘贴一次", count=PASTED_MAX))
    if not filled:
        return _pasting_page(filled), 422
    read = [_read_pasted(line) for line in lines]
    try:
        found = _who_is_meant(node_id, [one for one in read if one is not None])
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _pasting_page(filled), 422
    unsure = _with_two_numbers(read, found)
    faults = [
        (line, fault)
        for line, one in zip(lines, read, strict=True)
        if (
            fault := _("看不懂：要写姓名或编号，空一格，再写平台编号")
            if one is None
            else _("这个人在名单里有两个不同的平台编号，请只留对的那一行")
            if _key_of(one, found) in unsure
            else _enter(platform, one, found)
        )
    ]
    left = Form({"platform": platform, "node_id": node_id, "list": "\n".join(line for line, _fault in faults)})
    return _pasting_page(left, taken=len(lines) - len(faults), faults=faults), 422 if faults else 200


_PASTED = re.compile(r"(?:\d{1,3}[.．、)）]\s*)?(?P<who>\S.*?)[\s,，;；:：]+(?P<number>[^\s,，;；:：]+)")
_NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Pasted:
    """A line that was understood: by a name, a volunteer number or both, whom the platform knows under `number`."""

    name: str
    volunteer_number: str
    number: str


def _read_pasted(line: str) -> _Pasted | None:
    """姓名 or 编号, or both, then the platform's number; in a list of an office, with a count in front."""
    parts = _PASTED.fullmatch(line.strip())
    if parts is None or len(parts["number"]) > NUMBER_LENGTH_MAX:
        return None
    who = re.sub(r"[\s,，;；:：]", "", parts["who"])
    digits = _NUMBER.search(who)
    name = _NUMBER.sub("", who)
    return None if len(name) > NAME_LENGTH_MAX else _Pasted(name, digits[0] if digits else "", parts["number"])


def _who_is_meant(node_id: str, lines: Sequence[_Pasted]) -> dict[str, list[dict[str, Any]]]:
    """Members by what the lines call them: a name means those of the place, never a namesake of another one, a number
    whoever has it.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    numbers = list(dict.fromkeys(one.volunteer_number for one in lines if one.volunteer_number))
    for start in range(0, len(numbers), CODES_AT_ONCE):
        content = {"codes": numbers[start : start + CODES_AT_ONCE]}
        for answer in backend.call("members", "POST", "/badges/read", json=content):
            found[answer["code"]] = [answer["member"]] if answer["member"] else []
    names = [one.name for one in lines if not one.volunteer_number]
    if names:
        asked = {"station_id": node_id, "people": [{"name": name, "phone": None} for name in dict.fromkeys(names)]}
        for answer in backend.call("members", "POST", "/look-ups", json=asked):
            found[answer["name"]] = [] if answer["elsewhere"] else answer["members"]
    return found


def _key_of(line: _Pasted, found: dict[str, list[dict[str, Any]]]) -> str:
    """Who is meant, by id; nothing where that is not beyond doubt."""
    meant = found.get(line.volunteer_number or line.name, [])
    return str(meant[0]["id"]) if len(meant) == 1 and line.name in ("", meant[0]["name"]) else ""


def _with_two_numbers(lines: Sequence[_Pasted | None], found: dict[str, list[dict[str, Any]]]) -> set[str]:
    """Of whom the lines say different things: which of them is right nobody can know."""
    numbers: dict[str, set[str]] = {}
    for line in lines:
        if line is not None and (key := _key_of(line, found)):
            numbers.setdefault(key, set()).add(line.number)
    return {key for key, given in numbers.items() if len(given) > 1}


def _enter(platform: str, line: _Pasted, found: dict[str, list[dict[str, Any]]]) -> str | None:
    """Enter a line's number; else why not."""
    meant = found.get(line.volunteer_number or line.name, [])
    if not meant:
        return _("没有这个编号的志愿者") if line.volunteer_number else _("这里没有叫这个名字的志愿者")
    if len(meant) > 1:
        return _(
            "有 %(count)s 位同名，请改写志愿者编号：%(who)s", count=len(meant), who="；".join(map(describe, meant))
        )
    (member,) = meant
    if line.name and line.name != member["name"]:
        return _("姓名和志愿者编号对不上，请核对")
    content = {"kind": "member", "subject_id": member["id"], "platform": platform, "number": line.number}
    try:
        backend.call("checkin", "PUT", "/outside-numbers", json=content)
    except HuzhuError as refusal:
        return _(refusal.detail)
    return None


def _pasting_page(filled: Form, *, taken: int = 0, faults: Sequence[tuple[str, str]] = ()) -> str:
    return render_template(
        "platforms/paste.html",
        filled=filled,
        names=platform_names(),
        nodes=_node_options(),
        taken=taken,
        faults=faults,
    )


# --- Batches --------------------------------------------------------------------------------------------


@pages.get("/staff/batches")
@holding(Role.STAFF, Role.AUDITOR)
def list_batches() -> ResponseReturnValue:
    return _batches_page(Form())


@pages.post("/staff/batches")
@holding(Role.STAFF)
def make_batch() -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "platform": filled.required("platform", _("请选择平台")),
        "node_id": filled.uuid("node_id", _("请选择在哪里")),
        "from_day": filled.day("from_day"),
        "to_day": filled.day("to_day"),
        "with_unnumbered": bool(filled.text("with_unnumbered")),
    }
    for name in ("from_day", "to_day"):
        if content[name] is None:
            filled.fail(name, _("请填写日期"))
    if filled:
        try:
            made = backend.call("checkin", "POST", "/batches", json=content)
            return done.back(f"/staff/batches/{made['id']}", "batched")
        except HuzhuError as refusal:
            waiting = _waiting(content) if refusal.code == "nothing_to_export" else []
            if not waiting and refusal.code == "nothing_to_export" and not content["with_unnumbered"]:
                filled.fail("", _("没有可以导出的新记录；活动还没有平台活动编号的没有算在内，可以勾选后再生成。"))
            elif not waiting:
                filled.blame(refusal)
            return _batches_page(filled, waiting), 422
    return _batches_page(filled), 422


def _waiting(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Whose records a batch would hold, if the platform's number of theirs were known."""
    query = {name: content[name] for name in ("platform", "node_id", "from_day", "to_day")}
    waiting = backend.together(waiting=Call("checkin", "/batches/waiting", query))["waiting"].content
    return _named(waiting or [])


def _named(waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with `called`: the whole name and what tells namesakes apart, for who may see it."""
    known = people(one["member_id"] for one in waiting)
    return [one | {"called": _called(one, known.get(one["member_id"]))} for one in waiting]


def _called(one: dict[str, Any], member: dict[str, Any] | None) -> str:
    return describe(member) if member and member["full"] else str(one["name_masked"])


def _batches_page(filled: Form, waiting: Sequence[dict[str, Any]] = ()) -> str:
    query = {"limit": ROWS, "after": uuid_or_none(request.args.get("after"))}
    found = backend.call("checkin", "GET", "/batches", query=query)
    viewer = presentation.viewer()
    return render_template(
        "platforms/batches.html",
        batches=found,
        names=platform_names(),
        waiting=waiting,
        records_waiting=sum(one["records"] for one in waiting),
        nodes=_node_options() if viewer is not None and viewer.is_staff else [],
        filled=filled,
        more=f"/staff/batches?after={found[-1]['id']}" if len(found) == ROWS else None,
    )


def _node_options() -> list[tuple[str, str]]:
    """The nodes at which this login is staff, each with all below it, and then the single stations."""
    own = [str(node_id) for node_id in nodes_of(Role.STAFF) if node_id is not None]
    stations = station_options(Role.STAFF)
    whole = [(node_id, _("我负责的全部地方")) for node_id in own if node_id not in dict(stations)]
    return [*whole, *stations]


@pages.get("/staff/batches/<uuid:batch_id>")
@holding(Role.STAFF, Role.AUDITOR)
def show_batch(batch_id: UUID) -> ResponseReturnValue:
    panels = backend.together(
        batch=Call("checkin", f"/batches/{batch_id}"), left_out=Call("checkin", f"/batches/{batch_id}/left-out")
    )
    batch, left_out = panels["batch"].needed(), panels["left_out"].content
    return render_template(
        "platforms/batch.html",
        batch=batch,
        platform=platform_names()[batch["platform"]],
        left_out=None if left_out is None else _named(left_out),
        told=done.said(),
    )


@pages.get("/staff/batches/<uuid:batch_id>/records.<form>")
@holding(Role.STAFF, Role.AUDITOR)
def download(batch_id: UUID, form: str) -> Response:
    """The batch as a file, in Chinese whatever the page's language: the same records every time, with the names as
    members has them now (ADR 147).
    """
    if form not in ("xlsx", "csv"):
        abort(404)
    batch = backend.call("checkin", "GET", f"/batches/{batch_id}")
    records: list[dict[str, Any]] = []
    while len(records) < batch["records"]:
        query = {"after": records[-1]["line"] if records else 0, "limit": LINES_AT_ONCE}
        records += backend.call("checkin", "GET", f"/batches/{batch_id}/records", query=query)
    platform = _PLATFORMS[batch["platform"]]
    name = f"{platform}-第{batch['number']}批-{batch['from_day']}至{batch['to_day']}"
    names = _full_names(batch_id, [record["member_id"] for record in records])
    rows = [_cells(record, names) for record in records]
    if form == "csv":
        return exports.comma_separated(name, _HEADS, rows)
    above = [
        f"志愿服务记录（{platform}第 {batch['number']} 批）",
        f"{batch['node_name']}，{batch['from_day']} 至 {batch['to_day']}",
    ]
    return exports.workbook(name, _HEADS, rows, above=above, made_at=presentation.read_moment(batch["made_at"]))


def _full_names(batch_id: UUID, member_ids: Sequence[str]) -> dict[str, str]:
    """By id, of members of the stations at which this login is staff; what is read is recorded by members. Who belongs
    elsewhere, or was erased, stays masked, and so does everybody for an auditor.
    """
    if not (viewer := presentation.viewer()) or not viewer.is_staff:
        return {}
    wanted = sorted(set(member_ids))
    found: list[dict[str, str]] = []
    for start in range(0, len(wanted), NAMES_AT_ONCE):
        content = {"batch_id": str(batch_id), "ids": wanted[start : start + NAMES_AT_ONCE]}
        found += backend.call("members", "POST", "/full-names", json=content)
    return {one["id"]: one["name"] for one in found}


_PLATFORMS = {"izhiyuan": "i志愿", "china_volunteer": "中国志愿服务网", "other": "其他平台"}
_EVIDENCE = {"own_scan": "本人扫码", "organizer": "负责人确认", "entered_later": "事后补录"}
# By 志愿服务条例 19: who, what, when, how long, training, awards, rating. The last three are kept nowhere yet.
_HEADS = (
    "序号", "平台志愿者编号", "志愿者编号", "姓名", "平台活动编号", "活动名称", "服务类别", "服务地点", "实践站",
    "服务日期", "开始时间", "结束时间", "服务时长（分钟）", "服务时长（小时）", "凭据", "培训", "表彰奖励", "服务评价",
    "记录性质", "原批次", "记录编号",
)  # fmt: skip


def _cells(record: dict[str, Any], names: Mapping[str, str]) -> list[Cell]:
    is_correction = record["corrects_number"] is not None
    return [
        record["line"],
        record["member_number"],
        record["volunteer_number"],
        names.get(record["member_id"], record["name_masked"]),
        record["activity_number"],
        record["title"],
        categories.NAMES.get(record["category"], record["category"]),
        record["place"],
        record["station_name"],
        date.fromisoformat(record["service_day"]),
        f"{presentation.read_moment(record['started_at']):%H:%M}",
        f"{presentation.read_moment(record['ended_at']):%H:%M}",
        record["minutes"],
        round(record["minutes"] / 60, 2),
        _EVIDENCE[record["evidence"]],
        None,
        None,
        None,
        ("更正" if record["counts"] else "作废") if is_correction else "新记录",
        record["corrects_number"],
        record["attendance_id"],
    ]
