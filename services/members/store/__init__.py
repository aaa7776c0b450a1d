"""Models and statements of the members service."""

from services.members.store.models import db

__all__ = ["db"]
