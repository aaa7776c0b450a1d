"""`./dev run` as a process, around stubs (see stub_run.py)."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from devtools.children import wait_until
from devtools.environment import Installation
from devtools.live import find_running
from devtools.servers import admin_connection
from devtools.supervisor import PROJECT
from tests.devtools.stub_run import STUBBORN

# The runner promises five seconds; a machine that is busy with other tests may take longer.
PATIENCE_S = 20


class Runner:
    """One `./dev run` with a var folder of its own."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.devtools.stub_run", "--empty", *arguments],
            cwd=PROJECT,
            env=_environment(root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> "Runner":
        wait_until(lambda: self.is_ready or self.popen.poll() is not None, "the runner", 3 * PATIENCE_S)
        assert self.is_ready, self.words()
        return self

    @property
    def is_ready(self) -> bool:
        return (self.root / "ports.json").exists() and self.ports["pid"] == self.popen.pid

    @property
    def ports(self) -> dict[str, int]:
        return dict(json.loads((self.root / "ports.json").read_text()))

    def words(self) -> str:
        """What it said, once it has ended."""
        return self.popen.communicate(timeout=PATIENCE_S)[0]


@contextmanager
def running(root: Path, *arguments: str) -> Iterator[Runner]:
    runner = Runner(root, *arguments)
    try:
        yield runner.wait()
    finally:
        if runner.popen.poll() is None:
            runner.popen.send_signal(signal.SIGINT)
            runner.words()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with running(tmp_path_factory.mktemp("var"), "--port", "0") as started:
        yield started


def test_a_second_runner_says_that_one_is_running_and_where(runner: Runner) -> None:
    words = Runner(runner.root).words()
    assert "running already" in words
    assert f"http://127.0.0.1:{runner.ports['gateway']}" in words
    assert runner.popen.poll() is None


def test_a_child_that_dies_is_started_again_without_what_is_left_of_it(runner: Runner) -> None:
    wait_until(lambda: len(_sleepers(runner.root)) == 1, "the worker's own child", PATIENCE_S)
    [grandchild] = _sleepers(runner.root)
    worker = os.getpgid(grandchild)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not _is_there(grandchild), "the end of the worker's own child", PATIENCE_S)
    wait_until(lambda: len(_sleepers(runner.root)) == 1, "a new worker", PATIENCE_S)


def _wait_for_the_end(root: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while left := _processes(root):
        assert time.monotonic() < deadline, "\n".join(map(_command_line, left))
        time.sleep(0.05)


def _sleepers(root: Path) -> list[int]:
    return [pid for pid in _processes(root) if _command_line(pid).startswith("sleep ")]


def test_a_taken_port_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path, "--port", str(port)) as started:
            assert started.ports["gateway"] != port
            started.popen.send_signal(signal.SIGINT)
            assert f"Port {port} is taken" in started.words()


def test_an_interrupt_stops_everything_even_what_ignores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STUBBORN, "1")
    with running(tmp_path, "--port", "0") as started:
        assert _processes(tmp_path)
        started.popen.send_signal(signal.SIGINT)
        assert started.popen.wait(PATIENCE_S) == 0
        assert _processes(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")
def test_killing_the_runner_leaves_nothing_running_and_loses_no_data(tmp_path: Path) -> None:
    with running(tmp_path, "--port", "0") as started:
        _remember(tmp_path)
        started.popen.kill()
        _wait_for_the_end(tmp_path)
    with running(tmp_path, "--port", "0"):
        assert _recall(tmp_path) == ("kept", b"kept")


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")
def test_without_the_kernels_signal_the_warden_alone_ends_everything(tmp_path: Path) -> None:
    """As on macOS, where there is no parent-death signal."""
    code = "from devtools import children; children._LIBC = None; import runpy, sys;"
    code += "sys.argv[1:] = ['--empty']; runpy.run_module('tests.devtools.stub_run', run_name='__main__')"
    command = [sys.executable, "-c", code]
    runner = subprocess.Popen(command, cwd=PROJECT, env=_environment(tmp_path), stdout=subprocess.DEVNULL)
    wait_until((tmp_path / "ports.json").exists, "the runner", 3 * PATIENCE_S)
    assert len(_processes(tmp_path)) >= 6  # runner, warden, two servers, two stubs and more
    runner.kill()
    runner.wait()
    _wait_for_the_end(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")
@pytest.mark.parametrize("has_death_signal", [True, False])
def test_killing_the_runner_ends_also_what_makes_the_databases_folder(tmp_path: Path, has_death_signal: bool) -> None:
    code = "" if has_death_signal else "from devtools import children; children._LIBC = None;"
    code += "import runpy, sys; sys.argv[1:] = ['--empty'];"
    code += "runpy.run_module('tests.devtools.stub_run', run_name='__main__')"
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=_environment(tmp_path))
    wait_until((tmp_path / "postgres.unfinished/PG_VERSION").exists, "initdb", 3 * PATIENCE_S)
    making = [pid for pid in _processes(tmp_path) if "--pgdata=" in _command_line(pid)]
    assert making
    for pid in making:
        os.kill(pid, signal.SIGSTOP)  # so that it does not end by being done
    runner.kill()
    runner.wait()
    _wait_for_the_end(tmp_path)


def test_a_folder_begun_with_the_demo_is_never_used_for_real_people(tmp_path: Path) -> None:
    (tmp_path / "begun-as").write_text("demo")
    assert "holds the demo" in Runner(tmp_path).words()


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return kept | {"HUZHU_VAR": str(root), "PYTHONPATH": str(PROJECT)}


def _remember(root: Path) -> None:
    place = _installation(root)
    with admin_connection(place.admin_url) as postgres:
        postgres.execute("CREATE TABLE memory AS SELECT 'kept' AS word")
    Redis.from_url(place.redis_url).set("memory", "kept")


def _recall(root: Path) -> tuple[object, object]:
    place = _installation(root)
    with admin_connection(place.admin_url) as postgres:
        row = postgres.execute("SELECT word FROM memory").fetchone()
    return (row and row[0], Redis.from_url(place.redis_url).get("memory"))


def _installation(root: Path) -> Installation:
    found = find_running(root)
    assert found is not None
    return found


def _processes(root: Path) -> list[int]:
    """Every process that belongs to the installation: its folder is in its arguments or its environment."""
    mark = str(root).encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark in text and state != "Z":
            found.append(int(folder.name))
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _is_there(pid: int) -> bool:
    return bool(_command_line(pid))
