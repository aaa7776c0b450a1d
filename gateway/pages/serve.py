"""Serving people at the desk (现场兑换): find one, see what they may have, hand over several gifts, print a slip.

Made for a scanner and a keyboard: each page puts the focus where the next key goes, and after the last of a person's
pages Enter brings the empty search again.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.backend import Call, Panel
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.desk import look_up, too_late_to_undo
from gateway.pages.places import (
    asking_for_people,
    asking_for_stations,
    asking_who,
    by_id,
    chosen_station,
    describe,
    meant_by,
    stations_in,
)
from shared import clock
from shared.errors import Conflict, Forbidden, HuzhuError, Unavailable
from shared.ids import SHORT_CODE_LENGTH, read_short_code
from shared.principal import Role

LINES_MAX = 10
"""Gifts in one order, as rewards takes them."""
TAIL_DIGITS = 4
"""So many of a phone's last digits find somebody, as members takes them."""
AGAIN_WITHIN = timedelta(minutes=10)
"""The same gifts once more for one person within this time are asked about: the answer may have been lost."""

pages = Blueprint("serve", __name__)


# --- Finding ------------------------------------------------------------------------------------------


@pages.get("/desk/serve")
@holding(Role.ORGANIZER)
def search() -> ResponseReturnValue:
    """One field for whatever is scanned or typed; a single match is opened at once."""
    text = unicodedata.normalize("NFKC", request.args.get("q", "")).strip()
    if _is_voucher(text):
        return look_up(Form({"code": text}))
    calls = asking_for_stations(Role.ORGANIZER)
    if text:
        calls |= asking_who(text)
    if wanted := next(iter(visitor.station_wanted(uuid_or_none(request.args.get("station_id")))), None):
        calls["called"] = Call("rewards", f"/stations/{wanted}/calls")
    panels = backend.together(**calls)
    try:
        stations = stations_in(panels)
    except Unavailable:
        stations = []
    station = chosen_station(stations, request.args.get("station_id"))
    station_id = station["id"] if station else None
    answers = [panels[name] for name in ("found", "read") if name in panels]
    meant = meant_by(panels.get("read"))
    matches = _matches(meant, panels.get("found", Panel()), station_id)
    if len(matches) == 1 and station_id:
        return redirect(f"/desk/serve/{matches[0]['id']}?station_id={station_id}", 303)
    return render_template(
        "serve/search.html",
        text=text,
        numbering=Form(),
        station_id=station_id,
        stations=[(one["name"], f"/desk/serve?station_id={one['id']}", one["id"] == station_id) for one in stations],
        matches=[(one["id"], describe(one), _fits_by(one, text)) for one in matches],
        is_void=meant is not None and meant["outcome"] == "void",
        members_away=any(panel.error for panel in answers) or not stations,
        called=panels["called"].content if wanted else {"number": None},
    )


def _matches(meant: dict[str, Any] | None, found: Panel, station_id: str | None) -> list[dict[str, Any]]:
    """Who was meant, by badge or short code before anything else; nobody by a badge that is void."""
    if meant is not None:
        return [meant["member"]] if meant["member"] else []
    return _at_home_first(found.content or [], station_id)


def _is_voucher(text: str) -> bool:
    """A link or token of a voucher, or its typed code, which is never all digits like a volunteer number."""
    code = read_short_code(text)
    typed = len(code) == SHORT_CODE_LENGTH and code.isascii() and code.isalnum() and not code.isdigit()
    return typed or bool(re.search(r"(^|/v/)V1\.", text))


def _at_home_first(found: list[dict[str, Any]], station_id: str | None) -> list[dict[str, Any]]:
    """Those of this desk's station; only when nobody of it was meant, the others, who learn where to go."""
    here = [one for one in found if one.get("station_id") == station_id]
    return here or found


def _fits_by(member: dict[str, Any], text: str) -> str:
    """By which number somebody was found: the same four digits end the phone of one and the number of another."""
    if not (member["full"] and text.isascii() and text.isdigit()):
        return ""
    if member["volunteer_number"].endswith(text):
        return _("编号尾号相符")
    if len(text) < TAIL_DIGITS or text in (member["compound_name"], member["building_name"]) or text in member["name"]:
        return ""
    return _("手机尾号相符") if len(text) == TAIL_DIGITS else _("手机号相符")


