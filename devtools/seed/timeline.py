"""What happens when: every act of the demo's history, done in the order of time."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

from shared import clock

Act = Callable[[], None]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment in Shanghai."""
    return datetime.combine(day, time(hour, minute), clock.SHANGHAI)


@dataclass
class Timeline:
    """Acts wait here until their time; an act may add later ones."""

    _waiting: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _count: int = 0

    def add(self, moment: datetime, act: Act) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (moment, self._count, act))

    def run(self) -> Iterator[datetime]:
        """Do everything, each act at its own time; yields the time after each."""
        while self._waiting:
            moment, _, act = heapq.heappop(self._waiting)
            with clock.travel(moment):
                act()
            yield moment
