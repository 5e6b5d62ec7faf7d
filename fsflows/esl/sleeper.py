"""One greenlet that waits until it is woken or its deadline comes: what a busy connection needs of gevent's events.

A deadline that moves on costs nothing: the timer that runs is left alone, and looks at the deadline when it rings. Only
one that comes sooner makes a new timer.
"""

from __future__ import annotations

import time
from typing import Any

import gevent

_NEVER = float("inf")


class Sleeper:
    """Waits for one greenlet at a time. Whoever sleeps looks for himself whether what he waits for has come."""

    __slots__ = ("_asleep", "_rings_at", "_timer", "_until", "_waking")

    def __init__(self) -> None:
        self._asleep: Any = None
        self._waking = False
        self._until: float | None = None
        self._timer: Any = None
        self._rings_at = _NEVER

    def sleep(self, until: float | None) -> None:
        """Let others run until `wake` is called, the deadline (of `time.monotonic`) comes, or for less than that."""
        hub: Any = gevent.get_hub()
        self._until = until
        if until is not None and until < self._rings_at:
            self._set(hub.loop, until)
        self._asleep = gevent.getcurrent()
        try:
            hub.switch()
        finally:
            self._asleep = None

    def wake(self) -> None:
        """Let the one that sleeps go on, in the hub's next round. Without one, nothing happens."""
        if self._asleep is not None and not self._waking:
            self._waking = True
            gevent.get_hub().loop.run_callback(self._rise)

    def stop(self) -> None:
        """Give the timer back."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
            self._rings_at = _NEVER

    def _rise(self) -> None:
        self._waking = False
        asleep, self._asleep = self._asleep, None
        if asleep is not None:
            asleep.switch()

    def _set(self, loop: Any, until: float) -> None:
        self.stop()
        self._timer = loop.timer(max(0.0, until - time.monotonic()))
        self._timer.start(self._ring)
        self._rings_at = until

    def _ring(self) -> None:
        self.stop()
        if self._asleep is None or self._until is None:
            return
        if time.monotonic() < self._until:  # it has moved on
            self._set(gevent.get_hub().loop, self._until)
        elif not self._waking:
            self._rise()
