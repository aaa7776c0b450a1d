"""Badges (志愿者证): what stands in their QR, and the short code that is printed beside it.

The QR holds `HZ1`, then in base32 the member's id, the badge's serial and a mac: capitals and digits only, which makes
a small QR, and which a scanner that works as a keyboard types alike in every layout. The short code is the volunteer
number in an alphabet without 0, 1, I and O: it finds somebody as the number does, and proves nothing.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from services.members.domain.volunteer_numbers import LENGTH, is_volunteer_number
from shared.ids import SHORT_CODE_ALPHABET, read_short_code

SHORT_LENGTH = 8
SERIAL_MAX = 0xFFFF
_MAC_BYTES = 10
_TOKEN = re.compile(r"HZ1([A-Z2-7]{45})")
_BITS = 5


@dataclass(frozen=True, slots=True)
class Badge:
    member_id: UUID
    serial: int


def write_badge(key: bytes, badge: Badge) -> str:
    """The text of the QR: 48 capitals and digits."""
    claim = badge.member_id.bytes + badge.serial.to_bytes(2, "big")
    return "HZ1" + base64.b32encode(claim + _mac(key, claim)).decode("ascii").rstrip("=")


def read_badge(key: bytes, text: str) -> Badge | None:
    """What a scanned text says, also in small letters; None when it is no badge of ours."""
    found = _TOKEN.fullmatch(text.strip().upper())
    if found is None:
        return None
    try:
        content = base64.b32decode(found[1] + "=" * (-len(found[1]) % 8))
    except binascii.Error:
        return None
    claim, mac = content[:-_MAC_BYTES], content[-_MAC_BYTES:]
    if not hmac.compare_digest(_mac(key, claim), mac):
        return None
    return Badge(UUID(bytes=claim[:16]), int.from_bytes(claim[16:], "big"))


def short_code(volunteer_number: str) -> str:
    """Eight characters that a person reads aloud instead of twelve digits."""
    number = int(volunteer_number)
    places = range(SHORT_LENGTH - 1, -1, -1)
    return "".join(SHORT_CODE_ALPHABET[number >> _BITS * place & 31] for place in places)


def read_number(text: str) -> str | None:
    """The volunteer number that was typed, in digits or as a short code; None when it is neither."""
    code = read_short_code(text)
    if is_volunteer_number(code):
        return code
    if len(code) != SHORT_LENGTH or any(letter not in SHORT_CODE_ALPHABET for letter in code):
        return None
    number = 0
    for letter in code:
        number = number << _BITS | SHORT_CODE_ALPHABET.index(letter)
    digits = str(number).zfill(LENGTH)
    return digits if is_volunteer_number(digits) else None


def _mac(key: bytes, claim: bytes) -> bytes:
    return hmac.digest(key, b"badge" + claim, "sha256")[:_MAC_BYTES]
