"""Events on their way from the socket to the one greenlet that receives them."""

from __future__ import annotations

import time
from collections import deque

from gevent.event import Event as Signal

from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed

MAX_EVENTS = 10_000
"""Events kept for a receiver that doesn't come. A busy call has some ten a second."""

MAX_BYTES = 32 * 1024 * 1024
"""Their bytes."""


class Inbox:
    """A queue with one reader, a limit and an end."""

    __slots__ = ("_bytes", "_closed", "_events", "_signal", "_waiting", "_woken")

    def __init__(self) -> None:
        self._events: deque[tuple[Event, int]] = deque()
        self._bytes = 0
        self._closed: str | None = None
        self._signal = Signal()
        self._waiting = False
        self._woken = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event, size: int) -> bool:
        """Add an event of so many bytes; False when that is more than an inbox holds."""
        if len(self._events) >= MAX_EVENTS or self._bytes + size > MAX_BYTES:
            return False
        self._events.append((event, size))
        self._bytes += size
        if self._waiting:
            self._signal.set()
        return True

    def get(self, until: float | None = None) -> Event | None:
        """The oldest event; ``None`` when the deadline (of `time.monotonic`) passes first, or `wake` is called.

        Raises:
            LinkClosed: there is none and none will come.
        """
        while not self._events:
            if self._closed is not None:
                raise LinkClosed(self._closed)
            timeout = None if until is None else until - time.monotonic()
            if timeout is not None and timeout <= 0:
                return None
            self._signal.clear()
            self._woken = False
            self._waiting = True
            try:
                self._signal.wait(timeout)
            finally:
                self._waiting = False
            if self._woken and not self._events:
                return None
        event, size = self._events.popleft()
        self._bytes -= size
        return event

    def wake(self) -> None:
        """Let the reader that waits return ``None``. Without one that waits, nothing happens."""
        if self._waiting:
            self._woken = True
            self._signal.set()

    def close(self, reason: str) -> None:
        """No more events will come."""
        self._closed = reason
        self._signal.set()
