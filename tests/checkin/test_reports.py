"""What stations report, against counting by hand; by the tree as it is and as it was; and for whom."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from services.checkin.commands import places
from services.checkin.domain import reports
from services.checkin.queries import reports as queries
from services.checkin.store.tables import Activity, Site, attendance_table
from shared import clock, copies
from shared.db import session, transactional
from shared.events import MemberChanged, Spell, StationChanged
from shared.principal import Grant, Kind, Principal, Role
from tests.checkin.support import Station, after, statements

if TYPE_CHECKING:
    from flask import Flask

JULY, AUGUST, SEPTEMBER, END = date(2026, 7, 1), date(2026, 8, 10), date(2026, 9, 5), date(2026, 9, 30)
DAYS = (END - JULY).days + 1
NODES = {
    name: UUID(int=number + 1)
    for number, name in enumerate(("市", "东所", "西所", "甲站", "乙站", "丙站", "丁站", "戊站", "中心"))
}
STATIONS = ("甲站", "乙站", "丙站", "丁站")
LEVELS = {
    "city": ("市",),
    "centre": ("中心",),
    "sub_centre": ("东所", "西所"),
    "station": (*STATIONS, "戊站"),
}
NAMES = {node_id: name for name, node_id in NODES.items()}
MEMBERS = [UUID(int=100 + number) for number in range(6)]
DOUBLE = MEMBERS[5]
"""Registered twice: merged into the first one."""
SETTLED, WAITING = ("confirmed", "corrected"), ("open", "left")


def path_of(*names: str) -> str:
    return "/" + "".join(f"{NODES[name].hex}/" for name in names)


def told(name: str, level: str, *above: str, **fields: Any) -> StationChanged:
    parent_id = NODES[above[-1]] if above else None
    fact = StationChanged(
        node_id=NODES[name], version=1, level=level, name=name, path=path_of(*above, name), parent_id=parent_id
    )
    return replace(fact, past=(Spell(from_day=date(2020, 1, 1), name=name, parent_id=parent_id),), **fields)


def plant_tree() -> None:
    """丙站 was 老丙站 under 东所 until August; 丁站 under 西所, 老西所 until September, was merged into 乙站."""
    moved = (
        Spell(from_day=date(2020, 1, 1), name="老丙站", parent_id=NODES["东所"]),
        Spell(from_day=AUGUST, name="丙站", parent_id=NODES["西所"]),
    )
    renamed = (
        Spell(from_day=date(2020, 1, 1), name="老西所", parent_id=NODES["市"]),
        Spell(from_day=SEPTEMBER, name="西所", parent_id=NODES["市"]),
    )
    facts = [
        told("市", "city"),
        told("东所", "sub_centre", "市"),
        replace(told("西所", "sub_centre", "市"), past=renamed),
        told("甲站", "station", "市", "东所"),
        told("乙站", "station", "市", "东所"),
        replace(told("丙站", "station", "市", "西所"), past=moved),
        told("丁站", "station", "市", "西所", closed=True, successor_id=NODES["乙站"]),
    ]
    transactional(places.take_stations)(facts)


def official(role: Role, *names: str) -> Principal:
    path = path_of(*names)
    return Principal(kind=Kind.LOGIN, audience="checkin", login_id=uuid4(), grants=(Grant(role, path),))


@dataclass(frozen=True)
class Held:
    station: str
    category: str
    day: int
    """Of the period, from 0; the activity begins in its evening and goes on after midnight."""


@dataclass(frozen=True)
class Pair:
    activity: int
    member: int
    state: str
    is_after_midnight: bool
    minutes: int


activities = st.builds(
    Held, st.sampled_from(STATIONS), st.sampled_from(["repair", "culture_sport"]), st.integers(-1, DAYS)
)
pairs = st.builds(
    Pair,
    st.integers(0, 5),
    st.integers(0, len(MEMBERS) - 1),
    st.sampled_from([*SETTLED, "left", "annulled", "rejected", "confirmed"]),
    st.booleans(),
    st.integers(0, 300),
)


@transactional
def write(tx: Any, held: list[Held], served: list[Pair]) -> None:
    for table in ("attendance", "site", "activity"):
        tx.execute(text(f"DELETE FROM {table}"))
    ids = [uuid4() for _ in held]
    tx.execute(insert(Activity), [_activity_row(ids[number], one) for number, one in enumerate(held)])
    tx.execute(
        insert(Site), [{"id": id_, "activity_id": id_, "number": 1, "name": "东门", "place": "东门"} for id_ in ids]
    )
    if served:
        tx.execute(
            insert(attendance_table),
            [_pair_row(ids[one.activity], held[one.activity], number, one) for number, one in enumerate(served)],
        )


def _activity_row(id_: UUID, one: Held) -> dict[str, Any]:
    starts_at = clock.day_starts(JULY + timedelta(days=one.day)) + timedelta(hours=20)
    return {
        "id": id_, "state": "closed", "title": "夜巡", "category": one.category, "station_id": NODES[one.station],
        "place": "东门", "starts_at": starts_at, "ends_at": starts_at + timedelta(hours=10),
        "window_before_minutes": 60, "confirm_each": False, "digest": b"", "created_at": starts_at,
    }  # fmt: skip


def _pair_row(id_: UUID, held: Held, number: int, one: Pair) -> dict[str, Any]:
    day = day_of(held, one)
    arrived_at = clock.day_starts(day) + timedelta(hours=1 if one.is_after_midnight else 20)
    return {
        "id": uuid4(), "activity_id": id_, "site_id": id_, "member_id": MEMBERS[one.member], "pair": number + 1,
        "state": one.state, "version": 1 if one.state in (*SETTLED, "annulled") else 0, "service_day": day,
        "arrived_at": arrived_at, "left_at": arrived_at, "minutes": one.minutes, "evidence": "own_scan", "marks": [],
    }  # fmt: skip


def day_of(held: Held, pair: Pair) -> date:
    return JULY + timedelta(days=held.day + pair.is_after_midnight)


# --- By hand --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    activity: int
    person: UUID
    day: date
    minutes: int
    counts: bool
    waiting: int


def visits_of(held: list[Held], served: list[Pair]) -> list[Visit]:
    by_visit: dict[tuple[int, UUID], list[Pair]] = {}
    for pair in served:
        member_id = MEMBERS[pair.member]
        person = MEMBERS[0] if member_id == DOUBLE else member_id
        if pair.state in (*SETTLED, *WAITING):
            by_visit.setdefault((pair.activity, person), []).append(pair)
    visits = []
    for (activity, person), all_of_it in by_visit.items():
        settled = [pair for pair in all_of_it if pair.state in SETTLED]
        day = min(day_of(held[activity], pair) for pair in settled or all_of_it)
        minutes = sum(pair.minutes for pair in settled)
        waiting = sum(pair.state in WAITING for pair in all_of_it)
        visits.append(Visit(activity, person, day, minutes, bool(settled), waiting))
    return [visit for visit in visits if JULY <= visit.day <= END]


def figures(visits: Iterable[Visit]) -> tuple[int, ...]:
    found = list(visits)
    counting = [visit for visit in found if visit.counts]
    return (
        len({visit.activity for visit in counting}),
        len(counting),
        len({visit.person for visit in counting}),
        sum(visit.minutes for visit in counting),
        sum(visit.waiting for visit in found),
    )


def shown(one: reports.Figures) -> tuple[int, ...]:
    return (one.activities, one.visits, one.persons, one.minutes, one.waiting)


def cut(visits: list[Visit], key: Any) -> dict[Any, tuple[int, ...]]:
    keys = {key(visit) for visit in visits}
    return {each: figures(visit for visit in visits if key(visit) == each) for each in keys}


NOW_BELOW_CITY = {"甲站": "东所", "乙站": "东所", "丙站": "西所", "丁站": "东所"}


def below_city_then(station: str, day: date) -> str:
    is_east = station in ("甲站", "乙站") or (station == "丙站" and day < AUGUST)
    return "东所" if is_east else "老西所" if day < SEPTEMBER else "西所"


def below_east_then(station: str, day: date) -> str | None:
    if station == "丙站":
        return "老丙站" if day < AUGUST else None
    return station if station in ("甲站", "乙站") else None


@contextmanager
def the_town(app: "Flask") -> Iterator[None]:
    with app.app_context(), clock.travel(datetime(2026, 11, 21, tzinfo=clock.SHANGHAI)):
        plant_tree()
        card = MemberChanged(
            member_id=DOUBLE, version=1, status="merged", confirmed=True, volunteer_number="1", name_masked="陈*",
            merged_into=MEMBERS[0],
        )  # fmt: skip
        transactional(copies.take_members)([card])
        yield


def ask(caller: Principal, node: str | None, tree: str = "now", **query: Any) -> reports.Report:
    period = {"from_": JULY, "to": END}
    found = queries.report(caller, node_id=NODES[node] if node else None, tree=tree, **period | query)
    session().rollback()
    return found


def test_every_figure_is_what_counting_by_hand_gives(checkin_app: "Flask") -> None:
    caller = official(Role.STAFF)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(activities, min_size=6, max_size=6), st.lists(pairs, max_size=25))
    def check(held: list[Held], served: list[Pair]) -> None:
        write(held, served)
        visits = visits_of(held, served)
        of_city = {tree: ask(caller, "市", tree) for tree in ("now", "then")}
        for report in of_city.values():
            assert shown(report.total) == figures(visits)
            by_category = cut(visits, lambda visit: held[visit.activity].category)
            assert {one.category: shown(one) for one in report.categories} == by_category
            by_month = cut(visits, lambda visit: f"{visit.day:%Y-%m}")
            assert [one.month for one in report.months] == ["2026-07", "2026-08", "2026-09"]
            assert {one.month: shown(one) for one in report.months if any(shown(one))} == by_month
            for part in (report.categories, report.months, report.nodes):
                for add_up in ("visits", "minutes", "waiting"):
                    assert sum(getattr(one, add_up) for one in part) == getattr(report.total, add_up)
        by_node = cut(visits, lambda visit: NOW_BELOW_CITY[held[visit.activity].station])
        assert {one.name: shown(one) for one in of_city["now"].nodes} == by_node
        by_node = cut(visits, lambda visit: below_city_then(held[visit.activity].station, visit.day))
        assert {one.name: shown(one) for one in of_city["then"].nodes} == by_node
        by_node = cut(visits, lambda visit: below_east_then(held[visit.activity].station, visit.day))
        by_node.pop(None, None)
        assert {one.name: shown(one) for one in ask(caller, "东所", "then").nodes} == by_node
        everything = ask(caller, None, "then")
        assert (everything.total, [one.name for one in everything.nodes]) == (
            of_city["now"].total,
            ["市"] if visits else [],
        )

    with the_town(checkin_app):
        check()


class Grown:
    """A tree that grew by acts, each on its day: what members would tell of it, and where everything lay when."""

    def __init__(self, acts: list[tuple[int, str, int, int]]) -> None:
        long_ago = date(2020, 1, 1)
        above = dict.fromkeys(("市",), None) | dict.fromkeys((*LEVELS["centre"], *LEVELS["sub_centre"]), "市")
        above |= {"甲站": "东所", "乙站": "东所", "丙站": "西所", "丁站": "中心"}
        self.parents: dict[str, dict[date, str | None]] = {name: {long_ago: each} for name, each in above.items()}
        self.names = {name: {long_ago: name} for name in (*above, "戊站")}
        self.heirs: dict[str, str] = {}
        for number, kind, one, other in sorted(acts):
            self._act(JULY + timedelta(days=number), kind, one, other)
        self.parents.setdefault("戊站", {long_ago: "市"})

    def _act(self, day: date, kind: str, one: int, other: int) -> None:
        stations = [name for name in self.parents if name in LEVELS["station"] and name not in self.heirs]
        station = stations[one % len(stations)]
        if kind == "rename":
            name = list(self.parents)[one % len(self.parents)]
            self.names[name][day] = f"{name}（{day}起）"
        elif kind == "move":
            name = (*stations, *LEVELS["sub_centre"])[one % (len(stations) + 2)]
            wider = ("市", "中心", *(LEVELS["sub_centre"] if name in stations else ()))
            self.parents[name][day] = wider[other % len(wider)]
        elif kind == "merge" and (heir := stations[other % len(stations)]) != station:
            self.heirs[station] = self.parents[station][day] = heir
        elif kind == "split" and "戊站" not in self.parents:
            self.parents["戊站"] = {day: _on(self.parents[station], day)}

    def facts(self, version: int) -> list[StationChanged]:
        found = []
        for level, names in LEVELS.items():
            for name in names:
                heir, above = self.heirs.get(name), self.lay(name, END)[1:]
                days = sorted({*self.parents[name], *self.names[name]})
                past = tuple(
                    Spell(from_day=day, name=_on(self.names[name], day), parent_id=_id(_on(self.parents[name], day)))
                    for day in days
                )
                fact = told(name, level, *reversed(above), closed=heir is not None, successor_id=_id(heir))
                found.append(replace(fact, version=version, name=past[-1].name, past=past))
        return found

    def lay(self, name: str, day: date) -> list[str]:
        """The place and what it lay below on a day, from below."""
        parent = _on(self.parents[name], day)
        return [name, *(self.lay(parent, day) if parent else ())]

    def line(self, tree: str, node: str, station: str, day: date) -> tuple[str, str] | None:
        """On which line of a node's report a visit belongs: the place and its name there. None: on none."""
        then = END if tree == "now" else day
        while tree == "now" and station in self.heirs:
            station = self.heirs[station]
        chain = self.lay(station, then)
        if node not in chain:
            return None
        place = chain[max(0, chain.index(node) - 1)]
        return place, _on(self.names[place], then)


