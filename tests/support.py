"""What tests stand on: one PostgreSQL and one Valkey per session, databases made from migrated
templates, and signed principals.
"""

import fcntl
import functools
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from devtools.children import wait_until
from devtools.environment import POSTGRES_PASSWORD, REDIS_PASSWORD, Installation, stored_secrets
from devtools.servers import (
    Names,
    admin_connection,
    create_database,
    create_roles_and_databases,
    drop_roles_and_databases,
    postgres_way,
    remove,
)
from devtools.supervisor import Options, System
from shared.settings import SERVICES
from tests import warm

if TYPE_CHECKING:
    import psycopg
    from flask import Flask
    from werkzeug.test import TestResponse

PROJECT = Path(__file__).parent.parent
_REDIS_DATABASES = 16


# --- The session: made by the first process of pytest, shared by its workers ------------------------


@dataclass(frozen=True)
class Session:
    """One run of pytest. Its root folder is where the workers meet."""

    root: Path
    pid: int

    @classmethod
    def begin(cls) -> "Session":
        return cls(Path(tempfile.mkdtemp(prefix="huzhu-tests-")), os.getpid())

    @property
    def names(self) -> Names:
        return Names(f"_{self.root.name.rpartition('-')[2].lower()}")

    @functools.cached_property
    def secrets(self) -> dict[str, str]:
        with self.lock("secrets"):
            return stored_secrets(self.root / "secrets")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Only one worker at a time; the kernel lets go of it when a worker dies."""
        with (self.root / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def servers(self) -> dict[str, str]:
        """DATABASE_URL and REDIS_URL of the session's servers, which the first worker starts."""
        ready, log = self.root / "servers.json", self.root / "servers.log"
        with self.lock("servers"):
            if not ready.exists():
                environment = os.environ | {name: self.secrets[name] for name in (POSTGRES_PASSWORD, REDIS_PASSWORD)}
                with log.open("ab") as output:
                    keeper = subprocess.Popen(
                        [sys.executable, "-m", "devtools.keeper", str(self.root), str(self.pid)],
                        cwd=PROJECT,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                (self.root / "keeper.pid").write_text(str(keeper.pid))
                wait_until(lambda: ready.exists() or keeper.poll() is not None, "the test servers", 60)
                if not ready.exists():
                    raise RuntimeError(f"the test servers did not start:\n{log.read_text()}")
                urls = json.loads(ready.read_text())
                installation = Installation(self.secrets, urls["DATABASE_URL"], urls["REDIS_URL"], self.names)
                create_roles_and_databases(urls["DATABASE_URL"], self.names, installation.passwords())
        return dict(json.loads(ready.read_text()))

    def golden(self) -> Path | None:
        """The folder of a stopped system whose databases are migrated and empty; None where it cannot
        be copied, because PostgreSQL's files must belong to nobody.
        """
        if postgres_way().user_id is not None:
            return None
        folder = self.root / "golden"
        with self.lock("golden"):
            if not (folder / "migrated.json").exists():
                system = System(folder, Options(durable=False))
                try:
                    system.start_servers()
                    system.migrate()
                finally:
                    system.stop()
                (folder / "last-ports.json").unlink()
        return folder

    def end(self) -> None:
        """Stop the servers and remove everything; called once, by the process that began it."""
        if "DATABASE_URL" in os.environ and (self.root / "servers.json").exists():
            drop_roles_and_databases(os.environ["DATABASE_URL"], self.names)
        with suppress(FileNotFoundError, ProcessLookupError, TimeoutError):
            keeper = int((self.root / "keeper.pid").read_text())
            os.kill(keeper, signal.SIGTERM)
            wait_until(lambda: _has_ended(keeper), "the servers' end", 8)
        shutil.rmtree(self.root, ignore_errors=True)


def _has_ended(pid: int) -> bool:
    with suppress(ChildProcessError):  # it is a worker's child under xdist, else our own
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# --- Databases of one worker ------------------------------------------------------------------------


class ServiceDatabase:
    """A worker's own database of one service, made from the service's migrated template."""

    def __init__(self, session: Session, installation: Installation, service: str) -> None:
        self.name = installation.database(service)
        names, admin_url = session.names, installation.admin_url
        template = names.database(service)
        with session.lock(f"template-{service}"), admin_connection(admin_url) as admin:
            done = session.root / f"template-{service}.done"
            if not done.exists():
                migrate = importlib.import_module("shared.migrate")
                migrate.upgrade(
                    service, Installation(**_as_template(installation)).owner_url(service), names.role(service)
                )
                done.touch()
            create_database(admin, self.name, names.owner, names.role(service), template)
        self.connection: psycopg.Connection[Any] = admin_connection(admin_url, self.name)
        # No triggers and no foreign keys: append-only tables are emptied too, in any order.
        self.connection.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")
        self._tables = self._all_tables()
        self._kept: dict[str, list[str]] = {}
        self.keep("pristine")

    def _all_tables(self) -> list[str]:
        rows = self.connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'"
        ).fetchall()
        return [name for (name,) in rows]

    def _filled(self, tables: list[str]) -> list[str]:
        if not tables:
            return []
        cases = ",".join(f"CASE WHEN EXISTS (SELECT FROM {name}) THEN {_literal(name)} END" for name in tables)
        row = self.connection.execute(f"SELECT array_remove(ARRAY[{cases}], NULL)").fetchone()
        assert row is not None
        return list(row[0])

    def keep(self, name: str) -> None:
        """Keep all rows as they are now, for `restore`."""
        tables = self._kept[name] = self._filled(self._tables)
        self.connection.execute(f"CREATE SCHEMA {name}")
        for number, table in enumerate(tables):
            self.connection.execute(f"CREATE TABLE {name}.t{number} AS TABLE {table}")

    def restore(self, name: str) -> None:
        """Back to what was kept. DELETE from the tables that hold rows takes about a millisecond, where
        TRUNCATE took ten and a new database from the template thirty.
        """
        kept = self._kept[name]
        statements = [f"DELETE FROM {table}" for table in self._filled([t for t in self._tables if t not in kept])]
        for number, table in enumerate(kept):
            statements += [
                f"DELETE FROM {table}",
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE {name}.t{number}",
            ]
        if statements:
            self.connection.execute("; ".join(statements))

    def clean(self) -> None:
        """Back to how the migrations left it."""
        self.restore("pristine")

    def close(self) -> None:
        self.connection.close()


