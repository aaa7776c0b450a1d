"""The only place that reads the time.

All stored times are UTC; days, months and everything shown are Asia/Shanghai.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from shared import settings

SHANGHAI = ZoneInfo("Asia/Shanghai")

_travelled: ContextVar[datetime | None] = ContextVar("travelled", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if (moment := _travelled.get()) is not None:
        return moment
    present = datetime.now(UTC)
    if _OFFSET_FILE is not None:
        present += timedelta(seconds=float(_OFFSET_FILE.read_text() or 0))
    return present


def today() -> date:
    """The date in Shanghai."""
    return day_of(now())


def day_of(moment: datetime) -> date:
    """The Shanghai date of an aware moment."""
    return moment.astimezone(SHANGHAI).date()


def day_starts(day: date) -> datetime:
    """The moment, in UTC, at which a Shanghai day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


@contextmanager
def travel(moment: datetime) -> Iterator[None]:
    """Within the block, `now()` is this moment: demo history and unit tests."""
    token = _travelled.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _travelled.reset(token)


def _offset_file() -> Path | None:
    path = settings.find("HUZHU_TEST_CLOCK")
    if path is None:
        return None
    if not settings.flag("HUZHU_TESTING"):
        raise settings.Misconfigured("HUZHU_TEST_CLOCK moves the time and is for tests only")
    if not os.path.exists(path):
        raise settings.Misconfigured(f"HUZHU_TEST_CLOCK names {path}, which is not there")
    return Path(path)


_OFFSET_FILE = _offset_file()
