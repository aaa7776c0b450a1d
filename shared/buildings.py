"""What people call places: 3栋, 3号楼, 3 幢, 三号楼 and 3# are one building, as long as the compound has only one such;
a compound is known with spaces and full-width digits. Pure; knows no service.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from shared import cells

_NUMBER = r"第?([A-Z]?)([0-9]{1,3}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九])?"
_WORD = r"号?[栋幢座]|号楼|#楼?"
_NAME = re.compile(rf"{_NUMBER}(?:{_WORD})?", re.IGNORECASE)
_BEGINNING = re.compile(rf"{_NUMBER}(?:{_WORD}|(?=[\s\-]|$))", re.IGNORECASE)
"""A bare number is a building only where nothing follows at once: 3 201室."""
_ENDS_IN_NUMBER = re.compile(r"[0-9A-Za-z一二三四五六七八九十]$")
_KIND = re.compile(r"[栋幢座#]$|号楼$|#楼$")
_DIGITS = "零一二三四五六七八九"
_CALLED_MAX = 10
"""第 and the longest number with the longest word behind it."""
_READ_MAX = 4096
"""So many names are read once; a station has a few hundred."""


@lru_cache(_READ_MAX)
def designation(name: str) -> str | None:
    """The letter and number of a building, A3 or 3; None for a name that says more, or something else."""
    found = _NAME.fullmatch(re.sub(r"\s", "", name))
    if found is None or not any(found.groups()):
        return None
    letter, number = found.groups(default="")
    return letter.upper() + (number and str(_value(number)))


def _value(number: str) -> int:
    """12 for 12, 012 and 十二."""
    if number.isascii():
        return int(number)
    tens, ten, ones = number.rpartition("十")
    return (10 * (_DIGITS.index(tens) if tens else 1) if ten else 0) + (_DIGITS.index(ones) if ones else 0)


def meant(written: str, names: Iterable[str]) -> list[str]:
    """Which of a compound's buildings a cell may mean: the one of that very name, else all of that designation."""
    known = list(names)
    if written in known:
        return [written]
    wanted = designation(written)
    return [name for name in known if wanted is not None and designation(name) == wanted]


def beginning(home: str, names: Iterable[str]) -> list[str] | None:
    """Which of a compound's buildings the beginning of a home may mean: 3号楼2单元401室 begins with 3栋. An empty list
    for another building, None where no building stands there.
    """
    known = list(names)
    begun = {name: letters for name in known if _begins(home, letters := letters_of(name))}
    if begun:
        longest = max(begun.values(), key=len)
        return [name for name, letters in begun.items() if letters == longest]
    found = _BEGINNING.match(home)
    return None if found is None or not any(found.groups()) else meant(found[0], known)


def _begins(home: str, name: str) -> bool:
    """A name that ends in a number may go on in the home, as 3 does in 3201室."""
    return home == name or (home.startswith(name) and not _ENDS_IN_NUMBER.search(name))


def known_as(written: str | None, names: Iterable[str]) -> str | None:
    """The name of the only building that a cell may mean; else what it says, which is nobody's."""
    found = meant(written, names) if written else []
    return found[0] if len(found) == 1 else written


@lru_cache(_READ_MAX)
def letters_of(name: str) -> str:
    """A name without the spaces that line it up with others, and with narrow digits."""
    return "".join(cells.plain(name).split())


def of_name(written: str, names: Iterable[str]) -> list[str]:
    """Which of these a cell may mean: the one of that very name, else all of the same letters."""
    known = list(names)
    return [written] if written in known else [name for name in known if letters_of(name) == letters_of(written)]


def home_as(
    compound: str | None, building: str | None, there: Mapping[str, Sequence[str]]
) -> tuple[str | None, str | None]:
    """The names of compound and building where the cells mean one each; else what they say. `there` are the names of
    buildings by compound.
    """
    compounds = of_name(compound, there) if compound else []
    if len(compounds) == 1:
        (compound,) = compounds
    return compound, known_as(building, there.get(compound or "", ()))


def may_be_building(written: str) -> bool:
    """Whether what somebody looks for may be a building, alone or behind its compound: 6号楼, 和谐小区6栋, 3-2. A
    number alone is looked for among those of people.
    """
    wanted = letters_of(written)
    return bool(_KIND.search(wanted) or (re.search(r"\d", wanted) and not wanted.isdecimal()))


def is_sought(written: str, compound: str | None, building: str | None) -> bool:
    """Whether who looks for this may mean a home: its compound, its building as anybody calls it, or both in one.

    Only what may be a building is looked for as a beginning: no part of a name brings all of a compound along, and 3栋
    is not 13栋.
    """
    wanted, where, which = (letters_of(text or "").lower() for text in (written, compound, building))
    if wanted and wanted in (where, which):
        return True
    if not may_be_building(wanted):
        return False
    if which.startswith(wanted) or (where + which).startswith(wanted):
        return True
    said, known = said_first(wanted.removeprefix(where)), designation(which)
    return known is not None and said == (known, "")


def said_first(text: str) -> tuple[str, str] | None:
    """The building that a text begins with, by its designation, and what follows: 6号楼301 is 6 and 301. None where no
    building is called one: a number alone may be a door or a person's.
    """
    for end in range(min(len(text), _CALLED_MAX), 0, -1):
        if _KIND.search(text[:end]) and (said := designation(text[:end])) is not None:
            return said, text[end:]
    return None
