"""Who may what, and the teams and employers that people belong to."""

from typing import Any

from services.members.store import groups
from shared.db import session
from shared.principal import Principal, Role


def list_grants(caller: Principal, **query: Any) -> list[dict[str, Any]]:
    """Live grants at and below the caller's nodes."""
    return groups.list_grants(session(), below=caller.paths(Role.ADMINISTRATOR), **query)


def list_teams(**query: Any) -> list[dict[str, Any]]:
    return groups.list_teams(session(), **query)


def list_employers(**query: Any) -> list[dict[str, Any]]:
    return groups.list_employers(session(), **query)
