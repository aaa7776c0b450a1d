"""Children end with their runner, and within the time that it promises."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from devtools import children, supervisor
from devtools.children import (
    Child,
    Command,
    accepts_connections,
    finish,
    free_port,
    hold_free_port,
    is_free,
    wait_until,
)
from devtools.supervisor import PROJECT, STOP_SECONDS_MAX, Part, StartError, System


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_runner_killed_right_after_it_started_a_child_leaves_no_child(tmp_path: Path) -> None:
    """As on macOS, without the kernel's signal: the warden knows a child before the runner does."""
    pid_file = tmp_path / "pid"
    code = f"""
import os, signal, subprocess
from devtools import children
children._LIBC = None
warden = children.Warden()
class Killed(subprocess.Popen):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        open({str(pid_file)!r}, "w").write(str(self.pid))
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Killed
children.Child("sleeper", children.Command(("sleep", "600")), warden=warden)
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False)
    pid = int(pid_file.read_text())
    wait_until(lambda: not _runs(pid), "the child's end", 20)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_interrupts_the_waiting_stops_what_was_waited_for() -> None:
    child = Child("sleeper", Command(("sleep", "600")))

    def heed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(child, heed)
    assert not child.is_running


class Stubborn:
    """A child that uses up all the patience it is shown, by a clock that only it moves."""

    def __init__(self, clock: "Clock", name: str) -> None:
        self.clock = clock
        self.name = name
        self.pid = 0
        self.asked_at: float | None = None

    def ask_to_stop(self) -> None:
        self.asked_at = self.clock.now

    def stop(self, patience_s: float) -> None:
        assert self.asked_at is not None, "everybody is asked before anybody is waited for"
        self.clock.now += patience_s


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_stopping_keeps_one_deadline_however_many_are_stubborn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    system = System(tmp_path)
    names = ("postgres", "valkey", "gateway", "internal", "members", "checkin", "points", "rewards", "worker")
    children = {name: Stubborn(clock, name) for name in names}
    for name, child in children.items():
        system.parts[name] = Part(Command(("true",)), child=cast(Any, child))
    system.stop()
    assert clock.now - 1000 <= STOP_SECONDS_MAX < 5
    asked = {name: child.asked_at for name, child in children.items()}
    assert asked["postgres"] == asked["valkey"]
    assert cast(float, asked["postgres"]) > cast(float, asked["worker"]), "servers are asked last"
    assert clock.now - cast(float, asked["postgres"]) >= 1.5, "and have time of their own to write"


def test_a_silent_command_is_spoken_for_and_what_it_prints_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devtools.bootstrap.SILENCE_MAX_S", 0.2)
    said: list[str] = []
    system = System(tmp_path, say=said.append)
    go = tmp_path / "go"
    waits = (
        f"import pathlib\nwhile not pathlib.Path({str(go)!r}).exists(): pass\nprint('one line')\nraise SystemExit(3)"
    )

    def hear(line: str) -> None:
        said.append(f"heard {line}")

    def say(words: str) -> None:
        said.append(words)
        go.touch()

    monkeypatch.setattr(system._heartbeat, "_say", say)
    with pytest.raises(StartError, match="seed failed"):
        system.run([sys.executable, "-c", waits], dict(os.environ), "seed", hear)
    assert "still at it: loading the demo data" in said[0]
    assert said[-1] == "heard one line"


def test_a_held_port_is_free_for_nobody_but_the_server_that_shares_it() -> None:
    port, held = hold_free_port()
    with held, socket.socket() as server:
        assert not is_free(port)
        assert free_port(port) != port
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        assert accepts_connections(port), "what is only held takes no connection away"


def test_of_two_who_want_a_port_in_the_same_instant_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def find_out_together(port: int, host: str = "127.0.0.1") -> bool:
        found = is_free(port, host)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # for as long as the other may come to the same answer, if it is let
        return found

    monkeypatch.setattr(children, "is_free", find_out_together)
    wanted = free_port()
    with ThreadPoolExecutor(2) as runners:
        chosen = list(runners.map(hold_free_port, [wanted, wanted]))
    for _port, held in chosen:
        held.close()
    ports = [port for port, _held in chosen]
    assert wanted in ports
    assert len(set(ports)) == 2
