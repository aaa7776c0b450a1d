"""A WeChat 接龙 list as people paste it, read line by line: who is meant, and what was not understood.

Nobody is looked up here, and nothing is guessed: what does not begin like a name is shown to the organizer as it
stands, and so is what is left over of a line. Who stands on a line behind another is somebody of their own, if they
have a surname that people have: 陈芳、李明 are two, 陈芳 我和女儿 and 陈芳和老伴 one and something more. Who says that
they do not come is told apart from who does.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

LINES_MAX = 500
TEXT_MAX = 20_000
NAME_MAX = 20
TIED_MAX = 20
"""Letters of a word that may be several names."""


class Reading(StrEnum):
    PERSON = "person"
    NOT_COMING = "not_coming"
    """Somebody says that they do not come: 陈芳 不去了. Of several on such a line nobody knows who."""
    HEADING = "heading"
    """The title, `#接龙`, a sentence before the first number: not about anybody."""
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list, or one of the people on it. `companions` come along without a name; `place` is the home as
    it was written, `note` what was not understood; both stand with the first of several people. Without a `name` the
    phone alone says who it is.
    """

    number: int
    """Which line of the text, from 1; several people on one line have the same."""
    text: str
    reading: Reading
    name: str = ""
    phone: str | None = None
    place: str = ""
    note: str = ""
    companions: int = 0
    site: str | None = None
    """Which of the activity's sites the line names, or the heading above it."""


# A dot before a digit is no ordinal: 3.5 元.
_ORDINAL = re.compile(r"^[\s#＃]*(?:第\s*)?\d{1,4}\s*(?:[.、，,:)】\]．。·\-]\s*(?!\d)|位\s*|号\s*|\s+)")
_TIED = re.compile(r"^\s*\d{1,4}(?=[\u3400-\u9fff])(?!\s*[个人位名点时元月号日年分])")
_BRACKETS = re.compile(r"[(（【\[《<「][^)）】\]》>」]{0,200}[)）】\]》>」]")
"""So many letters at most, or a line of nothing but opened ones would be searched to its end from each of them."""
_PHONE = re.compile(r"(?<!\d)(?:\+?86[\s\-]?)?(1[3-9]\d[\s\-]?\d{4}[\s\-]?\d{4})(?!\d)")
_MANY = r"(\d{1,2}|[一二两三四五六七八九十])"
_COUNT = re.compile(rf"\+\s*{_MANY}|{_MANY}\s*[个位]?人")
_HAN = r"[\u3400-\u9fff]"
_NAME = re.compile(rf"^{_HAN}{{2,6}}$|^{_HAN}+(?:·{_HAN}+)+$|^[A-Za-z][A-Za-z .'\-]{{1,18}}[A-Za-z]$")
_DOT = re.compile("[•・‧∙⋅᛫]")
"""What stands for the dot of 古丽娜尔·买买提 on other keyboards."""
_SPREAD = re.compile(rf"(?<!{_HAN}){_HAN}(?: {_HAN}){{1,2}}(?!{_HAN})")
"""A name that was spread out to line up with others: 王 芳, 萧 爱 民."""
_GLUED = re.compile(rf"^({_HAN}{{2,4}}?|{_HAN}+(?:·{_HAN}+)+)(\d.*|[一二三四五六七八九十]{{1,3}}(?:号楼|[栋幢座]).*)$")
"""A name and the home behind it without a space: 吴小芳8号楼."""
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
_EMPTY_WORDS = _WORDS - {"同上", "待定", "名额"} | {"电话", "手机", "手机号", "联系电话", "微信"}
"""Those that say nothing which the list does not say."""
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂焦向柳邢岳齐梅莫庄辛管祝左涂谷祁舒耿牟卜詹关苗凌"
    "费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍覃霍翁隋植甘景薄包司柏宁柯阮桂闵解强柴华冉房边辜吉饶刁瞿戚丘古米"
    "池滕晋苑邬臧畅嵺苟全褚廉简娄盖符奚木穆燕郎邸冀谈姬屠郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝巩稽井"
    "练仲乐虞卞封竺冼原衣楚佟栗匡宗台巫鞠桑荆谌扬沙伏岑习胥保肖闫付邝尉楼诸慕皇"
)
"""How a name begins that stands behind another one."""
_AND = re.compile(r"[和与跟]")
_WITH_KIN = re.compile(
    rf"^({_HAN}{{2,4}}?)[和与跟带](?:[我他她]|自己)?的?"
    r"(老伴|爱人|老公|老婆|丈夫|妻子|孩子|儿子|女儿|儿媳|媳妇|女婿|孙子|孙女|外孙女?|[爸妈]妈?|爸爸|父亲|母亲|[哥姐弟妹]{1,2}|家人|家属|邻居|朋友|同事)$"
)
"""Who brings somebody that has no name on the list: 胡建国和老伴."""
_WEEKDAY = re.compile(r"^周[一二三四五六日末]")
_SAYS_NO = re.compile(
    r"请假|(?:来|去|参加)不[了成]|(?<![能来去])不(?:能|想)?再?(?:来|去|参加|报名)|取消(?:报名)?|退出(?:接龙)?|没空|没时间"
)


