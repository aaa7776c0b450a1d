"""Alembic's entry point for this service."""

from services.members.store import db
from shared import migrate

migrate.run(db)
