"""Child processes that never outlive the process that started them.

Every child leads its own session, so that a Ctrl-C in the terminal reaches the runner alone and the
whole group of a child can be killed. On Linux the kernel signals the child when its parent dies;
everywhere a warden (devtools/warden.py) holds a pipe of the runner and ends what is left when it closes.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """How to start one process. `environment` is the whole of it, not an addition."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    directory: Path | None = None
    user_id: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """One started process and its group."""

    def __init__(
        self,
        name: str,
        command: Command,
        output: IO[bytes] | int = subprocess.DEVNULL,
        warden: "Warden | None" = None,
    ) -> None:
        """Start it. Call this from a thread that lives as long as the child should."""
        self.name = name
        self.command = command
        self.popen = subprocess.Popen(
            command.argv,
            env=dict(command.environment),
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=command.user_id,
            group=command.user_id,
            extra_groups=None if command.user_id is None else [],
            # Runs after the change of user, which would clear the death signal.
            preexec_fn=_die_with_parent(command.stop_signal, os.getpid(), warden) if _LIBC or warden else None,  # noqa: PLW1509 - it only writes a line and calls prctl
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def ask_to_stop(self) -> None:
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.popen.send_signal(self.command.stop_signal)

    def stop(self, patience_s: float = 3.0) -> None:
        """Ask, wait, then kill the whole group, so that nothing of it is left."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(patience_s)
        self.kill_group()

    def kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()


class Warden:
    """The runner's end of the pipe."""

    def __init__(self, lock: int | None = None) -> None:
        """It keeps the file `lock` open, so that a lock on it is held until everything is ended."""
        self.popen = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("warden.py"))],
            pass_fds=() if lock is None else (lock,),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def fileno(self) -> int:
        """The end of the pipe that a child, once forked, writes its own number to.

        The runner would do it too late: killed in between it would leave the child to nobody.
        """
        assert self.popen.stdin is not None
        return self.popen.stdin.fileno()

    def forget(self, child: Child) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"-{child.pid}\n")
        self.popen.stdin.flush()

    def close(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        self.popen.wait()


def finish(child: Child, heed: Callable[[], None] = lambda: None) -> int:
    """Wait for its end and return its exit code; what `heed`, called now and then, raises stops the child."""
    try:
        while child.is_running:
            heed()
            time.sleep(0.02)
    finally:
        child.stop()
    return child.popen.returncode


def run_to_end(name: str, command: Command, output: IO[bytes] | int) -> int:
    """Run one command to its end and return its exit code."""
    return finish(Child(name, command, output))


def _die_with_parent(signal_number: signal.Signals, parent_id: int, warden: Warden | None) -> Callable[[], None]:
    def before_exec() -> None:
        if warden is not None:
            os.write(warden.fileno(), f"+{os.getpid()} {int(signal_number)}\n".encode())
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent_id:  # it died between the fork and this line
            os.kill(os.getpid(), signal.SIGKILL)

    return before_exec


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens there. A plain bind: granian's SO_REUSEPORT would share the port."""
    if accepts_connections(port):  # macOS lets one bind an address that is held through 0.0.0.0
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def hold_free_port(wanted: int | None = None, host: str = "127.0.0.1") -> tuple[int, socket.socket]:
    """A port as `free_port`, kept from others until its server, which shares it, listens there: that may take minutes.

    Runners of one user choose one after the other: a port that two of them found free they could hold both.
    """
    with (Path(tempfile.gettempdir()) / f"huzhu-ports-{os.getuid()}.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        port = free_port(wanted, host)
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
        return port, held


def free_port(wanted: int | None = None, host: str = "127.0.0.1") -> int:
    """The wanted port when it is free, else one that is."""
    if wanted is not None and is_free(wanted, host):
        return wanted
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process runs, be it another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float, pause_s: float = 0.02) -> None:
    """Return when the condition holds; TimeoutError, naming what was awaited, when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(pause_s)


def accepts_connections(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
