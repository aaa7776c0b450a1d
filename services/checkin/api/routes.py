"""The blueprint that all routes of check-in hang on."""

from collections.abc import Callable
from typing import Any, TypeVar

from shared import http, web

routes = web.Routes("checkin", __name__, url_prefix="/api/v1/checkin")


View = TypeVar("View", bound=Callable[..., Any])


def refuses(*statuses: int) -> Callable[[View], View]:
    """Document the refusals of a route beside those that every route has."""

    def decorate(view: View) -> View:
        for status in (400, 401, 403, *statuses):
            view = routes.alt_response(status, schema=http.ProblemSchema)(view)
        return view

    return decorate
