"""Vouchers: a signed link for the QR and a short code to type, both derived from key and redemption.

Nothing that could be shown at a desk is stored: the database holds a keyed digest of the code, by
which a typed one is found. Keys stay in the keyring for `VOUCHER_DAYS` after they were replaced.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.ids import SHORT_CODE_ALPHABET, SHORT_CODE_LENGTH, read_short_code

_TOKEN = re.compile(r"(V1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{22})\.([0-9]{1,11}))\.([A-Za-z0-9_-]{22})")
_LINK = re.compile(r"/v/([A-Za-z0-9._-]+)")
_BITS = 5


@dataclass(frozen=True, slots=True)
class TokenRead:
    redemption_id: UUID
    expires_at: datetime


def short_code(key: bytes, redemption_id: UUID) -> str:
    """Twelve characters, 60 bits, that nobody without the key can guess."""
    number = int.from_bytes(_mac(key, f"short code {redemption_id}")[:8]) >> 4
    return "".join(SHORT_CODE_ALPHABET[number >> _BITS * place & 31] for place in range(SHORT_CODE_LENGTH))


def code_digest(key: bytes, code: str) -> bytes:
    """By which a typed code is found, useless to who steals the table."""
    return _mac(key, f"lookup {code}")


def write_token(key_id: str, key: bytes, redemption_id: UUID, expires_at: datetime) -> str:
    """`V1.<key id>.<redemption>.<expiry, seconds since 1970>.<mac>`."""
    claim = f"V1.{key_id}.{_b64(redemption_id.bytes)}.{int(expires_at.timestamp())}"
    return f"{claim}.{_token_mac(key, claim)}"


def read_token(keys: Mapping[str, bytes], text: str) -> TokenRead | None:
    """What a token or the link that holds it says; None when it is neither, or forged."""
    link = _LINK.search(text)
    parts = _TOKEN.fullmatch(link[1] if link else text)
    if parts is None:
        return None
    claim, key_id, redemption, expiry, mac = parts.groups()
    key = keys.get(key_id)
    if key is None or not hmac.compare_digest(_token_mac(key, claim), mac):
        return None
    return TokenRead(UUID(bytes=_unb64(redemption)), datetime.fromtimestamp(int(expiry), UTC))


def stands_for(keys: Mapping[str, bytes], text: str, redemption_id: UUID) -> bool:
    """Whether a scanned link, a token or a typed code is this redemption's."""
    if (token := read_token(keys, text)) is not None:
        return token.redemption_id == redemption_id
    code = read_short_code(text).encode()
    return any(hmac.compare_digest(short_code(key, redemption_id).encode(), code) for key in keys.values())


def is_short_code(text: str) -> bool:
    return len(text) == SHORT_CODE_LENGTH and all(character in SHORT_CODE_ALPHABET for character in text)


def _token_mac(key: bytes, claim: str) -> str:
    return _b64(_mac(key, claim)[:16])


def _mac(key: bytes, text: str) -> bytes:
    # The three uses begin differently, and no part may contain what separates it from the next.
    return hmac.digest(key, text.encode(), "sha256")


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
