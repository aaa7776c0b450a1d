"""Who is meant by a row of a list from paper: what it says of somebody, and which member of the station that is."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.members.domain.imports import Blame, Problem
from services.members.domain.volunteer_numbers import is_volunteer_number
from shared import cells
from shared.buildings import letters_of

WHO: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "名字", "志愿者姓名"),
    "number": ("志愿者编号", "编号", "志愿者证号"),
    "phone": ("手机", "手机号", "手机号码", "电话", "电话号码", "联系电话", "联系方式"),
    "compound": ("小区", "所在小区", "小区名称"),
    "building": ("楼栋", "栋", "楼号", "楼栋号"),
}
"""Titles of the columns that say who is meant."""


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


def read_who(texts: Mapping[str, str], blame: Blame) -> tuple[str, str | None]:
    """The name and, where one is given, the volunteer number."""
    name = cells.name(texts["name"])
    if not name:
        blame("name", "没有填姓名")
    volunteer_number = re.sub(r"[\s\-]", "", cells.digits(texts.get("number", ""))) or None
    if volunteer_number and not is_volunteer_number(volunteer_number):
        blame("number", "志愿者编号不对，请核对 12 位数字")
    return name, volunteer_number


def by_row(rows: Iterable[Named], candidates: Iterable[Candidate]) -> dict[int, list[Candidate]]:
    """Who may be meant by each row, by its number: whoever has its volunteer number, else whoever has its name."""
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    by_number: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        by_name[one.name].append(one)
        by_number[one.volunteer_number].append(one)
    return {row.number: by_number[row.volunteer_number] if row.volunteer_number else by_name[row.name] for row in rows}


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
    same_compound = one.compound is not None and letters_of(row.compound or "") == letters_of(one.compound)
    return same_compound and row.building in (None, one.building)
