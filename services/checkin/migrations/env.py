"""Alembic's entry point for this service."""

from services.checkin.store import db
from shared import migrate

migrate.run(db)
