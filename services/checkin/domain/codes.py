"""Place codes: what the organizer's screen shows and volunteers scan.

`V1.<key id>.<activity>.<site>.<direction>.<step>.<mac>`. Activity and site are the base64url of their
sixteen bytes and the step counts 15 seconds since 1970 in base 36, so that the QR stays coarse enough
for an old phone. The mac is an HMAC with a key of this activity alone.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

STEP_S = 15
STEPS_BEFORE = 2
STEPS_AHEAD = 1
LATE_STEPS_MAX = 30 * 60 // STEP_S
MINUTES_MAX = 30
MAC_BYTES = 10
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(
    r"V1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})\.([ad])\.([0-9a-z]{1,8})\.([A-Za-z0-9_-]{14})"
)


class Direction(StrEnum):
    ARRIVAL = "arrival"
    DEPARTURE = "departure"


class Freshness(StrEnum):
    CURRENT = "current"
    LATE = "late"
    """Shown up to half an hour ago: the network was slow, or somebody passed on a picture."""
    EXPIRED = "expired"
    NOT_SHOWN_YET = "not_shown_yet"


@dataclass(frozen=True, slots=True)
class PlaceCode:
    activity_id: UUID
    site_id: UUID
    direction: Direction
    step: int

    def freshness(self, read_at: datetime) -> Freshness:
        """How the code stands to the moment at which it was read."""
        age = step_of(read_at) - self.step
        if age < -STEPS_AHEAD:
            return Freshness.NOT_SHOWN_YET
        if age <= STEPS_BEFORE:
            return Freshness.CURRENT
        return Freshness.LATE if age <= LATE_STEPS_MAX else Freshness.EXPIRED


def step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_S


def shown_from(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_S, UTC)


def shown_until(step: int) -> datetime:
    return shown_from(step) + timedelta(seconds=STEP_S)


def write(code: PlaceCode, key_id: str, key: bytes) -> str:
    """The text of a code."""
    payload = ".".join(
        (
            "V1",
            key_id,
            _b64(code.activity_id.bytes),
            _b64(code.site_id.bytes),
            code.direction[0],
            _base36(code.step),
        )
    )
    return f"{payload}.{_mac(key, code.activity_id, payload)}"


def read(text: str, keys: Mapping[str, bytes]) -> PlaceCode | None:
    """The code in a text, or in a URL that ends with it; None when it is not one of ours."""
    text = text.rpartition("/")[2]
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    key_id, activity, site, direction, step, mac = found.groups()
    key = keys.get(key_id)
    activity_id = _uuid(activity)
    if key is None or not hmac.compare_digest(mac, _mac(key, activity_id, text.rpartition(".")[0])):
        return None
    known = Direction.ARRIVAL if direction == "a" else Direction.DEPARTURE
    return PlaceCode(activity_id, _uuid(site), known, int(step, 36))


def _mac(key: bytes, activity_id: UUID, payload: str) -> str:
    activity_key = hmac.digest(key, b"place code" + activity_id.bytes, hashlib.sha256)
    return _b64(hmac.digest(activity_key, payload.encode("ascii"), hashlib.sha256)[:MAC_BYTES])


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _uuid(text: str) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(text + "=="))


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
