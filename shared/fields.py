"""Wire types that marshmallow leaves too loose, and the base of all schemas."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

WHOLE_MAX = 2**53
"""Beyond this, numbers in JavaScript are no longer whole."""


INSTANT_MIN, INSTANT_MAX = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DAY_MIN, DAY_MAX = date(1890, 1, 1), date(2100, 1, 1)


class Wire(Schema):
    """Base of every schema: unknown fields are refused, and a list that is too long before its entries are read."""

    class Meta:
        unknown = RAISE

    @pre_load
    def _count_first(self, data: Any, **_kwargs: Any) -> Any:
        """Each of ten thousand entries would be read, refused and answered for: half a megabyte for one request."""
        for key, lengths in self._bounded:
            given = data.get(key) if isinstance(data, Mapping) else None
            if not isinstance(given, list):
                continue
            for length in lengths:
                try:
                    length(given)
                except ValidationError as refusal:
                    raise ValidationError({key: refusal.messages}) from refusal
        return data

    @cached_property
    def _bounded(self) -> list[tuple[str, list[validate.Length]]]:
        """The fields that hold lists, as they are called on the wire, and how long these may be."""
        lists = [field for field in self.load_fields.values() if isinstance(field, fields.List)]
        return [
            (str(field.data_key or field.name), [one for one in field.validators if isinstance(one, validate.Length)])
            for field in lists
        ]


class Whole(fields.Integer):
    """An integer as JSON has them: 3860.0 is one, `true` and "3860" are not."""

    default_error_messages = {"invalid": "应为整数"}  # noqa: RUF012 - marshmallow's own protocol

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        if not -WHOLE_MAX <= value <= WHOLE_MAX or value != int(value):
            raise self.make_error("invalid")
        return int(value)


class WholeText(fields.Integer):
    """An integer in a query string or form, where everything is text."""

    default_error_messages = {"invalid": "应为整数"}  # noqa: RUF012

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not value.removeprefix("-").isascii() or not value.removeprefix("-").isdigit():
            raise self.make_error("invalid")
        if len(value) > 16:
            raise self.make_error("invalid")
        return int(value)


class YesNo(fields.Boolean):
    """`true` or `false` as JSON has them, not 1, "yes" or "off"."""

    default_error_messages = {"invalid": "应为 true 或 false"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


# Controls, surrogates, line separators, and formats such as marks that turn the direction of reading: with them one
# name can be made to look like another. Emoji are joined by one format character, which is let through.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks by their category that show nothing."""
_JOINER = "\u200d"
_BREAKS = "\n\r\t" + _JOINER


def _shows_nothing(character: str) -> bool:
    return character == _JOINER or character in _BLANK or unicodedata.category(character) in ("Mn", "Zs")


_TYPED_TIMES, _TYPED_MORE = 4, 100
"""Letters may be typed in several parts, and with blanks around them."""
_MARKS_MAX = 30
"""On one letter, as in Unicode's stream-safe text. To put many in order takes the square of their number: a megabyte of
them minutes.
"""


def _stacks_marks(text: str) -> bool:
    count = 0
    for character in text:
        count = count + 1 if unicodedata.combining(character) else 0
        if count > _MARKS_MAX:
            return True
    return False


class Line(fields.String):
    """One line of text: trimmed, normalized (NFC), without control characters."""

    default_error_messages = {"control": "含有不能使用的字符", "empty": "不能为空"}  # noqa: RUF012
    multiline = False

    def __init__(self, *, length_max: int, empty: bool = False, **kwargs: Any) -> None:
        self.length = validate.Length(max=length_max, error=f"最多 {length_max} 个字")
        super().__init__(validate=[self.length], **kwargs)
        self.length_typed_max = _TYPED_TIMES * length_max + _TYPED_MORE
        self.empty = empty

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        typed = super()._deserialize(value, attr, data, **kwargs)
        if len(typed) > self.length_typed_max:
            self.length(typed)
        if _stacks_marks(typed):
            raise self.make_error("control")
        text = unicodedata.normalize("NFC", typed).strip()
        for character in text:
            if unicodedata.category(character) in _INVISIBLE and character not in (
                _BREAKS if self.multiline else _JOINER
            ):
                raise self.make_error("control")
        if not self.empty and all(_shows_nothing(character) for character in text):
            raise self.make_error("empty")
        return text


class Paragraphs(Line):
    """Several lines of text."""

    multiline = True


class Instant(fields.AwareDateTime):
    """A moment with its zone; one without is refused, and so is one out of all reason."""

    default_error_messages = {  # noqa: RUF012
        "invalid": "应为带时区的时间",
        "invalid_awareness": "时间要带时区",
        "out_of_reason": "时间不对，请检查年份",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=None, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        # Near the ends of the calendar, adding an hour or changing the zone raises.
        if not INSTANT_MIN <= moment <= INSTANT_MAX:
            raise self.make_error("out_of_reason")
        return moment.astimezone(UTC)


class Day(fields.Date):
    """A date within living memory and planning."""

    default_error_messages = {"invalid": "应为日期", "out_of_reason": "日期不对，请检查年份"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not DAY_MIN <= day <= DAY_MAX:
            raise self.make_error("out_of_reason")
        return day