def _on(dated: dict[date, Any], day: date) -> Any:
    """As it was on a day; what was so first was so before."""
    return dated[max((each for each in dated if each <= day), default=min(dated))]


def _id(name: str | None) -> UUID | None:
    return None if name is None else NODES[name]


acts = st.lists(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.sampled_from(["move", "rename", "merge", "split"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=8,
)
held_anywhere = st.builds(
    Held, st.sampled_from(LEVELS["station"]), st.sampled_from(["repair", "culture_sport"]), st.integers(-1, DAYS)
)


def test_however_places_were_renamed_moved_merged_and_split_each_answers_for_what_lay_there(
    checkin_app: "Flask",
) -> None:
    caller, versions = official(Role.STAFF), iter(range(2, 10_000))

    def check_node(node: str, grown: Grown, held: list[Held], visits: list[Visit]) -> dict[str, reports.Report]:
        found = {}
        for tree in ("now", "then"):
            lines = {visit: grown.line(tree, node, held[visit.activity].station, visit.day) for visit in visits}
            report = found[tree] = ask(caller, node, tree)
            assert shown(report.total) == figures(visit for visit in visits if lines[visit])
            by_line = cut([visit for visit in visits if lines[visit]], lines.__getitem__)
            assert {(NAMES[one.node_id], one.name): shown(one) for one in report.nodes if one.node_id} == by_line
            for part in (report.nodes, report.categories, report.months):
                for add_up in ("visits", "minutes", "waiting"):
                    assert sum(getattr(one, add_up) for one in part) == getattr(report.total, add_up)
                assert all(one.persons <= one.visits for one in (report.total, *part))
        return found

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(held_anywhere, min_size=6, max_size=6), st.lists(pairs, max_size=20), acts)
    def check(held: list[Held], served: list[Pair], done: list[tuple[int, str, int, int]]) -> None:
        grown = Grown(done)
        transactional(places.take_stations)(grown.facts(next(versions)))
        write(held, served)
        visits = visits_of(held, served)
        whole = {name: check_node(name, grown, held, visits) for name in grown.parents}["市"]
        now, then = whole["now"], whole["then"]
        assert (now.total, now.categories, now.months) == (then.total, then.categories, then.months)
        assert shown(now.total) == figures(visits)

    with the_town(checkin_app):
        check()


REPAIR, DANCE = Held("甲站", "repair", 3), Held("丙站", "culture_sport", 10)


def test_one_category_alone_and_one_day_alone_can_be_asked_for(checkin_app: "Flask") -> None:
    served = [Pair(0, 0, "confirmed", False, 60), Pair(1, 0, "confirmed", True, 90), Pair(1, 1, "confirmed", False, 30)]
    with the_town(checkin_app):
        write([REPAIR, DANCE], served)
        caller = official(Role.AUDITOR, "市")
        assert shown(ask(caller, "市").total) == (2, 3, 2, 180, 0)
        assert shown(ask(caller, "市", category="repair").total) == (1, 1, 1, 60, 0)
        eleventh = JULY + timedelta(days=10)
        assert shown(ask(caller, "市", from_=eleventh, to=eleventh).total) == (1, 1, 1, 30, 0)
        assert shown(ask(caller, "市", from_=eleventh + timedelta(days=1)).total) == (1, 1, 1, 90, 0), "after midnight"
        assert shown(ask(caller, "丙站").total) == (1, 2, 2, 120, 0)
        assert [one.name for one in ask(caller, "丙站", "then").nodes] == ["老丙站"]


def test_a_report_says_up_to_which_day_nothing_can_be_added_by_confirming(checkin_app: "Flask") -> None:
    with the_town(checkin_app):
        caller = official(Role.STAFF)
        write([REPAIR, DANCE], [Pair(0, 0, "confirmed", False, 60)])
        assert ask(caller, "市").complete_until == END
        assert ask(caller, "市", to=date(2026, 12, 31)).complete_until == date(2026, 11, 20), "today is not over"
        write([REPAIR, DANCE], [Pair(0, 0, "confirmed", False, 60), Pair(1, 1, "left", False, 60)])
        assert ask(caller, "市").complete_until == JULY + timedelta(days=9)
        assert ask(caller, "市", from_=JULY + timedelta(days=10)).complete_until is None
        assert ask(caller, "甲站").complete_until == END


def test_a_repeated_or_an_older_word_of_a_place_changes_nothing(checkin_app: "Flask") -> None:
    with the_town(checkin_app):
        write([DANCE], [Pair(0, 0, "confirmed", False, 60)])
        before = ask(official(Role.STAFF), "市", "then")
        plant_tree()
        newer = replace(told("甲站", "station", "市", "东所"), version=3, name="新甲站", past=())
        transactional(places.take_stations)([newer, told("甲站", "station", "市", "东所")])
        transactional(places.take_stations)([replace(newer, version=2, name="从来没有的站")])
        assert ask(official(Role.STAFF), "市", "then") == before
        assert [one.name for one in ask(official(Role.STAFF), "东所", "then").nodes] == ["老丙站"]
        names = session().execute(text("SELECT name FROM station_past WHERE node_id = :id"), {"id": NODES["甲站"]})
        assert names.scalars().all() == ["新甲站"]


@pytest.mark.parametrize(
    ("role", "at", "node", "status"),
    [
        (Role.STAFF, ("市", "东所", "甲站"), "甲站", 200),
        (Role.AUDITOR, ("市", "东所"), "甲站", 200),
        (Role.ADMINISTRATOR, (), None, 200),
        (Role.STAFF, ("市", "东所", "甲站"), "乙站", 403),
        (Role.STAFF, ("市", "东所", "甲站"), "东所", 403),
        (Role.STAFF, ("市",), None, 403),
        (Role.ORGANIZER, ("市",), "甲站", 403),
    ],
)
def test_a_report_is_for_staff_and_auditors_at_the_node_or_above(
    checkin_app: "Flask", station: Station, role: Role, at: tuple[str, ...], node: str | None, status: int
) -> None:
    with the_town(checkin_app):
        write([REPAIR], [Pair(0, 0, "confirmed", False, 60)])
        who = replace(station.person(), grants=(Grant(role, path_of(*at)),))
        which = f"&node_id={NODES[node]}" if node else ""
        answer = station.request(who, "GET", f"/report?from=2026-07-01&to=2026-07-31{which}")
        assert answer.status_code == status, answer.text
        if status == 200:
            found: Any = answer.json
            assert found["total"] == {"activities": 1, "visits": 1, "persons": 1, "minutes": 60, "waiting": 0}
            assert (found["tree"], found["complete_until"]) == ("now", "2026-07-31")


def test_a_period_runs_forward_and_is_not_without_end(checkin_app: "Flask", station: Station) -> None:
    with the_town(checkin_app):
        who = replace(station.person(), grants=(Grant(Role.STAFF, "/"),))
        for period, status in (("from=2026-07-02&to=2026-07-01", 422), ("from=2020-01-01&to=2026-07-01", 422)):
            answer = station.request(who, "GET", f"/report?{period}")
            assert (answer.status_code, (answer.json or {})["code"]) == (status, "bad_period")
        assert station.request(who, "GET", "/report?to=2026-07-01").status_code == 400


def test_a_report_takes_two_statements_and_reads_no_activity_of_another_time(checkin_app: "Flask") -> None:
    with the_town(checkin_app):
        write([REPAIR], [Pair(0, 0, "confirmed", False, 60)])
        with statements() as sent:
            ask(official(Role.STAFF), "市", "then")
        assert len(sent) == 2
        assert "activity.starts_at >= " in sent[1]


# --- The file of an activity ------------------------------------------------------------------------------


def test_a_file_says_of_each_line_who_confirmed_it(station: Station) -> None:
    activity = station.activity()
    own_scans, helped, corrected = (station.person() for _ in range(3))
    station.attend(own_scans, activity, 0, 60)
    for who in (helped, corrected):
        station.scan(who, activity, "arrival", after(1))
    here = f"/activities/{activity.id}"
    assert station.request(station.organizer, "POST", f"{here}/leave-all", after(90), json={}).status_code == 200
    assert station.request(station.organizer, "POST", f"{here}/confirm-all", after(91)).status_code == 200
    other = station.person(Grant(Role.ORGANIZER, "/town/"))
    lines: Any = station.request(other, "GET", f"{here}/file", after(92)).json
    (line,) = [one for one in lines["lines"] if one["member_id"] == str(corrected.own_member_id)]
    correction = {
        "version": 1, "arrived_at": after(1).isoformat(), "left_at": after(60).isoformat(), "reason": "走得早",
    }  # fmt: skip
    path = f"/attendances/{line['id']}/correct"
    assert station.request(other, "POST", path, after(93), json=correction).status_code == 200
    found: Any = station.request(other, "GET", f"{here}/file", after(94)).json
    assert found["activity"]["title"] == activity.title
    assert {
        line["member_id"]: (line["evidence"], line["confirmed_by"], line["minutes"]) for line in found["lines"]
    } == {
        str(own_scans.own_member_id): ("own_scan", None, 60),
        str(helped.own_member_id): ("organizer", str(station.organizer.own_member_id), 89),
        str(corrected.own_member_id): ("organizer", str(other.own_member_id), 59),
    }
    for who, status in (
        (station.person(Grant(Role.AUDITOR, "/town/here/")), 200),
        (station.person(Grant(Role.STAFF, "/town/elsewhere/")), 403),
        (station.person(), 403),
    ):
        assert station.request(who, "GET", f"{here}/file", after(95)).status_code == status


def test_a_summary_is_written_when_the_activity_is_over_and_recorded(station: Station) -> None:
    activity = station.activity()
    path = f"/activities/{activity.id}/summary"
    content = {"summary": "清运垃圾两车。\n居民反映良好。"}

    def write_it(who: Principal, at: datetime) -> tuple[int, Any]:
        answer = station.request(who, "PUT", path, at, json=content)
        return answer.status_code, answer.json

    assert write_it(station.organizer, after(100))[1]["code"] == "activity_state"
    assert write_it(station.person(Grant(Role.STAFF, "/town/elsewhere/")), after(181))[0] == 403
    for _ in range(2):
        status, found = write_it(station.organizer, after(181))
        assert (status, found["summary"]) == (200, content["summary"])
    content["summary"] = "清运垃圾三车。"
    assert write_it(station.organizer, after(182))[0] == 200
    acts = station.rows("SELECT detail FROM audit_log WHERE action = 'activity.summarize' ORDER BY id")
    assert [act["detail"]["before"] for act in acts] == [None, "清运垃圾两车。\n居民反映良好。"]
    assert station.request(station.organizer, "PUT", path, after(183), json={"summary": ""}).status_code == 400
