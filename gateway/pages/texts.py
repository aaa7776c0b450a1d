"""What people agree to, and where they can complain. A changed wording of a consent is a new version,
here and in members.
"""

from datetime import date

from gateway.i18n import _
from gateway.presentation import Viewer
from shared import clock

VERSIONS = {"terms": "1", "privacy": "1", "ranked": "1", "named": "1", "guardian": "1"}
"""The versions of the texts shown on these pages; members refuses consent to any other."""

Sections = list[tuple[str, list[str]]]


def consents(*given: str, withdrawn: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """Consents as members takes them, each to the text as it stands here."""
    return [{"kind": kind, "version": VERSIONS[kind], "given": kind not in withdrawn} for kind in (*given, *withdrawn)]


def is_child(birth_date: str | None) -> bool:
    """Under fourteen today; members decides, this only says which consent to send."""
    if birth_date is None:
        return False
    born = date.fromisoformat(birth_date)
    today = clock.today()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < 14


def terms() -> Sections:
    return [
        ("", [_("参加志愿服务是自愿的、没有报酬的。积分是感谢，不是工资，不能换现金，也不能转卖。")]),
        (
            _("服务和积分"),
            [
                _("到场扫码签到，离开扫码签退。服务时长不含路途、休息和用餐。"),
                _("在场时间不到活动的 60%，记时长，不记积分。每天的积分有上限，每一笔都写明怎么算的。"),
                _("记录有误的，会更正并说明原因；您可以在 10 天内申诉。虚假的记录会被撤回。"),
            ],
        ),
        (_("服务对象"), [_("绝不向服务对象收费。求助不需要积分。")]),
        (_("兑换"), [_("工作人员核实身份以后可以兑换。没有领取以前可以取消，积分退回。")]),
        (_("安全"), [_("请量力而行。有的活动需要资格、年龄或保险，负责人会事先说明。")]),
        (_("退出"), [_("随时可以退出。请联系站点，服务记录和证明按规定保留或删除。")]),
    ]


def privacy() -> Sections:
    return [
        (
            _("我们记什么"),
            [
                _("姓名、手机号、所在社区、小区和楼栋，您愿意填的出生日期；以及每次服务的时间、内容和积分。"),
                _("手机号加密保存，只在登录和联系时使用。扫码不要求位置和照片。"),
            ],
        ),
        (
            _("谁能看到"),
            [
                _("您本人、代管的家属，和所在站点的负责人。谁查看过敏感信息，都有记录。"),
                _("光荣榜只列出同意参加排名的人；不同意显示全名的，只显示姓。不满 14 岁的一律不上榜。"),
            ],
        ),
        (
            _("您的权利"),
            [
                _("可以查看、复制、更正和删除自己的信息，可以随时撤回同意，一分钟内生效。"),
                _("不满 14 岁的孩子，由监护人同意并代为管理。"),
            ],
        ),
        (_("保存多久"), [_("只保存到服务证明和账目所需要的时间为止，之后删除或去掉姓名。")]),
    ]


def complaints(viewer: Viewer | None) -> Sections:
    place = viewer.station_name if viewer is not None and viewer.station_name else _("本社区实践站")
    return [
        ("", [_("对服务、积分、兑换或工作人员有意见，都可以说。不会影响您的积分和参加活动。")]),
        (
            _("找谁"),
            [
                _("请在这一页写下来，或到%(place)s当面反映。这里没有登记站点的电话。", place=place),
                _("对站点的答复不满意，可以向上一级的实践所、实践中心反映。"),
            ],
        ),
        (
            _("积分不对？"),
            [
                _("请先看“记录”里每一笔写明的原因，再请活动负责人更正。扣减的积分，10 天内可以申诉。"),
            ],
        ),
    ]
