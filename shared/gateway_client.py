"""Calls from a service or the worker to another service, through the gateway's internal listener.

Each caller signs method, path, time and body with its own Ed25519 key; the gateway checks that,
looks up whether this caller may call this path, and puts a principal in the signature's place.
"""

import functools
import hashlib
import logging
from typing import Any

import msgspec

from shared import clock, tokens
from shared.errors import Unavailable
from shared.upstream import NoAnswer, Response, Upstream

HEADER = "Huzhu-Service"
LIFETIME_S = 30
TIMEOUT_S = 15.0
log = logging.getLogger(__name__)

_Claim = tuple[str, int, str, str, str]
"""Issuer, seconds since 1970, method, path, SHA-256 of the body."""


def signed(issuer: str, private_key: bytes, method: str, path: str, body: bytes) -> str:
    """The header that proves who sends exactly this request now."""
    claim: _Claim = (issuer, int(clock.now().timestamp()), method, path, hashlib.sha256(body).hexdigest())
    return tokens.sign(private_key, msgspec.json.encode(claim))


def issuer_of(header: str) -> str | None:
    """Whom the header claims to be from, unverified, so that the right key can be chosen."""
    claim = _read(header.partition(".")[0])
    return claim[0] if claim else None


def is_genuine(header: str, public_key: bytes, method: str, path: str, body: bytes) -> bool:
    """Whether the header was made for exactly this request within the last 30 seconds."""
    if tokens.unsign(public_key, header) is None or (claim := _read(header.partition(".")[0])) is None:
        return False
    _issuer, made_at, *request = claim
    age_s = clock.now().timestamp() - made_at
    return -LIFETIME_S <= age_s <= LIFETIME_S and request == [method, path, hashlib.sha256(body).hexdigest()]


def _read(payload: str) -> _Claim | None:
    try:
        claim: _Claim = msgspec.json.decode(tokens.unb64(payload), type=_Claim)
    except (ValueError, msgspec.MsgspecError):
        return None
    return claim


@functools.cache
def _upstream(url: str, timeout_s: float) -> Upstream:
    return Upstream(url, timeout_s=timeout_s)


def post(
    url: str, issuer: str, private_key: bytes, path: str, content: Any, *, timeout_s: float = TIMEOUT_S
) -> Response:
    """Post JSON to a path of the internal listener at `url`; Unavailable when nobody answers."""
    body = msgspec.json.encode(content)
    headers = {"Content-Type": "application/json", HEADER: signed(issuer, private_key, "POST", path, body)}
    try:
        return _upstream(url, timeout_s).request("POST", path, headers=headers, body=body)
    except NoAnswer as error:
        log.warning("internal call not answered", extra={"path": path, "error": str(error)})
        raise Unavailable from error
