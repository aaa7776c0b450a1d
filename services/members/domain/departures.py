"""Members who are gone: why, since when, and until when a mistake is taken back."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import RuleBroken

UNDO_WITHIN = timedelta(days=1)


class Kind(StrEnum):
    MOVED_AWAY = "moved_away"
    STOPPED = "stopped"
    """Serves no longer."""
    DECEASED = "deceased"


class DayAhead(RuleBroken):
    code = "day_ahead"
    detail = "日期不能晚于今天"


class HasRoles(RuleBroken):
    code = "has_roles"
    detail = "这位志愿者还担任角色，请先由上级收回角色"


class ChildLeftAlone(RuleBroken):
    code = "child_left_alone"
    detail = "还有未满14周岁的孩子由这位志愿者代管，请先由另一位监护人用认领码接过去；孩子一起离开的，请先登记孩子"


class UndoTooLate(RuleBroken):
    code = "undo_too_late"
    detail = "登记去世已经超过一天，不能撤销，请联系上级中心"


def undo_until(at: datetime) -> datetime:
    return at + UNDO_WITHIN
