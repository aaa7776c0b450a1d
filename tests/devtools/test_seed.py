"""The demo holds what the articles count and what its README promises, and is the same on every machine.

It is loaded once, as `./dev run` loads it, into this worker's databases.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from devtools import seed
from devtools.seed.cases import friday_before, plan_cases
from devtools.seed.chance import FixedChance
from devtools.seed.first_sight import plan_first_sight
from devtools.seed.history import DAYS, History
from devtools.seed.people import people
from devtools.seed.places import demo_id
from devtools.seed.setting import (
    CHALUKOU,
    DONGTA,
    GIFTS,
    NANCHANG,
    PASSWORD,
    QINGLONG,
    SHILI,
    SHUIXIMEN,
    SPONSORS,
    Stage,
    set_up,
)
from devtools.seed.timeline import at
from devtools.verify.checks import all_checks
from devtools.verify.town import Town
from devtools.world import World
from services.members.commands import logins
from shared import categories, clock, ids
from shared.principal import Role
from shared.settings import SERVICES
from tests.support import Settings

Numbers = dict[UUID, str]


@dataclass
class Demo:
    town: Town
    today: date
    stage: Stage
    numbers_before: Numbers
    """Volunteer numbers by member, of the stage that was set up alone before."""

    def rows(self, service: str, statement: str, **values: Any) -> list[Any]:
        return self.town.rows(service, statement, **values)

    def one(self, service: str, statement: str, **values: Any) -> Any:
        return self.rows(service, statement, **values)[0][0]

    def station(self, name: str) -> UUID:
        return self.stage.stations[name].id

    def attendances(self, station: str, *kinds: str) -> list[Any]:
        """Those at a station in categories, up to now."""
        return self.rows(
            "checkin",
            "SELECT attendance.* FROM attendance JOIN activity ON activity.id = activity_id"
            " WHERE station_id = :station AND category = ANY(:kinds)",
            station=self.station(station),
            kinds=list(kinds),
        )

    def held(self, category: str) -> list[Any]:
        """Activities of the past in a category, each with the number who came."""
        return self.rows(
            "checkin",
            "SELECT activity.id, starts_at, count(*) FROM activity JOIN attendance ON activity.id = activity_id"
            " WHERE category = :category GROUP BY 1",
            category=category,
        )


@pytest.fixture(scope="module")
def demo(settings: Settings) -> Iterator[Demo]:
    """The stage alone, then everything anew."""
    level, today = logging.getLogger().level, clock.today()
    town = Town({service: settings.app(service) for service in SERVICES})
    redis = Redis.from_url(settings.redis_url)

    def clean() -> None:
        redis.flushdb()
        for service in SERVICES:
            settings.database(service).clean()

    try:
        clean()
        stage = build_stage(today)
        numbers = read_numbers(town)
        clean()
        seed.load()
        yield Demo(town, today, stage, numbers)
    finally:
        clean()
        redis.close()
        logging.getLogger().setLevel(level)


def build_stage(today: date) -> Stage:
    setting = set_up(World(), today)
    with ids.made_by(FixedChance()), clock.travel(at(today - timedelta(days=DAYS), 8)):
        while True:
            try:
                next(setting)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]


def read_numbers(town: Town) -> Numbers:
    return {row.id: row.volunteer_number for row in town.rows("members", "SELECT id, volunteer_number FROM member")}


# --- What the articles count ----------------------------------------------------------------------------


def test_the_158_of_the_neighbours_platform_made_280_visits(demo: Demo) -> None:
    members = demo.rows("members", "SELECT id FROM member WHERE station_id = :id", id=demo.station(NANCHANG))
    team = demo.rows("members", "SELECT member_id FROM member_team WHERE team_id = :id", id=demo_id("team", NANCHANG))
    visits = demo.attendances(NANCHANG, "elder_visit", "child_tutoring")
    assert len(visits) == 280
    assert {row.state for row in visits} <= {"confirmed", "corrected"}
    assert len(members) == 158
    assert {row.id for row in members} == {row.member_id for row in team} == {row.member_id for row in visits}


def test_83_reporting_party_members_served_336_times_and_each_has_an_employer(demo: Demo) -> None:
    members = demo.rows("members", "SELECT * FROM member WHERE station_id = :id", id=demo.station(SHUIXIMEN))
    served = demo.attendances(SHUIXIMEN, *categories.NAMES)
    assert len(served) == 336
    assert len(members) == 83
    assert {row.id for row in members} == {row.member_id for row in served}
    assert all(row.employer_id for row in members)
    assert all(23 <= demo.today.year - row.birth_date.year <= 58 for row in members), "who has retired reports nowhere"


def test_clinics_talks_and_mediations_are_as_many_as_in_the_article(demo: Demo) -> None:
    clinics = demo.held("health")
    assert (len(clinics), len(demo.held("lecture")), len(demo.held("mediation"))) == (23, 80, 130)
    assert len({clock.day_of(row.starts_at) for row in clinics}) == 23


def test_physicians_hold_the_clinics_and_teachers_help_with_homework(demo: Demo) -> None:
    for station, category, skill in ((DONGTA, "health", "医生"), (NANCHANG, "child_tutoring", "教师")):
        came = {row.member_id for row in demo.attendances(station, category)}
        skills = demo.rows("members", "SELECT skills FROM member WHERE id = ANY(:ids)", ids=list(came))
        assert came
        assert all(row.skills == [skill] for row in skills)


def test_there_are_sixteen_categories_and_visits_from_door_to_door_earn_by_the_visit(demo: Demo) -> None:
    assert len(categories.NAMES) == 16
    rules = demo.rows("points", "SELECT DISTINCT category FROM rule")
    assert {row.category for row in rules} == set(categories.NAMES)
    visits = {row.id for row in demo.attendances(DONGTA, "door_visit")}
    earned = demo.rows("points", "SELECT points FROM outcome WHERE attendance_id = ANY(:ids)", ids=list(visits))
    assert visits
    assert {row.points for row in earned} <= {20, 0}
    assert 20 in {row.points for row in earned}


def test_gifts_cost_what_the_catalogue_says_and_sponsors_gave_them(demo: Demo) -> None:
    prices = {
        "香皂": 3, "牙膏": 4, "抽纸": 5, "雨伞": 9, "洗衣液": 10, "保温杯": 15, "大米": 18, "食用油": 22, "文具包": 6,
        "急救包": 12, "春联": 1,
    }  # fmt: skip
    gifts = demo.rows("rewards", "SELECT name, points, limit_per_quarter FROM gift")
    assert {(row.name, row.points, row.limit_per_quarter) for row in gifts} == {
        (name, points * 100, 2) for name, points in prices.items()
    }
    assert set(GIFTS) == set(prices)
    reasons = demo.rows("rewards", "SELECT DISTINCT reason FROM stock_movement WHERE kind = 'receive'")
    assert {row.reason for row in reasons} == set(SPONSORS)


# --- What always holds ------------------------------------------------------------------------------------


def test_everything_holds_that_verify_looks_at(demo: Demo) -> None:
    faults = {name: found for _, name, find in all_checks(demo.town) if (found := list(find()))}
    assert faults == {}
    assert list(demo.town.pending()) == []


def test_history_ends_yesterday(demo: Demo) -> None:
    moments = [
        demo.one("checkin", "SELECT max(at) FROM scan"),
        demo.one("points", "SELECT max(recorded_at) FROM transfer"),
        demo.one("checkin", "SELECT max(left_at) FROM attendance"),
    ]
    assert {clock.day_of(moment) for moment in moments} == {demo.today - timedelta(days=1)}
    for service in ("members", "checkin", "rewards"):
        assert clock.day_of(demo.one(service, "SELECT max(at) FROM audit_log")) < demo.today
    assert demo.one("checkin", "SELECT count(*) FROM attendance WHERE state = 'open'") == 0


def test_only_the_invented_station_needs_a_second_look(demo: Demo) -> None:
    marked = demo.rows(
        "checkin",
        "SELECT station_id, member_id, marks FROM attendance JOIN activity ON activity.id = activity_id"
        " WHERE marks && ARRAY['overlapping', 'own_case', 'late_scan', 'surplus'] OR evidence = 'entered_later'",
    )
    assert {row.station_id for row in marked} == {demo.station(SHILI), demo.station(QINGLONG)}
    at_home = demo.rows("members", "SELECT id FROM member WHERE station_id = :id", id=demo.station(QINGLONG))
    assert not {row.member_id for row in marked} & {row.id for row in at_home}


# --- The cases --------------------------------------------------------------------------------------------


def special(key: str) -> UUID:
    return demo_id("member", "special", key)


def test_thirty_people_were_entered_later_and_earned_hours_alone(demo: Demo) -> None:
    late = demo.rows("checkin", "SELECT id, member_id FROM attendance WHERE evidence = 'entered_later'")
    assert len({row.member_id for row in late}) == len(late) == 30
    outcomes = demo.rows(
        "points", "SELECT points, minutes FROM outcome WHERE attendance_id = ANY(:ids)", ids=[row.id for row in late]
    )
    assert {(row.points, row.minutes) for row in outcomes} == {(0, 120)}


def test_a_patrol_passed_midnight_and_a_child_was_at_two_stations(demo: Demo) -> None:
    night = demo.rows(
        "checkin",
        "SELECT arrived_at, left_at FROM attendance WHERE member_id = ANY(:ids)",
        ids=[special("one of two"), special("the other of two")],
    )
    for row in night:
        assert clock.day_of(row.arrived_at) < clock.day_of(row.left_at)
        assert clock.day_of(row.arrived_at).strftime("%A") == "Friday"
    child = demo.rows(
        "checkin",
        "SELECT station_id, attendance.state FROM attendance JOIN activity ON activity.id = activity_id"
        " WHERE member_id = :id",
        id=special("child"),
    )
    assert {row.station_id for row in child} == {demo.station(SHILI), demo.station(QINGLONG)}
    assert "left" in {row.state for row in child}


@pytest.mark.parametrize("number", range(7))
def test_the_patrols_friday_is_a_friday_on_every_day_of_the_week(number: int) -> None:
    today = date(2026, 3, 2 + number)
    assert friday_before(today).strftime("%A") == "Friday"
    assert 7 <= (today - friday_before(today)).days < 14


def test_she_withdrew_her_consent_and_is_on_no_board_though_she_serves_on(demo: Demo) -> None:
    consents = demo.rows(
        "members", "SELECT kind, given FROM consent WHERE member_id = :id ORDER BY at, id", id=special("withdraws")
    )
    ranked = [row.given for row in consents if row.kind == "ranked"]
    assert ranked == [True, False]
    card = demo.rows("points", "SELECT * FROM member_card WHERE member_id = :id", id=special("withdraws"))[0]
    assert (card.ranked, card.name_public) == (False, None)
    assert (
        demo.one("points", "SELECT sum(attendances) FROM standing WHERE member_id = :id", id=special("withdraws")) > 0
    )


def test_he_moved_station_with_points_from_before_and_after(demo: Demo) -> None:
    (home,) = demo.rows("members", "SELECT station_id FROM member WHERE id = :id", id=special("moves"))
    assert home.station_id == demo.station(QINGLONG)
    earned = demo.rows(
        "points",
        "SELECT station_id, sum(points) AS points FROM standing WHERE member_id = :id AND period = 'all' GROUP BY 1",
        id=special("moves"),
    )
    assert {row.station_id for row in earned if row.points > 0} == {demo.station(SHILI), demo.station(QINGLONG)}


def test_households_share_a_phone_and_the_organizers_husband_waits_for_somebody_elses_nod(demo: Demo) -> None:
    households = demo.rows(
        "members",
        "SELECT count(*) AS people, count(DISTINCT phone_hash) AS phones FROM member"
        " WHERE household_id IS NOT NULL GROUP BY household_id",
    )
    assert len(households) > 10
    assert {row.people for row in households} == {2}
    assert all(row.phones <= 1 for row in households if row.phones)
    waiting = demo.rows("checkin", "SELECT state, marks FROM attendance WHERE member_id = :id", id=special("husband"))
    assert [(row.state, "own_case" in row.marks) for row in waiting] == [("left", True)]


# --- First sight ------------------------------------------------------------------------------------------


def test_the_printed_logins_work_and_have_the_roles_they_are_said_to_have(demo: Demo) -> None:
    said = {phone: words for line in seed.LOGINS if (phone := "".join(re.findall(r"\d{11}", line))) for words in [line]}
    assert PASSWORD in seed.LOGINS[-1]
    for phone, words in said.items():
        with demo.town.apps["members"].app_context():
            opened = logins.log_in(phone=phone, password=PASSWORD)
        held = demo.rows(
            "members",
            "SELECT role, name FROM role_grant JOIN login_member USING (member_id) JOIN node ON node.id = node_id"
            " WHERE login_id = :id AND relation = 'self' AND revoked_at IS NULL",
            id=opened.login_id,
        )
        expected = next((role for word, role in ROLES.items() if words.startswith(word)), None)
        assert [row.role for row in held] == ([] if expected is None else [expected])
        assert all(re.findall("（(.+)）", words)[0] in row.name for row in held)


ROLES = {"活动负责人": Role.ORGANIZER, "社区工作者": Role.STAFF, "管理员": Role.ADMINISTRATOR, "监督员": Role.AUDITOR}


def test_the_volunteer_finds_a_voucher_that_waits_and_gifts_that_ended_in_every_way(demo: Demo) -> None:
    redeemed = demo.rows(
        "rewards",
        "SELECT gift_name, state, expires_at FROM redemption WHERE member_id = :id",
        id=demo.stage.daughter.member_id,
    )
    assert {row.gift_name: row.state for row in redeemed} == {
        "香皂": "expired", "抽纸": "fulfilled", "牙膏": "cancelled", "雨伞": "confirmed",
    }  # fmt: skip
    assert max(row.expires_at for row in redeemed) > clock.now()


@pytest.mark.parametrize("station", [NANCHANG, CHALUKOU, SHUIXIMEN, SHILI])
def test_each_organizer_with_a_login_has_an_activity_that_runs_and_one_that_comes(demo: Demo, station: str) -> None:
    activities = demo.rows(
        "checkin",
        "SELECT state, starts_at, ends_at FROM activity WHERE station_id = :id AND ends_at > :today",
        id=demo.station(station),
        today=at(demo.today, 0),
    )
    assert {row.state for row in activities} == {"published"}
    assert any(row.starts_at <= clock.now() < row.ends_at for row in activities)
    assert any(clock.day_of(row.starts_at) > demo.today for row in activities)


def test_staff_finds_volunteers_to_confirm_and_organizers_attendances(demo: Demo) -> None:
    unseen = demo.rows("members", "SELECT DISTINCT station_id FROM member WHERE confirmed_at IS NULL")
    assert [row.station_id for row in unseen] == [demo.station(NANCHANG)]
    waiting = demo.rows(
        "checkin",
        "SELECT DISTINCT station_id FROM attendance JOIN activity ON activity.id = activity_id"
        " WHERE attendance.state = 'left'",
    )
    assert {demo.station(name) for name in (NANCHANG, CHALUKOU, SHILI)} <= {row.station_id for row in waiting}


def test_the_volunteer_and_her_mother_served_at_their_station_lately(demo: Demo) -> None:
    latest = demo.rows(
        "checkin",
        "SELECT member_id, max(arrived_at) AS at FROM attendance JOIN activity ON activity.id = activity_id"
        " WHERE station_id = :station AND member_id = ANY(:ids) GROUP BY 1",
        station=demo.station(NANCHANG),
        ids=[demo.stage.daughter.member_id, demo.stage.mother],
    )
    assert len(latest) == 2
    assert all((demo.today - clock.day_of(row.at)).days < 14 for row in latest)


# --- The same everywhere ----------------------------------------------------------------------------------


def test_two_loads_give_everybody_the_same_id_and_volunteer_number(demo: Demo) -> None:
    assert read_numbers(demo.town) == demo.numbers_before


def test_ids_of_the_demo_are_made_in_order_and_the_same_each_time() -> None:
    with clock.travel(at(date(2026, 3, 2), 8)):
        first, second = ([source.new_id() for _ in range(1000)] for source in (FixedChance(), FixedChance()))
    assert first == second == sorted(set(first))
    assert all((made.version, made.variant) == (7, "specified in RFC 4122") for made in first)


def test_only_within_a_load_are_ids_foreseen_and_codes_never() -> None:
    def draw() -> tuple[UUID, int, str]:
        return ids.new_id(), ids.new_number(10**10, 10**11), ids.new_short_code()

    with clock.travel(at(date(2026, 3, 2), 8)):
        drawn = []
        for _ in range(2):
            with ids.made_by(FixedChance()):
                drawn.append(draw())
        (first_id, first_number, first_code), (second_id, second_number, second_code) = drawn
        assert (first_id, first_number) == (second_id, second_number)
        assert first_code != second_code
        assert draw()[:2] != draw()[:2] != drawn[0][:2]


def test_what_is_planned_is_the_same_each_time(demo: Demo) -> None:
    first, second = planned(demo), planned(demo)
    assert len(first) > 3000
    assert first == second


def planned(demo: Demo) -> list[tuple[object, ...]]:
    """Every act on the timeline with its moment, so far as it is known beforehand."""
    history = History(World(), demo.stage, demo.today)
    history.plan()
    plan_cases(history)
    plan_first_sight(history)
    acts = []
    for moment, number, act in sorted(history.timeline._waiting, key=lambda entry: entry[:2]):
        if isinstance(act, partial):
            arguments = [argument for argument in act.args if argument is not history]
            acts.append((moment, number, act.func.__qualname__, *arguments))
        else:
            acts.append((moment, number, act.__qualname__))
    return acts


def test_people_are_drawn_alike_each_time() -> None:
    assert list(people("x", 50, date(2026, 3, 2))) == list(people("x", 50, date(2026, 3, 2)))
