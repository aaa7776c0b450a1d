"""Who is meant by a line of a list out of a chat or from paper: a name, and what the line says of phone and home."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared import cells
from shared.buildings import beginning, letters_of


class Meaning(StrEnum):
    ONE = "one"
    """One member beyond doubt."""
    CHOOSE = "choose"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """A line as far as it says who is meant; `place` is the home as it was written. Without a name the phone says
    it.
    """

    name: str
    phone: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Namesake:
    """A member who has the name, or the phone. `buildings` are those of the compound where they live."""

    id: UUID
    name: str
    has_phone: bool
    compound: str | None = None
    building: str | None = None
    buildings: Sequence[str] = ()


def judge(asked: Asked, found: Sequence[Namesake], *, elsewhere: bool = False) -> tuple[Meaning, list[UUID]]:
    """What a line comes to, and who it is or whom to choose from.

    Meant beyond doubt is only the one of that name, unless phone or home on the line say otherwise. `elsewhere`: these
    are of other stations, and a name says little by itself: phone or home must say that it is they.
    """
    if not found:
        return Meaning.UNKNOWN, []
    meant = [one for one in found if asked.name in ("", one.name)]
    by_phone = [one for one in meant if one.has_phone]
    at_home = [one for one in meant if may_live_at(one, asked.place)] if asked.place else []
    narrowed = by_phone or at_home or meant
    contradicted = bool(asked.phone and not by_phone) or bool(asked.place and not by_phone and not at_home)
    doubtful = elsewhere and not by_phone and not at_home
    if len(narrowed) == 1 and not contradicted and not doubtful:
        return Meaning.ONE, [narrowed[0].id]
    return Meaning.CHOOSE, [one.id for one in (found if contradicted else narrowed)]


_BEFORE_COMPOUND = re.compile(r"(?:^|[市区县镇乡村街道路号站])$")
"""和谐小区 is no part of 新和谐小区, but stands behind 南昌路社区."""
_NUMBERED = re.compile(r"[0-9A-Za-z一二三四五六七八九十]")


def may_live_at(member: Namesake, place: str) -> bool:
    """Whether a home as it was written may be the member's: it names the compound, and no other building, or begins
    with the building, as neighbours write it.
    """
    if member.compound is None:
        return False
    # A space parts two numbers, 3 201室, and lines up everything else.
    written = re.sub(r"(?<![0-9]) | (?![0-9])", "", cells.plain(place))
    before, compound, home = written.partition(letters_of(member.compound))
    in_compound = bool(compound) and bool(_BEFORE_COMPOUND.search(before))
    if in_compound and member.building is None:
        return True
    if member.building is None:
        return False
    named = beginning(home if in_compound else written, {*member.buildings, member.building})
    if named is not None:
        return member.building in named
    return in_compound and not _NUMBERED.search(home)
