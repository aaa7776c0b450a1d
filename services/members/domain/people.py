"""Members: what is known of a new one, and what may be changed by whom."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.members.domain.consents import Consent
from shared.errors import Conflict, Forbidden, RuleBroken

FAMILY_MAX = 10
"""Members one login may act for, the own one included."""
SELF_ALWAYS = frozenset({"compound_id", "building_id", "skills"})
SELF_BEFORE_CONFIRMED = SELF_ALWAYS | {"name", "birth_date", "station_id"}
"""Once staff has seen who somebody is, only staff changes who that is."""
FAMILY = frozenset({"spouse", "child", "parent", "grandparent"})
BIRTH_DATE_MIN = date(1900, 1, 1)


IDENTITY = frozenset({"name", "phone", "birth_date", "guardian_id"})
"""Who somebody is, and who acts for them."""


class BirthDateWrong(RuleBroken):
    code = "birth_date_wrong"
    detail = "出生日期不对，请检查"


class FamilyFull(RuleBroken):
    code = "family_full"
    detail = f"一个账号最多代管 {FAMILY_MAX} 人（含本人）"


class ByStaffOnly(RuleBroken):
    code = "by_staff_only"
    detail = "身份已经核实，这些内容请由站点工作人员修改"


class TeamElsewhere(RuleBroken):
    code = "team_elsewhere"
    detail = "志愿服务队不属于这位志愿者的站点"


class ChangedMeanwhile(Conflict):
    code = "changed_meanwhile"
    detail = "资料刚刚被别人改过，请核对现在的内容再保存"


class StationOfOthers(Forbidden):
    code = "station_of_others"
    detail = "只能转到您负责的站点，请由两个站点共同的上级办理"


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person to be added; places by id, phone as `phones.read_phone` gives it."""

    id: UUID
    name: str
    station_id: UUID | None = None
    compound_id: UUID | None = None
    building_id: UUID | None = None
    birth_date: date | None = None
    phone: str | None = None
    household_id: UUID | None = None
    employer_id: UUID | None = None
    guardian_id: UUID | None = None
    team_ids: tuple[UUID, ...] = ()
    skills: tuple[str, ...] = ()
    consents: tuple[Consent, ...] = field(default=())
    confirmed: bool = False


def check_birth_date(birth_date: date | None, today: date) -> None:
    if birth_date is not None and not BIRTH_DATE_MIN <= birth_date <= today:
        raise BirthDateWrong


def check_self_change(fields: set[str], *, confirmed: bool, has_station: bool = True) -> None:
    """What people may change of themselves and of those they act for.

    Who belongs to no station yet, as the first administrator, chooses one also when confirmed.
    """
    allowed = SELF_ALWAYS if confirmed else SELF_BEFORE_CONFIRMED
    if not fields <= (allowed if has_station else allowed | {"station_id"}):
        raise ByStaffOnly
