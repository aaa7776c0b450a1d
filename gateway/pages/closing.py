"""The daily close of a desk (日结): count the shelf, explain differences, sign, print."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, visitor
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.places import asking_for_stations, stations_in
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

CLOSES_SHOWN = 20

pages = Blueprint("closing", __name__)


@pages.get("/desk/close")
@holding(Role.STAFF)
def show() -> ResponseReturnValue:
    return _close_page(Form())


@pages.post("/desk/close")
@holding(Role.STAFF)
def close() -> ResponseReturnValue:
    """What was counted, beside what the page said; refused when anything went out meanwhile."""
    filled = Form.posted()
    close_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    counts = _read_counts(filled)
    if filled:
        try:
            content = {"id": close_id, "station_id": station_id, "counts": counts}
            backend.call("rewards", "POST", "/desk-closes", json=content)
            return redirect(f"/desk/closes/{close_id}", 303)
        except Unavailable:
            filled.fail("", _("系统忙，还不知道有没有办成。请再按一次，不会重复日结。"))
            return _close_page(filled), 503
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _close_page(filled), 422


def _read_counts(filled: Form) -> list[dict[str, Any]]:
    """What was counted; each fault names its gift, since the list at the top stands far from the fields."""
    counts = []
    for gift_id in (name.removeprefix("expected-") for name in filled.typed if name.startswith("expected-")):
        expected = filled.whole(f"expected-{gift_id}", _("页面不完整，请刷新再试"))
        gift, typed = filled.text(f"name-{gift_id}"), filled.text(f"counted-{gift_id}")
        wrong = (
            _("%(gift)s：“%(typed)s”不是件数，请填整数", gift=gift, typed=typed)
            if typed
            else _("%(gift)s：请填写实际点到的件数", gift=gift)
        )
        counted = filled.whole(f"counted-{gift_id}", wrong)
        reason = filled.text(f"reason-{gift_id}")
        if f"counted-{gift_id}" not in filled.errors and counted != expected and not reason:
            what = {"gift": gift, "expected": expected, "counted": counted}
            filled.fail(
                f"reason-{gift_id}", _("%(gift)s：应存 %(expected)s 件，实点 %(counted)s 件，请写明原因", **what)
            )
        counts.append(
            {
                "gift_id": gift_id,
                "expected": expected,
                "pieces": filled.whole(f"out-{gift_id}", _("页面不完整，请刷新再试")),
                "counted": counted,
                "reason": reason,
            }
        )
    return counts


def _say_what_moved(filled: Form, to_count: list[dict[str, Any]]) -> None:
    """At each gift of a form shown again that went out or came in since it was counted, what the books say now."""
    for one in to_count:
        name, gift = f"counted-{one['gift_id']}", one["gift_name"]
        shown = (filled.text(f"expected-{one['gift_id']}"), filled.text(f"out-{one['gift_id']}"))
        now = {"gift": gift, "expected": one["expected"], "pieces": one["pieces"]}
        if not any(shown):
            filled.fail(name, _("%(gift)s：刚有发放或出入库，现在应存 %(expected)s 件，请点数", **now))
        elif shown != (str(one["expected"]), str(one["pieces"])):
            words = _(
                "%(gift)s：点数以后又有发放或出入库，原来应存 %(before)s 件，现在 %(expected)s 件，请重新点数",
                before=shown[0],
                **now,
            )
            filled.fail(name, words)


def _close_page(filled: Form) -> str:
    asked = backend.together(**asking_for_stations(Role.STAFF), left_open=Call("rewards", "/desks-left-open"))
    stations = [(str(one["id"]), one["name"]) for one in stations_in(asked)]
    stations += [(one["station_id"], _left_open(one)) for one in asked["left_open"].needed()]
    wanted = str(uuid_or_none(filled.text("station_id") or request.args.get("station_id")))
    station_id = wanted if wanted in dict(stations) else next(iter(dict(stations)), None)
    panels = (
        backend.together(
            to_count=Call("rewards", f"/stations/{station_id}/to-count"),
            closes=Call("rewards", f"/stations/{station_id}/desk-closes", {"limit": CLOSES_SHOWN}),
        )
        if station_id
        else {}
    )
    to_count = panels["to_count"].needed() if panels else []
    if filled.errors:
        _say_what_moved(filled, to_count)
    return render_template(
        "serve/close.html",
        filled=filled,
        station_id=station_id,
        stations=[(name, f"/desk/close?station_id={key}", key == station_id) for key, name in stations],
        to_count=to_count,
        pieces=sum(one["pieces"] for one in to_count),
        points=sum(one["points"] for one in to_count),
        closes=panels["closes"].content if panels else [],
    )


def _left_open(one: dict[str, Any]) -> str:
    """A station that was merged in the middle of its day: nobody else says that it is still to be closed."""
    return _("%(station)s（已撤并，%(pieces)s 件没有日结）", station=one["station_name"], pieces=one["pieces"])


@pages.get("/desk/closes/<uuid:close_id>")
@holding(Role.STAFF, Role.AUDITOR)
def print_close(close_id: UUID) -> ResponseReturnValue:
    """A close to print and sign; an auditor comes from the audit log and checks how differences were explained."""
    closed = backend.call("rewards", "GET", f"/desk-closes/{close_id}")
    return render_template(
        "serve/closed.html",
        closed=closed,
        back=f"/desk/close?station_id={closed['station_id']}"
        if visitor.require_session().has(Role.STAFF)
        else "/staff/audit?action=desk.close",
        pieces=sum(one["pieces"] for one in closed["counts"]),
        points=sum(one["points"] for one in closed["counts"]),
    )
