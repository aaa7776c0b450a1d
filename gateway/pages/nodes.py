"""The station tree: what lies below an administrator's own places, adding to it, and changing one of them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import every, nodes_of
from shared import clock
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 200
COUNTED_MAX = 200
"""As many as the services give at once."""
TOP = "top"
HOMES = ("compound", "building")

pages = Blueprint("nodes", __name__)


def level_names() -> dict[str, str]:
    """From the top down."""
    return {
        "city": _("市"),
        "centre": _("实践中心（区县）"),
        "sub_centre": _("实践所（街道乡镇）"),
        "station": _("实践站（社区村）"),
        "compound": _("小区"),
        "building": _("楼栋"),
    }


@pages.get("/staff/nodes")
@holding(Role.ADMINISTRATOR)
def list_nodes() -> ResponseReturnValue:
    """The administrator's own places, or those directly below one."""
    return _nodes_page(Form())


@pages.post("/staff/nodes")
@holding(Role.ADMINISTRATOR)
def add_node() -> ResponseReturnValue:
    filled = Form.posted()
    parent_id = uuid_or_none(filled.text("parent_id"))
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "level": filled.required("level", _("请选择级别")),
        "name": filled.required("name", _("请填写名称"), length_max=60),
        "parent_id": str(parent_id) if parent_id else None,
    }
    if filled:
        try:
            backend.call("members", "POST", "/nodes", json=content)
            return done.back(f"/staff/nodes?parent_id={parent_id}" if parent_id else "/staff/nodes", "added")
        except HuzhuError as refusal:
            filled.blame(refusal, {"name_taken": "name", "wrong_level": "level"})
    return _nodes_page(filled), 422


def _nodes_page(filled: Form) -> str:
    parent_id = uuid_or_none(filled.text("parent_id") or request.args.get("parent_id"))
    mine = nodes_of(Role.ADMINISTRATOR)
    everywhere = None in mine
    parent: dict[str, Any] | None = None
    after = uuid_or_none(request.args.get("after"))
    if parent_id is not None:
        parent = backend.call("members", "GET", f"/nodes/{parent_id}")
        nodes = backend.call("members", "GET", "/nodes", query={"parent_id": parent_id, "limit": ROWS, "after": after})
    elif everywhere:
        # What has no parent cannot be asked for: of every level those are shown that hang nowhere.
        panels = every(**{level: Call("members", "/nodes", {"level": level}) for level in level_names()})
        nodes = [node for panel in panels.values() for node in panel.content or [] if node["parent_id"] is None]
    else:
        ids = ",".join(str(node_id) for node_id in mine)
        nodes = backend.call("members", "GET", "/nodes", query={"ids": ids})
    names = list(level_names().items())
    # Compounds and buildings never stand alone.
    alone = [(level, name) for level, name in names if level not in HOMES]
    lower = names[list(level_names()).index(parent["level"]) + 1 :] if parent else alone
    return render_template(
        "staff/nodes.html",
        filled=filled,
        parent=parent,
        nodes=nodes,
        names=level_names(),
        levels=lower if parent or everywhere else [],
        more=f"/staff/nodes?parent_id={parent_id}&after={nodes[-1]['id']}" if parent and len(nodes) == ROWS else None,
        told=done.said(),
    )


# --- One of them ----------------------------------------------------------------------------------------


@pages.get("/staff/nodes/<uuid:node_id>")
@holding(Role.ADMINISTRATOR)
def show_node(node_id: UUID) -> ResponseReturnValue:
    return _node_page(node_id, Form())


@pages.post("/staff/nodes/<uuid:node_id>")
@holding(Role.ADMINISTRATOR)
def change_node(node_id: UUID) -> ResponseReturnValue:
    """Rename it, or say how many people live there. Moving and closing are asked about first."""
    filled = Form.posted()
    is_count = filled.text("action") == "count"
    changes: dict[str, Any] = {}
    # Three forms of the page ask for a day; each by a name of its own, by which it is blamed.
    if day := filled.day("from_day" if is_count else "named_on"):
        changes["from_day"] = day
    if is_count:
        changes["residents"] = filled.whole("residents", _("请填写居民人数"))
    else:
        changes["name"] = filled.required("name", _("请填写名称"), length_max=60)
    return _send(node_id, filled, changes)


