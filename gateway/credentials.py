"""What a request brings to say who it is from: one of cookie and bearer, never both; and the CSRF token.

Works on the bare WSGI environment, since the API does not pass through Flask.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from shared import tokens
from shared.errors import Forbidden, Invalid, Unauthenticated

SESSION_COOKIE = "huzhu_session"
VISIT_COOKIE = "huzhu_visit"
"""Random, for who is not logged in: what the CSRF token of the login form is bound to."""
MEMBER_COOKIE = "huzhu_member"
STATION_COOKIE = "huzhu_station"
"""The member a browser's login acts for."""
FRESH_COOKIE = "huzhu_fresh"
"""When this browser last changed something in members; what was cached before must not answer it."""
DEVICE_COOKIE = "huzhu_device"
"""For which phone numbers this browser has logged in before (`known_devices.py`)."""
CSRF_HEADER = "HTTP_HUZHU_CSRF"
MEMBER_HEADER = "HTTP_HUZHU_MEMBER"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN_MAX = 512


class TwoCredentials(Invalid):
    code = "two_credentials"
    detail = "请只用一种方式登录：浏览器会话或令牌"


class CsrfMissing(Forbidden):
    code = "csrf"
    detail = "页面已经过期，请刷新后再试"


class WrongToken(Unauthenticated):
    code = "wrong_token"
    detail = "登录已失效，请重新登录"


@dataclass(frozen=True, slots=True)
class Credentials:
    token: str | None
    by_cookie: bool
    cookies: dict[str, str]

    ANONYMOUS: ClassVar["Credentials"]


Credentials.ANONYMOUS = Credentials(None, False, {})


def read(environ: dict[str, Any]) -> Credentials:
    """The credentials of a request; TwoCredentials when it brings a session cookie and a bearer."""
    header = environ.get("HTTP_AUTHORIZATION")
    cookie_header = environ.get("HTTP_COOKIE")
    if header is None and cookie_header is None:
        return Credentials.ANONYMOUS
    cookies = parse_cookies(cookie_header or "")
    cookie = cookies.get(SESSION_COOKIE)
    if header is None:
        return Credentials(cookie, True, cookies)
    if cookie:
        raise TwoCredentials
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _TOKEN_MAX or not token.isascii():
        raise WrongToken
    return Credentials(token, False, cookies)


def parse_cookies(header: str) -> dict[str, str]:
    """Names and values; the first of a name counts. Values with odd characters are left out."""
    cookies: dict[str, str] = {}
    # The server joins several Cookie headers with commas; our own values have none.
    for part in header.replace(",", ";").split(";"):
        name, found, value = part.strip().partition("=")
        if found and value.isascii() and len(value) <= 4096:
            cookies.setdefault(name, value.strip('"'))
    return cookies


def csrf_token(secret: bytes, cookies: dict[str, str]) -> str | None:
    """The token that unsafe requests of this browser must carry; None when it has neither session nor visit."""
    for name in (SESSION_COOKIE, VISIT_COOKIE):
        if value := cookies.get(name):
            return tokens.b64(tokens.mac(secret, "csrf", name, tokens.digest(value)))
    return None


def require_csrf(secret: bytes, cookies: dict[str, str], given: str) -> None:
    expected = csrf_token(secret, cookies)
    if expected is None or not tokens.same(expected, given):
        raise CsrfMissing
