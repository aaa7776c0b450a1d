"""What a station reports upward: a table on a page, on paper, and to take away as XLSX and CSV."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, exports, presentation, visitor
from gateway.backend import Call
from gateway.exports import Cell
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.places import IDS_MAX, chosen_node, nodes_of
from shared import categories, clock
from shared.errors import HuzhuError, Invalid
from shared.principal import Role

PER_RESIDENTS = 1000
UNCOUNTED_MAX = 20

pages = Blueprint("reports", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is to be of."""

    node_id: UUID | None
    from_day: date
    to_day: date
    category: str | None
    tree: str

    def address(self, path: str, **other: Any) -> str:
        """This report at another path, or with another of these."""
        fields = {name: getattr(self, name) for name in ("node_id", "from_day", "to_day", "category", "tree")} | other
        return f"{path}?{urlencode({name: value for name, value in fields.items() if value})}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: what it is of, its figures, and those for each thousand residents, where they are known."""

    name: str
    activities: int
    visits: int
    persons: int
    minutes: int
    waiting: int
    node_id: str | None = None
    residents: int | None = None

    @property
    def hours(self) -> Decimal:
        return _rounded(Decimal(self.minutes) / 60)

    @property
    def persons_rate(self) -> Decimal | None:
        return _rounded(Decimal(self.persons * PER_RESIDENTS) / self.residents) if self.residents else None

    @property
    def hours_rate(self) -> Decimal | None:
        return _rounded(Decimal(self.minutes * PER_RESIDENTS) / 60 / self.residents) if self.residents else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A report in words."""

    asked: Asked
    name: str
    total: Line
    categories: list[Line]
    months: list[Line]
    nodes: list[Line]
    above: list[tuple[str, str]]
    """The places above it of which the same can be asked, from the top, as (id, name)."""
    own: list[tuple[str, str, bool]]
    """The places of this login's own, as links to their reports."""
    notes: list[str]
    uncounted: list[tuple[str, str]]
    """Places in it whose residents nobody has counted, which this login may put right, as (id, name)."""
    lacks_places: bool
    """Names of places and numbers of residents did not come."""

    @property
    def period(self) -> str:
        return f"{presentation.day(self.asked.from_day)}–{presentation.day(self.asked.to_day)}"

    @property
    def parts(self) -> list[tuple[str, str, list[Line]]]:
        """The tables: what is above it, what is above its first column, and its lines."""
        return [
            (_("按服务类别"), _("服务类别"), self.categories),
            (_("按月份"), _("月份"), self.months),
            (_("按地方"), _("地方"), self.nodes),
        ]


@pages.get("/staff/reports")
@holding(Role.STAFF, Role.AUDITOR)
def show_report() -> ResponseReturnValue:
    filled = Form(request.args)
    asked = _read(filled)
    report: Shown | None = None
    if filled:
        try:
            report = _report(asked)
        except HuzhuError as refusal:
            if refusal.code != "bad_period":
                raise
            filled.blame(refusal, {"bad_period": "to_day"})
    return render_template(
        "reports/report.html",
        filled=filled,
        asked=asked,
        report=report,
        periods=_periods(asked),
        categories=[("", _("全部")), *((slug, _(name)) for slug, name in categories.NAMES.items())],
    )


@pages.get("/staff/reports/print")
@holding(Role.STAFF, Role.AUDITOR)
def print_report() -> ResponseReturnValue:
    report = _whole_report()
    return render_template("reports/print.html", report=report, back=report.asked.address("/staff/reports"))


@pages.get("/staff/reports.xlsx")
@holding(Role.STAFF, Role.AUDITOR)
def take_workbook() -> ResponseReturnValue:
    report = _whole_report()
    above = [_title(report), *report.notes]
    return exports.workbook(_file_name(report), _heads(), _rows(report), above=above)


@pages.get("/staff/reports.csv")
@holding(Role.STAFF, Role.AUDITOR)
def take_table() -> ResponseReturnValue:
    report = _whole_report()
    rows = _rows(report)
    rows += [[_("说明"), note, *[None] * (len(_heads()) - 2)] for note in report.notes]
    return exports.comma_separated(_file_name(report), _heads(), rows)


