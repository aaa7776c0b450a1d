"""A printed sign-in sheet (签到表), typed in later: what stands on it, and what becomes of each of its lines.

A sheet is not kept. Its number says of which site it is and when it was printed, and sign-ups know when they were made
and called off: so it comes out again as it was, line by line.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.checkin.domain import attendances, entering
from services.checkin.domain.activities import State
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.entering import Entry
from services.checkin.domain.schedule import SHANGHAI, Schedule
from shared.errors import Forbidden, RuleBroken

LINES_MAX = 1000

_NUMBER = re.compile(r"(\d{1,2})\D?(\d{6})\D?(\d{6})")


class Outcome(StrEnum):
    TAKEN = "taken"
    ALREADY = "already"
    """Known to have been there, by own scans or whatever else was first; what stands stays as it is."""
    TWICE = "twice"
    """Further up on this sheet already."""
    OWN_CASE = "own_case"
    """The typist's own, or of the household: another organizer has to say so."""
    UNKNOWN = "unknown"
    """Nobody who is active here."""
    IMPOSSIBLE_TIMES = "impossible_times"
    PAIRS_USED_UP = "pairs_used_up"


class NoSuchSheet(RuleBroken):
    code = "no_such_sheet"
    detail = "签到表编号不对，请照着表上印的填写"


class LeaderTooLate(RuleBroken):
    code = "leader_too_late"
    detail = "点位负责人只能录到活动第二天为止，以后请活动负责人补录"


@dataclass(frozen=True, slots=True)
class Line:
    """Who was there by the sheet; without `left_at` they still are. `number`: which line of the paper it is."""

    member_id: UUID
    arrived_at: datetime
    left_at: datetime | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of somebody on a line. `pairs`: all of theirs at the activity, `pairs_of_day`: live ones anywhere
    on the day of the line.
    """

    is_active: bool
    is_own_case: bool
    pairs: Sequence[Attendance]
    pairs_of_day: int


def require_called(site_id: UUID, led: Collection[UUID] | None, schedule: Schedule, now: datetime) -> None:
    """Raise unless somebody may have to do with the sheet of a site: an organizer (`led` is None) at any time, who
    leads the site as long as what they enter counts as their word.
    """
    if led is None:
        return
    if site_id not in led:
        raise Forbidden
    if not schedule.counts_as_entered_in_time(now):
        raise LeaderTooLate


def number_of(site_number: int, at: datetime) -> str:
    """The number of the sheet of a site as of a whole second: 1-261125-083040."""
    return f"{site_number}-{at.astimezone(SHANGHAI):%y%m%d-%H%M%S}"


def read_number(text: str, site_number: int, now: datetime) -> datetime:
    """As of when the sheet of this number was printed; NoSuchSheet for another site's, and for what is no number."""
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None or int(found[1]) != site_number:
        raise NoSuchSheet
    try:
        at = datetime.strptime(found[2] + found[3], "%y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise NoSuchSheet from None
    if at > now:
        raise NoSuchSheet
    return at


def judge(
    entry: Entry, known: Standing, state: State, schedule: Schedule, now: datetime
) -> tuple[Outcome, Attendance | None]:
    """What becomes of a line, and the attendance that is new, or that stands already.

    A sheet knows one stay of somebody at its site. Whoever has a record there keeps it, whatever its times; so does
    whoever was at another site of the activity meanwhile. So a sheet typed in twice says nothing new.
    """
    made = next((pair for pair in known.pairs if pair.id == entry.attendance_id), None)
    if made is not None:
        is_same = (made.arrived_at, made.left_at) == (entry.arrived_at, entry.left_at)
        return Outcome.TAKEN if is_same else Outcome.ALREADY, made
    if known.is_own_case:
        return Outcome.OWN_CASE, None
    if not known.is_active:
        return Outcome.UNKNOWN, None
    if (stands := _what_stands(entry, known.pairs)) is not None:
        return Outcome.ALREADY, stands
    try:
        entering.require_possible(entry, state, schedule, now)
        others = [pair for pair in known.pairs if pair.site_id == entry.site_id]
        return Outcome.TAKEN, entering.enter(entry, schedule, now, others=others, pairs_of_day=known.pairs_of_day)
    except attendances.ImpossibleTimes:
        return Outcome.IMPOSSIBLE_TIMES, None
    except attendances.PairsUsedUp:
        return Outcome.PAIRS_USED_UP, None


def _what_stands(entry: Entry, pairs: Sequence[Attendance]) -> Attendance | None:
    live = [pair for pair in pairs if pair.state in attendances.LIVE]
    meeting = [pair for pair in live if pair.meets(entry.arrived_at, entry.left_at)]
    here = [pair for pair in live if pair.site_id == entry.site_id]
    return next(iter([*(pair for pair in here if pair in meeting), *meeting, *here]), None)