@pages.get("/staff/nodes/<uuid:node_id>/move")
@holding(Role.ADMINISTRATOR)
def ask_move(node_id: UUID) -> ResponseReturnValue:
    filled = Form(request.args)
    changes = _read_move(filled)
    if not filled:
        return _node_page(node_id, filled), 422
    node = backend.call("members", "GET", f"/nodes/{node_id}")
    require_day(filled, "moved_on", changes.get("from_day"), node["parents"][-1]["from_day"])
    if not filled:
        return _node_page(node_id, filled), 422
    above = changes["parent_id"]
    to = backend.call("members", "GET", f"/nodes/{above}")["name"] if above else _("最上面一级")
    what = _("%(name)s：从%(old)s移到%(new)s", name=node["name"], old=node["parent_name"] or _("最上面一级"), new=to)
    follows = _(
        "下面的地方一起移过去，管理权限跟着新的上级。小区换站，住在里面的志愿者过一会儿也换过去。从 %(day)s 起算。",
        day=presentation.day(changes.get("from_day") or clock.today()),
    )
    here = f"/staff/nodes/{node_id}"
    return done.ask(_("移到别的上级？"), what, follows, f"{here}/move", _("移过去"), here, **_typed(filled))


@pages.post("/staff/nodes/<uuid:node_id>/move")
@holding(Role.ADMINISTRATOR)
def move_node(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    return _send(node_id, filled, _read_move(filled))


@pages.get("/staff/nodes/<uuid:node_id>/close")
@holding(Role.ADMINISTRATOR)
def ask_close(node_id: UUID) -> ResponseReturnValue:
    filled = Form(request.args)
    changes = _read_close(filled)
    if not filled:
        return _node_page(node_id, filled), 422
    heir = changes.get("successor_id")
    asked = {name: Call("members", f"/nodes/{one}") for name, one in (("node", node_id), ("heir", heir)) if one}
    panels = backend.together(**asked)
    node = panels["node"].needed()
    to = panels["heir"].needed()["name"] if heir else None
    is_merged = to is not None and node["level"] not in HOMES
    require_day(
        filled, "closed_on", changes["closed_on"], node["parents"][-1]["from_day"] if is_merged else node["opened_on"]
    )
    if not filled:
        return _node_page(node_id, filled), 422
    what = _("%(name)s，并入%(successor)s", name=node["name"], successor=to) if to else node["name"]
    day = presentation.day(changes["closed_on"])
    here = f"/staff/nodes/{node_id}"
    if is_merged:
        follows = _figures(node, str(to)) + _(
            "从 %(day)s 起合并，不能恢复。下面的地方、志愿者、服务队、角色、礼品和库存都转过去；"
            "正在进行的活动照常办完，没领的礼品由新站发放；以前的记录和积分都还在。",
            day=day,
        )
    else:
        follows = _(
            "从 %(day)s 起撤销，不能恢复。以前的记录和积分都还在；登记在这里的志愿者要另外改到新的地方。", day=day
        )
    question, yes = (_("合并到别的站？"), _("合并")) if is_merged else (_("撤销这个地方？"), _("撤销"))
    return done.ask(question, what, follows, f"{here}/close", yes, here, **_typed(filled))


def _figures(node: dict[str, Any], to: str) -> str:
    """How much goes along when a station is merged; what cannot be counted now is left out."""
    station = {"station_id": node["id"], "limit": COUNTED_MAX}
    panels = backend.together(
        plan=Call("members", f"/nodes/{node['id']}/split"),
        vouchers=Call("rewards", f"/stations/{node['id']}/redemptions", {"state": "confirmed", "limit": COUNTED_MAX}),
        gifts=Call("rewards", "/gifts", station | {"everything": "1"}),
        coming=Call("checkin", "/activities", station | {"from": clock.now().isoformat()}),
    )
    goes = []
    if (plan := panels["plan"].content) is not None:
        goes.append(_("%(count)s 位志愿者", count=plan["people"]))
    if (vouchers := panels["vouchers"].content) is not None:
        goes.append(_("没领的兑换 %(count)s 份", count=_counted(vouchers)))
    if (gifts := panels["gifts"].content) is not None:
        goes.append(_("库存 %(count)s 件", count=sum(one["on_hand"] or 0 for one in gifts)))
    if (coming := panels["coming"].content) is not None:
        goes.append(_("没结束的活动 %(count)s 场", count=_counted(coming)))
    return _("转到%(successor)s：%(goes)s。", successor=to, goes="、".join(goes)) if goes else ""


def _counted(found: list[Any]) -> str:
    return f"{len(found)}+" if len(found) >= COUNTED_MAX else str(len(found))


@pages.post("/staff/nodes/<uuid:node_id>/close")
@holding(Role.ADMINISTRATOR)
def close_node(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    return _send(node_id, filled, _read_close(filled))


def _typed(filled: Form) -> dict[str, str]:
    names = ("parent_id", "moved_on", "closed_on", "successor_id")
    return {name: filled.text(name) for name in names if name in filled.typed}


def _read_move(filled: Form) -> dict[str, Any]:
    to_top = filled.text("parent_id") == TOP
    changes: dict[str, Any] = {"parent_id": None if to_top else filled.uuid("parent_id", _("请选择新的上级"))}
    if day := filled.day("moved_on"):
        changes["from_day"] = day
    return changes


def require_day(filled: Form, field: str, day: str | None, since: str) -> None:
    """Blame a day that has not come or lies before the change before it, so that nobody is asked about it."""
    if day is not None and not since <= day <= clock.today().isoformat():
        filled.fail(field, _("日期不能晚于今天，也不能早于上一次变动（%(day)s）", day=presentation.day(since)))


def _read_close(filled: Form) -> dict[str, Any]:
    changes: dict[str, Any] = {"closed_on": filled.day("closed_on") or clock.today().isoformat()}
    if filled.text("successor_id"):
        changes["successor_id"] = filled.uuid("successor_id", _("请选择并入哪里"))
    return changes


def _send(node_id: UUID, filled: Form, changes: dict[str, Any]) -> ResponseReturnValue:
    if filled:
        try:
            backend.call("members", "PATCH", f"/nodes/{node_id}", json=changes)
            return done.back(f"/staff/nodes/{node_id}", "saved")
        except HuzhuError as refusal:
            day = next((name for name in ("closed_on", "from_day", "named_on", "moved_on") if name in filled.typed), "")
            filled.blame(refusal, {"name_taken": "name" if "name" in changes else "parent_id", "wrong_day": day})
    return _node_page(node_id, filled), 422


def _node_page(node_id: UUID, filled: Form) -> str:
    node = backend.call("members", "GET", f"/nodes/{node_id}")
    parents, heirs = _candidates(node)
    above = dict(parents)
    return render_template(
        "staff/node.html",
        node=node,
        names=level_names(),
        filled=filled,
        parents=parents,
        successors=heirs,
        places=[
            (above.get(one["parent_id"] or TOP, "–"), one["from_day"], one["until_day"]) for one in node["parents"]
        ],
        uncounted=_uncounted(node),
        today=clock.today().isoformat(),
        told=done.said(),
    )


def _uncounted(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The places whose residents are to be counted anew, this one first: it was split, and nobody has counted since."""
    parts = [*node["split_off"], *([node["split_from"]] if node["split_from"] else [])]
    days = [one["opened_on"] for one in node["split_off"]] + ([node["opened_on"]] if node["split_from"] else [])
    counted = max((one["from_day"] for one in node["counts"]), default="")
    return [node, *parts] if days and counted < max(days) and not node["closed_on"] else []


def _candidates(node: dict[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Under what a place may be moved, and what may follow it. Compounds and buildings follow each other, and buildings
    move, within one station: of a whole county there are too many to choose from.
    """
    mine, levels = nodes_of(Role.ADMINISTRATOR), list(level_names())
    higher = levels[: levels.index(node["level"])]
    station = _station_above(node)
    calls: dict[str, Call] = {}
    for number, node_id in enumerate([station] if node["level"] == "building" else mine):
        for level in ["compound"] if node["level"] == "building" else higher:
            calls[f"parent_{level}_{number}"] = Call("members", "/nodes", {"below_id": node_id, "level": level})
        if node_id is not None and node["level"] != "building":
            calls[f"parent_own_{number}"] = Call("members", "/nodes", {"ids": node_id})
    for number, node_id in enumerate([station] if node["level"] in HOMES else mine):
        calls[f"heir_{number}"] = Call("members", "/nodes", {"below_id": node_id, "level": node["level"]})
    found: dict[str, dict[str, dict[str, Any]]] = {"parent": {}, "heir": {}}
    for name, panel in every(**calls).items():
        for one in panel.content or []:
            if one.get("closed_on") is None and one["id"] != node["id"]:
                found[name.partition("_")[0]][one["id"]] = one
    parents = [one for one in found["parent"].values() if one["level"] in higher]
    options = [[(one["id"], str(one["name"])) for one in rows] for rows in (parents, list(found["heir"].values()))]
    top = [(TOP, _("最上面一级"))] if None in mine and node["level"] not in HOMES else []
    return [*top, *options[0]], options[1]


def _station_above(node: dict[str, Any]) -> str:
    """The station that a place lies in; where there is none, what it lies directly below."""
    ids = [str(UUID(part)) for part in node["path"].strip("/").split("/")[:-1]]
    above = backend.call("members", "GET", "/nodes", query={"ids": ",".join(ids)}) if ids else []
    return next((str(one["id"]) for one in above if one["level"] == "station"), str(node["parent_id"] or node["id"]))
