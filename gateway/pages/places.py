"""What pages share: lists in full, the stations where somebody may act, homes to choose, and who people are."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from gateway import backend, presentation, visitor
from gateway.backend import Call, Panel
from gateway.forms import uuid_or_none
from gateway.i18n import _
from shared.errors import NotFound
from shared.ids import read_short_code
from shared.principal import Role

IDS_MAX = 200
ROWS_MAX = 200
"""What members gives at once of a list."""
PAGES_MAX = 100
CANDIDATES_MAX = 20

Options = list[tuple[str, list[tuple[str, str]]]]


def every(**asked: Call) -> dict[str, Panel]:
    """Whole lists of members, page after page; what did not come is an error in its panel."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    panels: dict[str, Panel] = {}
    for _page in range(PAGES_MAX):
        answers = backend.together(
            **{
                name: replace(call, query={**(call.query or {}), "limit": ROWS_MAX, "after": _last_id(rows[name])})
                for name, call in asked.items()
                if name not in panels
            }
        )
        for name, answer in answers.items():
            if answer.error is not None:
                panels[name] = answer
                continue
            rows[name] += answer.content or []
            if len(answer.content or []) < ROWS_MAX:
                panels[name] = Panel(rows[name])
        if len(panels) == len(asked):
            break
    return {name: panels.get(name) or Panel(rows[name]) for name in asked}


def _last_id(rows: list[dict[str, Any]]) -> str | None:
    return str(rows[-1]["id"]) if rows else None


def nodes_of(role: Role) -> list[UUID | None]:
    """The nodes at which this login holds the role; None stands for everywhere."""
    paths = visitor.require_session().principal("", None).paths(role)
    return [UUID(path.strip("/").rpartition("/")[2]) if path.strip("/") else None for path in paths]


def stations_of(role: Role) -> list[dict[str, Any]]:
    """The open stations at and below those nodes, by name."""
    return stations_in(every(**asking_for_stations(role)))


def asking_for_stations(role: Role) -> dict[str, Call]:
    """The questions behind `stations_of`, to be asked beside others, in full or for the first of them; `stations_in`
    reads the answers.
    """
    nodes = nodes_of(role)
    calls = {
        f"stations_{number}": Call("members", "/nodes", {"below_id": node_id, "level": "station", "limit": ROWS_MAX})
        for number, node_id in enumerate(nodes)
    }
    if own := [str(node_id) for node_id in nodes if node_id is not None]:
        calls["stations_own"] = Call("members", "/nodes", {"ids": ",".join(own), "limit": ROWS_MAX})
    return calls


