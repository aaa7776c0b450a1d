"""Staff makes one of two entries of the same person, side by side, and takes it back within a day."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import asked_for, describe
from shared.errors import HuzhuError, NotFound
from shared.principal import Role

COUNTED_MAX = 200
OPEN = ("requested", "confirmed")

pages = Blueprint("merging", __name__)


@pages.get("/staff/members/<uuid:member_id>/merge")
@holding(Role.STAFF)
def ask(member_id: UUID) -> ResponseReturnValue:
    """First which other entry, then both side by side."""
    other_id = uuid_or_none(request.args.get("with"))
    if other_id is None:
        return _choose_page(member_id)
    return _compare_page(member_id, other_id, Form())


@pages.post("/staff/members/<uuid:member_id>/merge")
@holding(Role.STAFF)
def merge(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    other_id = UUID(filled.uuid("with", _("页面不完整，请刷新再试")) or str(member_id))
    merge_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    stays = filled.uuid("stays", _("请选保留哪一份登记"))
    reason = filled.required("reason", _("请写明怎么知道是同一个人"), length_max=200)
    if filled and stays not in (str(member_id), str(other_id)):
        filled.fail("stays", _("请选保留哪一份登记"))
    if filled:
        goes = str(other_id if stays == str(member_id) else member_id)
        content: dict[str, Any] = {"id": merge_id, "merged_id": goes, "reason": reason}
        for name, key in (("version", stays), ("merged_version", goes)):
            if filled.text(f"version_{key}"):
                content[name] = filled.whole(f"version_{key}", _("页面不完整，请刷新再试"))
        try:
            backend.call("members", "POST", f"/members/{stays}/merge", json=content)
            return done.back(f"/staff/members/{stays}", "merged")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _compare_page(member_id, other_id, filled), 422


def _choose_page(member_id: UUID) -> str:
    wanted = request.args.get("q", "").strip()[:50]
    calls = {
        "member": Call("members", f"/members/{member_id}"),
        "alike": Call("members", f"/members/{member_id}/look-alikes"),
    }
    if wanted:
        calls["found"] = asked_for(wanted)
    panels = backend.together(**calls)
    offered = {
        one["id"]: describe(one)
        for name in ("alike", "found")
        for one in panels.get(name, Panel([])).content or []
        if one["id"] != str(member_id)
    }
    return render_template(
        "staff/merge_choose.html", member=panels["member"].needed(), wanted=wanted, offered=offered.items()
    )


def _compare_page(member_id: UUID, other_id: UUID, filled: Form) -> str:
    both = backend.call("members", "GET", "/members", query={"ids": f"{member_id},{other_id}"})
    members = {one["id"]: one for one in both}
    if len(members) < 2 or not all(one["full"] for one in both):
        raise NotFound(_("没有找到这两份登记，或者另一份不在您负责的站点"))
    pair = [members[str(member_id)], members[str(other_id)]]
    panels = backend.together(**_asked_of(pair))
    return render_template(
        "staff/merge.html",
        member=pair[0],
        pair=pair,
        rows=_rows(pair, panels),
        unlike=unlike_in(pair),
        choices=[(one["id"], describe(one)) for one in pair],
        away=any(panel.error is not None for panel in panels.values()),
        filled=filled,
    )


def _asked_of(pair: list[dict[str, Any]]) -> dict[str, Call]:
    """What the other services know of both."""
    calls = {"balances": Call("points", "/balances", {"member_ids": ",".join(one["id"] for one in pair)})}
    for one in pair:
        calls[f"acting_{one['id']}"] = Call("members", f"/members/{one['id']}")
        calls[f"served_{one['id']}"] = Call("checkin", "/attendances", {"member_id": one["id"], "limit": COUNTED_MAX})
        booked = {"member_id": one["id"], "unit": "minutes", "limit": COUNTED_MAX, "merged": 1}
        calls[f"booked_{one['id']}"] = Call("points", "/statement", booked)
        if one["station_id"]:
            query = {"member_id": one["id"], "limit": COUNTED_MAX}
            calls[f"redeemed_{one['id']}"] = Call("rewards", f"/stations/{one['station_id']}/redemptions", query)
    return calls


def _rows(pair: list[dict[str, Any]], panels: dict[str, Panel]) -> list[list[str]]:
    """Both side by side: what it is, the one, the other."""
    balances = {one["member_id"]: one for one in panels["balances"].content or []}
    yes_no = {True: _("有"), False: _("没有")}
    shown: list[tuple[str, list[str]]] = [
        (_("姓名"), [one["name"] for one in pair]),
        (_("志愿者编号"), [presentation.fours(one["volunteer_number"]) for one in pair]),
        (_("实践站"), [one["station_name"] or "–" for one in pair]),
        (_("小区和楼栋"), [_home(one) for one in pair]),
        (_("出生日期"), [presentation.day(one["birth_date"]) if one["birth_date"] else "–" for one in pair]),
        (_("联系电话"), [yes_no[one["has_phone"]] for one in pair]),
        (_("登录账号"), [yes_no[one["has_login"]] for one in pair]),
        (_("由谁的账号代管"), [_acting(panels[f"acting_{one['id']}"]) for one in pair]),
        (_("身份核实"), [_("已核实") if one["confirmed"] else _("待核实") for one in pair]),
        (_("可用积分"), [_amount(balances, one, "points_available") for one in pair]),
        (_("待抵扣"), [_amount(balances, one, "points_debt") for one in pair]),
        (_("累计服务时长"), [_amount(balances, one, "minutes_total") for one in pair]),
        (_("记了时长的服务（所有站点）"), [_services(panels[f"booked_{one['id']}"]) for one in pair]),
        (_("签到记录（您负责的站点）"), [_count(panels[f"served_{one['id']}"], lambda _one: True) for one in pair]),
        (_("没领的兑换"), [_open(panels, one) for one in pair]),
    ]
    unlike = unlike_in(pair)
    return [[name, *values, _("不一样") if name in unlike else ""] for name, values in shown]


def unlike_in(pair: list[dict[str, Any]]) -> list[str]:
    """By what is known of both, what speaks against one person."""
    told = {
        _("姓名"): [one["name"] for one in pair],
        _("小区和楼栋"): [_home(one) for one in pair],
        _("出生日期"): [one["birth_date"] for one in pair],
    }
    return [name for name, (one, other) in told.items() if one != other and {None, "–"}.isdisjoint((one, other))]


def _services(panel: Panel) -> str:
    """How many services stand in the books, whichever station they were at; corrected ones once."""
    if panel.error is not None:
        return "–"
    kinds = [one["kind"] for one in panel.content if one["source_type"] == "attendance"]
    return f"{kinds.count('award') - kinds.count('reversal')}{'+' if len(panel.content) >= COUNTED_MAX else ''}"


def _acting(panel: Panel) -> str:
    """Whose logins act for an entry: whoever may spend what it has."""
    if panel.error is not None:
        return "–"
    return "、".join(one["name"] or _("（没有姓名）") for one in panel.content["acting"]) or _("没有")


def _home(member: dict[str, Any]) -> str:
    return " ".join(part for part in (member["compound_name"], member["building_name"]) if part) or "–"


def _amount(balances: dict[str, dict[str, Any]], member: dict[str, Any], name: str) -> str:
    if member["id"] not in balances:
        return "–"
    amount = balances[member["id"]][name]
    return presentation.minutes(amount) if name == "minutes_total" else presentation.points(amount)


def _open(panels: dict[str, Panel], member: dict[str, Any]) -> str:
    return _count(panels.get(f"redeemed_{member['id']}", Panel([])), lambda one: one["state"] in OPEN)


def _count(panel: Panel, counts: Any) -> str:
    if panel.error is not None:
        return "–"
    found = sum(1 for one in panel.content or [] if counts(one))
    return f"{found}+" if found >= COUNTED_MAX else str(found)


@pages.get("/staff/members/<uuid:member_id>/unmerge")
@holding(Role.STAFF)
def ask_undo(member_id: UUID) -> ResponseReturnValue:
    return _undo_page(member_id, Form())


@pages.post("/staff/members/<uuid:member_id>/unmerge")
@holding(Role.STAFF)
def undo(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    reason = filled.required("reason", _("请写明原因"), length_max=200)
    if filled:
        try:
            backend.call("members", "POST", f"/members/{member_id}/unmerge", json={"reason": reason})
            return done.back(f"/staff/members/{member_id}", "unmerged")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _undo_page(member_id, filled), 422


def _undo_page(member_id: UUID, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    return render_template("staff/unmerge.html", member=member, filled=filled)
