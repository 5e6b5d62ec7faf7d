"""How many calls may begin in a second: a bucket of tokens, without a clock of its own."""

from __future__ import annotations

REOPEN = 0.25
"""Part of a second's calls that must have come back before an emptied bucket gives again: a listening socket that is
closed and opened for each single call would do nothing else."""


class Rate:
    """A limit of beginnings a second; a whole second's worth may come at once.

    Args:
        per_second: how many; 0: no limit.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._tokens = self._most = max(1.0, per_second)
        self._at = 0.0
        self._empty = False

    def take(self, now: float) -> None:
        """One began at `now` (seconds of a clock that never goes back)."""
        if self.per_second:
            self._fill(now)
            self._tokens -= 1.0
            self._empty = self._tokens < 1.0

    def exceeded(self, now: float) -> bool:
        """Whether another one has to wait."""
        if self._empty:
            self._fill(now)
            self._empty = self._tokens < self._enough
        return self._empty

    def wait(self, now: float) -> float:
        """Seconds until `exceeded` is over; 0: it is."""
        if not self.exceeded(now):
            return 0.0
        return (self._enough - self._tokens) / self.per_second

    @property
    def _enough(self) -> float:
        return max(1.0, self._most * REOPEN)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._most, self._tokens + max(0.0, now - self._at) * self.per_second)
        self._at = now
