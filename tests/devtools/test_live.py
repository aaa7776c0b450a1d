"""Whether an installation runs now, as the commands beside `./dev run` must know."""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.environment import stored_secrets
from devtools.live import find_running
from shared.settings import SERVICES

_LISTENERS = ("gateway", "internal", "postgres", "valkey", *SERVICES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What a runner with our own process's number leaves when it is ready, or was when it was killed."""
    ports = dict.fromkeys(_LISTENERS, 9) | {"pid": os.getpid()}
    (tmp_path / "ports.json").write_text(json.dumps(ports | {"public_url": "http://127.0.0.1:9", "extra": {}}))
    (tmp_path / "run.lock").write_text(str(os.getpid()))
    stored_secrets(tmp_path / "secrets")
    return tmp_path


@pytest.fixture
def held(root: Path) -> Iterator[Path]:
    """While somebody holds the runner's lock."""
    with (root / "run.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root


def test_a_runner_that_holds_its_lock_is_found(held: Path) -> None:
    found = find_running(held)
    assert found is not None
    assert found.public_url == "http://127.0.0.1:9"


def test_a_killed_runners_number_that_is_somebody_elses_now_counts_for_nothing(root: Path) -> None:
    assert find_running(root) is None
    with (root / "run.lock").open() as lock:  # and asking left the lock free
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_while_a_warden_ends_what_a_killed_runner_left_nothing_runs(held: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    ports = json.loads((held / "ports.json").read_text())
    (held / "ports.json").write_text(json.dumps(ports | {"pid": ended.pid}))
    assert find_running(held) is None


def test_a_runner_of_another_user_is_running(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert find_running(held) is not None


def test_a_folder_that_nothing_ever_ran_in_is_not_running(tmp_path: Path) -> None:
    assert find_running(tmp_path) is None
