"""Which URLs a process refuses to start with."""

import os

import pytest

from shared import settings
from shared.settings import Misconfigured, ServiceSettings
from tests.support import Settings

GOOD = "xK3_vQ9-bT7mZ2pL"


@pytest.fixture(autouse=True)
def outside_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUZHU_TESTING", "HUZHU_DEMO"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:postgres@postgres/huzhu",
        "postgresql+psycopg://huzhu:changeme@127.0.0.1/huzhu",  # also here: a tunnel may end on loopback
        f"redis://:{GOOD[:-1]}@valkey:6379/0",
        "redis://:aaaaaaaaaaaaaaaaaaaaaaaaaaaa@valkey:6379/0",
        "redis://:%61%61%61%61%61%61@valkey:6379/0",
        "postgresql://postgres@postgres/huzhu?password=changeme",
        "redis://valkey:6379/0",  # no password at all
        "postgresql://huzhu@db.example/huzhu",
        "postgresql://huzhu@/huzhu?host=db.example",
        "redis://[::1",
    ],
)
def test_a_guessable_password_stops_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUZHU_X_URL", url)
    with pytest.raises(Misconfigured, match="HUZHU_X_URL") as refused:
        settings.store_url("HUZHU_X_URL")
    assert "changeme" not in str(refused.value)
    if "[" not in url:
        for exempt in ("HUZHU_DEMO", "HUZHU_TESTING"):
            with monkeypatch.context() as patch:
                patch.setenv(exempt, "1")
                assert settings.store_url("HUZHU_X_URL") == url


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://huzhu_members:{GOOD}@postgres:5432/huzhu_members",
        f"redis://:{GOOD}@valkey:6379/0",
        f"postgresql://huzhu@db.example/huzhu?password={GOOD}",
        # A server of this machine may know its users otherwise.
        "postgresql://me@localhost/huzhu",
        "postgresql://127.0.0.1:5433/huzhu",
        "postgresql:///huzhu?host=/run/postgresql",
        "postgresql:///huzhu",
        "redis://[::1]:6379/0",
        "unix:///run/valkey.sock",
    ],
)
def test_a_random_password_or_a_server_of_this_machine_is_good_to_start_with(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUZHU_X_URL", url)
    assert settings.store_url("HUZHU_X_URL") == url


@pytest.mark.parametrize("name", ["HUZHU_POINTS_DATABASE_URL", "REDIS_URL"])
def test_a_service_judges_the_passwords_in_its_urls(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ServiceSettings.from_environment("points").database_url == os.environ["HUZHU_POINTS_DATABASE_URL"]
    monkeypatch.setenv(name, "scheme://huzhu:changeme@elsewhere/0")
    with pytest.raises(Misconfigured, match=name):
        ServiceSettings.from_environment("points")


def test_the_gateway_judges_the_password_of_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.settings import GatewaySettings

    monkeypatch.setenv("REDIS_URL", "redis://:changeme@elsewhere/0")
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        GatewaySettings.from_environment()


def test_migrations_judge_the_owners_password(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import migrate

    monkeypatch.setenv("HUZHU_POINTS_OWNER_URL", "postgresql://huzhu_owner:changeme@elsewhere/huzhu_points")
    with pytest.raises(Misconfigured, match="HUZHU_POINTS_OWNER_URL"):
        migrate.main(["points"])
