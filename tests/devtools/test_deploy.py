"""What docker-compose.yml says, as Compose itself reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools.environment import Installation, new_secrets
from devtools.servers import SERVICES
from devtools.supervisor import PROJECT

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
