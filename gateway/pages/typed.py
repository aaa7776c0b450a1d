"""Typing in what was written on a printed list while the network was away."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend
from gateway.backend import Call
from gateway.forms import Form
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.places import asking_for_stations, chosen_station, describe, every, stations_in
from gateway.presentation import moment
from shared import clock
from shared.errors import Conflict, HuzhuError, Unavailable
from shared.ids import SHORT_CODE_ALPHABET, new_short_code
from shared.principal import Role

ROWS = 15
_PAPER = UUID("6f1d5f0e-4f0a-4f6c-9d0b-6f8f2a6f3b51")
"""Namespace of the ids of orders that were on paper: list and line make the id, so that a line is booked once, also
when its station was merged before all was typed in.
"""
_NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)", re.ASCII)
_LIST_NUMBER = re.compile(r"([0-9]{6})-([A-Z0-9]{4}|([A-Z0-9]{5})[A-Z0-9])")
"""Lists printed by earlier versions have four letters and nothing to check them by."""
ATTEMPTS_MAX = 9
_ENDED = {"refused", "declined", "cancelled", "expired"}

pages = Blueprint("typed", __name__)


@dataclass(slots=True)
class _Line:
    """One line of the list: who, and the gifts that stand in it."""

    number: int
    at: time
    codes: dict[str, str] = field(default_factory=dict)
    """By what names the person, a short code or a number, the field it was typed into."""
    member_id: str = ""
    name: str = ""
    pieces: dict[str, int] = field(default_factory=dict)


@pages.get("/desk/typed")
@holding(Role.ORGANIZER)
def show() -> ResponseReturnValue:
    return _typed_page(Form(), [])


@pages.post("/desk/typed")
@holding(Role.ORGANIZER)
def type_in() -> ResponseReturnValue:
    """Every line as an order of its own; what cannot be covered is said line by line and left to staff."""
    filled = Form.posted()
    station_id = filled.uuid("station_id", _("页面不完整，请刷新再试"))
    number = _read_number(filled)
    day = filled.day("day") or clock.today().isoformat()
    lines = _read_lines(filled, _noon_of(day))
    if filled and not lines:
        filled.fail("line-1", _("请至少填一行"))
    if filled:
        _find_people(filled, lines)
    if not filled:
        return _typed_page(filled, []), 422
    gifts = backend.call("rewards", "GET", "/gifts", query={"station_id": station_id, "limit": 200})
    prices = {gift["id"]: gift["points"] for gift in gifts}
    told = [_book(line, station_id, number, day, prices) for line in lines]
    return _typed_page(Form({"station_id": station_id, "list_number": number, "day": day}), told)


def _read_number(filled: Form) -> str:
    """As it is printed: one that somebody made up could stand on two lists, and book a line of neither or of both; and
    a line typed in under a wrong one would be booked again under the right one.
    """
    filled.required("list_number", _("请填写名单上的单号"), length_max=40)
    number = filled.narrow("list_number").upper()
    parts = _LIST_NUMBER.fullmatch(number)
    is_wrong = parts is None or (parts[3] is not None and number != _number(parts[1], parts[3]))
    if "list_number" not in filled.errors and is_wrong:
        filled.fail("list_number", _("单号不对，请照名单上面的单号抄写，例如 261125-AB23CE"))
    return number


def new_list_number(day: str) -> str:
    """What a printed list is called; `day` as 261125. Random enough that all lists of a county's day differ."""
    return _number(day, new_short_code(5))


def _number(day: str, letters: str) -> str:
    """With a letter at the end that tells one wrong letter from the right one, but for once in 32."""
    digest = hashlib.sha256(f"{day}-{letters}".encode()).digest()
    return f"{day}-{letters}{SHORT_CODE_ALPHABET[digest[0] % len(SHORT_CODE_ALPHABET)]}"


def _noon_of(day: str) -> time:
    """What stands for the time of a line that has none: noon, or now where noon is still to come."""
    now = clock.now().astimezone(clock.SHANGHAI)
    return min(time(12), now.time()) if day == now.date().isoformat() else time(12)


