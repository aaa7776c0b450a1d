"""What a person typed into a form, and what is wrong with it.

A form is shown again with everything typed kept, all faults listed at the top and each at its field,
in the same words.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict

from gateway.i18n import _


class Form:
    """Values as typed, faults by field in the order they were found. The fault of no field has the key ''."""

    def __init__(self, typed: Mapping[str, Any] | None = None) -> None:
        self.typed: MultiDict[str, str] = MultiDict(typed or {})
        self.errors: dict[str, str] = {}

    @classmethod
    def posted(cls) -> "Form":
        """The form of this request."""
        return cls(request.form)

    def __bool__(self) -> bool:
        return not self.errors

    def text(self, name: str, otherwise: str = "") -> str:
        """What was typed, trimmed."""
        return str(self.typed.get(name, otherwise)).strip()

    def chosen(self, name: str) -> list[str]:
        """All values chosen under one name."""
        return self.typed.getlist(name)

    def fail(self, name: str, message: str) -> None:
        """Note a fault; the first one of a field stands."""
        self.errors.setdefault(name, message)

    def required(self, name: str, message: str, *, length_max: int = 100) -> str:
        """The text of a field that must be filled in."""
        text = self.text(name)
        if not text:
            self.fail(name, message)
        elif len(text) > length_max:
            self.fail(name, _("最多 %(count)s 个字", count=length_max))
        return text

    def uuid(self, name: str, message: str) -> str:
        """A choice out of a list of things with ids."""
        text = self.text(name)
        try:
            return str(UUID(text))
        except ValueError:
            self.fail(name, message)
            return ""

    def phone(self, name: str) -> str:
        """A mobile number without spaces."""
        text = re.sub(r"[\s\-]", "", self.text(name)).removeprefix("+86")
        if not text:
            self.fail(name, _("请填写手机号"))
        elif not re.fullmatch(r"1[3-9][0-9]{9}", text, re.ASCII):
            self.fail(name, _("手机号应为 11 位数字"))
        return text

    def day(self, name: str) -> str | None:
        """A day as YYYY-MM-DD, also typed as 1954-3-8, 1954/3/8 or 1954年3月8日; None when left empty."""
        text = self.text(name)
        if not text:
            return None
        parts = re.fullmatch(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})日?", text, re.ASCII)
        try:
            return date(*map(int, parts.groups() if parts else ())).isoformat()
        except (TypeError, ValueError):
            self.fail(name, _("日期不对，请写成 1954-03-08 这样"))
            return None

    def blame(self, problem: Mapping[str, Any], fields: Mapping[str, str] | None = None) -> None:
        """Take over a service's problem document. `fields` says which of its fields is which of ours;
        a fault of another field is shown at the top.
        """
        names = fields or {}
        found = problem.get("errors")
        for field, messages in (found if isinstance(found, dict) else {}).items():
            name = names.get(field, field if field in self.typed else "")
            first = messages[0] if isinstance(messages, list) and messages else messages
            self.fail(name, str(first) if not isinstance(first, dict) else _("填写有误"))
        if not self.errors:
            self.fail(names.get(str(problem.get("code")), ""), str(problem.get("detail") or _("出错了，请稍后再试")))
