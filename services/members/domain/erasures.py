"""Being forgotten: when, and why it may not be yet."""

from datetime import timedelta

from shared.errors import Conflict, Forbidden, RuleBroken

WAITS = timedelta(days=7)
"""Within which who asked may think again."""


class HasRoles(RuleBroken):
    code = "has_roles"
    detail = "这位志愿者还有角色，请先由管理员收回，再办注销"


class ChildLeftAlone(RuleBroken):
    code = "child_left_alone"
    detail = "还有未满14周岁的孩子由这位志愿者代管，请先由另一位监护人用认领码接过去，或者先给孩子办注销"


class DeathTooFresh(RuleBroken):
    code = "death_too_fresh"
    detail = "登记去世还不到一天，登记错了还可以恢复，请一天以后再办"


class ForThePerson(Forbidden):
    code = "for_the_person"
    detail = "这位志愿者有自己的账号，请本人登录以后申请或撤回"


class ErasureOver(Conflict):
    code = "erasure_over"
    detail = "这份申请已经办完或者撤回了"