def _read_lines(filled: Form, noon: time) -> list[_Line]:
    """What was typed, lines of one number together; `noon` where no time was."""
    lines: dict[int, _Line] = {}
    for row in range(1, ROWS + 1):
        if not any(filled.text(f"{name}-{row}") for name in ("line", "who", "pieces")):
            continue
        number = filled.whole(f"line-{row}", _("请填写行号"))
        filled.required(f"who-{row}", _("请填写短码或志愿者编号"))
        code = filled.narrow(f"who-{row}")
        gift_id = filled.uuid(f"gift-{row}", _("请选择礼品"))
        pieces = filled.whole(f"pieces-{row}", _("件数请填整数"))
        if not 0 < pieces <= 100:
            filled.fail(f"pieces-{row}", _("件数请填整数"))
        at = filled.time_of_day(f"at-{row}", "") if filled.text(f"at-{row}") else noon
        line = lines.setdefault(number, _Line(number, at or noon))
        for one in _codes_in(code):
            line.codes.setdefault(one, f"who-{row}")
        line.pieces[gift_id] = line.pieces.get(gift_id, 0) + pieces
    return list(lines.values())


def _codes_in(typed: str) -> list[str]:
    """A short code, a number or a badge; or number and short code, which people write side by side to be safe."""
    number = _NUMBER.search(typed)
    rest = _NUMBER.sub("", typed).strip(" /，,、；;()（）") if number else ""
    return [number[0], rest] if number and rest else [typed]


def _find_people(filled: Form, lines: list[_Line]) -> None:
    """Whom the codes mean, all asked at once; who is not found, and two people in one line, is a fault of the line."""
    codes = list(dict.fromkeys(code for line in lines for code in line.codes))
    answers = backend.call("members", "POST", "/badges/read", json={"codes": codes})
    found = {answer["code"]: answer["member"] for answer in answers}
    for line in lines:
        first, *_others = line.codes
        for code, name in line.codes.items():
            if found.get(code) is None:
                filled.fail(name, _("没有这个短码或编号，请核对"))
            elif found.get(first) and found[code]["id"] != found[first]["id"]:
                filled.fail(name, _two_people((first, found[first]), (code, found[code])))
        if filled:
            line.member_id, line.name = found[first]["id"], found[first]["name"]


def _two_people(*meant: tuple[str, dict[str, Any]]) -> str:
    """The question which of two people is right, with what tells them apart."""
    numbers, codes = (
        [describe(who) for code, who in meant if bool(_NUMBER.search(code)) is is_number] for is_number in (True, False)
    )
    if numbers and codes:
        return _("编号是%(one)s，短码是%(other)s，请核对", one=numbers[0], other=codes[0])
    one, other = numbers or codes
    return _("同一行号写了两个人：%(one)s，%(other)s，请核对", one=one, other=other)


