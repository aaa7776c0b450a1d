"""Roles: who may do what where. Administrators only; nobody grants to themselves."""

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import asking_for_people, by_id, describe, every, nodes_of, told_apart
from shared.errors import HuzhuError, NotFound
from shared.principal import Role

ROWS = 100
EVERYWHERE = "everywhere"

pages = Blueprint("grants", __name__)


def role_names() -> dict[str, str]:
    return {
        Role.ORGANIZER: _("活动负责人"),
        Role.STAFF: _("社区工作者"),
        Role.ADMINISTRATOR: _("管理员"),
        Role.AUDITOR: _("监督员"),
        Role.VOLUNTEER: _("志愿者"),
    }


@pages.get("/staff/grants")
@holding(Role.ADMINISTRATOR)
def list_grants() -> ResponseReturnValue:
    return _grants_page(Form())


@pages.post("/staff/grants")
@holding(Role.ADMINISTRATOR)
def add_grant() -> ResponseReturnValue:
    filled = Form.posted()
    everywhere = filled.text("node_id") == EVERYWHERE
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_id": filled.uuid("member_id", _("请选一位志愿者")),
        "role": filled.required("role", _("请选择角色")),
        "node_id": None if everywhere else filled.uuid("node_id", _("请选择在哪里")),
    }
    if filled:
        try:
            backend.call("members", "POST", "/grants", json=content)
            return done.back("/staff/grants", "granted")
        except HuzhuError as refusal:
            filled.blame(refusal)
            if refusal.code == "not_confirmed":
                return _grants_page(filled, to_confirm=content["member_id"]), 422
    return _grants_page(filled), 422


@pages.get("/staff/grants/<uuid:grant_id>/revoke")
@holding(Role.ADMINISTRATOR)
def ask_revoke(grant_id: UUID) -> ResponseReturnValue:
    after = uuid_or_none(request.args.get("after"))
    grants = backend.call("members", "GET", "/grants", query={"limit": ROWS, "after": after})
    grant = next((one for one in grants if one["id"] == str(grant_id)), None)
    if grant is None:
        raise NotFound
    role = role_names().get(grant["role"], grant["role"])
    what = " · ".join((grant["member_name"], role, grant["node_name"] or _("所有地方")))
    action = f"/staff/grants/{grant_id}/revoke"
    follows = _("收回以后马上生效；要再用得重新授予。")
    return done.ask(_("收回这个角色？"), what, follows, action, _("收回"), "/staff/grants")


@pages.post("/staff/grants/<uuid:grant_id>/revoke")
@holding(Role.ADMINISTRATOR)
def revoke_grant(grant_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    try:
        backend.call("members", "DELETE", f"/grants/{grant_id}")
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _grants_page(filled), 422
    return done.back("/staff/grants", "revoked")


def _grants_page(filled: Form, *, to_confirm: str | None = None) -> str:
    """`to_confirm`: who must be confirmed first."""
    wanted = (filled.text("q") or request.args.get("q", "")).strip()[:50]
    after = uuid_or_none(request.args.get("after"))
    grants = backend.call("members", "GET", "/grants", query={"limit": ROWS, "after": after})
    calls = asking_for_people(grant["member_id"] for grant in grants)
    if wanted:
        calls["candidates"] = Call("members", "/members", {"q": wanted, "limit": 20})
    panels = backend.together(**calls)
    candidates = panels["candidates"].needed() if wanted else []
    holders = by_id(panels)
    more = f"/staff/grants?after={grants[-1]['id']}" if len(grants) == ROWS else None
    # The order of this encoding is that of the readings, for all common characters.
    grants.sort(key=lambda grant: (grant["member_name"].encode("gb18030"), grant["member_id"]))
    return render_template(
        "staff/grants.html",
        grants=grants,
        told_apart={member_id: told_apart(member) for member_id, member in holders.items()},
        own_id=str(visitor.require_session().own_member_id),
        to_confirm=to_confirm,
        after=after,
        roles=role_names(),
        nodes=_node_options(),
        wanted=wanted,
        candidates=[(member["id"], describe(member)) for member in candidates],
        more=more,
        filled=filled,
        told=done.said(),
    )


def _node_options() -> list[tuple[str, str]]:
    """Places down to the stations, where the administrator may give a role."""
    mine = nodes_of(Role.ADMINISTRATOR)
    calls = {
        f"{level}_{number}": Call("members", "/nodes", {"below_id": node_id, "level": level})
        for number, node_id in enumerate(mine)
        for level in ("city", "centre", "sub_centre", "station")
    }
    own = {
        f"own_{number}": Call("members", "/nodes", {"ids": node_id}) for number, node_id in enumerate(mine) if node_id
    }
    panels = every(**calls, **own)
    nodes = {
        node["id"]: node for panel in panels.values() for node in panel.content or [] if node.get("closed_on") is None
    }
    options = [(node["id"], str(node["name"])) for node in sorted(nodes.values(), key=lambda node: str(node["path"]))]
    return [(EVERYWHERE, _("所有地方")), *options] if None in mine else options
