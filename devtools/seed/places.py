"""The demo's station tree: names of places from the two articles, everything else invented."""

from dataclasses import dataclass, field
from uuid import UUID, uuid5

DEMO = UUID("68757a68-7500-5000-8000-000000000000")
"""Namespace of every id in the demo: the same on every machine."""


def demo_id(*parts: object) -> UUID:
    """A stable id for something of the demo."""
    return uuid5(DEMO, "/".join(str(part) for part in parts))


def demo_order_id(*parts: object) -> UUID:
    """The same for what a volunteer asks for: ids of version 5 are kept for the desk's orders."""
    return UUID(bytes=demo_id("redemption", *parts).bytes, version=4)


@dataclass(frozen=True)
class Place:
    """A node and what lies below it."""

    level: str
    name: str
    residents: int | None = None
    below: tuple["Place", ...] = field(default=())

    def id_under(self, *names: str) -> UUID:
        return demo_id("node", *names, self.name)


def _compound(name: str, residents: int, buildings: int) -> Place:
    numbered = tuple(Place("building", f"{number} 号楼") for number in range(1, buildings + 1))
    return Place("compound", name, residents, numbered)


def _station(name: str, residents: int, *compounds: Place) -> Place:
    return Place("station", name, residents, compounds)


XIANNING = Place(
    "city", "咸宁市", None, (
        Place("centre", "咸安区新时代文明实践中心", None, (
            Place("sub_centre", "温泉街道实践所", None, (
                _station("南昌路社区实践站", 6200, _compound("和谐小区", 2100, 6), _compound("东兴小区", 1300, 4)),
                _station("岔路口社区实践站", 5400, _compound("宏宇小区", 900, 3), _compound("金叶小区", 1600, 5)),
            )),
            Place("sub_centre", "浮山街道实践所", None, (
                _station("青龙社区实践站", 4800, _compound("供销社小区", 700, 3)),
                _station("示例社区实践站", 3000, _compound("示例小区", 1200, 4)),
            )),
        )),
        Place("centre", "赤壁市新时代文明实践中心", None, (
            _station("黄荆岭社区实践站", 3900, _compound("黄荆岭小区", 1100, 4)),
        )),
        Place("centre", "嘉鱼县新时代文明实践中心", None, (
            _station("通湖社区实践站", 3500, _compound("通湖小区", 1000, 4)),
        )),
        Place("centre", "通山县新时代文明实践中心", None, (
            _station("滨河苑社区实践站", 3700, _compound("滨河苑小区", 1500, 5)),
        )),
    ),
)  # fmt: skip

WUGANG = Place(
    "centre", "武冈市新时代文明实践中心", None, (
        Place("sub_centre", "水西门街道实践所", None, (
            _station("水西门社区实践站", 5100, _compound("水西门小区", 1400, 4)),
        )),
        Place("sub_centre", "迎春亭街道实践所", None, (
            _station("东塔社区实践站", 4600, _compound("生资公司小区", 800, 3)),
        )),
    ),
)  # fmt: skip

ROOTS = (XIANNING, WUGANG)
