"""A WeChat 接龙 list as people paste it, read line by line: who is meant, and what was not understood.

Nobody is looked up here, and nothing is guessed: what does not begin like a name is shown to the organizer as it
stands.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

LINES_MAX = 500
TEXT_MAX = 20_000
NAME_MAX = 20


class Reading(StrEnum):
    PERSON = "person"
    HEADING = "heading"
    """The title, `#接龙`, a sentence before the first number: not about anybody."""
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list. `companions` come along without a name; `place` is the home as it was written."""

    number: int
    """Which line of the text, from 1."""
    text: str
    reading: Reading
    name: str = ""
    phone: str | None = None
    place: str = ""
    note: str = ""
    companions: int = 0


# A dot before a digit is no ordinal: 3.5 元.
_ORDINAL = re.compile(r"^[\s#＃]*(?:第\s*)?\d{1,4}\s*(?:[.、，,:)】\]．。·\-]\s*(?!\d)|位\s*|号\s*|\s+)")
_TIED = re.compile(r"^\s*\d{1,4}(?=[\u3400-\u9fff])(?!\s*[个人位名点时元月号日年分])")
_BRACKETS = re.compile(r"[(（【\[《<「][^)）】\]》>」]{0,200}[)）】\]》>」]")
"""So many letters at most, or a line of nothing but opened ones would be searched to its end from each of them."""
_PHONE = re.compile(r"(?<!\d)(?:\+?86[\s\-]?)?(1[3-9]\d[\s\-]?\d{4}[\s\-]?\d{4})(?!\d)")
_MANY = r"(\d{1,2}|[一二两三四五六七八九十])"
_COUNT = re.compile(rf"\+\s*{_MANY}|{_MANY}\s*[个位]?人")
_NAME = re.compile(r"^[\u3400-\u9fff·]{2,6}$|^[A-Za-z][A-Za-z .'\-]{1,18}[A-Za-z]$")
_HOME = re.compile(r"小区|社区|[栋幢座楼]|单元|室|号院|苑|家园|花园|村|组$|街|路|巷")
_SEPARATORS = re.compile(r"[\s,，、;；:：/|\-—_~.。!！?？]+")
_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_WORDS = frozenset(
    (
        "报名", "参加", "已报", "我报", "我来", "收到", "我参加", "我报名", "接龙", "义工", "志愿者", "同上", "谢谢",
        "辛苦", "大家", "待定", "名额",
    )
)  # fmt: skip
"""Short words that people write in the place of a name."""
_SAYS_NO = re.compile(r"请假|来不了|不来|不参加|取消|去不了|退出|不能来")


def read(text: str) -> list[Line]:
    """Every line that is not blank, in order."""
    lines: list[Line] = []
    seen_person = False
    for number, written in enumerate(text.splitlines(), 1):
        plain = _plain(written)
        if not plain:
            continue
        line = _read_line(number, written.strip(), plain, is_early=not seen_person)
        seen_person = seen_person or line.reading is Reading.PERSON
        lines.append(line)
        if len(lines) >= LINES_MAX:
            break
    return _with_title(lines)


def _with_title(lines: list[Line]) -> list[Line]:
    """The chat numbers everybody below its `#接龙`: what stands between it and the first number is the title, though
    it may be as short as a name.
    """
    numbered = [at for at, line in enumerate(lines) if _without_ordinal(_plain(line.text))[1]]
    if not numbered or not _plain(lines[0].text).startswith("#"):
        return lines
    first = numbered[0]
    return [Line(line.number, line.text, Reading.HEADING) for line in lines[:first]] + lines[first:]


def _plain(text: str) -> str:
    """Full-width digits and letters as narrow ones; emoji and what cannot be seen left out."""
    narrow = unicodedata.normalize("NFKC", text)
    kept = (
        " " if unicodedata.category(letter) in ("Zs", "Cc") else letter
        for letter in narrow
        if unicodedata.category(letter) not in ("So", "Sk", "Cf", "Cs", "Co", "Cn", "Mn", "Me")
    )
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def _read_line(number: int, written: str, plain: str, *, is_early: bool) -> Line:
    rest, is_numbered = _without_ordinal(plain)
    notes = [found[0][1:-1].strip() for found in _BRACKETS.finditer(rest)]
    rest = _BRACKETS.sub(" ", rest)
    phone = _PHONE.search(rest) or _PHONE.search(" ".join(notes))
    rest = _PHONE.sub(" ", rest)
    companions = _companions(rest)
    rest = _COUNT.sub(" ", rest)
    words = [word for word in _SEPARATORS.split(rest) if word]
    name, place, others = _sorted_out(words)
    says_no = bool(_SAYS_NO.search(plain))
    if name and not says_no and (is_numbered or words[0] == name):
        return Line(
            number=number,
            text=written,
            reading=Reading.PERSON,
            name=name,
            phone=re.sub(r"\D", "", phone[1]) if phone else None,
            place=place,
            note=" ".join([*others, *(note for note in notes if note)]),
            companions=companions,
        )
    # Before the first person stands what the list is about, unless it has a number like a person.
    is_heading = not says_no and (plain.startswith("#") or (is_early and not is_numbered))
    return Line(number, written, Reading.HEADING if is_heading else Reading.NOT_UNDERSTOOD)


def _without_ordinal(plain: str) -> tuple[str, bool]:
    for pattern in (_ORDINAL, _TIED):
        if found := pattern.match(plain):
            return plain[found.end() :].strip(), True
    return plain, False


def _companions(rest: str) -> int:
    """How many come along: “+1” is one more, “2人” is two with the one who is named."""
    found = _COUNT.search(rest)
    if found is None:
        return 0
    more, together = found.groups()
    count = _DIGITS.get(more or together) or int(more or together)
    return count if more else max(0, count - 1)


def _sorted_out(words: list[str]) -> tuple[str, str, list[str]]:
    """The name, the home, and what else was said. The first word that can only be a name is it."""
    places: list[str] = []
    others: list[str] = []
    name = ""
    for word in words:
        if _HOME.search(word) and not name:
            places.append(word)
        elif not name and _NAME.match(word) and word not in _WORDS:
            name = word
        elif _HOME.search(word) or re.fullmatch(r"\d+(-\d+)*", word):
            places.append(word)
        else:
            others.append(word)
    return name[:NAME_MAX], " ".join(places), others
