"""Tables and statements of the ledger and the boards. Importing the room declares every table."""

from services.points.store import ledger, moves, settlement, standings  # noqa: F401
from services.points.store.database import db

__all__ = ["db"]
