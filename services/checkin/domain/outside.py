"""Other platforms on which records of service are kept, and batches of records for them."""

from datetime import date, timedelta
from enum import StrEnum

from shared.errors import Conflict, Invalid, NotFound, RuleBroken

NUMBER_LENGTH_MAX = 40
RECORDS_MAX = 10_000
"""In one batch; what is more comes in the next."""
PERIOD_DAYS_MAX = 366
FORGOTTEN_NAME = "已注销"
"""Stands in a batch for whom nothing is known any more."""


class Platform(StrEnum):
    IZHIYUAN = "izhiyuan"
    CHINA_VOLUNTEER = "china_volunteer"
    OTHER = "other"


class Kind(StrEnum):
    """What a number of another platform stands for."""

    MEMBER = "member"
    ACTIVITY = "activity"


class NumberTaken(Conflict):
    code = "number_taken"
    detail = "这个平台编号已经登记在别处，请核对"


class NothingToExport(RuleBroken):
    code = "nothing_to_export"
    detail = "这段时间没有可以导出的新记录"


class NoSuchBatch(NotFound):
    detail = "没有这一批"


def require_period(from_day: date, to_day: date) -> None:
    if not timedelta(0) <= to_day - from_day < timedelta(days=PERIOD_DAYS_MAX):
        raise Invalid("结束日期不能早于开始日期，最长一年", errors={"to_day": ["结束日期不能早于开始日期，最长一年"]})
