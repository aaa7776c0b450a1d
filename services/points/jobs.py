"""RQ entry points: ids in, nothing else. Each may run twice and at any time."""

from services.points.commands.refresh_boards import refresh
from services.points.commands.seal_transfers import seal_all
from shared import delivery, queue


@queue.in_app("points")
def drain() -> int:
    return delivery.drain()


@queue.in_app("points")
def seal() -> int:
    """Seal what the last bookings left."""
    queue.answer("points", "seal")
    return seal_all()


@queue.in_app("points")
def refresh_boards() -> None:
    """Bring to Redis what the last bookings changed."""
    queue.answer("points", "refresh_boards")
    refresh()


@queue.in_app("points")
def sweep() -> None:
    """What no ring announced."""
    delivery.sweep(seal_all, refresh)
