"""The only place that reads the environment.

Every variable X may instead be given as X_FILE, the path of a file that holds the value, which is
how containers hand over secrets.
"""

import base64
import binascii
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SERVICES = ("members", "checkin", "points", "rewards")
SECRET_BYTES = 32
PASSWORD_LENGTH_MIN = 16
_VARIETY_MIN = 8
"""Of the characters in a password and of the bytes in a key: what is typed to get past has fewer."""


class Misconfigured(SystemExit):
    """The environment is not fit to start with; the message names the variable."""


def find(name: str) -> str | None:
    """The value of a variable, or of the file that its _FILE twin names; None when neither is set."""
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            raise Misconfigured(f"{name}_FILE: {error}") from error
    return None


def get(name: str) -> str:
    """Like `find`, but a missing variable stops the process with a message that names it."""
    value = find(name)
    if value is None:
        raise Misconfigured(f"{name} is not set")
    return value


def flag(name: str) -> bool:
    return find(name) == "1"


def secret(name: str) -> bytes:
    """Exactly 32 random bytes, given in base64url. A guessable value is refused."""
    return _secret_bytes(name, get(name))


def store_url(name: str) -> str:
    """The URL of a database or of Redis. Outside the demo a guessable password is refused.

    A URL without a password is for a server of this machine (loopback or a socket), which may know its
    users otherwise; elsewhere no password is the easiest one to guess.
    """
    url = get(name)
    try:
        parts = urlsplit(url)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        password = query.get("password") or unquote(parts.password or "")
        host = query.get("host") or parts.hostname or ""
    except ValueError as error:
        raise Misconfigured(f"{name} is not a URL") from error
    if flag("HUZHU_DEMO") or flag("HUZHU_TESTING"):
        return url
    if not password and not _is_this_machine(host):
        raise Misconfigured(f"{name} names no password for a server elsewhere")
    if password and (len(password) < PASSWORD_LENGTH_MIN or len(set(password)) < _VARIETY_MIN):
        raise Misconfigured(
            f"{name}: its password is a placeholder, not a secret"
            f" ({PASSWORD_LENGTH_MIN} characters at least, {_VARIETY_MIN} of them different)"
        )
    return url


def _is_this_machine(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by id. The first one signs; all of them can be read, so that keys rotate in peace."""

    current: str
    keys: dict[str, bytes]


def keyring(name: str) -> Keyring:
    """Keys as `id:base64url,id:base64url`, the current one first; a bare key has the id `1`."""
    keys: dict[str, bytes] = {}
    for part in get(name).split(","):
        key_id, _, text = part.strip().rpartition(":")
        keys[key_id or "1"] = _secret_bytes(name, text)
    return Keyring(current=next(iter(keys)), keys=keys)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What every service needs; a service's own secrets are read in its app.py."""

    name: str
    database_url: str
    redis_url: str
    public_url: str
    gateway_internal_url: str
    gateway_public_key: bytes
    signing_key: bytes
    demo: bool

    @classmethod
    def from_environment(cls, name: str) -> "ServiceSettings":
        prefix = f"HUZHU_{name.upper()}"
        return cls(
            name=name,
            database_url=store_url(f"{prefix}_DATABASE_URL"),
            redis_url=store_url("REDIS_URL"),
            public_url=get("PUBLIC_URL").rstrip("/"),
            gateway_internal_url=get("HUZHU_GATEWAY_INTERNAL_URL"),
            gateway_public_key=secret("HUZHU_GATEWAY_PUBLIC_KEY"),
            # In the worker every service's jobs sign as the worker: it has no other key.
            signing_key=secret("HUZHU_WORKER_SIGNING_KEY" if is_worker() else f"{prefix}_SIGNING_KEY"),
            demo=flag("HUZHU_DEMO"),
        )


def is_worker() -> bool:
    return flag("HUZHU_WORKER")


def _secret_bytes(name: str, text: str) -> bytes:
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise Misconfigured(f"{name} is not base64url") from error
    if len(value) != SECRET_BYTES:
        raise Misconfigured(f"{name} must hold {SECRET_BYTES} bytes, not {len(value)}")
    if len(set(value)) < _VARIETY_MIN:
        raise Misconfigured(f"{name} is a placeholder, not a secret")
    return value
