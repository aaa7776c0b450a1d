"""Statements whose rows come one by one, however many there are."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from shared.db import session

ROWS_AT_ONCE = 2000


def rows(statement: str, **values: Any) -> Iterator[Any]:
    options = {"yield_per": ROWS_AT_ONCE}
    yield from session().execute(text(statement), values, execution_options=options)
