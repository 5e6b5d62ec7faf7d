"""How many connections each address has, in all workers of a server together."""

from __future__ import annotations

import mmap
from collections import Counter
from functools import lru_cache
from hashlib import blake2b

ROWS = 2
SLOTS = 4096

_BYTES = 4


class Peers:
    """Connections by address, of this process alone."""

    def __init__(self) -> None:
        self._own: Counter[str] = Counter()

    def add(self, host: str) -> None:
        """It has one more."""
        self._own[host] += 1

    def drop(self, host: str) -> None:
        """It has one less."""
        self._own[host] -= 1
        if not self._own[host]:
            del self._own[host]

    def count(self, host: str) -> int:
        """How many it has."""
        return self._own[host]


class Table:
    """Memory that a parent shares with its workers: for each worker, counters that it alone writes.

    There is no room for every address there may be, so each is counted in two places, together with whoever else
    belongs there: the lesser sum is the count, or, if both are shared at once (among a hundred addresses, 1 in 1700 has
    such bad luck), a little more.

    Args:
        workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * ROWS * SLOTS * _BYTES)
        self.counters = memoryview(self._memory).cast("I")
        self.workers = workers


class SharedPeers(Peers):
    """Connections by address, of all workers.

    Two that accept in the same moment may both take what only one should have: the limit can be passed by that.

    Args:
        table: the parent's.
        worker: which one this is, from 0.
    """

    def __init__(self, table: Table, worker: int) -> None:
        super().__init__()
        self._counters = table.counters
        self._workers = range(0, table.workers * ROWS * SLOTS, ROWS * SLOTS)
        self._mine = self._workers[worker]
        for place in range(self._mine, self._mine + ROWS * SLOTS):
            self._counters[place] = 0  # whoever was here before has none any more

    def add(self, host: str) -> None:
        super().add(host)
        for place in _places(host):
            self._counters[self._mine + place] += 1

    def drop(self, host: str) -> None:
        super().drop(host)
        for place in _places(host):
            self._counters[self._mine + place] -= 1

    def count(self, host: str) -> int:
        return min(
            sum(self._counters[worker + place] for worker in self._workers)
            for place in _places(host)
        )


@lru_cache(1024)
def _places(host: str) -> tuple[int, ...]:
    digest = blake2b(host.encode(), digest_size=ROWS * _BYTES).digest()
    numbers = memoryview(digest).cast("I")
    return tuple(row * SLOTS + number % SLOTS for row, number in enumerate(numbers))
