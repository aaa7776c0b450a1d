"""Identifiers: made by whoever creates the thing, so that a retry carries the same one."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NewType, Protocol
from uuid import UUID

import uuid_utils.compat

MemberId = NewType("MemberId", UUID)
NodeId = NewType("NodeId", UUID)
ActivityId = NewType("ActivityId", UUID)
AttendanceId = NewType("AttendanceId", UUID)

# No 0/O and no 1/I: people read these aloud and type them from paper.
SHORT_CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SHORT_CODE_LENGTH = 12


class Source(Protocol):
    """Where ids and numbers come from that nobody has yet."""

    def new_id(self) -> UUID: ...

    def new_number(self, first: int, last: int) -> int: ...


class _Chance:
    """What nobody can foresee; the source unless `made_by` names another."""

    def new_id(self) -> UUID:
        return uuid_utils.compat.uuid7()

    def new_number(self, first: int, last: int) -> int:
        return first + secrets.randbelow(last - first + 1)


_CHANCE = _Chance()
_source: ContextVar[Source] = ContextVar("source")


def new_id() -> UUID:
    """A UUID version 7: unique without asking anyone, and close to others of its time in an index."""
    return _source.get(_CHANCE).new_id()


def new_number(first: int, last: int) -> int:
    """A random number from `first` to `last`, both included."""
    return _source.get(_CHANCE).new_number(first, last)


@contextmanager
def made_by(source: Source) -> Iterator[None]:
    """Within the block ids and numbers are this source's: the demo, which is to be the same everywhere.

    Codes and tokens are secrets and are not made by it.
    """
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def new_short_code(length: int = SHORT_CODE_LENGTH) -> str:
    """A random code a person can read aloud, 5 bits a character."""
    return "".join(secrets.choice(SHORT_CODE_ALPHABET) for _ in range(length))


def read_short_code(text: str) -> str:
    """What a person typed, without spaces and dashes and in capitals; may still be wrong."""
    return re.sub(r"[\s\-–—·]", "", text).upper()
