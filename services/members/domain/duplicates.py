"""Two entries of one person: which may be merged, until when it can be taken back."""

from datetime import datetime, timedelta

from shared.errors import RuleBroken

UNDO_WITHIN = timedelta(days=1)


class SamePerson(RuleBroken):
    code = "same_entry"
    detail = "请选两份不同的登记"


class AlreadyMerged(RuleBroken):
    code = "already_merged"
    detail = "其中一份登记已经合并过，请用保留的那一份"


class NotActive(RuleBroken):
    code = "not_active"
    detail = "其中一份登记已经停用，不能合并"


class RolesStay(RuleBroken):
    code = "roles_stay"
    detail = "担任角色的那份登记要保留；要合并它，请先由上级收回角色"


class NoStation(RuleBroken):
    code = "no_station"
    detail = "两份登记都没有所属站点，请先登记站点"


class ErasureOpen(RuleBroken):
    code = "erasure_open"
    detail = "其中一份登记正在申请注销，请先办完或者撤回，再合并"


class NotMerged(RuleBroken):
    code = "not_merged"
    detail = "这份登记没有并入别的登记；要撤销合并，请打开被合并的那一份"


class UndoTooLate(RuleBroken):
    code = "undo_too_late"
    detail = "合并已经超过一天，不能撤销；积分有误的请用更正办理"


class MergedFurther(RuleBroken):
    code = "merged_further"
    detail = "保留的那份登记后来又并入了别的登记，请先撤销后一次合并"


class StaysIsGone(RuleBroken):
    code = "stays_is_gone"
    detail = "保留的那份登记已登记离开，请先把它恢复，再撤销合并"


class StaysIsErased(RuleBroken):
    code = "stays_is_erased"
    detail = "保留的那份登记已经注销，合并不能再撤销"


class ChildsLogin(RuleBroken):
    code = "childs_login"
    detail = "保留的这份是未满14周岁的孩子，不能有自己的账号；请核对两份登记的出生日期"


def undo_until(at: datetime) -> datetime:
    return at + UNDO_WITHIN
