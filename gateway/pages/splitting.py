"""A station is split: which compounds become those of a new one, since when, and who goes along, asked before it is
done.
"""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.nodes import require_day
from shared import clock
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

pages = Blueprint("splitting", __name__)


@pages.get("/staff/nodes/<uuid:node_id>/split")
@holding(Role.ADMINISTRATOR)
def ask_split(node_id: UUID) -> ResponseReturnValue:
    """The form; and, once it is filled in, what would follow."""
    plan = backend.call("members", "GET", f"/nodes/{node_id}/split")
    if "name" not in request.args:
        return _form_page(plan, Form())
    filled = Form(request.args)
    content = _read(filled)
    if not filled:
        return _form_page(plan, filled), 422
    chosen = [one for one in plan["compounds"] if one["id"] in content["compound_ids"]]
    if not chosen:  # somebody has moved them meanwhile
        filled.fail("compound_ids", _("请选择分到新站的小区"))
        return _form_page(plan, filled), 422
    require_day(filled, "from_day", content.get("from_day"), max(one["since"] for one in chosen))
    if not filled:
        return _form_page(plan, filled), 422
    follows = [
        _("分到新站的小区：%(names)s。", names="、".join(str(one["name"]) for one in chosen)),
        _(
            "从 %(day)s 起算，住在里面的 %(count)s 位志愿者过一会儿跟过去，积分和时长都带着。其余 %(rest)s 位不动。",
            day=presentation.day(content.get("from_day") or clock.today()),
            count=sum(one["people"] for one in chosen),
            rest=plan["people"] - sum(one["people"] for one in chosen),
        ),
        _("在原站有角色的，在两边都有角色。") if content["keep_grants"] else _("新站的角色要另外授予。"),
        _(
            "礼品和库存、服务队和以前的记录留在原站；新站进第一批礼品以前，分过去的人仍在原站兑换。要反悔，把新站并入原站，或把小区移回去。"
        ),
    ]
    fields = {
        "id": content["id"],
        "name": content["name"],
        "compound_ids": ",".join(content["compound_ids"]),
        "from_day": content.get("from_day", ""),
        "keep_grants": "1" if content["keep_grants"] else "",
    }
    what = _("%(name)s：分出%(part)s", name=plan["name"], part=content["name"])
    here = f"/staff/nodes/{node_id}/split"
    return done.ask(_("拆分这个站？"), what, "".join(follows), here, _("拆分"), here, **fields)


@pages.post("/staff/nodes/<uuid:node_id>/split")
@holding(Role.ADMINISTRATOR)
def split(node_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = _read(filled)
    status = 422
    if filled:
        try:
            made = backend.call("members", "POST", f"/nodes/{node_id}/split", json=content)
            return done.back(f"/staff/nodes/{made['id']}", "split")
        except HuzhuError as refusal:
            filled.blame(refusal, {"name_taken": "name", "wrong_day": "from_day", "not_its_compounds": "compound_ids"})
            status = 503 if isinstance(refusal, Unavailable) else 422
    return _form_page(backend.call("members", "GET", f"/nodes/{node_id}/split"), filled), status


def _read(filled: Form) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "name": filled.required("name", _("请填写新站的名称"), length_max=60),
        "compound_ids": _compounds(filled),
        "keep_grants": bool(filled.text("keep_grants")),
    }
    if day := filled.day("from_day"):
        content["from_day"] = day
    return content


def _compounds(filled: Form) -> list[str]:
    """Ticked one by one, or, once asked about, all in one field."""
    typed = [part for text in filled.chosen("compound_ids") for part in text.split(",")]
    chosen = [str(known) for known in map(uuid_or_none, typed) if known is not None]
    if not chosen:
        filled.fail("compound_ids", _("请选择分到新站的小区"))
    return chosen


def _form_page(plan: dict[str, Any], filled: Form) -> str:
    chosen = _compounds(Form({"compound_ids": filled.chosen("compound_ids")}))
    return render_template(
        "staff/split.html",
        plan=plan,
        filled=filled,
        chosen=chosen,
        choices=[(one["id"], one["name"], _("%(count)s 位志愿者", count=one["people"])) for one in plan["compounds"]],
        today=clock.today().isoformat(),
    )
