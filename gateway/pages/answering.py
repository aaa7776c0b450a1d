"""Staff answers what people report and complain of, and writes down what somebody without a phone says."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.concerns import WORDS_MAX, number_asked, read_concern, spoken, state_shown
from gateway.pages.places import describe
from shared.errors import HuzhuError
from shared.principal import Role

ROWS = 50
COUNTED_MAX = 200
"""So many that wait are counted."""
ASKING_WHAT_WAITS = Call("members", "/concerns", {"state": "open", "limit": COUNTED_MAX})
_DONE = {"take": "taken", "answer": "answered", "read": "read", "reopen": "reopened"}

pages = Blueprint("answering", __name__)


@pages.get("/staff/concerns")
@holding(Role.STAFF, Role.AUDITOR)
def list_concerns() -> ResponseReturnValue:
    """Open ones by the day they are due, so that what is overdue comes first."""
    state = "closed" if request.args.get("state") == "closed" else "open"
    kind = request.args.get("kind") if request.args.get("kind") in ("concern", "complaint") else None
    query = {"state": state, "kind": kind, "limit": ROWS, "after": uuid_or_none(request.args.get("after"))}
    found: list[dict[str, Any]] = backend.call("members", "GET", "/concerns", query=query)
    kept = {"state": state} | ({"kind": kind} if kind else {})
    return render_template(
        "concerns/staff_list.html",
        concerns=found,
        state=state,
        kind=kind,
        state_shown=state_shown,
        spoken=spoken,
        who_shown=who_shown,
        more="/staff/concerns?" + urlencode({**kept, "after": found[-1]["id"]}) if len(found) == ROWS else None,
    )


def waiting_shown(answer: Panel) -> str | None:
    """How many wait to be answered or read, and how many of them for too long; None when nothing waits."""
    if answer.error is not None:
        return _("暂时看不到")
    found = answer.content or []
    if not found:
        return None
    count = f"{len(found)}+" if len(found) == COUNTED_MAX else str(len(found))
    overdue = sum(1 for one in found if one["is_overdue"])
    if overdue:
        return _("%(count)s 条待处理，%(overdue)s 条逾期", count=count, overdue=overdue)
    return _("%(count)s 条待处理", count=count)


def who_shown(concern: dict[str, Any]) -> str:
    """Whose it is, for who answers it."""
    if concern["member_id"] is None:
        return _("没有登录，留了联系方式") if concern["has_contact"] else _("匿名")
    return _("%(name)s · 编号尾号 %(tail)s", name=concern["member_name"], tail=concern["volunteer_number"][-4:])


@pages.get("/staff/concerns/<uuid:concern_id>")
@holding(Role.STAFF, Role.AUDITOR)
def show_concern(concern_id: UUID) -> ResponseReturnValue:
    return _concern_page(concern_id, Form())


@pages.post("/staff/concerns/<uuid:concern_id>")
@holding(Role.STAFF)
def act(concern_id: UUID) -> ResponseReturnValue:
    """Take it over, answer it, say that it was read, see how to answer, or question an answer for somebody."""
    filled = Form.posted()
    verb, content = filled.text("action"), dict[str, Any]()
    if verb == "answer":
        content["answer"] = filled.required("answer", _("请写明答复，反映的人会看到"), length_max=WORDS_MAX)
        if corrected := uuid_or_none(filled.text("corrected_id")):
            content["corrected_id"] = str(corrected)
    elif verb == "reopen":
        content["because"] = filled.required("because", _("请写明哪里还不对"), length_max=WORDS_MAX)
    elif verb not in ("take", "read", "contact"):
        filled.fail("", _("页面不完整，请刷新再试"))
    told: dict[str, Any] = {}
    if filled:
        try:
            if verb == "contact":
                told["contact"] = backend.call("members", "GET", f"/concerns/{concern_id}/contact")["contact"]
            else:
                backend.call("members", "POST", f"/concerns/{concern_id}/{verb}", json=content or None)
                return done.back(f"/staff/concerns/{concern_id}", _DONE[verb])
        except HuzhuError as refusal:
            filled.blame(refusal)
    page = _concern_page(concern_id, filled, **told)
    return page if filled else (page, 422)


def _concern_page(concern_id: UUID, filled: Form, **told: Any) -> str:
    concern = backend.call("members", "GET", f"/concerns/{concern_id}")
    day = concern["about_day"] or presentation.read_moment(concern["created_at"]).date().isoformat()
    return render_template(
        "concerns/staff_concern.html",
        concern=concern,
        state=state_shown(concern),
        number=spoken(concern["number"]),
        who=who_shown(concern),
        is_anonymous=concern["member_id"] is None and not concern["has_contact"],
        day=day,
        filled=filled,
        told=done.said(),
        **told,
    )


# --- For somebody without a phone -----------------------------------------------------------------------


@pages.get("/staff/members/<uuid:member_id>/concern")
@holding(Role.STAFF)
def ask_what(member_id: UUID) -> ResponseReturnValue:
    return _new_page(member_id, Form(request.args))


@pages.post("/staff/members/<uuid:member_id>/concern")
@holding(Role.STAFF)
def report(member_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = read_concern(filled, member_id)
    if filled:
        try:
            made = backend.call("members", "POST", "/concerns", json=content)
            return done.back(f"/staff/members/{member_id}/concern?number={made['number']}", "reported")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _new_page(member_id, filled), 422


def _new_page(member_id: UUID, filled: Form) -> str:
    member = backend.call("members", "GET", f"/members/{member_id}")
    return render_template(
        "concerns/for_member.html", member=member, name=describe(member), filled=filled, number=number_asked()
    )
