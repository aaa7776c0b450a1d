"""`./dev` before anything is installed."""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from devtools import bootstrap, check
from devtools.bootstrap import PROJECT, InstallError
from devtools.children import wait_until


def test_alone_it_lists_its_commands() -> None:
    done = subprocess.run([PROJECT / "dev"], capture_output=True, text=True, check=True)
    for command in bootstrap.COMMANDS:
        assert f"./dev {command}" in done.stdout


def test_a_wrong_command_is_refused_with_the_list() -> None:
    done = subprocess.run([PROJECT / "dev", "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such command" in done.stderr


def test_without_a_python_that_is_new_enough_it_says_which_is_needed(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # any test of its version fails
    old.chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
    done = subprocess.run(
        ["/bin/sh", PROJECT / "dev", "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


def test_a_newer_python_beside_an_old_one_is_found(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "python3.13").symlink_to(sys.executable)
    path = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    done = subprocess.run([PROJECT / "dev"], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout


def test_a_python_that_cannot_make_environments_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(bootstrap, "_working_uv", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find_spec(name))
    with pytest.raises(InstallError, match=r"apt-get install python3\.\d+-venv"):
        bootstrap._install(Path("/nowhere/bin/python"))


def test_a_silent_installer_is_spoken_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SILENCE_MAX_S", 0.3)
    monkeypatch.setattr(bootstrap._heartbeat, "spoken", 0.0)
    bootstrap._run([sys.executable, "-c", "import time; time.sleep(1)"])
    assert capsys.readouterr().out.count("still installing") >= 2


def test_a_silent_check_is_spoken_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SILENCE_MAX_S", 0.0)
    went_on = threading.Event()

    def work() -> str:
        return "" if went_on.wait(20) else "nobody spoke"

    class Told(bootstrap.Heartbeat):
        def beat(self, words: str) -> None:
            super().beat(words)
            went_on.set()

    monkeypatch.setattr(bootstrap, "Heartbeat", Told)
    assert check._report("types", work)
    first, last = capsys.readouterr().out.splitlines()
    assert "still checking types" in first
    assert last.startswith("✓ types")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
@pytest.mark.parametrize("has_death_signal", [True, False])
def test_an_installer_and_what_it_started_end_with_a_killed_dev(tmp_path: Path, has_death_signal: bool) -> None:
    """Without the kernel's signal, as on macOS, the warden alone sees to it."""
    pids = tmp_path / "pids"
    installer = f"sleep 600 & echo $! > {pids}.part; echo $$ >> {pids}.part; mv {pids}.part {pids}; wait"
    code = "from devtools import bootstrap, children;"
    code += "" if has_death_signal else "children._LIBC = None;"
    code += f"bootstrap._run(['/bin/sh', '-c', {installer!r}])"
    dev = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    wait_until(pids.exists, "the installer", 20)
    dev.kill()
    dev.wait()
    started = [Path(f"/proc/{pid}") for pid in pids.read_text().split()]
    wait_until(lambda: not any(map(_runs, started)), "the installer's end", 20)


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_session_of_slow_tests_is_spoken_for(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_slow.py").write_text("import time\n\ndef test_slow():\n    time.sleep(1.5)\n")
    (tmp_path / "sooner.py").write_text("from devtools import bootstrap\n\nbootstrap.SILENCE_MAX_S = 0.3\n")
    command = [sys.executable, "-m", "pytest", "-p", "sooner", "-p", "devtools.spoken", *workers, str(tmp_path)]
    place = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(command, cwd=tmp_path, env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("still testing, 0 tests have ended") >= 2
    assert "still testing" not in done.stdout.partition("1 passed")[2]


def _runs(folder: Path) -> bool:
    """Whether it is there, and no zombie that waits for its parent to look."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_failing_installer_is_quoted() -> None:
    with pytest.raises(InstallError, match=r"exit 3(.|\n)*no room left"):
        bootstrap._run([sys.executable, "-c", "print('no room left'); raise SystemExit(3)"])


def test_two_invocations_install_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "PROJECT", tmp_path)
    (tmp_path / "var").mkdir()
    entered = threading.Event()

    def install() -> None:
        with bootstrap._one_at_a_time():
            entered.set()

    with (tmp_path / "var/install.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=install)
        waiting.start()
        assert not entered.wait(0.5)
    waiting.join(5)
    assert entered.is_set()
    assert "Another ./dev is installing" in capsys.readouterr().out


def test_another_lock_makes_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements-dev.lock"
    lock.write_text("one==1\n")
    monkeypatch.setattr(bootstrap, "LOCK", lock)
    before = bootstrap.fingerprint()
    lock.write_text("one==2\n")
    assert bootstrap.fingerprint() != before


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_name_no_address_and_pin_every_dependency_with_hashes(name: str) -> None:
    text = (PROJECT / name).read_text()
    assert "://" not in text
    assert "index-url" not in text
    pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==\S+(?: ;.*)? \\\n +--hash=sha256:", text, re.MULTILINE))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    if name == "requirements-dev.lock":
        wanted += [line for lines in project["optional-dependencies"].values() for line in lines]
    assert {re.split(r"[\[<>=]", line)[0] for line in wanted} <= pinned
