"""The audit log in plain words: acts, what they were done to, and what stands in them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gateway import presentation
from gateway.i18n import _
from gateway.pages.attendance_words import evidence_shown, state_shown
from gateway.pages.choose import relations
from gateway.pages.grants import role_names
from gateway.pages.imports import kind_names
from gateway.pages.nodes import level_names
from gateway.pages.platforms import platform_names

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def act_names() -> dict[str, str]:
    """In the order of the select list."""
    return {**_at_activities(), **_about_people(), **_at_places()}


def _at_activities() -> dict[str, str]:
    return {
        "activity.create": _("新建活动"),
        "activity.publish": _("发布活动"),
        "activity.ask_review": _("提交审核"),
        "activity.approve": _("审核通过并发布活动"),
        "activity.send_back": _("退回活动"),
        "activity.refuse_own": _("审核自己或家人提交的活动，被拒绝"),
        "activity.change": _("修改活动"),
        "activity.postpone": _("活动延期"),
        "activity.cancel": _("取消活动"),
        "activity.close": _("结束活动"),
        "activity.summarize": _("写活动小结"),
        "activity.leave_all": _("全员签退"),
        "activity.confirm_all": _("一键确认全部"),
        "activity.take_over": _("补录过往活动"),
        "attendance.add": _("登记签到"),
        "attendance.leave": _("代为签退"),
        "attendance.confirm": _("确认时长"),
        "attendance.correct": _("更正时间"),
        "attendance.reject": _("时长不通过"),
        "attendance.annul": _("撤销时长"),
        "attendance.reopen": _("撤回签退"),
        "attendance.refuse_own": _("登记、确认或更正自己或家人的签到，被拒绝"),
        "roll.read_names": _("点位负责人看了点名的姓名"),
        "roll.refuse_own": _("点名点了自己或家人，没有记"),
        "sheet.enter": _("录入签到表"),
        "sheet.refuse_own": _("签到表上本人或家人的行没有录入"),
        "sign_up.add": _("代为报名"),
        "sign_up.cancel": _("代为取消报名"),
    }


def _about_people() -> dict[str, str]:
    return {
        "member.add": _("登记志愿者"),
        "member.register": _("现场登记志愿者"),
        "member.change": _("修改志愿者资料"),
        "member.confirm": _("核实本人"),
        "member.household": _("改动同住家人"),
        "member.leave": _("登记离开"),
        "member.come_back": _("恢复志愿者"),
        "member.merge": _("合并重复登记"),
        "member.take_in": _("转入志愿者"),
        "member.unmerge": _("撤销合并"),
        "member.read_phone": _("查看电话"),
        "member.read_name": _("读取全名，交给别的平台"),
        "member.ask_erasure": _("代为申请注销"),
        "member.withdraw_erasure": _("代为撤回注销"),
        "member.erase": _("注销志愿者"),
        "member.replace_badge": _("挂失志愿者证"),
        "member.refuse_own": _("办理自己或家人的志愿者登记，被拒绝"),
        "roster.import": _("导入名单"),
        "import.bring": _("交来要导入的文件"),
        "import.start": _("开始导入"),
        "import.approve": _("审核通过要导入的文件"),
        "import.reject": _("退回要导入的文件"),
        "opening.import": _("期初结转记账"),
        "past.import": _("导入过往服务记录"),
        "import.drop": _("放弃导入"),
        "import.undo": _("撤销导入"),
        "import.refuse_own": _("导入自己或家人的记录，被拒绝"),
        "import_file.read": _("下载交来的文件"),
        "login.make_code": _("生成验证码"),
        "login.set_password": _("设新密码"),
        "login.make_claim": _("生成认领码"),
        "login.refuse_own": _("给自己或家人生成验证码或认领码，被拒绝"),
        "login.claim": _("认领志愿者"),
        "login.release": _("不再代管"),
        "login.export": _("下载自己的数据"),
        "login.ask_erasure": _("本人申请注销"),
        "login.withdraw_erasure": _("本人撤回注销"),
        "administrator.make_code": _("生成首位管理员的验证码"),
        "grant.add": _("授予角色"),
        "grant.revoke": _("收回角色"),
        "grant.refuse_own": _("授予或收回自己或家人的角色，被拒绝"),
        "token.add": _("新建令牌"),
        "token.revoke": _("作废令牌"),
    }


def _at_places() -> dict[str, str]:
    return {
        "node.add": _("添加地方"),
        "node.rename": _("地方改名"),
        "node.move": _("地方改上级"),
        "node.count": _("改居民人数"),
        "node.close": _("撤销地方"),
        "node.merge": _("合并地方"),
        "node.split": _("拆分站点"),
        "team.add": _("添加服务队"),
        "employer.add": _("添加报到单位"),
        "concern.add": _("代为反映问题"),
        "concern.take": _("接手反映"),
        "concern.answer": _("答复反映"),
        "concern.read": _("阅看匿名意见"),
        "concern.reopen": _("代为再次反映"),
        "concern.read_contact": _("查看投诉人的联系方式"),
        "concern.refuse_own": _("处理自己或家人的反映，被拒绝"),
        "gift.create": _("上架礼品"),
        "gift.change": _("修改礼品"),
        "stock.receive": _("入库"),
        "stock.write_off": _("核减"),
        "redemption.issue": _("发放礼品"),
        "redemption.undo": _("收回发放"),
        "redemption.refuse_own": _("发放或收回自己或家人的礼品，被拒绝"),
        "desk.serve": _("现场兑换"),
        "desk.refuse_own": _("给自己或家人兑换，被拒绝"),
        "desk.close": _("日结"),
        "confirm_each.switch_on": _("打开每条都要确认"),
        "confirm_each.switch_off": _("关闭每条都要确认"),
        "review.switch_on": _("打开发布前审核"),
        "review.switch_off": _("关闭发布前审核"),
        "outside_number.set": _("登记平台编号"),
        "outside_number.refuse_own": _("登记自己或家人的平台编号，被拒绝"),
        "batch.make": _("生成导出批次"),
        "leaver.rule": _("改离开人员的积分规则"),
        "leaver.give": _("处理离开人员的积分"),
        "leaver.refuse_own": _("处理自己家的离开人员的积分，被拒绝"),
        "board.switch_on": _("打开光荣榜"),
        "board.switch_off": _("关闭光荣榜"),
        "dead_letter.requeue": _("重新投递"),
    }


def subject_name(kind: str) -> str:
    names = {
        "activity": _("志愿活动"),
        "attendance": _("签到记录"),
        "close": _("日结单"),
        "code": _("验证码"),
        "batch": _("导出批次"),
        "concern": _("反映或投诉"),
        "employer": _("报到单位"),
        "gift": _("上架的礼品"),
        "grant": _("授权"),
        "login": _("登录账号"),
        "member": _("志愿者"),
        "node": _("地方"),
        "order": _("现场兑换单"),
        "outbox": _("没有送达的记录"),
        "redemption": _("兑换记录"),
        "import": _("导入"),
        "roster": _("名单"),
        "team": _("服务队"),
        "token": _("令牌"),
    }
    return names.get(kind, kind)


def who_shown(who: str) -> str:
    """Who did it when no member stands there."""
    kind, _colon, rest = who.partition(":")
    if kind == "login":
        return _("没有登录的人") if rest in ("", "None") else _("一位用户")
    return _("系统") if kind in ("service", "worker") else _("安装命令")


def ids_in(detail: dict[str, Any]) -> list[str]:
    """The members that a detail names."""
    return [str(value) for name, value in detail.items() if name.endswith("member_id") and value]


def called(detail: dict[str, Any]) -> str:
    """What the subject of an entry was called when it was written; nothing where that is not known."""
    return next((detail[name] for name in _CALLED if isinstance(detail.get(name), str)), "")


_CALLED = ("title", "gift", "name", "number")


def detail_shown(detail: dict[str, Any], names: dict[str, str], subject: str) -> list[tuple[str, str]]:
    """What stands in an entry as (name, value), but for how its subject is called. `names`: of members and places by
    id.
    """
    words = detail_names()
    shown = [name for name, value in detail.items() if name not in _CALLED or value != subject]
    shown.sort(key=lambda name: list(words).index(name) if name in words else len(words))
    return [(words.get(name, _("其他内容")), _value(name, detail[name], names)) for name in shown]


def detail_names() -> dict[str, str]:
    """Words for everything that acts record, in the order in which it is shown: what was before what is."""
    return {
        "added": _("添加人数"),
        "arrived_at": _("签到"),
        "as": _("身份"),
        "attendance_ids": _("记录"),
        "batch_id": _("导出批次"),
        "before": _("更正前"),
        "after": _("更正后"),
        "by": _("怎么核对的"),
        "capacity": _("需要人数"),
        "category": _("服务类别"),
        "confirm_each": _("每条都由负责人确认"),
        "day": _("日期"),
        "days": _("天数"),
        "departure": _("离开原因"),
        "description": _("说明"),
        "differences": _("有差异的礼品"),
        "ends_at": _("结束"),
        "donate": _("可以捐入爱心积分池"),
        "evidence": _("凭据"),
        "family_days": _("多少天内可以转给家人"),
        "fields": _("改动的内容"),
        "from": _("原来"),
        "from_day": _("从哪天"),
        "gift": _("礼品"),
        "grants": _("转过去的角色"),
        "into_member_id": _("并入哪一份登记"),
        "kind": _("种类"),
        "left": _("签退人数"),
        "left_at": _("签退"),
        "line": _("行号"),
        "level": _("级别"),
        "let_go": _("不再代管的账号"),
        "limit_per_quarter": _("每人每季度最多几件"),
        "member_id": _("志愿者"),
        "member_ids": _("志愿者"),
        "minutes": _("时长"),
        "name": _("名称"),
        "node_id": _("地方"),
        "number": _("编号"),
        "place": _("地点"),
        "places": _("转过去的地方"),
        "points": _("积分"),
        "quantity": _("数量"),
        "rated_again": _("按实际时长重新计算的记录"),
        "reason": _("原因"),
        "relation": _("关系"),
        "residents": _("居民人数"),
        "role": _("角色"),
        "sites": _("点位"),
        "split_off": _("分出来的站"),
        "starts_at": _("开始"),
        "state": _("状态"),
        "station_id": _("实践站"),
        "successor_id": _("并入"),
        "summary": _("活动小结"),
        "teams": _("转过去的服务队"),
        "title": _("活动名称"),
        "to_member_id": _("转给"),
        "to": _("现在"),
        "to_day": _("到哪天"),
        "platform": _("平台"),
        "tried": _("想办的是"),
        "wanted": _("点的是"),
        "window_before_minutes": _("提前多少分钟开始签到"),
        "with_member_id": _("和谁同住"),
        "withdrawn": _("下架"),
    }


def _value(name: str, value: Any, names: dict[str, str]) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, list):
        if name == "member_ids":
            return _("%(count)s 人", count=len(value))
        if name.endswith("_ids"):
            return _("%(count)s 条", count=len(value))
        if name in ("from", "to"):
            return presentation.span(*value)
        if len(value) == 2 and name not in ("fields", "sites"):
            return " → ".join(_value(name, one, names) for one in value)
        return "、".join(_value(name, one, names) for one in value)
    if isinstance(value, dict):
        if "arrived_at" in value:
            return _times(value)
        return str(value.get("name") or "、".join(_value(key, one, names) for key, one in value.items()))
    if name == "points" and isinstance(value, int):
        return presentation.points(value)
    text = str(value)
    if _ID.fullmatch(text):
        return names.get(text, f"…{text[-6:]}")
    if _MOMENT.match(text):
        return presentation.moment(text)
    if _DAY.fullmatch(text):
        return presentation.day(text)
    words: dict[str, Callable[[], Mapping[str, str]]] = {
        "as": lambda: {"site_leader": _("点位负责人，没有别的角色")},
        "by": lambda: {"voucher": _("扫领取码"), "list": _("在名单里找到")},
        "category": lambda: {text: presentation.category(text)},
        "departure": departure_names,
        "evidence": lambda: {text: evidence_shown(text)},
        "fields": field_names,
        "kind": kind_names,
        "level": level_names,
        "relation": relation_names,
        "platform": platform_names,
        "tried": act_names,
        "wanted": tick_names,
        "role": role_names,
    }
    return words[name]().get(text, text) if name in words else text


def _times(pair: dict[str, Any]) -> str:
    """How an attendance stood, as its correction recorded it."""
    left = pair.get("left_at")
    times = presentation.span(pair["arrived_at"], left) if left else presentation.moment(pair["arrived_at"])
    minutes = [] if pair.get("minutes") is None else [presentation.minutes(pair["minutes"])]
    return " · ".join((state_shown(pair["state"])[0], times, *minutes))


def tick_names() -> dict[str, str]:
    return {"arrived": _("到了"), "left": _("走了"), "not_arrived": _("没到"), "not_left": _("没走")}


def relation_names() -> dict[str, str]:
    """As what a login acts for a member; the member is the person's …"""
    return {"self": _("本人"), **dict(relations())}


def departure_names() -> dict[str, str]:
    """Why somebody is gone."""
    return {"moved_away": _("搬走了"), "stopped": _("不再参加"), "deceased": _("去世")}


def field_names() -> dict[str, str]:
    """Fields of a person or an activity, where only which ones were changed is recorded."""
    return detail_names() | {
        "name": _("姓名"),
        "birth_date": _("出生日期"),
        "phone": _("联系电话"),
        "compound_id": _("小区"),
        "building_id": _("楼栋"),
        "skills": _("特长"),
        "team_ids": _("志愿服务队"),
        "employer_id": _("报到单位"),
        "guardian_id": _("监护人"),
        "status": _("状态"),
    }
