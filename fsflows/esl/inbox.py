"""Events on their way from the socket to the one greenlet that receives them."""

from __future__ import annotations

import time

from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed
from fsflows.esl.sleeper import Sleeper

MAX_EVENTS = 10_000
"""Events kept for a receiver that doesn't come. A busy call has some ten a second."""

MAX_BYTES = 32 * 1024 * 1024
"""Their bytes."""


class Inbox:
    """A queue with one reader, a limit and an end."""

    __slots__ = ("_bytes", "_closed", "_events", "_sleeper", "_waiting", "_woken")

    def __init__(self) -> None:
        self._events: list[tuple[Event, int]] = []  # few as a rule; an empty deque takes 600 bytes
        self._bytes = 0
        self._closed: str | None = None
        self._sleeper = Sleeper()
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
            self._sleeper.wake()
        return True

    def get(self, until: float | None = None) -> Event | None:
        """The oldest event; ``None`` when the deadline (of `time.monotonic`) passes first, or `wake` is called.

        Raises:
            LinkClosed: there is none and none will come.
        """
        while not self._events:
            if self._closed is not None:
                raise LinkClosed(self._closed)
            if until is not None and until <= time.monotonic():
                return None
            self._woken = False
            self._waiting = True
            try:
                self._sleeper.sleep(until)
            finally:
                self._waiting = False
            if self._woken and not self._events:
                return None
        event, size = self._events.pop(0)
        self._bytes -= size
        return event

    def wake(self) -> None:
        """Let the reader that waits return ``None``. Without one that waits, nothing happens."""
        if self._waiting:
            self._woken = True
            self._sleeper.wake()

    def close(self, reason: str) -> None:
        """No more events will come."""
        self._closed = reason
        self._sleeper.stop()
        self._sleeper.wake()
