"""Three months of service, from the articles' figures, ending yesterday.

What the articles count is kept to the number where one station can hold it: 280 visits by the 158 of
帮帮邻, 336 attendances by 83 reporting party members, 23 free clinics, 80 talks, 130 mediations. The cases that
must be right are in cases.py, what a newcomer finds in first_sight.py.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from devtools.seed.places import demo_id, demo_order_id
from devtools.seed.setting import (
    BINHEYUAN,
    CHALUKOU,
    DONGTA,
    GIFTS,
    HUANGJINGLING,
    NANCHANG,
    QINGLONG,
    SHILI,
    SHUIXIMEN,
    TONGHU,
    Stage,
    acting_for,
)
from devtools.seed.timeline import Timeline, at
from devtools.world import World
from services.checkin.commands import activities, attendances, scans
from services.checkin.domain import codes
from services.checkin.domain.admission import Outcome
from services.checkin.domain.codes import Direction, PlaceCode
from services.checkin.store.activities import SiteDraft
from services.points.queries.balances import list_balances
from services.rewards.commands import desk, redemptions
from services.rewards.domain.redemption import Order, State
from services.rewards.queries import redemptions as queries
from shared import clock
from shared.errors import RuleBroken

DAYS = 91


@dataclass(frozen=True)
class Programme:
    """A row of activities of one kind at one station."""

    station: str
    category: str
    title: str
    activities: int
    attendances: int
    """Of all its activities together."""
    hour: int
    minutes: int
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    skill: str | None = None
    """Only volunteers with this skill take part."""


PROGRAMMES = (
    Programme(NANCHANG, "elder_visit", "帮帮邻：看望孤寡老人", 20, 160, 9, 120),
    Programme(NANCHANG, "child_tutoring", "帮帮邻：留守儿童作业辅导", 15, 120, 17, 120, (0, 1, 2, 3, 4), "教师"),
    Programme(CHALUKOU, "environment", "金叶小区周末洁城", 13, 195, 8, 150, (5,)),
    Programme(CHALUKOU, "stairwell", "宏宇小区楼道革命", 8, 80, 14, 180, (6,)),
    Programme(CHALUKOU, "night_patrol", "平安夜巡", 13, 52, 20, 120, (4,)),
    Programme(QINGLONG, "waste_sorting", "垃圾分类督导", 12, 72, 7, 90),
    Programme(HUANGJINGLING, "repair", "邻里中心便民维修", 8, 48, 14, 150, (5,)),
    Programme(TONGHU, "construction", "沥青刷黑施工监督", 8, 48, 9, 180),
    Programme(BINHEYUAN, "culture_sport", "滨河苑广场舞展演", 8, 64, 19, 90, (5,)),
    Programme(SHUIXIMEN, "civility", "在职党员文明劝导", 28, 336, 7, 120),
    Programme(DONGTA, "health", "免费义诊进小区", 23, 92, 9, 180, skill="医生"),
    Programme(DONGTA, "mediation", "邻里矛盾调解", 130, 130, 15, 60),
    Programme(DONGTA, "lecture", "微宣讲进小区", 80, 160, 19, 60),
    Programme(DONGTA, "door_visit", "微网格员上门走访", 12, 96, 17, 60),
    Programme(SHILI, "environment", "示例小区大扫除", 10, 80, 8, 150, (5,)),
)


@dataclass
class History:
    """Makes the acts of three months and puts them on the timeline."""

    world: World
    stage: Stage
    today: date
    timeline: Timeline = field(default_factory=Timeline)
    draw: Random = field(default_factory=lambda: Random("huzhu demo history"))
    times: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)
    """When each planned activity starts and ends."""
    engaged: dict[UUID, set[date]] = field(default_factory=dict)
    """The days on which each member serves already."""
    attended: int = 0

    @property
    def first_day(self) -> date:
        return self.today - timedelta(days=DAYS)

    @property
    def last_day(self) -> date:
        return self.today - timedelta(days=1)

    def plan(self) -> None:
        """Everything that is known beforehand; what follows from it joins while it runs."""
        for programme in PROGRAMMES:
            self._plan_programme(programme)
        self._plan_redemption_days()
        for number in range(DAYS):
            day = self.first_day + timedelta(days=number)
            self.timeline.add(at(day, 4), self._sweep)
            self.timeline.add(at(day, 23, 55), self.world.deliver)
        self.timeline.add(at(self.last_day, 23, 40), self._sweep)

    def run(self) -> Iterator[tuple[date, int]]:
        """Live through it; after each act yields the day and the attendances so far."""
        for moment in self.timeline.run():
            yield clock.day_of(moment), self.attended

    # --- activities ---------------------------------------------------------------------------------

    def _plan_programme(self, programme: Programme) -> None:
        days = [
            day
            for number in range(1, DAYS)
            if (day := self.first_day + timedelta(days=number)).weekday() in programme.weekdays
        ]
        station, skill = programme.station, programme.skill
        people = list(self.stage.skilled[station, skill] if skill else self.stage.volunteers[station])
        self.draw.shuffle(people)
        # The volunteer with a login and her mother have the first turn, and so they are among the latest to serve.
        first = (self.stage.daughter.member_id, self.stage.mother)
        people.sort(key=lambda member: member not in first)
        turn = 0
        for number in range(programme.activities):
            starts = at(days[number * len(days) // programme.activities], programme.hour)
            share = programme.attendances * (number + 1) // programme.activities
            count = share - programme.attendances * number // programme.activities
            # In turns, so that all take part and nobody twice at once.
            crowd = [people[(turn + place) % len(people)] for place in range(count)]
            turn += count
            ends = starts + timedelta(minutes=programme.minutes)
            activity = self.plan_activity(station, programme.category, programme.title, number, starts, ends)
            for member in crowd:
                # Some forget to sign out; the sweep does it for them.
                self.attend(member, activity, forgets=self.draw.random() < 0.04)

    def plan_activity(
        self, station: str, category: str, title: str, number: object, starts: datetime, ends: datetime
    ) -> UUID:
        """Announced two days before; confirmed the morning after, if history lasts so long."""
        activity = demo_id("activity", station, title, number)
        self.times[activity] = starts, ends
        announced = min(max(starts - timedelta(days=2), at(self.first_day, 8)), at(self.last_day, 20))
        self.timeline.add(announced, partial(self._announce, activity, station, category, title, starts, ends))
        morning = at(clock.day_of(ends) + timedelta(days=1), 9)
        if clock.day_of(morning) < self.today:
            self.timeline.add(morning, partial(self._confirm, station, activity))
        return activity

    def attend(self, member: UUID, activity: UUID, *, forgets: bool = False) -> None:
        """A member comes about when a planned activity starts, and leaves about when it ends."""
        starts, ends = self.times[activity]
        self.engaged.setdefault(member, set()).add(clock.day_of(starts))
        arrives = starts + timedelta(minutes=self.draw.randint(-20, 8), seconds=self.draw.randrange(60))
        self.timeline.add(arrives, partial(self.scan, member, activity, Direction.ARRIVAL))
        if not forgets:
            leaves = ends + timedelta(minutes=self.draw.randint(-25, 20), seconds=self.draw.randrange(60))
            self.timeline.add(leaves, partial(self.scan, member, activity, Direction.DEPARTURE))

    def _announce(
        self, activity: UUID, station: str, category: str, title: str, starts: datetime, ends: datetime
    ) -> None:
        organizer, place = self.stage.organizers[station], "社区服务中心门口"
        with self.world.inside("checkin"):
            activities.create_activity(
                organizer,
                activity_id=activity,
                title=title,
                category=category,
                station_id=self.stage.stations[station].id,
                place=place,
                starts_at=starts,
                ends_at=ends,
                capacity=40,
                sites=[SiteDraft(demo_id("site", activity), "集合点", place, organizer.own_member_id)],
            )
            activities.publish_activity(organizer, activity_id=activity)

    def scan(self, member: UUID, activity: UUID, direction: Direction) -> None:
        """One member scans the code that the organizer's screen shows at this moment."""
        with self.world.inside("checkin") as app:
            ring = app.config["CODE_KEYS"]
            shown = PlaceCode(activity, demo_id("site", activity), direction, codes.step_of(clock.now()))
            code = codes.write(shown, ring.current, ring.keys[ring.current])
            receipt = scans.record_scan(acting_for(member), code=code, member_id=member)
            assert receipt.outcome is Outcome.OK, (receipt, clock.now())
            self.attended += direction is Direction.ARRIVAL

    def _confirm(self, station: str, activity: UUID) -> None:
        with self.world.inside("checkin"):
            attendances.confirm_all(self.stage.organizers[station], activity_id=activity)

    def _sweep(self) -> None:
        with self.world.inside("checkin"):
            attendances.depart_automatically()
        with self.world.inside("rewards"):
            redemptions.expire_overdue()

    # --- redemption days --------------------------------------------------------------------------------

    def _plan_redemption_days(self) -> None:
        days = [self.first_day + timedelta(days=number) for number in range(20, DAYS)]
        for day in (day for day in days if day.day == 15):
            for station in self.stage.volunteers:
                self.timeline.add(at(day, 10), partial(self._redemption_day, station, day))

    def _redemption_day(self, station: str, day: date) -> None:
        """Every fourth volunteer comes to the desk and asks for something they can pay."""
        own = self.stage.daughter.member_id  # what she redeems is told in devtools/seed/first_sight.py
        members = [member for member in self.stage.volunteers[station][::4] if member != own]
        root = "武冈市新时代文明实践中心" if station in (SHUIXIMEN, DONGTA) else "咸宁市"
        spendable = self._spendable(members)
        wanted: list[UUID] = []
        for member in members:
            within_reach = sorted(gift for gift, points in GIFTS.items() if points <= spendable[member])
            if not within_reach:
                continue
            order = Order(
                demo_order_id(day, member),
                demo_id("gift", root, self.draw.choice(within_reach)),
                self.stage.stations[station].id,
                member,
                1,
            )
            # The quarter's limit, an empty shelf, or staff has not seen them yet.
            with self.world.inside("rewards"), suppress(RuleBroken):
                redemptions.redeem(acting_for(member), order)
                wanted.append(order.id)
        # Points are asked a few seconds later; nobody answers at once while history is made.
        self.timeline.add(at(day, 10, 20), partial(self._hand_over, station, wanted))

    def _spendable(self, members: Sequence[UUID]) -> dict[UUID, int]:
        asking = replace(acting_for(members[0]), member_ids=tuple(members))
        with self.world.inside("points"):
            balances = list_balances(asking, member_ids=members)
        return {balance["member_id"]: balance["points_available"] for balance in balances}

    def _hand_over(self, station: str, wanted: Sequence[UUID]) -> None:
        """Most take home what they asked for; a few do not come back for it."""
        self.world.deliver()
        organizer = self.stage.organizers[station]
        with self.world.inside("rewards"):
            for redemption_id in wanted:
                found = queries.get_redemption(organizer, redemption_id).redemption
                if found.state is State.CONFIRMED and self.draw.random() < 0.93:
                    desk.issue(organizer, redemption_id=redemption_id)
