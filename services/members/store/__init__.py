"""Models and statements of the members service."""

from services.members.store import imports  # noqa: F401 - its tables belong to the database's metadata
from services.members.store.models import db

__all__ = ["db"]
