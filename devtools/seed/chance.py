"""Where the demo's ids and volunteer numbers come from: a fixed seed, so that they are the same everywhere."""

from random import Random
from uuid import UUID

from shared import clock

_RANDOM_BITS = 32


class FixedChance:
    """A `shared.ids.Source` whose ids follow from the history's own time and from how many came before."""

    def __init__(self) -> None:
        self._draw = Random("huzhu demo ids")
        self._milliseconds = 0
        self._count = 0

    def new_id(self) -> UUID:
        """A UUID version 7 that is greater than all before it."""
        self._milliseconds = max(self._milliseconds, int(clock.now().timestamp() * 1000))
        self._count += 1
        tail = self._count << _RANDOM_BITS | self._draw.getrandbits(_RANDOM_BITS)
        version, variant = 7 << 76 | tail >> 62 << 64, 2 << 62 | tail & (1 << 62) - 1
        return UUID(int=self._milliseconds << 80 | version | variant)

    def new_number(self, first: int, last: int) -> int:
        return self._draw.randint(first, last)