# --- What is asked for ----------------------------------------------------------------------------------


def _read(filled: Form) -> Asked:
    """As asked for in the address; without anything, this month at the first of the own places."""
    mine = _own_nodes()
    first, last = (filled.day(name) for name in ("from_day", "to_day"))
    today = clock.today()
    return Asked(
        node_id=chosen_node(mine, uuid_or_none(filled.text("node_id"))),
        from_day=date.fromisoformat(first) if first else today.replace(day=1),
        to_day=date.fromisoformat(last) if last else today,
        category=filled.text("category") if filled.text("category") in categories.NAMES else None,
        tree="then" if filled.text("tree") == "then" else "now",
    )


def _own_nodes() -> list[UUID | None]:
    return list(dict.fromkeys([*nodes_of(Role.STAFF), *nodes_of(Role.AUDITOR)]))


def _periods(asked: Asked) -> list[tuple[str, str, bool]]:
    """The periods that are asked for most, as links."""
    today = clock.today()
    this_month = today.replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    spans = [
        (_("本月"), this_month, today),
        (_("上月"), last_month, this_month - timedelta(days=1)),
        (_("今年"), date(today.year, 1, 1), today),
        (_("去年"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    ]
    shown = (asked.from_day, asked.to_day)
    return [
        (name, asked.address("/staff/reports", from_day=first, to_day=last), (first, last) == shown)
        for name, first, last in spans
    ]


# --- What comes -----------------------------------------------------------------------------------------


def _whole_report() -> Shown:
    """For what leaves the screen: everything, or a refusal."""
    filled = Form(request.args)
    asked = _read(filled)
    if not filled:
        raise Invalid(next(iter(filled.errors.values())))
    return _report(asked, is_whole=True)


def _report(asked: Asked, *, is_whole: bool = False) -> Shown:
    query = {
        "node_id": asked.node_id,
        "from": asked.from_day,
        "to": asked.to_day,
        "category": asked.category,
        "tree": asked.tree,
    }
    found = backend.call("checkin", "GET", "/report", query=query)
    own = [str(node_id) for node_id in _own_nodes() if node_id is not None]
    calls = _asking_for_places(asked, [*own, *(one["node_id"] for one in found["nodes"] if one["node_id"])])
    panels = backend.together(**calls)
    errors = [panel.error for panel in panels.values() if panel.error is not None]
    if errors and is_whole:
        raise errors[0]
    places: dict[str | None, dict[str, Any]] = {
        node["id"]: node for name in panels if name.startswith("places_") for node in panels[name].content or []
    }
    above = panels["above"].content or [] if "above" in panels else []
    node_id = str(asked.node_id) if asked.node_id else None
    name = str(places[node_id]["name"]) if node_id in places else "" if node_id else _("全部地方")
    return Shown(
        asked=asked,
        name=name,
        total=_line(found["total"], _("合计"), node_id, places),
        categories=[_line(one, presentation.category(one["category"])) for one in found["categories"]],
        months=[_line(one, presentation.month(one["month"])) for one in found["months"]],
        nodes=[_line(one, _name_in(one, node_id), one["node_id"], places) for one in found["nodes"]],
        above=_reachable(above, node_id),
        own=[
            (places[each]["name"], asked.address("/staff/reports", node_id=each), each == node_id)
            for each in own
            if each in places
        ],
        notes=_notes(found),
        uncounted=_uncounted([*([node_id] if node_id else []), *(one["node_id"] for one in found["nodes"])], places),
        lacks_places=bool(errors),
    )


def _asking_for_places(asked: Asked, node_ids: list[str]) -> dict[str, Call]:
    """Names and numbers of residents of these places and of the report's own, and what lies above that."""
    wanted = sorted({*node_ids, *([str(asked.node_id)] if asked.node_id else [])})
    # As it was: who has been merged since is counted for itself then, and not with its heir.
    residents = {
        "residents_on": asked.from_day if asked.tree == "then" else asked.to_day,
        "residents_by": asked.tree,
        "residents_until": asked.to_day,
    }
    calls = {
        f"places_{at}": Call("members", "/nodes", {"ids": ",".join(wanted[at : at + IDS_MAX]), **residents})
        for at in range(0, len(wanted), IDS_MAX)
    }
    if asked.node_id:
        calls["above"] = Call("members", "/nodes", {"above_id": asked.node_id})
    return calls


def _line(
    figures: dict[str, Any],
    name: str,
    node_id: str | None = None,
    places: Mapping[str | None, dict[str, Any]] | None = None,
) -> Line:
    counted = {each: figures[each] for each in ("activities", "visits", "persons", "minutes", "waiting")}
    residents = (places or {}).get(node_id, {}).get("residents")
    return Line(name=name, **counted, node_id=node_id, residents=residents)


def _name_in(one: dict[str, Any], node_id: str | None) -> str:
    name = one["name"] or _("（名称暂时看不到）")
    return _("%(name)s（本级）", name=name) if one["node_id"] == node_id else str(name)


def _reachable(above: list[dict[str, Any]], node_id: str | None) -> list[tuple[str, str]]:
    """Of the places above a place those at or below one's own."""
    mine = _own_nodes()
    seen = [
        node
        for node in above
        if node["id"] != node_id and (None in mine or any(own and own.hex in node["path"] for own in mine))
    ]
    return [(node["id"], node["name"]) for node in sorted(seen, key=lambda node: len(node["path"]))]


def _uncounted(node_ids: Iterable[str | None], places: Mapping[str | None, dict[str, Any]]) -> list[tuple[str, str]]:
    """Those of the places that have no number of residents and are administered by this login."""
    session = visitor.require_session()
    found = {
        str(node_id): str(places[node_id]["name"])
        for node_id in node_ids
        if node_id in places
        and places[node_id].get("residents") is None
        and session.principal("", None).may(Role.ADMINISTRATOR, places[node_id]["path"])
    }
    return list(found.items())[:UNCOUNTED_MAX]


def _notes(found: dict[str, Any]) -> list[str]:
    """By which day it counts, up to which day it is complete, and what does not add up by its nature."""
    until = found["complete_until"]
    notes = [
        _("按服务日期统计，只算已经确认的时长。"),
        _("到 %(day)s 为止的数字已经完整。", day=presentation.day(until))
        if until
        else _("这段时间的数字还不完整，以后还会变。"),
    ]
    if found["total"]["waiting"]:
        notes.append(_("另有 %(count)s 条记录待确认，不在内。", count=found["total"]["waiting"]))
    notes.append(
        _("按现在的上下级和名称：并站、移站以前的数字算到现在的站。")
        if found["tree"] == "now"
        else _(
            "按服务当天的上下级和名称。居民人数按这段时间第一天的算（那时还没登记的，按最早登记的）；这段时间里移进来、移出去的站都算在内。"
        )
    )
    notes.append(_("没有登记居民人数的地方没有每千居民的数字；拆分过的站，两边都要重新登记人数。"))
    notes.append(_("一个人参加几次，人次算几次，人数只算一个，所以各行的人数不能相加；跨月的活动两个月都算一场。"))
    return notes


# --- To take away ---------------------------------------------------------------------------------------


def _title(report: Shown) -> str:
    title = _("%(name)s志愿服务统计表（%(period)s）", name=report.name, period=report.period)
    return f"{title} {presentation.category(report.asked.category)}" if report.asked.category else title


def _file_name(report: Shown) -> str:
    return "_".join([_("志愿服务统计"), report.name, str(report.asked.from_day), str(report.asked.to_day)])


def _heads() -> list[str]:
    return [
        _("统计项目"),
        _("名称"),
        _("活动场次"),
        _("参与人次"),
        _("参与人数"),
        _("服务时长（小时）"),
        _("服务时长（分钟）"),
        _("待确认（条）"),
        _("居民人数"),
        _("每千居民参与人数"),
        _("每千居民服务时长（小时）"),
    ]


def _rows(report: Shown) -> list[list[Cell]]:
    lines = [(_("合计"), report.total), *((title, line) for title, _head, part in report.parts for line in part)]
    return [
        [
            title,
            line.name,
            line.activities,
            line.visits,
            line.persons,
            line.hours,
            line.minutes,
            line.waiting,
            line.residents,
            line.persons_rate,
            line.hours_rate,
        ]
        for title, line in lines
    ]


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)
