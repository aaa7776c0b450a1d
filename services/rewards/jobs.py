"""What the worker does for rewards."""

from services.rewards.commands import redemptions
from shared import delivery, queue


@queue.in_app("rewards")
def drain() -> int:
    """Tell points what is due, and settle what it answers."""
    return delivery.drain(redemptions.take_outcome)


@queue.in_app("rewards")
def sweep() -> None:
    """Find what no nudge announced, end what is overdue, forget what points has long known."""
    delivery.sweep(redemptions.expire_overdue, on_outcome=redemptions.take_outcome)
