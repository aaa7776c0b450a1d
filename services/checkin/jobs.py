"""What the worker does for check-in."""

from services.checkin.commands.attendances import SWEEP_PAIRS_MAX, depart_automatically
from shared import delivery, outbox, queue
from shared.db import transactional


@queue.in_app("checkin")
def drain() -> int:
    """Tell points what was settled."""
    return delivery.drain()


@queue.in_app("checkin")
def sweep() -> None:
    """Find what no ring announced, and who forgot to sign out."""
    while depart_automatically() == SWEEP_PAIRS_MAX:
        pass
    delivery.drain()
    transactional(outbox.forget_delivered)()
