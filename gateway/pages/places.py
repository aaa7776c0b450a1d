"""What organizers' and staff's pages share: the stations where somebody may act, and the names of people."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from gateway import backend, visitor
from gateway.backend import Call
from gateway.i18n import _
from shared.errors import NotFound
from shared.principal import Role

IDS_MAX = 200


def nodes_of(role: Role) -> list[UUID | None]:
    """The nodes at which this login holds the role; None stands for everywhere."""
    paths = visitor.require_session().principal("", None).paths(role)
    return [UUID(path.strip("/").rpartition("/")[2]) if path.strip("/") else None for path in paths]


def stations_of(role: Role) -> list[dict[str, Any]]:
    """The open stations at and below those nodes, by name."""
    calls: dict[str, Call] = {}
    for number, node_id in enumerate(nodes_of(role)):
        calls[f"below_{number}"] = Call("members", "/nodes", {"below_id": node_id, "level": "station"})
        if node_id is not None:
            calls[f"self_{number}"] = Call("members", "/nodes", {"ids": node_id})
    found: dict[str, dict[str, Any]] = {}
    for panel in backend.together(**calls).values():
        if panel.error is not None and not isinstance(panel.error, NotFound):
            raise panel.error
        for node in panel.content or []:
            if node["level"] == "station" and node.get("closed_on") is None:
                found[node["id"]] = node
    return sorted(found.values(), key=lambda node: str(node["name"]))


def station_options(role: Role) -> list[tuple[str, str]]:
    """Those stations as choices of a form."""
    return [(node["id"], node["name"]) for node in stations_of(role)]


def people(member_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Members by id, masked where one may not see more; those that cannot be found now are missing."""
    wanted = sorted(set(member_ids))
    parts = [wanted[at : at + IDS_MAX] for at in range(0, len(wanted), IDS_MAX)]
    calls = {
        f"part_{number}": Call("members", "/members", {"ids": ",".join(part)}) for number, part in enumerate(parts)
    }
    return {member["id"]: member for panel in backend.together(**calls).values() for member in panel.content or []}


def describe(member: dict[str, Any] | None) -> str:
    """Who it is, so that two people of one name can be told apart: 王秀英 · 和谐小区 3 栋 · 尾号 1234."""
    if member is None:
        return _("（姓名暂时看不到）")
    place = " ".join(part for part in (member.get("compound_name"), member.get("building_name")) if part)
    tail = _("编号尾号 %(tail)s", tail=str(member.get("volunteer_number", ""))[-4:])
    return " · ".join(part for part in (str(member["name"]), place, tail) if part)
