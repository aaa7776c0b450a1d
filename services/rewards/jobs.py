"""What the worker does for rewards."""

from services.rewards.commands import redemptions, successors
from shared import delivery, queue


@queue.in_app("rewards")
def drain() -> int:
    """Tell points what is due, and settle what it answers."""
    return delivery.drain(redemptions.take_outcome)


@queue.in_app("rewards")
def sweep() -> None:
    """Find what no nudge announced, end what is overdue, move what merged stations had, forget what points has long
    known.
    """
    delivery.sweep(redemptions.expire_overdue, successors.follow, on_outcome=redemptions.take_outcome)
