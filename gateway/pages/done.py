"""Before and after an act: asking whether it is meant, and saying that it is done."""

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from gateway.i18n import _


def ask(title: str, what: str, follows: str, action: str, yes: str, back: str, /, **fields: str) -> str:
    """The page before something that cannot be undone: what it is about and what follows. `fields` go along."""
    return render_template(
        "organize/sure.html",
        title=title,
        what=what,
        follows=follows,
        action=action,
        yes=yes,
        back=back,
        fields=fields,
    )


def back(path: str, what: str) -> Response:
    """To a page, which says that this is done."""
    return redirect(f"{path}{'&' if '?' in path else '?'}done={what}", 303)


def said() -> str | None:
    """The sentence for the page that one was led back to."""
    sentences = {
        "added": _("已添加"),
        "annulled": _("已撤销，志愿者会看到原因"),
        "brought": _("文件收到了，正在检查"),
        "cancelled": _("活动已取消"),
        "closed": _("活动已结束"),
        "confirmed": _("已确认"),
        "corrected": _("时间已更正"),
        "entered": _("已补签"),
        "erased": _("已注销，个人信息已删除"),
        "kept": _("注销申请已撤回，一切照旧"),
        "granted": _("已授予"),
        "left": _("已签退"),
        "merged": _("已合并成一份登记。两份登记若有同一段时间的时长，稍后会列在“重复计时”里，请处理"),
        "left_all": _("您的点位上还在场的人都已签退，等活动负责人确认时长"),
        "moved": _("已改时间，请通知报过名的人"),
        "offered": _("已重新上架"),
        "postponed": _("已延期"),
        "published": _("活动已发布，志愿者可以看到了"),
        "rejected": _("这条记录没有通过"),
        "requeued": _("已重新发送"),
        "revoked": _("已收回"),
        "saved": _("已保存"),
        "drafted": _("已保存。活动变回了草稿，还没有提交审核：请再提交一次"),
        "signed_off": _("已取消报名"),
        "signed_up": _("已报名"),
        "stocked": _("库存已记账"),
        "stepped": _("已记下"),
        "switched": _("光荣榜开关已改"),
        "taken_in": _("已转入本站"),
        "departed": _("已登记离开"),
        "returned": _("已恢复"),
        "given": _("积分已经转出"),
        "unmerged": _("合并已撤销"),
        "verified": _("已核实本人"),
        "reported": _("已收到，请记下编号"),
        "reopened": _("已再次反映"),
        "batched": _("这一批已生成，可以下载"),
        "taken": _("已接手"),
        "answered": _("已答复，反映的人会看到"),
        "read": _("已阅"),
        "split": _("新站已经开办，住在那里的志愿者过一会儿跟过去"),
        "asked": _("已提交审核，通过以后志愿者才能看到"),
        "approved": _("审核通过，活动已发布"),
        "sent_back": _("已退回，负责人会看到原因"),
        "withdrawn": _("礼品已下架"),
    }
    return sentences.get(request.args.get("done", ""))
