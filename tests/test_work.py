"""Worker and scheduler as processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools.children import Child, Command, wait_until
from services import work
from tests.support import PROJECT, Settings

if TYPE_CHECKING:
    from redis import Redis


@pytest.fixture
def environment(settings: Settings, redis_client: "Redis", tmp_path: Path) -> dict[str, str]:
    """What a worker is given, with REDIS_URL in a file."""
    (tmp_path / "redis").write_text(f"{settings.redis_url}\n")
    given = settings.installation.worker() | {"REDIS_URL_FILE": str(tmp_path / "redis")}
    del given["REDIS_URL"]
    return given


@contextmanager
def serving(process: str, environment: dict[str, str], log: Path) -> Iterator[Child]:
    command = Command((sys.executable, "-m", "services.work", process), environment, PROJECT)
    with log.open("ab") as output:
        child = Child(process, command, output)
    try:
        yield child
    finally:
        child.stop()


@pytest.mark.parametrize("process", ["worker", "scheduler"])
def test_it_finds_redis_by_file_and_its_health_is_told_by_redis(
    process: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("REDIS_URL_FILE", environment["REDIS_URL_FILE"])
    assert not work.is_healthy(process)
    with serving(process, environment, tmp_path / "log") as child:
        wait_until(lambda: work.is_healthy(process) or not child.is_running, process, 30)
        assert child.is_running, (tmp_path / "log").read_text()
        monkeypatch.setattr("socket.gethostname", lambda: "another-container")
        assert not work.is_healthy(process)
        check = [sys.executable, "-m", "services.work", process, "--healthy"]
        assert subprocess.run(check, cwd=PROJECT, env=environment, check=False).returncode == 0


def test_a_worker_refuses_a_placeholder_before_its_first_job(environment: dict[str, str]) -> None:
    weak = environment | {"HUZHU_POINTS_DATABASE_URL": "postgresql+psycopg://huzhu_points:changeme@postgres/points"}
    del weak["HUZHU_TESTING"]
    command = [sys.executable, "-m", "services.work", "worker"]
    done = subprocess.run(command, cwd=PROJECT, env=weak, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "HUZHU_POINTS_DATABASE_URL" in done.stderr
    assert "changeme" not in done.stderr
