"""Concerns and complaints: a member's own, and what staff has to answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.members.domain.concerns import NEWS_DAYS
from services.members.store import concerns as store
from shared import clock
from shared.db import session
from shared.errors import Forbidden
from shared.principal import Principal, Role

UNSEEN_MAX = 10


def list_concerns(
    caller: Principal,
    *,
    limit: int,
    member_id: UUID | None = None,
    state: str = "open",
    kind: str | None = None,
    after: UUID | None = None,
) -> list[dict[str, Any]]:
    """A member's own, newest first; or, for staff and auditors, those that are answered at their nodes: open ones by
    the day they are due, so that what is overdue comes first.
    """
    tx = session()
    if member_id is not None:
        caller.require_acts_for(member_id)
        rows = store.list_of_member(tx, member_id, limit=limit, after=after)
        return [store.as_shown(row, to_officials=False) for row in rows]
    paths = caller.paths(Role.STAFF) + caller.paths(Role.AUDITOR)
    if not paths:
        raise Forbidden
    rows = store.list_below(tx, paths, is_open=state == "open", kind=kind, limit=limit, after=after)
    return [store.as_shown(row, to_officials=True) for row in rows]


def list_unseen_answers(caller: Principal) -> list[dict[str, Any]]:
    """Answers of the last days to everybody the login acts for, that nobody has opened yet, the newest first."""
    since = clock.now() - timedelta(days=NEWS_DAYS)
    rows = store.list_unseen(session(), caller.member_ids, since, limit=UNSEEN_MAX)
    return [store.as_shown(row, to_officials=False) for row in rows]
