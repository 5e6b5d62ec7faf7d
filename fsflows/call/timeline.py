"""FreeSWITCH's time stamps on our clock.

An event says when it happened on FreeSWITCH's wall clock; timers run on our monotonic one. The difference between
the two is not known, but each event bounds it: it can't have happened after we read it. The smallest difference seen
so far belongs to the event that was delivered fastest, and is used for all.
"""

from __future__ import annotations

STEP = 1.0
"""Seconds. A stamp that goes back by more than this was set by hand or by NTP: start over from it."""


class Timeline:
    """Maps `Event-Date-Timestamp` (seconds) to the call's clock. One per call: its events come in order."""

    __slots__ = ("_last_at", "_last_stamp", "_offset")

    def __init__(self) -> None:
        self._offset: float | None = None
        self._last_stamp = 0.0
        self._last_at = 0.0

    def at(self, stamp: float | None, now: float) -> float:
        """When an event with this stamp, read at `now`, happened: not after `now`, nor before its predecessor."""
        if stamp is None:
            return now
        offset = now - stamp
        if self._offset is None or offset < self._offset or stamp < self._last_stamp - STEP:
            self._offset = offset
        self._last_stamp = stamp
        at = stamp + self._offset
        if at > self._last_at:
            self._last_at = min(now, at)
        return self._last_at
