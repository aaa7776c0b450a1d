"""Codes on their way from the camera to the form: in a signed cookie, with the time they were read.

So a slow login is not late, and no log, referrer or history holds a code.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from flask import request
from werkzeug.wrappers import Response

from gateway import visitor
from gateway.parts import parts
from shared import clock, tokens

LIFETIME_S = 600
SCAN = "scan"
"""A place code, read by a volunteer."""
CLAIM = "claim"
"""A claim code, read by who is to act for its member."""
VOUCHER = "voucher"
"""A voucher, read by an organizer."""
AT_DESK = "at_desk"
"""A voucher that was looked up, behind its redemption's id, until the gift is handed over."""
_CODE_MAX = 400
_PLACE_CODE = re.compile(r"V[0-9]{1,2}(\.[A-Za-z0-9_-]{1,40}){6}", re.ASCII)
"""The parts of a place code. Whether it is genuine, checkin judges."""


@dataclass(frozen=True, slots=True)
class CodeRead:
    code: str
    """As it was read: the text of the QR or what stands after /s/ or /v/."""
    read_at: datetime


def may_be_place_code(text: str) -> bool:
    """Whether a text looks like one of our place codes, or a URL that ends with one; what does not is nobody's scan."""
    return _PLACE_CODE.fullmatch(text.strip().rpartition("/")[2]) is not None


def keep(response: Response, purpose: str, code: str) -> None:
    """Keep a code for ten minutes; one read twice keeps its first time. Too long to be one of ours: not kept."""
    if len(code) > _CODE_MAX:
        return
    known = find(purpose)
    read_at = known.read_at if known is not None and known.code == code else clock.now()
    payload = msgspec.json.encode([code, read_at.timestamp()])
    signature = tokens.b64(_mac(purpose, payload))
    lifetime_s = LIFETIME_S - int((clock.now() - read_at).total_seconds())
    visitor.set_cookie(response, _cookie(purpose), f"{tokens.b64(payload)}.{signature}", lifetime_s)


def find(purpose: str) -> CodeRead | None:
    """The code this browser has read within the last ten minutes."""
    payload_text, _, signature = request.cookies.get(_cookie(purpose), "").partition(".")
    try:
        payload = tokens.unb64(payload_text)
        if not tokens.same(tokens.unb64(signature), _mac(purpose, payload)):
            return None
    except ValueError:
        return None
    code, moment = msgspec.json.decode(payload, type=tuple[str, float])
    if not 0 <= clock.now().timestamp() - moment < LIFETIME_S:
        return None
    return CodeRead(code, datetime.fromtimestamp(moment, UTC))


def clear(response: Response, purpose: str) -> None:
    response.delete_cookie(_cookie(purpose))


def _cookie(purpose: str) -> str:
    return f"huzhu_{purpose}"


def _mac(purpose: str, payload: bytes) -> bytes:
    return tokens.mac(parts().settings.cookie_secret, "code read", purpose, payload)
