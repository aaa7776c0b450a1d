"""The whole system as real processes: `./dev run` and the tests across services use it.

Servers first, then roles, databases and migrations, then gateway, services, worker and scheduler at
once; stopped in the reverse order. A child that dies is started again by `watch`.
"""

import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devtools import processes
from devtools.bootstrap import Heartbeat
from devtools.children import Child, Command, Warden, finish, free_port, hold_free_port, is_alive
from devtools.environment import POSTGRES_PASSWORD, REDIS_PASSWORD, Installation, stored_secrets
from devtools.servers import (
    Names,
    Postgres,
    Valkey,
    admin_connection,
    create_roles_and_databases,
    drop_databases,
)
from shared.settings import SERVICES

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 4.5
"""For everything together, since Ctrl-C promises five."""
_SERVERS_SECONDS = 2.0
"""Of these are kept for the servers, which are asked when nobody needs them any more."""
BACKOFF_SECONDS = (0.2, 0.5, 1, 2, 5, 10)
"""Before the first, second … start in a row of a child that died within 20 seconds."""
_WORDS = {
    "first-admin-code": "asking for the code of the first administrator",
    "migrate": "bringing the databases up to date",
    "seed": "loading the demo data",
}
"""What a command is doing while one waits for it."""

Say = Callable[[str], None]


class StartError(RuntimeError):
    """The system cannot start; the message says why."""


@dataclass(frozen=True)
class Options:
    """How a system differs from the ordinary one."""

    port: int | None = None
    """Wanted by the public listener; another is taken when it is in use, and any when it is 0."""
    host: str = "127.0.0.1"
    certificate: tuple[Path, Path] | None = None
    """Certificate and key: the public listener speaks TLS."""
    public_host: str = "127.0.0.1"
    durable: bool = True
    database_url: str | None = None
    """A server that runs already, with a superuser's rights."""
    redis_url: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    """Environment for every process."""


@dataclass
class Part:
    """One process of the system."""

    command: Command
    port: int | None = None
    child: Child | None = None
    pump: threading.Thread | None = None
    """Copies what the child prints to its log."""
    deaths: int = 0
    started_at: float = 0.0


