"""过往服务记录: what a line of a station's list says that somebody did, and when two lines say the same."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.members.domain.imports import Blame, Problem
from services.members.domain.matching import WHO, read_who
from services.members.domain.phones import read_phone
from shared import cells
from shared.cells import DAY_MINUTES, Heads, Span
from shared.errors import Invalid

TITLES: dict[str, tuple[str, ...]] = {
    **WHO,
    "name": (*WHO["name"], "志愿者"),
    "phone": (*WHO["phone"], "手机尾号", "电话尾号", "尾号", "手机后四位", "后四位"),
    "day": ("日期", "服务日期", "活动日期", "参加日期"),
    "times": ("起止时间", "服务时间", "活动时间", "时间", "时间段", "时段"),
    "hours": ("时长", "服务时长", "活动时长", "志愿时长", "小时", "小时数"),
    "title": ("活动", "活动名称", "活动主题", "项目", "项目名称", "服务项目"),
    "content": ("服务内容", "活动内容", "内容"),
    "category": ("类别", "服务类别", "活动类别", "类型", "服务类型", "活动类型"),
}
SINCE = date(2000, 1, 1)
"""The first rules hold from then on."""
TITLE_LENGTH_MAX = 80
_TAIL = re.compile(r"\d{4}")
_ROUND_A_DAY = re.compile(r"[（(][^（()）]*[）)]|(?:星期|周)[一二三四五六日天]")
_HALVES = {"上午": (9 * 60, 12 * 60), "下午": (14 * 60, 18 * 60), "晚上": (19 * 60, 22 * 60)}
_NOMINAL_BEGIN = 9 * 60
"""When a service is put that has no times of its own."""


class NoTitles(Invalid):
    code = "past_without_titles"
    detail = f"没有找到标题行：前 {cells.HEAD_ROWS_MAX} 行里要有一行写着“姓名”“日期”“时长”“活动名称”"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read where it says nothing itself."""

    half_day_minutes: int
    year: int | None
    """Of dates without one; None: the last such day before today."""
    category: str | None
    categories: Mapping[str, str]
    """Slugs by name."""
    today: date


@dataclass(frozen=True, slots=True)
class PastRow:
    """What a good row says: who, by name and whatever tells people of one name apart, and what they did."""

    number: int
    name: str
    volunteer_number: str | None
    phone: str | None
    tail: str | None
    compound: str | None
    building: str | None
    day: date
    begin: int
    """Minutes after midnight, in Shanghai."""
    minutes: int
    timed: bool
    """Whether the list says when it was; else `begin` stands for nothing."""
    by_half_days: bool
    year_missing: bool
    title: str
    category: str
    activity_begin: int = 0
    activity_end: int = 0
    """From when to when all rows about the same activity reach; only known once all are read."""

    @property
    def activity(self) -> tuple[date, str, str]:
        """Rows that say the same here are about one activity."""
        return self.day, self.title, self.category


def find_titles(sheets: Sequence[Sequence[Sequence[str]]]) -> Heads:
    needed = [("name", day, title) for day in ("day", "times") for title in ("title", "content")]
    found = [heads for fields in needed if (heads := cells.find_heads(sheets, TITLES, fields))]
    if not found:
        raise NoTitles
    heads = max(found, key=lambda heads: len(heads.columns))
    if heads.twice:
        raise NoTitles(f"“{heads.twice[0]}”这一列出现了两次，请只留一列")
    if not heads.columns.keys() & {"hours", "times"}:
        raise NoTitles("没有“时长”或“起止时间”这一列，不知道服务了多久")
    return heads


def read_row(number: int, row: Sequence[str], columns: Mapping[str, int], reading: Reading) -> PastRow | list[Problem]:
    """A row, or everything that is wrong with it."""
    texts = {field: cells.plain(row[column]) if column < len(row) else "" for field, column in columns.items()}
    blame = Blame(number, TITLES, texts)
    name, volunteer_number = read_who(texts, blame)
    phone_text = cells.digits(texts.get("phone", ""))
    tail = phone_text if _TAIL.fullmatch(phone_text) else None
    phone = read_phone(phone_text) if phone_text and not tail else None
    if phone_text and not tail and phone is None:
        blame("phone", "不是有效的电话号码，也不是尾号四位")
    span = cells.span(texts.get("times", "")) or cells.span(texts.get("hours", ""))
    day, year_missing = _read_day(texts, span, reading, blame)
    length = _read_length(texts, span, reading, blame)
    title = texts.get("title") or texts.get("content") or ""
    if not title:
        blame("title", "没有写做了什么")
    elif len(title) > TITLE_LENGTH_MAX:
        blame("title", f"最多 {TITLE_LENGTH_MAX} 个字")
    category = _read_category(texts.get("category", ""), reading, blame)
    if blame.problems or day is None or length is None or category is None:
        return blame.problems
    home = texts.get("compound") or None, texts.get("building") or None
    begin, minutes, timed, by_half_days = length
    return PastRow(
        number, name, volunteer_number, phone, tail, *home, day, begin, minutes, timed, by_half_days, year_missing,
        title, category,
    )  # fmt: skip


