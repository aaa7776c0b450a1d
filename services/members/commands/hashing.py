"""Password hashes. Argon2id with 19 MiB and two passes: about 30 ms of one core, which two cores bear on a
Saturday morning when a hundred people log in within minutes (OWASP's recommendation for such machines).
"""

import functools

import argon2

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one hashed; for a login that is not there, the same work and always False."""
    try:
        _hasher.verify(password_hash or _nobodys(), password)
    except argon2.exceptions.VerificationError:
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@functools.cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")


def prepare() -> None:
    """Make what unknown logins are compared with, so that the first of them is not slower than the rest."""
    _nobodys()
