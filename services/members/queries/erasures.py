"""Who has asked to be forgotten."""

from typing import Any
from uuid import UUID

from services.members.store import erasures as store
from shared.db import session
from shared.errors import NotFound
from shared.principal import Principal, Role


def list_erasures(caller: Principal, *, limit: int, after: UUID | None = None) -> list[dict[str, Any]]:
    """Open requests to be forgotten at and below the caller's nodes."""
    return store.list_open(session(), caller.paths(Role.STAFF), limit=limit, after=after)


def show_erasure(caller: Principal, member_id: UUID) -> dict[str, Any]:
    """The open request of a member; NotFound also when there is none, or none that the caller may know of."""
    found = store.show_open(session(), member_id)
    if found is None or not (caller.acts_for(member_id) or caller.may(Role.STAFF, found["path"])):
        raise NotFound
    return found
