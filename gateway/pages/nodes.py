"""The station tree: what lies below an administrator's own places, and adding to it."""

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import nodes_of
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 200

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
        panels = backend.together(
            **{level: Call("members", "/nodes", {"level": level, "limit": ROWS}) for level in level_names()}
        )
        nodes = [node for panel in panels.values() for node in panel.content or [] if node["parent_id"] is None]
    else:
        ids = ",".join(str(node_id) for node_id in mine)
        nodes = backend.call("members", "GET", "/nodes", query={"ids": ids})
    names = list(level_names().items())
    lower = names[list(level_names()).index(parent["level"]) + 1 :] if parent else names
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
