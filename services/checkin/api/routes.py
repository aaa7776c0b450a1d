"""The blueprint that all routes of check-in hang on."""

from collections.abc import Callable
from typing import Any, TypeVar

from shared import web

routes = web.Routes("checkin", __name__, url_prefix="/api/v1/checkin")


View = TypeVar("View", bound=Callable[..., Any])


def refuses(*statuses: int) -> Callable[[View], View]:
    """Document the refusals of a route beside those that every route has."""
    return routes.refuses(400, 401, 403, *statuses)
