"""What the demo's logins find when they come in: gifts in every state, work that waits, activities now and next."""

from datetime import date, timedelta
from functools import partial
from uuid import UUID

from devtools.seed.history import History
from devtools.seed.places import demo_id, demo_order_id
from devtools.seed.setting import CHALUKOU, NANCHANG, SHILI, SHUIXIMEN, acting_for
from devtools.seed.timeline import at
from services.rewards.commands import desk, redemptions
from services.rewards.domain.redemption import Order
from shared import clock

_SATURDAYS = 9


def plan_first_sight(history: History) -> None:
    _serve_next_door(history)
    _redeem(history)
    _leave_some_to_confirm(history)
    _announce_what_comes(history)


def _serve_next_door(history: History) -> None:
    """The volunteer of the demo also helps the neighbour station on Saturdays: she has points to redeem."""
    daughter = _own(history)
    saturdays = [demo_id("activity", CHALUKOU, "金叶小区周末洁城", number) for number in range(13)]
    free = [
        activity
        for activity in saturdays
        if clock.day_of(history.times[activity][0]) not in history.engaged.get(daughter, ())
    ]
    for activity in free[:_SATURDAYS]:
        history.attend(daughter, activity)


def _redeem(history: History) -> None:
    """One gift expired at the desk, one was handed over, one was given up, and one waits for her."""
    for days_ago, gift, then in (
        (40, "香皂", None), (33, "抽纸", _hand_over), (12, "牙膏", _give_up), (3, "雨伞", None),
    ):  # fmt: skip
        day = history.today - timedelta(days=days_ago)
        history.timeline.add(at(day, 11), partial(_ask_for, history, day, gift))
        history.timeline.add(at(day, 11, 20), history.world.deliver)
        if then is not None:
            history.timeline.add(at(day, 15), partial(then, history, _redemption(day)))


def _own(history: History) -> UUID:
    member_id = history.stage.daughter.member_id
    assert member_id is not None
    return member_id


def _redemption(day: date) -> UUID:
    return demo_order_id(day, "daughter")


def _ask_for(history: History, day: date, gift: str) -> None:
    order = Order(
        _redemption(day),
        demo_id("gift", "咸宁市", gift),
        history.stage.stations[NANCHANG].id,
        _own(history),
        1,
    )
    with history.world.inside("rewards"):
        redemptions.redeem(acting_for(_own(history)), order)


def _hand_over(history: History, redemption_id: UUID) -> None:
    with history.world.inside("rewards"):
        desk.issue(history.stage.organizers[NANCHANG], redemption_id=redemption_id)


def _give_up(history: History, redemption_id: UUID) -> None:
    with history.world.inside("rewards"):
        redemptions.cancel(acting_for(_own(history)), redemption_id=redemption_id)


def _leave_some_to_confirm(history: History) -> None:
    """Yesterday's activities, where some forgot to sign out: an organizer has to nod today."""
    for station, category, title in (
        (NANCHANG, "environment", "和谐小区楼道清扫"),
        (CHALUKOU, "waste_sorting", "金叶小区垃圾分类督导"),
        (SHILI, "environment", "示例小区花坛除草"),
    ):
        starts = at(history.last_day, 15)
        activity = history.plan_activity(station, category, title, 0, starts, starts + timedelta(minutes=90))
        people = history.stage.volunteers[station][1:]
        free = [member for member in people if history.last_day not in history.engaged.get(member, ())]
        for number, member in enumerate(free[:8]):
            history.attend(member, activity, forgets=number < 3)


def _announce_what_comes(history: History) -> None:
    """At each organizer's station one that runs since the full hour, so that it can be tried out; and later ones."""
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    two_hours = timedelta(hours=2)
    today = history.today
    for station, category, title, starts, lasts in (
        (NANCHANG, "elder_visit", "帮帮邻：今天一起去看望老人", now, 2 * two_hours),
        (CHALUKOU, "environment", "金叶小区今日洁城", now, 2 * two_hours),
        (SHUIXIMEN, "civility", "在职党员文明劝导：今天的路口", now, 2 * two_hours),
        (SHILI, "environment", "示例小区今日大扫除", now, 2 * two_hours),
        (SHUIXIMEN, "culture_sport", "板凳会", at(today + timedelta(days=1), 19), two_hours),
        (NANCHANG, "environment", "和谐小区周末大扫除", at(today + timedelta(days=2), 9), two_hours),
        (CHALUKOU, "environment", "金叶小区周末洁城", at(today + timedelta(days=3), 8), two_hours),
        (SHILI, "night_patrol", "示例小区平安夜巡", at(today + timedelta(days=3), 20), two_hours),
        (NANCHANG, "elder_visit", "帮帮邻：下周看望老人", at(today + timedelta(days=7), 9), two_hours),
        (SHUIXIMEN, "civility", "下周文明劝导", at(today + timedelta(days=8), 7), two_hours),
    ):
        history.plan_activity(station, category, title, "coming", starts, starts + lasts)
