"""Wire types that marshmallow leaves too loose, and the base of all schemas."""

import unicodedata
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

WHOLE_MAX = 2**53
"""Beyond this, numbers in JavaScript are no longer whole."""


class Wire(Schema):
    """Base of every schema: unknown fields are refused."""

    class Meta:
        unknown = RAISE


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


class Line(fields.String):
    """One line of text: trimmed, normalized (NFC), without control characters."""

    default_error_messages = {"control": "含有不能使用的字符", "empty": "不能为空"}  # noqa: RUF012
    multiline = False

    def __init__(self, *, length_max: int, empty: bool = False, **kwargs: Any) -> None:
        validators = [validate.Length(max=length_max, error=f"最多 {length_max} 个字")]
        super().__init__(validate=validators, **kwargs)
        self.empty = empty

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs)).strip()
        for character in text:
            if unicodedata.category(character) in ("Cc", "Cs") and not (self.multiline and character in "\n\r\t"):
                raise self.make_error("control")
        if not text and not self.empty:
            raise self.make_error("empty")
        return text


class Paragraphs(Line):
    """Several lines of text."""

    multiline = True


class Instant(fields.AwareDateTime):
    """A moment with its zone; one without is refused."""

    default_error_messages = {"invalid": "应为带时区的时间", "invalid_awareness": "时间要带时区"}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=None, **kwargs)