def _book(line: _Line, station_id: str, number: str, day: str, prices: dict[str, int]) -> dict[str, Any]:
    """What became of a line, as sentences; an answer that did not come is asked for again by typing it in again. What
    was booked before is told as such, with the prices of then.

    A line of which everything was refused or taken back may be typed in otherwise: the next id in its place then.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        told = _book_once(line, station_id, number, day, prices, attempt)
        if not told.get("came_to_nothing"):
            break
    return told


def _book_once(
    line: _Line, station_id: str, number: str, day: str, prices: dict[str, int], attempt: int
) -> dict[str, Any]:
    order_id = str(uuid5(_PAPER, f"{number} {line.number}" + (f" {attempt}" if attempt > 1 else "")))
    then = datetime.combine(datetime.fromisoformat(day), line.at, clock.SHANGHAI)
    content = {
        "id": order_id,
        "station_id": station_id,
        "member_id": line.member_id,
        "lines": [
            {"gift_id": gift_id, "quantity": pieces, "points": prices.get(gift_id, 1) * pieces}
            for gift_id, pieces in sorted(line.pieces.items())
        ],
        "paper": {"list_number": number, "line": line.number, "handed_over_at": then.isoformat()},
    }
    told = {"line": line.number, "name": line.name, "order_id": order_id}
    try:
        order = backend.call("rewards", "POST", "/desk-orders", json=content)
    except Unavailable:
        return told | {"kind": "wait", "sentences": [_("系统忙，还不知道有没有录上。请照样再录一次，不会重复扣积分。")]}
    except Conflict:
        known = backend.together(order=Call("rewards", f"/desk-orders/{order_id}"))["order"].content
        came_to_nothing = known is not None and {one["state"] for one in known["lines"]} <= _ENDED
        return told | {"kind": "other", "sentences": _booked_before(known), "came_to_nothing": came_to_nothing}
    except HuzhuError as refusal:
        return told | {"kind": "refused", "sentences": [_(refusal.detail)], "order_id": None}
    outcome = _outcome(order)
    if order["repeated"]:
        outcome["sentences"].insert(0, _("这一行已经登记过（%(when)s），没有再记账。", when=moment(order["at"])))
        outcome["kind"] = "known" if outcome["kind"] == "ok" else outcome["kind"]
    return told | outcome


def _booked_before(known: dict[str, Any] | None) -> list[str]:
    """What stands in a line that was typed in otherwise this time; who may not see it is told that much."""
    if known is None:
        return [_("这一行以前录过，内容和这次不一样。请点开核对。")]
    booked = "、".join(f"{line['gift_name']} × {line['quantity']}" for line in known["lines"])
    who = known["member_name"] or _("（姓名暂时看不到）")
    return [
        _("这一行 %(when)s 已经登记过：%(name)s，%(gifts)s。", when=moment(known["at"]), name=who, gifts=booked),
        _("和这次写的不一样，这次没有记账。请点开核对。"),
    ]


def _outcome(order: dict[str, Any]) -> dict[str, Any]:
    sentences = []
    for line in order["lines"]:
        what = f"{line['gift_name']} × {line['quantity']}"
        match line["state"]:
            case "fulfilled":
                sentences.append(_("%(what)s：已记账", what=what))
            case "requested" | "confirmed":
                sentences.append(_("%(what)s：积分系统没有应答，请稍后点开再试", what=what))
            case "cancelled":
                sentences.append(_("%(what)s：录过，又收回了，没有扣积分", what=what))
            case _other:
                reason = line["reason"] or ""
                sentences.append(_("%(what)s：没有扣积分，%(reason)s。请工作人员处理", what=what, reason=_(reason)))
    states = {line["state"] for line in order["lines"]}
    kind = "ok" if states == {"fulfilled"} else "wait" if states & {"requested", "confirmed"} else "refused"
    return {"kind": kind, "sentences": sentences}


def _typed_page(filled: Form, told: list[dict[str, Any]]) -> str:
    stations = stations_in(every(**asking_for_stations(Role.ORGANIZER)))
    station = chosen_station(stations, filled.text("station_id") or request.args.get("station_id"))
    station_id = station["id"] if station else None
    day = filled.text("day") or request.args.get("day") or clock.today().isoformat()
    gifts, missed = _gifts_and_missed(station_id, day) if station_id else ([], [])
    return render_template(
        "desk_paper/typed.html",
        filled=filled,
        told=told,
        station_id=station_id,
        stations=[(one["name"], f"/desk/typed?station_id={one['id']}", one["id"] == station_id) for one in stations],
        gifts=[(gift["id"], gift["name"]) for gift in gifts],
        missed=missed,
        rows=range(1, ROWS + 1),
        today=clock.today().isoformat(),
    )


def _gifts_and_missed(station_id: str, day: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """What may be typed in, and what of the day was refused and waits for staff; None where that is not known."""
    panels = backend.together(
        gifts=Call("rewards", "/gifts", {"station_id": station_id, "limit": 200}),
        missed=Call("rewards", f"/stations/{station_id}/missed", {"day": day}),
    )
    return panels["gifts"].needed(), panels["missed"].content