def _as_template(installation: Installation) -> dict[str, Any]:
    return {**vars(installation), "database_suffix": ""}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- Settings of one worker -------------------------------------------------------------------------


@dataclass
class Settings:
    """The environment of one worker: its databases, its Redis database, test keys."""

    session: Session
    installation: Installation
    databases: dict[str, ServiceDatabase] = field(default_factory=dict)
    apps: dict[str, "Flask"] = field(default_factory=dict)

    @classmethod
    def of_worker(cls, session: Session, worker: str) -> "Settings":
        urls = session.servers()
        number = int("".join(filter(str.isdigit, worker)) or 0)
        redis = urlsplit(urls["REDIS_URL"])
        # From the top, so that a developer's own data in database 0 is left alone.
        redis_url = urlunsplit(redis._replace(path=f"/{_REDIS_DATABASES - 1 - number % (_REDIS_DATABASES - 1)}"))
        installation = Installation(
            session.secrets,
            urls["DATABASE_URL"],
            redis_url,
            session.names,
            public_url="http://huzhu.test",
            gateway_internal_url="http://127.0.0.1:9",  # nobody listens: unit tests call nobody by accident
            service_urls=dict.fromkeys(SERVICES, "http://127.0.0.1:9"),
            database_suffix=f"_{worker}",
            extra={"HUZHU_TESTING": "1"},
        )
        return cls(session, installation)

    @property
    def environment(self) -> dict[str, str]:
        return self.installation.everything()

    @property
    def redis_url(self) -> str:
        return self.installation.redis_url

    def database(self, service: str) -> ServiceDatabase:
        if service not in self.databases:
            self.databases[service] = ServiceDatabase(self.session, self.installation, service)
        return self.databases[service]

    def app(self, service: str) -> "Flask":
        """The service's app on this worker's database, made once."""
        if service not in self.apps:
            self.database(service)
            if service == "members":
                _hash_cheaply()
            made: Flask = importlib.import_module(f"services.{service}.app").create_app()
            made.testing = True
            self.apps[service] = made
        return self.apps[service]

    def close(self) -> None:
        for database in self.databases.values():
            database.close()


def _hash_cheaply() -> None:
    """Passwords within this process cost nothing: a town of five took a fifth of a second for its hashes alone."""
    import argon2

    from services.members.commands import hashing

    hashing._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


# --- The whole system ---------------------------------------------------------------------------------


@contextmanager
def whole_system(session: Session, root: Path) -> Iterator[System]:
    """Every process of the project on free ports, with empty databases and a clock that tests move.

    `system.kill_part("points")` and `system.restart_part("points")` are for fault tests; nobody
    restarts a part by itself.
    """
    if golden := session.golden():
        shutil.copytree(golden, root, dirs_exist_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    (root / "clock").write_text("0")
    # One test asks as often in a second as a person in an hour; the limits have tests of their own.
    testing = (
        ("HUZHU_TESTING", "1"),
        ("HUZHU_TEST_CLOCK", str(root / "clock")),
        ("HUZHU_REQUESTS_PER_MINUTE", "1000000"),
    )
    system = System(root, Options(port=0, durable=False, extra=testing))
    try:
        system.start()
        yield system
    finally:
        warm.cool_down(system)
        system.stop()
        remove(root)


def move_clock(system: System, seconds: float) -> None:
    """Let every process of the system believe that it is so much later than it is."""
    unfinished = system.root / "clock.unfinished"
    unfinished.write_text(str(seconds))
    unfinished.rename(system.root / "clock")


# --- Callers ----------------------------------------------------------------------------------------


def principal_headers(audience: str, **fields: Any) -> dict[str, str]:
    """The header of a principal signed as the gateway would; fields as in `shared.principal.Principal`.

    Without `kind` it is a login; with `issuer` a service.
    """
    from shared import principal, settings

    kind = principal.Kind.SERVICE if "issuer" in fields else principal.Kind.LOGIN
    caller = principal.Principal(**{"kind": kind, "audience": audience, **fields})
    return {principal.HEADER: principal.sign(caller, settings.secret("HUZHU_GATEWAY_SIGNING_KEY"))}


def json_of(answer: "TestResponse") -> Any:
    """The JSON of an answer to the test client."""
    return answer.json
