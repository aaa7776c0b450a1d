"""Identifiers: made by whoever creates the thing, so that a retry carries the same one."""

import re
import secrets
from typing import NewType
from uuid import UUID

import uuid_utils.compat

MemberId = NewType("MemberId", UUID)
NodeId = NewType("NodeId", UUID)
ActivityId = NewType("ActivityId", UUID)
AttendanceId = NewType("AttendanceId", UUID)

# No 0/O and no 1/I: people read these aloud and type them from paper.
SHORT_CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SHORT_CODE_LENGTH = 12


def new_id() -> UUID:
    """A UUID version 7: unique without asking anyone, and close to others of its time in an index."""
    return uuid_utils.compat.uuid7()


def new_short_code(length: int = SHORT_CODE_LENGTH) -> str:
    """A random code a person can read aloud, 5 bits a character."""
    return "".join(secrets.choice(SHORT_CODE_ALPHABET) for _ in range(length))


def read_short_code(text: str) -> str:
    """What a person typed, without spaces and dashes and in capitals; may still be wrong."""
    return re.sub(r"[\s\-–—·]", "", text).upper()
