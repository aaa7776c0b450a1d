"""The points service on a small tree, at noon of a fixed day."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.points.boards import support

if TYPE_CHECKING:
    from flask import Flask
    from redis import Redis

    from tests.support import Settings


@pytest.fixture
def boards_app(points_app: "Flask", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Flask]":
    """The app with its context pushed, a tree planted, and a Redis that is not known as silent."""
    from services.points.store import board_cache

    monkeypatch.setattr(board_cache, "_silent_until", 0.0)
    # A machine busy with other tests is not a Redis that is gone.
    monkeypatch.setattr(board_cache, "READ_TIMEOUT_S", 10.0)
    with support.today_is(), points_app.app_context():
        support.plant_tree()
        yield points_app


@pytest.fixture
def no_redis(settings: "Settings", monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where Redis was."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")


@pytest.fixture
def raw(redis_client: "Redis") -> Any:
    """The worker's Redis, loosely typed for tests that look under the cover."""
    return redis_client
