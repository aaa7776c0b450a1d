"""What the worker does for check-in."""

from services.checkin.commands.attendances import SWEEP_PAIRS_MAX, depart_automatically
from shared import delivery, queue


@queue.in_app("checkin")
def drain() -> int:
    """Tell points what was settled."""
    return delivery.drain()


@queue.in_app("checkin")
def sweep() -> None:
    """Find what no ring announced, and who forgot to sign out."""
    delivery.sweep(_depart_all)


def _depart_all() -> None:
    while depart_automatically() == SWEEP_PAIRS_MAX:
        pass