def read(text: str, sites: Sequence[str] = ()) -> list[Line]:
    """Every line that is not blank, in order; `sites`: what the activity's sites are called."""
    lines: list[Line] = []
    seen_person = False
    site = None
    named = {name: _site_pattern(name) for name in sorted(sites, key=len, reverse=True)}
    for number, written in enumerate(text.splitlines(), 1):
        plain = _plain(written)
        if not plain:
            continue
        if (heading := next((name for name in named if _bare(name) == _bare(plain)), None)) is not None:
            site = heading
            lines.append(Line(number, written.strip(), Reading.HEADING, site=site))
            continue
        own = next((name for name, pattern in named.items() if pattern.search(plain)), None)
        rest = plain if own is None else named[own].sub(" ", plain)
        read_now = _read_line(number, written.strip(), rest, is_early=not seen_person)
        read_now = [replace(line, site=own or site) for line in read_now]
        seen_person = seen_person or read_now[0].reading is Reading.PERSON
        lines += read_now
        if len(lines) >= LINES_MAX:
            break
    return _with_title(lines[:LINES_MAX])


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", _plain(text)).lower()


def _site_pattern(name: str) -> re.Pattern[str]:
    """Where a line names a site: by a word of its own, 李明 东门, or 去东门. One that is called like a home, or by a
    number or a letter, only by the latter: people write where they live, and number their lines.
    """
    plain, bare = re.escape(_plain(name)), _bare(name)
    alone = "" if _HOME.search(name) or bare.isdigit() or len(bare) == 1 else rf"|(?<!\w){plain}"
    return re.compile(rf"(?:[去到在]{plain}{alone})(?!\w)", re.IGNORECASE)


def _with_title(lines: list[Line]) -> list[Line]:
    """The chat numbers everybody below its `#接龙`: what stands between it and the first number is the title, though
    it may be as short as a name.
    """
    numbered = [at for at, line in enumerate(lines) if _without_ordinal(_plain(line.text))[1]]
    if not numbered or not _plain(lines[0].text).startswith("#"):
        return lines
    first = numbered[0]
    return [Line(line.number, line.text, Reading.HEADING, site=line.site) for line in lines[:first]] + lines[first:]


def _plain(text: str) -> str:
    """Full-width digits and letters as narrow ones; emoji and what cannot be seen left out."""
    narrow = unicodedata.normalize("NFKC", text)
    kept = (
        " " if unicodedata.category(letter) in ("Zs", "Cc") else letter
        for letter in narrow
        if unicodedata.category(letter) not in ("So", "Sk", "Cf", "Cs", "Co", "Cn", "Mn", "Me")
    )
    spaced = _DOT.sub("·", re.sub(r"\s+", " ", "".join(kept)).strip())
    return _SPREAD.sub(lambda found: found[0].replace(" ", "") if found[0][0] in _SURNAMES else found[0], spaced)


def _read_line(number: int, written: str, plain: str, *, is_early: bool) -> list[Line]:
    """The people of a line, or the line as one that names nobody."""
    rest, is_numbered = _without_ordinal(plain)
    says_no = bool(_SAYS_NO.search(rest))
    words = list(_words(_SAYS_NO.sub(" ", rest) if says_no else rest))
    people, others = _sorted_out(words)
    first = next((word for word, in_brackets in words if not in_brackets and not _PHONE.fullmatch(word)), "")
    if says_no and len(people) == 1:
        [one] = people
        return [Line(number, written, Reading.NOT_COMING, one.name, one.phone, " ".join(one.places))]
    if people and not says_no and (is_numbered or first in ("", people[0].word)):
        companions = max(_companions(_BRACKETS.sub(" ", rest), len(people)), sum(one.with_kin for one in people))
        return [
            Line(
                number=number,
                text=written,
                reading=Reading.PERSON,
                name=one.name,
                phone=one.phone,
                place=" ".join(one.places),
                note="" if nth else " ".join(others),
                companions=0 if nth else companions,
            )
            for nth, one in enumerate(people)
        ]
    # Before the first person stands what the list is about, unless it has a number like a person.
    is_heading = not says_no and (plain.startswith("#") or (is_early and not is_numbered))
    return [Line(number, written, Reading.HEADING if is_heading else Reading.NOT_UNDERSTOOD)]


