"""A copy of one's own data to take away: a workbook that any office opens, and the same for programs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, exports, presentation
from gateway.exports import Cell
from gateway.forms import Form
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.pages import acts, attendance_words, grants, vouchers
from gateway.pages.places import about
from gateway.presentation import require_viewer
from shared.errors import HuzhuError

ROWS = 200
IN_MEMORY_MAX = 1_000_000
Found = dict[str, Any]

pages = Blueprint("own_data", __name__)


@dataclass(frozen=True, slots=True)
class Section:
    """One sheet, and one list for programs. Rows come page by page, and are gone when they are written."""

    key: str
    title: str
    heads: Sequence[str]
    rows: Iterator[Found]
    cells: Callable[[Found], Sequence[Cell]]

    def cells_of_all(self) -> Iterator[Sequence[Cell]]:
        return map(self.cells, self.rows)


@pages.get("/me/export")
@logged_in
def ask() -> ResponseReturnValue:
    return _page(Form())


def _page(filled: Form) -> str:
    return render_template("own_data/export.html", filled=filled)


@pages.post("/me/export")
@logged_in
def take_away() -> ResponseReturnValue:
    """The whole file is written before the first byte of it is sent: a service that is away breaks none in two."""
    viewer, filled = require_viewer(), Form.posted()
    password = filled.typed.get("password", "")
    if not password:
        filled.fail("password", _("请填写密码"))
    if filled:
        try:
            path = f"/me/members/{viewer.member_id}/exports"
            known = backend.call("members", "POST", path, json={"password": password})
        except HuzhuError as refusal:
            filled.blame(refusal, {"wrong_password": "password"})
        else:
            sections = [*_of_person(known), *_of_services(viewer.member_id)]
            name = _("我的数据") + "-" + known["member"]["volunteer_number"][-4:]
            write = _as_json if filled.text("format") == "json" else _as_workbook
            return write(name, known, sections)
    return _page(filled), 422


def _as_workbook(name: str, known: Found, sections: Sequence[Section]) -> Response:
    facts = [(_("姓名"), known["member"]["name"]), *about(known["member"]), (_("电话"), known["phone"])]
    person = exports.Sheet(_("个人资料"), [_("项目"), _("内容")], facts)
    return exports.sheets(
        name, [person, *(exports.Sheet(one.title, one.heads, one.cells_of_all()) for one in sections)]
    )


def _as_json(name: str, known: Found, sections: Sequence[Section]) -> Response:
    written = SpooledTemporaryFile(IN_MEMORY_MAX)  # noqa: SIM115 - closed when it has been sent
    for key in ("exported_at", "member", "phone"):
        written.write((b"," if key != "exported_at" else b"{") + msgspec.json.encode(key) + b":")
        written.write(msgspec.json.encode(known[key]))
    for section in sections:
        written.write(b"," + msgspec.json.encode(section.key) + b":[")
        for number, row in enumerate(section.rows):
            written.write((b",\n" if number else b"\n") + msgspec.json.encode(row))
        written.write(b"]")
    written.write(b"}\n")
    return exports.sent(written, "application/json", f"{name}.json")


# --- What stands in it ------------------------------------------------------------------------------------


def _of_person(known: Found) -> Iterator[Section]:
    """What members holds, which came with the password."""
    yield Section(
        "consents",
        _("同意和撤回"),
        [_("时间"), _("内容"), _("版本"), _("同意")],
        iter(known["consents"]),
        lambda row: [_at(row["at"]), _consent_names()[row["kind"]], row["version"], _yes(row["given"])],
    )
    yield Section(
        "logins",
        _("谁的账号代管"),
        [_("姓名"), _("关系"), _("从什么时候起")],
        iter(known["logins"]),
        lambda row: [row["name"], acts.relation_names()[row["relation"]], _at(row["since"])],
    )
    yield Section(
        "grants",
        _("角色"),
        [_("角色"), _("地方")],
        iter(known["grants"]),
        lambda row: [grants.role_names()[row["role"]], row["node_name"] or _("全部")],
    )
    yield Section(
        "acts",
        _("操作记录"),
        [_("时间"), _("操作"), _("由谁"), _("改动的内容")],
        iter(known["acts"]),
        lambda row: [
            _at(row["at"]),
            acts.act_names().get(row["action"], row["action"]),
            _("本人或代管的账号") if row["by_oneself"] else _("工作人员"),
            "；".join(
                f"{name}：{value}" for name, value in acts.detail_shown(row["detail"], {}, acts.called(row["detail"]))
            ),
        ],
    )


def _of_services(member_id: UUID) -> Iterator[Section]:
    own = {"member_id": member_id}
    yield Section(
        "attendances",
        _("服务记录"),
        [
            _("日期"),
            _("活动"),
            _("类别"),
            _("实践站"),
            _("签到"),
            _("签退"),
            _("分钟"),
            _("凭据"),
            _("状态"),
            _("原因"),
        ],
        _every("checkin", "/attendances", own, "id"),
        _attendance_cells,
    )
    yield Section(
        "scans",
        _("扫码"),
        [_("时间"), _("签到或签退"), _("结果"), _("收到的时间")],
        _every("checkin", "/scans", own, "id"),
        lambda row: [_at(row["at"]), _direction(row["direction"]), row["detail"], _at(row["received_at"])],
    )
    for unit, title in (("points", _("积分明细")), ("minutes", _("时长明细"))):
        yield Section(
            unit,
            title,
            [_("记账时间"), _("服务日期"), _("名称"), _("变动"), _("余额"), _("原因")],
            _every("points", "/statement", own | {"unit": unit, "merged": 1}, "transfer_id"),
            _line_cells_of(unit),
        )
    yield Section(
        "redemptions",
        _("兑换"),
        [_("时间"), _("礼品"), _("数量"), _("积分"), _("状态"), _("领取时间")],
        _every("rewards", "/redemptions", own, "id"),
        _redemption_cells,
    )


def _every(service: str, path: str, query: Found, mark: str) -> Iterator[Found]:
    """All rows of a list, a page at a time."""
    before = None
    while True:
        page = backend.call(service, "GET", path, query=query | {"limit": ROWS, "before": before})
        yield from page
        if len(page) < ROWS:
            return
        before = page[-1][mark]


def _attendance_cells(row: Found) -> Sequence[Cell]:
    return [
        date.fromisoformat(row["service_day"]),
        row["title"],
        presentation.category(row["category"]),
        row["station_name"],
        _at(row["arrived_at"]),
        _at(row["left_at"]),
        row["minutes"],
        attendance_words.evidence_shown(row["evidence"]),
        attendance_words.state_shown(row["state"])[0],
        row["reason"],
    ]


def _line_cells_of(unit: str) -> Callable[[Found], Sequence[Cell]]:
    """Points as people write them, minutes as they are."""
    share = 100 if unit == "points" else 1

    def cells(row: Found) -> Sequence[Cell]:
        day = date.fromisoformat(row["service_day"])
        change, left = Decimal(row[unit]) / share, Decimal(row["balance_after"]) / share
        return [_at(row["at"]), day, row["title"], change, left, row["reason"]]

    return cells


def _redemption_cells(row: Found) -> Sequence[Cell]:
    state = vouchers.shown(row).title
    points = Decimal(row["points"]) / 100
    return [_at(row["requested_at"]), row["gift_name"], row["quantity"], points, state, _at(row["fulfilled_at"])]


def _at(moment: str | None) -> str | None:
    """A time in Shanghai with its year, for a table that is kept for years."""
    return None if moment is None else f"{presentation.read_moment(moment):%Y-%m-%d %H:%M}"


def _yes(given: bool) -> str:
    return _("是") if given else _("否")


def _direction(direction: str | None) -> str | None:
    return {"arrival": _("签到"), "departure": _("签退")}.get(direction or "")


def _consent_names() -> dict[str, str]:
    return {
        "terms": _("志愿服务协议"),
        "privacy": _("个人信息保护说明"),
        "ranked": _("参加排名"),
        "named": _("榜上显示全名"),
        "guardian": _("监护人同意"),
    }
