"""How many live at a place on a day, by the tree as it is or as it was then (ADRs 137, 159).

A count is of the place as it was on its day: of those it has taken over by then, and of parts it has not yet given off.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID


class Tree(StrEnum):
    """Which places are meant."""

    NOW = "now"
    """As they are: a place with all that was merged into it since."""
    THEN = "then"
    """As they were on the day."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its own counts by day, what it came from or went to, and what lies directly below it."""

    id: UUID
    opened_on: date
    closed_on: date | None = None
    successor_id: UUID | None = None
    split_from_id: UUID | None = None
    counts: Mapping[date, int] = field(default_factory=dict)
    parts: tuple[UUID, ...] = ()


def count(places: Iterable[Place], wanted: Iterable[UUID], day: date, tree: Tree) -> dict[UUID, int | None]:
    """Residents of these places, None where nobody knows; `places` are they, all merged into them, and their parts down
    to where one was counted.
    """
    known = {place.id: place for place in places}
    merged: dict[UUID, list[Place]] = {}
    for place in known.values():
        if place.successor_id is not None:
            merged.setdefault(place.successor_id, []).append(place)
    return {each: _count(known[each], day, tree, known, merged) for each in wanted}


def _count(
    place: Place, day: date, tree: Tree, known: Mapping[UUID, Place], merged: Mapping[UUID, list[Place]]
) -> int | None:
    """As counted at the place itself, else the sum of the nearest places below it, where each has been counted."""
    if place.counts:
        return _with_merged(place, day, tree, merged)
    wholes = [each for each in _nearest(place, known) if each.counts]
    parts = _nearest(place, known, without=lambda part: any(_is_within(part, whole, day) for whole in wholes))
    counts = [_with_merged(part, day, tree, merged) for part in parts]
    return _sum(counts) if counts else None


def _nearest(
    place: Place, known: Mapping[UUID, Place], without: Callable[[Place], bool] = lambda part: False
) -> list[Place]:
    """Going down from a place: what was counted, else what has nothing below it. Each once, wherever it moved in
    between.
    """
    found: dict[UUID, Place] = {}
    below = list(place.parts)
    while below:
        part = known[below.pop()]
        if without(part):
            continue
        if part.counts or not part.parts:
            found[part.id] = part
        else:
            below.extend(part.parts)
    return list(found.values())


def _with_merged(place: Place, day: date, tree: Tree, merged: Mapping[UUID, list[Place]]) -> int | None:
    """What was counted at a place, and at those merged into it after that count. What had been one and was merged again
    is counted once.
    """
    if not place.counts:
        return None
    counted_on = _counted_on(place.counts, day)
    counts: list[int | None] = [place.counts[counted_on]]
    for other in merged.get(place.id, ()):
        assert other.closed_on is not None
        if tree is Tree.THEN and day < other.closed_on:
            if other.closed_on <= counted_on:
                return None  # it was first counted with the other
        elif counted_on < other.closed_on and not _is_within(other, place, day):
            counts.append(_with_merged(other, day, tree, merged))
            if _is_within(place, other, day):
                counts[0] = 0
    return _sum(counts)


def _is_within(part: Place, whole: Place, day: date) -> bool:
    """Whether it was split off the other one after that one's count, which has its people."""
    is_part = part.split_from_id == whole.id and bool(whole.counts)
    return is_part and _counted_on(whole.counts, day) < part.opened_on


def _counted_on(counts: Mapping[date, int], day: date) -> date:
    """The last count up to a day; where nobody had counted by then, the first."""
    return max((each for each in counts if each <= day), default=min(counts))


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for each in counts:
        if each is None:
            return None
        total += each
    return total


def together(first: Place, second: Place, day: date) -> dict[date, int]:
    """From the day on which one of two places takes the other over, how many live at both, by day: as each was counted
    last up to then, and again on each day since on which one was counted. Nothing for days by which one never was.
    """
    days = {day, *(each for place in (first, second) for each in place.counts if each > day)}
    found = {each: _together_on(first, second, each) for each in sorted(days)}
    return {each: count for each, count in found.items() if count is not None}


def _together_on(first: Place, second: Place, day: date) -> int | None:
    if _is_within(first, second, day):
        return _counted_by(second, day)
    if _is_within(second, first, day):
        return _counted_by(first, day)
    return _sum([_counted_by(first, day), _counted_by(second, day)])


def _counted_by(place: Place, day: date) -> int | None:
    """As counted last up to a day."""
    known = [each for each in place.counts if each <= day]
    return place.counts[max(known)] if known else None
