"""What RQ rings for: telling others, and the periodic sweep."""

from time import monotonic

from sqlalchemy.orm import Session

from services.members.commands import erasures, merging
from services.members.commands import work_imports as imports
from services.members.store import imports as files
from services.members.store import logins
from shared import delivery, queue
from shared.db import transactional

TURN_S = 3
"""How long imports hold the worker before others have their turn."""


@queue.in_app("members")
def drain() -> int:
    """Deliver what is due."""
    return delivery.drain(imports.take_outcome)


@queue.in_app("members")
def work_imports() -> None:
    """Some slices of the files that are taken over; other jobs have their turn before the next."""
    queue.answer("members", "work_imports")
    _take_a_turn()


def _take_a_turn() -> None:
    until = monotonic() + TURN_S
    while imports.work():
        if monotonic() > until:
            queue.nudge("members", "work_imports")
            return


@queue.in_app("members")
def sweep() -> None:
    """Deliver what no nudge announced, and forget what is over."""
    delivery.sweep(erasures.erase_due, merging.follow_all, _take_a_turn, _forget, on_outcome=imports.take_outcome)


@transactional
def _forget(tx: Session) -> None:
    logins.forget_old(tx)
    files.forget_old(tx)
