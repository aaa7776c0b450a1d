"""What offices write into the cells of a spreadsheet: heads, dates, durations, numbers. Pure; knows no service."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

HEAD_ROWS_MAX = 10
"""A table often begins with its own name and a date before the heads."""
_SERIAL_DAY_0 = date(1899, 12, 30)
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日|号)?(?:[ T]?\d{1,2}:\d{2}(?::\d{2})?)?|(\d{4})(\d{2})(\d{2})"
)
_SERIAL = re.compile(r"[1-7]\d{4}(?:\.\d+)?")
_TOTALS = re.compile(
    r"(?:合计|总计|小计|共计|累计)[:：]?\d*(?:人次?)?|(?:制表|填表|审核|负责人|注|备注|说明)(?:人|日期)?[:：].*"
)
_CLOCK = re.compile(r"(\d{1,5})[:：](\d{2})(?:[:：]\d{2})?")
_HOURS = re.compile(
    r"(?:(\d{1,5}(?:\.\d{1,4})?)(个半)?(?:个?小时|个?钟头|h|时))?(?:(\d{1,5})(?:分钟?|min|m))?", re.IGNORECASE
)
_HALF_DAYS = {
    **dict.fromkeys(("半天", "半日", "上午", "下午", "一上午", "一下午", "一个上午", "一个下午"), 1),
    **dict.fromkeys(("一天", "一整天", "全天", "1天", "整天"), 2),
}
_QUANTITY = re.compile(r"\d+(?:\.(\d+))?(?:[eE]\+?(\d{1,2}))?")
_ZEROS_BELIEVED = 2
"""At the end of a number written with its power; who shows fewer places has rounded."""
_CHINESE = str.maketrans("一二两三四五六七八九", "1223456789")


_MONTH_DAY = re.compile(r"(\d{1,2})(?:月(\d{1,2})[日号]?|[-/](\d{1,2})|\.(0?[1-9]|[1-3]\d))")
_PART = "(上午|早上|中午|下午|晚上|傍晚)?"
_TIME = r"(\d{1,2})(?:[:：](\d{2})(?:[:：]00)?|[点时](半|\d{1,2})?分?)"
_SPAN = re.compile(f"{_PART}{_TIME}(?:[-—–~～]+|至|到)(次日|第二天)?{_PART}{_TIME}")
_AFTER_NOON = ("下午", "晚上", "傍晚")
_EVENING_MINUTES = 18 * 60
"""Who begins then or later may well end on the next day."""
DAY_MINUTES = 24 * 60

_KEPT = frozenset("，；：（）！？")
"""Full-width like a digit out of a Chinese keyboard, but in its place."""


def plain(cell: str) -> str:
    """A cell as one line: full-width digits and letters narrow, spaces single, nothing invisible."""
    text = unicodedata.normalize("NFC", cell)
    text = "".join(
        unicodedata.normalize("NFKC", letter) if "\uff01" <= letter <= "\uff5e" and letter not in _KEPT else letter
        for letter in text
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return " ".join(text.split())


def name(cell: str) -> str:
    """A person's name, which is often spread out to line up with others: 王 芳."""
    return re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", plain(cell))


def digits(cell: str) -> str:
    """A number that was taken for a quantity, 1.3812345678E+10, as its digits; whatever else it is, as it is.

    1.38E+10 has lost what stood behind, and stays as it is: no zeros are made up.
    """
    text = plain(cell)
    found = _QUANTITY.fullmatch(text)
    if found is None or (text.isascii() and text.isdigit()):
        return text
    power, places = int(found[2] or 0), found[1] or ""
    if len(places.rstrip("0")) > power or len(places) < power - _ZEROS_BELIEVED:
        return text
    return format(Decimal(text), "f").partition(".")[0]


def day(cell: str) -> date | None:
    """A date as 2026-3-8, 2026.3.8, 2026年3月8日, 20260308 or the number that Excel counts days by."""
    text = re.sub(r" ?([-/.年月日号]) ?", r"\1", plain(cell))
    if _SERIAL.fullmatch(text):
        return _SERIAL_DAY_0 + timedelta(days=int(text.partition(".")[0]))
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, month_day = (int(part) for part in found.groups() if part)
    try:
        return date(year, month, month_day)
    except ValueError:
        return None