def _without_ordinal(plain: str) -> tuple[str, bool]:
    for pattern in (_ORDINAL, _TIED):
        if found := pattern.match(plain):
            return plain[found.end() :].strip(), True
    return plain, False


def _companions(rest: str, named: int) -> int:
    """How many come along: “+1” is one more, “2人” is two with those who are named."""
    found = _COUNT.search(_PHONE.sub(" ", rest))
    if found is None:
        return 0
    more, together = found.groups()
    count = _DIGITS.get(more or together) or int(more or together)
    return count if more else max(0, count - named)


@dataclass(slots=True)
class _Person:
    name: str
    word: str
    """What the name was written in."""
    with_kin: bool = False
    """They bring somebody who is not named."""
    phone: str | None = None
    places: list[str] = field(default_factory=list)


def _words(rest: str) -> Iterator[tuple[str, bool]]:
    """The words of a line in order, and whether each stands in brackets; a phone is one word of digits."""
    at = 0
    for found in (*_BRACKETS.finditer(rest), None):
        outside = rest[at : found.start() if found else None]
        at = found.end() if found else at
        for part, in_brackets in ((outside, False), (found[0][1:-1] if found else "", True)):
            one_word = _PHONE.sub(lambda phone: " " + re.sub(r"\D", "", phone[1]) + " ", part)
            kept = one_word if in_brackets else _without_counts(one_word)
            yield from ((word, in_brackets) for word in _SEPARATORS.split(kept) if word)


def _without_counts(text: str) -> str:
    """A phone has no count in it."""
    return " ".join(word if _PHONE.fullmatch(word) else _COUNT.sub(" ", word) for word in text.split(" "))


def _sorted_out(words: list[tuple[str, bool]]) -> tuple[list[_Person], list[str]]:
    """The people, each with the phone and home that stand behind the name or before the first one, and what else was
    said. The first word that can only be a name is one.
    """
    people: list[_Person] = []
    before = _Person("", "")
    others: list[str] = []
    for word, in_brackets in words:
        one = people[-1] if people else before
        if _PHONE.fullmatch(word) and one.phone is None:
            one.phone = word
        elif not in_brackets and (found := _WITH_KIN.match(word)) and _begins_as_names_do(found[1]):
            people.append(_Person(found[1], word, with_kin=True))
            others.append(word[found.end(1) :])
        elif _HOME.search(word):
            one.places.append(word)
        elif not in_brackets and (names := _further_names(word) if people else _first_names(word)):
            people += [_Person(name[:NAME_MAX], word) for name in names]
        elif re.fullmatch(r"\d+(-\d+)*", word) and not in_brackets:
            one.places.append(word)
        elif word not in _EMPTY_WORDS:
            others.append(word)
    if people:
        people[0].phone = people[0].phone or before.phone
        people[0].places[:0] = before.places
        return people, others
    return _without_a_name_apart(before, others), others


def _without_a_name_apart(before: _Person, others: list[str]) -> list[_Person]:
    """Whose name stands in one word with the home, or who wrote nothing but a phone."""
    for nth, word in enumerate(before.places):
        found = _GLUED.match(word)
        if found and _HOME.search(found[2]) and ("·" in found[1] or _begins_as_names_do(found[1])):
            before.places[nth] = found[2]
            return [_Person(found[1], word, phone=before.phone, places=before.places)]
    return [before] if before.phone and not others else []


def _first_names(word: str) -> list[str]:
    return _tied(word) or ([word] if _NAME.match(word) and word not in _WORDS else [])


def _further_names(word: str) -> list[str]:
    """Those in a word that stands behind a name."""
    return _tied(word) or ([word] if _begins_as_names_do(word) else [])


def _tied(word: str) -> list[str]:
    """The two or more that 和 ties: 陈芳和李明; not 傅和平."""
    for found in _AND.finditer(word) if len(word) <= TIED_MAX else ():
        first, others = word[: found.start()], word[found.end() :]
        if _begins_as_names_do(first) and (further := _further_names(others)):
            return [first, *further]
    return []


def _begins_as_names_do(word: str) -> bool:
    is_name = 2 <= len(word) <= 4 and word[0] in _SURNAMES and _NAME.match(word)
    return bool(is_name) and word not in _WORDS and not _WEEKDAY.match(word)
