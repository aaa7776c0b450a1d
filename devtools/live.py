"""The installation under var/, for commands that need its databases: the running one, or its servers alone."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from devtools.children import is_alive
from devtools.environment import POSTGRES_PASSWORD, REDIS_PASSWORD, Installation, stored_secrets
from devtools.servers import SUPERUSER
from devtools.supervisor import PROJECT, Options, Say, System
from shared.settings import SERVICES


def var() -> Path:
    return Path(os.environ.get("HUZHU_VAR") or PROJECT / "var").resolve()


def options_from_environment(**changes: object) -> Options:
    urls = {"database_url": os.environ.get("DATABASE_URL"), "redis_url": os.environ.get("REDIS_URL")}
    return Options(**{**urls, **changes})  # type: ignore[arg-type]


def find_running(root: Path) -> Installation | None:
    """The installation that `./dev run` serves now."""
    try:
        ports = json.loads((root / "ports.json").read_text())
    except FileNotFoundError:
        return None
    # Its number alone says little: a killed runner's may be anybody's now. A killed runner's warden keeps
    # the lock, but only while it ends what is left.
    if not _is_locked(root / "run.lock") or not is_alive(ports["pid"]):
        return None
    secrets = stored_secrets(root / "secrets")
    # The servers' URLs hold passwords, so they are not in the file.
    own_postgres = f"postgresql://{SUPERUSER}:{secrets[POSTGRES_PASSWORD]}@127.0.0.1:{ports['postgres']}/postgres"
    own_redis = f"redis://:{secrets[REDIS_PASSWORD]}@127.0.0.1:{ports['valkey']}/0"
    return Installation(
        secrets,
        os.environ.get("DATABASE_URL", own_postgres),
        os.environ.get("REDIS_URL", own_redis),
        public_url=ports["public_url"],
        gateway_internal_url=f"http://127.0.0.1:{ports['internal']}",
        service_urls={service: f"http://127.0.0.1:{ports[service]}" for service in SERVICES},
        extra=dict(ports["extra"]),
    )


def _is_locked(path: Path) -> bool:
    """Whether a runner holds its lock. Asking shares it for a moment, which a runner that starts waits out."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def installation(say: Say) -> Iterator[Installation]:
    """The running installation; else its servers are started, migrated, and stopped afterwards."""
    running = find_running(var())
    if running is not None:
        yield running
        return
    system = System(var(), options_from_environment(), say=say)
    try:
        system.start_servers()
        system.migrate()
        yield system.installation
    finally:
        system.stop()
