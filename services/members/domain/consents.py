"""Consents: what a person agrees to, each by itself, with the version of its text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.members.domain.names import is_child
from shared.errors import RuleBroken


class Kind(StrEnum):
    TERMS = "terms"
    PRIVACY = "privacy"
    RANKED = "ranked"
    NAMED = "named"
    GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class Text:
    """The text people agree to now. A new wording is a new version, and is asked for anew."""

    kind: Kind
    version: str
    title: str
    required: bool


TEXTS: dict[Kind, Text] = {
    text.kind: text
    for text in (
        Text(Kind.TERMS, "1", "志愿服务协议", required=True),
        Text(Kind.PRIVACY, "1", "个人信息保护说明", required=True),
        Text(Kind.RANKED, "1", "同意进入光荣榜排名", required=False),
        Text(Kind.NAMED, "1", "同意榜单显示完整姓名", required=False),
        Text(Kind.GUARDIAN, "1", "监护人同意未满14周岁的孩子参加志愿服务", required=False),
    )
}


class ConsentMissing(RuleBroken):
    code = "consent_missing"
    detail = "请先阅读并同意志愿服务协议和个人信息保护说明"


class ConsentOutdated(RuleBroken):
    code = "consent_outdated"
    detail = "协议内容已更新，请重新阅读后再同意"


class GuardianNeeded(RuleBroken):
    code = "guardian_needed"
    detail = "未满14周岁，请由监护人登录后代为登记，并勾选监护人同意"


class TooYoungForBoards(RuleBroken):
    code = "too_young_for_boards"
    detail = "未满14周岁不进入光荣榜，也不公开姓名"


class StillRequired(RuleBroken):
    code = "still_required"
    detail = "这项同意是参加志愿服务所必需的；要撤回请联系站点办理退出"


@dataclass(frozen=True, slots=True)
class Consent:
    kind: Kind
    version: str
    given: bool = True


def due(given: Mapping[Kind, str], birth_date: date | None, today: date) -> list[Kind]:
    """What must still be agreed to, also by who was registered by others; `given`: the versions agreed to, by kind."""
    needed = [kind for kind, text in TEXTS.items() if text.required]
    if is_child(birth_date, today):
        needed.append(Kind.GUARDIAN)
    return [kind for kind in needed if given.get(kind) != TEXTS[kind].version]


def check(consents: list[Consent]) -> None:
    """Each must be to the text as it stands now, and of a kind at most once."""
    if any(consent.given and consent.version != TEXTS[consent.kind].version for consent in consents):
        raise ConsentOutdated
    if len({consent.kind for consent in consents}) < len(consents):
        raise RuleBroken("同一项同意出现了两次")


def check_joining(consents: list[Consent], birth_date: date | None, today: date, *, by_guardian: bool) -> None:
    """What somebody must have agreed to when a person joins: terms and privacy, and for a child the guardian."""
    check(consents)
    given = {consent.kind for consent in consents if consent.given}
    if not given >= {kind for kind, text in TEXTS.items() if text.required}:
        raise ConsentMissing
    if is_child(birth_date, today):
        if not by_guardian or Kind.GUARDIAN not in given:
            raise GuardianNeeded
        if given & {Kind.RANKED, Kind.NAMED}:
            raise TooYoungForBoards


def check_change(consents: list[Consent], birth_date: date | None, today: date) -> None:
    """What may be changed later: boards at will, the rest only by leaving."""
    check(consents)
    child = is_child(birth_date, today)
    for consent in consents:
        if not consent.given and (TEXTS[consent.kind].required or (child and consent.kind is Kind.GUARDIAN)):
            raise StillRequired
        if consent.given and child and consent.kind in (Kind.RANKED, Kind.NAMED):
            raise TooYoungForBoards
