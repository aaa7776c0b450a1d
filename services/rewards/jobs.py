"""What the worker does for rewards."""

from sqlalchemy.orm import Session

from services.rewards.commands import redemptions
from shared import delivery, outbox, queue
from shared.db import transactional


@queue.in_app("rewards")
def drain() -> int:
    """Tell points what is due, and settle what it answers."""
    return delivery.drain(redemptions.take_outcome)


@queue.in_app("rewards")
def sweep() -> None:
    """Find what no nudge announced, end what is overdue, forget what points has long known."""
    redemptions.expire_overdue()
    delivery.drain(redemptions.take_outcome)
    _forget_delivered()


@transactional
def _forget_delivered(tx: Session) -> int:
    return outbox.forget_delivered(tx)
