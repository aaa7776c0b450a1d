"""The browser before a page: its session, the member it acts for, its cookies and its CSRF token."""

import secrets
from datetime import datetime
from typing import cast
from uuid import UUID

from flask import g, request
from werkzeug.wrappers import Response

from gateway import credentials
from gateway.credentials import (
    FRESH_COOKIE,
    MEMBER_COOKIE,
    SAFE_METHODS,
    SESSION_COOKIE,
    STATION_COOKIE,
    VISIT_COOKIE,
    CsrfMissing,
)
from gateway.parts import parts
from gateway.sessions import BELIEVED_S, Session
from shared import clock
from shared.errors import Unauthenticated

VISIT_S = 24 * 3600


def session() -> Session | None:
    """The session of this page's browser, or None. Pages know cookies only; Unavailable when members is silent."""
    if "session" not in g:
        given = credentials.read(request.environ)
        found = None
        if given.by_cookie and given.token:
            found = parts().sessions.find(given.token, request_id=g.request_id, newer_than=_newer_than())
            if found is not None:
                parts().limits.count_request(str(found.known.login_id))
        g.session = found
    return cast(Session | None, g.session)


def require_session() -> Session:
    found = session()
    if found is None:
        raise Unauthenticated
    return found


def member_id() -> UUID | None:
    """Whom this browser acts for: the chosen member, else the login's own."""
    found = session()
    if found is None:
        return None
    try:
        chosen = UUID(request.cookies.get(MEMBER_COOKIE, ""))
    except ValueError:
        return found.default_member_id
    return chosen if found.acts_for(chosen) else found.default_member_id


def own_called(name: str) -> UUID | None:
    """Whom of those that this login acts for somebody means who writes the name."""
    return next((one.member_id for one in require_session().members if one.name == name), None)


def begin(response: Response, token: str, expires_at: datetime) -> None:
    """Log this browser in: put the token of a new session into its cookie."""
    lifetime_s = max(0, int((expires_at - clock.now()).total_seconds()))
    set_cookie(response, SESSION_COOKIE, token, lifetime_s)
    response.delete_cookie(VISIT_COOKIE)
    response.delete_cookie(MEMBER_COOKIE)


def end(response: Response) -> None:
    """Log this browser out; ending the session itself is a call to members."""
    if (found := session()) is not None:
        parts().sessions.forget(found)
    response.delete_cookie(SESSION_COOKIE)
    response.delete_cookie(MEMBER_COOKIE)
    response.delete_cookie(STATION_COOKIE)


def choose_member(response: Response, chosen: UUID) -> None:
    """Act for this member from now on; Unauthenticated or Forbidden are the caller's to have checked."""
    set_cookie(response, MEMBER_COOKIE, str(chosen), 365 * 24 * 3600)


def station_wanted(named: UUID | None) -> list[UUID]:
    """At which stations somebody may want to be, the likelier first: the one that was named, then the one of before."""
    try:
        before = [UUID(request.cookies.get(STATION_COOKIE, ""))]
    except ValueError:
        before = []
    return [*([named] if named else []), *before]


def keep_station(chosen: str) -> None:
    """Be at this station on the next page that lets one choose, too."""
    if request.cookies.get(STATION_COOKIE) != chosen:
        g.station_kept = chosen


def refresh() -> None:
    """What members said of this login before is no longer true: on the next page ask anew, in every process."""
    if (found := session()) is not None:
        parts().sessions.forget(found)
    g.pop("session", None)
    g.refreshed = True


def csrf_token() -> str:
    """What the forms of this page carry in their field `csrf_token`, and scripts in the header `Huzhu-Csrf`."""
    secret = parts().settings.cookie_secret
    token = credentials.csrf_token(secret, dict(request.cookies))
    if token is None:
        if "new_visit" not in g:
            g.new_visit = secrets.token_urlsafe(24)
        token = credentials.csrf_token(secret, {VISIT_COOKIE: g.new_visit})
    assert token is not None
    return token


def check_csrf() -> None:
    """Before every page: an unsafe request proves that one of our pages sent it."""
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get("Huzhu-Csrf") or request.form.get("csrf_token", "")
    if not given.isascii():
        raise CsrfMissing
    cookies = credentials.parse_cookies(request.environ.get("HTTP_COOKIE", ""))
    credentials.require_csrf(parts().settings.cookie_secret, cookies, given)


def finish(response: Response) -> Response:
    """After every page: the cookies that the request has made necessary."""
    if "station_kept" in g:
        set_cookie(response, STATION_COOKIE, g.station_kept, 365 * 24 * 3600)
    if "new_visit" in g:
        set_cookie(response, VISIT_COOKIE, g.new_visit, VISIT_S)
    if g.get("refreshed"):
        set_cookie(response, FRESH_COOKIE, str(clock.now().timestamp()), int(BELIEVED_S) + 1)
    return response


def set_cookie(response: Response, name: str, value: str, lifetime_s: int) -> None:
    """A cookie that scripts cannot read and other sites cannot post with."""
    secure = parts().settings.is_secure
    response.set_cookie(name, value, max_age=lifetime_s, httponly=True, samesite="Lax", secure=secure)


def _newer_than() -> float:
    text = request.cookies.get(FRESH_COOKIE, "")
    try:
        moment = float(text)
    except ValueError:
        return 0.0
    return moment if moment <= clock.now().timestamp() else 0.0
