"""The sites of an activity in its form, each with its place and its leader.

A leader is typed in as a name or number and looked up when the form is sent; `site_leader_id_…` is who was
meant by the text in `site_leader_of_…`. Where several people are called so, the form comes back with a choice.
"""

from collections.abc import Iterable
from typing import Any
from uuid import uuid5

from gateway import backend, visitor
from gateway.backend import Panel
from gateway.forms import Form, uuid_or_none
from gateway.i18n import _
from gateway.pages.places import asked_for, describe, people
from shared.errors import Invalid

SITES_MAX = 50
LINES_AT_FIRST = 3
"""So many compounds are often cleaned at once."""


def lines_of(filled: Form) -> range:
    """The lines to show: as many as were shown before or are filled in, and one more for who has asked for it."""
    used = max((number + 1 for number in range(SITES_MAX) if _is_used(filled, number)), default=0)
    before = filled.text("site_lines")[:4]
    shown = max(used, LINES_AT_FIRST, int(before) if before.isdecimal() else 0)
    return range(min(SITES_MAX, shown + asks_for_more(filled)))


def asks_for_more(filled: Form) -> bool:
    return filled.text("action") == "site"


def _is_used(filled: Form, number: int) -> bool:
    return bool(filled.text(f"site_name_{number}") or filled.text(f"site_leader_{number}"))


def _numbers(filled: Form) -> list[int]:
    """The lines that are sites: those with a name, or else the first, since the only place needs none."""
    return [number for number in range(SITES_MAX) if filled.text(f"site_name_{number}")] or [0]


def as_typed(sites: list[dict[str, Any]], leaders: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The lines as somebody would have filled them in; `leaders`: members by id."""
    typed: dict[str, str] = {}
    for number, site in enumerate(sites):
        typed |= {f"site_{name}_{number}": str(site[name]) for name in ("id", "name", "place")}
        if leader_id := site["leader_member_id"]:
            called = leader_name(leaders.get(leader_id))
            typed |= {f"site_leader_{number}": called, f"site_leader_of_{number}": called}
            typed[f"site_leader_id_{number}"] = leader_id
    return typed


def leader_name(member: dict[str, Any] | None) -> str:
    return str(member["name"]) if member else describe(None)


def read(filled: Form, place: str, activity: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The sites in their lines. With none named, the place itself is the only one, led by whom the first line says."""
    numbers = _numbers(filled)
    for number in range(SITES_MAX):
        if number not in numbers and filled.text(f"site_leader_{number}"):
            filled.fail(f"site_name_{number}", _("这一行写了负责人，请填写点位名称"))
    leaders = _read_leaders(filled, numbers)
    sites = []
    for number in numbers:
        name = filled.text(f"site_name_{number}") or _("现场")
        site_id = str(uuid_or_none(filled.text(f"site_id_{number}")) or _site_id(filled, activity, number, name))
        where = filled.text(f"site_place_{number}") or place
        sites.append({"id": site_id, "name": name, "place": where, "leader_member_id": leaders[number]})
    return sites


def blame_leaders(filled: Form, sites: list[dict[str, Any]], message: str) -> None:
    """Note at which of the lines that `read` made these sites of somebody was named who is not there any more."""
    there = people(site["leader_member_id"] for site in sites if site["leader_member_id"])
    for number, site in zip(_numbers(filled), sites, strict=True):
        leader = there.get(site["leader_member_id"])
        if leader is not None and leader["status"] != "active":
            filled.fail(f"site_leader_{number}", message)


def _own() -> str | None:
    own = visitor.require_session().own_member_id
    return str(own) if own else None


def _site_id(filled: Form, activity: dict[str, Any] | None, number: int, name: str) -> str:
    """The id of a new site: the same whenever the same form is posted, so that a double post is one."""
    of = uuid_or_none(activity["id"] if activity else filled.text("id"))
    return str(uuid5(of, f"{number}:{name}")) if of else ""


def _read_leaders(filled: Form, numbers: Iterable[int]) -> dict[int, str | None]:
    """Who leads each of these lines; nobody named means whoever fills in the form."""
    leaders: dict[int, str | None] = {}
    wanted: dict[int, str] = {}
    for number in numbers:
        typed, chosen = filled.text(f"site_leader_{number}"), uuid_or_none(filled.text(f"site_leader_id_{number}"))
        if chosen is not None and typed and typed == filled.text(f"site_leader_of_{number}"):
            leaders[number] = str(chosen)
        elif typed:
            wanted[number] = typed
        else:
            leaders[number] = _own()
    found = _search(wanted.values())
    own_id = _own() or ""
    own_name = next((one.name for one in visitor.require_session().members if str(one.member_id) == own_id), None)
    for number, typed in wanted.items():
        panel = found[typed]
        meant = [(member["id"], describe(member)) for member in panel.content or []]
        if typed == own_name and own_id not in dict(meant):
            # Who organizes here and lives elsewhere is below none of the own nodes, where the search looks.
            meant.append((own_id, _("%(name)s（我）", name=own_name)))
        leaders[number] = meant[0][0] if len(meant) == 1 else None
        if panel.error is not None and not isinstance(panel.error, Invalid):
            filled.fail(f"site_leader_{number}", _(panel.error.detail))
        elif not meant:
            filled.fail(f"site_leader_{number}", _not_found(typed[:20]))
        elif len(meant) > 1:
            filled.offers[f"site_leader_{number}"] = meant
            filled.fail(f"site_leader_{number}", _("不止一位“%(wanted)s”，请选一位。", wanted=typed[:20]))
    return leaders


def _not_found(wanted: str) -> str:
    return _("没有找到“%(wanted)s”：按姓名只找得到在您负责的站登记的人，别处的请写完整的志愿者编号。", wanted=wanted)


def _search(names: Iterable[str]) -> dict[str, Panel]:
    """Members by what they were called, those that this login may see."""
    wanted = sorted(set(names))
    panels = backend.together(**{f"name_{number}": asked_for(name) for number, name in enumerate(wanted)})
    return dict(zip(wanted, panels.values(), strict=True))