def stations_in(panels: Mapping[str, Panel]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for panel in (panel for name, panel in panels.items() if name.startswith("stations_")):
        for node in panel.needed(NotFound) or []:
            if node["level"] == "station" and node.get("closed_on") is None:
                found[node["id"]] = node
    return sorted(found.values(), key=lambda node: str(node["name"]))


def chosen_station(stations: list[dict[str, Any]], wanted: str | None) -> dict[str, Any] | None:
    """The one whose id was asked for, which is kept for the pages to come; else the one kept, else the first."""
    named, by_id_ = uuid_or_none(wanted), {one["id"]: one for one in stations}
    found = next((by_id_[str(one)] for one in visitor.station_wanted(named) if str(one) in by_id_), None)
    if found is not None and str(named) == found["id"]:
        visitor.keep_station(found["id"])
    return found or (stations[0] if stations else None)


def chosen_node(mine: list[UUID | None], wanted: UUID | None) -> UUID | None:
    """The place that was asked for, which is kept where it is one of the own; else everywhere for whose role reaches
    there, the one kept, or the first.
    """
    if wanted is not None:
        if wanted in mine:
            visitor.keep_station(str(wanted))
        return wanted
    if None in mine:
        return None
    return next((one for one in visitor.station_wanted(None) if one in mine), mine[0])


def station_options(role: Role) -> list[tuple[str, str]]:
    """Those stations as choices of a form."""
    return [(node["id"], node["name"]) for node in stations_of(role)]


def home_options(station_id: UUID | str) -> Options:
    """The open compounds of a station as groups, each with itself and its buildings; `read_home` reads the values."""
    return homes_in(every(homes=asking_for_homes(station_id))["homes"])


def asking_for_homes(station_id: UUID | str) -> Call:
    """The question behind `home_options`, to be asked in full beside others; `homes_in` reads the answer."""
    return Call("members", "/nodes", {"below_id": station_id})


def homes_in(panel: Panel) -> Options:
    nodes = [node for node in panel.needed() if node.get("closed_on") is None]
    buildings: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for node in nodes:
        if node["level"] == "building":
            buildings[node["parent_id"]].append(node)
    options: Options = []
    for compound in (node for node in nodes if node["level"] == "compound"):
        name, here = str(compound["name"]), buildings[compound["id"]]
        here.sort(key=lambda node: [int(number) for number in re.findall(r"\d+", node["name"])])
        choices = [(home_value(compound["id"], None), _("%(compound)s（不选楼栋）", compound=name))]
        choices += [(home_value(compound["id"], node["id"]), f"{name} {node['name']}") for node in here]
        options.append((name, choices))
    return options


def homes_for(member: dict[str, Any], station_id: str | None, options: Options) -> tuple[Options, str]:
    """The homes to choose from at a station, and the member's present one: a choice also when it has been closed, so
    that who changes something else does not lose it.
    """
    if station_id != member["station_id"]:
        return options, ""
    present = home_value(member.get("compound_id"), member.get("building_id"))
    if present and present not in {value for _group, choices in options for value, _name in choices}:
        name = " ".join(part for part in (member.get("compound_name"), member.get("building_name")) if part)
        options.insert(0, (_("现在的住处"), [(present, name)]))
    return options, present


def home_value(compound_id: str | None, building_id: str | None) -> str:
    """A compound, or a building in it, as one choice of a form."""
    return ".".join(part for part in (compound_id, building_id) if part)


def read_home(value: str) -> dict[str, str | None]:
    """The compound and the building of such a choice, as members takes them."""
    compound_id, _dot, building_id = value.partition(".")
    ids = {"compound_id": uuid_or_none(compound_id), "building_id": uuid_or_none(building_id)}
    return {name: None if node_id is None else str(node_id) for name, node_id in ids.items()}


def people(member_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Members by id, masked where one may not see more; those that cannot be found now are missing."""
    return by_id(backend.together(**asking_for_people(member_ids)))


def asking_for_people(member_ids: Iterable[str]) -> dict[str, Call]:
    """The questions behind `people`, to be asked beside others; `by_id` reads the answers."""
    wanted = sorted(set(member_ids))
    parts = [wanted[at : at + IDS_MAX] for at in range(0, len(wanted), IDS_MAX)]
    return {
        f"people_{number}": Call("members", "/members", {"ids": ",".join(part)}) for number, part in enumerate(parts)
    }


def by_id(panels: Mapping[str, Panel]) -> dict[str, dict[str, Any]]:
    return {
        member["id"]: member
        for name, panel in panels.items()
        if name.startswith("people_")
        for member in panel.content or []
    }


def asked_for(text: str, limit: int = CANDIDATES_MAX) -> Call:
    """The question who is meant: by name, reading, home, or the tail of a number among those one may see, and by the
    full volunteer number everybody.
    """
    text = unicodedata.normalize("NFKC", text)
    number = re.sub(r"[\s\-]", "", text)
    if re.fullmatch(r"\d{12}", number, re.ASCII):
        return Call("members", "/members", {"number": number})
    return Call("members", "/members", {"q": text, "limit": limit, "status": "active"})


def asking_who(text: str, limit: int = CANDIDATES_MAX) -> dict[str, Call]:
    """The questions who is meant by whatever was typed or scanned, to be asked beside others: `read` of a badge,
    `found` of everything else; of what is as long as a short code both, since a name may have eight Latin letters.
    """
    text = unicodedata.normalize("NFKC", text)
    code = read_short_code(text)
    reading = {"read": Call("members", "/badges/read", content={"codes": [text]})}
    if re.fullmatch(r"HZ1[A-Z2-7]{45}", code):
        return reading
    finding = {"found": asked_for(text, limit)}
    return reading | finding if re.fullmatch(r"[2-9A-HJ-NP-Z]{8}", code) else finding


def is_code(text: str) -> bool:
    """Whether it may be a badge, a short code or a whole volunteer number: whoever has one of them means one person."""
    code = read_short_code(unicodedata.normalize("NFKC", text))
    return bool(re.fullmatch(r"HZ1[A-Z2-7]{45}|[2-9A-HJ-NP-Z]{8}|[0-9]{12}", code))


def meant_by(read: Panel | None) -> dict[str, Any] | None:
    """What a badge or short code means: `outcome` is `found`, with the `member`, or `void`.

    None when what was typed is neither.
    """
    answer = next(iter((read.content if read else None) or []), None)
    return answer if answer and answer["outcome"] != "unknown" else None


def describe(member: dict[str, Any] | None) -> str:
    """Who it is, so that two people of one name can be told apart: 王秀英 · 和谐小区 3 栋 · 尾号 1234."""
    if member is None:
        return _("（姓名暂时看不到）")
    return f"{member['name']} · {told_apart(member)}"


def told_apart(member: dict[str, Any]) -> str:
    """What stands beside a name: home and the tail of the volunteer number."""
    place = " ".join(part for part in (member.get("compound_name"), member.get("building_name")) if part)
    tail = _("编号尾号 %(tail)s", tail=str(member.get("volunteer_number", ""))[-4:])
    return " · ".join(part for part in (place, tail) if part)


def household_of(member: dict[str, Any]) -> list[dict[str, Any]]:
    """Who of the own stations lives with a member."""
    return household_in(backend.together(**asking_for_household(member)), member)


def asking_for_household(member: dict[str, Any]) -> dict[str, Call]:
    """The question behind `household_of`, to be asked beside others; `household_in` reads the answer."""
    if not member.get("household_id"):
        return {}
    query = {"household_id": member["household_id"], "status": "active"}
    return {"household": Call("members", "/members", query)}


def household_in(panels: Mapping[str, Panel], member: dict[str, Any]) -> list[dict[str, Any]]:
    found = panels.get("household", Panel([])).content or []
    return [one for one in found if one["id"] != member["id"]]


def about(member: dict[str, Any]) -> list[tuple[str, str]]:
    """What is known of a member, as names and values."""
    place = " ".join(part for part in (member.get("compound_name"), member.get("building_name")) if part)
    return [
        (_("志愿者编号"), presentation.fours(member["volunteer_number"])),
        (_("实践站"), member.get("station_name") or "–"),
        (_("小区和楼栋"), place or "–"),
        (_("出生日期"), presentation.day(member["birth_date"]) if member.get("birth_date") else "–"),
        (_("报到单位"), member.get("employer_name") or "–"),
        (_("志愿服务队"), "、".join(team["name"] for team in member.get("teams", [])) or "–"),
        (_("特长"), "、".join(member.get("skills", [])) or "–"),
        (_("登录账号"), _("有") if member.get("has_login") else _("没有")),
    ]
