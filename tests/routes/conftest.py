from collections.abc import Iterator

import pytest
from redis import Redis

from tests.routes.town import Town
from tests.support import Settings


@pytest.fixture(scope="package")
def town(settings: Settings) -> Iterator[Town]:
    """One town for all routes: what a request does to it is taken back after it."""
    Redis.from_url(settings.redis_url).flushdb()
    yield Town.found(settings)
    for database in settings.databases.values():
        database.clean()
    Redis.from_url(settings.redis_url).flushdb()
