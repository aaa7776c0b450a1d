"""期初结转: what a row of a paper ledger says, and who is meant by it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.members.domain.imports import Problem
from services.members.domain.phones import read_phone
from services.members.domain.volunteer_numbers import is_volunteer_number
from shared import cells
from shared.cells import Heads
from shared.errors import Invalid

TITLES: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "名字", "志愿者姓名"),
    "number": ("志愿者编号", "编号", "志愿者证号"),
    "phone": ("手机", "手机号", "手机号码", "电话", "电话号码", "联系电话", "联系方式"),
    "compound": ("小区", "所在小区", "小区名称"),
    "building": ("楼栋", "栋", "楼号", "楼栋号"),
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of the station, as far as matching goes; the phone in any form that can be compared."""

    id: UUID
    name: str
    volunteer_number: str
    phone: bytes | None
    compound: str | None
    building: str | None
    phone_tail: bytes | None = None


class Named(Protocol):
    """A row, as far as it says who is meant."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def volunteer_number(self) -> str | None: ...
    @property
    def compound(self) -> str | None: ...
    @property
    def building(self) -> str | None: ...


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
    problems: list[Problem] = []

    def blame(field: str, sentence: str) -> None:
        problems.append(Problem(number, TITLES[field][0], texts.get(field, "")[:40], sentence))

    name = cells.name(texts["name"])
    if not name:
        blame("name", "没有填姓名")
    volunteer_number = re.sub(r"[\s\-]", "", cells.digits(texts.get("number", ""))) or None
    if volunteer_number and not is_volunteer_number(volunteer_number):
        blame("number", "志愿者编号不对，请核对 12 位数字")
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
    if not problems and not minutes and not points:
        problems.append(Problem(number, "", "", "时长和积分都没有填，或者都是 0"))
    if problems:
        return problems
    home = texts.get("compound") or None, texts.get("building") or None
    return OpeningRow(number, name, volunteer_number, phone, *home, points, minutes, by_half_days)


def find_member(
    row: Named, phone: bytes | None, candidates: Sequence[Candidate], tail: bytes | None = None
) -> Candidate | Problem:
    """Who is meant: by the volunteer number, else by name and phone or its last four digits, else by name and home.
    Never by a name alone, and never one of several.
    """
    if row.volunteer_number:
        found = [one for one in candidates if one.volunteer_number == row.volunteer_number]
        if not found:
            return Problem(row.number, "志愿者编号", row.volunteer_number, "本站没有这个编号的志愿者")
        if found[0].name != row.name:
            return Problem(row.number, "姓名", row.name, "姓名和志愿者编号对不上")
        return found[0]
    namesakes = [one for one in candidates if one.name == row.name]
    found = [one for one in namesakes if phone is not None and one.phone == phone]
    found = found or [one for one in namesakes if tail is not None and one.phone_tail == tail]
    if not found and row.compound:
        # Where both have a phone and these differ, they are two people.
        no_phone = phone is None and tail is None
        found = [one for one in namesakes if _same_home(row, one) and (no_phone or one.phone is None)]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        return Problem(row.number, "姓名", row.name, f"对得上的有 {len(found)} 位，请写上志愿者编号")
    if not namesakes:
        return Problem(row.number, "姓名", row.name, "本站没有这位志愿者，请先登记")
    if phone is None and tail is None and not row.compound:
        return Problem(row.number, "姓名", row.name, "只有姓名，分不清是谁，请写上志愿者编号、手机或小区")
    return Problem(row.number, "姓名", row.name, "本站有同名的志愿者，但手机和小区都对不上")


def _same_home(row: Named, one: Candidate) -> bool:
    return row.compound == one.compound and row.building in (None, one.building)
