"""What RQ rings for: telling others, and the periodic sweep."""

from sqlalchemy.orm import Session

from services.members.commands import erasures, merging
from services.members.commands import work_imports as imports
from services.members.store import imports as files
from services.members.store import logins
from shared import delivery, queue
from shared.db import transactional


@queue.in_app("members")
def drain() -> int:
    """Deliver what is due."""
    return delivery.drain(imports.take_outcome)


@queue.in_app("members")
def work_imports() -> None:
    """One slice of the files that are taken over; other jobs have their turn before the next."""
    queue.answer("members", "work_imports")
    if imports.work():
        queue.nudge("members", "work_imports")


@queue.in_app("members")
def sweep() -> None:
    """Deliver what no nudge announced, and forget what is over."""
    delivery.sweep(erasures.erase_due, merging.follow_all, _forget)
    delivery.drain(imports.take_outcome)
    if imports.work():
        queue.nudge("members", "work_imports")
    _forget()


@transactional
def _forget(tx: Session) -> None:
    logins.forget_old(tx)
    files.forget_old(tx)
