"""The station tree: levels, paths, and what may lie below what."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from shared.errors import Conflict, RuleBroken
from shared.events import Spell


class Level(StrEnum):
    """From the top down; any may be skipped."""

    CITY = "city"
    CENTRE = "centre"
    SUB_CENTRE = "sub_centre"
    STATION = "station"
    COMPOUND = "compound"
    BUILDING = "building"


_RANK = {level: rank for rank, level in enumerate(Level)}
ROOT = "/"
"""The path above every node: grants without a node hold here."""


class WrongLevel(RuleBroken):
    code = "wrong_level"
    detail = "上下级的级别不对"


class NotBelow(RuleBroken):
    code = "not_below"
    detail = "小区应在所选的站点之下，楼栋应在所选的小区之下"


class NotItsCompounds(RuleBroken):
    code = "not_its_compounds"
    detail = "只能分出这个站下面现有的小区，请刷新后再选"


class WrongDay(RuleBroken):
    code = "wrong_day"
    detail = "日期不能晚于今天，也不能早于上一次变动"


class NodeClosed(RuleBroken):
    code = "node_closed"
    detail = "这个站点（小区、楼栋）已经撤销"


class HasOpenChildren(RuleBroken):
    code = "has_open_children"
    detail = "下面还有未撤销的站点、小区或楼栋，请先移走或撤销它们"


class NameTakenThere(RuleBroken):
    code = "name_taken_there"
    detail = "两边下面有同名的地方，请先给其中一个改名，再合并"


class NameTaken(Conflict):
    code = "name_taken"
    detail = "同一级里已经有这个名称了"


def path_below(parent_path: str, node_id: UUID) -> str:
    """`/<hex>/<hex>/`: the ids of all ancestors and its own."""
    return f"{parent_path}{node_id.hex}/"


def check_below(level: Level, parent: Level | None) -> None:
    """A node lies below one of a higher level; compounds and buildings never stand alone."""
    if parent is None:
        if _RANK[level] >= _RANK[Level.COMPOUND]:
            raise WrongLevel
    elif _RANK[level] <= _RANK[parent]:
        raise WrongLevel


def check_day(day: date, latest: date, today: date) -> None:
    """A change counts from a day that has come and does not lie before the change before it."""
    if not latest <= day <= today:
        raise WrongDay


def spells(names: Mapping[date, str], parents: Mapping[date, UUID | None]) -> tuple[Spell, ...]:
    """What a node was called and where it lay, one spell from each day on which either changed."""
    days = sorted({*names, *parents})
    return tuple(
        Spell(from_day=day, name=names[_latest(names, day)], parent_id=parents[_latest(parents, day)]) for day in days
    )


def _latest(dated: Mapping[date, object], day: date) -> date:
    """The last of these days up to a day; the first one also before it."""
    return max((each for each in dated if each <= day), default=min(dated))


def path_above(path: str) -> str:
    """The path of what a node lies directly below; the root's for one that has nothing above it."""
    above = path.rstrip("/").rpartition("/")[0]
    return f"{above}/" if above else ROOT


def may_be_home(level: Level) -> bool:
    """Whether members can belong to such a node: a station, or whatever stands in for one."""
    return _RANK[level] <= _RANK[Level.STATION]


def check_home(
    station: tuple[Level, str] | None, compound: tuple[Level, str] | None, building: tuple[Level, str] | None
) -> None:
    """Station, compound and building of a member, each as (level, path), must lie one below the other."""
    if station is not None and not may_be_home(station[0]):
        raise WrongLevel
    if compound is not None and compound[0] is not Level.COMPOUND:
        raise WrongLevel
    if building is not None and building[0] is not Level.BUILDING:
        raise WrongLevel
    chain = [place[1] for place in (station, compound, building) if place is not None]
    if (compound or building) and station is None:
        raise NotBelow
    if any(not lower.startswith(upper) for upper, lower in pairwise(chain)):
        raise NotBelow
