"""Servers of a bench's own, empty and migrated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.children import Child, Warden, free_port, wait_until
from devtools.environment import Installation, new_secrets
from devtools.servers import Names, Postgres, Valkey, create_roles_and_databases


@contextmanager
def servers(root: Path, service: str, *, durable: bool) -> Iterator[Installation]:
    """An empty, migrated database of one service and an empty Redis, below a folder that must not exist."""
    names, secrets = Names(), new_secrets()
    postgres = Postgres(root, free_port(), secrets["POSTGRES_PASSWORD"], durable=durable)
    valkey = Valkey(root, free_port(), secrets["REDIS_PASSWORD"], durable=durable)
    warden, children = Warden(), []
    try:
        for server in (postgres, valkey):
            server.prepare()
            children.append(Child(type(server).__name__, server.command(), warden=warden))
            wait_until(server.is_ready, f"{type(server).__name__}'s start", 30)
        installation = Installation(secrets, postgres.url, valkey.url, names)
        create_roles_and_databases(postgres.url, names, installation.passwords())
        from shared import migrate

        migrate.upgrade(service, installation.owner_url(service), names.role(service))
        yield installation
    finally:
        for child in reversed(children):
            child.stop()
        warden.close()