class System:
    """One installation below a root folder."""

    def __init__(self, root: Path, options: Options | None = None, *, say: Say | None = None, show: Say | None = None):
        """`say` hears what is being done, `show` every line of the children's output."""
        self.root = root.resolve()
        self.options = options or Options()
        self._heartbeat = Heartbeat(say or (lambda _words: None))
        self.say: Say = self._heartbeat.say
        self._show = show
        self.parts: dict[str, Part] = {}
        self.ports: dict[str, int] = {}
        self._warden: Warden | None = None
        self._lock: IO[str] | None = None
        self._held: socket.socket | None = None
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.installation: Installation
        self.is_interrupted = False
        """Set by a signal handler, which raises nothing: an exception that comes anywhere may be swallowed
        (in an import's callback), or leave a child behind that was just started.
        """

    # --- starting and stopping --------------------------------------------------------------------

    def start(self) -> None:
        """Everything, in order; on any failure nothing is left running."""
        try:
            self.start_servers()
            self.migrate()
            self.start_processes()
        except BaseException:
            self.stop()
            raise

    def start_servers(self) -> None:
        """PostgreSQL and Redis, with roles and databases."""
        self._take_lock()
        (self.root / "log").mkdir(mode=0o700, exist_ok=True)
        self._warden = Warden(self._lock.fileno() if self._lock else None)
        names = Names()
        secrets = stored_secrets(self.root / "secrets")
        self._choose_ports()
        database_url, redis_url = self.options.database_url, self.options.redis_url
        if database_url is None:
            self.say("Starting PostgreSQL …")
            self.postgres = Postgres(
                self.root, self.ports["postgres"], secrets[POSTGRES_PASSWORD], durable=self.options.durable
            )
            self.postgres.prepare(self._finish)
            self.parts["postgres"] = Part(self.postgres.command())
            database_url = self.postgres.url
            self.start_part("postgres")
        if redis_url is None:
            self.say("Starting Valkey …")
            self.valkey = Valkey(self.root, self.ports["valkey"], secrets[REDIS_PASSWORD], durable=self.options.durable)
            self.valkey.prepare()
            self.parts["valkey"] = Part(self.valkey.command())
            redis_url = self.valkey.url
            self.start_part("valkey")
        self.installation = Installation(
            secrets,
            database_url,
            redis_url,
            names,
            public_url=self.public_url,
            gateway_internal_url=f"http://127.0.0.1:{self.ports['internal']}",
            service_urls={service: f"http://127.0.0.1:{self.ports[service]}" for service in SERVICES},
            extra={"HUZHU_VAR": str(self.root), **dict(self.options.extra)},
        )
        self.wait_ready([name for name in ("postgres", "valkey") if name in self.parts])
        create_roles_and_databases(database_url, names, self.installation.passwords())

    def empty_servers(self) -> None:
        """Remove everything: databases are made anew, Redis is flushed."""
        from redis import Redis

        drop_databases(self.installation.admin_url, [self.installation.database(service) for service in SERVICES])
        create_roles_and_databases(self.installation.admin_url, self.installation.names, self.installation.passwords())
        Redis.from_url(self.installation.redis_url).flushdb()

    def migrate(self) -> None:
        """Run the migrations, unless these databases have already been given exactly these."""
        record = self.root / "migrated.json"
        wanted = {"files": _fingerprint(), "revisions": self._revisions()}
        if record.exists() and json.loads(record.read_text()) == wanted:
            return
        self.say("Migrating the databases …")
        self.run([sys.executable, "-m", "shared.migrate"], self.installation.migrations(), "migrate")
        record.write_text(json.dumps(wanted | {"revisions": self._revisions()}))

    def _revisions(self) -> dict[str, list[str]]:
        """What each database says it has."""
        found = {}
        for service in SERVICES:
            with admin_connection(self.installation.admin_url, self.installation.database(service)) as connection:
                known = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
                rows = connection.execute("SELECT version_num FROM alembic_version") if known and known[0] else ()
                found[service] = sorted(version for (version,) in rows)
        return found

    def start_processes(self) -> None:
        """Gateway and services at once; when they are ready, worker and scheduler, which nobody waits for."""
        self.say("Starting gateway, services and worker …")
        commands = self._commands()
        for name, command in commands.items():
            self.parts[name] = Part(command, self.ports.get(name))
        listeners = [name for name in commands if name in self.ports]
        for name in listeners:
            self.start_part(name)
        self.wait_ready(listeners)
        for name in commands:
            if name not in listeners:
                self.start_part(name)
        self._write_ports()

    def stop(self) -> None:
        """Everything in the reverse order, all of it within STOP_SECONDS_MAX: what is late is killed."""
        self._show = None  # what is interrupted complains; that stays in the logs
        servers = [name for name in ("valkey", "postgres") if name in self.parts]
        last = time.monotonic() + STOP_SECONDS_MAX
        for names, deadline in (
            ([name for name in self.parts if name not in servers], last - _SERVERS_SECONDS),
            (servers, last),
        ):
            children = [child for name in reversed(names) if (child := self.parts[name].child)]
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.stop(max(0.0, deadline - time.monotonic()))
                self._forget(child)
        self.parts.clear()
        if self._warden is not None:
            self._warden.close()
            self._warden = None
        if self._held is not None:
            self._held.close()
            self._held = None
        if self._lock is not None:  # else the folder is another runner's
            (self.root / "ports.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    # --- one process ------------------------------------------------------------------------------

    def start_part(self, name: str) -> None:
        """Start one process, after making sure that nothing of its last life is left."""
        part = self.parts[name]
        if part.child is not None:
            part.child.kill_group()
            self._forget(part.child)
            if name == "postgres" and self.postgres is not None:
                self.postgres.end_leftover()
        child = Child(name, part.command, subprocess.PIPE, self._warden)
        part.child, part.started_at = child, time.monotonic()
        part.pump = threading.Thread(target=self._pump, args=(name, child), daemon=True)
        part.pump.start()

    def kill_part(self, name: str) -> None:
        """kill -9 for the whole group, as a crash would be."""
        child = self._child(name)
        child.kill_group()

    def stop_part(self, name: str) -> None:
        self._child(name).stop()

    def restart_part(self, name: str) -> None:
        """Start one process anew and wait until it answers."""
        self.start_part(name)
        self.wait_ready([name])

    def _child(self, name: str) -> Child:
        child = self.parts[name].child
        assert child is not None, f"{name} was never started"
        return child

    def _forget(self, child: Child) -> None:
        if self._warden is not None:
            self._warden.forget(child)

    def watch(self) -> None:
        """Start again what dies, at growing intervals, until a signal ends it."""
        while True:
            self._heed_interrupt()
            for name, part in self.parts.items():
                if part.child is not None and not part.child.is_running:
                    self._revive(name, part)
            time.sleep(0.1)

    def _heed_interrupt(self) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt

    def _revive(self, name: str, part: Part) -> None:
        lived = time.monotonic() - part.started_at
        part.deaths = 0 if lived > BACKOFF_SECONDS[-1] * 2 else part.deaths
        pause = BACKOFF_SECONDS[min(part.deaths, len(BACKOFF_SECONDS) - 1)]
        if lived < pause:
            return
        assert part.child is not None
        self.say(f"{name} ended ({_ending(part.child.popen.returncode)}); starting it again")
        part.deaths += 1
        self.start_part(name)

    def _pump(self, name: str, child: Child) -> None:
        """Copy a child's output to its log file, and to whoever watches."""
        assert child.popen.stdout is not None
        with (self.root / "log" / f"{name}.log").open("ab", buffering=0) as log:
            for line in child.popen.stdout:
                log.write(line)
                if self._show is not None and name not in ("postgres", "valkey"):
                    self._show(f"{name:>9} │ {line.decode(errors='replace').rstrip()}")

    # --- readiness --------------------------------------------------------------------------------

    def wait_ready(self, names: list[str], seconds: float = START_SECONDS_MAX) -> None:
        """Return when all of them answer; StartError with the last words of one that ended instead."""
        waiting, deadline = list(names), time.monotonic() + seconds
        while waiting:
            self._heed_interrupt()
            waiting = [name for name in waiting if not self.is_ready(name)]
            for name in waiting:
                child = self._child(name)
                if not child.is_running and self._waits_for_its_past(name) and time.monotonic() < deadline:
                    self.start_part(name)
                elif not child.is_running:
                    raise StartError(f"{name} ended ({_ending(child.popen.returncode)}).{self._why(name)}")
            if waiting and time.monotonic() > deadline:
                raise StartError(f"Not ready in {seconds:g} s: {', '.join(waiting)}.{self._why(waiting[0])}")
            if waiting:
                self._heartbeat.beat(f"still waiting for {', '.join(waiting)}")
                time.sleep(0.05)

    def _waits_for_its_past(self, name: str) -> bool:
        """A killed PostgreSQL's workers may still be writing; the next one refuses to start until they end."""
        pump = self.parts[name].pump
        if name == "postgres" and pump is not None:
            pump.join(1)  # so that the log is whole
            return "pre-existing shared memory block" in self.last_words(name, lines=2)
        return False

    def is_ready(self, name: str) -> bool:
        part = self.parts[name]
        if part.child is None or not part.child.is_running:
            return False
        if name == "postgres" and self.postgres is not None:
            return self.postgres.is_ready()
        if name == "valkey" and self.valkey is not None:
            return self.valkey.is_ready()
        return part.port is None or processes.answers_ready(part.port, tls=name == "gateway" and self._tls)

    def _why(self, name: str) -> str:
        """What a failed process said, unless it has been shown already."""
        return f" See {self.root / 'log' / name}.log" if self._show else f"\n{self.last_words(name)}"

    def last_words(self, name: str, lines: int = 15) -> str:
        log = self.root / "log" / f"{name}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    # --- what runs --------------------------------------------------------------------------------

    @property
    def _tls(self) -> bool:
        return self.options.certificate is not None

    @property
    def public_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.options.public_host}:{self.ports['gateway']}"

    def _commands(self) -> dict[str, Command]:
        chosen = self.options
        made = processes.commands(self.installation, self.ports, host=chosen.host, certificate=chosen.certificate)
        return {name: Command(tuple(argv), environment, PROJECT) for name, (argv, environment) in made.items()}

    def run(self, argv: list[str], environment: Mapping[str, str], name: str, hear: Say | None = None) -> None:
        """Run one command to its end; StartError with its last words when it fails.

        `hear` is told each line that it prints; else its log is.
        """
        command = Command(tuple(argv), environment, PROJECT)
        if hear is None:
            with (self.root / "log" / f"{name}.log").open("ab") as log:
                returncode = self._finish(name, command, log)
        else:
            returncode = self._finish(name, command, subprocess.PIPE, hear)
        if returncode != 0:
            raise StartError(f"{name} failed ({_ending(returncode)}).{'' if hear else self._why(name)}")

    def _finish(self, name: str, command: Command, output: IO[bytes] | int, hear: Say | None = None) -> int:
        """Run a command to its end, unless interrupted, and return its exit code; whoever waits hears of it."""

        def heed() -> None:
            self._heed_interrupt()
            self._heartbeat.beat(f"still at it: {_WORDS.get(name, name)}")

        child = Child(name, command, output, self._warden)
        hearing = threading.Thread(target=_hear, args=(child, hear), daemon=True)
        if hear is not None:
            hearing.start()
        try:
            return finish(child, heed)
        finally:
            self._forget(child)
            if hear is not None:
                hearing.join(1)

    # --- ports and the lock -----------------------------------------------------------------------

    def _choose_ports(self) -> None:
        """The last run's ports when they are free, so that open pages keep working."""
        record = self.root / "last-ports.json"
        last: dict[str, int] = json.loads(record.read_text()) if record.exists() else {}
        if self.options.port is not None:
            last["gateway"] = self.options.port
        # The gateway's address is told to people, so it must not be another's by then.
        self.ports["gateway"], self._held = hold_free_port(last.get("gateway") or None, self.options.host)
        for name in (*processes.LISTENERS[1:], "postgres", "valkey"):
            port = free_port(last.get(name) or None)
            while port in self.ports.values():
                port = free_port()
            self.ports[name] = port
        if self.options.port not in (None, 0, self.ports["gateway"]):
            self.say(f"Port {self.options.port} is taken; using {self.ports['gateway']} instead.")
        record.write_text(json.dumps(self.ports))

    def _write_ports(self) -> None:
        """`ports.json` is there while the system is ready."""
        shown = self.ports | {
            "pid": os.getpid(),
            "public_url": self.public_url,
            "extra": dict(self.options.extra),
        }
        unfinished = self.root / "ports.unfinished"
        unfinished.write_text(json.dumps(shown, indent=1))
        unfinished.rename(self.root / "ports.json")

    def _take_lock(self) -> None:
        """One runner at a time. A killed one's warden holds the lock until all is ended, a few seconds."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = (self.root / "run.lock").open("a+")
        deadline = time.monotonic() + 6
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                self._heed_interrupt()
                lock.seek(0)
                runner = int(lock.read() or 0)
                if (runner and is_alive(runner)) or time.monotonic() > deadline:
                    lock.close()
                    raise StartError(already_running(self.root, runner)) from None
                time.sleep(0.1)
        (self.root / "ports.json").unlink(missing_ok=True)  # a killed runner's
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock


def _hear(child: Child, hear: Say) -> None:
    assert child.popen.stdout is not None
    for line in child.popen.stdout:
        hear(line.decode(errors="replace").rstrip("\n"))


def already_running(root: Path, pid: int) -> str:
    where = ""
    if (root / "ports.json").exists():
        where = f" at {json.loads((root / 'ports.json').read_text())['public_url']}"
    return f"Huzhu is running already{where} (process {pid}, data in {root}). Stop that one first."


def _ending(returncode: int) -> str:
    return f"exit {returncode}" if returncode >= 0 else f"signal {-returncode}"


def _fingerprint() -> str:
    """Changes with the migrations and with what runs them."""
    digest = hashlib.sha256()
    for path in [*sorted(PROJECT.glob("services/*/migrations/**/*.py")), PROJECT / "shared/migrate.py"]:
        digest.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    return digest.hexdigest()
