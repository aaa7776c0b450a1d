"""What a person typed into a form, and what is wrong with it.

A form is shown again with everything typed kept, all faults listed at the top and each at its field,
in the same words.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict

from gateway.i18n import _
from shared.errors import HuzhuError
from shared.fields import DAY_MAX, DAY_MIN


def uuid_or_none(text: str | None) -> UUID | None:
    """An id out of an address; None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


class Form:
    """Values as typed, faults by field in the order they were found. The fault of no field has the key ''."""

    def __init__(self, typed: Mapping[str, Any] | None = None) -> None:
        self.typed: MultiDict[str, str] = MultiDict(typed or {})
        self.errors: dict[str, str] = {}
        self.offers: dict[str, list[tuple[str, str]]] = {}
        """By field, what to choose from where what was typed may mean several."""

    @classmethod
    def posted(cls) -> "Form":
        """The form of this request."""
        return cls(request.form)

    def __bool__(self) -> bool:
        return not self.errors

    def text(self, name: str, otherwise: str = "") -> str:
        """What was typed, trimmed."""
        return str(self.typed.get(name, otherwise)).strip()

    def narrow(self, name: str) -> str:
        """A number or a time, which Chinese keyboards also write in full width: １：２５ is 1:25."""
        return unicodedata.normalize("NFKC", self.text(name)).strip()

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
        found = uuid_or_none(self.text(name))
        if found is None:
            self.fail(name, message)
            return ""
        return str(found)

    def whole(self, name: str, message: str) -> int:
        """A whole number that is not negative."""
        text = self.narrow(name)
        if not (text.isascii() and text.isdigit() and len(text) <= 12):
            self.fail(name, message)
            return 0
        return int(text)

    def phone(self, name: str) -> str:
        """A mobile number without spaces."""
        text = re.sub(r"[\s\-]", "", self.narrow(name)).removeprefix("+86")
        if not text:
            self.fail(name, _("请填写手机号"))
        elif not re.fullmatch(r"1[3-9][0-9]{9}", text, re.ASCII):
            self.fail(name, _("手机号应为 11 位数字"))
        return text

    def day(self, name: str) -> str | None:
        """A day as YYYY-MM-DD, also typed as 1954-3-8, 1954/3/8 or 1954年3月8日; None when left empty.

        Within living memory and planning: near the ends of the calendar, changing the zone raises.
        """
        text = self.narrow(name)
        if not text:
            return None
        parts = re.fullmatch(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})日?", text, re.ASCII)
        try:
            found = date(*map(int, parts.groups() if parts else ()))
        except (TypeError, ValueError):
            found = date.min
        if not DAY_MIN <= found <= DAY_MAX:
            self.fail(name, _("日期不对，请写成 1954-03-08 这样"))
            return None
        return found.isoformat()

    def time_of_day(self, name: str, message: str) -> time | None:
        """A time of day as 09:30, also typed as 9：30 or 9.30; None when it is missing or wrong."""
        if not self.text(name):
            self.fail(name, message)
            return None
        parts = re.fullmatch(r"(\d{1,2})(?:[:.](\d{1,2})(?:[:.]\d\d)?)?", self.narrow(name), re.ASCII)
        hour, minute = (int(part or 0) for part in parts.groups()) if parts else (24, 0)
        if hour < 24 and minute < 60:
            return time(hour, minute)
        self.fail(name, _("时间请写成 09:30 这样"))
        return None

    def words(self, name: str) -> list[str]:
        """Several words, with whatever stands between them."""
        text = self.text(name)
        for mark in "，,；;\n\r":
            text = text.replace(mark, "、")
        return list(dict.fromkeys(word.strip() for word in text.split("、") if word.strip()))

    def renew(self) -> None:
        """Let the form shown again post something new: a service remembers what it has refused under this id."""
        self.typed["id"] = ""

    def blame(self, refusal: HuzhuError, fields: Mapping[str, str] | None = None) -> None:
        """Take over what a service refused. `fields` says which of its fields, or which code, belongs to
        which of ours; what belongs to none is shown at the top.
        """
        names = fields or {}
        for field, messages in (refusal.errors or {}).items():
            first = messages[0] if isinstance(messages, list) and messages else messages
            name = names.get(field, field if field in self.typed else "")
            self.fail(name, _(first) if isinstance(first, str) else _("填写有误"))
        if not self.errors:
            self.fail(names.get(refusal.code, ""), _(refusal.detail))