# --- Serving ------------------------------------------------------------------------------------------


@pages.get("/desk/serve/<uuid:member_id>")
@holding(Role.ORGANIZER)
def show_member(member_id: UUID) -> ResponseReturnValue:
    return _member_page(member_id, _station_of_request(), Form())


@pages.post("/desk/serve/<uuid:member_id>")
@holding(Role.ORGANIZER)
def serve(member_id: UUID) -> ResponseReturnValue:
    """Everything chosen as one order; the id made with the form makes a second post the same order."""
    filled = Form.posted()
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    order_id = filled.uuid("id", _("页面不完整，请刷新再试"))
    lines = _chosen_lines(filled)
    if not filled:
        return _member_page(member_id, station_id or _station_of_request(), filled), 422
    before = _before_it_is_taken(member_id, station_id, order_id)
    for line, most in _beyond_limits(before, lines):
        filled.fail(f"pieces-{line['gift_id']}", _("最多只能给 %(count)s 件", count=most))
    if not filled:
        return _member_page(member_id, station_id, filled), 422
    if (short := _points_short(before, lines)) is not None:
        filled.fail("", _("一共要 %(points)s 积分，还差 %(short)s", **short))
        return _member_page(member_id, station_id, filled), 422
    if not filled.text("again") and (when := _given_just_now(before, lines)):
        filled.fail("", _("%(when)s 刚给这位发过同样的礼品。真要再发一份，请再按一次“确认发放”。", when=when))
        return _member_page(member_id, station_id, filled, again=True), 422
    order = {"id": order_id, "station_id": station_id, "member_id": str(member_id), "lines": lines}
    try:
        backend.call("rewards", "POST", "/desk-orders", json=order)
    except Unavailable:
        filled.fail("", _("系统忙，还不知道有没有办成。请再按一次“确认发放”，不会重复扣积分。"))
        return _member_page(member_id, station_id, filled, kept={line["gift_id"] for line in lines}), 503
    except (Forbidden, Conflict) as refusal:
        filled.fail("", _(refusal.detail))
        filled.renew()
        return _member_page(member_id, station_id, filled), 422
    return redirect(f"/desk/orders/{order_id}", 303)


def _station_of_request() -> str:
    return str(uuid_or_none(request.args.get("station_id")) or UUID(int=0))


def _chosen_lines(filled: Form) -> list[dict[str, Any]]:
    """What was asked for, gift by gift; empty and 0 are nothing."""
    lines = []
    for name in filled.typed:
        if not name.startswith("pieces-") or filled.text(name) in ("", "0"):
            continue
        gift_id = uuid_or_none(name.removeprefix("pieces-"))
        pieces = filled.whole(name, _("件数请填整数"))
        price = filled.whole(f"price-{gift_id}", _("页面不完整，请刷新再试"))
        if not 0 < pieces <= 100:
            filled.fail(name, _("件数请填整数"))
        lines.append({"gift_id": str(gift_id), "quantity": pieces, "points": price * pieces})
    if not lines:
        filled.fail("", _("请至少给一种礼品填上件数"))
    elif len(lines) > LINES_MAX:
        filled.fail("", _("一次最多兑换 %(count)s 种礼品，其余的请再办一次", count=LINES_MAX))
    return lines


def _before_it_is_taken(member_id: UUID, station_id: str, order_id: str) -> dict[str, Any]:
    """What an order is compared with. Nothing when it is known already and was sent again after its answer was lost:
    its points are spent.
    """
    panels = backend.together(
        known=Call("rewards", f"/desk-orders/{order_id}"),
        balance=_balance_of(member_id, station_id),
        desk=Call("rewards", f"/stations/{station_id}/desk", {"member_id": member_id}),
    )
    return {} if panels["known"].content else {name: panels[name].content for name in ("balance", "desk")}