def _read_day(texts: Mapping[str, str], span: Span | None, reading: Reading, blame: Blame) -> tuple[date | None, bool]:
    """The day, and whether its year had to be added."""
    field = "day" if texts.get("day") else "times"
    text = texts.get(field, "")
    if field == "times" and span is not None:
        text = span.rest
    text = _ROUND_A_DAY.sub("", text).strip()
    for half in _HALVES:
        text = text.removesuffix(half).strip()
    if not text:
        blame("day", "没有写日期")
        return None, False
    found, year_missing = cells.day(text), False
    if found is None and (month_day := cells.month_day(text)) is not None:
        found, year_missing = _with_year(*month_day, reading), True
    if found is None:
        blame(field, "不是有效的日期，请写成 2026-03-08 或 3月8日 这样，一行写一天")
    elif found < SINCE:
        blame(field, f"日期太早，只能导入 {SINCE.year} 年以后的")
    elif found >= reading.today:
        blame(field, "要是今天以前的日期；今天的服务请在活动里签到或补录")
    else:
        return found, year_missing
    return None, False


def _with_year(month: int, day: int, reading: Reading) -> date | None:
    years = [reading.year] if reading.year is not None else [reading.today.year, reading.today.year - 1]
    for year in years:
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if reading.year is not None or found < reading.today:
            return found
    return None


def _read_length(
    texts: Mapping[str, str], span: Span | None, reading: Reading, blame: Blame
) -> tuple[int, int, bool, bool] | None:
    """Begin, minutes, whether the begin was said, and whether the minutes follow from how long half a day is."""
    hours = texts.get("hours", "")
    half = next((half for half in _HALVES if half in texts.get("day", "") + hours + texts.get("times", "")), None)
    if span is not None and cells.span(hours) is not None:
        hours = ""
    if not hours and span is None:
        hours = texts.get("times", "") or (half or "")
    field = "hours" if texts.get("hours") else "times" if texts.get("times") else "hours"
    if not hours and span is None:
        blame("hours", "没有写时长")
        return None
    minutes, by_half_days = (span.end - span.begin if span else 0), False
    if hours:
        duration = cells.duration(hours, reading.half_day_minutes)
        if duration is None or not 0 < duration.minutes <= DAY_MINUTES:
            blame(field, "不是有效的时长，请写成 2.5、2小时、半天 或 9:00-11:30 这样，一次最长 24 小时")
            return None
        if span is None:
            minutes, by_half_days = duration.minutes, duration.by_half_days
        elif not duration.by_half_days:
            if duration.minutes > minutes:
                blame(field, "时长比起止时间还长")
                return None
            minutes = duration.minutes
    if span is not None:
        return span.begin, minutes, True, False
    if half is not None and minutes <= _HALVES[half][1] - _HALVES[half][0] + 60:
        return _HALVES[half][0], minutes, True, by_half_days
    return _NOMINAL_BEGIN, minutes, False, by_half_days


def _read_category(text: str, reading: Reading, blame: Blame) -> str | None:
    if not text:
        if reading.category is None:
            blame("category", "没有写类别，请补上这一列，或者在页面上选一个")
        return reading.category
    found = reading.categories.get(text)
    if found is None:
        blame("category", f"没有这个类别，可以写：{'、'.join(reading.categories)}")
    return found


# --- Rows together --------------------------------------------------------------------------------------


def find_repeated(rows: Iterable[PastRow]) -> list[Problem]:
    """The rows of one member that say again what an earlier one of them said."""
    problems: list[Problem] = []
    kept: list[PastRow] = []
    for row in rows:
        first = next((other for other in kept if _says_again(row, other)), None)
        if first is None:
            kept.append(row)
        else:
            sentence = f"与第 {first.number} 行重复：同一位志愿者这一天已经写了“{first.title}”"
            problems.append(Problem(row.number, "", "", sentence))
    return problems


def _says_again(one: PastRow, other: PastRow) -> bool:
    if one.timed and other.timed:
        between = (one.day - other.day).days * DAY_MINUTES
        return one.begin + between < other.begin + other.minutes and other.begin < one.begin + between + one.minutes
    return (one.day, one.title) == (other.day, other.title)


def put_together(rows: Iterable[PastRow]) -> tuple[list[PastRow], list[Problem]]:
    """The rows, each with the times of its activity, and those that do not fit into the 24 hours of theirs."""
    around: dict[tuple[date, str, str], tuple[int, int]] = {}
    fitting, problems = [], []
    for row in rows:
        end = row.begin + row.minutes
        first, last = around.get(row.activity, (row.begin, end))
        first, last = min(first, row.begin), max(last, end)
        if last - first > DAY_MINUTES:
            problems.append(Problem(row.number, "", "", "和同一次活动的其他行相差超过 24 小时，请核对起止时间"))
        else:
            around[row.activity] = first, last
            fitting.append(row)
    placed = [
        replace(row, activity_begin=around[row.activity][0], activity_end=around[row.activity][1]) for row in fitting
    ]
    return placed, problems
