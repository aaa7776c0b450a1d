"""Secrets, made once, and the environment that each process is given: its own secrets and no other's."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devtools.servers import Names, plain_url
from shared.settings import SERVICES

SIGNERS = ("GATEWAY", "WORKER", *(service.upper() for service in SERVICES))
OWN_SECRETS = {"members": "HUZHU_PHONE_KEY", "checkin": "HUZHU_CODE_KEY", "rewards": "HUZHU_VOUCHER_KEY"}
COOKIE_SECRET = "HUZHU_COOKIE_SECRET"
POSTGRES_PASSWORD = "POSTGRES_PASSWORD"
REDIS_PASSWORD = "REDIS_PASSWORD"
_SECRET_BYTES = 32


def new_secrets() -> dict[str, str]:
    """Everything secret of one installation, by variable."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = {name: _b64(secrets.token_bytes(_SECRET_BYTES)) for name in (COOKIE_SECRET, *OWN_SECRETS.values())}
    for signer in SIGNERS:
        key = Ed25519PrivateKey.generate()
        made[f"HUZHU_{signer}_SIGNING_KEY"] = _b64(key.private_bytes_raw())
        made[f"HUZHU_{signer}_PUBLIC_KEY"] = _b64(key.public_key().public_bytes_raw())
    for password in (POSTGRES_PASSWORD, REDIS_PASSWORD, *map(_password_of, ("owner", *SERVICES))):
        made[password] = secrets.token_urlsafe(24)
    return made


def stored_secrets(folder: Path) -> dict[str, str]:
    """The secrets in a folder, one file each, readable by their owner alone; made when missing."""
    complete = folder / "complete"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        for name, value in new_secrets().items():
            path = folder / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(value)
        complete.touch(mode=0o600)
    return {path.name: path.read_text() for path in folder.iterdir() if path != complete}


@dataclass(frozen=True)
class Installation:
    """Where everything is, and the environment that follows from it."""

    secrets: Mapping[str, str]
    admin_url: str
    redis_url: str
    names: Names = field(default_factory=Names)
    public_url: str = "http://127.0.0.1:8000"
    gateway_internal_url: str = "http://127.0.0.1:8001"
    service_urls: Mapping[str, str] = field(default_factory=dict)
    database_suffix: str = ""
    """Tells the databases of several test workers apart."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Goes to every process, as HUZHU_DEMO does."""

    def database(self, service: str) -> str:
        return self.names.database(service) + self.database_suffix

    def database_url(self, service: str) -> str:
        return self._url_as(self.names.role(service), service)

    def owner_url(self, service: str) -> str:
        return self._url_as(self.names.owner, service)

    def _url_as(self, role: str, service: str) -> str:
        password = self.passwords()[role]
        return plain_url(
            self.admin_url, database=self.database(service), user=role, password=password, driver="psycopg"
        )

    def passwords(self) -> dict[str, str]:
        """By role."""
        known = {self.names.role(service): self.secrets[_password_of(service)] for service in SERVICES}
        return known | {self.names.owner: self.secrets[_password_of("owner")]}

    def common(self) -> dict[str, str]:
        from_outside = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "TZ") if name in os.environ
        }
        return {
            **from_outside,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": self.redis_url,
            "PUBLIC_URL": self.public_url,
            "HUZHU_GATEWAY_INTERNAL_URL": self.gateway_internal_url,
            "HUZHU_GATEWAY_PUBLIC_KEY": self.secrets["HUZHU_GATEWAY_PUBLIC_KEY"],
            **self.extra,
        }

    def service(self, service: str) -> dict[str, str]:
        own = {f"HUZHU_{service.upper()}_SIGNING_KEY": self.secrets[f"HUZHU_{service.upper()}_SIGNING_KEY"]}
        return self.common() | self._storage(service) | own

    def gateway(self) -> dict[str, str]:
        keys = [f"HUZHU_{signer}_PUBLIC_KEY" for signer in SIGNERS] + ["HUZHU_GATEWAY_SIGNING_KEY", COOKIE_SECRET]
        urls = {f"HUZHU_{service.upper()}_URL": url for service, url in self.service_urls.items()}
        return self.common() | {key: self.secrets[key] for key in keys} | urls

    def worker(self) -> dict[str, str]:
        made = self.common() | {"HUZHU_WORKER": "1"}
        for service in SERVICES:
            made |= self._storage(service)
        return made | {"HUZHU_WORKER_SIGNING_KEY": self.secrets["HUZHU_WORKER_SIGNING_KEY"]}

    def migrations(self) -> dict[str, str]:
        # The services' own URLs tell which role is to be granted its rights.
        urls = {f"HUZHU_{service.upper()}_DATABASE_URL": self.database_url(service) for service in SERVICES}
        return (
            self.common()
            | urls
            | {f"HUZHU_{service.upper()}_OWNER_URL": self.owner_url(service) for service in SERVICES}
        )

    def everything(self) -> dict[str, str]:
        """All of it at once, for tests and tools that play every part in one process."""
        made = self.migrations() | self.gateway() | self.worker()
        del made["HUZHU_WORKER"]
        for service in SERVICES:
            made |= self.service(service)
        return made

    def _storage(self, service: str) -> dict[str, str]:
        own = OWN_SECRETS.get(service)
        return {f"HUZHU_{service.upper()}_DATABASE_URL": self.database_url(service)} | (
            {own: self.secrets[own]} if own else {}
        )


def _password_of(whom: str) -> str:
    return f"HUZHU_{whom.upper()}_PASSWORD"


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
