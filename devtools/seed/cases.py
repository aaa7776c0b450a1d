"""Cases that must be right. What needs a second look happens at the invented 示例社区 alone."""

from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from devtools.seed.history import History
from devtools.seed.places import demo_id
from devtools.seed.setting import QINGLONG, SHILI, acting_for
from devtools.seed.timeline import at
from services.checkin.commands import attendances
from services.checkin.domain.codes import Direction
from services.members.commands import people as people_commands
from services.members.commands.operator import OPERATOR
from services.members.domain.consents import Consent, Kind

_CLEANING = "示例小区大扫除"
_LATE_ENTRIES = 30
_FRIDAY = 4


def plan_cases(history: History) -> None:
    """Put them on the timeline; after the programmes, some of which they join."""
    _over_midnight(history)
    _entered_by_hand(history)
    _at_two_stations(history)
    _entered_late(history)
    _consent_withdrawn(history)
    _moved(history)
    _own_household(history)


def _special(key: str) -> UUID:
    return demo_id("member", "special", key)


def friday_before(today: date) -> date:
    """The last Friday that is at least a week ago."""
    return today - timedelta(days=7 + (today.weekday() - _FRIDAY) % 7)


def _friday(history: History, hour: int) -> datetime:
    return at(friday_before(history.today), hour)


def _over_midnight(history: History) -> None:
    """Two of one name patrol until two in the morning; one of them forgets to sign out."""
    starts = _friday(history, 22)
    leaves = starts + timedelta(hours=4, minutes=5)
    night = history.plan_activity(SHILI, "night_patrol", "跨夜平安巡逻", 0, starts, starts + timedelta(hours=4))
    for who in ("one of two", "the other of two"):
        history.timeline.add(starts, partial(history.scan, _special(who), night, Direction.ARRIVAL))
    history.timeline.add(leaves, partial(history.scan, _special("one of two"), night, Direction.DEPARTURE))


def _entered_by_hand(history: History) -> None:
    """The organizer enters an elder without a phone the same day, and corrects the times the day after."""
    organizer, attendance = history.stage.organizers[SHILI], demo_id("attendance", "elder")
    starts = _friday(history, 8) + timedelta(days=1)
    ends = starts + timedelta(hours=2)
    activity = history.plan_activity(SHILI, "environment", "楼道清理", 0, starts, ends)

    def enter() -> None:
        with history.world.inside("checkin"):
            attendances.add_attendance(
                organizer,
                attendance_id=attendance,
                activity_id=activity,
                member_id=_special("elder"),
                site_id=demo_id("site", activity),
                arrived_at=starts,
                left_at=ends,
            )
            attendances.confirm_attendance(organizer, attendance_id=attendance)

    def put_right() -> None:
        with history.world.inside("checkin"):
            attendances.correct_attendance(
                organizer, attendance_id=attendance, version=1, arrived_at=starts,
                left_at=starts + timedelta(minutes=90), reason="签到表上是九点半离开",
            )  # fmt: skip

    history.timeline.add(ends + timedelta(hours=1), enter)
    history.timeline.add(ends + timedelta(hours=24), put_right)


def _at_two_stations(history: History) -> None:
    """A child of 示例社区 is signed in at the neighbour station as well: both organizers have to look."""
    starts = at(history.today - timedelta(days=4), 17)
    ends = starts + timedelta(hours=1)
    for station, title in ((SHILI, "示例小区花坛浇水"), (QINGLONG, "供销社小区花坛浇水")):
        activity = history.plan_activity(station, "environment", title, 0, starts, ends)
        history.timeline.add(starts, partial(history.scan, _special("child"), activity, Direction.ARRIVAL))
        history.timeline.add(ends, partial(history.scan, _special("child"), activity, Direction.DEPARTURE))


def _entered_late(history: History) -> None:
    """Thirty people, entered by one organizer three days after the activity: hours, and no points."""
    organizer = history.stage.organizers[SHILI]
    starts = _friday(history, 14) - timedelta(days=3)
    ends = starts + timedelta(hours=2)
    activity = history.plan_activity(SHILI, "environment", "示例小区杂物清理", 0, starts, ends)

    def enter(number: int, member: UUID) -> None:
        with history.world.inside("checkin"):
            attendances.add_attendance(
                organizer,
                attendance_id=demo_id("attendance", "late", number),
                activity_id=activity,
                member_id=member,
                site_id=demo_id("site", activity),
                arrived_at=starts,
                left_at=ends,
            )

    def confirm() -> None:
        with history.world.inside("checkin"):
            attendances.confirm_all(organizer, activity_id=activity)

    typing = starts + timedelta(days=3, hours=6)
    for number, member in enumerate(history.stage.volunteers[SHILI][:_LATE_ENTRIES]):
        history.timeline.add(typing + timedelta(seconds=40 * number), partial(enter, number, member))
    history.timeline.add(typing + timedelta(hours=1), confirm)


def _consent_withdrawn(history: History) -> None:
    """She is on the board and named, until she withdraws both consents; her service goes on."""
    member = _special("withdraws")
    for number in range(10):
        history.attend(member, demo_id("activity", SHILI, _CLEANING, number))

    def withdraw() -> None:
        with history.world.inside("members"):
            people_commands.set_consents(
                acting_for(member), member, [Consent(kind, "1", given=False) for kind in (Kind.RANKED, Kind.NAMED)]
            )

    history.timeline.add(at(history.today - timedelta(days=20), 19), withdraw)


def _moved(history: History) -> None:
    """He serves at 示例社区, moves to 青龙社区, and serves there: points from before and after are one balance."""
    member = _special("moves")
    for number in range(5):
        history.attend(member, demo_id("activity", SHILI, _CLEANING, number))
    for number in range(7, 12):
        history.attend(member, demo_id("activity", QINGLONG, "垃圾分类督导", number))

    def move() -> None:
        compound, building = history.stage.homes[QINGLONG][0]
        with history.world.inside("members"):
            people_commands.change(
                OPERATOR,
                member,
                {
                    "station_id": history.stage.stations[QINGLONG].id,
                    "compound_id": compound,
                    "building_id": building,
                    "team_ids": [demo_id("team", QINGLONG)],
                },
            )

    history.timeline.add(at(history.first_day + timedelta(days=48), 10), move)


def _own_household(history: History) -> None:
    """The organizer's husband scans at her activity: it waits for somebody else's nod."""
    starts = at(history.today - timedelta(days=3), 19)
    activity = history.plan_activity(SHILI, "night_patrol", "示例小区晚间巡逻", 0, starts, starts + timedelta(hours=2))
    for member in (_special("husband"), *history.stage.volunteers[SHILI][:3]):
        history.attend(member, activity)
