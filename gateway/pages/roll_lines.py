"""Lines of the roll: who is on it and where they stand, what can be ticked of them, and how they are found."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import presentation
from gateway.i18n import _
from shared.buildings import designation, is_sought, letters_of


@dataclass(slots=True)
class Line:
    """Somebody on the roll: who it is, and where they stand. `state` is `absent`, `open`, `left` or `settled`."""

    member_id: str
    name: str
    state: str = "absent"
    seen: str = ""
    """The attendance that stands there."""
    was_ticked: bool = False
    arrived_at: str | None = None
    left_at: str | None = None
    site_id: str = ""
    site: str = ""
    awaits_nod: bool = False
    own_case: bool = False
    signed_up: bool = False
    runs: bool = True
    """The activity goes on: people may still come."""
    home: str = ""
    compound: str = ""
    building: str = ""
    called: str = ""
    """The building as everybody calls it: of 6号楼, 六栋 and 6# the 6."""
    letters: str = ""
    digits: str = ""
    tail: str = ""
    """The last four digits of the phone, else of the number, and which they are."""
    has_namesake: bool = False
    """Somebody else on the roll or in the station is called so, or nobody knows: no tick before one has looked."""
    code: str = ""
    """The badge or short code that was read just now, and means this person."""
    order: tuple[Any, ...] = field(default=())


def buttons(line: Line) -> list[tuple[str, str, str]]:
    """What can be ticked of somebody: value, word and kind; the first is what it usually is."""
    if line.own_case:
        return []
    comes = [("arrived", _("到了") if line.state == "absent" else _("又来了"))] if line.runs and line.site_id else []
    offered = {
        "absent": comes,
        "open": [("left", _("走了")), *([("not_arrived", _("撤回"))] if line.was_ticked else [])],
        "left": [*([("not_left", _("没走"))] if line.runs else []), *comes],
        "settled": comes,
    }[line.state]
    return [
        (value_of(line, wanted), text, "main" if nth == 0 and line.state in ("absent", "open") else "second")
        for nth, (wanted, text) in enumerate(offered)
    ]


def value_of(line: Line, wanted: str) -> str:
    """What a button sends: the member, what shall be true, what was seen, and where."""
    return ".".join((wanted, line.member_id, line.seen, line.site_id))


def when(line: Line) -> str:
    """Since when somebody is there, or from when to when they were."""
    if line.own_case:
        stands = _from_to(line)
        return " · ".join(part for part in (stands, _("本人或家人，请别的负责人点")) if part)
    return _from_to(line)


def _from_to(line: Line) -> str:
    if line.arrived_at is None:
        return ""
    came = presentation.hour(line.arrived_at)
    if line.left_at is None:
        return _("%(time)s 到", time=came)
    gone = _("%(from_)s 到，%(to)s 走", from_=came, to=presentation.hour(line.left_at))
    return gone + (f" · {_('已确认')}" if line.state == "settled" else "")


def state_of(state: str | None) -> str:
    return {None: "absent", "open": "open", "left": "left"}.get(state, "settled")


def has_one(activity: dict[str, Any]) -> bool:
    return len(activity["sites"]) == 1


def mark_namesakes(lines: Sequence[Line], *, unknown: bool) -> None:
    """`unknown`: members, who know the station, have said nothing."""
    called = Counter(line.name for line in lines)
    for line in lines:
        line.has_namesake = unknown or line.has_namesake or called[line.name] > 1


def lines_of(activity: dict[str, Any], rows: Iterable[dict[str, Any]], named: Iterable[dict[str, Any]]) -> list[Line]:
    """By home and reading, as one walks from house to house; nameless ones last."""
    names = {one["id"]: one for one in named}
    sites = {site["id"]: site["name"] for site in activity["sites"]}
    lines = [
        Line(
            member_id=row["member_id"],
            name="",
            state=state_of(row["state"]),
            seen=row["attendance_id"] or "",
            was_ticked=row["was_ticked"],
            arrived_at=row["arrived_at"],
            left_at=row["left_at"],
            site_id=row["site_id"] or "",
            site="" if has_one(activity) else sites.get(row["site_id"], ""),
            awaits_nod=row["awaits_nod"],
            own_case=row["own_case"],
            signed_up=row["signed_up"],
            runs=activity["state"] == "published",
        )
        for row in rows
    ]
    for line, row in zip(lines, rows, strict=True):
        _call_by_name(line, names.get(line.member_id), row)
    return sorted(lines, key=lambda line: line.order)


def _call_by_name(line: Line, known: dict[str, Any] | None, row: dict[str, Any]) -> None:
    """Members' words where they came, else the masked ones that check-in has."""
    line.compound = (known or {}).get("compound_name") or row.get("compound_name") or ""
    line.building = (known or {}).get("building_name") or row.get("building_name") or ""
    line.called = (designation(letters_of(line.building)) or "").lower()
    line.home = " ".join(part for part in (line.compound, line.building) if part)
    line.name = known["name"] if known else row.get("name_masked") or _("（姓名暂时看不到）")
    number = known["volunteer_number"] if known else row.get("number_tail") or ""
    line.letters = " ".join((known.get("pinyin", ""), known.get("initials", ""))) if known else ""
    phone_tail = (known or {}).get("phone_tail") or ""
    line.digits = " ".join(part for part in (number, phone_tail) if part)
    if phone_tail:
        line.tail = _("手机尾号 %(tail)s", tail=phone_tail)
    elif number:
        line.tail = _("编号尾号 %(tail)s", tail=number[-4:])
    line.has_namesake = bool((known or {}).get("has_namesake"))
    floor = [int(digits) for digits in re.findall(r"\d+", line.building)]
    line.order = (not line.home, line.compound, floor, line.building, line.letters or line.name, line.member_id)


def others_beside(activity: dict[str, Any], candidates: Iterable[dict[str, Any]], there: set[str]) -> list[Line]:
    """Who is not on the roll and may be meant by what was typed: people who come without signing up."""
    lines = []
    viewer = presentation.viewer()
    mine = {str(member.member_id) for member in viewer.members} if viewer else set()
    for member in candidates:
        if member["id"] not in there:
            line = Line(member["id"], "", runs=activity["state"] == "published", own_case=member["id"] in mine)
            _call_by_name(line, member, {})
            lines.append(line)
    return lines


def plain(text: str) -> str:
    return re.sub(r"[\s\-']", "", text).lower()


def matches(line: Line, text: str) -> bool:
    """Whether somebody is found by a part of name or home, the building as anybody calls it, the start of the reading,
    or the end of a number.
    """
    wanted = plain(text)
    if wanted.isascii() and wanted.isdigit() and any(digits.endswith(wanted) for digits in line.digits.split()):
        return True
    if wanted.isascii() and wanted.isalpha() and any(part.startswith(wanted) for part in line.letters.split()):
        return True
    return wanted in plain(line.name + line.home) or is_sought(text, line.compound, line.building)
