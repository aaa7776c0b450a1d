"""Telephone numbers as people write them."""

import re

_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{2,3}[2-9]\d{6,7}")
_SPACING = re.compile(r"[\s\-‐–—()（）]")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９＋", "0123456789+")


def read_phone(text: str) -> str | None:
    """The digits of a mobile or landline number of the mainland; None when it is neither."""
    digits = _SPACING.sub("", text.translate(_FULL_WIDTH))
    for prefix in ("+86", "0086"):
        digits = digits.removeprefix(prefix)
    return digits if _MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits) else None


def read_mobile(text: str) -> str | None:
    """Like `read_phone`, for logins: a mobile number only."""
    digits = read_phone(text)
    return digits if digits is not None and _MOBILE.fullmatch(digits) else None
