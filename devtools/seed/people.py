"""The demo's people, all invented: ordinary names, drawn once and for all from a fixed seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from devtools.seed.places import demo_id

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏"
    "钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_GIVEN = {
    "elder": "秀英 桂英 秀兰 玉兰 桂兰 玉珍 凤英 玉英 兰英 淑珍 建国 国强 志强 德明 永福 长生 福生 金生 光荣 和平",
    "middle": "红梅 丽华 春梅 海燕 小红 建军 卫东 志刚 勇 军 伟 敏 静 丽 强 磊 洋 艳 娟 涛 明 超 秀丽 霞 平 刚 桂花 文",
    "young": "欣怡 梓涵 子轩 雨桐 浩然 思远 佳琪 俊杰 晓雯 宇航 一诺 诗涵 嘉豪 婷婷 雪 浩 丹 鹏 倩 宁 颖 晨 航 琳",
}

RESIDENTS = {"elder": (42, 60, 84), "middle": (43, 30, 59), "young": (15, 16, 29)}
"""Who lives in an old compound: of a hundred how many, and how old."""
EMPLOYED = {"middle": (80, 30, 58), "young": (20, 23, 29)}
"""Who has an employer to report from (双报到)."""

_SKILLS = {"医生": 10, "教师": 15, "技术人员": 15, None: 60}
"""技术人员、教师、医生等有一技之长的群众, in a hundred; nobody has learned a trade while young."""


@dataclass(frozen=True)
class Person:
    """One invented volunteer."""

    id: UUID
    name: str
    birth_date: date
    phone: str | None
    """From the reserved-looking range 190 0000 xxxx; None: without a phone of their own."""
    ranked: bool
    named: bool
    skill: str | None


def people(
    group: str, count: int, today: date, kinds: Mapping[str, tuple[int, int, int]] = RESIDENTS
) -> Iterator[Person]:
    """The first `count` people of a group, always the same ones; ages follow `today`'s year."""
    draw, draw_skill = Random(f"huzhu demo people {group}"), Random(f"huzhu demo skills {group}")
    group_number = sum(group.encode("utf-8")) % 1000
    for number in range(count):
        kind = draw.choices(list(kinds), weights=[weight for weight, _, _ in kinds.values()])[0]
        birth = date(today.year - draw.randint(*kinds[kind][1:]), 1, 1) + timedelta(days=draw.randrange(365))
        has_phone = draw.random() < (0.7 if kind == "elder" else 0.98)
        skill = draw_skill.choices(list(_SKILLS), weights=list(_SKILLS.values()))[0]
        yield Person(
            id=demo_id("member", group, number),
            name=draw.choice(_SURNAMES) + draw.choice(_GIVEN[kind].split()),
            birth_date=birth,
            phone=f"190{group_number:03d}0{number:04d}" if has_phone else None,
            ranked=draw.random() < 0.85,
            named=draw.random() < 0.6,
            skill=None if kind == "young" else skill,
        )
