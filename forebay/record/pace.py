"""Short bites of work and a rest after each, so that a call which needs the core never waits long for a record."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

BITE: Final = 0.0005  # seconds of work at a time
REST: Final = 0.0015  # seconds between bites

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How the lines of one step are gone through. The scheduler lets whoever runs finish some milliseconds of work."""

    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep

    def through(self, items: Iterable[T], *, hurried: bool) -> Iterator[T]:
        """The items in their order. Sleeps between two of them after each `BITE`, unless `hurried`."""
        if hurried:
            yield from items
            return
        began = self.clock()
        for item in items:
            if self.clock() - began >= BITE:
                self.sleep(REST)
                began = self.clock()
            yield item
