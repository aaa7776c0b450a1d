"""`./dev COMMAND` reaches what it names, in the running installation, and hands on how that ended."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools import run
from devtools.environment import SIGNERS
from devtools.supervisor import PROJECT, System
from shared import settings
from tests.town import gather


def dev(root: Path, *arguments: str, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """What `./dev` hands over to, once the environment is there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUZHU_", "DATABASE_", "REDIS_"))}
    environment = kept | {"HUZHU_VAR": str(root), "PYTHONPATH": str(project)}
    command = [sys.executable, "-P", "-m", "devtools", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_flask_runs_a_services_command_with_its_exit_code(system: System) -> None:
    made = dev(system.root, "flask", "members", "first-admin-code")
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip()
    wrong = dev(system.root, "flask", "members", "no-such-command")
    assert wrong.returncode == 2
    assert "no-such-command" in wrong.stderr


def test_import_reads_a_file_named_from_where_the_caller_stands(system: System) -> None:
    station = gather(system, members=1).station_id
    roster = system.root / "people.csv"
    roster.write_text("姓名,手机\n周敏,13700000002\n", encoding="utf-8")
    tried = dev(system.root, "import", "roster", "people.csv", "--station", station, "--dry-run")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "1" in tried.stdout
    (system.root / "broken.xlsx").write_bytes(b"no spreadsheet")
    broken = dev(system.root, "import", "roster", "broken.xlsx", "--station", station)
    assert broken.returncode != 0
    assert dev(system.root, "import", "roster", "missing.csv", "--station", station).returncode != 0


def test_verify_looks_at_the_running_installation(system: System) -> None:
    found = dev(system.root, "verify")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("flask",), "members, checkin, points, rewards"),
        (("flask", "nobody"), "members, checkin, points, rewards"),
        (("import",), "import roster FILE"),
        (("import", "people", "x.csv"), "import roster FILE"),
        (("migration", "points"), "what changes"),
        (("migration", "nobody", "words"), "what changes"),
        (("bench", "nothing"), "checkin"),
    ],
)
def test_what_is_called_wrongly_says_how_and_starts_nothing(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    called = dev(tmp_path, *arguments)
    assert called.returncode == 2
    assert said in called.stderr
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_lines_for_compose_that_every_process_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUZHU_TESTING", raising=False)
    made, others = dev(tmp_path, "secrets"), dev(tmp_path, "secrets")
    assert made.returncode == 0
    lines = dict(line.split("=", 1) for line in made.stdout.splitlines())
    assert not set(lines.values()) & set(dict(line.split("=", 1) for line in others.stdout.splitlines()).values())
    assert {f"HUZHU_{signer}_SIGNING_KEY" for signer in SIGNERS} <= set(lines)
    for name, value in lines.items():
        if name.endswith("PASSWORD"):
            monkeypatch.setenv("X_URL", f"redis://:{value}@elsewhere/0")
            assert settings.store_url("X_URL")
        else:
            monkeypatch.setenv(name, value)
            assert settings.secret(name) == base64.urlsafe_b64decode(value + "=")


def test_migration_drafts_the_next_one_from_the_models(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "static", "templates")
    for name in ("shared", "services", "gateway", "devtools"):
        shutil.copytree(PROJECT / name, copy / name, ignore=ignored)
    versions = copy / "services/points/migrations/versions"
    before = set(versions.glob("*.py"))
    drafted = dev(tmp_path, "migration", "points", "a", "column", project=copy)
    assert drafted.returncode == 0, drafted.stdout + drafted.stderr
    [made] = set(versions.glob("*.py")) - before
    assert made.name == f"{len(before) + 1:04d}_a_column.py"
    assert "pass" in made.read_text(), "models and migrations are equal, so there is nothing to do"


def test_seed_puts_no_demo_among_real_people(tmp_path: Path) -> None:
    (tmp_path / "begun-as").write_text("empty")
    refused = dev(tmp_path, "seed")
    assert refused.returncode == 1
    assert "real people" in refused.stderr


@pytest.mark.parametrize("arguments", [[], ["--fresh"]])
def test_seed_loads_once_and_leaves_the_mark_of_the_demo_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    done: list[str] = []

    class Recorded(System):
        """Notes what it is asked; nothing is started."""

        def __init__(self, root: Path, options: Any, **named: Any) -> None:
            super().__init__(root, options, **named)
            assert "HUZHU_DEMO" not in dict(options.extra)

    for name in ("start_servers", "empty_servers", "migrate", "stop"):
        monkeypatch.setattr(Recorded, name, lambda _self, name=name: done.append(name))
    monkeypatch.setattr(run, "_load_demo_once", lambda _system: done.append("load"))
    monkeypatch.setattr(run, "System", Recorded)
    monkeypatch.setenv("HUZHU_VAR", str(tmp_path))
    (tmp_path / "seeded").touch()
    assert run.seed(arguments) == 0
    emptied = ["empty_servers"] if arguments else []
    assert done == ["start_servers", *emptied, "migrate", "load", "stop"]
    assert (tmp_path / "seeded").exists() is not bool(arguments), "else nothing would be loaded again"
