"""Who may see a page. Every route of `gateway/pages` wears one; a test of the architecture looks."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from gateway import visitor
from shared.errors import Forbidden
from shared.principal import Role

CONSENTS = "/consents"
P = ParamSpec("P")
R = TypeVar("R")


def open_page(view: Callable[P, R]) -> Callable[P, R]:
    """Everybody, logged in or not."""
    cast(Any, view).guard = "open"
    return view


def logged_in(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Any login; who has none is sent to log in and comes back. So is who must still agree to something."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if visitor.session() is None:
            return to_login()
        return to_consents() or view(*args, **kwargs)

    cast(Any, guarded).guard = "logged_in"
    return guarded


def holding(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """A login that holds one of the roles somewhere; where it must hold is for the service to say."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | Response]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            session = visitor.session()
            if session is None:
                return to_login()
            if not session.has(*roles):
                raise Forbidden
            return view(*args, **kwargs)

        cast(Any, guarded).guard = "holding " + " or ".join(roles)
        return guarded

    return decorate


def to_login() -> Response:
    """To the login page, and back to this one. A form that was posted is not posted again by itself: the
    login page says that it was not sent, and leads back to where it stands.
    """
    if request.method == "GET":
        return redirect(f"/login?{urlencode({'next': request.full_path.rstrip('?')})}", 303)
    return redirect(f"/login?{urlencode({'next': page_of_form(), 'told': 'unsent'})}", 303)


def to_consents() -> Response | None:
    """To the page that asks for consents, and back to this one; None when nothing is to be asked.

    Forms go through: nothing that was typed is lost. Nor are officials held up at their work: they are asked when
    they log in, and on the pages of volunteers.
    """
    session = visitor.session()
    if session is None or not session.asks_consent or request.method != "GET" or request.path == CONSENTS:
        return None
    return redirect(f"{CONSENTS}?{urlencode({'next': request.full_path.rstrip('?')})}", 303)


def page_of_form() -> str:
    """The page on which the form of this request stands: the nearest one above the address it was sent to."""
    pages = current_app.url_map.bind("")
    path = request.path
    while path and not pages.test(path, "GET"):
        path = path.rpartition("/")[0]
    return local_path(path)


def local_path(text: str | None, default: str = "/") -> str:
    """A path of our own to go on to, whatever somebody wrote into the address."""
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return default
    parts = urlsplit(text)
    return default if parts.scheme or parts.netloc else text