def month_day(cell: str) -> tuple[int, int] | None:
    """A date without its year, 3月8日, 3-8, 3/8 or 3.8, as month and day.

    3.1 is nothing: where the cell is a number, the tenth and the first look alike.
    """
    found = _MONTH_DAY.fullmatch(plain(cell).replace(" ", ""))
    if found is None or found[4] in ("1", "2", "3"):
        return None
    return int(found[1]), int(found[2] or found[3] or found[4])


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in minutes after midnight; what ends on the next day ends after 1,440."""

    begin: int
    end: int
    rest: str
    """What else stands in the cell."""


def span(cell: str) -> Span | None:
    """9:00-11:30, 9点至11点半, 下午2点-4点, 20:00-次日1:00, wherever in the cell; None where there is no such thing."""
    text = plain(cell).replace(" ", "")
    found = _SPAN.search(text)
    if found is None:
        return None
    part, begin_hour, begin_minute, begin_half, next_day, other_part, end_hour, end_minute, end_half = found.groups()
    begin = _clock(part, begin_hour, begin_minute or begin_half)
    end = _clock(other_part or part, end_hour, end_minute or end_half)
    if begin is None or end is None:
        return None
    if next_day or (end < begin and begin >= _EVENING_MINUTES):
        end += DAY_MINUTES
    return Span(begin, end, text[: found.start()] + text[found.end() :]) if begin < end <= begin + DAY_MINUTES else None


def _clock(part: str | None, hour: str, minute: str | None) -> int | None:
    hours, minutes = int(hour), 30 if minute == "半" else int(minute or 0)
    if part in _AFTER_NOON and hours < 12:
        hours += 12
    return hours * 60 + minutes if hours <= 24 and minutes < 60 else None


@dataclass(frozen=True, slots=True)
class Duration:
    """What a cell says of a time: whole minutes, and whether they follow from how long half a day is."""

    minutes: int
    by_half_days: bool = False


def duration(cell: str, half_day_minutes: int) -> Duration | None:
    """2.5 (hours), 2.5h, 2小时30分, 2:30, 90分钟, 两个半小时, 半天, 一上午; None for what is no duration."""
    text = plain(cell).replace(" ", "")
    if text in _HALF_DAYS:
        return Duration(_HALF_DAYS[text] * half_day_minutes, by_half_days=True)
    if text.endswith(("天", "日")) and (days := amount(text[:-1].translate(_CHINESE), 1)) is not None:
        return Duration(round(days * 2 * half_day_minutes / 10), by_half_days=True)
    if text in ("半小时", "半个小时", "半个钟头"):
        return Duration(30)
    if (found := _CLOCK.fullmatch(text)) and int(found[2]) < 60:
        return Duration(int(found[1]) * 60 + int(found[2]))
    if (hours := amount(text, 4)) is not None:
        return Duration(round(Decimal(hours) * 60 / 10_000))
    found = _HOURS.fullmatch(text.translate(_CHINESE).replace("小时半", "小时30分"))
    if found is None or not any(found.groups()):
        return None
    minutes = round(Decimal(found[1] or 0) * 60) + (30 if found[2] else 0) + int(found[3] or 0)
    return Duration(minutes)


def amount(cell: str, places: int) -> int | None:
    """A number that is not below zero, in units of 10^-places; None for what is none or has more places."""
    text = plain(cell).replace(",", "").replace("，", "")
    if not re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
        return None
    scaled = Decimal(text).scaleb(places)
    return int(scaled) if scaled == int(scaled) else None


def is_footer(cells: Sequence[str]) -> bool:
    """Whether a row below the people adds them up, or says who made the table."""
    first = next((text for cell in cells if (text := plain(cell).replace(" ", ""))), "")
    return _TOTALS.fullmatch(first) is not None


def body(rows: Sequence[Sequence[str]], heads: "Heads") -> Iterator[tuple[int, Sequence[str]]]:
    """The rows below the heads with their numbers in the file, without blank ones, totals, and heads that are
    repeated on every page.
    """
    repeated = [plain(cell) for cell in rows[heads.row]]
    for index, row in enumerate(rows[heads.row + 1 :], heads.row + 1):
        texts = [plain(cell) for cell in row]
        if any(texts) and texts != repeated and not is_footer(texts):
            yield index + 1, row


# --- Heads --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the heads stand: sheet and row by index, the column of each field, and what nobody knows."""

    sheet: int
    row: int
    columns: dict[str, int]
    unknown: list[str]
    twice: list[str]


def find_heads(
    sheets: Iterable[Sequence[Sequence[str]]], titles: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> Heads | None:
    """The row that names most of the fields, the needed ones among them, in the first sheet that has such a row.

    Among rows that name as many, the first: a head that is two rows high stands in the second of them whole.
    """
    fields = {title: field for field, names in titles.items() for title in names}
    for number, rows in enumerate(sheets):
        rows_read = [_read_heads(number, index, cells, fields) for index, cells in enumerate(rows[:HEAD_ROWS_MAX])]
        found = [heads for heads in rows_read if all(field in heads.columns for field in needed)]
        if found:
            return max(found, key=lambda heads: (len(heads.columns), -heads.row))
    return None


def title(cell: str) -> str:
    """A head without what stands around it: 联系电话（必填）* is 联系电话."""
    return re.sub(r"[\s*＊:：]|（[^（）]*）|\([^()]*\)", "", plain(cell))


def _read_heads(sheet: int, row: int, cells: Sequence[str], fields: Mapping[str, str]) -> Heads:
    columns: dict[str, int] = {}
    unknown: list[str] = []
    twice: list[str] = []
    for column, cell in enumerate(cells):
        text = title(cell)
        field = fields.get(text)
        if field is None:
            unknown += [text] if text else []
        elif field in columns:
            twice.append(text)
        else:
            columns[field] = column
    return Heads(sheet, row, columns, unknown, twice)
