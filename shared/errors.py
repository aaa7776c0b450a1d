"""The kinds of error the system knows. `shared/web.py` holds the only table to HTTP.

Subclasses carry a slug (`code`) and live beside the rule they belong to. `detail` is a sentence in
the user's words, in Chinese.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class HuzhuError(Exception):
    """A refusal somebody can act on. Never raised for bugs."""

    code: ClassVar[str] = "error"
    detail: str = "出错了"

    def __init__(self, detail: str | None = None, *, errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.errors = errors


class Invalid(HuzhuError):
    code = "invalid"
    detail = "填写的内容有误，请检查后再试"


class Unauthenticated(HuzhuError):
    code = "unauthenticated"
    detail = "请先登录"


class Forbidden(HuzhuError):
    code = "forbidden"
    detail = "您没有权限做这件事"


class NotFound(HuzhuError):
    code = "not_found"
    detail = "没有找到"


class Conflict(HuzhuError):
    code = "conflict"
    detail = "内容已被别人改动，请刷新后再试"


class RuleBroken(HuzhuError):
    code = "rule_broken"
    detail = "不符合规则"


class TooMany(HuzhuError):
    code = "too_many"
    detail = "操作太频繁，请稍后再试"
    retry_after_s: int = 2


class Unavailable(HuzhuError):
    code = "unavailable"
    detail = "系统忙，请稍后再试"
