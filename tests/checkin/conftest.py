"""A station with people, inside the app's context."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from shared import clock
from tests.checkin.support import SATURDAY, Station

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def station(checkin_app: "Flask") -> Iterator[Station]:
    with checkin_app.app_context(), clock.travel(SATURDAY):
        yield Station(checkin_app)
