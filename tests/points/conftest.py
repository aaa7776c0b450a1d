"""The points service with a town of two stations."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.points import support


@pytest.fixture
def town(points_app: Flask) -> Iterator[Flask]:
    """Inside the app's context."""
    with points_app.app_context():
        support.plant_tree()
        yield points_app
