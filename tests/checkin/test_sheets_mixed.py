"""However sheets, second typings, scans and single entries come together, no minute of anybody counts twice."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.checkin.commands import attendances, newcomers, sheets
from services.checkin.domain.sheets import Line
from services.checkin.store import Activity
from services.checkin.store.activities import SiteDraft
from shared import clock
from shared.errors import HuzhuError
from shared.principal import Principal
from tests.checkin.support import Station, after, own

PEOPLE, SITES = 2, 2
_minute = st.integers(0, 180)
_who, _site = st.integers(0, PEOPLE - 1), st.integers(0, SITES - 1)
_stays = st.tuples(_minute, _minute).filter(lambda stay: stay[0] < stay[1])


@dataclass(frozen=True)
class Scan:
    at: int
    who: int
    site: int
    direction: str


@dataclass(frozen=True)
class Tick:
    at: int
    who: int
    site: int


@dataclass(frozen=True)
class Single:
    at: int
    who: int
    site: int
    stay: tuple[int, int]


@dataclass(frozen=True)
class Sheet:
    """`form` is the id it is posted with: the same one again is a retry, another one a second typing."""

    at: int
    site: int
    form: int
    lines: tuple[tuple[int, tuple[int, int]], ...]


_lines = st.lists(st.tuples(_who, _stays), min_size=1, max_size=3).map(tuple)
_sheets = st.builds(Sheet, at=st.integers(150, 400), site=_site, form=st.integers(0, 2), lines=_lines)
_others = st.one_of(
    st.builds(Scan, at=_minute, who=_who, site=_site, direction=st.sampled_from(["arrival", "departure"])),
    st.builds(Tick, at=_minute, who=_who, site=_site),
    st.builds(Single, at=st.integers(30, 400), who=_who, site=_site, stay=_stays),
)


@dataclass
class Saturday:
    station: Station
    activity: Activity
    people: Sequence[Principal]
    forms: Sequence[UUID]

    def do(self, act: Scan | Tick | Single | Sheet) -> None:
        with clock.travel(after(act.at)):
            match act:
                case Scan(at, who, site, direction):
                    self.station.scan(self.people[who], self.activity, direction, after(at), site=site)
                case Tick(_, who, site):
                    newcomers.sign_in_newcomer(
                        self.station.organizer,
                        attendance_id=uuid4(),
                        **self.where(site),
                        member_id=own(self.people[who]),
                    )
                case Single(_, who, site, (arrived, left)):
                    attendances.add_attendance(
                        self.station.organizer,
                        attendance_id=uuid4(),
                        **self.where(site),
                        member_id=own(self.people[who]),
                        arrived_at=after(arrived),
                        left_at=after(left),
                    )
                case Sheet(_, site, form, lines):
                    sheets.enter_sheet(
                        self.station.organizer,
                        sheet_id=self.forms[form],
                        **self.where(site),
                        lines=[
                            Line(own(self.people[who]), after(arrived), after(left)) for who, (arrived, left) in lines
                        ],
                    )

    def where(self, site: int) -> dict[str, Any]:
        return {"activity_id": self.activity.id, "site_id": self.activity.sites[site].id}

    def counted(self) -> dict[str, list[tuple[datetime, datetime, int]]]:
        """What points was told last of each attendance, by member: from when to when, and how many minutes."""
        last = {fact["attendance_id"]: fact for fact in self.station.told()}
        found = defaultdict(list)
        for fact in last.values():
            if fact["activity_id"] == str(self.activity.id) and fact["minutes"]:
                span = (datetime.fromisoformat(fact[name]) for name in ("started_at", "ended_at"))
                found[fact["member_id"]].append((*span, fact["minutes"]))
        return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.lists(_sheets, min_size=2, max_size=4), others=st.lists(_others, max_size=6))
def test_no_minute_counts_twice(station: Station, typed: list[Sheet], others: list[Scan | Tick | Single]) -> None:
    activity = station.activity(sites=[SiteDraft(uuid4(), name, name) for name in ("东门", "西门")])
    saturday = Saturday(station, activity, [station.person() for _ in range(PEOPLE)], [uuid4() for _ in range(3)])
    for act in sorted([*typed, *others], key=lambda act: act.at):
        with suppress(HuzhuError):
            saturday.do(act)
    with clock.travel(after(500)):
        attendances.depart_automatically()
        attendances.confirm_all(station.organizer, activity_id=activity.id)
    for stays in saturday.counted().values():
        stays.sort()
        assert all(before[1] <= then[0] for before, then in pairwise(stays)), stays
        assert sum(minutes for *_, minutes in stays) <= 180