def _beyond_limits(before: dict[str, Any], lines: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Lines that ask for more than the shelf or the quarter's limit has, with how many it could be."""
    gifts = {gift["id"]: gift for gift in (before.get("desk") or {"gifts": ()})["gifts"]}
    for line in lines:
        gift = gifts.get(line["gift_id"])
        if gift is None:
            continue
        left = gift["left_for_member"]
        most = gift["available"] if left is None else min(gift["available"], left)
        if line["quantity"] > most:
            yield line, most


def _points_short(before: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, str] | None:
    """What is missing for all of it, before one line is paid and another is not."""
    if not before.get("balance"):
        return None
    points = sum(line["points"] for line in lines)
    short = points - before["balance"][0]["points_available"]
    return {"points": presentation.points(points), "short": presentation.points(short)} if short > 0 else None


def _given_just_now(before: dict[str, Any], lines: list[dict[str, Any]]) -> str | None:
    """When this person was given the very same, if that was just now. Who came back to an empty form, since the network
    broke before the receipt was there, would else give everything twice.
    """
    orders: dict[str, dict[str, int]] = defaultdict(dict)
    times = {}
    for one in (before.get("desk") or {"served": ()})["served"]:
        orders[one["order_id"]][one["gift_id"]] = one["quantity"]
        times[one["order_id"]] = one["requested_at"]
    wanted = {line["gift_id"]: line["quantity"] for line in lines}
    since = clock.now() - AGAIN_WITHIN
    same = [times[key] for key, given in orders.items() if given == wanted]
    return next((presentation.hour(at) for at in reversed(same) if presentation.read_moment(at) > since), None)


def _balance_of(member_id: UUID | str, station_id: str) -> Call:
    return Call("points", f"/stations/{station_id}/balances", {"member_ids": member_id})


def _member_page(
    member_id: UUID, station_id: str, filled: Form, *, again: bool = False, kept: Collection[str] = ()
) -> str:
    """What this person can have. Gifts that are `kept` stay in the form though they may be out of reach by now: the
    order that is to be sent again may have taken the last of them.
    """
    panels = backend.together(
        member=Call("members", f"/members/{member_id}"),
        balance=_balance_of(member_id, station_id),
        desk=Call("rewards", f"/stations/{station_id}/desk", {"member_id": member_id}),
        vouchers=_vouchers_of(member_id, station_id),
    )
    desk = panels["desk"].needed()
    balances = panels["balance"].content
    available = balances[0]["points_available"] if balances else None
    gifts = [gift | {"obstacle": None if gift["id"] in kept else _obstacle(gift, available)} for gift in desk["gifts"]]
    # What can be had comes first, so that the keys reach it first.
    gifts.sort(key=lambda gift: gift["obstacle"] is not None)
    return render_template(
        "serve/member.html",
        filled=filled,
        member_id=member_id,
        station_id=station_id,
        name=describe(panels["member"].content),
        members_away=isinstance(panels["member"].error, Unavailable),
        available=available,
        points_away=panels["balance"].error is not None,
        desk=desk,
        gifts=gifts,
        # What an order at the desk left unfinished stands among what was served.
        vouchers=[one for one in panels["vouchers"].content or [] if not one["order_id"]],
        again=again,
    )


def _vouchers_of(member_id: UUID, station_id: str) -> Call:
    """What was redeemed on the phone and waits here: who left the phone at home can have it all the same."""
    query = {"member_id": member_id, "state": "confirmed"}
    return Call("rewards", f"/stations/{station_id}/redemptions", query)


def _obstacle(gift: dict[str, Any], available: int | None) -> str | None:
    """Why not one piece of this gift can be had now, in a word."""
    if not gift["available"]:
        return _("没有了")
    if gift["left_for_member"] == 0:
        return _("本季度已兑满 %(count)s 件", count=gift["limit_per_quarter"])
    if available is not None and available < gift["points"]:
        return _("还差 %(points)s 积分", points=presentation.points(gift["points"] - available))
    return None


# --- What became of it --------------------------------------------------------------------------------


@pages.get("/desk/orders/<uuid:order_id>")
@holding(Role.ORGANIZER)
def show_order(order_id: UUID) -> ResponseReturnValue:
    return _order_page(order_id, Form())


@pages.post("/desk/orders/<uuid:order_id>/finish")
@holding(Role.ORGANIZER)
def finish(order_id: UUID) -> ResponseReturnValue:
    """Ask points again for what they had not answered."""
    filled = Form.posted()
    try:
        backend.call("rewards", "POST", f"/desk-orders/{order_id}/finish")
    except HuzhuError as refusal:
        if isinstance(refusal, Unavailable):
            raise
        filled.blame(refusal)
        return _order_page(order_id, filled), 422
    return redirect(f"/desk/orders/{order_id}", 303)


def _order_page(order_id: UUID, filled: Form) -> str:
    order = backend.call("rewards", "GET", f"/desk-orders/{order_id}")
    by_state: dict[str, list[dict[str, Any]]] = {}
    for line in order["lines"]:
        by_state.setdefault(line["state"], []).append(line)
    given = by_state.get("fulfilled", [])
    waiting = by_state.get("requested", []) + by_state.get("confirmed", [])
    panels = backend.together(
        member=Call("members", f"/members/{order['member_id']}"),
        balance=_balance_of(order["member_id"], order["station_id"]),
    )
    balances = panels["balance"].content
    return render_template(
        "serve/order.html",
        filled=filled,
        order=order,
        name=_called(order, panels["member"].content),
        available=balances[0]["points_available"] if balances else None,
        given=given,
        too_late=next((why for line in given if (why := too_late_to_undo(line))), None),
        waiting=waiting,
        refused=by_state.get("refused", []) + by_state.get("declined", []),
        taken_back=by_state.get("cancelled", []) + by_state.get("expired", []),
        total=sum(line["points"] for line in given),
    )


def _name_of(order: dict[str, Any]) -> str:
    """The full name, as the desk compares it with a card; the masked one when members is away."""
    return _called(order, backend.together(member=Call("members", f"/members/{order['member_id']}"))["member"].content)


def _called(order: dict[str, Any], member: dict[str, Any] | None) -> str:
    return describe(member) if member else str(order["member_name"] or _("（姓名暂时看不到）"))


# --- On paper -----------------------------------------------------------------------------------------


@pages.get("/desk/orders/<uuid:order_id>/slip")
@holding(Role.ORGANIZER)
def print_slip(order_id: UUID) -> ResponseReturnValue:
    """One person's lines to sign."""
    order = backend.call("rewards", "GET", f"/desk-orders/{order_id}")
    station = {"station_name": order["station_name"]}
    lines = [line | station for line in order["lines"] if line["state"] == "fulfilled"]
    return _slips_page(lines, order["at"], order["station_id"], _name_of(order))


@pages.get("/desk/slips")
@holding(Role.ORGANIZER)
def print_slips() -> ResponseReturnValue:
    """A day's lines to sign, in the order in which people came."""
    station_id = _station_of_request()
    day = Form(request.args).day("day") or clock.today().isoformat()
    lines = backend.call("rewards", "GET", f"/stations/{station_id}/handed-over", query={"day": day})
    # Nobody can sign beside 李*梅: without the names there is no sheet.
    panels = backend.together(**asking_for_people(line["member_id"] for line in lines))
    for panel in panels.values():
        panel.needed()
    known = by_id(panels)
    lines = [
        line | {"member_name": known[line["member_id"]]["name"]} if line["member_id"] in known else line
        for line in lines
    ]
    return _slips_page(lines, f"{day}T12:00:00+08:00", station_id, None)


def _slips_page(lines: list[dict[str, Any]], day: str, station_id: str, name: str | None) -> str:
    """The way back is to the search: the next person waits."""
    return render_template(
        "serve/slips.html",
        lines=lines,
        station="、".join(dict.fromkeys(line["station_name"] for line in lines)),
        day=day,
        back=f"/desk/serve?station_id={station_id}",
        name=name,
        total=sum(line["points"] for line in lines),
    )
