"""One at a time for each call: two greenlets that work on the same call's recordings wait for one another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from fsflows.clock import Clock, Mailbox


class CallLocks:
    """Locks by name, on any clock. They are fair, and let go when the holder is killed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, deque[Mailbox[bool]]] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Wait for the lock, and hold it for the block."""
        queue = self._waiting.get(name)
        if queue is None:
            self._waiting[name] = deque()
        else:
            self._wait(name, queue)
        try:
            yield
        finally:
            self._pass_on(name)

    def _wait(self, name: str, queue: deque[Mailbox[bool]]) -> None:
        ticket = self._clock.mailbox()
        queue.append(ticket)
        try:
            ticket.get()
        except BaseException:
            if ticket in queue:
                queue.remove(ticket)
            else:
                self._pass_on(name)
            raise

    def _pass_on(self, name: str) -> None:
        queue = self._waiting[name]
        if queue:
            queue.popleft().put(True)
        else:
            del self._waiting[name]
