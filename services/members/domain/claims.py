"""Claiming a member who is there already, and letting go of one: why it may not be."""

from datetime import timedelta

from shared.errors import Conflict, Forbidden, RuleBroken

LIFETIME = timedelta(hours=24)
TOKEN_BYTES = 24
"""Twice what nobody could guess; still a small QR."""


class WrongClaimCode(RuleBroken):
    """The same words for one that never was, is used up, was replaced, and has expired."""

    code = "wrong_claim_code"
    detail = "这个认领码不对、用过了或者过期了，请站点重新生成一个"


class MadeByOneself(Forbidden):
    code = "own_claim_code"
    detail = "自己生成的认领码不能自己用，请交给本人或家属"


class HasLogin(RuleBroken):
    code = "has_login"
    detail = "这位志愿者已经有自己的账号，忘了密码请用重设密码的验证码"


class SomebodyAlready(RuleBroken):
    code = "somebody_already"
    detail = "这个账号已经有本人了。如果两份资料都是您，请站点合并；如果是家人，请选“我代管的家人”"


class AlreadyYours(Conflict):
    code = "already_yours"
    detail = "您的账号已经在代管这位志愿者"


class NotYourself(RuleBroken):
    code = "not_yourself"
    detail = "不能放开账号的本人；不想再参加，请申请注销"


class ChildNeedsSomebody(RuleBroken):
    code = "child_needs_somebody"
    detail = "未满14周岁的孩子要有监护人代管，请先由另一位监护人用认领码加到账号里"
