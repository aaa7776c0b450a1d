"""Fixtures for all tests. Real servers, started when the first test asks for one.

`<service>_app` gives a service's Flask app on an empty migrated database of this worker. It pushes no
app context: commands and queries are called inside `with members_app.app_context():`, and requests
through `members_app.test_client()` with `headers=principal_headers("members", ...)`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from devtools.supervisor import System
from shared.settings import SERVICES
from tests import chromium
from tests.support import Session, Settings, whole_system

if TYPE_CHECKING:
    from flask import Flask
    from redis import Redis

_SESSION = pytest.StashKey[Session]()


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    config.stash[_SESSION] = (
        Session.begin() if given is None else Session(Path(given["huzhu_root"]), given["huzhu_pid"])
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    session = node.config.stash[_SESSION]
    node.workerinput |= {"huzhu_root": str(session.root), "huzhu_pid": session.pid}


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_SESSION, None)
    if session is not None and session.pid == os.getpid():
        session.end()


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """This worker's environment, set for the whole process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    made = Settings.of_worker(request.config.stash[_SESSION], worker)
    before = dict(os.environ)
    os.environ.update(made.environment)
    yield made
    os.environ.clear()
    os.environ.update(before)
    made.close()


@pytest.fixture
def redis_client(settings: Settings) -> "Iterator[Redis]":
    """This worker's own Redis database, empty before and after."""
    from redis import Redis

    client = Redis.from_url(settings.redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


def system_of(scope: Literal["module", "package"]) -> Any:
    """A fixture: the whole system as processes. See `tests.support.whole_system`."""

    @pytest.fixture(scope=scope, name="system")
    def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
        with whole_system(request.config.stash[_SESSION], tmp_path_factory.mktemp("system")) as running:
            yield running

    return started


# Where a folder's modules bear each other's traces it has one for all of them: starting one takes five seconds of a
# core.
system = system_of("module")


def _app_fixture(service: str) -> Callable[..., Any]:
    @pytest.fixture(name=f"{service}_app")
    def app_of_service(settings: Settings, redis_client: "Redis") -> "Iterator[Flask]":
        app = settings.app(service)
        yield app
        settings.database(service).clean()

    return app_of_service


members_app, checkin_app, points_app, rewards_app = (_app_fixture(service) for service in SERVICES)

# One for all folders: imported, so that pytest finds it here.
browser = chromium.browser
