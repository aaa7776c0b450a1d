"""What docker-compose.yml says, as Compose itself reads it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools.environment import Installation, new_secrets
from devtools.supervisor import PROJECT
from shared.settings import SERVICES

_PLACE = Installation(
    new_secrets(), "postgresql://postgres@postgres", "redis://valkey", service_urls=dict.fromkeys(SERVICES, "")
)
_ONLY_HERE = set(os.environ) | {"PYTHONPATH", "PYTHONUNBUFFERED"}


def _compose(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "docker-compose"
    command = [str(program), "--env-file", os.devnull, "config", "--format", "json"]
    place = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(command, cwd=PROJECT, env=place | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    done = _compose({**_PLACE.secrets, "HUZHU_HOST": "huzhu.example"})
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("missing", sorted(_PLACE.secrets))
def test_nothing_starts_while_a_secret_is_missing(missing: str) -> None:
    given = {name: value for name, value in _PLACE.secrets.items() if name != missing}
    done = _compose({**given, "HUZHU_HOST": "huzhu.example"})
    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        *((service, _PLACE.service(service)) for service in SERVICES),
        ("gateway", _PLACE.gateway() | {"HUZHU_PROXY_HOPS": "1"}),
        ("gateway-internal", _PLACE.gateway()),
        ("worker", _PLACE.worker()),
        ("scheduler", _PLACE.worker()),
        ("migrate", _PLACE.migrations()),
    ],
)
def test_each_process_is_given_what_it_gets_from_the_runner(
    compose: dict[str, Any], process: str, expected: dict[str, str]
) -> None:
    given = set(compose["services"][process]["environment"])
    assert given - _ONLY_HERE == set(expected) - _ONLY_HERE


def test_the_proxy_reaches_the_public_listener_and_nothing_else(compose: dict[str, Any]) -> None:
    services = compose["services"]
    seen = {name for name, service in services.items() if set(service["networks"]) & set(services["proxy"]["networks"])}
    assert seen == {"proxy", "gateway"}
    assert {name for name, service in services.items() if service.get("ports")} == {"proxy"}


def test_gateways_reach_no_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    storage = {
        name for name, service in services.items() if set(service["networks"]) & set(services["postgres"]["networks"])
    }
    assert storage == {"postgres", "migrate", "worker", "scheduler", *SERVICES}


def test_every_process_of_ours_runs_without_rights_to_gain(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service["image"].startswith("huzhu:"):
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_every_process_has_a_health_check_except_the_migration_that_ends(compose: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in compose["services"].items()}
    checks = {name: service.get("healthcheck", {}) for name, service in compose["services"].items()}
    assert {name for name, check in checks.items() if check.get("disable")} == {"migrate"}
    without = {name for name, check in checks.items() if not check.get("test")} - {"migrate"}
    assert all(images[name].startswith("huzhu:") for name in without), "the Dockerfile has a check for these alone"
    assert "HEALTHCHECK" in (PROJECT / "Dockerfile").read_text()
    assert {"worker", "scheduler", "proxy"} & without == set(), "they do not serve what the Dockerfile asks"


def test_the_image_runs_as_a_user_without_rights() -> None:
    users = re.findall(r"^USER (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert int(users[-1]) > 0, "a number, so that Kubernetes can see that it is not root"


def test_no_process_is_given_another_user_by_the_compose_file(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose["services"].items() if "user" in service} == set()


def test_the_script_of_roles_is_executable() -> None:
    """The official image reads one that is not into its own shell, where `set -eu` would stay."""
    assert os.access(PROJECT / "deploy/postgres/roles.sh", os.X_OK)


@pytest.mark.parametrize("by_file", [False, True])
def test_valkey_takes_its_password_from_the_environment_or_a_file(
    compose: dict[str, Any], tmp_path: Path, by_file: bool
) -> None:
    server = tmp_path / "valkey-server"
    server.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    server.chmod(0o755)
    (tmp_path / "password").write_text("from-somewhere\n")
    given = {"REDISCLI_AUTH_FILE": str(tmp_path / "password")} if by_file else {"REDISCLI_AUTH": "from-somewhere"}
    command = [part.replace("$$", "$") for part in compose["services"]["valkey"]["command"]]

    def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(command, env=path | environment, capture_output=True, text=True, check=False)

    assert run(given).stdout.split()[-2:] == ["--requirepass", "from-somewhere"]
    assert run({}).returncode != 0
    assert run({"REDISCLI_AUTH_FILE": os.devnull}).returncode != 0, "no server without a password"
