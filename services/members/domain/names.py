"""Names of people: what may be shown of them, and how their surnames are read."""

from datetime import date

AGE_OF_OWN_CONSENT = 14
"""Below it a guardian acts, and no board shows the child (PIPL 28, 31)."""

COMPOUND_SURNAMES = frozenset(
    {
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "司徒",
        "皇甫",
        "东方",
        "尉迟",
        "公孙",
        "令狐",
        "慕容",
        "夏侯",
        "轩辕",
        "宇文",
        "长孙",
        "万俟",
        "闻人",
        "钟离",
        "端木",
        "南宫",
        "独孤",
        "呼延",
        "百里",
        "东郭",
        "西门",
        "申屠",
        "公羊",
        "赫连",
        "澹台",
        "淳于",
        "太史",
        "濮阳",
        "公冶",
        "宗政",
        "单于",
        "司空",
        "鲜于",
        "闾丘",
        "亓官",
        "拓跋",
        "完颜",
        "耶律",
    }
)

# Characters that are read otherwise when they are a surname.
SURNAME_READINGS: dict[str, tuple[str, ...]] = {
    "单": ("shan",),
    "曾": ("zeng",),
    "仇": ("qiu",),
    "解": ("xie",),
    "查": ("zha",),
    "区": ("ou",),
    "朴": ("piao",),
    "盖": ("ge",),
    "任": ("ren",),
    "翟": ("zhai",),
    "覃": ("qin",),
    "乐": ("yue",),
    "缪": ("miao",),
    "种": ("chong",),
    "召": ("shao",),
    "黑": ("he",),
    "折": ("she",),
    "洗": ("xian",),
    "员": ("yun",),
    "秘": ("bi",),
    "繁": ("po",),
    "燕": ("yan",),
    "宁": ("ning",),
    "重": ("chong",),
    "尉迟": ("yu", "chi"),
    "万俟": ("mo", "qi"),
    "长孙": ("zhang", "sun"),
    "单于": ("chan", "yu"),
    "澹台": ("tan", "tai"),
    "亓官": ("qi", "guan"),
}


def surname_of(name: str) -> str:
    """The surname of a Chinese name: two characters where those are one surname and a given name follows."""
    return name[:2] if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else name[:1]


def is_chinese(name: str) -> bool:
    return all("\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in name)


ERASED_NAME = "已注销"
"""In the place of a name that was erased; there is nothing in it to mask."""


def mask(name: str) -> str:
    """What may be shown without consent: 陈小芳 → 陈*芳, 陈芳 → 陈*, 欧阳娜娜 → 欧阳*娜.

    Names in other scripts keep their first letter alone.
    """
    if name == ERASED_NAME:
        return name
    if len(name) < 2 or not is_chinese(name):
        return f"{name[:1]}***" if len(name) > 1 else "*"
    surname = surname_of(name)
    given = name[len(surname) :]
    return surname + "*" * max(len(given) - 1, 1) + (given[-1] if len(given) > 1 else "")


def age_on(birth_date: date, day: date) -> int:
    """Completed years; someone born on 29 February is a year older on 1 March."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def years_before(day: date, years: int) -> date:
    """The latest day on which somebody of so many years was born: who was born after it is younger."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def is_child(birth_date: date | None, day: date) -> bool:
    """Under 14, so that a guardian must act. An unknown date of birth counts as grown up: staff sees the person."""
    return birth_date is not None and age_on(birth_date, day) < AGE_OF_OWN_CONSENT
