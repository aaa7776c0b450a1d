"""Signatures and codes: small tokens that prove who made them."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """The reverse of `b64`; ValueError for anything else."""
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def mac(key: bytes, *parts: str | bytes, length: int = 32) -> bytes:
    """HMAC-SHA256 over length-delimited parts, so that no two lists of parts look alike."""
    pieces = [part.encode("utf-8") if isinstance(part, str) else part for part in parts]
    content = b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)
    return hmac.digest(key, content, "sha256")[:length]


def same(one: bytes | str, other: bytes | str) -> bool:
    """Compare in constant time."""
    left = one.encode("utf-8") if isinstance(one, str) else one
    right = other.encode("utf-8") if isinstance(other, str) else other
    return hmac.compare_digest(left, right)


def digest(text: str) -> bytes:
    """SHA-256 of a random token, which is what is stored of it."""
    return hashlib.sha256(text.encode("utf-8")).digest()


@lru_cache(maxsize=16)
def _private(key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key)


@lru_cache(maxsize=16)
def _public(key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(key)


def public_half(private_key: bytes) -> bytes:
    """The raw Ed25519 public key of a raw private key."""
    return _private(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, payload: bytes) -> str:
    """`payload.signature`, both base64url, signed with Ed25519."""
    return f"{b64(payload)}.{b64(_private(private_key).sign(payload))}"


def unsign(public_key: bytes, token: str) -> bytes | None:
    """The payload of a token signed with the matching private key; None for any other text."""
    payload_text, _, signature_text = token.partition(".")
    try:
        payload, signature = unb64(payload_text), unb64(signature_text)
        _public(public_key).verify(signature, payload)
    except (ValueError, InvalidSignature):
        return None
    return payload
