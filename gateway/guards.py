"""Who may see a page. Every route of `gateway/pages` wears one; a test of the architecture looks."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import redirect, request
from werkzeug.wrappers import Response

from gateway import visitor
from shared.errors import Forbidden
from shared.principal import Role

P = ParamSpec("P")
R = TypeVar("R")


def open_page(view: Callable[P, R]) -> Callable[P, R]:
    """Everybody, logged in or not."""
    cast(Any, view).guard = "open"
    return view


def logged_in(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Any login; who has none is sent to log in and comes back."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if visitor.session() is None:
            return to_login()
        return view(*args, **kwargs)

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
    """To the login page, and back to this one; a form that was posted is not posted again by itself."""
    back = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(f"/login?{urlencode({'next': back})}", 303)


def local_path(text: str | None, default: str = "/") -> str:
    """A path of our own to go on to, whatever somebody wrote into the address."""
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return default
    parts = urlsplit(text)
    return default if parts.scheme or parts.netloc else text
