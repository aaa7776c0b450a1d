"""A station's roster as a table: which columns there are, what a row says, and who is in it twice."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.members.domain.imports import Blame, Problem
from services.members.domain.names import is_child
from services.members.domain.people import BIRTH_DATE_MIN
from services.members.domain.phones import read_phone
from shared import cells
from shared.cells import Heads
from shared.errors import Invalid

# The first title is the one in the documentation; the others are what stations write.
TITLES: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "名字", "志愿者姓名"),
    "phone": ("手机", "手机号", "手机号码", "电话", "电话号码", "联系电话", "联系方式"),
    "station": ("站点", "社区", "所属站点", "所在社区"),
    "compound": ("小区", "所在小区", "小区名称"),
    "building": ("楼栋", "栋", "楼号", "楼栋号"),
    "birth_date": ("出生日期", "生日", "出生年月日"),
    "teams": ("队伍", "志愿服务队", "志愿队", "所在队伍"),
    "employer": ("单位", "工作单位", "报到单位"),
    "skills": ("技能", "特长", "专业特长"),
}
NAME_LENGTH_MAX = 50
WORD_LENGTH_MAX = 60
SKILL_LENGTH_MAX = 20
WORDS_MAX = 20
_SEPARATORS = re.compile(r"[、,，;；/|\n]+")
_COMPOUND = re.compile(r".{1,20}(?:小区|家属院|花园|公寓)")
_BESIDE_NAMES = {
    "序号",
    "编号",
    "备注",
    "说明",
    "性别",
    "年龄",
    "民族",
    "政治面貌",
    "文化程度",
    "身份证号",
    "签名",
    "日期",
}
"""What lists of people say besides, and nobody reads here."""
LOST_DIGITS = "电话号码被存成了数量，后面几位丢了；请把这一列设为文本再填"


class NoTitles(Invalid):
    code = "roster_without_titles"
    detail = f"没有找到标题行：前 {cells.HEAD_ROWS_MAX} 行里要有一行写着“姓名”等列名"


class OtherTable(Invalid):
    """Names alone are in many tables: of wages, of seats, of votes."""

    code = "roster_of_other_columns"

    def __init__(self, unknown: Sequence[str]) -> None:
        names = "、".join(unknown[:6])
        super().__init__(f"只认得“姓名”这一列，不认识“{names}”，像是别的表格；如果是名册，请用模板，或删去这些列再交")


class TitleTwice(Invalid):
    code = "roster_title_twice"


@dataclass(frozen=True, slots=True)
class RosterRow:
    """What a good row says, places and groups by name."""

    number: int
    name: str
    phone: str | None
    station: str | None
    compound: str | None
    building: str | None
    birth_date: date | None
    teams: tuple[str, ...]
    employer: str | None
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """Everything that is wrong with a row by itself, and the places it names, which may be wrong besides."""

    number: int
    station: str | None
    compound: str | None
    building: str | None
    problems: list[Problem]


def find_titles(sheets: Sequence[Sequence[Sequence[str]]]) -> Heads:
    """Where the titles stand, by the rows of each sheet: the row that names the column 姓名."""
    heads = cells.find_heads(sheets, TITLES, ("name",))
    if heads is None:
        raise NoTitles
    if heads.twice:
        raise TitleTwice(f"“{heads.twice[0]}”这一列出现了两次，请只留一列")
    strange = [title for title in heads.unknown if title not in _BESIDE_NAMES]
    if heads.columns.keys() == {"name"} and strange:
        raise OtherTable(strange)
    return heads


def read_rows(rows: Sequence[Sequence[str]], heads: Heads, today: date) -> Iterator[RosterRow | BadRow]:
    """Every row about somebody, or everything that is wrong with it.

    A row that holds nothing but the name of a compound stands above those who live there.
    """
    compound = ""
    for number, row in cells.body(rows, heads):
        if len(filled := [text for cell in row if (text := cells.plain(cell))]) == 1 and _COMPOUND.fullmatch(filled[0]):
            compound = filled[0]
            continue
        yield read_row(number, row, heads.columns, today, compound=compound)


def read_row(
    number: int, row: Sequence[str], columns: Mapping[str, int], today: date, *, compound: str = ""
) -> RosterRow | BadRow:
    """A row, or everything that is wrong with it. Empty rows are for the caller to skip."""
    texts = {field: cells.plain(row[column]) if column < len(row) else "" for field, column in columns.items()}
    if compound and not texts.get("compound"):
        texts["compound"] = compound
    blame = Blame(number, TITLES, texts)
    name = cells.name(texts["name"])
    if not name:
        blame("name", "没有填姓名")
    elif len(name) > NAME_LENGTH_MAX or not any(map(str.isalpha, name)):
        blame("name", "不像一个姓名")
    phone = read_phone(cells.digits(texts["phone"])) if texts.get("phone") else None
    if texts.get("phone") and phone is None:
        blame("phone", LOST_DIGITS if "E+" in texts["phone"].upper() else "不是有效的电话号码")
    birth_date = cells.day(texts.get("birth_date", ""))
    if texts.get("birth_date") and (birth_date is None or not BIRTH_DATE_MIN <= birth_date <= today):
        blame("birth_date", "不是有效的日期，请写成 1956-03-21 这样")
    elif is_child(birth_date, today):
        blame("birth_date", "未满14周岁，请由监护人登录后代为登记")
    teams, skills = _words(texts.get("teams", "")), _words(texts.get("skills", ""))
    for field, words, length_max in (("teams", teams, WORD_LENGTH_MAX), ("skills", skills, SKILL_LENGTH_MAX)):
        if len(words) > WORDS_MAX or any(len(word) > length_max for word in words):
            blame(field, f"最多 {WORDS_MAX} 项，每项最多 {length_max} 个字")
    for field in ("station", "compound", "building", "employer"):
        if len(texts.get(field, "")) > WORD_LENGTH_MAX:
            blame(field, f"最多 {WORD_LENGTH_MAX} 个字")
    if texts.get("building") and not texts.get("compound"):
        blame("building", "填了楼栋，没有填小区")
    station, compound_named, building = (texts.get(field) or None for field in ("station", "compound", "building"))
    if blame.problems:
        return BadRow(number, station, compound_named, building, blame.problems)
    return RosterRow(
        number,
        name,
        phone,
        station,
        compound_named,
        building,
        birth_date,
        teams,
        texts.get("employer") or None,
        skills,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in _SEPARATORS.split(text) if word.strip()))


@dataclass(frozen=True, slots=True)
class Person:
    """What tells people of one name apart; the phone in any form that can be compared."""

    name: str
    phone: bytes | None
    birth_date: date | None
    compound_id: UUID | None
    building_id: UUID | None


def is_same(one: Person, other: Person) -> bool:
    """Whether two entries mean one person. A phone alone does not say so: couples and families share one."""
    if one.name != other.name:
        return False
    if one.birth_date and other.birth_date:
        return one.birth_date == other.birth_date
    if one.phone and other.phone:
        return one.phone == other.phone
    return (one.compound_id, one.building_id) == (other.compound_id, other.building_id)
