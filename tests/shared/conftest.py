"""The kernel on a database of its own: a service that has nothing but the kernel's tables."""

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import create_engine, text

from devtools.servers import admin_connection
from devtools.servers import create_database as create_server_database
from shared import copies, inbox, web
from shared.db import create_database, newest_revision
from shared.events import MemberChanged, StationChanged
from shared.settings import ServiceSettings
from tests.support import Settings

DATABASE = create_database()
HANDLERS: dict[type, inbox.Handler] = {MemberChanged: copies.take_members, StationChanged: copies.take_stations}


def newest() -> str:
    return newest_revision("points")


@pytest.fixture(scope="session")
def kernel_database_url(settings: Settings) -> str:
    name = f"kernel{settings.installation.database_suffix}_{settings.session.pid}"
    names, admin_url = settings.session.names, settings.installation.admin_url
    with admin_connection(admin_url) as admin:
        create_server_database(admin, name, names.owner, names.role("points"))
    url = settings.installation.owner_url("points")
    url = f"{url.rpartition('/')[0]}/{name}"
    engine = create_engine(url)
    DATABASE.metadata.create_all(engine)
    with engine.begin() as connection:  # the kernel believes itself to be points
        connection.execute(text("CREATE TABLE alembic_version AS SELECT :newest AS version_num"), {"newest": newest()})
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def kernel_app_of_session(settings: Settings, kernel_database_url: str) -> Flask:
    made = ServiceSettings.from_environment("points")
    made = ServiceSettings(
        **{name: getattr(made, name) for name in made.__slots__} | {"database_url": kernel_database_url}
    )
    events = inbox.events_route("points", HANDLERS, also_from={"rewards": StationChanged})
    return web.create_service(made, DATABASE, [events], title="kernel")


@pytest.fixture
def kernel_app(kernel_app_of_session: Flask, redis_client: Redis) -> Iterator[Flask]:
    """A service named points with the kernel's tables and routes; empty before each test."""
    yield kernel_app_of_session
    with kernel_app_of_session.app_context(), DATABASE.engine.begin() as connection:
        for table in DATABASE.metadata.tables.values():
            connection.execute(table.delete())
