"""期初结转: what a row of a paper ledger says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.members.domain.imports import Blame, Problem
from services.members.domain.matching import WHO, read_who
from services.members.domain.phones import read_phone
from shared import cells
from shared.cells import Heads
from shared.errors import Invalid

TITLES: dict[str, tuple[str, ...]] = {
    **WHO,
    "hours": ("时长", "服务时长", "累计时长", "累计服务时长", "总时长", "志愿时长", "小时"),
    "points": ("积分", "积分余额", "累计积分", "可用积分", "结余积分", "剩余积分"),
}
POINTS_MAX, MINUTES_MAX = 100_000_000, 6_000_000
"""A million points in hundredths, a hundred thousand hours."""


class NoTitles(Invalid):
    code = "opening_without_titles"
    detail = f"没有找到标题行：前 {cells.HEAD_ROWS_MAX} 行里要有一行写着“姓名”和“时长”或“积分”"


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """What a row says: who, by name and whatever tells people of one name apart, and what they had on paper."""

    number: int
    name: str
    volunteer_number: str | None
    phone: str | None
    compound: str | None
    building: str | None
    points: int
    """Hundredths."""
    minutes: int
    by_half_days: bool
    """The minutes follow from how long half a day is."""

    @property
    def tail(self) -> str | None:
        """Nobody gets a balance by the last digits of a phone."""
        return None


def find_titles(sheets: Sequence[Sequence[Sequence[str]]]) -> Heads:
    found = [heads for field in ("hours", "points") if (heads := cells.find_heads(sheets, TITLES, ("name", field)))]
    if not found:
        raise NoTitles
    heads = max(found, key=lambda heads: len(heads.columns))
    if heads.twice:
        raise NoTitles(f"“{heads.twice[0]}”这一列出现了两次，请只留一列")
    return heads


def read_row(
    number: int, row: Sequence[str], columns: Mapping[str, int], half_day_minutes: int
) -> OpeningRow | list[Problem]:
    """A row, or everything that is wrong with it."""
    texts = {field: cells.plain(row[column]) if column < len(row) else "" for field, column in columns.items()}
    blame = Blame(number, TITLES, texts)
    name, volunteer_number = read_who(texts, blame)
    phone = read_phone(cells.digits(texts["phone"])) if texts.get("phone") else None
    if texts.get("phone") and phone is None:
        blame("phone", "不是有效的电话号码")
    minutes, by_half_days = 0, False
    if texts.get("hours"):
        duration = cells.duration(texts["hours"], half_day_minutes)
        if duration is None or duration.minutes > MINUTES_MAX:
            blame("hours", "不是有效的时长，请写成 120.5、2小时30分、半天 这样")
        else:
            minutes, by_half_days = duration.minutes, duration.by_half_days
    points = 0
    if texts.get("points"):
        amount = cells.amount(re.sub(r"(?:积?分)$", "", texts["points"]), 2)
        if amount is None or amount > POINTS_MAX:
            blame("points", "不是有效的积分，请写数字，最多两位小数")
        points = amount or 0
    if not blame.problems and not minutes and not points:
        blame.problems.append(Problem(number, "", "", "时长和积分都没有填，或者都是 0"))
    if blame.problems:
        return blame.problems
    home = texts.get("compound") or None, texts.get("building") or None
    return OpeningRow(number, name, volunteer_number, phone, *home, points, minutes, by_half_days)
