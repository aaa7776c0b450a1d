"""Three months of service, from the articles' figures, ending yesterday.

What the articles count is kept to the number where one station can hold it: 280 visits by the 158 of
帮帮邻, 336 attendances by 83 reporting party members, 23 free clinics, 80 talks, 130 mediations.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from devtools.seed.places import demo_id
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


PROGRAMMES = (
    Programme(NANCHANG, "elder_visit", "帮帮邻：看望孤寡老人", 20, 160, 9, 120),
    Programme(NANCHANG, "child_tutoring", "帮帮邻：留守儿童作业辅导", 15, 120, 17, 120, (0, 1, 2, 3, 4)),
    Programme(CHALUKOU, "environment", "金叶小区周末洁城", 13, 195, 8, 150, (5,)),
    Programme(CHALUKOU, "stairwell", "宏宇小区楼道革命", 8, 80, 14, 180, (6,)),
    Programme(CHALUKOU, "night_patrol", "平安夜巡", 13, 52, 20, 120, (4,)),
    Programme(QINGLONG, "waste_sorting", "垃圾分类督导", 12, 72, 7, 90),
    Programme(HUANGJINGLING, "repair", "邻里中心便民维修", 8, 48, 14, 150, (5,)),
    Programme(TONGHU, "construction", "沥青刷黑施工监督", 8, 48, 9, 180),
    Programme(BINHEYUAN, "culture_sport", "滨河苑广场舞展演", 8, 64, 19, 90, (5,)),
    Programme(SHUIXIMEN, "civility", "在职党员文明劝导", 28, 336, 7, 120),
    Programme(SHUIXIMEN, "health", "免费义诊进小区", 23, 92, 9, 180),
    Programme(DONGTA, "mediation", "邻里矛盾调解", 130, 130, 15, 60),
    Programme(DONGTA, "lecture", "微宣讲进小区", 80, 160, 19, 60),
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
    attended: int = 0

    @property
    def first_day(self) -> date:
        return self.today - timedelta(days=DAYS)

    def plan(self) -> None:
        """Everything that is known beforehand; what follows from it joins while it runs."""
        for programme in PROGRAMMES:
            self._plan_programme(programme)
        self._plan_cases()
        self._plan_redemption_days()
        for number in range(DAYS):
            day = self.first_day + timedelta(days=number)
            self.timeline.add(at(day, 4), self._sweep)
            self.timeline.add(at(day, 23, 55), self.world.deliver)
        self._plan_what_comes()

    def run(self) -> Iterator[tuple[date, int]]:
        """Live through it; yields each finished day and the attendances so far."""
        day = self.first_day
        for moment in self.timeline.run():
            if clock.day_of(moment) > day:
                yield day, self.attended
                day = clock.day_of(moment)

    # --- activities ---------------------------------------------------------------------------------

    def _plan_programme(self, programme: Programme) -> None:
        days = [
            day
            for number in range(1, DAYS)
            if (day := self.first_day + timedelta(days=number)).weekday() in programme.weekdays
        ]
        people = list(self.stage.volunteers[programme.station])
        self.draw.shuffle(people)
        turn = 0
        for number in range(programme.activities):
            starts = at(days[number * len(days) // programme.activities], programme.hour)
            share = programme.attendances * (number + 1) // programme.activities
            count = share - programme.attendances * number // programme.activities
            # In turns, so that all take part and nobody twice at once.
            crowd = [people[(turn + place) % len(people)] for place in range(count)]
            turn += count
            self._plan_activity(programme, number, starts, crowd)

    def _plan_activity(self, programme: Programme, number: int, starts: datetime, crowd: Sequence[UUID]) -> None:
        ends = starts + timedelta(minutes=programme.minutes)
        activity = self.plan_activity(programme.station, programme.category, programme.title, number, starts, ends)
        for member in crowd:
            arrives = starts + timedelta(minutes=self.draw.randint(-20, 8), seconds=self.draw.randrange(60))
            self.timeline.add(arrives, partial(self.scan, member, activity, Direction.ARRIVAL))
            if self.draw.random() > 0.04:  # some forget; the sweep signs them out
                leaves = ends + timedelta(minutes=self.draw.randint(-25, 20), seconds=self.draw.randrange(60))
                self.timeline.add(leaves, partial(self.scan, member, activity, Direction.DEPARTURE))
        self.timeline.add(
            at(clock.day_of(ends) + timedelta(days=1), 9), partial(self._confirm, programme.station, activity)
        )

    def plan_activity(
        self, station: str, category: str, title: str, number: int, starts: datetime, ends: datetime
    ) -> UUID:
        """Announced two days before."""
        activity = demo_id("activity", station, title, number)
        announced = max(starts - timedelta(days=2), at(self.first_day, 8))
        self.timeline.add(announced, partial(self._announce, activity, station, category, title, starts, ends))
        return activity

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
            scans.record_scan(acting_for(member), code=code, member_id=member)
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
        members = self.stage.volunteers[station][::4]
        root = "武冈市新时代文明实践中心" if station in (SHUIXIMEN, DONGTA) else "咸宁市"
        spendable = self._spendable(members)
        wanted: list[UUID] = []
        for member in members:
            within_reach = sorted(gift for gift, points in GIFTS.items() if points <= spendable[member])
            if not within_reach:
                continue
            gift_id, station_id = demo_id("gift", root, self.draw.choice(within_reach)), self.stage.stations[station].id
            order = Order(demo_id("redemption", day, member), gift_id, station_id, member, 1)
            with self.world.inside("rewards"), suppress(RuleBroken):  # the quarter's limit, an empty shelf
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

    # --- special cases, at the invented station -----------------------------------------------------------

    def _plan_cases(self) -> None:
        member = {
            key: demo_id("member", "special", key) for key in ("one of two", "the other of two", "elder", "child")
        }
        organizer = self.stage.organizers[SHILI]
        friday = self.today - timedelta(days=8 + (self.today.weekday() - 4) % 7)
        starts = at(friday, 22)
        night = self.plan_activity(SHILI, "night_patrol", "跨夜平安巡逻", 0, starts, starts + timedelta(hours=4))
        for who in ("one of two", "the other of two"):
            self.timeline.add(starts, partial(self.scan, member[who], night, Direction.ARRIVAL))
        leaves = starts + timedelta(hours=4, minutes=5)
        self.timeline.add(leaves, partial(self.scan, member["one of two"], night, Direction.DEPARTURE))
        self.timeline.add(at(friday + timedelta(days=1), 9), partial(self._confirm, SHILI, night))

        morning = at(friday + timedelta(days=1), 8)
        clean = self.plan_activity(SHILI, "environment", "楼道清理", 0, morning, morning + timedelta(hours=2))
        elsewhere = self.plan_activity(SHILI, "civility", "路口文明劝导", 0, morning, morning + timedelta(hours=2))

        def brought_by_hand() -> None:
            with self.world.inside("checkin"):
                attendances.add_attendance(
                    organizer,
                    attendance_id=demo_id("attendance", "elder"),
                    activity_id=clean,
                    member_id=member["elder"],
                    site_id=demo_id("site", clean),
                    arrived_at=morning,
                    left_at=morning + timedelta(hours=2),
                )
                attendances.confirm_attendance(organizer, attendance_id=demo_id("attendance", "elder"))

        def put_right() -> None:
            with self.world.inside("checkin"):
                attendances.correct_attendance(
                    organizer, attendance_id=demo_id("attendance", "elder"), version=1, arrived_at=morning,
                    left_at=morning + timedelta(minutes=90), reason="签到表上是九点半离开",
                )  # fmt: skip

        self.timeline.add(morning + timedelta(hours=3), brought_by_hand)
        self.timeline.add(morning + timedelta(hours=26), put_right)
        for activity in (clean, elsewhere):  # in two places at once: somebody has to look
            self.timeline.add(morning, partial(self.scan, member["child"], activity, Direction.ARRIVAL))
            leaves = morning + timedelta(hours=2)
            self.timeline.add(leaves, partial(self.scan, member["child"], activity, Direction.DEPARTURE))

    # --- what is still to come ----------------------------------------------------------------------------

    def _plan_what_comes(self) -> None:
        """One activity that can be tried out now, and some for the days ahead."""
        yesterday = at(self.today - timedelta(days=1), 20)
        now = clock.now().replace(minute=0, second=0, microsecond=0)
        two_hours = timedelta(hours=2)
        for station, category, title, starts, lasts in (
            (NANCHANG, "elder_visit", "帮帮邻：今天一起去看望老人", now, 2 * two_hours),
            (NANCHANG, "environment", "和谐小区周末大扫除", at(self.today + timedelta(days=2), 9), two_hours),
            (CHALUKOU, "environment", "金叶小区周末洁城", at(self.today + timedelta(days=3), 8), two_hours),
            (SHUIXIMEN, "lecture", "板凳会微宣讲", at(self.today + timedelta(days=1), 19), two_hours),
        ):
            activity = demo_id("activity", station, title, "coming")
            announce = partial(self._announce, activity, station, category, title, starts, starts + lasts)
            self.timeline.add(yesterday, announce)
