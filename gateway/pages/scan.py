"""Signing in and out by a place code that was read before (see `arrive`), for one or several of a login."""

from typing import Any

import msgspec
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway import backend, guards, read_codes, visitor
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import logged_in, open_page
from gateway.i18n import _
from gateway.pages import outcomes
from gateway.pages.choose import member_options
from gateway.parts import parts
from shared import clock, tokens
from shared.errors import HuzhuError, Unavailable

OUTCOME_COOKIE = "huzhu_outcome"
OUTCOME_LIFETIME_S = 600
MEMBERS_MAX = 10
RECORDS_ASKED = 5
REASON_SHOWN_MAX = 80
_OF_ALL = ("direction", "title", "window", "ends_at", "reason")
_OF_EACH = ("member_id", "outcome", "at", "marks", "why", "waits", "recorded_at", "minutes")

pages = Blueprint("scan", __name__)


@pages.get("/scan")
@open_page
def ask() -> ResponseReturnValue:
    """With a code that was read: for whom? Without one: how to read one."""
    if visitor.session() is None:
        return redirect("/login?next=/scan", 303)
    if (asked := guards.to_consents()) is not None:
        return asked
    if read_codes.find(read_codes.SCAN) is None:
        return render_template("scan/ask.html", filled=Form())
    return _confirm_page(Form())


@pages.post("/scan/typed")
@open_page
def take_typed() -> ResponseReturnValue:
    filled = Form.posted()
    code = filled.required("code", _("请把码的内容粘贴进来"), length_max=400)
    if not filled:
        return render_template("scan/ask.html", filled=filled), 422
    if not read_codes.may_be_place_code(code):
        return redirect("/scan/foreign", 303)
    response = redirect("/scan", 303)
    read_codes.keep(response, read_codes.SCAN, code.rpartition("/")[2])
    return response


@pages.get("/scan/foreign")
@open_page
def show_foreign() -> ResponseReturnValue:
    """For what cannot be a place code: said at once, before anybody logs in or taps for it."""
    outcome = {"outcome": "invalid_code", "why": "forged"}
    return render_template("scan/result.html", shown=[outcomes.shown(outcome, "")], departing=False)


@pages.post("/scan/drop")
@open_page
def drop() -> ResponseReturnValue:
    """Let go of the code that was read, to read another."""
    response = redirect("/scan", 303)
    read_codes.clear(response, read_codes.SCAN)
    return response


@pages.post("/scan")
@logged_in
def sign() -> ResponseReturnValue:
    """Post, then show on a page of its own: refreshing and going back scan nothing again."""
    read = read_codes.find(read_codes.SCAN)
    if read is None:
        # The form lay open for more than ten minutes, or was sent twice: what was decided is shown.
        return redirect("/scan/result" if OUTCOME_COOKIE in request.cookies else "/scan", 303)
    filled = Form.posted()
    member_ids = _chosen(filled)
    if not filled:
        return _confirm_page(filled), 422
    try:
        decided = _scan(read, member_ids)
    except Unavailable:
        return _confirm_page(filled, busy=True), 503
    except HuzhuError as refusal:
        filled.blame(refusal)
        return _confirm_page(filled), 422
    response = redirect("/scan/result", 303)
    read_codes.clear(response, read_codes.SCAN)
    _keep_outcomes(response, _with_records(decided))
    return response


def _chosen(filled: Form) -> list[str]:
    session = visitor.require_session()
    mine = {str(member.member_id) for member in session.members}
    chosen = [member_id for member_id in dict.fromkeys(filled.chosen("member_ids")) if member_id in mine]
    if not chosen:
        filled.fail("member_ids", _("请至少选一位"))
    if len(chosen) > MEMBERS_MAX:
        filled.fail("member_ids", _("一次最多 %(count)s 位", count=MEMBERS_MAX))
    return chosen


