"""How much one login, and one address that guesses or registers, may ask. Fixed windows; Redis adds the processes up.

Guesses by who is logged in count for the login first: what one of a town does behind its one address stops
nobody else.

Redis is asked rarely: requests of a login are counted here and handed over by the score, failures and
registrations when they happen. Without Redis every process counts for itself, and nobody waits for it.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared import clock
from shared.errors import TooMany

REQUESTS_WINDOW_S = 60
COUNTED_WINDOW_S = 600
# Generous, since a whole town may share one address: what stops guessing at one login is members' slow-down,
# and a hall of newcomers registers within minutes.
COUNTED_MAX = {"login": 100, "code": 200, "voucher": 200, "registration": 150, "complaint": 60}
"""Of one address in a window."""
OWN_MAX = {"code": 20, "voucher": 60, "complaint": 10}
"""Of one login in a window, for what only somebody who is logged in asks."""
OWN_SPARED_MAX = 3
"""Where an address is past its limit, a login with no more guesses of its own goes on: anybody may misread a code."""
_SCORE = 20
_REDIS_PAUSE_S = 5
log = logging.getLogger(__name__)


class SlowDown(TooMany):
    code = "rate_limited"


class Limits:
    def __init__(self, redis_url: str, requests_per_minute_max: int) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_connect_timeout=0.2, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)
        )
        self._requests_max = requests_per_minute_max
        self._redis_back_at = 0.0
        self._window = 0
        self._requests: dict[str, int] = {}
        self._too_many: set[str] = set()
        self._counts: dict[tuple[str, str, int], int] = {}
        self._blocked: dict[tuple[str, str], float] = {}
        self._at_once: Counter[tuple[str, str]] = Counter()
        self._at_once_lock = threading.Lock()

    def count_request(self, login: str) -> None:
        """Count one request of a login; TooMany past its allowance of this minute."""
        window = int(clock.now().timestamp()) // REQUESTS_WINDOW_S
        if window != self._window:
            self._window, self._requests, self._too_many = window, {}, set()
        # Threads may overwrite each other's count now and then; OK to be a little inexact here.
        count = self._requests[login] = self._requests.get(login, 0) + 1
        if login in self._too_many:
            raise SlowDown
        if count % _SCORE == 0:
            total = self._add(f"limit:requests:{login}:{window}", _SCORE, REQUESTS_WINDOW_S)
            if max(total or 0, count) > self._requests_max:
                self._too_many.add(login)
                raise SlowDown

    def refuse_blocked(self, kind: str, address: str, *, login: str | None = None, known_device: bool = False) -> None:
        """TooMany when too much of this login, or of this address, was counted within the window.

        The address hinders no login that has hardly guessed, and no device on which the login typed was at
        home before (ADR 65).
        """
        if not self._blocked:
            return
        is_spared = known_device
        if login is not None and kind in OWN_MAX:
            if self._is_blocked(kind, _place_of(login)):
                raise SlowDown
            is_spared = self._counts.get((kind, _place_of(login), _window()), 0) <= OWN_SPARED_MAX
        if not is_spared and self._is_blocked(kind, network(address)):
            raise SlowDown

    def _is_blocked(self, kind: str, place: str) -> bool:
        until = self._blocked.get((kind, place))
        return until is not None and 0 < until - clock.now().timestamp() <= COUNTED_WINDOW_S

    @contextmanager
    def at_once(self, kind: str, address: str, most: int | None) -> Iterator[None]:
        """Within the block a request is on its way; TooMany when as many of this address are already."""
        if most is None:
            yield
            return
        place = kind, network(address)
        with self._at_once_lock:
            if self._at_once[place] >= most:
                raise SlowDown
            self._at_once[place] += 1
        try:
            yield
        finally:
            with self._at_once_lock:
                self._at_once[place] -= 1
                if not self._at_once[place]:
                    del self._at_once[place]

    def count(self, kind: str, address: str, *, login: str | None = None) -> None:
        """Count what somebody logged in, or nobody, asked from this address."""
        self._count(kind, network(address), COUNTED_MAX[kind])
        if login is not None and kind in OWN_MAX:
            self._count(kind, _place_of(login), OWN_MAX[kind])

    def _count(self, kind: str, place: str, most: int) -> None:
        window = _window()
        for key in [key for key in list(self._counts) if key[2] != window]:
            self._counts.pop(key, None)
        own = self._counts.get((kind, place, window), 0) + 1
        total = self._add(f"limit:{kind}:{place}:{window}", 1, COUNTED_WINDOW_S)
        count = self._counts[kind, place, window] = max(total or 0, own)
        if count >= most:
            ends_at = (window + 1) * COUNTED_WINDOW_S
            self._blocked = {blocked: until for blocked, until in list(self._blocked.items()) if until >= ends_at}
            self._blocked[kind, place] = ends_at
            log.warning("too many guesses", extra={"kind": kind, "place": place})

    def _add(self, key: str, amount: int, lifetime_s: int) -> int | None:
        if clock.now().timestamp() < self._redis_back_at:
            return None
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.incrby(key, amount)
            pipeline.expire(key, 2 * lifetime_s)
            return int(pipeline.execute()[0])
        except RedisError as error:
            self._redis_back_at = clock.now().timestamp() + _REDIS_PAUSE_S
            log.warning("limits without Redis", extra={"error": type(error).__name__})
            return None


def _window() -> int:
    return int(clock.now().timestamp()) // COUNTED_WINDOW_S


def _place_of(login: str) -> str:
    """Beside addresses; no address looks like this."""
    return f"login {login}"


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, since everybody has the rest to choose from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)
