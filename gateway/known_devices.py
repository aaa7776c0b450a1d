"""For which telephone numbers a browser has logged in before, so that a stranger's guesses do not keep it out.

In a cookie: a keyed hash a number, the newest first. It gives no number away, and nobody makes one without
the secret; it opens nothing, but keeps the limit of a whole address away from this number on this device.
"""

from flask import request
from werkzeug.wrappers import Response

from gateway import visitor
from gateway.credentials import DEVICE_COOKIE
from gateway.parts import parts
from shared import tokens

NUMBERS_MAX = 5
"""A family's phone."""
LIFETIME_S = 400 * 24 * 3600
"""As long as browsers keep a cookie; each login renews it."""


def knows(phone: str) -> bool:
    """Whether somebody logged in with this number from this browser."""
    mark = _mark(phone)
    return any(tokens.same(mark, kept) for kept in _kept())


def remember(response: Response, phone: str) -> None:
    """Somebody has just logged in with this number."""
    mark = _mark(phone)
    marks = [mark, *(kept for kept in _kept() if kept not in ("", mark))]
    visitor.set_cookie(response, DEVICE_COOKIE, ".".join(marks[:NUMBERS_MAX]), LIFETIME_S)


def _kept() -> list[str]:
    return request.cookies.get(DEVICE_COOKIE, "").split(".")[:NUMBERS_MAX]


def _mark(phone: str) -> str:
    return tokens.b64(tokens.mac(parts().settings.cookie_secret, "known device", phone))
