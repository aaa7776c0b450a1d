"""Encryption and keyed hashes, with keys derived from the one secret of this service.

Phones are sealed with AES-256-GCM, bound to the row they belong to, and found by keyed hashes: a
copy of the database alone tells neither a number nor, by trying all of them, whose hash is whose.
"""

import functools
import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, current_app

from shared import tokens

_NONCE_BYTES = 12
_FORMAT = b"\x01"
"""First byte of what is sealed, so that another key or cipher can follow one day."""
TAIL_DIGITS = 4
_EXTENSION = "members keys"


@dataclass(frozen=True)
class Keys:
    secret: bytes

    def seal(self, owner_id: UUID, text: str) -> bytes:
        """Encrypt a text so that it can be read only as this owner's."""
        return self.seal_bytes(owner_id, text.encode("utf-8"))

    def unseal(self, owner_id: UUID, sealed: bytes) -> str:
        return self.unseal_bytes(owner_id, sealed).decode("utf-8")

    def seal_bytes(self, owner_id: UUID, content: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, content, owner_id.bytes)

    def unseal_bytes(self, owner_id: UUID, sealed: bytes) -> bytes:
        assert sealed[:1] == _FORMAT
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, content, owner_id.bytes)

    def phone_hash(self, phone: str) -> bytes:
        return tokens.mac(self._derive("phone"), phone)

    def phone_tail_hash(self, phone: str) -> bytes:
        return tokens.mac(self._derive("phone tail"), phone[-TAIL_DIGITS:])

    def code_hash(self, code: str) -> bytes:
        return tokens.mac(self._derive("code"), code)

    @functools.cached_property
    def badge_key(self) -> bytes:
        """By which badges are signed."""
        return self._derive("badge")

    def attempts_key(self, kind: str, *texts: str) -> bytes:
        return tokens.mac(self._derive("attempts"), kind, *texts)

    def input_hash(self, content: bytes) -> bytes:
        return tokens.mac(self._derive("input"), content)

    @functools.cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derive("seal"))

    def _derive(self, purpose: str) -> bytes:
        return _derive(self.secret, purpose)


@functools.lru_cache(maxsize=32)
def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"huzhu members {purpose}".encode()).derive(secret)


def install(app: Flask, secret: bytes) -> None:
    app.extensions[_EXTENSION] = Keys(secret)


def keys() -> Keys:
    """The keys of the current app."""
    found: Keys = current_app.extensions[_EXTENSION]
    return found
