"""A small town, and people with and without rights in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.members.town import Town

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def town(members_app: "Flask") -> "Iterator[Town]":
    """The town, inside the app's context."""
    with members_app.app_context():
        yield Town.found(members_app)