def _scan(read: read_codes.CodeRead, member_ids: list[str]) -> list[dict[str, Any]]:
    """Every member's outcome. For a single member checkin answers a refusal with a problem, which holds it."""
    try:
        answer = backend.call(
            "checkin", "POST", "/scans", json={"code": read.code, "member_ids": member_ids}, read_at=read.read_at
        )
        return list(answer["outcomes"])
    except HuzhuError as refusal:
        found = (refusal.errors or {}).get("outcomes")
        if not found:
            raise
        return list(found)


def _with_records(decided: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outcomes with what the members' records say now; without it where check-in cannot say at once."""
    panels = backend.together(
        **{one["member_id"]: _newest_records(one["member_id"]) for one in decided if one.get("attendance_id")}
    )
    records = {record["id"]: record for panel in panels.values() for record in panel.content or []}
    return [one | _of_record(records.get(one.get("attendance_id")), one) for one in decided]


def _newest_records(member_id: str) -> Call:
    return Call("checkin", "/attendances", {"member_id": member_id, "limit": RECORDS_ASKED})


def _of_record(record: dict[str, Any] | None, outcome: dict[str, Any]) -> dict[str, Any]:
    departing = outcome["direction"] == "departure"
    return {
        "recorded_at": record and record["left_at" if departing else "arrived_at"],
        "minutes": record["minutes"] if record and departing else None,
        "ends_at": record and record["activity_ends_at"],
    }


@pages.get("/scan/result")
@logged_in
def result() -> ResponseReturnValue:
    decided = _kept_outcomes()
    names = {str(member.member_id): member.name for member in visitor.require_session().members}
    mine = [outcome for outcome in decided if outcome["member_id"] in names]
    if not mine:
        return render_template("scan/gone.html")
    return render_template(
        "scan/result.html",
        shown=[outcomes.shown(outcome, names[outcome["member_id"]]) for outcome in mine],
        departing=mine[0]["direction"] == "departure",
    )


def _confirm_page(filled: Form, *, busy: bool = False) -> str:
    read = read_codes.find(read_codes.SCAN)
    assert read is not None
    departing = _is_departure(read.code)
    return render_template(
        "scan/confirm.html",
        filled=filled,
        busy=busy,
        read_at=read.read_at,
        departing=departing,
        leaving_early=_leaving_early() if departing else None,
        options=member_options(),
    )


def _leaving_early() -> dict[str, Any] | None:
    """The record that is open, when its activity goes on for a while yet."""
    member_id = visitor.member_id()
    found = backend.together(records=_newest_records(str(member_id)))["records"].content or []
    now = clock.now().isoformat()
    return next(
        (one for one in found if one["state"] == "open" and outcomes.left_early(now, one["activity_ends_at"])), None
    )


def _is_departure(code: str) -> bool:
    """What the code says of itself, for the button's word; checkin judges whether it is genuine."""
    return code.split(".")[4:5] == ["d"]


def _keep_outcomes(response: Response, decided: list[dict[str, Any]]) -> None:
    """For the page after the post: signed, so that nobody can make a false “签到成功” to show around."""
    # Ten members in one cookie of 4 KiB: what one code has in common is kept once.
    common = {name: next((one[name] for one in decided if one.get(name)), None) for name in _OF_ALL}
    if (reason := common["reason"]) and len(reason) > REASON_SHOWN_MAX:
        common["reason"] = reason[:REASON_SHOWN_MAX] + "…"
    payload = msgspec.json.encode([common, [{name: one[name] for name in _OF_EACH} for one in decided]])
    text = f"{tokens.b64(payload)}.{tokens.b64(_mac(payload))}"
    visitor.set_cookie(response, OUTCOME_COOKIE, text, OUTCOME_LIFETIME_S)


def _kept_outcomes() -> list[dict[str, Any]]:
    payload_text, _dot, signature = request.cookies.get(OUTCOME_COOKIE, "").partition(".")
    try:
        payload = tokens.unb64(payload_text)
        if tokens.same(tokens.unb64(signature), _mac(payload)):
            common, each = msgspec.json.decode(payload)
            return [common | one for one in each]
    except ValueError:
        pass
    return []


def _mac(payload: bytes) -> bytes:
    return tokens.mac(parts().settings.cookie_secret, "scan outcome", payload)
