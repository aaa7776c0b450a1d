"""What `./dev` runs: makes the environment when the lock has changed, then hands over to devtools.

The standard library alone, since nothing is installed yet when it runs.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv"
LOCK = PROJECT / "requirements-dev.lock"
SILENCE_MAX_S = 4.0

COMMANDS = {
    "run [--empty] [--lan] [--port N]": "start everything here: servers, gateway, services, worker; demo data once",
    "test [--all] [PYTEST ARGUMENTS]": "every check and every test; with arguments only the named tests",
    "check": "style, types, import contracts, compose file, Dockerfile, locks",
    "bench NAME": "measure: checkin, event, rollcall, settle, board, redeem, import, start",
    "seed [--fresh]": "load the demo data; --fresh removes what is there first",
    "import roster FILE [--dry-run]": "read a station's roster from XLSX or CSV",
    "verify": "check every invariant over the live databases",
    "flask SERVICE ...": "a service's command line: members, checkin, points, rewards",
    "migration SERVICE WORDS": "draft a service's next migration from its models",
    "secrets": "make new secrets for docker-compose's .env",
    "lock [--upgrade]": "resolve the dependencies of pyproject.toml anew (needs uv)",
}


class InstallError(SystemExit):
    """The environment cannot be made; the message says what to do."""


def usage() -> str:
    lines = [f"  ./dev {command:<34} {meaning}" for command, meaning in COMMANDS.items()]
    return "\n".join(
        ["Huzhu 互助. Commands:", *lines, "", "Data lies under var/ (or the folder that HUZHU_VAR names)."]
    )


def main(arguments: list[str]) -> int:  # noqa: RET503 - execve never returns
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(usage())
        return 0
    if arguments[0] not in {command.split()[0] for command in COMMANDS}:
        print(f"./dev {arguments[0]}: there is no such command.\n\n{usage()}", file=sys.stderr)
        return 2
    python = installed_python()
    # -P: the folder that ./dev was called from must not shadow a module.
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    sys.stdout.flush()
    os.execve(python, [str(python), "-P", "-m", "devtools", *arguments], environment)  # noqa: S606


def installed_python() -> Path:
    """The environment's Python, after making the environment when it is missing or another lock's."""
    python, marker = ENVIRONMENT / "bin/python", ENVIRONMENT / "huzhu.lock"
    wanted = fingerprint()
    if _is_current(python, marker, wanted):
        return python
    with _one_at_a_time():
        if not _is_current(python, marker, wanted):
            started = time.monotonic()
            marker.unlink(missing_ok=True)
            say("Installing what Huzhu needs into .venv (once; some minutes on a slow line) …")
            _install(python)
            marker.write_text(wanted)
            say(f"Installed in {time.monotonic() - started:.0f} s.")
    return python


def fingerprint() -> str:
    """Changes with the lock and with the Python that the environment is for."""
    return f"{sys.version_info.major}.{sys.version_info.minor} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def _is_current(python: Path, marker: Path, wanted: str) -> bool:
    return python.exists() and marker.exists() and marker.read_text() == wanted


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    folder = PROJECT / "var"
    folder.mkdir(exist_ok=True)
    with (folder / "install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./dev is installing; waiting for it …")
            while not _may_lock(file.fileno()):
                time.sleep(0.2)
                _heartbeat.beat("still waiting for the other ./dev")
        yield


def _may_lock(file_number: int) -> bool:
    try:
        fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _install(python: Path) -> None:
    if uv := _working_uv():
        try:
            if not _is_this_python(python):
                _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(ENVIRONMENT)])
            _run([uv, "pip", "sync", "--require-hashes", "--python", str(python), str(LOCK)])
            return
        except InstallError:
            # uv keeps certificates and configuration of its own; what it cannot reach, pip often can.
            say("  uv could not; trying with pip …")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(
            f"This Python ({sys.executable}) cannot make environments: its venv module is a package of its own.\n"
            f"Install it as root and try again:  apt-get install python{version}-venv"
        )
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    _run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    _run([str(python), "-m", "pip", "install", *quiet, "--require-hashes", "--requirement", str(LOCK)])


def _working_uv() -> str | None:
    uv = shutil.which("uv")
    if uv is None or subprocess.run([uv, "--version"], capture_output=True, check=False).returncode != 0:
        return None
    return uv


def _is_this_python(python: Path) -> bool:
    """Whether an environment is there and made for the Python that runs now."""
    if not python.exists():
        return False
    shown = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False)
    return shown.stdout.split() == [str(part).encode() for part in sys.version_info[:2]]


def _run(command: list[str]) -> None:
    """Run an installer, showing what it says; when it says nothing for long, say that it still works."""
    # A company's own certificates are known to the system, not to uv.
    trusting = os.environ | {"UV_SYSTEM_CERTS": "1"}
    from devtools.children import Child, Command, Warden

    warden = Warden()  # an installer does not outlive us either
    installer = Child("installer", Command(tuple(command), trusting), subprocess.PIPE, warden)
    try:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read_lines, args=(installer.popen.stdout, lines), daemon=True).start()
        last: list[str] = []
        while True:
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                _heartbeat.beat("still installing")
                continue
            if line is None:
                break
            last = [*last[-19:], line]
            if not line.startswith(("Requirement already", "Looking in ")):
                say(f"  {line[:150]}")
        returncode = installer.popen.wait()
    finally:
        installer.stop()
        warden.forget(installer)
        warden.close()
    if returncode != 0:
        name = Path(command[0]).name
        raise InstallError(f"Installing failed ({name}, exit {returncode}):\n  " + "\n  ".join(last))


def _read_lines(output: IO[bytes] | None, lines: "queue.SimpleQueue[str | None]") -> None:
    assert output is not None
    for line in output:
        if line.strip():
            lines.put(line.decode(errors="replace").rstrip())
    lines.put(None)


class Heartbeat:
    """Says something when nothing has been said for four seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.started = self.spoken = time.monotonic()

    def hear(self) -> None:
        """Somebody else has spoken."""
        self.spoken = time.monotonic()

    def say(self, words: str) -> None:
        self.hear()
        self._say(words)

    def beat(self, words: str) -> None:
        if time.monotonic() - self.spoken >= SILENCE_MAX_S:
            self.say(f"  … {words} ({time.monotonic() - self.started:.0f} s)")


def _print(words: str) -> None:
    print(words, flush=True)


_heartbeat = Heartbeat(_print)
say = _heartbeat.say


if __name__ == "__main__":
    sys.path[0] = str(PROJECT)  # instead of its own folder: modules are found as devtools.…
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
