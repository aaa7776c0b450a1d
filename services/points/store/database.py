"""The database object of this service, which every table of the room stands on."""

from typing import TYPE_CHECKING

from shared.db import create_database

__all__ = ["Model", "db"]

db = create_database()

if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model
