"""What RQ rings for: telling others, and the periodic sweep."""

from sqlalchemy.orm import Session

from services.members.commands import erasures, merging
from services.members.store import logins
from shared import delivery, queue
from shared.db import transactional


@queue.in_app("members")
def drain() -> int:
    """Deliver what is due."""
    return delivery.drain()


@queue.in_app("members")
def sweep() -> None:
    """Deliver what no nudge announced, and forget what is over."""
    delivery.sweep(erasures.erase_due, merging.follow_all, _forget)


@transactional
def _forget(tx: Session) -> None:
    logins.forget_old(tx)
