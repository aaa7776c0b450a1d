"""What may become of the points of members who are gone."""

from datetime import datetime, timedelta

from shared.errors import RuleBroken

FAMILY_DAYS_MAX = 3650


class NotGone(RuleBroken):
    code = "not_gone"
    detail = "这位志愿者没有登记离开，积分由本人使用"


class NotByTheRule(RuleBroken):
    code = "not_by_the_rule"
    detail = "按本站的规则，离开的志愿者的积分不能这样处理"


class TooLate(RuleBroken):
    code = "too_late"
    detail = "转给家人的期限已经过了"


class NotTheFamily(RuleBroken):
    code = "not_the_family"
    detail = "只能转给登记为同住、已核实的家人"


class NothingLeft(RuleBroken):
    code = "nothing_left"
    detail = "这位志愿者没有可用积分"


def check_family(family_days: int | None, since: datetime, now: datetime) -> None:
    """Raise why the household may not have the points (any more)."""
    if family_days is None:
        raise NotByTheRule
    if now >= since + timedelta(days=family_days):
        raise TooLate
