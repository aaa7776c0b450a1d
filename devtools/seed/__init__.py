"""The demo: places and people drawn from two newspaper articles, and three months of their history.

`load()` runs on empty, migrated databases before any process of the system does: history is booked at
the time it happened, which no worker of the present could do.
"""

import time
from datetime import timedelta

LOGINS: tuple[str, ...] = (
    "志愿者（母女一机）        19000000001",
    "活动负责人（南昌路）      19000000002",
    "活动负责人（岔路口）      19000000003",
    "活动负责人（水西门）      19000000004",
    "活动负责人（示例社区）    19000000005",
    "社区工作者（南昌路）      19000000006",
    "管理员（咸宁市）          19000000007",
    "监督员（咸宁市）          19000000008",
    "密码都是 huzhu-2026",
)
"""What `./dev run` prints; the phones and the password of devtools/seed/setting.py."""


def load() -> None:
    """Load the demo, saying how far it is."""
    from devtools.seed.chance import FixedChance
    from shared import ids

    with ids.made_by(FixedChance()):
        _load()


def _load() -> None:
    from devtools.seed.cases import plan_cases
    from devtools.seed.first_sight import plan_first_sight
    from devtools.seed.history import DAYS, History
    from devtools.seed.setting import set_up
    from devtools.seed.timeline import at
    from devtools.world import World
    from shared import clock

    began = time.monotonic()
    today = clock.today()
    world = World()
    print("  the services are there", flush=True)
    setting = set_up(world, today)
    with clock.travel(at(today - timedelta(days=DAYS), 8)):
        while True:
            try:
                print(f"  {next(setting)}", flush=True)
            except StopIteration as done:
                stage = done.value
                break
    history = History(world, stage, today)
    history.plan()
    plan_cases(history)
    plan_first_sight(history)
    said = began
    for day, attended in history.run():
        if time.monotonic() - said > 2:
            said = time.monotonic()
            print(f"  {day}: {attended} attendances", flush=True)
    with clock.travel(at(today - timedelta(days=1), 23, 58)):
        world.finish()
    print(f"  {history.attended} attendances in {time.monotonic() - began:.0f} s", flush=True)
