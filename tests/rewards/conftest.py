"""The rewards service with stations, members and a neighbour that answers like points."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from tests.rewards.support import Points, Town


@pytest.fixture
def points(rewards_app: Flask) -> Iterator[Points]:
    """A real HTTP server where the internal listener would be."""
    known = rewards_app.config["SETTINGS"]
    with Points.serve() as server:
        rewards_app.config["SETTINGS"] = replace(known, gateway_internal_url=server.url)
        yield server
        rewards_app.config["SETTINGS"] = known


@pytest.fixture
def town(rewards_app: Flask) -> Iterator[Town]:
    """Inside the app's context, a town with two stations and nobody yet."""
    with rewards_app.app_context():
        yield Town.build()
